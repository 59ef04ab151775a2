"""Undoing at the insured region: cancellation of the known, reversal of the unknown, 5203.

A cancellation (2103, 2208, 2305) takes back a settlement both sides know of. A reversal (2601)
undoes whatever the message it names did: a settlement that took effect is reversed, a
cancellation that took effect is undone (REINSTATE), and a message that has not come yet finds a
tombstone when it does. After clearing nothing is taken back. Legs and accumulators of an undoing
are those of the settlement with the sign turned (INV-17). Source: domain 3.4, faults 1.5.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from yidi.nodes.ledger import PostingKind
from yidi.nodes.lifecycle import CLEARED, LIVE, REJECTED, REVERSED, SETTLED, Case, advance
from yidi.nodes.region_books import stamped_by
from yidi.nodes.visits import unit_key
from yidi.protocol import transactions as t
from yidi.protocol.codec import encode
from yidi.protocol.envelope import Envelope
from yidi.protocol.errors import ErrorCode
from yidi.protocol.instants import Instant
from yidi.protocol.messages import (
    CancellationRequest,
    CancellationResult,
    ReversalRequest,
    ReversalResult,
    StatusQuery,
    StatusResult,
)

if TYPE_CHECKING:
    from yidi.nodes.insured_region import InsuredRegion


class Undo:
    """The part of an insured region that takes settlements back."""

    def __init__(self, region: InsuredRegion) -> None:
        self.region = region
        for transaction in t.CANCELLATIONS:
            region.requests[transaction] = self._on_cancellation
        region.requests[t.REVERSAL] = self._on_reversal
        region.requests[t.STATUS_QUERY] = self._on_query

    # ------------------------------------------------------------- cancellation

    def _on_cancellation(
        self, envelope: Envelope, body: CancellationRequest, now: Instant
    ) -> list[Envelope]:
        region, origin = self.region, envelope.origin
        case = region.state.cases.get(origin.case_key)
        if origin.message_id in region.state.tombstones:
            return region.refuse(envelope, ErrorCode.E_REVERSED, now)
        digest = sha256(envelope.body).digest()[:16]
        if case is not None and case.cancel_digest:
            if case.cancel_digest != digest:
                return region.refuse(envelope, ErrorCode.E_KEY_REUSED, now)
            return self._again(envelope, case.cancel_answer, now)
        if case is None or case.state not in LIVE:
            return region.refuse(envelope, ErrorCode.E_NOT_SETTLED, now)
        if case.state == CLEARED or region.books.holds(case.key):
            return region.refuse(envelope, ErrorCode.E_CLEARED, now)
        if case.settlement_id != body.settlement_id or case.person_no != body.person_no:
            return region.refuse(envelope, ErrorCode.E_NOT_SETTLED, now)
        # From here the operation succeeds.
        case.cancel_digest, case.cancel_message_id = digest, origin.message_id
        self._take_back(envelope, case, PostingKind.CANCEL)
        region.state.settled += 1
        result = CancellationResult(
            settlement_id=f"S{region.code}{region.state.settled:013d}",
            original_id=case.settlement_id,
            total_fen=case.total_fen,
            fund_fen=case.fund_fen,
            account_fen=case.account_fen,
            cash_fen=case.cash_fen,
            balance_fen=region.state.persons[case.person_no].balance_fen,
        )
        case.cancel_answer = encode(result)
        return self._again(envelope, case.cancel_answer, now)

    def _again(self, envelope: Envelope, body: bytes, now: Instant) -> list[Envelope]:
        link = envelope.link
        assert link is not None
        return [self.region.answered(envelope.origin, link.sender, body, now)]

    def _take_back(self, envelope: Envelope, case: Case, kind: PostingKind) -> None:
        """Money, accumulators and unit as if the case had not been, on the stamped day."""
        region = self.region
        advance("insured", case, REVERSED)
        case.undone_day = envelope.stamp.day if envelope.stamp is not None else ""
        person = region.state.persons[case.person_no]
        person.balance_fen += case.account_fen
        if case.change is not None:
            year = case.benefit_year
            person.years[year] = person.years[year].minus(case.change)
        region.state.live_units.pop(unit_key(case.institution, case.visit, case.batch), None)
        region.ledger.post(case.key, kind, region.legs(case, 1))
        region.books.note_undone(case, case.undone_day, stamped_by(envelope))

    # ------------------------------------------------------------- reversal

    def _on_reversal(
        self, envelope: Envelope, body: ReversalRequest, now: Instant
    ) -> list[Envelope]:
        region = self.region
        case = region.state.cases.get(envelope.origin.case_key)
        if case is not None and self._mismatches(case, body):
            return region.refuse(envelope, ErrorCode.E_REVERSAL_MISMATCH, now)
        if case is not None and (case.state == CLEARED or region.books.holds(case.key)):
            return region.refuse(envelope, ErrorCode.E_CLEARED, now)
        if case is not None and self._settled_anew(case, body):
            return region.refuse(envelope, ErrorCode.E_ALREADY_SETTLED, now)
        # From here the operation succeeds.
        region.state.tombstones[body.original_message_id] = True
        if body.original_transaction in t.CANCELLATIONS:
            outcome = self._reverse_cancellation(case, body)
        else:
            outcome = self._reverse_settlement(envelope, case)
        result = ReversalResult(
            outcome=outcome,
            original_message_id=body.original_message_id,
            fund_fen=case.fund_fen if case is not None else 0,
            day=case.day if case is not None else "",
        )
        return region.answer(envelope, result, now)

    def _mismatches(self, case: Case, body: ReversalRequest) -> bool:
        """Source: bad-input W30: person, transaction and amount must be the original's."""
        if case.person_no and body.person_no != case.person_no:
            return True
        if body.total_fen and case.total_fen and body.total_fen != case.total_fen:
            return True
        cancels = body.original_transaction in t.CANCELLATIONS
        word = "cancellation" if cancels else "settlement"
        return bool(case.med_type) and body.original_transaction != t.family_code(
            word, case.med_type
        )

    def _settled_anew(self, case: Case, body: ReversalRequest) -> bool:
        """Whether the unit of a cancelled case has been settled again since (INV-10)."""
        if case.state != REVERSED or body.original_transaction not in t.CANCELLATIONS:
            return False
        place = unit_key(case.institution, case.visit, case.batch)
        return place in self.region.state.live_units

    def _reverse_settlement(self, envelope: Envelope, case: Case | None) -> str:
        region, origin = self.region, envelope.origin
        if case is None:
            case = Case(key=origin.case_key, treatment=origin.treatment, insured=region.code)
            region.state.cases[case.key] = case
        if case.state == SETTLED:
            self._take_back(envelope, case, PostingKind.REVERSE)
            return "reversed"
        if case.state == REVERSED:
            return "reversed" if case.answer else "nothing"
        if case.state == REJECTED:
            return "rejected"
        # A tombstone: whatever comes later under this key is refused; nothing is posted.
        advance("insured", case, REVERSED)
        return "nothing"

    def _reverse_cancellation(self, case: Case | None, body: ReversalRequest) -> str:
        """Undo a cancellation that took effect; one that has not come finds its tombstone."""
        if case is None or case.cancel_message_id != body.original_message_id:
            return "nothing"
        if case.state == SETTLED:
            return "reinstated"  # already, and the answer did not arrive
        if case.state != REVERSED or not case.cancel_answer:
            return "nothing"
        region = self.region
        advance("insured", case, SETTLED)
        case.cancel_answer, case.cancel_digest, case.undone_day = b"", b"", ""
        person = region.state.persons[case.person_no]
        person.balance_fen -= case.account_fen
        if case.change is not None:
            year = case.benefit_year
            person.years[year] = person.years[year].plus(case.change)
        region.state.live_units[unit_key(case.institution, case.visit, case.batch)] = case.key
        region.ledger.post(case.key, PostingKind.REINSTATE, region.legs(case, -1))
        return "reinstated"

    # ------------------------------------------------------------- 5203

    def _on_query(self, envelope: Envelope, body: StatusQuery, now: Instant) -> list[Envelope]:
        case = self.region.state.cases.get(envelope.origin.case_key)
        if case is None:
            return self.region.answer(envelope, StatusResult(state=""), now)
        settlement = case.answer if case.state in LIVE else b""
        result = StatusResult(state=case.state, settlement=settlement)
        return self.region.answer(envelope, result, now)
