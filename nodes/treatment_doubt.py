"""What a treatment region does when it does not know: query, then reverse, never a fresh id.

A settlement or cancellation that nobody answered in time is INDOUBT. The client is told so
(E_TIMEOUT, indefinite), and the region asks (5203). An answer decides; if none comes, or the
other side knows nothing, a reversal (2601) is sent and resent until it is answered, which also
leaves a tombstone there for an original that comes late. Institutions may send 2601 and 5203
themselves, naming the message id of their own original. Source: faults-and-invariants 1.4, 1.5.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from yidi.nodes.institution_state import institution_of
from yidi.nodes.ledger import PostingKind
from yidi.nodes.lifecycle import CLEARED, INDOUBT, LIVE, REJECTED, REVERSED, SETTLED, Case, advance
from yidi.nodes.outbox import FORWARD_TIMEOUT, Pending, Wait
from yidi.nodes.visits import unit_key
from yidi.protocol import transactions as t
from yidi.protocol.bodies import open_body
from yidi.protocol.envelope import Envelope, Origin
from yidi.protocol.errors import ErrorCode
from yidi.protocol.instants import Instant
from yidi.protocol.messages import (
    Rejection,
    ReversalRequest,
    ReversalResult,
    SettlementResult,
    StatusQuery,
    StatusResult,
)
from yidi.protocol.transactions import Kind

if TYPE_CHECKING:
    from yidi.nodes.treatment_region import TreatmentRegion

OPEN_OR_LIVE = LIVE | {INDOUBT}
"""States of a newer attempt in which an older one of the same unit must not come back."""


class Doubt:
    """The part of a treatment region that resolves unknown outcomes."""

    def __init__(self, region: TreatmentRegion) -> None:
        self.region = region
        region.requests[t.STATUS_QUERY] = self._on_query
        region.results[t.STATUS_QUERY] = self._on_status
        region.expired[t.STATUS_QUERY] = self._on_query_unanswered
        region.requests[t.REVERSAL] = self._on_reversal
        region.results[t.REVERSAL] = self._on_reversed

    # ------------------------------------------------------------- a time-out

    def on_settlement_unanswered(self, pending: Pending, now: Instant) -> list[Envelope]:
        """Time is up: tell the client that it is unknown, and ask."""
        return self._unanswered(pending, now, "settlement")

    def on_cancellation_unanswered(self, pending: Pending, now: Instant) -> list[Envelope]:
        """The same of a cancellation."""
        return self._unanswered(pending, now, "cancellation")

    def _unanswered(self, pending: Pending, now: Instant, what: str) -> list[Envelope]:
        region = self.region
        case = region.state.cases[pending.origin.case_key]
        told = region.tell(pending.client, ErrorCode.E_TIMEOUT, now, case.key)
        if case.state != INDOUBT:
            return told
        query = StatusQuery(person_no=case.person_no, visit=case.visit, batch=case.batch)
        wait = Wait(FORWARD_TIMEOUT, context=what)
        sent = region.forward(
            pending.origin, t.STATUS_QUERY, query, case.med_type, now, case.key, wait
        )
        return [*told, sent]

    def _on_status(self, envelope: Envelope, pending: Pending, now: Instant) -> list[Envelope]:
        region = self.region
        case = region.state.cases[pending.origin.case_key]
        status = open_body(envelope)
        settled = None
        if isinstance(status, StatusResult) and status.settlement:
            settled = self._settlement_in(envelope, status)
        # From here the operation succeeds.
        region.outbox.take(pending.origin.message_id)
        if case.state != INDOUBT:
            return []
        state = status.state if isinstance(status, StatusResult) else ""
        if pending.context == "cancellation":
            if state == REVERSED:
                region.undo.take_back(case, PostingKind.CANCEL, envelope)
                return []
            return [self._reverse(case, pending.origin, now, "cancellation")]
        if settled is not None and state in LIVE:
            answer, copy = settled
            region.book(case, answer, copy)
            return []
        if state == REJECTED:
            region.reject(case, ErrorCode.E_REVERSED)
            return []
        return [self._reverse(case, pending.origin, now, "settlement")]

    def _settlement_in(
        self, envelope: Envelope, status: StatusResult
    ) -> tuple[SettlementResult, Envelope]:
        """The saved settlement answer inside a status answer, as an envelope of its own."""
        asked = envelope.origin
        copy = Envelope(
            envelope.hop,
            Origin(t.OUTPATIENT_SETTLEMENT, Kind.RESULT, asked.message_id, asked.correlation_id,
                   asked.sender, asked.recipient, asked.case_key, asked.treatment, asked.insured,
                   asked.partition_key, asked.created_at, 0, asked.trace_id),
            b"",
            status.settlement,
            envelope.stamp,
        )  # fmt: skip
        answer = open_body(copy)
        assert isinstance(answer, SettlementResult)
        return answer, copy

    def _on_query_unanswered(self, pending: Pending, now: Instant) -> list[Envelope]:
        case = self.region.state.cases[pending.origin.case_key]
        if case.state != INDOUBT:
            return []
        return [self._reverse(case, pending.origin, now, pending.context)]

    def _reverse(
        self, case: Case, like: Origin, now: Instant, what: str, client: Origin | None = None
    ) -> Envelope:
        """A reversal that is resent until it is answered (INV-19)."""
        cancels = what == "cancellation"
        word = "cancellation" if cancels else "settlement"
        body = ReversalRequest(
            person_no=case.person_no,
            original_message_id=case.cancel_message_id if cancels else case.settle_message_id,
            original_transaction=t.family_code(word, case.med_type),
        )
        return self.region.forward(
            like, t.REVERSAL, body, case.med_type, now, case.key, Wait(0, client, what)
        )

    # ------------------------------------------------------------- asked by an institution

    def _on_query(self, envelope: Envelope, body: StatusQuery, now: Instant) -> list[Envelope]:
        """5203 from an institution (or the hub, by case key): how the case stands here."""
        region, asked = self.region, envelope.origin
        case = region.state.cases.get(asked.case_key)
        institution = institution_of(envelope)
        if case is None and institution:
            unit = region.state.units.get(unit_key(institution, body.visit, body.batch))
            case = region.state.cases.get(unit.key) if unit is not None else None
        if case is None:
            return region.answer(envelope, StatusResult(state=""), now)
        if case.state == INDOUBT and institution:
            return region.refuse(envelope, ErrorCode.E_IN_DOUBT, now)
        live = case.state in LIVE
        result = StatusResult(state=case.state, settlement=case.answer if live else b"")
        return region.answer(envelope, result, now)

    def _on_reversal(
        self, envelope: Envelope, body: ReversalRequest, now: Instant
    ) -> list[Envelope]:
        region, asked = self.region, envelope.origin
        if (again := region.first_answer(envelope, now)) is not None:
            return again
        key = region.state.effect_ids.get(body.original_message_id)
        if key is None:
            # Reversed before it came, or never sent: it must not take effect later.
            region.state.tombstones[body.original_message_id] = True
            result = ReversalResult(outcome="nothing", original_message_id=body.original_message_id)
            return region.answer(envelope, result, now)
        case = region.state.cases[key]
        cancels = body.original_transaction in t.CANCELLATIONS
        problem = self._mismatch(case, body, cancels)
        if problem is not None:
            return region.refuse(envelope, problem, now)
        undone = case.state == REVERSED and not cancels
        if undone or case.state == REJECTED or (cancels and case.state == SETTLED):
            outcome = "reversed" if undone else "nothing"
            result = ReversalResult(outcome=outcome, original_message_id=body.original_message_id)
            return region.answer(envelope, result, now)
        # From here the operation succeeds.
        region.remember(asked.message_id, envelope.body, -1, b"")
        what = "cancellation" if cancels else "settlement"
        return [self._reverse(case, asked, now, what, client=asked)]

    def _mismatch(self, case: Case, body: ReversalRequest, cancels: bool) -> ErrorCode | None:
        """Why a reversal does not fit its original. Source: bad-input W30."""
        word = "cancellation" if cancels else "settlement"
        if (
            body.original_transaction != t.family_code(word, case.med_type)
            or body.person_no != case.person_no
            or (body.total_fen and case.total_fen and body.total_fen != case.total_fen)
        ):
            return ErrorCode.E_REVERSAL_MISMATCH
        if case.state == CLEARED or self.region.books.holds(case.key):
            return ErrorCode.E_CLEARED
        unit = self.region.state.units[unit_key(case.institution, case.visit, case.batch)]
        newer = self.region.state.cases.get(unit.key)
        if cancels and newer is not None and newer is not case and newer.state in OPEN_OR_LIVE:
            return ErrorCode.E_ALREADY_SETTLED
        return None

    def _on_reversed(self, envelope: Envelope, pending: Pending, now: Instant) -> list[Envelope]:
        """The insured region has reversed, or knows for certain that there was nothing."""
        region = self.region
        case = region.state.cases[pending.origin.case_key]
        answer = open_body(envelope)
        # From here the operation succeeds.
        region.outbox.take(pending.origin.message_id)
        if isinstance(answer, ReversalResult):
            self._settle_doubt(case, answer, pending, envelope)
        elif isinstance(answer, Rejection) and case.state == INDOUBT and case.answer:
            advance("treatment", case, SETTLED)
        return region.pass_on(envelope, pending, now)

    def _settle_doubt(
        self, case: Case, answer: ReversalResult, pending: Pending, envelope: Envelope
    ) -> None:
        region = self.region
        if pending.context == "cancellation":
            if case.state == REVERSED and answer.outcome == "reinstated":
                region.undo.reinstate(case)
            elif case.state == INDOUBT:
                advance("treatment", case, SETTLED)
        elif answer.outcome == "rejected" and case.state == INDOUBT:
            region.reject(case, ErrorCode.E_REVERSED)
        elif case.answer and case.state in (SETTLED, INDOUBT):
            region.undo.take_back(case, PostingKind.REVERSE, envelope)
        elif case.state == INDOUBT:
            advance("treatment", case, REVERSED)
            case.day = answer.day
