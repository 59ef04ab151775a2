from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.journal_samples import OPENING, small_blocks, write_inputs
from yidi.protocol.errors import ErrorCode
from yidi.protocol.instants import Instant
from yidi.protocol.journal import (
    BLOCK_HEADER_SIZE,
    GENESIS,
    NO_NODE,
    START,
    JournalWriter,
    RecordKind,
    decode_block_header,
    encode_block_header,
    encode_record,
)
from yidi.protocol.journal_reader import JournalDamage, JournalReader, Record, iterate_records

BLOCKS = small_blocks()
JOURNAL = b"".join(BLOCKS)
LAST = len(JOURNAL) - len(BLOCKS[-1])
"""Where the last block begins."""
WHOLE = list(iterate_records([JOURNAL]))


def read(data: bytes, *, strict: bool = False) -> tuple[JournalReader, list[Record]]:
    """The reader at its end, and all records."""
    reader = JournalReader([data], strict=strict)
    return reader, list(reader.records())


def block_of(*records: bytes, first: int = 0) -> bytes:
    """A right block of any records, to try what only a wrong program would write."""
    data = b"".join(records)
    tip = msgspec.structs.replace(START, lsn=first)
    return encode_block_header(tip, len(records), GENESIS, data) + data


def opening_record(payload: bytes | None = None) -> bytes:
    """The opening of every sample, or another payload in its place."""
    document = msgspec.msgpack.encode(OPENING) if payload is None else payload
    return encode_record(RecordKind.OPENING, NO_NODE, OPENING.start, document)


@given(st.lists(st.integers(1, 300), max_size=20))
def test_pieces_of_any_size_read_the_same(sizes: list[int]) -> None:
    """However the file comes in pieces, the records are the same."""
    pieces, start = [b""], 0
    for size in sizes:
        pieces.append(JOURNAL[start : start + size])
        start += size
    pieces.append(JOURNAL[start:])

    assert WHOLE == list(iterate_records(pieces))


@given(
    st.lists(
        st.tuples(st.sampled_from([2, 3, 4]), st.integers(0, 2), st.binary(max_size=40)),
        max_size=30,
    ),
    st.sets(st.integers(0, 30)),
)
def test_what_was_appended_is_read(inputs: list[tuple[int, int, bytes]], cuts: set[int]) -> None:
    """Every input comes back in its order, wherever the blocks end."""
    blocks: list[bytes] = []
    writer = JournalWriter(blocks.append, OPENING)
    for number, (kind, node, payload) in enumerate(inputs):
        writer.append(kind, node, Instant(number), payload)
        if number in cuts:
            writer.flush()
    journal_hash = writer.seal()
    reader = JournalReader(blocks, strict=True)
    records = list(reader.records())[1:-1]

    assert inputs == [(record.kind, record.node, record.payload) for record in records]
    assert list(range(1, len(inputs) + 1)) == [record.lsn for record in records]
    assert journal_hash == reader.journal_hash


