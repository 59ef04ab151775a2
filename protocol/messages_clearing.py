"""Bodies between agencies: day close, statements, clearing, payment, prefund, adjustment.

None of these has a public specification; the leg between a province and the nation is our own
design, made from the procedure's digest. Groups are by treatment region, insured region and
insurance type, since insurance types are booked and cleared apart.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from yidi.protocol.messages import Day, Fen, Text6, Text30, Text50, Text200

KEYS_MAX = 4_000
"""Keys of one detail message: 20 bytes each, well inside one frame."""
VIEWS_MAX = 1_000
"""Cases asked for by key in one message; a view is about 120 bytes."""
EFFECTS_MAX = 3_000
"""Effect lines of one page: 60 bytes each."""
Keys = Annotated[list[Text30], msgspec.Meta(max_length=KEYS_MAX)]
Month = Annotated[str, msgspec.Meta(max_length=7)]
Number = Annotated[int, msgspec.Meta(ge=0, le=2**40)]
Digest = Annotated[bytes, msgspec.Meta(max_length=32)]
Sum = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
"""Fen of many cases: a busy pair's month goes beyond the bound of one amount."""
SignedSum = Annotated[int, msgspec.Meta(ge=-(2**53), le=2**53)]


class FundSum(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """What one fund pays of many cases."""

    fund_pay_type: Text6
    fund_fen: Sum


Funds = Annotated[list[FundSum], msgspec.Meta(max_length=16)]


class DayClose(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """The hub's operator ends the accounting day `day`; the next calendar day begins."""

    day: Day


class GroupTotals(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """One day's effects of one pair and insurance type; what was taken back counts negative."""

    treatment: Text6
    insured: Text6
    insutype: Text6
    count: Number
    """Effects booked that day, settlements and their undoing alike."""
    total_fen: SignedSum
    fund_fen: SignedSum
    account_fen: SignedSum
    cash_fen: SignedSum
    digest: Digest
    """SHA-256 over the sorted effect lines `key kind digest`."""


class DailyStatement(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """The hub's books of a day for one region in one role; the region answers with its own."""

    day: Day
    groups: Annotated[list[GroupTotals], msgspec.Meta(max_length=2_000)]


class DailyStatementResult(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """The region's own totals of the same day; equal groups are level (对平)."""

    day: Day
    groups: Annotated[list[GroupTotals], msgspec.Meta(max_length=2_000)]


class DailyDetail(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """The hub asks for the effects of one group that is not level, or for cases by key."""

    day: Day
    treatment: Text6
    insured: Text6
    insutype: Text6
    after: Text50 = ""
    """`key kind` of the last line of the page before; empty for the first page."""
    keys: Annotated[list[Text30], msgspec.Meta(max_length=VIEWS_MAX)] = []
    """When given: how these cases stand now, whatever their day and insurance type."""


class EffectLine(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """One effect as a node booked it."""

    key: Text30
    kind: Text30
    fund_fen: SignedSum
    digest: Digest


class CaseView(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """How one case stands in a node's books."""

    key: Text30
    state: Text30
    """A state of the life cycle, or `ABSENT`."""
    day: Day = ""
    insutype: Text6 = ""
    fund_fen: SignedSum = 0
    digest: Digest = b""
    twin: Text30 = ""
    """Another live case of the same settlement unit, where there is one (booked twice)."""


class DailyDetailResult(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """Effects of the group, sorted by key and kind, a page of them; or the cases asked for."""

    lines: Annotated[list[EffectLine], msgspec.Meta(max_length=EFFECTS_MAX)]
    more: bool = False
    """Another page follows after the last line."""
    views: Annotated[list[CaseView], msgspec.Meta(max_length=VIEWS_MAX)] = []


class ClearingDeclaration(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """The hub calls on a treatment region to declare a month (清算申报)."""

    period: Month


class ClearingGroup(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """What one treatment region claims of one insured region for a month."""

    treatment: Text6
    insured: Text6
    insutype: Text6
    count: Number
    total_fen: Sum
    fund_fen: Sum
    account_fen: Sum


class ClearingDeclarationResult(
    msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False
):
    """The region's live cases of the month, in sums."""

    period: Month
    groups: Annotated[list[ClearingGroup], msgspec.Meta(max_length=2_000)]


class ClearingDetail(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """The hub names the cases it means to clear; the region checks each against its books."""

    batch: Text50
    period: Month
    treatment: Text6
    insured: Text6
    insutype: Text6
    keys: Keys
    fund_fen: Sum
    amounts: Annotated[list[Fen], msgspec.Meta(max_length=KEYS_MAX)] = []
    """Fund pay of each key, in the same order."""


class ClearingDetailResult(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """Keys that the region does not hold as live with these amounts; they are deferred."""

    batch: Text50
    refused: Keys
    fund_fen: Sum


class ClearingLine(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """A clearing table's line by city, so that a province can collect from and pay its cities."""

    treatment: Text6
    insured: Text6
    count: Number
    total_fen: Sum
    fund_fen: Sum
    account_fen: Sum
    adjust_fen: SignedSum


class ClearingTable(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """跨省异地就医费用清算表 of one payer, payee and insurance type, for both to confirm."""

    batch: Text50
    period: Month
    payer: Text6
    payee: Text6
    insutype: Text6
    count: Number
    total_fen: Sum
    fund_fen: Sum
    funds: Funds
    account_fen: Sum
    adjust_fen: SignedSum
    payable_fen: SignedSum
    """`fund + adjust`, and the account's money where `[clearing]` clears it."""
    lines: Annotated[list[ClearingLine], msgspec.Meta(max_length=2_000)]
    revision: Number = 0
    """Counts up where a table was withdrawn and made anew before both had confirmed it."""


class ClearingClose(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """The batch is confirmed: these cases are CLEARED at the region from now on."""

    batch: Text50
    period: Month
    insured: Text6
    treatment: Text6
    keys: Keys
    part: Number
    """0, 1, … where a batch needs several messages."""
    parts: Number = 1
    """How many the region gets of this batch in all, over every pair it belongs to."""
    insutype: Text6 = ""
    account_fen: Sum = 0
    """Account money of these keys that is cleared too; 0 where it was paid on the spot."""


class ClearingNotice(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """付款通知书 to the payer, 收款通知书 to the payee."""

    notice: Text50
    kind: Text30
    """`payment` or `collection`."""
    batch: Text50
    period: Month
    payer: Text6
    payee: Text6
    insutype: Text6
    amount_fen: SignedSum
    due_day: Day
    day: Day = ""
    """Accounting day of issue."""


class PaymentFeedback(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """A province tells the hub how a payment went."""

    notice: Text50
    batch: Text50
    status: Text30
    """`paid`, `received` or `failed` (finance state 9)."""
    amount_fen: SignedSum
    day: Day


class FundTransfer(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """Money between two provincial finance accounts (财政专户)."""

    transfer: Text50
    payer: Text6
    payee: Text6
    purpose: Text30
    """`clearing` or `prefund`."""
    reference: Text50
    """Notice, batch or alarm it pays."""
    insutype: Text6
    amount_fen: SignedSum


class PrefundAlarm(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """Usage of the prefund reached 70 % (yellow) or 90 % (red). Source: domain 5.5 [S2]."""

    alarm: Text50
    level: Text30
    period: Month
    payer: Text6
    payee: Text6
    used_fen: SignedSum
    granted_fen: Sum
    day: Day = ""
    """Accounting day on which the tables were made."""


class PrefundNotice(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """预付金额度紧急调增通知书: the payer tops the payee's prefund up by a day."""

    notice: Text50
    alarm: Text50
    payer: Text6
    payee: Text6
    amount_fen: Sum
    due_day: Day
    hub: Text50 = ""
    """Whose alarm it was: the payer reports its payment there."""


class Adjustment(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """Corrects a cleared case in a later month; takes two operators. Source: faults OF6."""

    adjustment: Text50
    key: Text30
    amount_fen: SignedSum
    """Negative takes back from the treatment region."""
    reason: Text200
    operator: Text50
    second_operator: Text50
