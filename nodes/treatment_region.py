"""The treatment region (就医地): between its institutions and, through a hub, the insured region.

It decides *what is payable* (its own catalogue), mints the case key, forwards, and lives with
doubt: from the moment a settlement is sent until its answer comes the case is INDOUBT, and a
time-out is an unknown (`treatment_doubt`), never a failure. It keeps the memory of message ids
for its institutions, so that a gateway in front of it can be stateless.

Path of a settlement here: `_on_settlement` checks and sends; `_on_settled` books the answer.
"""

from __future__ import annotations

from hashlib import sha256
from sys import intern

import msgspec
from msgspec.structs import replace

from yidi.nodes.base import Node
from yidi.nodes.exchange import choose_hub
from yidi.nodes.institution_desk import InstitutionDesk
from yidi.nodes.ledger import PostingKind, settlement_legs
from yidi.nodes.lifecycle import (
    INDOUBT,
    LIVE,
    PRESETTLED,
    REJECTED,
    REVERSED,
    SETTLED,
    Case,
    advance,
)
from yidi.nodes.outbox import FORWARD_TIMEOUT, Pending, Wait
from yidi.nodes.region_books import RegionBooks, stamped_by
from yidi.nodes.treatment_doubt import Doubt
from yidi.nodes.treatment_fees import Fees
from yidi.nodes.treatment_state import InstitutionConfig, TreatmentConfig, TreatmentState
from yidi.nodes.treatment_undo import Undo
from yidi.nodes.visit_completion import complete_from_visits
from yidi.nodes.visits import Unit, unit_key, visit_key
from yidi.protocol import transactions as t
from yidi.protocol.bodies import open_body
from yidi.protocol.codec import encode
from yidi.protocol.envelope import Envelope, Origin
from yidi.protocol.error_codes import is_definite
from yidi.protocol.errors import DecodeError, ErrorCode
from yidi.protocol.identifiers import case_key
from yidi.protocol.instants import Instant, day_of
from yidi.protocol.messages import (
    BenefitCheckRequest,
    EligibilityRequest,
    Rejection,
    SettlementRequest,
    SettlementResult,
)
from yidi.protocol.transactions import REJECTION, RESULT

__all__ = ["InstitutionConfig", "TreatmentConfig", "TreatmentRegion", "TreatmentState"]

IN_TIME = Wait(FORWARD_TIMEOUT)
"""A question that nobody outside waits for, given up like any other."""