@pytest.mark.parametrize("strict", [True, False])
def test_every_bit_is_guarded(*, strict: bool) -> None:
    """A whole journal with any one bit changed is refused in both modes."""
    for bit in range(8 * len(JOURNAL)):
        data = bytearray(JOURNAL)
        data[bit // 8] ^= 1 << bit % 8
        with pytest.raises(JournalDamage):
            read(bytes(data), strict=strict)


def test_every_cut_keeps_the_whole_records() -> None:
    """A journal cut anywhere keeps exactly its whole records, and says what was lost."""
    opened = WHOLE[1].offset
    for length in range(opened, len(JOURNAL)):
        reader, records = read(JOURNAL[:length])
        ends = [record.offset + 19 + len(record.payload) for record in WHOLE]
        # A header that is cut short, or has no whole record yet, is lost with its block.
        assert sum(end <= length for end in ends) == len(records)
        assert WHOLE[: len(records)] == records
        if reader.torn is None:
            assert reader.tip.offset == length
        else:
            assert len(records) == reader.torn.lsn
            assert length == reader.torn.offset + reader.torn.lost_bytes


def test_every_cut_is_an_error_in_strict_mode() -> None:
    """A journal that lacks any part of its end does not verify."""
    for length in range(len(JOURNAL)):
        with pytest.raises(JournalDamage):
            read(JOURNAL[:length], strict=True)


def test_a_torn_opening_is_no_journal() -> None:
    """Recovery needs the opening record: without it there is nothing to recover."""
    for length in range(1, WHOLE[1].offset):
        with pytest.raises(JournalDamage, match="no opening record"):
            read(JOURNAL[:length])


@given(st.integers(0, len(BLOCKS[-1])), st.integers(0, 7))
def test_valid_record_after_a_bad_one_is_no_torn_tail(spot: int, bit: int) -> None:
    """In a torn block too, damage before a whole record is corruption, never cut off."""
    data = bytearray(JOURNAL[: WHOLE[-1].offset + 3])
    spot = LAST + spot % (WHOLE[-2].offset - LAST)
    data[spot] ^= 1 << bit

    with pytest.raises(JournalDamage) as caught:
        read(bytes(data))

    assert caught.value.code in (ErrorCode.E_JOURNAL_CORRUPT, ErrorCode.E_FRAME_TOO_LARGE)


def test_bad_last_record_of_a_torn_block_is_torn() -> None:
    """A record that fails its CRC with nothing whole after it is lost with the tail."""
    data = bytearray(JOURNAL[: WHOLE[-1].offset + 3])
    data[WHOLE[-2].offset + 1] ^= 1
    reader, records = read(bytes(data))

    assert WHOLE[:-2] == records
    assert (WHOLE[-2].lsn, WHOLE[-2].offset) == (reader.torn.lsn, reader.torn.offset)


def test_what_only_looks_like_a_record_is_no_reason_to_refuse() -> None:
    """Payload bytes that could begin a record, but are none, leave a torn tail a torn tail."""
    fakes = (
        encode_record(2, 1, Instant(1), b"")[:-4] + b"none" + encode_record(2, 9, Instant(1), b"")
    )
    blocks: list[bytes] = []
    writer = JournalWriter(blocks.append, OPENING)
    writer.append(RecordKind.ENVELOPE, 0, Instant(1), fakes + bytes(50))
    writer.flush()
    reader, records = read(blocks[0][:-20])

    assert (1, 1) == (len(records), reader.torn.lsn)


def test_damage_says_lsn_and_offset() -> None:
    """Corruption in the middle names the file, the record, the byte and what was wrong."""
    bad = WHOLE[6]
    data = bytearray(JOURNAL)
    data[bad.offset + 16] ^= 4

    with pytest.raises(JournalDamage, match=r"E_JOURNAL_CORRUPT.*journal\.bin.*E_FRAME_CRC") as got:
        read(bytes(data))

    assert (bad.lsn, bad.offset) == (got.value.lsn, got.value.offset)
    assert f"lsn={bad.lsn} offset={bad.offset}" in str(got.value)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "E_FRAME_EMPTY"),
        (b"PK\x03\x04" + bytes(200), "E_FRAME_MAGIC"),
        (b"P", "E_FRAME_MAGIC"),
        (bytes(1000), "E_FRAME_MAGIC"),
        (JOURNAL[:4] + b"\x09" + JOURNAL[5:], "E_FRAME_VERSION.*want=1 got=9"),
        (JOURNAL[:24] + b"\xff" * 4 + JOURNAL[28:], "E_FRAME_TOO_LARGE.*limit=262144"),
        (JOURNAL[:96] + b"\xff" * 4 + JOURNAL[100:], "E_FRAME_TOO_LARGE.*limit=262144"),
        (JOURNAL + b"YI", "E_JOURNAL_CORRUPT.*data after the closing record"),
        (JOURNAL + BLOCKS[-1], "E_JOURNAL_CORRUPT.*data after the closing record"),
        (JOURNAL[:LAST] + b"\0" * 9, "E_JOURNAL_CORRUPT.*E_FRAME_MAGIC"),
        (BLOCKS[0] + BLOCKS[2], "E_JOURNAL_CORRUPT.*block number 2"),
        (BLOCKS[0] + BLOCKS[0], "E_JOURNAL_CORRUPT.*block number 0"),
        (BLOCKS[1], "E_JOURNAL_CORRUPT.*block number 1"),
    ],
)
@pytest.mark.parametrize("strict", [True, False])
def test_what_is_not_a_journal(data: bytes, said: str, *, strict: bool) -> None:
    """Empty, foreign, later, rearranged and prolonged files are refused in both modes."""
    with pytest.raises(JournalDamage, match=said):
        read(data, strict=strict)


