"""A region's side of agency work: its statements by day, and the clearing of its cases.

Treatment and insured region use the same component; what differs is the sign of the funds, and
that only a treatment region declares and starts adjustments. The hub asks, the region answers
from its own books and believes no number of the hub's: a statement is answered with the
region's totals, a clearing detail with the keys that do not stand here with that amount. Keys
that a treatment region agreed to clear are held (`holds`): it refuses to cancel them with
E_CLEARED until the batch is closed, and since every undoing starts there, that is enough.
"""

from __future__ import annotations

import msgspec

from yidi.nodes.agency import Host, is_period
from yidi.nodes.day_groups import (
    DayIndex,
    GroupKey,
    day_entries,
    line_of,
    totals_of,
    twins,
    view_of,
)
from yidi.nodes.ledger import PostingKind
from yidi.nodes.lifecycle import CLEARED, INDOUBT, SETTLED, Case, advance
from yidi.nodes.region_adjustments import AdjustmentsState, RegionAdjustments
from yidi.protocol import transactions as t
from yidi.protocol.digests import content_digest
from yidi.protocol.envelope import Envelope
from yidi.protocol.errors import ErrorCode
from yidi.protocol.instants import Instant
from yidi.protocol.messages import Accepted
from yidi.protocol.messages_clearing import (
    EFFECTS_MAX,
    ClearingClose,
    ClearingDeclaration,
    ClearingDeclarationResult,
    ClearingDetail,
    ClearingDetailResult,
    ClearingGroup,
    DailyDetail,
    DailyDetailResult,
    DailyStatement,
    DailyStatementResult,
)
from yidi.protocol.regions import province_of


class ClosingBatch(msgspec.Struct, kw_only=True):
    """A batch whose closing messages are coming in, or have come."""

    hub: str
    period: str
    parts: int
    digests: dict[int, bytes] = {}
    """Part → content digest of its body."""
    funds: dict[str, int] = {}
    """Fund → fen of the cases closed so far."""
    account_fen: int = 0


class BooksState(msgspec.Struct, kw_only=True):
    """What a region remembers for its agency."""

    days: dict[str, DayIndex] = {}
    """Hub → keys by accounting day; each hub has accounting days of its own."""
    held: dict[str, str] = {}
    """Key → batch in which the treatment region agreed to clear it."""
    batches: dict[str, ClosingBatch] = {}
    applied: dict[str, str] = {}
    """Key → clearing application (3203) of its institution, until it is cleared."""
    put_off: dict[str, str] = {}
    """Key → month whose clearing its institution does not want it in (3261)."""
    adjustments: AdjustmentsState = msgspec.field(default_factory=AdjustmentsState)


