"""Verify, second layer: the rows against the messages in the journal, with no node code.

An auditor reads what arrived where and works out, from the meaning of the answers alone, what
each node must have booked: a settlement answer books once, unless a reversal was answered
first; a cancellation takes back; `reinstated` puts back. The insured region's own books show in
its answers, wherever one of them arrived. Closing messages say what was cleared, tables and
notices for how much.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from typing import Any

import msgspec

from yidi.protocol import transactions as t
from yidi.protocol.bodies import open_body
from yidi.protocol.envelope import Envelope
from yidi.protocol.errors import RemoteProtocolError
from yidi.protocol.messages import ReversalResult, SettlementResult, StatusResult
from yidi.protocol.messages_clearing import (
    ClearingClose,
    ClearingNotice,
    ClearingTable,
    PaymentFeedback,
    PrefundAlarm,
    PrefundNotice,
)
from yidi.scenarios.judging.rows import CaseRow, ClearingRow
from yidi.scenarios.judging.verdicts import Tally, TallyBook
from yidi.scenarios.judging.verify_rows import LIVE, NO_EFFECT, RowFacts

_CASE = t.PRE_SETTLEMENTS | t.SETTLEMENTS | t.CANCELLATIONS | {t.REVERSAL, t.STATUS_QUERY}
_AGENCY = {
    t.CLEARING_CLOSE, t.CLEARING_TABLE, t.CLEARING_NOTICE, t.PAYMENT_FEEDBACK, t.PREFUND_ALARM,
    t.PREFUND_NOTICE,
}  # fmt: skip
_MONEY = ("total_fen", "fund_fen", "account_fen", "cash_fen", "hospital_fen")
_results = msgspec.msgpack.Decoder(SettlementResult)


class View:
    """What the answers told one node of one case, in the order in which they came."""

    __slots__ = ("body", "closed", "kinds", "lsn", "reversed_fen", "standing")

    def __init__(self) -> None:
        self.body = b""
        """The settlement answer that was booked."""
        self.kinds: list[str] = []
        """The postings that follow."""
        self.standing = False
        self.closed = False
        """Reversed before it was settled: nothing is booked any more."""
        self.reversed_fen: int | None = None
        self.lsn = 0

    def settle(self, body: bytes) -> None:
        """A settlement answer, or a saved one inside a status answer."""
        if not self.body and not self.closed and "SETTLE" not in self.kinds:
            self.body = body
            self.kinds.append("SETTLE")
            self.standing = True

    def take_back(self, kind: str) -> None:
        """A cancellation or reversal that took effect."""
        if self.standing:
            self.kinds.append(kind)
            self.standing = False

    def reverse(self, answer: ReversalResult) -> None:
        """What a reversal found."""
        if answer.outcome == "reinstated":
            if self.body and not self.standing:
                self.kinds.append("REINSTATE")
                self.standing = True
        elif answer.outcome == "reversed":
            self.reversed_fen = answer.fund_fen
            self.take_back("REVERSE")
            self.closed = self.closed or not self.body
        elif answer.outcome == "nothing" and not self.body:
            self.closed = True

    @property
    def outcome(self) -> str:
        """LIVE, REVERSED, or none."""
        if self.standing:
            return "LIVE"
        return "REVERSED" if self.body or self.closed else "none"


class Auditor:
    """Reads every envelope of a journal; `check` then holds the rows against it."""

    def __init__(self) -> None:
        self.views: dict[tuple[str, str], View] = {}
        """(Node, key) → what it was told."""
        self.days: dict[str, str] = {}
        """Key → day on its settlement request as it reached the insured region."""
        self.closed: dict[tuple[str, str], tuple[str, str]] = {}
        """(Region, key) → batch and period."""
        self.tables: dict[tuple[str, str], ClearingTable] = {}
        self.notices: dict[str, tuple[str, int]] = {}
        """Notice id → kind and amount."""
        self.feedback: dict[str, set[str]] = {}
        """Batch → what provinces reported."""
        self._waits: dict[str, int] = {}
        """Message id of a request → instant after which its sender no longer waits."""
        self._heard: set[str] = set()
        """Requests, but for settlements, whose answer the insured region's view has heard."""
        self._fired: dict[str, int] = {}
        """Node → instant of its last deadline."""

    def feed_deadline(self, node: str, now: int) -> None:
        """A node's deadline fired: what it waited for until then, it waits for no longer."""
        self._fired[node] = now

    def feed(self, lsn: int, node: str, envelope: Envelope) -> None:
        """Read one envelope that a node received."""
        origin = envelope.origin
        transaction = origin.transaction
        if transaction in _CASE:
            if origin.kind == t.Kind.RESULT:
                self._feed_answer(lsn, node, envelope)
            elif node.startswith("hub:"):
                if origin.kind == t.Kind.REQUEST and origin.deadline:
                    self._waits[origin.message_id] = origin.deadline
            elif transaction in t.SETTLEMENTS and node.startswith("insured:"):
                stamp = envelope.stamp
                self.days.setdefault(origin.case_key, stamp.day if stamp is not None else "")
        elif transaction in _AGENCY and origin.kind == t.Kind.REQUEST:
            body = _body(envelope)
            if body is not None:
                self._feed_agency(node, origin.sender, body)

    def _feed_answer(self, lsn: int, node: str, envelope: Envelope) -> None:
        origin = envelope.origin
        if origin.sender.startswith("insured:"):
            # An answer that comes when nobody waits any more is not booked: the node asks again.
            waits = self._waits.get(origin.correlation_id, 0)
            late = node == origin.recipient and 0 < waits <= self._fired.get(node, 0)
            if not late:
                self._tell(self._view(lsn, node, origin.case_key), envelope)
            # The insured region's own view hears each answer once, however many hops it made.
            if origin.transaction in t.SETTLEMENTS:
                self._tell(self._view(lsn, origin.sender, origin.case_key), envelope)
            elif origin.correlation_id not in self._heard:
                self._heard.add(origin.correlation_id)
                self._tell(self._view(lsn, origin.sender, origin.case_key), envelope)

    def _view(self, lsn: int, node: str, key: str) -> View:
        view = self.views.get((node, key))
        if view is None:
            view = self.views[node, key] = View()
        view.lsn = lsn
        return view

    def _tell(self, view: View, envelope: Envelope) -> None:
        transaction = envelope.origin.transaction
        if transaction in t.SETTLEMENTS:
            view.settle(envelope.body)
            return
        if transaction in t.CANCELLATIONS:
            view.take_back("CANCEL")
            return
        body = _body(envelope)
        if isinstance(body, ReversalResult):
            view.reverse(body)
        elif isinstance(body, StatusResult):
            if body.state in LIVE and body.settlement:
                view.settle(body.settlement)
            elif body.state == "REVERSED":
                view.take_back("CANCEL")

    def _feed_agency(self, node: str, sender: str, body: msgspec.Struct) -> None:
        match body:
            case ClearingClose():
                for key in body.keys:
                    self.closed[node, key] = (body.batch, body.period)
            case ClearingTable():
                known = self.tables.get((sender, body.batch))
                if known is None or known.revision <= body.revision:
                    self.tables[sender, body.batch] = body
            case ClearingNotice():
                self.notices[body.notice] = (body.kind, body.amount_fen)
            case PrefundNotice():
                self.notices[body.notice] = ("prefund", body.amount_fen)
            case PrefundAlarm():
                self.notices[body.alarm] = (body.level, body.used_fen)
            case PaymentFeedback():
                self.feedback.setdefault(body.batch, set()).add(body.status)

    # ------------------------------------------------------------------ against the rows

    def check(self, facts: RowFacts, rows: Iterator[CaseRow], book: TallyBook) -> None:
        """Hold the rows against what was read; `rows` are those of cases.jsonl once more."""
        cases, postings = book["ANSWERS-CASES"], book["ANSWERS-POSTINGS"]
        for row in rows:
            cases.count += 1
            if row.source == "observed":
                continue
            view = self.views.get((row.node, row.key))
            if view is None:
                view = View()
            for problem in self._case_problems(row, view):
                cases.fail(problem, key=row.key, node=row.node, lsn=view.lsn or None)
            self._check_kinds(row, view, facts, postings)
        for (node, key), view in self.views.items():
            known = (node, key) in facts.cases
            if view.kinds and not known and node.partition(":")[0] in (
                "treatment", "hub", "insured"
            ):  # fmt: skip
                cases.fail(f"{view.kinds}, and there is no row", key=key, node=node, lsn=view.lsn)
        self._check_clearing(facts, book["ANSWERS-CLEARING"])
        self._check_notices(facts, book["ANSWERS-NOTICES"])

    def _case_problems(self, row: CaseRow, view: View) -> Iterator[str]:
        outcome = "LIVE" if row.state in LIVE else "none" if row.state in NO_EFFECT else row.state
        told = view.outcome
        if row.node.startswith("insured:") and view.reversed_fen is not None and not view.body:
            # It settled and was reversed, and no answer but the reversal's ever arrived.
            if row.fund_fen != view.reversed_fen:
                yield f"fund {row.fund_fen}, the reversal says {view.reversed_fen}"
        elif view.body:
            yield from _money_problems(row, view.body)
        elif row.digest or any(getattr(row, name) for name in _MONEY):
            yield "money is booked, and no answer in the journal says so"
        if outcome != told and not (told == "none" and outcome == "REVERSED" and not row.digest):
            yield f"{row.state}, the answers make it {told}"
        if row.digest and row.day != self.days.get(row.key, row.day):
            yield f"day {row.day}, its request was stamped {self.days[row.key]}"
        yield from self._batch_problems(row)

    def _batch_problems(self, row: CaseRow) -> Iterator[str]:
        """CLEARED where, and only where, a closing message names the key."""
        if row.node.startswith("hub:"):
            sides = (f"treatment:{row.treatment}", f"insured:{row.insured}")
            told = next((self.closed[one, row.key] for one in sides
                         if (one, row.key) in self.closed), None)  # fmt: skip
        else:
            told = self.closed.get((row.node, row.key))
        said = (row.batch, row.period) if row.batch is not None else None
        if told != said:
            yield f"batch {said}, the closing messages say {told}"

    def _check_kinds(self, row: CaseRow, view: View, facts: RowFacts, tally: Tally) -> None:
        tally.count += 1
        found = [kind for kind, _ in facts.legs.get((row.node, row.key), [])]
        if row.node.startswith("insured:") and found != view.kinds:
            # Its own order may differ from that in which its answers arrived.
            if _stands(found) == view.standing and set(view.kinds) <= set(found):
                return
            if view.reversed_fen is not None and found == ["SETTLE", "REVERSE"]:
                return
        if found != view.kinds:
            facts_said = f"postings {found}, the answers make it {view.kinds}"
            tally.fail(facts_said, key=row.key, node=row.node, lsn=view.lsn or None)

    def _check_clearing(self, facts: RowFacts, tally: Tally) -> None:
        for (hub, batch), row in facts.clearing.items():
            tally.count += 1
            table = self.tables.get((hub, batch))
            if table is None:
                tally.fail("no table of it in the journal", key=batch, node=hub)
            elif (said := _table_row(table)) != (found := _clearing_row(row)):
                tally.fail(f"the table says {said}, the row {found}", key=batch, node=hub)
            reported = self.feedback.get(batch, set())
            if row.state == "PAID" and row.payable_fen and not {"paid", "received"} <= reported:
                tally.fail(f"PAID, reported was {sorted(reported)}", key=batch, node=hub)

    def _check_notices(self, facts: RowFacts, tally: Tally) -> None:
        rows = {row.notice: row for row in facts.notices}
        for row in facts.notices:
            tally.count += 1
            told = self.notices.get(row.notice)
            if told != (row.kind, row.amount_fen):
                facts_said = f"{row.kind} {row.amount_fen}, the message says {told}"
                tally.fail(facts_said, key=row.notice, node=row.issuer)
        for notice, told in self.notices.items():
            if notice not in rows:
                tally.fail(f"{told} went out, and there is no row", key=notice)


