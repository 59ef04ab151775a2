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

from typing import Any

import msgspec

from yidi.nodes.base import Node
from yidi.nodes.observed_amounts import AmountsState
from yidi.nodes.outbox import Pending
from yidi.protocol.bodies import open_body
from yidi.protocol.codec import encode
from yidi.protocol.envelope import Envelope, Link, frame, unframe
from yidi.protocol.errors import ErrorCode, RemoteProtocolError
from yidi.protocol.instants import Instant
from yidi.protocol.messages import Rejection
from yidi.protocol.transactions import Kind

OUTSIDE = "outside/"
"""How the hop to the own node begins, and the sender of a frame from there; then whom it speaks
with on our side (`outside/hub:100000`)."""
HUB = "hub"
"""Whom an own node speaks with that does not say: whichever hub its message goes through."""
CASES_MAX = 100_000
"""Settlement ids and requests remembered; the oldest are forgotten."""


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
    own: dict[str, str] = {}
    """Message id of a request of its own → whom it was sent to."""
    expected: dict[str, Pending] = {}
    """What our platform would have forwarded: transaction and unit → the request."""
    forwarded: dict[str, Pending] = {}
    """Message id of what the own platform forwarded → ours, under its id."""
    answers: dict[str, bytes] = {}
    """Message id of what the own hub forwarded → the frame of the answer it was handed."""


class Follower:
    """Lets the stand-in follow what the own node does; roles differ in what follows from it.

    This one is for provinces and whoever else only answers: what was answered, the stand-in does.
    """

    def __init__(self, stand_in: Node[Any], seen: ObservedState, observed: Observed) -> None:
        self.stand_in, self.seen, self.observed = stand_in, seen, observed

    def takes(self, origin: Any) -> bool:
        """Whether a request is for this node."""
        return bool(origin.recipient == self.stand_in.address)

    def passed_on(self, request: Envelope, now: Instant) -> list[Envelope]:
        """A request is passed on: what goes to the own node for it."""
        assert request.link is not None
        return [request.relayed(OUTSIDE + request.link.sender, request.stamp)]

    def answered(
        self, request: Envelope, answer: Envelope, body: msgspec.Struct, now: Instant
    ) -> list[Envelope]:
        """The own node has answered: what is sent for it, the answer first."""
        if isinstance(body, Rejection):
            return [answer]
        return [answer, *self.besides(request, now)]

    def asked(self, request: Envelope, peer: str, now: Instant) -> Envelope:
        """The own node asks something itself: the message that the network gets."""
        hop = request.origin.recipient if peer == HUB else peer
        return request.relayed(hop, request.stamp)

    def heard(self, answer: Envelope, now: Instant) -> None:
        """The network has answered what the own node asked."""

    def besides(self, request: Envelope, now: Instant) -> list[Envelope]:
        """Let the stand-in take over a request; what it sends, but for its own answer."""
        asked = request.origin.message_id
        outputs = self.stand_in.handle(request, now)
        return [one for one in outputs if one.origin.correlation_id != asked]


class ObservedNode:
    """The place of somebody's own node, as a sans-IO machine.

    Args:
        stand_in: one of our nodes under the same address.
        observed: what the own node serves.
        seen: fresh or restored memory of what it did.
        follower: lets the stand-in follow, as its role wants it.
    """

    def __init__(
        self, stand_in: Node[Any], observed: Observed, seen: ObservedState, follower: Follower
    ) -> None:
        self.stand_in, self.observed, self.seen, self.follower = stand_in, observed, seen, follower
        self.address, self.code, self.role = stand_in.address, stand_in.code, stand_in.role
        self.state: Any = stand_in.state
        self.ledger, self.outbox = stand_in.ledger, stand_in.outbox
        self.config: Any = getattr(stand_in, "config", None)
        self.serves = frozenset(observed.serves)

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
            if origin.kind == Kind.REQUEST:
                return [self._on_request(envelope, link, now)]
            return self._on_answer(envelope, now)
        if self._is_served(envelope):
            self._observe(now)
            return self._pass_on(envelope, link, now)
        if origin.kind != Kind.REQUEST and origin.correlation_id in self.seen.own:
            self._observe(now)
            return [self._told(envelope, now)]
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
        if origin.kind != Kind.REQUEST or origin.transaction not in self.serves:
            return False
        if not self.follower.takes(origin):
            return False
        try:
            open_body(envelope)
        except RemoteProtocolError:
            return False
        return True

    def _pass_on(self, envelope: Envelope, link: Link, now: Instant) -> list[Envelope]:
        """The same request for the own node; a repeat goes there, too: its keys decide."""
        origin = envelope.origin
        outputs = self.follower.passed_on(envelope, now)
        self.seen.asked[origin.message_id] = frame(envelope, link)
        _count(self.seen.passed_on, origin.transaction)
        return outputs

    def _told(self, envelope: Envelope, now: Instant) -> Envelope:
        """The network's answer to what the own node asked itself."""
        self.follower.heard(envelope, now)
        peer = self.seen.own[envelope.origin.correlation_id]
        return envelope.relayed(OUTSIDE + peer, envelope.stamp)

    # ------------------------------------------------------------- from the own node

    def _on_answer(self, envelope: Envelope, now: Instant) -> list[Envelope]:
        origin = envelope.origin
        raw = self.seen.asked.get(origin.correlation_id)
        request = unframe(raw) if raw is not None else None
        if request is None or request.origin.transaction != origin.transaction:
            self.seen.unmatched += 1
            return []
        if origin.sender != request.origin.recipient:
            want = request.origin.recipient
            raise RemoteProtocolError(ErrorCode.E_SENDER_MISMATCH, want=want, got=origin.sender)
        body = open_body(envelope)
        # From here the operation succeeds.
        del self.seen.asked[origin.correlation_id]
        refusal = isinstance(body, Rejection)
        _count(self.seen.refused if refusal else self.seen.answered, origin.transaction)
        assert request.link is not None
        answer = envelope.relayed(request.link.sender, None)
        return self.follower.answered(request, answer, body, now)

    def _on_request(self, envelope: Envelope, link: Link, now: Instant) -> Envelope:
        origin = envelope.origin
        if self.role != "hub" and origin.sender != self.address:
            raise RemoteProtocolError(
                ErrorCode.E_SENDER_MISMATCH, want=self.address, got=origin.sender
            )
        open_body(envelope)
        peer = link.sender.removeprefix(OUTSIDE)
        sent = self.follower.asked(envelope, peer, now)
        self.seen.own[origin.message_id] = peer
        if len(self.seen.own) > CASES_MAX:
            del self.seen.own[next(iter(self.seen.own))]
        return sent


def _count(counts: dict[str, int], transaction: str) -> None:
    counts[transaction] = counts.get(transaction, 0) + 1
