"""The hub: routes, remembers the case, stamps the accounting day, relays, books for clearing.

One class runs both exchanges, `hub:100000` (national) and `hub:yrd` (Yangtze River Delta). It
computes no benefit and opens only the bodies it must book: settlement, cancellation, reversal
and status answers. The accounting day of a case is set here, once, on the request it forwards,
and stands on the answer it relays, so that treatment and insured region never use a clock of
their own for it. `now` drives time-outs only.

Path of a settlement here: `_relay_request` stamps and forwards; `_relay_answer` books.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from sys import intern

import msgspec

from yidi.nodes.base import Node, NodeState
from yidi.nodes.clearing_plan import ClearingPlan
from yidi.nodes.hub_clearing import ClearingState, HubClearing
from yidi.nodes.hub_days import DaysState, HubDays
from yidi.nodes.hub_filings import FilingLibrary, HubFilings
from yidi.nodes.hub_prefund import HubPrefund, PrefundState
from yidi.nodes.ledger import SETTLE, PostingKind, settlement_legs
from yidi.nodes.lifecycle import LIVE, PRESETTLED, REJECTED, REVERSED, SETTLED, Case, advance, may
from yidi.nodes.treatment_region import check_split, is_final
from yidi.protocol import transactions as t
from yidi.protocol.bodies import open_body
from yidi.protocol.envelope import Envelope, Origin, Stamp
from yidi.protocol.errors import ErrorCode
from yidi.protocol.instants import Instant
from yidi.protocol.messages import (
    Rejection,
    ReversalResult,
    SettlementResult,
    StatusResult,
)
from yidi.protocol.regions import province_of
from yidi.protocol.transactions import REQUEST, RESULT

MONEY = t.PRE_SETTLEMENTS | t.SETTLEMENTS | t.CANCELLATIONS | {t.REVERSAL}
"""Transactions that belong to a case; their exchanges are remembered until answered."""
CLARIFYING = frozenset({t.STATUS_QUERY, t.REVERSAL})
"""What a region asks when an answer did not come."""


class HubConfig(msgspec.Struct, frozen=True, kw_only=True):
    """What a hub is set up with."""

    code: str
    plan: ClearingPlan
    """Opening day, connected regions by role, calendar and prefunds."""


class Exchange(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A request relayed and not yet answered."""

    day: str
    sequence: int
    holds_day: bool = True
    """Whether the day's statement waits for it: a pre-settlement changes no books."""


class HubState(NodeState, kw_only=True):
    """The hub's memory."""

    relayed: int = 0
    """Numbers the exchanges in the hub's order."""
    cases: dict[str, Case] = {}
    exchanges: dict[str, Exchange] = {}
    """By message id of the relayed request."""
    open_by_day: dict[str, int] = {}
    voided: dict[str, bool] = {}
    """Message ids of cancellations that were reversed: a late answer to one books nothing."""
    filings: FilingLibrary = {}
    days: DaysState = msgspec.field(default_factory=DaysState)
    clearing: ClearingState = msgspec.field(default_factory=ClearingState)
    prefund: PrefundState = msgspec.field(default_factory=PrefundState)