def _stands(kinds: list[str]) -> bool:
    return bool(kinds) and kinds[-1] in ("SETTLE", "REINSTATE")


def _money_problems(row: CaseRow, body: bytes) -> Iterator[str]:
    answer = _results.decode(body)
    for name in _MONEY:
        if getattr(row, name) != getattr(answer, name):
            yield f"{name} {getattr(row, name)}, the answer says {getattr(answer, name)}"
    funds: dict[str, int] = {}
    for pay in answer.funds:
        funds[pay.fund_pay_type] = funds.get(pay.fund_pay_type, 0) + pay.fund_fen
    if row.funds != dict(sorted(funds.items())):
        yield f"funds {row.funds}, the answer says {funds}"
    names = ("institution", "visit", "insutype", "med_type")
    said = [(name, getattr(row, name), getattr(answer, name)) for name in names]
    said += [("serial", row.serial, answer.batch), ("psn_no", row.psn_no, answer.person_no)]
    for name, found, wanted in said:
        if found != wanted:
            yield f"{name} {found}, the answer says {wanted}"
    if row.digest != sha256(body).digest()[:16].hex():
        yield "digest is not that of the answer"


def _table_row(table: ClearingTable) -> tuple[Any, ...]:
    funds = {pay.fund_pay_type: pay.fund_fen for pay in table.funds}
    return (
        table.period, table.payer, table.payee, table.insutype, table.count, table.total_fen,
        table.fund_fen, dict(sorted(funds.items())), table.account_fen, table.adjust_fen,
        table.payable_fen,
    )  # fmt: skip


def _clearing_row(row: ClearingRow) -> tuple[Any, ...]:
    return (
        row.period, row.payer, row.payee, row.insutype, row.count, row.total_fen, row.fund_fen,
        row.funds, row.account_fen, row.adjust_fen, row.payable_fen,
    )  # fmt: skip


def _body(envelope: Envelope) -> msgspec.Struct | None:
    """The body, or None where the node that got it refused it, too."""
    try:
        return open_body(envelope)
    except RemoteProtocolError:
        return None