class TreatmentRegion(Node[TreatmentState]):
    """A treatment region as a sans-IO machine."""

    role = "treatment"
    state_type = TreatmentState

    def __init__(self, config: TreatmentConfig, state: TreatmentState | None = None) -> None:
        super().__init__(f"treatment:{config.code}", state or TreatmentState())
        self.config = config
        self.books = RegionBooks(self, self.state.cases, self.state.books, "treatment")
        self.fees = Fees(self)
        self.doubt = Doubt(self)
        self.undo = Undo(self)
        self.desk = InstitutionDesk(self)
        for transaction in t.QUESTIONS:
            self.requests[transaction] = self._on_question
            self.results[transaction] = self._on_forwarded_answer
            self.expired[transaction] = self.on_unanswered
        for transaction in t.PRE_SETTLEMENTS:
            self.requests[transaction] = self._on_pre_settlement
            self.results[transaction] = self._on_pre_settled
            self.expired[transaction] = self.on_unanswered
        for transaction in t.SETTLEMENTS:
            self.requests[transaction] = self._on_settlement
            self.results[transaction] = self._on_settled
            self.expired[transaction] = self.doubt.on_settlement_unanswered
        complete_from_visits(self)

    # ------------------------------------------------------------- questions

    def _on_question(
        self,
        envelope: Envelope,
        body: EligibilityRequest | BenefitCheckRequest,
        now: Instant,
    ) -> list[Envelope]:
        """1101, 2001, 5206, 5301: ask the insured region and pass its answer on."""
        if (again := self.first_answer(envelope, now)) is not None:
            return again
        asked = envelope.origin
        if self.outbox.is_full:
            return self.refuse(envelope, ErrorCode.E_BUSY, now)
        med_type = body.med_type if isinstance(body, BenefitCheckRequest) else ""
        self.remember(asked.message_id, envelope.body, -1, b"")
        wait = Wait(FORWARD_TIMEOUT, asked)
        return [self.forward(asked, asked.transaction, body, med_type, now, "", wait)]

    def forward(
        self,
        asked: Origin,
        transaction: str,
        body: msgspec.Struct,
        med_type: str,
        now: Instant,
        key: str = "",
        wait: Wait = IN_TIME,
    ) -> Envelope:
        """A request to the insured region of `asked`, through the hub its visit goes through."""
        insured, timeout = asked.insured, wait.timeout
        origin = Origin(
            transaction, 0, self.mint(now), "", self.address, "insured:" + insured,
            key or asked.case_key, self.code, insured, asked.partition_key, now,
            now + timeout if timeout else 0, asked.trace_id or asked.message_id,
        )  # fmt: skip
        hub = choose_hub(self.config.delta, insured, self.code, med_type)
        envelope = Envelope(hub, origin, encode(origin), encode(body))
        self.outbox.add(envelope, now, wait)
        return envelope

    def _on_forwarded_answer(
        self, envelope: Envelope, pending: Pending, now: Instant
    ) -> list[Envelope]:
        open_body(envelope)
        # From here the operation succeeds.
        self.outbox.take(pending.origin.message_id)
        return self.pass_on(envelope, pending, now)

    def pass_on(self, envelope: Envelope, pending: Pending, now: Instant) -> list[Envelope]:
        """Give the client the answer's body as it came, and save it for repeats."""
        client = pending.client
        if client is None:
            return []
        answer = envelope.origin
        self.complete(client, answer.kind, envelope.body)
        return [
            self.answered(client, client.sender, envelope.body, now, answer.kind, answer.case_key)
        ]

    def complete(self, client: Origin, kind: int, body: bytes) -> None:
        """Save what a client's question came to; nothing where the question is forgotten."""
        saved = self.saved(client.message_id)
        if saved is not None:
            saved.kind, saved.body = kind, body

    def on_unanswered(self, pending: Pending, now: Instant) -> list[Envelope]:
        """A question nobody answered: it may simply be asked again."""
        if pending.client is not None:
            self.forget(pending.client.message_id)
        return self.tell(pending.client, ErrorCode.E_TIMEOUT, now, pending.origin.case_key)

    def forget(self, message_id: str) -> None:
        """Forget that a repeatable is under way, so that its repeat is taken as new."""
        self.state.answers.pop(message_id, None)
        self.state.answers_before.pop(message_id, None)

    def tell(
        self, client: Origin | None, code: ErrorCode, now: Instant, key: str = ""
    ) -> list[Envelope]:
        """Refuse a client's request whose envelope is no longer at hand."""
        if client is None:
            return []
        body = encode(Rejection(code=code))
        return [self.answered(client, client.sender, body, now, REJECTION, key)]

    # ------------------------------------------------------------- pre-settlement

    def _on_pre_settlement(
        self, envelope: Envelope, body: SettlementRequest, now: Instant
    ) -> list[Envelope]:
        if (again := self.first_answer(envelope, now)) is not None:
            return again
        asked = envelope.origin
        unit = self._unit_for(asked, body)
        if isinstance(unit, ErrorCode):
            return self.refuse(envelope, unit, now)
        # From here the operation succeeds.
        case = self._case_of(unit, asked, body, now)
        self.remember(asked.message_id, envelope.body, -1, b"")
        request = self._completed(body, unit)
        wait = Wait(FORWARD_TIMEOUT, asked)
        return [self.forward(asked, asked.transaction, request, body.med_type, now, case.key, wait)]

    def _on_pre_settled(self, envelope: Envelope, pending: Pending, now: Instant) -> list[Envelope]:
        case = self.state.cases[pending.origin.case_key]
        answer = open_body(envelope)
        if isinstance(answer, SettlementResult):
            check_split(answer)
        # From here the operation succeeds.
        self.outbox.take(pending.origin.message_id)
        if case.state in (INDOUBT, SETTLED, REVERSED, REJECTED):
            return self.pass_on(envelope, pending, now)
        if isinstance(answer, SettlementResult):
            advance("treatment", case, PRESETTLED)
            case.pre_answer = envelope.body
        elif isinstance(answer, Rejection) and is_final(answer.code):
            self.reject(case, answer.code)
        return self.pass_on(envelope, pending, now)

    def _unit_for(self, asked: Origin, body: SettlementRequest) -> Unit | ErrorCode:
        """The unit to settle, or why it cannot be forwarded, in the order of the counter."""
        code, state = body.institution, self.state
        institution = self.config.institutions.get(code)
        if institution is None or asked.sender != "institution:" + code:
            return ErrorCode.E_INSTITUTION_UNKNOWN
        if body.med_type not in institution.opened:
            return ErrorCode.E_BUSINESS_NOT_OPENED
        if not t.is_of(asked.transaction, body.med_type):
            return ErrorCode.E_CODE
        place = visit_key(code, body.visit)
        visit = state.visits.get(place)
        if visit is None or visit.cancelled:
            return ErrorCode.E_VISIT_UNKNOWN
        if visit.person_no != body.person_no or visit.insured != asked.insured:
            return ErrorCode.E_PERSON_MISMATCH
        if visit.admitted and not visit.end:
            return ErrorCode.E_IN_HOSPITAL
        unit = state.units.get(f"{place}/{body.batch}")
        if unit is None or not unit.count:
            return ErrorCode.E_FEES_MISSING
        case = state.cases.get(unit.key)
        if case is not None and case.state != PRESETTLED:
            if case.state in LIVE:
                return ErrorCode.E_ALREADY_SETTLED
            if case.state == INDOUBT:
                return ErrorCode.E_IN_DOUBT
        if unit.total_fen != body.total_fen:
            return ErrorCode.E_TOTAL_MISMATCH
        return ErrorCode.E_BUSY if self.outbox.is_full else unit

    def _completed(self, body: SettlementRequest, unit: Unit) -> SettlementRequest:
        """The request with what only the treatment region knows: level and scope amounts."""
        return replace(
            body,
            level=self.config.institutions[body.institution].level,
            full_self_fen=unit.full_self_fen,
            over_limit_fen=unit.over_limit_fen,
            prepay_fen=unit.prepay_fen,
        )

    def _case_of(self, unit: Unit, asked: Origin, body: SettlementRequest, now: Instant) -> Case:
        """The unit's current attempt; after a refusal or an undoing, a new one with a new key."""
        cases = self.state.cases
        case = cases.get(unit.key)
        if case is None or case.state in (REJECTED, REVERSED):
            key = unit.key if case is None and unit.key else self.mint_key(now)
            unit.key = key
            case = cases[key] = Case(
                key=key,
                treatment=self.code,
                insured=intern(asked.insured),
                institution=intern(body.institution),
                visit=body.visit,
                batch=intern(body.batch),
                person_no=body.person_no,
                insutype=intern(body.insutype),
                med_type=intern(body.med_type),
            )
        return case

    def mint_key(self, now: Instant) -> str:
        """A new case key, numbered within the calendar day (a name, not an accounting day)."""
        state = self.state
        day = day_of(now)
        if day != state.minted_day:
            state.minted_day, state.minted_cases = day, 0
        key = case_key(self.code, day, state.minted_cases)
        state.minted_cases += 1
        return key

    def reject(self, case: Case, code: str) -> None:
        """The insured region refused: the attempt is over and moves no money."""
        advance("treatment", case, REJECTED)
        case.reason = code

    # ------------------------------------------------------------- settlement

    def _on_settlement(
        self, envelope: Envelope, body: SettlementRequest, now: Instant
    ) -> list[Envelope]:
        asked = envelope.origin
        if asked.message_id in self.state.tombstones:
            return self.refuse(envelope, ErrorCode.E_REVERSED, now)
        if asked.message_id in self.state.effect_ids:
            return self.effect_again(envelope, now)
        unit = self._unit_for(asked, body)
        if isinstance(unit, ErrorCode):
            return self.refuse(envelope, unit, now)
        # From here the operation succeeds.
        case = self._case_of(unit, asked, body, now)
        advance("treatment", case, INDOUBT)
        request = self._completed(body, unit)
        wait = Wait(FORWARD_TIMEOUT, asked)
        sent = self.forward(asked, asked.transaction, request, body.med_type, now, case.key, wait)
        case.settle_message_id = sent.origin.message_id
        case.request_digest = sha256(envelope.body).digest()[:16]
        self.state.effect_ids[asked.message_id] = case.key
        return [sent]

    def effect_again(self, envelope: Envelope, now: Instant) -> list[Envelope]:
        """A repeated effect: the first answer's body again, or silence while it is under way."""
        case = self.state.cases[self.state.effect_ids[envelope.origin.message_id]]
        cancels = envelope.origin.transaction in t.CANCELLATIONS
        first = case.cancel_digest if cancels else case.request_digest
        if first != sha256(envelope.body).digest()[:16]:
            return self.refuse(envelope, ErrorCode.E_KEY_REUSED, now)
        if case.state == INDOUBT:
            return []
        if case.state == REJECTED:
            return self.refuse(envelope, ErrorCode(case.reason), now)
        body = case.cancel_answer if cancels else case.answer
        if not body:
            return self.refuse(envelope, ErrorCode.E_REVERSED, now)
        asked = envelope.origin
        return [self.answered(asked, asked.sender, body, now, RESULT, case.key)]

    def _on_settled(self, envelope: Envelope, pending: Pending, now: Instant) -> list[Envelope]:
        case = self.state.cases[pending.origin.case_key]
        answer = open_body(envelope)
        if isinstance(answer, SettlementResult):
            check_split(answer)
            if answer.total_fen != self._unit_of(case).total_fen:
                raise DecodeError(ErrorCode.E_SPLIT, at="$.total_fen", got=str(answer.total_fen))
        # From here the operation succeeds.
        self.outbox.take(pending.origin.message_id)
        if isinstance(answer, Rejection) and not is_definite(answer.code):
            return self.doubt.on_settlement_unanswered(pending, now)
        if case.state == INDOUBT:
            if isinstance(answer, SettlementResult):
                self.book(case, answer, envelope)
            elif isinstance(answer, Rejection):
                self.reject(case, answer.code)
        client = pending.client
        if client is None:
            return []
        kind = envelope.origin.kind
        return [self.answered(client, client.sender, envelope.body, now, kind, case.key)]

    def _unit_of(self, case: Case) -> Unit:
        return self.state.units[unit_key(case.institution, case.visit, case.batch)]

    def book(self, case: Case, answer: SettlementResult, envelope: Envelope) -> None:
        """The case is settled: amounts, posting, and the day the hub stamped."""
        advance("treatment", case, SETTLED)
        body = envelope.body
        case.answer, case.pre_answer = body, b""
        case.digest = sha256(body).digest()[:16]
        case.settlement_id = answer.settlement_id
        case.total_fen, case.fund_fen, case.funds = answer.total_fen, answer.fund_fen, answer.funds
        case.account_fen, case.cash_fen = answer.account_fen, answer.cash_fen
        case.hospital_fen = answer.hospital_fen
        case.day = intern(envelope.stamp.day) if envelope.stamp is not None else ""
        self.ledger.post(case.key, PostingKind.SETTLE, self.legs(case, 1))
        self.books.note_settled(case, stamped_by(envelope))
        self.state.visits[visit_key(case.institution, case.visit)].close_unit(self._unit_of(case))

    def legs(self, case: Case, sign: int) -> list[tuple[str, int]]:
        """Funds and account against what is owed to the institution; sign -1 takes back."""
        counterparty = f"payable:{case.institution}:{case.insutype}"
        return settlement_legs(case.funds, case.account_fen, counterparty, sign)


def check_split(answer: SettlementResult) -> None:
    """Check an answer's identities as they arrive from outside (INV-01).

    Raises:
        DecodeError: `E_SPLIT`.
    """
    parts = answer.fund_fen + answer.account_fen + answer.cash_fen + answer.hospital_fen
    funds = 0
    for pay in answer.funds:
        funds += pay.fund_fen
    if parts != answer.total_fen or funds != answer.fund_fen:
        raise DecodeError(ErrorCode.E_SPLIT, got=f"total={answer.total_fen} sum={parts}")


def is_final(code: str) -> bool:
    """Whether a refusal ends the attempt: definite, and not merely a full queue."""
    return is_definite(code) and code != ErrorCode.E_BUSY