class RegionBooks:
    """Day books and clearing of a treatment or insured region.

    Args:
        node: the region, with `requests` and `results` to register with.
        cases: its cases by key.
        state: this component's memory, embedded in the region's.
        role: `treatment` or `insured`.
    """

    def __init__(self, node: Host, cases: dict[str, Case], state: BooksState, role: str) -> None:
        self.node, self.cases, self.state, self.role = node, cases, state, role
        self.sign = 1 if role == "treatment" else -1
        self.adjustments = RegionAdjustments(self)
        node.requests[t.DAILY_STATEMENT] = self._on_statement
        node.requests[t.DAILY_DETAIL] = self._on_detail
        node.requests[t.CLEARING_DETAIL] = self._on_clearing_detail
        node.requests[t.CLEARING_CLOSE] = self._on_close
        if role == "treatment":
            node.requests[t.CLEARING_DECLARATION] = self._on_declaration

    # ------------------------------------------------------------- told by the region

    def note_settled(self, case: Case, hub: str = "") -> None:
        """A case was booked; `case.day` is the day that `hub` stamped.

        `hub` is the stamp's; a region that only ever meets one hub may leave it out.
        """
        keys = self._index(hub).settled
        if case.day in keys:
            keys[case.day].append(case.key)
        else:
            keys[case.day] = [case.key]

    def note_undone(self, case: Case, day: str, hub: str = "") -> None:
        """A case was taken back on an accounting day; `case.undone_day` is that day.

        A reinstated case has its `undone_day` emptied by its owner; nothing is noted here.
        """
        self._index(hub).undone.setdefault(day, []).append(case.key)

    def holds(self, key: str) -> bool:
        """Whether clearing has begun for a case: agreed with the hub, or applied for by 3203."""
        return key in self.state.held or key in self.state.applied

    def _index(self, hub: str) -> DayIndex:
        index = self.state.days.get(hub)
        if index is None:
            index = self.state.days[hub] = DayIndex()
        return index

    def _asked_index(self, hub: str) -> DayIndex:
        """The books that a hub may ask for; those noted without a hub belong to whoever asks."""
        return self._index(hub if hub in self.state.days else "")

    # ------------------------------------------------------------- reconciliation

    def _on_statement(
        self, envelope: Envelope, body: DailyStatement, now: Instant
    ) -> list[Envelope]:
        hub = envelope.origin.sender
        if not hub.startswith("hub:"):
            return self.node.refuse(envelope, ErrorCode.E_ROLE, now)
        entries = day_entries(self._asked_index(hub), self.cases, body.day)
        groups = [totals_of(group, lines) for group, lines in entries.items()]
        return self.node.answer(envelope, DailyStatementResult(day=body.day, groups=groups), now)

    def _on_detail(self, envelope: Envelope, body: DailyDetail, now: Instant) -> list[Envelope]:
        hub = envelope.origin.sender
        if not hub.startswith("hub:"):
            return self.node.refuse(envelope, ErrorCode.E_ROLE, now)
        index = self._asked_index(hub)
        if body.keys:
            double = twins(index, self.cases, body.keys)
            views = [view_of(self.cases, key, double.get(key, "")) for key in body.keys]
            return self.node.answer(envelope, DailyDetailResult(lines=[], views=views), now)
        group: GroupKey = (body.treatment, body.insured, body.insutype)
        entries = day_entries(index, self.cases, body.day, group).get(group, [])
        lines = [line_of(e) for e in entries if f"{e.case.key} {e.kind}" > body.after]
        more = len(lines) > EFFECTS_MAX
        result = DailyDetailResult(lines=lines[:EFFECTS_MAX], more=more)
        return self.node.answer(envelope, result, now)

    # ------------------------------------------------------------- clearing

    def _on_declaration(
        self, envelope: Envelope, body: ClearingDeclaration, now: Instant
    ) -> list[Envelope]:
        """Sum up what stands and is not cleared, the months before included."""
        hub = envelope.origin.sender
        if not hub.startswith("hub:"):
            return self.node.refuse(envelope, ErrorCode.E_ROLE, now)
        if not is_period(body.period):
            return self.node.refuse(envelope, ErrorCode.E_DATE, now, at="$.period")
        index = self._asked_index(hub)
        forget_finished(index, self.cases, body.period)
        sums: dict[GroupKey, list[int]] = {}
        for day, keys in index.settled.items():
            if day[:7] > body.period:
                continue
            for key in keys:
                case = self.cases[key]
                if case.state == SETTLED:
                    group = sums.setdefault((case.treatment, case.insured, case.insutype), [0] * 4)
                    for at, fen in enumerate((1, case.total_fen, case.fund_fen, case.account_fen)):
                        group[at] += fen
        groups = [_declared(group, sums[group]) for group in sorted(sums)]
        result = ClearingDeclarationResult(period=body.period, groups=groups)
        return self.node.answer(envelope, result, now)

    def _on_clearing_detail(
        self, envelope: Envelope, body: ClearingDetail, now: Instant
    ) -> list[Envelope]:
        """Refuse the keys that do not stand here so; a treatment region holds the others."""
        if not envelope.origin.sender.startswith("hub:"):
            return self.node.refuse(envelope, ErrorCode.E_ROLE, now)
        if not is_period(body.period):
            return self.node.refuse(envelope, ErrorCode.E_DATE, now, at="$.period")
        amounts = body.amounts or [-1] * len(body.keys)
        if len(amounts) != len(body.keys):
            return self.node.refuse(envelope, ErrorCode.E_TOO_MANY_ITEMS, now, at="$.amounts")
        refused: list[str] = []
        fund_fen = 0
        for key, amount_fen in zip(body.keys, amounts, strict=True):
            case = self.cases.get(key)
            put_off = self.state.put_off.get(key) == body.period
            if case is None or put_off or not _clearable(case, body, amount_fen):
                refused.append(key)
                continue
            fund_fen += case.fund_fen
            if self.role == "treatment" and case.state == SETTLED:
                self.state.held[key] = body.batch
        result = ClearingDetailResult(batch=body.batch, refused=refused, fund_fen=fund_fen)
        return self.node.answer(envelope, result, now)

    def _on_close(self, envelope: Envelope, body: ClearingClose, now: Instant) -> list[Envelope]:
        if not envelope.origin.sender.startswith("hub:"):
            return self.node.refuse(envelope, ErrorCode.E_ROLE, now)
        if not is_period(body.period):
            return self.node.refuse(envelope, ErrorCode.E_DATE, now, at="$.period")
        accepted = Accepted(reference=body.batch)
        digest = content_digest(envelope.body)
        batch = self.state.batches.get(body.batch)
        if batch is not None and body.part in batch.digests:
            if batch.digests[body.part] != digest:
                return self.node.refuse(envelope, ErrorCode.E_KEY_REUSED, now, at="$.part")
            return self.node.answer(envelope, accepted, now)
        for key in body.keys:
            case = self.cases.get(key)
            if case is None or case.state != SETTLED:
                return self.node.refuse(envelope, ErrorCode.E_CLEARING_MISMATCH, now, facts=key)
        # From here the operation succeeds.
        if batch is None:
            batch = self.state.batches[body.batch] = ClosingBatch(
                hub=envelope.origin.sender, period=body.period, parts=body.parts
            )
        batch.digests[body.part] = digest
        batch.account_fen += body.account_fen
        for key in body.keys:
            self._close_case(self.cases[key], body, batch)
        if len(batch.digests) == batch.parts:
            self._finish(body, batch)
        return self.node.answer(envelope, accepted, now)

    def _close_case(self, case: Case, body: ClearingClose, batch: ClosingBatch) -> None:
        advance(self.role, case, CLEARED)
        case.period, case.clearing_batch = body.period, body.batch
        self.state.held.pop(case.key, None)
        self.state.applied.pop(case.key, None)
        self.state.put_off.pop(case.key, None)
        for pay in case.funds:
            batch.funds[pay.fund_pay_type] = batch.funds.get(pay.fund_pay_type, 0) + pay.fund_fen

    def _finish(self, body: ClearingClose, batch: ClosingBatch) -> None:
        """All parts are here: one posting for the batch, and what it held in vain is free."""
        other = body.insured if self.role == "treatment" else body.treatment
        legs = clear_legs(
            batch.funds, batch.account_fen, province_of(other), body.insutype, self.sign
        )
        self.node.ledger.post(body.batch, PostingKind.CLEAR, legs)
        held = self.state.held
        for key in [key for key, holder in held.items() if holder == body.batch]:
            del held[key]


