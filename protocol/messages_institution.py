"""Bodies between an institution and its treatment region: diagnoses, statements, files, clearing.

Most of them end at the treatment region, whose books they are compared with; what concerns the
insured region as well (fee lines taken back, accumulators, chronic registrations) goes on to it.
Positional and append-only, as all bodies. Source: interface (b), (c).
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from yidi.protocol.messages import LINES_MAX, Day, Fen, Text6, Text30, Text50, Text200, When
from yidi.protocol.messages_clearing import Number, SignedSum, Sum

DIAGNOSES_MAX = 50
PAGE_ROWS = 100
"""Rows of one page of 3260 and of one confirmation. Source: interface (c) 3260, 3261."""
FILE_BYTES_MAX = 131_072
"""A file travels in one message, whose frame ends at 262,144 bytes."""
Month = Annotated[str, msgspec.Meta(max_length=7)]
Content = Annotated[bytes, msgspec.Meta(max_length=FILE_BYTES_MAX)]
LineNumber = Annotated[int, msgspec.Meta(ge=1, le=2**53 - 1)]


# ------------------------------------------------------------------ the visit


class Diagnosis(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """One diagnosis of a visit (`diseinfo`)."""

    kind: Text6
    """1 Western, 2 main and 3 syndrome of Chinese medicine (`diag_type`)."""
    code: Text30
    order: Annotated[int, msgspec.Meta(ge=0, le=99)] = 0
    name: Text200 = ""
    valid: bool = True
    main: bool = False


Diagnoses = Annotated[list[Diagnosis], msgspec.Meta(max_length=DIAGNOSES_MAX)]


class VisitDiagnosis(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """2203, 2203A: what an outpatient visit is for; a chronic disease makes it a chronic one."""

    visit: Text30
    person_no: Text30
    med_type: Text6
    begin: When
    disease: Text30 = ""
    diagnoses: Diagnoses = []


class StayChange(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """2403: corrections of a stay that is not settled; what is empty stays as it was."""

    visit: Text30
    person_no: Text30
    med_type: Text6 = ""
    begin: When = 0
    diagnosis: Text30 = ""
    disease: Text30 = ""


class FeeWithdrawal(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """2205, 2302: fee lines taken back before the settlement.

    No batch means every open one of the visit, no line every line of those batches.
    """

    institution: Text30
    visit: Text30
    person_no: Text30
    batches: Annotated[list[Text30], msgspec.Meta(max_length=PAGE_ROWS)] = []
    line_nos: Annotated[list[LineNumber], msgspec.Meta(max_length=LINES_MAX)] = []


class StayQuery(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """5303: is this person in hospital anywhere in the treatment region."""

    person_no: Text30
    begin: When = 0
    end: When = 0


class StayRow(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """One stay that has not ended."""

    institution: Text30
    visit: Text30
    person_no: Text30
    insutype: Text6
    med_type: Text6
    begin: When
    diagnosis: Text30 = ""


class StayQueryResult(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """5303's answer."""

    stays: Annotated[list[StayRow], msgspec.Meta(max_length=PAGE_ROWS)]


