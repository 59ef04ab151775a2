"""Bodies of the visit: eligibility, fees, pre-settlement, settlement, undoing, filing.

Positional documents, append-only: a new field goes last and has a default. Amounts are integer
fen, ratios basis points, instants microseconds, days `YYYY-MM-DD`. Amounts paid by funds are a
list of `(fund_pay_type, fen)` rather than a column per fund: payers come and go. The national
name of each field stands in `national.py`. Source: the national interface's field lists.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

Fen = Annotated[int, msgspec.Meta(ge=0, le=100_000_000_000)]
SignedFen = Annotated[int, msgspec.Meta(ge=-100_000_000_000, le=100_000_000_000)]
Text6 = Annotated[str, msgspec.Meta(max_length=6)]
Text12 = Annotated[str, msgspec.Meta(max_length=12)]
Text30 = Annotated[str, msgspec.Meta(max_length=30)]
Text50 = Annotated[str, msgspec.Meta(max_length=50)]
Text200 = Annotated[str, msgspec.Meta(max_length=200)]
Day = Annotated[str, msgspec.Meta(max_length=10)]
When = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
BasisPoints = Annotated[int, msgspec.Meta(ge=0, le=10_000)]
LINES_MAX = 2_000
"""Fee lines of one message; the largest stays seen are uploaded in batches of 100 to 300."""


class FundPay(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What one fund pays of one case."""

    fund_pay_type: Text6
    fund_fen: Fen


