"""Cancellation at the treatment region: a settlement that both sides know of is taken back.

An institution cancels (2103, 2208, 2305) what it was told is settled. From the moment its request
is forwarded the case is INDOUBT, as with a settlement, and a time-out is an unknown
(`treatment_doubt`). After clearing nothing is taken back. Source: domain 3.4, faults 1.5.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from yidi.nodes.ledger import PostingKind
from yidi.nodes.lifecycle import INDOUBT, LIVE, REVERSED, SETTLED, Case, advance
from yidi.nodes.outbox import FORWARD_TIMEOUT, Pending, Wait
from yidi.nodes.region_books import stamped_by
from yidi.nodes.visits import unit_key
from yidi.protocol import transactions as t
from yidi.protocol.bodies import open_body
from yidi.protocol.envelope import Envelope
from yidi.protocol.error_codes import is_definite
from yidi.protocol.errors import ErrorCode
from yidi.protocol.instants import Instant
from yidi.protocol.messages import CancellationRequest, Rejection
from yidi.protocol.transactions import RESULT

if TYPE_CHECKING:
    from yidi.nodes.treatment_region import TreatmentRegion


class Undo:
    """The part of a treatment region that takes settlements back."""

    def __init__(self, region: TreatmentRegion) -> None:
        self.region = region
        for transaction in t.CANCELLATIONS:
            region.requests[transaction] = self._on_cancellation
            region.results[transaction] = self._on_cancelled
            region.expired[transaction] = region.doubt.on_cancellation_unanswered

    def _on_cancellation(
        self, envelope: Envelope, body: CancellationRequest, now: Instant
    ) -> list[Envelope]:
        region, asked = self.region, envelope.origin
        if asked.message_id in region.state.tombstones:
            return region.refuse(envelope, ErrorCode.E_REVERSED, now)
        if asked.message_id in region.state.effect_ids:
            return region.effect_again(envelope, now)
        unit = region.state.units.get(unit_key(body.institution, body.visit, body.batch))
        case = region.state.cases.get(unit.key) if unit is not None else None
        if case is None or asked.sender != f"institution:{body.institution}":
            return region.refuse(envelope, ErrorCode.E_NOT_SETTLED, now)
        if case.state not in LIVE:
            code = ErrorCode.E_IN_DOUBT if case.state == INDOUBT else ErrorCode.E_NOT_SETTLED
            return region.refuse(envelope, code, now)
        if case.state != SETTLED or region.books.holds(case.key):
            return region.refuse(envelope, ErrorCode.E_CLEARED, now)
        if case.person_no != body.person_no or case.settlement_id != body.settlement_id:
            return region.refuse(envelope, ErrorCode.E_PERSON_MISMATCH, now)
        # From here the operation succeeds.
        advance("treatment", case, INDOUBT)
        wait = Wait(FORWARD_TIMEOUT, asked)
        sent = region.forward(asked, asked.transaction, body, case.med_type, now, case.key, wait)
        case.cancel_message_id = sent.origin.message_id
        case.cancel_digest = sha256(envelope.body).digest()[:16]
        case.cancel_answer = b""
        region.state.effect_ids[asked.message_id] = case.key
        return [sent]

    def _on_cancelled(self, envelope: Envelope, pending: Pending, now: Instant) -> list[Envelope]:
        region = self.region
        case = region.state.cases[pending.origin.case_key]
        answer = open_body(envelope)
        # From here the operation succeeds.
        region.outbox.take(pending.origin.message_id)
        if isinstance(answer, Rejection) and not is_definite(answer.code):
            return region.doubt.on_cancellation_unanswered(pending, now)
        if case.state == INDOUBT and case.cancel_message_id == pending.origin.message_id:
            if envelope.origin.kind == RESULT:
                case.cancel_answer = envelope.body
                self.take_back(case, PostingKind.CANCEL, envelope)
            else:
                advance("treatment", case, SETTLED)
        client = pending.client
        if client is None:
            return []
        kind = envelope.origin.kind
        return [region.answered(client, client.sender, envelope.body, now, kind, case.key)]

    def take_back(self, case: Case, kind: PostingKind, envelope: Envelope) -> None:
        """Take a booked case back: the same legs turned round, on the day the hub stamped."""
        advance("treatment", case, REVERSED)
        self.region.ledger.post(case.key, kind, self.region.legs(case, -1))
        case.undone_day = envelope.stamp.day if envelope.stamp is not None else ""
        self.region.books.note_undone(case, case.undone_day, stamped_by(envelope))

    def reinstate(self, case: Case) -> None:
        """A cancellation was reversed: the settlement stands again, on its own day."""
        advance("treatment", case, SETTLED)
        case.undone_day, case.cancel_answer = "", b""
        self.region.ledger.post(case.key, PostingKind.REINSTATE, self.region.legs(case, 1))
