"""Reads a journal in one pass and constant memory, and believes nothing it has not checked.

A block is right if the writer, standing where the chain has come to, would have written the same
96 bytes before its records. What is wrong with a file is one of three things: it is *foreign*
(magic, version), it is *torn* (it ends inside its last block: a crash), or it is *corrupt*
(anything else, refused and never truncated). A torn tail is a fact in recovery mode, where the
whole records before it are kept, and an error in strict mode, where the closing record must be
there too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from yidi.protocol.errors import ErrorCode, StoredDataError
from yidi.protocol.instants import Instant
from yidi.protocol.journal import (
    BLOCK_HEADER_SIZE,
    NO_NODE,
    RECORD_HEAD,
    RECORD_OVERHEAD,
    SCHEMA,
    START,
    BlockHeader,
    Closing,
    Opening,
    RecordKind,
    Tip,
    check_block_start,
    decode_block_header,
    decode_record,
    encode_block_header,
)

_KINDS = {int(kind): kind for kind in RecordKind}
_OPENINGS = msgspec.msgpack.Decoder(Opening)
_CLOSINGS = msgspec.msgpack.Decoder(Closing)


class JournalDamage(StoredDataError):
    """A journal cannot be read whole: the disk's or the giver's fault; restore it from a copy."""

    def __init__(self, cause: StoredDataError, code: ErrorCode, lsn: int, offset: int) -> None:
        self.lsn = lsn
        """The first record that is not to be trusted."""
        self.offset = offset
        """Where it, or its block, begins, in bytes."""
        super().__init__(
            code,
            at=f"{cause.at} lsn={lsn} offset={offset}",
            want=cause.want,
            got=cause.got if cause.code == code else f"{cause.code} {cause.got}",
            limit=cause.limit,
        )


class Record(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One input of one node, in the order in which all nodes' inputs were applied."""

    lsn: int
    """From 0, the opening."""
    offset: int
    """Where the record begins, in bytes."""
    kind: RecordKind
    node: int
    """Index into the opening's addresses; `NO_NODE` for opening and closing."""
    now: Instant
    payload: bytes


