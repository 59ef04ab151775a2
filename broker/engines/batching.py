"""Micro-batches: what waits for each destination, and the form in which it travels.

`Batcher` is plain data without an event loop: frames are put in, batches are taken out, one
destination after the other, and what was not confirmed goes back to the front in its old order. A
batch is a MessagePack list of byte strings, bounded in count and size before it is decoded.
"""

from __future__ import annotations

from collections import deque
from typing import Annotated

import msgspec

from yidi.broker.engines.base import Document
from yidi.protocol.codec import decode_native
from yidi.protocol.envelope import FRAME_BYTES_MAX
from yidi.protocol.errors import DecodeError, ErrorCode, LocalProtocolError

BATCH_FRAMES_MAX = 64
_FRAME_HEAD = 5
"""Bytes that MessagePack puts before a byte string, at most."""
MESSAGE_BYTES_MAX = FRAME_BYTES_MAX + BATCH_FRAMES_MAX * _FRAME_HEAD + 3
"""Room for the largest frame alone, or for many small ones that are no larger together."""
CONTENT_TYPE = "application/vnd.yidi.batch+msgpack"

Destination = tuple[str, int]
"""Recipient without partition, and the partition."""
Item = bytes | Document

_Bytes = Annotated[bytes, msgspec.Meta(min_length=1, max_length=FRAME_BYTES_MAX)]
_Batch = Annotated[list[_Bytes], msgspec.Meta(min_length=1, max_length=BATCH_FRAMES_MAX)]
_decoder = msgspec.msgpack.Decoder(_Batch)
_encode = msgspec.msgpack.Encoder().encode


def encode_batch(frames: list[bytes]) -> bytes:
    """The payload of one publish."""
    return _encode(frames)


def decode_batch(payload: bytes) -> list[bytes]:
    """The frames of one publish, each of 1 to 262,144 bytes, not looked into.

    Raises:
        DecodeError: `E_FRAME_EMPTY`, `E_FRAME_TOO_LARGE`, `E_DECODE`, `E_TOO_MANY_ITEMS`.
    """
    size = len(payload)
    if size == 0:
        raise DecodeError(ErrorCode.E_FRAME_EMPTY)
    if size > MESSAGE_BYTES_MAX:
        raise DecodeError(ErrorCode.E_FRAME_TOO_LARGE, got=f"{size} bytes", limit=MESSAGE_BYTES_MAX)
    try:
        return _decoder.decode(payload)
    except (msgspec.MsgspecError, ValueError, RecursionError, OverflowError):
        return decode_native(_decoder, payload)  # the same again, with its error in our words


def check_frame(frame: bytes) -> None:
    """Refuse what no peer would take.

    Raises:
        LocalProtocolError: `E_FRAME_EMPTY`, `E_FRAME_TOO_LARGE`.
    """
    if not frame:
        raise LocalProtocolError(ErrorCode.E_FRAME_EMPTY)
    if len(frame) > FRAME_BYTES_MAX:
        raise LocalProtocolError(
            ErrorCode.E_FRAME_TOO_LARGE, got=f"{len(frame)} bytes", limit=FRAME_BYTES_MAX
        )


class Batch(msgspec.Struct, frozen=True, gc=False):
    """What one publish carries: frames, or one document alone."""

    recipient: str
    partition: int
    items: list[Item]
    size: int
    """Bytes of its items."""


class Batcher:
    """Frames by destination, in the order in which they came."""

    __slots__ = ("_ready", "_waiting", "bytes", "count", "frames_max")

    def __init__(self, frames_max: int = BATCH_FRAMES_MAX) -> None:
        assert 0 < frames_max <= BATCH_FRAMES_MAX
        self.frames_max = frames_max
        self.bytes = 0
        self.count = 0
        """Frames and documents that wait."""
        self._waiting: dict[Destination, deque[Item]] = {}
        self._ready: deque[Destination] = deque()
        """Destinations with something to take, each once; the next in turn stands first."""

    def put(self, to: Destination, item: Item) -> None:
        """Queue behind what waits for the same destination."""
        self._queue(to).append(item)
        self.count += 1
        self.bytes += _size(item)

    def take(self) -> Batch | None:
        """The next batch, destinations in turn; None when nothing waits."""
        if not self._ready:
            return None
        to = self._ready.popleft()
        queue = self._waiting[to]
        items, size = _take_from(queue, self.frames_max)
        self.count -= len(items)
        self.bytes -= size
        if queue:
            self._ready.append(to)
        else:
            del self._waiting[to]  # clients come and go: their queues must not add up
        return Batch(to[0], to[1], items, size)

    def put_back(self, batches: list[Batch]) -> None:
        """Return unconfirmed batches, given in the order in which they were taken."""
        for batch in reversed(batches):
            self._queue((batch.recipient, batch.partition)).extendleft(reversed(batch.items))
            self.count += len(batch.items)
            self.bytes += batch.size

    def _queue(self, to: Destination) -> deque[Item]:
        queue = self._waiting.get(to)
        if queue is None:
            queue = self._waiting[to] = deque()
            self._ready.append(to)
        return queue


def _size(item: Item) -> int:
    return len(item) if isinstance(item, bytes) else len(item.content)


def _take_from(queue: deque[Item], frames_max: int) -> tuple[list[Item], int]:
    """At most `frames_max` frames of together one frame's greatest size, or one document."""
    first = queue.popleft()
    items, size = [first], _size(first)
    if not isinstance(first, bytes):
        return items, size
    while queue and len(items) < frames_max:
        item = queue[0]
        if not isinstance(item, bytes) or size + len(item) > FRAME_BYTES_MAX:
            break
        items.append(queue.popleft())
        size += len(item)
    return items, size