class Hub(Node[HubState]):
    """A hub as a sans-IO machine."""

    role = "hub"
    state_type = HubState

    def __init__(self, config: HubConfig, state: HubState | None = None) -> None:
        super().__init__(f"hub:{config.code}", state or HubState())
        self.config = config
        self._known = frozenset(
            [f"treatment:{code}" for code in config.plan.treatment]
            + [f"insured:{code}" for code in config.plan.insured]
        )
        self.cases, self._days = self.state.cases, self.state.days
        self.library = HubFilings(self)
        self.prefund = HubPrefund(self, self.state.prefund, config.plan)
        self.clearing = HubClearing(self, self.state.clearing, config.plan, self.prefund)
        self.days = HubDays(self, self.state.days, config.plan, self.clearing)
        book: dict[str, Callable[[Case, Envelope], None]] = {t.REVERSAL: self._book_reversal}
        book[t.STATUS_QUERY] = self._book_status
        book |= dict.fromkeys(t.PRE_SETTLEMENTS, self._note_pre_settlement)
        book |= dict.fromkeys(t.SETTLEMENTS, self._book_settlement)
        book |= dict.fromkeys(t.CANCELLATIONS, self._book_cancellation)
        self._book = book

    def handle(self, envelope: Envelope, now: Instant) -> list[Envelope]:
        """Apply a message to the hub itself, or relay one between its regions."""
        origin, known = envelope.origin, self._known
        sender, recipient = origin.sender, origin.recipient
        if recipient == self.address:
            return super().handle(envelope, now)
        assert now >= self.state.now, "time never goes back (INV-38)"
        self.state.now = now
        link = envelope.link
        assert link is not None
        if link.sender != sender:
            return self.count(ErrorCode.E_SENDER_MISMATCH)
        if recipient not in known or sender not in known:
            if origin.kind == REQUEST:
                return self.refuse(envelope, ErrorCode.E_REGION, now, facts=recipient)
            return self.count(ErrorCode.E_REGION)
        if origin.kind == REQUEST:
            return self._relay_request(envelope, origin)
        return self._relay_answer(envelope, origin, now)

    def next_deadline(self) -> Instant | None:
        """The earliest of resends and of the daily statements' delay."""
        mine = self.outbox.next_deadline() if self.outbox.pending else None
        days = self.days.next_deadline() if self.state.days.waiting else None
        if mine is None or days is None:
            return mine if days is None else days
        return min(mine, days)

    def handle_deadline(self, now: Instant) -> list[Envelope]:
        """Resends, and statements that waited long enough."""
        return super().handle_deadline(now) + self.days.handle_deadline(now)

    def open_exchanges(self, day: str) -> int:
        """How many requests stamped with a day have not been answered yet."""
        return self.state.open_by_day.get(day, 0)

    # ------------------------------------------------------------- relay

    def _relay_request(self, envelope: Envelope, origin: Origin) -> list[Envelope]:
        state, transaction = self.state, origin.transaction
        state.relayed = sequence = state.relayed + 1
        day = self._days.day
        if transaction in MONEY:
            exchange = state.exchanges.get(origin.message_id)
            if exchange is None:
                exchange = self._open_exchange(origin, transaction, sequence)
            day, sequence = exchange.day, exchange.sequence
        stamp = Stamp(day, sequence, self.address)
        return [envelope.relayed(origin.recipient, stamp)]

    def _open_exchange(self, origin: Origin, transaction: str, sequence: int) -> Exchange:
        """Remember the case, and that this request of it is not answered yet."""
        state, key = self.state, origin.case_key
        case = state.cases.get(key)
        if case is None:
            case = state.cases[key] = Case(key, intern(origin.treatment), intern(origin.insured))
        if transaction in t.SETTLEMENTS:
            case.settle_message_id = origin.message_id
        day = self._day_for(case, transaction)
        holds_day = transaction not in t.PRE_SETTLEMENTS
        exchange = state.exchanges[origin.message_id] = Exchange(day, sequence, holds_day)
        if holds_day:
            state.open_by_day[day] = state.open_by_day.get(day, 0) + 1
        return exchange

    def _day_for(self, case: Case, transaction: str) -> str:
        """The accounting day of an effect: today's at its first relay, the same ever after."""
        today = self._days.day
        if transaction in t.SETTLEMENTS:
            case.stamped_day = case.stamped_day or today
            return case.stamped_day
        if transaction in t.CANCELLATIONS or transaction == t.REVERSAL:
            case.stamped_undo_day = case.stamped_undo_day or today
            return case.stamped_undo_day
        return today

    def _relay_answer(self, envelope: Envelope, origin: Origin, now: Instant) -> list[Envelope]:
        state = self.state
        book = self._book.get(origin.transaction)
        day = self._days.day
        outputs: list[Envelope] = []
        if book is not None:
            case = state.cases.get(origin.case_key)
            if case is None:
                return self.count(ErrorCode.E_UNMATCHED)
            book(case, envelope)
            # From here the operation succeeds.
            day = self._answer_day(case, origin.transaction)
            outputs = self._close_exchange(origin.correlation_id, now)
            if origin.transaction in CLARIFYING and origin.kind == RESULT:
                outputs += self._close_given_up(case, envelope, now)
        state.relayed = sequence = state.relayed + 1
        stamp = Stamp(day, sequence, self.address)
        return [envelope.relayed(origin.recipient, stamp), *outputs]

    def _answer_day(self, case: Case, transaction: str) -> str:
        """The stamp of an answer: the day its request was stamped with."""
        if transaction in t.SETTLEMENTS:
            return case.stamped_day
        if transaction in t.CANCELLATIONS or transaction == t.REVERSAL:
            return case.stamped_undo_day
        if transaction == t.STATUS_QUERY:
            return case.undone_day if case.state == REVERSED else case.stamped_day
        return self._days.day

    def _close_exchange(self, message_id: str, now: Instant) -> list[Envelope]:
        state = self.state
        exchange = state.exchanges.pop(message_id, None)
        if exchange is None or not exchange.holds_day:
            return []
        left = state.open_by_day[exchange.day] - 1
        if left:
            state.open_by_day[exchange.day] = left
            return []
        del state.open_by_day[exchange.day]
        return self.days.exchange_closed(exchange.day, now) if exchange.day < state.days.day else []

    def _close_given_up(self, case: Case, envelope: Envelope, now: Instant) -> list[Envelope]:
        """What nobody answered is over once a query or a reversal says what became of it."""
        over = [case.settle_message_id] if case.state in (SETTLED, REJECTED, REVERSED) else []
        if envelope.origin.transaction == t.REVERSAL:
            answer = open_body(envelope)
            assert isinstance(answer, ReversalResult)
            over.append(answer.original_message_id)
        return [output for one in over for output in self._close_exchange(one, now)]

    def forget_exchanges(self, day: str) -> None:
        """The day's statements go out: what of it is open still holds up nothing any more."""
        state = self.state
        for message_id in [one for one, kept in state.exchanges.items() if kept.day == day]:
            del state.exchanges[message_id]
        state.open_by_day.pop(day, None)

    # ------------------------------------------------------------- booking the answers

    def _note_pre_settlement(self, case: Case, envelope: Envelope) -> None:
        if envelope.origin.kind == RESULT:
            if may("hub", case, PRESETTLED):
                advance("hub", case, PRESETTLED)
        else:
            self._note_refusal(case, envelope)

    def _note_refusal(self, case: Case, envelope: Envelope) -> None:
        refusal = open_body(envelope)
        assert isinstance(refusal, Rejection)
        if is_final(refusal.code) and may("hub", case, REJECTED):
            advance("hub", case, REJECTED)
            case.reason = refusal.code

    def _book_settlement(self, case: Case, envelope: Envelope) -> None:
        """Book total, funds, account, cash and hospital share for clearing, once."""
        if envelope.origin.kind != RESULT:
            self._note_refusal(case, envelope)
            return
        if not may("hub", case, SETTLED) or case.state == REVERSED:
            return
        answer = open_body(envelope)
        assert isinstance(answer, SettlementResult)
        check_split(answer)
        # From here the operation succeeds.
        self._settle(case, answer, envelope.body)

    def _settle(self, case: Case, answer: SettlementResult, body: bytes) -> None:
        advance("hub", case, SETTLED)
        case.institution, case.visit = intern(answer.institution), answer.visit
        case.batch, case.person_no = intern(answer.batch), answer.person_no
        case.insutype, case.med_type = intern(answer.insutype), intern(answer.med_type)
        case.settlement_id = answer.settlement_id
        case.total_fen, case.fund_fen, case.funds = answer.total_fen, answer.fund_fen, answer.funds
        case.account_fen, case.cash_fen = answer.account_fen, answer.cash_fen
        case.hospital_fen = answer.hospital_fen
        case.day = case.stamped_day
        case.digest = sha256(body).digest()[:16]
        self.ledger.post(case.key, SETTLE, self.legs(case, 1))
        self.days.note_settled(case)

    def legs(self, case: Case, sign: int) -> list[tuple[str, int]]:
        """Funds and account against what the payer's province owes the payee's."""
        payer, payee = province_of(case.insured), province_of(case.treatment)
        counterparty = f"due:{payer}:{payee}:{case.insutype}"
        return settlement_legs(case.funds, case.account_fen, counterparty, sign)

    def _book_cancellation(self, case: Case, envelope: Envelope) -> None:
        if case.state != SETTLED or envelope.origin.correlation_id in self.state.voided:
            return
        if envelope.origin.kind == RESULT:
            self._undo(case, PostingKind.CANCEL)
        else:
            case.stamped_undo_day = ""

    def _undo(self, case: Case, kind: PostingKind) -> None:
        advance("hub", case, REVERSED)
        case.undone_day = case.stamped_undo_day
        self.ledger.post(case.key, kind, self.legs(case, -1))
        self.days.note_undone(case, case.undone_day)

    def _book_reversal(self, case: Case, envelope: Envelope) -> None:
        if envelope.origin.kind != RESULT:
            return
        answer = open_body(envelope)
        assert isinstance(answer, ReversalResult)
        if case.digest and answer.outcome in ("reinstated", "nothing"):
            self.state.voided[answer.original_message_id] = True
        if answer.outcome == "reinstated" and case.state == REVERSED and case.digest:
            advance("hub", case, SETTLED)
            case.undone_day = case.stamped_undo_day = ""
            self.days.note_reinstated(case)
            self.ledger.post(case.key, PostingKind.REINSTATE, self.legs(case, 1))
        elif answer.outcome == "rejected" and may("hub", case, REJECTED):
            advance("hub", case, REJECTED)
        elif answer.outcome == "reversed" and case.state == SETTLED:
            self._undo(case, PostingKind.REVERSE)
        elif case.state == SETTLED:
            # A cancellation that had not come: it will be refused, the settlement stands.
            case.stamped_undo_day = ""
        elif case.state != REVERSED and may("hub", case, REVERSED):
            # The settlement's answer never got as far as here: nothing to post.
            advance("hub", case, REVERSED)
            case.day = answer.day

    def _book_status(self, case: Case, envelope: Envelope) -> None:
        """A status answer may be the first the hub hears of what happened."""
        if envelope.origin.kind != RESULT:
            return
        status = open_body(envelope)
        assert isinstance(status, StatusResult)
        if (
            status.state in LIVE
            and status.settlement
            and not case.digest
            and may("hub", case, SETTLED)
        ):
            answer = msgspec.msgpack.decode(status.settlement, type=SettlementResult)
            check_split(answer)
            self._settle(case, answer, status.settlement)
        elif status.state == REVERSED and case.state == SETTLED and case.stamped_undo_day:
            self._undo(case, PostingKind.CANCEL)
        elif status.state == REJECTED and may("hub", case, REJECTED):
            advance("hub", case, REJECTED)
