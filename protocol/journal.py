"""The journal's format, and its writer: all nodes' inputs in the order they were applied.

State, answers and postings are folds of the inputs, so inputs are all that is kept. A *record*
is one input with a CRC-32 of its own; whole records are gathered into *blocks* of up to 64 KiB,
and each block's SHA-256 covers the hash of the block before it. A block also carries a digest of
the outputs that its inputs caused, by which a replay is compared. The hash of the last block is
the journal hash. Integers are big-endian, as in MessagePack; `docs/journal.md` has the layout.

Nothing here touches a file: the writer hands each finished block to a sink.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from hashlib import sha256
from struct import Struct
from typing import Annotated
from zlib import crc32

import msgspec

from yidi.protocol.errors import ErrorCode, LocalProtocolError, StoredDataError
from yidi.protocol.instants import Instant

MAGIC = b"YIDJ"
VERSION = 1
SCHEMA = 1
"""Version of the opening and closing documents; the block layout is `VERSION`."""

RECORD_HEAD = Struct(">IBHq")
"""Payload length, kind, node index, instant in microseconds; payload and CRC-32 follow."""
_pack_head = RECORD_HEAD.pack
_pack_crc = Struct(">I").pack
CRC_SIZE = 4
RECORD_OVERHEAD = RECORD_HEAD.size + CRC_SIZE
PAYLOAD_LIMIT = 262_144
"""Bytes of one record's payload: the largest envelope that the network carries."""
BLOCK_LIMIT = 65_536
"""Bytes of a block's records: one hash and one write for about a hundred envelopes."""
BLOCK_HEAD = Struct(">4sB3xIQII32s")
"""Magic, version, number, first lsn, record count, length, outputs digest: what is hashed."""
BLOCK_HEADER_SIZE = BLOCK_HEAD.size + 32 + CRC_SIZE
"""The hashed fields, the block's hash, and a CRC-32 of both."""
GENESIS = bytes(32)
"""Stands for the hash before the first block."""
NO_NODE = 0xFFFF
"""Node index of the opening and closing records, which belong to no node."""

# An array of three MessagePack integers of nine bytes at most: a closing always fits after it.
_CLOSING_SIZE_MAX = RECORD_OVERHEAD + 1 + 3 * 9


class RecordKind(IntEnum):
    """What a record holds."""

    OPENING = 1
    """First record: an `Opening`."""
    ENVELOPE = 2
    """A node's input: the envelope's bytes."""
    DEADLINE = 3
    """A node's deadline fired; no payload."""
    SNAPSHOT = 4
    """Reserved: a node's state, sealed before an upgrade of the rules."""
    CLOSING = 5
    """Last record of a run that ended well: a `Closing`."""


