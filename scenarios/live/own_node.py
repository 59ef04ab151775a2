"""One own node in a live run: documents out, documents in, frames for the network.

An `OwnNode` writes what the network has for it as a document, gives that to a carrier, and makes
of the bytes that come back what the network takes: the answer as a frame, the input of the
observed node. Every message is in the wire log before anybody looks for it. What cannot be read,
what answers nothing, and what never came are told there, too; none of it is guessed at.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Protocol

import msgspec

from yidi.broker.external.documents import (
    JSON,
    MSGPACK,
    Answer,
    Document,
    Facts,
    answer_document,
    answer_envelope,
    facts_of,
    request_document,
)
from yidi.nodes.observed import OUTSIDE, Observed
from yidi.protocol.envelope import Envelope, Link, frame
from yidi.protocol.identifiers import LETTER_SERIALS, letter_serial, sender_prefix
from yidi.protocol.instants import Instant, local_stamp
from yidi.protocol.transactions import Kind
from yidi.scenarios.judging.wire import IN, NO_MESSAGE, OUT, TIMEOUT, WireLog, draft
from yidi.scenarios.live.externals import External
from yidi.scenarios.live.own_reading import Arrived, Reading, read_arrived

LATE_MAX = 100_000
"""Requests given up whose answers are still read when they come."""
WATERMARK_AFTER = 0.05
"""Real seconds of silence after which a watermark travels alone. Source: design 1."""


class Carrier(Protocol):
    """Takes a document to an own node; what comes back goes to `OwnNode.take`."""

    def send(self, own: OwnNode, parcel: Parcel) -> None:
        """Send at once, and return."""
        ...


class Parcel(msgspec.Struct, frozen=True, kw_only=True):
    """A document to send."""

    message_id: str
    peer: str
    """Whose message it is, as the own node sees it: the next hop on our side."""
    document: Document
    """Empty for a watermark that travels alone."""
    facts: Facts
    content_type: str


class Waiting(msgspec.Struct, kw_only=True):
    """A request that the own node has not answered."""

    request: Envelope
    peer: str
    sequence: int = 0
    timer: asyncio.TimerHandle | None = None
    """Runs until the answer counts as late; None when it has."""


class OwnNode:
    """One own node.

    Args:
        external: how it is reached.
        observed: how it takes part.
        wire: where its messages are noted.
        deliver: takes what it said, as the frame that the observed node is handed.
        carrier: brings documents to it.
    """

    def __init__(
        self,
        external: External,
        observed: Observed,
        wire: WireLog,
        deliver: Callable[[bytes], object],
        carrier: Carrier,
    ) -> None:
        self.external, self.observed = external, observed
        self.wire, self.deliver, self.carrier = wire, deliver, carrier
        self.address = observed.address
        self.waiting: dict[str, Waiting] = {}
        self.asking: dict[str, Carrier] = {}
        """Message id of a request of its own → how its answer gets back to it."""
        self.sent: dict[str, int] = {}
        """Peer → sequence of the last document sent to the own node in its name."""
        self.stored: dict[str, int] = {}
        """Peer → the own node's watermark: what it says it will not forget."""
        self.received: dict[str, int] = {}
        """Peer → highest sequence received from the own node."""
        self.told: dict[str, int] = {}
        """Peer → the watermark that the own node was told last."""
        self._frames: dict[str, int] = {}
        self._prefix = sender_prefix("X" + external.address.partition(":")[2])
        self._serial = 0

    @property
    def busy(self) -> bool:
        """Whether an answer may still come in time, or is owed."""
        return bool(self.asking) or any(one.timer is not None for one in self.waiting.values())

    # ------------------------------------------------------------------ to the own node

    def send(self, envelope: Envelope) -> None:
        """Send a message of the network to the own node."""
        origin, peer = envelope.origin, envelope.hop.removeprefix(OUTSIDE)
        carrier = self.carrier
        if origin.kind == Kind.REQUEST:
            before = self.waiting.get(origin.message_id)
            if before is not None and self._is_there(before):
                return
            document = request_document(envelope)
        else:
            document = answer_document(envelope)
            back = self.asking.pop(origin.correlation_id, None)
            if back is None:
                return  # answered before: it knows
            carrier = back
        facts = self._with_link(facts_of(envelope), peer)
        if origin.kind == Kind.REQUEST:
            self._wait_for(envelope, peer, facts.sequence)
        carrier.send(self, self._parcel(origin.message_id, peer, document, facts))

    def _parcel(self, message_id: str, peer: str, document: Document, facts: Facts) -> Parcel:
        content_type = MSGPACK if self.observed.format == "msgpack" else JSON
        return Parcel(
            message_id=message_id, peer=peer, document=document, facts=facts,
            content_type=content_type,
        )  # fmt: skip

    def _with_link(self, facts: Facts, peer: str) -> Facts:
        """Level 1: the next sequence of the link, and how far the other direction is stored."""
        if not self.observed.level:
            return facts
        self.sent[peer] = self.sent.get(peer, 0) + 1
        self.told[peer] = self.received.get(peer, 0)
        return msgspec.structs.replace(facts, sequence=self.sent[peer], watermark=self.told[peer])

    def _is_there(self, before: Waiting) -> bool:
        """Whether a repeat would tell the own node nothing: it is asked, or has it stored."""
        if self.observed.carrier == "http":
            return before.timer is not None
        return 0 < before.sequence <= self.stored.get(before.peer, 0)

    def _wait_for(self, envelope: Envelope, peer: str, sequence: int) -> None:
        message_id = envelope.origin.message_id
        before = self.waiting.pop(message_id, None)
        if before is not None:
            self._stop_waiting(before)
        timer = asyncio.get_running_loop().call_later(
            self.external.answer_seconds, self.give_up, message_id, TIMEOUT
        )
        self.waiting[message_id] = Waiting(
            request=envelope, peer=peer, sequence=sequence, timer=timer
        )
        if len(self.waiting) > LATE_MAX:
            del self.waiting[next(iter(self.waiting))]

    def _stop_waiting(self, waiting: Waiting) -> None:
        if waiting.timer is not None:
            waiting.timer.cancel()
            waiting.timer = None

    def note_sent(self, parcel: Parcel, data: bytes, headers: dict[str, str]) -> None:
        """What the carrier is about to send, byte for byte."""
        document, facts = parcel.document, parcel.facts
        kind = NO_MESSAGE
        if document:
            refused = document.get("infcode")
            kind = "request" if "infno" in document else ("rejection" if refused else "result")
        self._note(
            OUT, parcel.peer, data, transaction=document.get("infno", ""), kind=kind,
            message_id=parcel.message_id, correlation=facts.correlation_id,
            case_key=facts.case_key, sequence=facts.sequence, watermark=facts.watermark,
            content_type=parcel.content_type, headers=headers,
        )  # fmt: skip

    def give_up(self, message_id: str, problem: str) -> None:
        """No answer to a request came in time, or none will come; one that comes late is read."""
        waiting = self.waiting.get(message_id)
        if waiting is None or waiting.timer is None:
            return
        self._stop_waiting(waiting)
        origin = waiting.request.origin
        self._note(
            IN, waiting.peer, b"", transaction=origin.transaction, correlation=message_id,
            case_key=origin.case_key, problem=problem,
        )  # fmt: skip

    # ------------------------------------------------------------------ from the own node

    def take(self, arrived: Arrived, back: Carrier | None = None) -> Reading:
        """Take bytes that came from the own node: note them, then act on what they are.

        Args:
            arrived: the bytes.
            back: how the answer to a request gets back; None is the way it is always sent to.
        """
        now = Instant(self.wire.now())
        reading = read_arrived(arrived, self.waiting, self.address, now)
        waiting = self.waiting.get(reading.correlation)
        self._note_arrived(arrived, reading, waiting)
        self._take_link(arrived.peer, reading.facts)
        if reading.request is not None:
            self.asking[reading.request.origin.message_id] = back or self.carrier
            self._frame(reading.request, arrived.peer, now)
        elif waiting is not None and reading.answer is not None:
            self._deliver(reading.answer, waiting, now)
        elif waiting is not None and reading.problem:
            # Bytes that mean nothing are no answer: what became of the request is unknown.
            self._stop_waiting(waiting)
        return reading

    def _note_arrived(self, arrived: Arrived, reading: Reading, waiting: Waiting | None) -> None:
        about = reading.request or (waiting.request if waiting is not None else None)
        message_id = reading.answer.message_id if reading.answer is not None else ""
        if reading.request is not None:
            message_id = reading.request.origin.message_id
        self._note(
            IN, arrived.peer, arrived.data,
            transaction=about.origin.transaction if about is not None else "",
            kind=reading.kind, message_id=message_id, correlation=reading.correlation,
            case_key=about.origin.case_key if about is not None else "",
            sequence=reading.facts.sequence, watermark=reading.facts.watermark,
            content_type=arrived.content_type, headers=arrived.headers, problem=reading.problem,
        )  # fmt: skip

    def _deliver(self, answer: Answer, waiting: Waiting, now: Instant) -> None:
        """Hand an answer on as the frame that the observed node takes."""
        del self.waiting[waiting.request.origin.message_id]
        self._stop_waiting(waiting)
        envelope = answer_envelope(answer, waiting.request, self._mint(now), now)
        self._frame(envelope, waiting.peer, now)

    def _frame(self, envelope: Envelope, peer: str, now: Instant) -> None:
        self._frames[peer] = number = self._frames.get(peer, 0) + 1
        self.deliver(frame(envelope, Link(OUTSIDE + peer, self.address, number, 0, now)))

    def _take_link(self, peer: str, said: Facts) -> None:
        """Level 1: how far the other side is; what it is owed, it is told after a little."""
        if said.watermark:
            self.stored[peer] = max(self.stored.get(peer, 0), said.watermark)
        if not said.sequence or not self.observed.level:
            return
        self.received[peer] = max(self.received.get(peer, 0), said.sequence)
        if self.observed.carrier != "http":  # there, whoever answered has seen it taken
            loop = asyncio.get_running_loop()
            loop.call_later(WATERMARK_AFTER, self._tell_watermark, peer)

    def _tell_watermark(self, peer: str) -> None:
        received = self.received[peer]
        if self.told.get(peer, 0) < received:
            self.told[peer] = received
            self.carrier.send(self, self._parcel("", peer, {}, Facts(watermark=received)))

    def _mint(self, now: Instant) -> str:
        """A message id for an answer that came without one of its own."""
        self._serial = (self._serial + 1) % LETTER_SERIALS
        return self._prefix + local_stamp(now) + letter_serial(self._serial)

    def _note(self, direction: str, peer: str, data: bytes, **facts: Any) -> None:
        entry = draft(direction, self.address, peer, self.observed.carrier)
        self.wire.note(msgspec.structs.replace(entry, **facts), data)
