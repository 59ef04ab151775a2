"""The way in, the same for every engine: take, hand over, acknowledge.

An engine reports each message with a call that acknowledges it. One task hands all that has
arrived to the host's `receive` in one list, so that one sync of the receiver covers it, and then
acknowledges. What the host cannot take is offered again a few times, frame by frame, so that one
poisoned frame becomes a dead letter alone.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from functools import partial

import msgspec

from yidi.broker.engines.base import (
    Admits,
    Counters,
    Document,
    EngineOptions,
    RaiseAlarm,
    Receive,
    ReceiveDocument,
)
from yidi.broker.engines.batching import CONTENT_TYPE, decode_batch
from yidi.protocol.envelope import FRAME_BYTES_MAX
from yidi.protocol.errors import DecodeError, ErrorCode, YidiError
from yidi.protocol.instants import SECOND, Duration

HANDED_OVER_MAX = 1_024
"""Frames in one call of `receive`: as many as a group commit is good for."""
Acknowledge = Callable[[], Awaitable[None]]
"""Tells the engine that a message is done with; may fail silently, then it comes again."""


class Callbacks(msgspec.Struct, frozen=True, kw_only=True):
    """What a host gives with an attachment."""

    receive: Receive
    receive_document: ReceiveDocument | None = None
    alarm: RaiseAlarm | None = None
    admits: Admits | None = None


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """What an engine delivered, its names already checked."""

    sender: str
    recipient: str
    partition: int
    payload: bytes
    content_type: str = ""
    correlation: bytes = b""

    def document(self) -> Document:
        """The same as a document for the host.

        Raises:
            DecodeError: `E_FRAME_EMPTY`, `E_FRAME_TOO_LARGE`.
        """
        size = len(self.payload)
        if size == 0:
            raise DecodeError(ErrorCode.E_FRAME_EMPTY)
        if size > FRAME_BYTES_MAX:
            raise DecodeError(
                ErrorCode.E_FRAME_TOO_LARGE, got=f"{size} bytes", limit=FRAME_BYTES_MAX
            )
        return Document(
            sender=self.sender, recipient=self.recipient, partition=self.partition,
            content=self.payload, content_type=self.content_type, correlation=self.correlation,
        )  # fmt: skip


class Arrival(msgspec.Struct, frozen=True):
    """A message that waits to be handed over."""

    frames: list[bytes]
    document: Document | None
    acknowledge: Acknowledge


class Inbox:
    """What arrived at one attachment and was not handed over yet.

    Args:
        address: for the words of alarms.
        callbacks: the host's.
        options: how often a delivery is tried, and with which pauses.
        counters: the attachment's.
        raise_alarm: called with a dead letter's code and facts.
    """

    def __init__(
        self,
        address: str,
        callbacks: Callbacks,
        options: EngineOptions,
        counters: Counters,
        raise_alarm: Callable[[ErrorCode, str], None],
    ) -> None:
        self._address = address
        self._callbacks = callbacks
        self._options = options
        self._counters = counters
        self._raise_alarm = raise_alarm
        self._arrived: deque[Arrival] = deque()
        self._has_arrivals = asyncio.Event()
        self._is_stopping = False

    def read(self, message: Message, acknowledge: Acknowledge) -> Arrival:
        """What a message holds: frames, or a document where the host takes any.

        Raises:
            DecodeError: `E_DECODE`, `E_FRAME_EMPTY`, `E_FRAME_TOO_LARGE`, `E_TOO_MANY_ITEMS`.
        """
        # What says nothing of itself and begins like JSON is that: no batch begins with a brace.
        untold = message.content_type == "" and not message.payload.startswith(b"{")
        if untold or message.content_type == CONTENT_TYPE:
            frames = self.admitted(message.sender, decode_batch(message.payload))
            return Arrival(frames, None, acknowledge)
        if self._callbacks.receive_document is None:
            raise DecodeError(ErrorCode.E_DECODE, want=CONTENT_TYPE, got=message.content_type)
        return Arrival([], message.document(), acknowledge)

    def admitted(self, sender: str, frames: list[bytes]) -> list[bytes]:
        """The frames that the host lets a sender say."""
        admits = self._callbacks.admits
        return frames if admits is None else [raw for raw in frames if admits(sender, raw)]

    def take(self, arrival: Arrival, size: int) -> None:
        """Queue an arrival of `size` bytes for the host."""
        self._counters.batches_received += 1
        self._counters.frames_received += len(arrival.frames)
        self._counters.bytes_received += size
        self._queue(arrival)

    def discard(self, acknowledge: Acknowledge) -> None:
        """Acknowledge what was refused, in its turn, so that it does not come again."""
        self._queue(Arrival([], None, acknowledge))

    def stop(self) -> None:
        """Hand over no more after the delivery under way."""
        self._is_stopping = True
        self._has_arrivals.set()

    async def run(self) -> None:
        """Hand over until stopped; an error of the host that is no refusal is raised."""
        while not self._is_stopping:
            if self._arrived:
                await self._deliver(self._next_arrivals())
            else:
                self._has_arrivals.clear()
                await self._has_arrivals.wait()

    def _queue(self, arrival: Arrival) -> None:
        self._arrived.append(arrival)
        self._has_arrivals.set()

    def _next_arrivals(self) -> list[Arrival]:
        """All that has arrived, up to a bound; a document comes alone."""
        taken = [self._arrived.popleft()]
        count = len(taken[0].frames)
        while count and self._arrived:
            more = len(self._arrived[0].frames)
            if more == 0 or count + more > HANDED_OVER_MAX:
                break
            taken.append(self._arrived.popleft())
            count += more
        return taken

    async def _deliver(self, arrivals: list[Arrival]) -> None:
        """Hand over, then acknowledge."""
        document = arrivals[0].document
        if document is not None:
            receive_document = self._callbacks.receive_document
            assert receive_document is not None
            self._counters.documents_received += 1
            await self._insist(lambda: receive_document(document))
        elif frames := [frame for arrival in arrivals for frame in arrival.frames]:
            await self._deliver_frames(frames)
        for arrival in arrivals:
            await arrival.acknowledge()

    async def _deliver_frames(self, frames: list[bytes]) -> None:
        """All in one call; where that fails one by one, so that a poisoned frame fails alone."""
        receive = self._callbacks.receive
        try:
            await receive(frames)
        except (YidiError, OSError):
            for frame in frames:
                await self._insist(partial(receive, [frame]))

    async def _insist(self, receive: Callable[[], Awaitable[None]]) -> None:
        """Call again after a failure, a few times; then it is a dead letter."""
        pause = self._options.backoff_first
        for attempt in range(self._options.deliveries_max):
            try:
                await receive()
            except (YidiError, OSError) as error:
                facts = f"{attempt + 1} deliveries to {self._address}: {error}"
            else:
                return
            await asyncio.sleep(pause / SECOND)
            pause = Duration(min(2 * pause, self._options.backoff_max))
        self._raise_alarm(ErrorCode.E_DEAD_LETTER, facts)