def clear_legs(
    funds: dict[str, int], account_fen: int, counterparty: str, insutype: str, sign: int
) -> list[tuple[str, int]]:
    """The legs of a closed batch: what the funds owed case by case becomes one claim.

    `sign` is +1 where the funds owe the node (treatment region, hub), -1 where they pay.
    """
    legs = [(f"fund:{fund}", -sign * fen) for fund, fen in sorted(funds.items()) if fen]
    if account_fen:
        legs.append(("account", -sign * account_fen))
    due_fen = sum(funds.values()) + account_fen
    if due_fen:
        legs.append((f"cleared:{counterparty}:{insutype}", sign * due_fen))
    return legs


def forget_finished(index: DayIndex, cases: dict[str, Case], period: str) -> None:
    """Drop the days before a month in which no case can change any more."""
    first = period + "-01"
    for days in (index.settled, index.undone):
        for day in [day for day in days if day < first]:
            if all(cases[key].state not in (SETTLED, INDOUBT) for key in days[day]):
                del days[day]


def _clearable(case: Case, body: ClearingDetail, amount_fen: int) -> bool:
    same = (case.treatment, case.insured, case.insutype) == (
        body.treatment,
        body.insured,
        body.insutype,
    )
    standing = case.state == SETTLED or (
        case.state == CLEARED and case.clearing_batch == body.batch
    )
    in_time = case.day[:7] <= body.period
    return same and standing and in_time and amount_fen in (-1, case.fund_fen)


def _declared(group: GroupKey, sums: list[int]) -> ClearingGroup:
    return ClearingGroup(
        treatment=group[0],
        insured=group[1],
        insutype=group[2],
        count=sums[0],
        total_fen=sums[1],
        fund_fen=sums[2],
        account_fen=sums[3],
    )


def stamped_by(envelope: Envelope) -> str:
    """The hub whose accounting day an envelope carries; empty where none stamped it."""
    return envelope.stamp.hub if envelope.stamp is not None else ""