class Opening(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """The first record: what the journal is of, so that every seed has its own hash."""

    schema: Annotated[int, msgspec.Meta(ge=0)] = SCHEMA
    seed: Annotated[int, msgspec.Meta(ge=0)]
    """At most 2**64 - 1, as MessagePack has it."""
    scenario_digest: Annotated[str, msgspec.Meta(max_length=64)]
    rules_version: Annotated[str, msgspec.Meta(max_length=64)]
    """Only the rules that wrote a journal may fold it."""
    schema_digest: Annotated[str, msgspec.Meta(max_length=64)]
    """Digest of the message schema."""
    nodes: Annotated[
        tuple[Annotated[str, msgspec.Meta(max_length=64)], ...], msgspec.Meta(max_length=NO_NODE)
    ]
    """The nodes' addresses; a record names a node by its index here."""
    start: Instant
    """When the run begins, microseconds since 1970 UTC."""


class Closing(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """The last record: says that nothing is missing."""

    records: Annotated[int, msgspec.Meta(ge=1)]
    """Records before this one, the opening included; equals this record's lsn."""
    blocks: Annotated[int, msgspec.Meta(ge=0)]
    """Blocks before the one that holds this record."""
    end: Instant
    """When the run ended, microseconds since 1970 UTC."""


class BlockHeader(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What the 96 bytes in front of a block's records say."""

    number: int
    """From 0."""
    first_lsn: int
    count: int
    """Records in the block."""
    length: int
    """Bytes of the records."""
    outputs_digest: bytes
    """SHA-256 over the outputs and postings that the block's inputs caused."""
    digest: bytes
    """SHA-256 over the previous block's hash, the fields above, and the records."""


class Tip(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Where a chain of whole blocks ends, and so where a writer or reader goes on."""

    blocks: int = 0
    """Whole blocks so far; the next one's number."""
    lsn: int = 0
    """Records so far; the next one's lsn."""
    offset: int = 0
    """Bytes so far."""
    digest: bytes = GENESIS
    """The last block's hash."""

    def after(self, header: BlockHeader) -> Tip:
        """The tip once the block with this header has been added."""
        return Tip(
            blocks=self.blocks + 1,
            lsn=self.lsn + header.count,
            offset=self.offset + BLOCK_HEADER_SIZE + header.length,
            digest=header.digest,
        )


START = Tip()


def encode_record(kind: int, node: int, now: Instant, payload: bytes) -> bytes:
    """Return one record's bytes: head, payload, CRC-32 of both.

    Raises:
        LocalProtocolError: `E_FRAME_TOO_LARGE` for a payload beyond the limit.
    """
    if len(payload) > PAYLOAD_LIMIT:
        raise LocalProtocolError(
            ErrorCode.E_FRAME_TOO_LARGE, got=str(len(payload)), limit=PAYLOAD_LIMIT
        )
    frame = RECORD_HEAD.pack(len(payload), kind, node, now) + payload
    return frame + crc32(frame).to_bytes(CRC_SIZE, "big")


def encode_block_header(tip: Tip, count: int, outputs_digest: bytes, records: bytes) -> bytes:
    """Return the 96 bytes that go before `records` when the chain so far ends at `tip`."""
    fields = BLOCK_HEAD.pack(
        MAGIC, VERSION, tip.blocks, tip.lsn, count, len(records), outputs_digest
    )
    chain = sha256(tip.digest + fields)
    chain.update(records)
    frame = fields + chain.digest()
    return frame + crc32(frame).to_bytes(CRC_SIZE, "big")


def check_block_start(frame: bytes, at: str = "$") -> None:
    """Check that `frame` begins as a block does, as far as it goes.

    Raises:
        StoredDataError: `E_FRAME_EMPTY`, `E_FRAME_MAGIC`, `E_FRAME_VERSION`.
    """
    if not frame:
        raise StoredDataError(ErrorCode.E_FRAME_EMPTY, at=at)
    if frame[:4] != MAGIC[: len(frame)]:
        raise StoredDataError(ErrorCode.E_FRAME_MAGIC, at=at, want=MAGIC.hex(), got=frame[:4].hex())
    if len(frame) > 4 and frame[4] != VERSION:
        raise StoredDataError(
            ErrorCode.E_FRAME_VERSION, at=at, want=str(VERSION), got=str(frame[4])
        )


def decode_block_header(frame: bytes, at: str = "$") -> BlockHeader:
    """Read the 96 bytes of a block header; the length is checked before anyone trusts it.

    Raises:
        StoredDataError: `E_FRAME_EMPTY`, `E_FRAME_MAGIC`, `E_FRAME_VERSION`,
            `E_FRAME_TOO_LARGE`, `E_FRAME_CRC`; `E_JOURNAL_CORRUPT` for a header cut short.
    """
    check_block_start(frame, at)
    if len(frame) < BLOCK_HEADER_SIZE:
        raise StoredDataError(ErrorCode.E_JOURNAL_CORRUPT, at=at, got="block header cut short")
    _, _, number, first_lsn, count, length, outputs = BLOCK_HEAD.unpack_from(frame)
    check_length(length, BLOCK_LIMIT if count > 1 else PAYLOAD_LIMIT + RECORD_OVERHEAD, at)
    covered = frame[: BLOCK_HEADER_SIZE - CRC_SIZE]
    if crc32(covered) != int.from_bytes(frame[len(covered) : BLOCK_HEADER_SIZE], "big"):
        raise StoredDataError(ErrorCode.E_FRAME_CRC, at=at, got="block header")
    return BlockHeader(
        number=number,
        first_lsn=first_lsn,
        count=count,
        length=length,
        outputs_digest=outputs,
        digest=covered[BLOCK_HEAD.size :],
    )


def decode_record(data: bytes, start: int, at: str = "$") -> tuple[int, int, Instant, bytes]:
    """Read the record at `start`: its kind, node index, instant and payload.

    Raises:
        StoredDataError: `E_FRAME_TOO_LARGE`, `E_FRAME_CRC`; `E_JOURNAL_CORRUPT` for a record
            that `data` does not hold whole.
    """
    body = start + RECORD_HEAD.size
    if body <= len(data):
        size, kind, node, now = RECORD_HEAD.unpack_from(data, start)
        check_length(size, PAYLOAD_LIMIT, at)
        end = body + size
        if end + CRC_SIZE <= len(data):
            if crc32(data[start:end]) != int.from_bytes(data[end : end + CRC_SIZE], "big"):
                raise StoredDataError(ErrorCode.E_FRAME_CRC, at=at, got="record")
            return kind, node, Instant(now), data[body:end]
    raise StoredDataError(ErrorCode.E_JOURNAL_CORRUPT, at=at, got="record cut short")


def check_length(length: int, most: int, at: str) -> None:
    """Refuse a length prefix beyond `most` bytes before anything is read or allocated for it.

    Raises:
        StoredDataError: `E_FRAME_TOO_LARGE limit=262144`.
    """
    if length > most:
        raise StoredDataError(
            ErrorCode.E_FRAME_TOO_LARGE, at=at, got=str(length), limit=PAYLOAD_LIMIT
        )


class JournalWriter:
    """Gathers records into blocks and hands each finished block to a sink.

    Appending is the hot path of every run: one pack, two CRCs, one list. A block is
    finished when the next record does not fit, by `flush`, or by `seal`. With no sink only the
    chain is computed and nothing is kept.
    """

    __slots__ = (
        "_now", "_outputs", "_parts", "_sealed", "_sink", "_tip", "_used", "note_output",
    )  # fmt: skip

    def __init__(
        self, sink: Callable[[bytes], object] | None, opening: Opening, tip: Tip = START
    ) -> None:
        """Begin a journal with its opening record, or go on where `tip` says.

        Raises:
            LocalProtocolError: `E_FRAME_TOO_LARGE` for an opening beyond the limit.
        """
        self._sink = sink
        self._parts: list[bytes] = []
        """Head, payload and CRC of each record of the block."""
        self._outputs: list[bytes] = []
        self.note_output: Callable[[bytes], None] = self._outputs.append
        """Counts bytes that the last input caused (an envelope, a posting) into the digest."""
        self._used = 0
        self._sealed = False
        self._tip = tip
        self._now = opening.start
        if tip.lsn == 0:
            self.append(RecordKind.OPENING, NO_NODE, opening.start, msgspec.msgpack.encode(opening))

    @property
    def position(self) -> int:
        """The lsn that the next record gets: records are numbered from 0, the opening."""
        return self._tip.lsn + len(self._parts) // 3

    @property
    def tip(self) -> Tip:
        """Where the finished blocks end."""
        return self._tip

    @property
    def journal_hash(self) -> str:
        """Hash of the last finished block, hexadecimal; of the whole journal once sealed."""
        return self._tip.digest.hex()

    def append(self, kind: int, node: int, now: Instant, payload: bytes) -> None:
        """Add one record (`payload` must not change afterwards).

        Raises:
            LocalProtocolError: `E_FRAME_TOO_LARGE` for a payload beyond the limit.
        """
        size = len(payload)
        self._used = used = self._used + size + RECORD_OVERHEAD
        if used > BLOCK_LIMIT:
            self._make_room(size)
        head = _pack_head(size, kind, node, now)
        self._parts += (head, payload, _pack_crc(crc32(payload, crc32(head))))

    def flush(self) -> None:
        """Finish the current block, if it has records, and hand it to the sink.

        A live node calls it before each sync; in virtual time blocks are left to fill.
        """
        count = len(self._parts) // 3
        if count == 0:
            return
        self._now = RECORD_HEAD.unpack(self._parts[-3])[3]
        outputs = sha256(b"".join(self._outputs)).digest()
        records = b"".join(self._parts)
        frame = encode_block_header(self._tip, count, outputs, records)
        if self._sink is not None:
            self._sink(frame + records)
        tip = self._tip
        self._tip = Tip(
            blocks=tip.blocks + 1,
            lsn=tip.lsn + count,
            offset=tip.offset + len(frame) + len(records),
            digest=frame[BLOCK_HEAD.size : -CRC_SIZE],
        )
        self._parts.clear()
        self._outputs.clear()
        self._used = 0

    def seal(self, now: Instant | None = None) -> str:
        """Add the closing record, finish the last block, and return the journal hash.

        Args:
            now: The run's end; the last record's instant when left out.
        """
        if self._used + _CLOSING_SIZE_MAX > BLOCK_LIMIT:
            self.flush()
        last = RECORD_HEAD.unpack(self._parts[-3])[3] if self._parts else self._now
        end = last if now is None else now
        closing = Closing(records=self.position, blocks=self._tip.blocks, end=end)
        self.append(RecordKind.CLOSING, NO_NODE, end, msgspec.msgpack.encode(closing))
        self.flush()
        self._sealed = True
        self._used = BLOCK_LIMIT
        return self.journal_hash

    def _make_room(self, size: int) -> None:
        """Finish the block before a record of `size` that does not fit into it any more."""
        assert not self._sealed, "a sealed journal takes no more records"
        if size > PAYLOAD_LIMIT:
            self._used -= size + RECORD_OVERHEAD
            raise LocalProtocolError(
                ErrorCode.E_FRAME_TOO_LARGE, got=str(size), limit=PAYLOAD_LIMIT
            )
        self.flush()
        self._used = size + RECORD_OVERHEAD
