"""What follows from the answers of somebody's own insured region: our stand-in books them.

The stand-in checks what it knows (is the key used, is it reversed, is the unit live) and takes
the amounts as they were answered; where a policy of ours speaks, they are compared on the way.
"""

from __future__ import annotations

import msgspec

from yidi.nodes.insured_region import Computed, InsuredRegion
from yidi.nodes.lifecycle import REVERSED
from yidi.nodes.observed import CASES_MAX, Follower, Observed, ObservedState
from yidi.nodes.observed_amounts import compare, told_amounts
from yidi.nodes.treatment_region import is_final
from yidi.protocol import transactions as t
from yidi.protocol.envelope import Envelope
from yidi.protocol.errors import ErrorCode
from yidi.protocol.instants import Instant
from yidi.protocol.messages import Rejection, ReversalResult, SettlementRequest, SettlementResult

_CLAIMS = t.PRE_SETTLEMENTS | t.SETTLEMENTS


class InsuredFollower(Follower):
    """Books what an own insured region answers."""

    def __init__(self, stand_in: InsuredRegion, seen: ObservedState, observed: Observed) -> None:
        super().__init__(stand_in, seen, observed)
        self._told: SettlementResult | Rejection | None = None
        """The answer that the stand-in is about to book."""
        self._cases = stand_in.state.cases
        self._persons = stand_in.state.persons
        self._computed, stand_in.decide = stand_in.decide, self._decide

    def answered(
        self, request: Envelope, answer: Envelope, body: msgspec.Struct, now: Instant
    ) -> list[Envelope]:
        """Relay the answer as it is, and let the stand-in take it over."""
        transaction = request.origin.transaction
        if isinstance(body, SettlementResult | Rejection) and transaction in _CLAIMS:
            if isinstance(body, Rejection) and not is_final(body.code):
                return [answer]
            self._note_settlement(request, body)
            self._told = body
        elif isinstance(body, Rejection):
            return [answer]
        try:
            outputs = self.stand_in.handle(request, now)
        finally:
            self._told = None
        asked = request.origin.message_id
        ours = next((one for one in outputs if one.origin.correlation_id == asked), None)
        if isinstance(body, ReversalResult) and not body.outcome and ours is not None:
            # The national 2601 has no output: what was undone follows from what had been answered.
            answer = Envelope(answer.hop, answer.origin, answer.origin_bytes, ours.body)
        return [answer, *(one for one in outputs if one is not ours)]

    def _note_settlement(self, request: Envelope, body: SettlementResult | Rejection) -> None:
        """A case has one settlement id, and no settlement after its reversal."""
        key = request.origin.case_key
        if request.origin.transaction not in t.SETTLEMENTS or isinstance(body, Rejection):
            return
        settlements, case = self.seen.settlements, self._cases.get(key)
        first = settlements.setdefault(key, body.settlement_id)
        if first != body.settlement_id:
            self._contradict(key, f"settled as {first}, and again as {body.settlement_id}")
        elif case is not None and case.state == REVERSED:
            self._contradict(key, "settled after its reversal was accepted")
        if len(settlements) > CASES_MAX:
            del settlements[next(iter(settlements))]

    def _contradict(self, key: str, facts: str) -> None:
        if len(self.seen.contradictions) < CASES_MAX:
            self.seen.contradictions.append((key, facts))

    def _decide(self, envelope: Envelope, body: SettlementRequest) -> Computed | ErrorCode:
        """What the own node answered, where it did; else what the stand-in computes."""
        told = self._told
        if told is None:
            return self._computed(envelope, body)
        if self.observed.amounts:
            compare(self.seen.amounts, envelope, told, self._computed(envelope, body))
        if isinstance(told, Rejection):
            return ErrorCode(told.code)
        if body.person_no not in self._persons:
            return ErrorCode.E_PERSON_UNKNOWN
        return told_amounts(envelope, body, told)