def test_missing_closing_record() -> None:
    """A run that was broken off reads in recovery mode, and does not verify."""
    data = b"".join(small_blocks(sealed=False))
    reader, _ = read(data)

    assert (None, None) == (reader.closing, reader.torn)
    with pytest.raises(JournalDamage, match="no closing record"):
        read(data, strict=True)


def test_block_of_another_journal() -> None:
    """A block that is right in itself but follows another history breaks the chain."""
    foreign: list[bytes] = []
    writer = JournalWriter(foreign.append, OPENING)
    write_inputs(writer, 1, 4)
    writer.flush()

    assert len(BLOCKS[0]) == len(foreign[0])
    with pytest.raises(JournalDamage, match="hash chain broken"):
        read(foreign[0] + BLOCKS[1])


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (block_of(encode_record(3, 0, Instant(1), b"")), "opening record out of place"),
        (block_of(opening_record(), opening_record()), "opening record out of place"),
        (block_of(opening_record(b"\xc1")), "E_FORMAT.*want=schema 1 got=0"),
        (block_of(opening_record(b"\x97\x02")), "E_FORMAT.*want=schema 1 got=2"),
        (block_of(opening_record(b"\x97\x01\xa1\xff")), "E_JOURNAL_CORRUPT.*opening record"),
        (block_of(opening_record(), encode_record(9, 0, Instant(1), b"")), "E_FORMAT.*kind 9"),
        (block_of(opening_record(), encode_record(2, 3, Instant(1), b"")), "node index 3"),
        (block_of(opening_record(), encode_record(5, 0, Instant(1), b"")), "closing record"),
        (
            block_of(opening_record(), encode_record(5, 0, Instant(1), b"\x93\x07\x00\x01")),
            "closing record's counts",
        ),
        (
            block_of(
                opening_record(),
                encode_record(5, NO_NODE, Instant(1), b"\x93\x01\x00\x01"),
                encode_record(3, 0, Instant(1), b""),
            ),
            "record after the closing record",
        ),
    ],
)
def test_records_out_of_place(data: bytes, said: str) -> None:
    """Right hashes do not make up for records that may not stand where they stand."""
    with pytest.raises(JournalDamage, match=said):
        read(data)


def test_wrong_record_count() -> None:
    """A header that counts other records than there are breaks the chain."""
    data = opening_record()
    with pytest.raises(JournalDamage, match="hash chain broken"):
        read(encode_block_header(START, 2, GENESIS, data) + data)


def test_replay_gives_the_same_blocks() -> None:
    """A replay that notes the same outputs and ends its blocks alike has every block's hash."""
    reader = JournalReader([JOURNAL])
    replay = JournalWriter(None, reader.opening)
    for block in reader.blocks():
        for record in block.records:
            if record.kind in (RecordKind.ENVELOPE, RecordKind.DEADLINE):
                replay.append(record.kind, record.node, record.now, record.payload)
                replay.note_output(b"answer %d" % (record.lsn - 1))
        if reader.closing is None:
            replay.flush()
            assert block.header == decode_block_header(BLOCKS[block.header.number], "replayed")
    assert reader.journal_hash == replay.seal(reader.closing.end)


def test_recovered_inputs_are_appended_again() -> None:
    """After a tear, the kept inputs appended anew and the rest make a whole journal again."""
    reader, _ = read(JOURNAL[: WHOLE[-2].offset + 5])
    blocks = [JOURNAL[: reader.tip.offset]]
    writer = JournalWriter(blocks.append, reader.opening, reader.tip)
    for record in reader.unsealed:
        writer.append(record.kind, record.node, record.now, record.payload)
    writer.seal()

    assert WHOLE[:-2] == list(iterate_records(blocks))[:-1]


def test_unsealed_leaves_the_opening_out() -> None:
    """A journal torn in its first block is begun anew: its opening is not an input."""
    reader, _ = read(JOURNAL[: WHOLE[2].offset + 5])

    assert WHOLE[1:2] == list(reader.unsealed)
    assert START == reader.tip


def test_header_size() -> None:
    """The header's size is part of the format."""
    assert 96 == BLOCK_HEADER_SIZE
