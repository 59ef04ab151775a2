"""A node that is not ours, as the network knows it: what it was asked and what it answered.

Somebody's own node stands under an address of the network. Here its place is held by an
`ObservedNode`: it passes on what the own node serves (hop `outside/…`), takes its answers back as
inputs like any other, relays them as they are, and remembers what follows from them. For that
memory, and for everything the own node does not serve, it has one of our nodes of that role, the
*stand-in*: it books what the own node answered rather than what it would have computed, so that
reconciliation and clearing go on, and it never puts words into the own node's mouth.

So whatever is known of the own node is a fold of the journal: no word of its own is believed,
and a replay comes to the same.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from yidi.nodes.base import Node
from yidi.nodes.insured_region import Computed, InsuredRegion
from yidi.nodes.observed_amounts import AmountsState, compare, told_amounts
from yidi.nodes.treatment_region import is_final
from yidi.protocol import transactions as t
from yidi.protocol.bodies import open_body
from yidi.protocol.codec import encode
from yidi.protocol.envelope import Envelope, Link, frame, unframe
from yidi.protocol.errors import ErrorCode, RemoteProtocolError
from yidi.protocol.instants import Instant
from yidi.protocol.messages import Rejection, ReversalResult, SettlementRequest, SettlementResult
from yidi.protocol.transactions import Kind

OUTSIDE = "outside/"
"""How the hop to the own node begins, and the sender of a frame from there; then whom it speaks
with on our side (`outside/hub:100000`)."""
CASES_MAX = 100_000
"""Settlement ids remembered, to notice a case that is settled under two."""
_CLAIMS = t.PRE_SETTLEMENTS | t.SETTLEMENTS


class Observed(msgspec.Struct, frozen=True, kw_only=True):
    """An own node as it takes part in a run: what manifest.json says of it."""

    address: str
    serves: tuple[str, ...]
    """Transactions that are passed on to it; the stand-in answers the others."""
    level: int = 0
    """0 answers under the same correlation id; 1 is durable, with sequence and watermark."""
    carrier: str = "http"
    """`http`, `mqtt` or `nats`."""
    format: str = "json"
    """`json` or `msgpack`."""
    amounts: bool = True
    """Whether its amounts are held against the policy of its region."""


class ObservedState(msgspec.Struct, kw_only=True):
    """What is remembered beside the stand-in's memory."""

    asked: dict[str, bytes] = {}
    """Message id of what was passed on and is not answered yet → its frame."""
    passed_on: dict[str, int] = {}
    """Transaction → how often it was passed on, repeats among them."""
    answered: dict[str, int] = {}
    refused: dict[str, int] = {}
    stood_in: dict[str, int] = {}
    """Transaction → how often the stand-in answered instead."""
    unmatched: int = 0
    """Answers to nothing that is open."""
    settlements: dict[str, str] = {}
    """Case key → settlement id that the own node gave first."""
    contradictions: list[tuple[str, str]] = []
    """Case key and what contradicts an earlier answer."""
    amounts: AmountsState = msgspec.field(default_factory=AmountsState)