class Block(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The records that were hashed together."""

    header: BlockHeader
    records: tuple[Record, ...]
    whole: bool
    """False for a torn last block, whose digests are not proven."""


class TornTail(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a crash cut off: nothing in it was ever acknowledged."""

    records: tuple[Record, ...]
    """The whole records of the torn block: kept, and to be written anew in a block."""
    lsn: int
    """The first record that was lost."""
    offset: int
    """Where the loss begins, in bytes."""
    lost_bytes: int


class JournalReader:
    """Iterate once over `blocks()` or `records()`; the other attributes grow meanwhile.

    Attributes:
        opening: The first record's document, there from the start.
        closing: The last record's, once it was read; None if the run did not end well.
        torn: The torn tail, once it was met.
        tip: Where the whole blocks read so far end; a writer goes on there.
    """

    def __init__(
        self,
        chunks: Iterable[bytes],
        *,
        strict: bool = False,
        name: str = "journal.bin",
        after: tuple[Opening, Tip] | None = None,
    ) -> None:
        """Read the first block.

        Args:
            chunks: The file's bytes in pieces of any size.
            strict: A torn tail and a missing closing record are errors.
            name: The file's name in errors.
            after: Opening and tip of a journal whose blocks from there on are given.

        Raises:
            JournalDamage: As for `blocks`; the file must hold its opening record.
        """
        self._source = _Source(chunks)
        self._strict = strict
        self._name = name
        self.tip: Tip = START
        self.closing: Closing | None = None
        self.torn: TornTail | None = None
        self._nodes = 0
        if after is not None:
            self.opening, self.tip = after
            self._nodes = len(self.opening.nodes)
        self._first = self._next_block()
        if self._first is None and after is None:
            raise self.damage("no opening record", 0, 0)

    @property
    def journal_hash(self) -> str:
        """Hash of the last whole block read so far, hexadecimal."""
        return self.tip.digest.hex()

    @property
    def unsealed(self) -> tuple[Record, ...]:
        """The inputs kept from a torn tail, which a writer that goes on has to append again."""
        kept = self.torn.records if self.torn is not None else ()
        return tuple(record for record in kept if record.kind is not RecordKind.OPENING)

    def records(self) -> Iterator[Record]:
        """Yield every record, the kept ones of a torn block included; raises as `blocks`."""
        for block in self.blocks():
            yield from block.records

    def blocks(self) -> Iterator[Block]:
        """Yield every block, each checked before it is given out.

        Raises:
            JournalDamage: `E_JOURNAL_CORRUPT`, and in the first block `E_FRAME_EMPTY`,
                `E_FRAME_MAGIC`, `E_FRAME_VERSION`; `E_FRAME_TOO_LARGE` anywhere; `E_FORMAT`
                for an opening or a kind of record of a later version.
        """
        block: Block | None = self._first
        while block is not None:
            yield block
            block = self._next_block() if block.whole else None
        if self._strict and self.closing is None:
            raise self.damage("no closing record", self.tip.lsn, self.tip.offset)

    def _next_block(self) -> Block | None:
        tip = self.tip
        frame = self._source.take(BLOCK_HEADER_SIZE)
        if not frame and tip.blocks:
            return None
        if self.closing is not None:
            raise self.damage("data after the closing record", tip.lsn, tip.offset)
        header = self._read_header(frame)
        if header is None:
            self._tear((), len(frame), 0)
            return None
        if (header.number, header.first_lsn) != (tip.blocks, tip.lsn):
            raise self.damage(f"block number {header.number}", tip.lsn, tip.offset)
        data = self._source.take(header.length)
        if len(data) < header.length:
            return self._torn_block(header, data)
        return self._whole_block(header, frame, data)

    def _read_header(self, frame: bytes) -> BlockHeader | None:
        """The header's fields; None if the file ends inside it."""
        try:
            check_block_start(frame, self._name)
            if len(frame) < BLOCK_HEADER_SIZE:
                return None
            return decode_block_header(frame, self._name)
        except StoredDataError as error:
            raise self._located(error, self.tip.lsn, self.tip.offset) from error

    def _whole_block(self, header: BlockHeader, frame: bytes, data: bytes) -> Block:
        records, end, fault = self._read_records(data)
        if fault is not None:
            raise self._located(fault, *self._place(records, end)) from fault
        tip = self.tip
        rebuilt = encode_block_header(tip, len(records), header.outputs_digest, data)
        if rebuilt != frame:
            raise self.damage("hash chain broken", tip.lsn, tip.offset)
        self.tip = tip.after(header)
        return Block(header=header, records=tuple(records), whole=True)

    def _torn_block(self, header: BlockHeader, data: bytes) -> Block | None:
        records, end, fault = self._read_records(data)
        if fault is not None and self._has_record_after(data, end):
            raise self._located(fault, *self._place(records, end)) from fault
        self._tear(tuple(records), len(data) - end, end + BLOCK_HEADER_SIZE)
        return Block(header=header, records=tuple(records), whole=False) if records else None

    def _tear(self, records: tuple[Record, ...], lost_bytes: int, kept_bytes: int) -> None:
        lsn, offset = self.tip.lsn + len(records), self.tip.offset + kept_bytes
        if self._strict:
            raise self.damage("torn tail", lsn, offset)
        self.torn = TornTail(records=records, lsn=lsn, offset=offset, lost_bytes=lost_bytes)

    def _read_records(self, data: bytes) -> tuple[list[Record], int, StoredDataError | None]:
        """Read until the end or the first bad record: records, bytes read, what was wrong."""
        records: list[Record] = []
        base = self.tip.offset + BLOCK_HEADER_SIZE
        start = 0
        while start < len(data):
            try:
                kind, node, now, payload = decode_record(data, start, self._name)
            except StoredDataError as error:
                return records, start, error
            lsn = self.tip.lsn + len(records)
            record = Record(
                lsn=lsn,
                offset=base + start,
                kind=self._kind(kind, lsn, base + start),
                node=node,
                now=now,
                payload=payload,
            )
            self._check_place(record)
            records.append(record)
            start += RECORD_OVERHEAD + len(payload)
        return records, start, None

    def _kind(self, kind: int, lsn: int, offset: int) -> RecordKind:
        known = _KINDS.get(kind)
        if known is None:
            error = StoredDataError(ErrorCode.E_FORMAT, at=self._name, got=f"record kind {kind}")
            raise self._located(error, lsn, offset)
        return known

    def _check_place(self, record: Record) -> None:
        """Check that a record of this kind may stand here, and read the two documents."""
        if self.closing is not None:
            raise self.damage("record after the closing record", record.lsn, record.offset)
        if (record.kind is RecordKind.OPENING) != (record.lsn == 0):
            raise self.damage("opening record out of place", record.lsn, record.offset)
        if record.kind is RecordKind.OPENING:
            self.opening = self._read_opening(record)
            self._nodes = len(self.opening.nodes)
        elif record.kind is RecordKind.CLOSING:
            self.closing = self._read_closing(record)
        elif record.node >= self._nodes:
            raise self.damage(f"node index {record.node}", record.lsn, record.offset)

    def _read_opening(self, record: Record) -> Opening:
        # The version first, a small integer that opens the array: a later version may have
        # changed everything after it.
        schema = record.payload[1] if len(record.payload) > 1 else 0
        if schema != SCHEMA:
            later = StoredDataError(
                ErrorCode.E_FORMAT, at=self._name, want=f"schema {SCHEMA}", got=str(schema)
            )
            raise self._located(later, record.lsn, record.offset)
        try:
            return _OPENINGS.decode(record.payload)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise self.damage("opening record", record.lsn, record.offset) from error

    def _read_closing(self, record: Record) -> Closing:
        try:
            closing = _CLOSINGS.decode(record.payload)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise self.damage("closing record", record.lsn, record.offset) from error
        if (closing.records, closing.blocks) != (record.lsn, self.tip.blocks):
            raise self.damage("closing record's counts", record.lsn, record.offset)
        return closing

    def _has_record_after(self, data: bytes, bad: int) -> bool:
        """Whether a whole record stands anywhere after the bad one: then nothing was torn."""
        for start in range(bad + 1, len(data) - RECORD_OVERHEAD + 1):
            size, kind, node, _ = RECORD_HEAD.unpack_from(data, start)
            if start + RECORD_OVERHEAD + size > len(data) or kind not in _KINDS:
                continue
            if node != NO_NODE and node >= self._nodes:
                continue
            try:
                decode_record(data, start)
            except StoredDataError:
                continue
            return True
        return False

    def _place(self, records: list[Record], end: int) -> tuple[int, int]:
        return self.tip.lsn + len(records), self.tip.offset + BLOCK_HEADER_SIZE + end

    def damage(self, what: str, lsn: int, offset: int) -> JournalDamage:
        """The error that says what is wrong with this journal, and where."""
        cause = StoredDataError(ErrorCode.E_JOURNAL_CORRUPT, at=self._name, got=what)
        return self._located(cause, lsn, offset)

    def _located(self, cause: StoredDataError, lsn: int, offset: int) -> JournalDamage:
        foreign = (ErrorCode.E_FRAME_EMPTY, ErrorCode.E_FRAME_MAGIC, ErrorCode.E_FRAME_VERSION)
        keeps_code = cause.code in (ErrorCode.E_FRAME_TOO_LARGE, ErrorCode.E_FORMAT) or (
            self.tip.blocks == 0 and cause.code in foreign
        )
        code = cause.code if keeps_code else ErrorCode.E_JOURNAL_CORRUPT
        return JournalDamage(cause, code, lsn, offset)


def iterate_records(chunks: Iterable[bytes], *, strict: bool = True) -> Iterator[Record]:
    """Yield every record of a journal; raises `JournalDamage` as `JournalReader.blocks`."""
    return JournalReader(chunks, strict=strict).records()


class _Source:
    """Turns pieces of any size into pieces of the size asked for."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._held = bytearray()

    def take(self, size: int) -> bytes:
        """The next `size` bytes, or fewer at the end."""
        while len(self._held) < size:
            chunk = next(self._chunks, None)
            if chunk is None:
                break
            self._held += chunk
        taken = bytes(self._held[:size])
        del self._held[:size]
        return taken