class Rejection(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """A refusal: the operation did not take effect, unless the registry calls it indefinite."""

    code: Text30
    at: Text50 = "$"
    facts: Text200 = ""


class Accepted(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """Done, and nothing more to say."""

    reference: Text50 = ""


# ------------------------------------------------------------------ person and benefit


class EligibilityRequest(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """1101: who is this person, insured where and how."""

    person_no: Text30
    certificate_type: Text6 = "02"
    certificate_no: Text50 = ""
    name: Text50 = ""
    begin: Day = ""


class Insurance(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """One insurance of a person (`insuinfo`)."""

    insutype: Text6
    psn_type: Text6
    status: Text6
    """1 normal, 2 suspended (`psn_insu_stas`)."""
    balance_fen: Fen
    insured: Text6
    suspended_from: Day = ""


class FilingView(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """What the treatment region may see of a filing. Source: domain 2.5."""

    filing_id: Text30
    category: Text30
    area: Text6
    """City or municipality filed to."""
    valid_from: Day
    valid_to: Day
    """Empty for a filing without end."""
    status: Text30 = "effective"


class EligibilityResult(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """1101's answer, from the insured region."""

    person_no: Text30
    name: Text50
    certificate_no: Text50
    sex: Text6
    birth: Day
    insurances: Annotated[list[Insurance], msgspec.Meta(max_length=20)]
    filings: Annotated[list[FilingView], msgspec.Meta(max_length=50)]
    chronic: Annotated[list[Text30], msgspec.Meta(max_length=20)]
    partition_key: Annotated[int, msgspec.Meta(ge=0, le=65_535)]
    """16-bit hash of the account holder's household; the origin carries it from then on."""


class BenefitCheckRequest(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """2001: may this person enjoy this benefit here on that day."""

    person_no: Text30
    insutype: Text6
    institution: Text12
    med_type: Text6
    begin: Day
    disease: Text30 = ""
    emergency: bool = False


class BenefitCheckResult(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """2001's answer: each hindrance by its error code, none when the way is free."""

    person_no: Text30
    eligible: bool
    filing: Text30
    """Filing category that would count, `not_required`, or empty."""
    hindrances: Annotated[list[Text30], msgspec.Meta(max_length=20)]


# ------------------------------------------------------------------ visit and fees


class VisitOpening(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """2201 registration or 2401 admission."""

    visit: Text30
    """The institution's own visit number (`mdtrt_id` to its clients)."""
    person_no: Text30
    insured: Text6
    insutype: Text6
    med_type: Text6
    begin: When
    diagnosis: Text30 = ""
    emergency: bool = False


class VisitChange(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """2202, 2402, 2404, 2405: the visit ends, or its opening or end is undone."""

    visit: Text30
    person_no: Text30
    end: When = 0


class FeeLine(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One fee line. Positional in memory too: thirty to a message.

    The last five fields are the treatment region's split by its own catalogue. A line that
    arrives with its four amounts is taken as split already when they sum to `amount_fen`.
    """

    line_no: Annotated[int, msgspec.Meta(ge=1, le=2**53 - 1)]
    """Numbered on and on, or made of an institution's own serial (`feedetl_sn`)."""
    item: Text50
    """National catalogue code (`med_list_codg`)."""
    count_e4: Annotated[int, msgspec.Meta(ge=0, le=10**12)]
    """Quantity in ten-thousandths."""
    price_e6: Annotated[int, msgspec.Meta(ge=0, le=10**15)]
    """Unit price in millionths of a yuan."""
    amount_fen: Fen
    full_self_fen: Fen = 0
    over_limit_fen: Fen = 0
    prepay_fen: Fen = 0
    in_scope_fen: Fen = 0
    grade: Text6 = ""
    """01 甲, 02 乙, 03 丙 (`chrgitm_lv`)."""


FeeLines = Annotated[list[FeeLine], msgspec.Meta(max_length=LINES_MAX)]


class FeeUploadRequest(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """2204, 2301: fee lines of one visit, idempotent by (visit, line number)."""

    institution: Text12
    visit: Text30
    batch: Text30
    """Charge batch; for a stay its interim serial."""
    person_no: Text30
    insutype: Text6
    med_type: Text6
    lines: FeeLines
    disease: Text30 = ""


class FeeUploadResult(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """Totals of the unit so far; the treatment region adds the split lines for its institution."""

    visit: Text30
    batch: Text30
    count: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]
    total_fen: Fen
    full_self_fen: Fen
    over_limit_fen: Fen
    prepay_fen: Fen
    in_scope_fen: Fen
    lines: FeeLines = []


# ------------------------------------------------------------------ settlement


class SettlementRequest(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """2101/2206/2303 and 2102/2207/2304: one settlement unit of one person.

    An institution sends it with the four scope amounts 0; its treatment region fills them in
    from the lines it has split, and the level it knows of the institution.
    """

    institution: Text12
    visit: Text30
    batch: Text30
    person_no: Text30
    insutype: Text6
    med_type: Text6
    total_fen: Fen
    begin: When
    """Start of the visit or stay."""
    end: When
    """Discharge, or the time of the visit."""
    account_used: bool = False
    emergency: bool = False
    disease: Text30 = ""
    certificate_no: Text50 = ""
    level: Text12 = ""
    """1, 2, 3 or provincial."""
    full_self_fen: Fen = 0
    over_limit_fen: Fen = 0
    prepay_fen: Fen = 0
    invoice: Text30 = ""


class SettlementResult(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """The insured region's computation; of a pre-settlement it moves no money.

    `total = fund + account + cash + hospital`, and `funds` sums to `fund_fen`.
    """

    institution: Text12
    visit: Text30
    batch: Text30
    person_no: Text30
    insutype: Text6
    psn_type: Text6
    med_type: Text6
    settlement_id: Text30
    """Empty in a pre-settlement."""
    total_fen: Fen
    in_scope_fen: Fen
    deductible_fen: Fen
    ratio_bp: BasisPoints
    funds: Annotated[list[FundPay], msgspec.Meta(max_length=12)]
    fund_fen: Fen
    account_fen: Fen
    cash_fen: Fen
    hospital_fen: Fen
    balance_fen: Fen
    """Personal account after this settlement."""
    filing: Text30 = ""
    """Filing category that counted, or the exemption `not_required`."""
    differs: Text200 = ""
    """Why this differs from the last answered pre-settlement; empty when it does not."""


class CancellationRequest(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """2103, 2208, 2305: take back a settlement whose outcome is known."""

    institution: Text12
    visit: Text30
    batch: Text30
    person_no: Text30
    settlement_id: Text30


class CancellationResult(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """The negative record: its own id, and the amounts taken back (as positive numbers)."""

    settlement_id: Text30
    original_id: Text30
    total_fen: Fen
    fund_fen: Fen
    account_fen: Fen
    cash_fen: Fen
    balance_fen: Fen


class ReversalRequest(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """2601: undo whatever that message did, if it did anything."""

    person_no: Text30
    original_message_id: Text30
    original_transaction: Text6
    total_fen: Fen = 0
    """Our own check beside the three fields of the specification; 0 where it is not known."""


class ReversalResult(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """What the reversal found: `reversed`, `nothing` (a tombstone stays), or `reinstated`."""

    outcome: Text30
    original_message_id: Text30
    fund_fen: Fen = 0
    day: Day = ""
    """Accounting day of the settlement that was reversed: whoever never heard of it learns it."""


class StatusQuery(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """5203: how does that case stand with you; asked by settlement id, or by case key."""

    person_no: Text30
    visit: Text30
    settlement_id: Text30 = ""
    batch: Text30 = ""


class StatusResult(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """5203's answer: the state there and, when money moved, the first answer's body again."""

    state: Text30
    settlement: Annotated[bytes, msgspec.Meta(max_length=4_096)] = b""
    """The saved `SettlementResult` document, byte for byte."""


# ------------------------------------------------------------------ filing


class FilingRequest(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """Own (person's app or window) and 2501 (referring hospital): file to a place of treatment."""

    person_no: Text30
    insutype: Text6
    category: Text30
    area: Text6
    valid_from: Day
    valid_to: Day = ""
    diagnosis: Text30 = ""
    commitment: bool = True
    """Filed on a personal commitment: approved at once (承诺制). Source: domain 2.2."""


class FilingResult(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """Where the filing stands: `submitted`, `effective`, `refused` or `withdrawn`."""

    filing_id: Text30
    status: Text30
    valid_from: Day
    valid_to: Day


class FilingDecision(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """An operator of the insured region approves or refuses a submitted filing."""

    filing_id: Text30
    approve: bool
    reason: Text200 = ""


class FilingWithdrawal(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """The person takes a filing back from a day on."""

    person_no: Text30
    filing_id: Text30
    from_day: Day


class FilingUpload(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """The insured region brings the hub's filing library up to date."""

    person_no: Text30
    insured: Text6
    insutype: Text6
    filing: FilingView


class FilingQuery(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """A treatment region asks the hub's library for a person's filings to it."""

    person_no: Text30
    insured: Text6


class FilingQueryResult(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """The filings that name the asking place, nothing else. Source: domain 2.5."""

    filings: Annotated[list[FilingView], msgspec.Meta(max_length=50)]


class InsuranceStatus(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """An operator of the insured region suspends or resumes an insurance."""

    person_no: Text30
    insutype: Text6
    status: Text6
    from_day: Day