class SettlementList(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """4101A: the settlement list (结算清单) of a settled stay or visit."""

    visit: Text30
    person_no: Text30
    settlement_id: Text30
    case_no: Text50
    """The institution's medical record number (`medcasno`)."""
    begin: Day
    end: Day
    bill_no: Text30 = ""
    pay_way: Text6 = ""
    """`hi_paymtd`."""
    diagnoses: Diagnoses = []


# ------------------------------------------------------------------ asked of the insured region


class AccumulatorQuery(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """5206: what a person's year has come to, in the insured region's books."""

    person_no: Text30
    period: Month = ""
    """The month whose year is asked for; empty for every year there is."""


class Accumulator(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """One calendar year of one insurance."""

    insutype: Text6
    year: Text6
    stays: Annotated[int, msgspec.Meta(ge=0, le=10_000)]
    deductible_fen: Fen
    pool_fen: Fen
    own_fen: Fen
    """Within scope and paid by the person."""
    outpatient_fen: Fen


class AccumulatorResult(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """5206's answer."""

    person_no: Text30
    years: Annotated[list[Accumulator], msgspec.Meta(max_length=PAGE_ROWS)]


class ChronicQuery(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """5301: the chronic diseases a person is registered for."""

    person_no: Text30


class ChronicResult(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """5301's answer."""

    person_no: Text30
    chronic: Annotated[list[Text30], msgspec.Meta(max_length=20)]


# ------------------------------------------------------------------ files and statements


class FileUpload(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """9101: a file of an institution, kept by its region for a while."""

    filename: Text200
    content: Content


class FileResult(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """9101's answer, and where 3202 left its result."""

    file_no: Text30
    filename: Text200
    until: When


class FileQuery(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """9102: give me that file."""

    file_no: Text30
    filename: Text200 = ""


class FileContent(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """9102's answer."""

    filename: Text200
    content: Content


class TotalsReconciliation(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """3201: an institution's totals of a span of accounting days."""

    insutype: Text6
    clr_type: Text30
    office: Text6
    """`setl_optins`: the treatment region itself."""
    begin: Day
    end: Day
    total_fen: SignedSum
    fund_fen: SignedSum
    account_fen: SignedSum
    count: Number
    refunds: bool = True
    """Whether refunds are rows of their own, negative; else what was refunded is left out."""


class TotalsReconciliationResult(
    msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False
):
    """3201's answer."""

    office: Text6
    result: Text6
    """0 level, 1 the region has more, 2 the institution has more, 3 amounts differ."""
    count: Number
    total_fen: SignedSum
    fund_fen: SignedSum
    account_fen: SignedSum


class DetailReconciliation(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """3202: the same, settlement by settlement, in a file sent before."""

    office: Text6
    file_no: Text30
    begin: Day
    end: Day
    total_fen: SignedSum
    fund_fen: SignedSum
    cash_fen: SignedSum
    count: Number
    clr_type: Text30 = ""
    refunds: bool = True


# ------------------------------------------------------------------ clearing


class ClearingApplication(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """3203: an institution applies to have a month's settlements cleared."""

    clr_type: Text30
    period: Month
    begin: Day
    end: Day
    persons: Number
    """Settlements (`psntime`: 人次)."""
    total_fen: Sum
    accepted_fen: Sum
    """`med_sumfee`: what medical insurance accepts of the total (within scope)."""
    fund_fen: Sum
    cash_fen: Sum
    account_fen: Sum
    clr_way: Text6 = ""
    office: Text6 = ""


class ClearingApplicationWithdrawal(
    msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False
):
    """3204: the application is taken back."""

    application: Text30


class ClearingAllocationQuery(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """3260: a page of a month's cross-region settlements that wait for clearing."""

    period: Month
    start: Annotated[int, msgspec.Meta(ge=1, le=10**9)]


class ClearingAllocationRow(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """One settlement of 3260 and 3261."""

    key: Text30
    visit: Text30
    day: Day
    total_fen: Fen
    fund_fen: Fen
    included: bool = True
    """Said by the institution: cleared with this month, or put off."""
    person_no: Text30 = ""


ClearingAllocationRows = Annotated[list[ClearingAllocationRow], msgspec.Meta(max_length=PAGE_ROWS)]


class ClearingAllocationResult(
    msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False
):
    """3260's answer."""

    period: Month
    rows: ClearingAllocationRows


class ClearingAllocationConfirmation(
    msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False
):
    """3261: which of them this month's clearing takes."""

    period: Month
    reference: Text30
    """By which 3262 names it (`inf_refmsgid`)."""
    rows: ClearingAllocationRows


class ClearingAllocationRollback(
    msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False
):
    """3262: a confirmation is undone, or all of a month (reference `0`)."""

    period: Month
    reference: Text30