class ObservedNode:
    """The place of somebody's own node, as a sans-IO machine.

    Args:
        stand_in: one of our nodes under the same address.
        observed: what the own node serves.
    """

    def __init__(self, stand_in: Node[Any], observed: Observed) -> None:
        self.stand_in = stand_in
        self.observed = observed
        self.address, self.code, self.role = stand_in.address, stand_in.code, stand_in.role
        self.state: Any = stand_in.state
        self.ledger, self.outbox = stand_in.ledger, stand_in.outbox
        self.config: Any = getattr(stand_in, "config", None)
        self.seen = ObservedState()
        self.serves = frozenset(observed.serves)
        self._told: SettlementResult | Rejection | None = None
        """The answer that the stand-in is about to book."""
        self._computed: Callable[[Envelope, SettlementRequest], Computed | ErrorCode] | None = None
        if isinstance(stand_in, InsuredRegion):
            self._computed, stand_in.decide = stand_in.decide, self._decide

    # ------------------------------------------------------------- the three calls of a host

    def handle(self, envelope: Envelope, now: Instant) -> list[Envelope]:
        """Apply one message of the network, or of the own node, and return what to send.

        Raises:
            RemoteProtocolError: the message is nonsense; no state has changed.
        """
        origin, link = envelope.origin, envelope.link
        assert link is not None
        if link.sender.startswith(OUTSIDE):
            self._observe(now)
            return self._on_outside(envelope, now)
        if self._is_served(envelope):
            self._observe(now)
            return [self._passed_on(envelope, link)]
        if origin.kind == Kind.REQUEST:
            _count(self.seen.stood_in, origin.transaction)
        return self.stand_in.handle(envelope, now)

    def next_deadline(self) -> Instant | None:
        """When the stand-in next wants to be woken."""
        return self.stand_in.next_deadline()

    def handle_deadline(self, now: Instant) -> list[Envelope]:
        """Let the stand-in resend what it has asked itself."""
        return self.stand_in.handle_deadline(now)

    def snapshot(self) -> bytes:
        """The whole memory as one document."""
        return encode([self.stand_in.state, self.seen])

    def _observe(self, now: Instant) -> None:
        assert now >= self.state.now, "time never goes back (INV-38)"
        self.state.now = now

    # ------------------------------------------------------------- to the own node

    def _is_served(self, envelope: Envelope) -> bool:
        """Whether a request goes to the own node; one that cannot be read the stand-in refuses."""
        origin = envelope.origin
        if origin.kind != Kind.REQUEST or origin.recipient != self.address:
            return False
        if origin.transaction not in self.serves:
            return False
        try:
            open_body(envelope)
        except RemoteProtocolError:
            return False
        return True

    def _passed_on(self, envelope: Envelope, link: Link) -> Envelope:
        """The same request for the own node; a repeat goes there, too: its keys decide."""
        origin = envelope.origin
        self.seen.asked[origin.message_id] = frame(envelope, link)
        _count(self.seen.passed_on, origin.transaction)
        return envelope.relayed(OUTSIDE + link.sender, envelope.stamp)

    # ------------------------------------------------------------- from the own node

    def _on_outside(self, envelope: Envelope, now: Instant) -> list[Envelope]:
        origin = envelope.origin
        if origin.sender != self.address:
            raise RemoteProtocolError(
                ErrorCode.E_SENDER_MISMATCH, want=self.address, got=origin.sender
            )
        raw = self.seen.asked.get(origin.correlation_id)
        request = unframe(raw) if raw is not None else None
        if request is None or request.origin.transaction != origin.transaction:
            self.seen.unmatched += 1
            return []
        body = open_body(envelope)
        # From here the operation succeeds.
        del self.seen.asked[origin.correlation_id]
        refusal = isinstance(body, Rejection)
        _count(self.seen.refused if refusal else self.seen.answered, origin.transaction)
        assert request.link is not None
        answer = envelope.relayed(request.link.sender, None)
        outputs, ours = self._booked(request, body, now)
        if isinstance(body, ReversalResult) and not body.outcome and ours is not None:
            # The national 2601 has no output: what was undone follows from what had been answered.
            answer = Envelope(answer.hop, answer.origin, answer.origin_bytes, ours.body)
        return [answer, *outputs]

    def _booked(
        self, request: Envelope, body: msgspec.Struct, now: Instant
    ) -> tuple[list[Envelope], Envelope | None]:
        """Let the stand-in take over what was answered.

        Returns:
            What it sends besides, and its own answer, which is not sent.
        """
        transaction = request.origin.transaction
        if isinstance(body, SettlementResult | Rejection) and transaction in _CLAIMS:
            if isinstance(body, Rejection) and not is_final(body.code):
                return [], None
            self._note_settlement(request, body)
            self._told = body
        elif isinstance(body, Rejection):
            return [], None
        try:
            outputs = self.stand_in.handle(request, now)
        finally:
            self._told = None
        asked = request.origin.message_id
        ours = [one for one in outputs if one.origin.correlation_id == asked]
        others = [one for one in outputs if one.origin.correlation_id != asked]
        return others, ours[0] if ours else None

    def _note_settlement(self, request: Envelope, body: SettlementResult | Rejection) -> None:
        """A case has one settlement id, and is settled or refused, for good."""
        key = request.origin.case_key
        if request.origin.transaction not in t.SETTLEMENTS or not isinstance(
            body, SettlementResult
        ):
            return
        settlements = self.seen.settlements
        first = settlements.setdefault(key, body.settlement_id)
        if first != body.settlement_id:
            self._contradict(key, f"settled as {first}, and again as {body.settlement_id}")
        elif self.state.cases.get(key) is not None and self.state.cases[key].state == "REVERSED":
            self._contradict(key, "settled after its reversal was accepted")
        if len(settlements) > CASES_MAX:
            del settlements[next(iter(settlements))]

    def _contradict(self, key: str, facts: str) -> None:
        if len(self.seen.contradictions) < CASES_MAX:
            self.seen.contradictions.append((key, facts))

    # ------------------------------------------------------------- what an insured region decides

    def _decide(self, envelope: Envelope, body: SettlementRequest) -> Computed | ErrorCode:
        """What the own node answered, where it did; else what the stand-in computes."""
        told, computed = self._told, self._computed
        assert computed is not None
        if told is None:
            return computed(envelope, body)
        if self.observed.amounts:
            compare(self.seen.amounts, envelope, told, computed(envelope, body))
        if isinstance(told, Rejection):
            return ErrorCode(told.code)
        if body.person_no not in self.state.persons:
            return ErrorCode.E_PERSON_UNKNOWN
        return told_amounts(envelope, body, told)


def _count(counts: dict[str, int], transaction: str) -> None:
    counts[transaction] = counts.get(transaction, 0) + 1
