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
    read_answer,
    read_document,
    read_facts,
    request_document,
)
from yidi.nodes.observed import OUTSIDE, Observed
from yidi.protocol.envelope import Envelope, Link, frame
from yidi.protocol.errors import ErrorCode, RemoteProtocolError
from yidi.protocol.instants import Instant, local_stamp
from yidi.protocol.transactions import Kind
from yidi.scenarios.judging.wire import IN, KINDS, NO_MESSAGE, OUT, TIMEOUT, WireLog, draft
from yidi.scenarios.live.externals import External

LATE_MAX = 100_000
"""Requests given up whose answers are still read when they come."""
SERIALS = 36**4
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


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
        self.sent: dict[str, int] = {}
        """Peer → sequence of the last document sent to the own node in its name."""
        self.stored: dict[str, int] = {}
        """Peer → the own node's watermark: what it says it will not forget."""
        self.received: dict[str, int] = {}
        """Peer → highest sequence received from the own node."""
        self._frames: dict[str, int] = {}
        self._prefix = ("X" + external.address.partition(":")[2]).upper().ljust(12, "0")[:12]
        self._serial = 0

    @property
    def busy(self) -> bool:
        """Whether an answer may still come in time."""
        return any(one.timer is not None for one in self.waiting.values())

    # ------------------------------------------------------------------ to the own node

    def send(self, envelope: Envelope) -> None:
        """Send a message of the network to the own node."""
        origin, peer = envelope.origin, envelope.hop.removeprefix(OUTSIDE)
        if origin.kind == Kind.REQUEST:
            before = self.waiting.get(origin.message_id)
            if before is not None and self._is_there(before):
                return
            document = request_document(envelope)
        else:
            document = answer_document(envelope)
        facts = facts_of(envelope)
        if self.observed.level:
            self.sent[peer] = self.sent.get(peer, 0) + 1
            facts = msgspec.structs.replace(
                facts, sequence=self.sent[peer], watermark=self.received.get(peer, 0)
            )
        if origin.kind == Kind.REQUEST:
            self._wait_for(envelope, peer, facts.sequence)
        content_type = MSGPACK if self.observed.format == "msgpack" else JSON
        self.carrier.send(
            self,
            Parcel(
                message_id=origin.message_id, peer=peer, document=document, facts=facts,
                content_type=content_type,
            ),
        )  # fmt: skip

    def _is_there(self, before: Waiting) -> bool:
        """Whether a repeat would tell the own node nothing: it is asked, or has it stored."""
        if self.observed.carrier == "http":
            return before.timer is not None
        return 0 < before.sequence <= self.stored.get(before.peer, 0)

    def _wait_for(self, envelope: Envelope, peer: str, sequence: int) -> None:
        message_id = envelope.origin.message_id
        before = self.waiting.pop(message_id, None)
        if before is not None and before.timer is not None:
            before.timer.cancel()
        timer = asyncio.get_running_loop().call_later(
            self.external.answer_seconds, self.give_up, message_id, TIMEOUT
        )
        self.waiting[message_id] = Waiting(
            request=envelope, peer=peer, sequence=sequence, timer=timer
        )
        if len(self.waiting) > LATE_MAX:
            del self.waiting[next(iter(self.waiting))]

    def note_sent(self, parcel: Parcel, data: bytes, headers: dict[str, str]) -> None:
        """What the carrier is about to send, byte for byte."""
        document, facts = parcel.document, parcel.facts
        request = "infno" in document
        kind = "request" if request else ("rejection" if document["infcode"] else "result")
        asked = document.get("infno", "")
        self._note(
            OUT, parcel.peer, data, transaction=asked, kind=kind, message_id=parcel.message_id,
            correlation=facts.correlation_id, case_key=facts.case_key, sequence=facts.sequence,
            watermark=facts.watermark, content_type=parcel.content_type, headers=headers,
        )  # fmt: skip

    def give_up(self, message_id: str, problem: str) -> None:
        """No answer to a request came in time, or none will come; one that comes late is read."""
        waiting = self.waiting.get(message_id)
        if waiting is None or waiting.timer is None:
            return
        waiting.timer.cancel()
        waiting.timer = None
        origin = waiting.request.origin
        self._note(
            IN, waiting.peer, b"", transaction=origin.transaction, correlation=message_id,
            case_key=origin.case_key, problem=problem,
        )  # fmt: skip

    # ------------------------------------------------------------------ from the own node

    def take(
        self,
        data: bytes,
        peer: str,
        *,
        content_type: str = "",
        correlation: str = "",
        facts: Facts | None = None,
        headers: dict[str, str] | None = None,
        problem: str = "",
    ) -> None:
        """Take bytes that came from the own node: note them, then look what they are.

        Args:
            data: as they came.
            peer: to whom on our side.
            content_type: as it was said.
            correlation: message id of the request, where the carrier knows it.
            facts: said by the carrier; None reads them from the document.
            headers: to note beside.
            problem: what the carrier found wrong; the bytes are not looked at then.
        """
        answer: Answer | None = None
        said = facts or Facts()
        waiting = self.waiting.get(correlation)
        try:
            if not problem:
                document = read_document(data, content_type)
                said = facts or read_facts(document)
                correlation = correlation or said.correlation_id
                waiting = self.waiting.get(correlation)
                answer = self._read(document, waiting, correlation)
        except RemoteProtocolError as error:
            problem = error.text()
        origin = waiting.request.origin if waiting is not None else None
        self._note(
            IN, peer, data, transaction=origin.transaction if origin else "",
            kind=KINDS[answer.kind] if answer else NO_MESSAGE,
            message_id=answer.message_id if answer else "", correlation=correlation,
            case_key=origin.case_key if origin else "", sequence=said.sequence,
            watermark=said.watermark, content_type=content_type, headers=headers or {},
            problem=problem,
        )  # fmt: skip
        self._take_link(peer, said)
        if waiting is None:
            return
        if answer is not None:
            self._deliver(answer, waiting)
        elif waiting.timer is not None:
            # Bytes that mean nothing are no answer: what became of the request is unknown.
            waiting.timer.cancel()
            waiting.timer = None

    def _read(self, document: Document, waiting: Waiting | None, correlation: str) -> Answer:
        if waiting is None:
            raise RemoteProtocolError(ErrorCode.E_UNMATCHED, got=correlation or "no correlation")
        return read_answer(document, waiting.request)

    def _deliver(self, answer: Answer, waiting: Waiting) -> None:
        """Hand an answer on as the frame that the observed node takes."""
        del self.waiting[waiting.request.origin.message_id]
        if waiting.timer is not None:
            waiting.timer.cancel()
        now = Instant(self.wire.now())
        envelope = answer_envelope(answer, waiting.request, self._mint(now), now)
        peer = waiting.peer
        self._frames[peer] = number = self._frames.get(peer, 0) + 1
        self.deliver(frame(envelope, Link(OUTSIDE + peer, self.address, number, 0, now)))

    def _take_link(self, peer: str, said: Facts) -> None:
        """Level 1: how far the other side is."""
        if said.sequence:
            self.received[peer] = max(self.received.get(peer, 0), said.sequence)
        if said.watermark:
            self.stored[peer] = max(self.stored.get(peer, 0), said.watermark)

    def _mint(self, now: Instant) -> str:
        """A message id for an answer that came without one of its own."""
        self._serial = (self._serial + 1) % SERIALS
        rest, text = self._serial, ""
        for _ in range(4):
            rest, digit = divmod(rest, 36)
            text = _DIGITS[digit] + text
        return f"{self._prefix}{local_stamp(now)}{text}"

    def _note(self, direction: str, peer: str, data: bytes, **facts: Any) -> None:
        entry = draft(direction, self.address, peer, self.observed.carrier)
        self.wire.note(msgspec.structs.replace(entry, **facts), data)
