from __future__ import annotations

from hashlib import sha256

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.journal_samples import OPENING, small_blocks, write_inputs
from yidi.protocol.errors import ErrorCode, LocalProtocolError, StoredDataError
from yidi.protocol.instants import Instant
from yidi.protocol.journal import (
    BLOCK_HEADER_SIZE,
    BLOCK_LIMIT,
    GENESIS,
    NO_NODE,
    PAYLOAD_LIMIT,
    RECORD_OVERHEAD,
    START,
    Closing,
    JournalWriter,
    Opening,
    RecordKind,
    decode_block_header,
    decode_record,
    encode_block_header,
    encode_record,
)
from yidi.protocol.journal_reader import JournalReader

NODES = st.integers(0, NO_NODE)
INSTANTS = st.integers(-(2**63), 2**63 - 1).map(Instant)


@given(st.sampled_from(RecordKind), NODES, INSTANTS, st.binary(max_size=600))
def test_record_round_trip(kind: RecordKind, node: int, now: Instant, payload: bytes) -> None:
    """What is encoded as a record is read back from anywhere in a buffer."""
    data = b"before" + encode_record(kind, node, now, payload) + b"after"

    assert (kind, node, now, payload) == decode_record(data, 6)


@given(st.binary(max_size=60), st.integers(0))
def test_record_bit_flip(payload: bytes, where: int) -> None:
    """A record with any one bit changed is refused."""
    data = bytearray(encode_record(2, 1, Instant(3), payload))
    bit = where % (8 * len(data))
    data[bit // 8] ^= 1 << bit % 8

    with pytest.raises(StoredDataError):
        decode_record(bytes(data), 0)


@given(st.binary(max_size=60), st.integers(0))
def test_record_cut_short(payload: bytes, where: int) -> None:
    """A record that is not there whole is said to be cut short."""
    data = encode_record(2, 1, Instant(3), payload)

    with pytest.raises(StoredDataError, match="cut short"):
        decode_record(data[: where % len(data)], 0)


def test_record_length_prefix_of_all_ones() -> None:
    """A length of 0xFFFFFFFF is refused by its number alone, with the limit."""
    data = b"\xff" * 4 + encode_record(2, 1, Instant(3), b"")[4:]

    with pytest.raises(StoredDataError, match=r"E_FRAME_TOO_LARGE.* limit=262144") as caught:
        decode_record(data, 0)

    assert (ErrorCode.E_FRAME_TOO_LARGE, PAYLOAD_LIMIT) == (caught.value.code, caught.value.limit)


def test_record_payload_limit() -> None:
    """A payload of the limit is a record; one byte more is our own mistake."""
    assert PAYLOAD_LIMIT + RECORD_OVERHEAD == len(
        encode_record(2, 0, Instant(0), bytes(PAYLOAD_LIMIT))
    )
    with pytest.raises(LocalProtocolError, match=r"E_FRAME_TOO_LARGE.* limit=262144"):
        encode_record(2, 0, Instant(0), bytes(PAYLOAD_LIMIT + 1))


def test_block_header_round_trip() -> None:
    """A header says which block it is, and hashes the chain, its fields and the records."""
    header = decode_block_header(encode_block_header(START, 2, sha256(b"out").digest(), b"records"))
    fields = bytes.fromhex("5949444a 01 000000 00000000 0000000000000000 00000002 00000007")
    chained = sha256(GENESIS + fields + sha256(b"out").digest() + b"records").digest()

    assert (0, 0, 2, 7) == (header.number, header.first_lsn, header.count, header.length)
    assert chained == header.digest


@pytest.mark.parametrize(
    ("at", "put", "code"),
    [
        (0, b"RIFF", ErrorCode.E_FRAME_MAGIC),
        (4, b"\x09", ErrorCode.E_FRAME_VERSION),
        (24, b"\xff\xff\xff\xff", ErrorCode.E_FRAME_TOO_LARGE),
        (24, b"\x00\x01\x00\x01", ErrorCode.E_FRAME_TOO_LARGE),
        (60, b"\x00\x00", ErrorCode.E_FRAME_CRC),
        (92, b"\x00\x00\x00\x00", ErrorCode.E_FRAME_CRC),
    ],
)
def test_block_header_refusals(at: int, put: bytes, code: ErrorCode) -> None:
    """Each field of a header is refused with the code of what is wrong with it."""
    frame = encode_block_header(START, 2, GENESIS, b"records")
    frame = frame[:at] + put + frame[at + len(put) :]

    with pytest.raises(StoredDataError) as caught:
        decode_block_header(frame)

    assert code == caught.value.code


def test_block_header_version_says_both() -> None:
    """A later version is named beside ours: nothing is guessed."""
    frame = encode_block_header(START, 1, GENESIS, b"")

    with pytest.raises(StoredDataError, match="want=1 got=9"):
        decode_block_header(frame[:4] + b"\x09" + frame[5:])


@pytest.mark.parametrize(("length", "code"), [(0, "E_FRAME_EMPTY"), (95, "E_JOURNAL_CORRUPT")])
def test_block_header_cut_short(length: int, code: str) -> None:
    """No bytes are an empty frame; some are a header cut short."""
    with pytest.raises(StoredDataError, match=code):
        decode_block_header(encode_block_header(START, 1, GENESIS, b"")[:length])


def test_writer_opens_with_the_opening() -> None:
    """The first record is the opening document, at the run's start."""
    first = small_blocks()[0]
    kind, node, now, payload = decode_record(first, BLOCK_HEADER_SIZE)

    assert (RecordKind.OPENING, NO_NODE, OPENING.start) == (kind, node, now)
    assert OPENING == msgspec.msgpack.decode(payload, type=Opening)


def test_writer_closes_with_the_counts() -> None:
    """The closing record counts what went before it and says when the run ended."""
    reader = JournalReader(small_blocks(), strict=True)
    last = list(reader.records())[-1]

    assert (RecordKind.CLOSING, 13) == (last.kind, last.lsn)
    assert Closing(records=13, blocks=2, end=last.now) == reader.closing


def test_writer_fills_blocks() -> None:
    """Left alone, a block takes whole records as long as they fit in 64 KiB."""
    blocks: list[bytes] = []
    writer = JournalWriter(blocks.append, OPENING)
    write_inputs(writer, 0, 400, size=500)
    writer.seal()
    lengths = [len(block) - BLOCK_HEADER_SIZE for block in blocks]

    assert len(blocks) >= 3
    assert all(BLOCK_LIMIT - 519 < length <= BLOCK_LIMIT for length in lengths[:-1])


def test_writer_gives_a_large_record_its_own_block() -> None:
    """A record beyond a block's size stands alone, and its neighbours in other blocks."""
    blocks: list[bytes] = []
    writer = JournalWriter(blocks.append, OPENING)
    writer.append(RecordKind.ENVELOPE, 0, Instant(1), bytes(PAYLOAD_LIMIT))
    writer.append(RecordKind.ENVELOPE, 0, Instant(2), b"small")
    writer.seal()

    assert [1, 1, 2] == [len(block.records) for block in JournalReader(blocks).blocks()]


def test_writer_refuses_a_record_too_large_and_goes_on() -> None:
    """A refused record leaves the writer as it was."""
    writer, other = JournalWriter(None, OPENING), JournalWriter(None, OPENING)
    with pytest.raises(LocalProtocolError, match="E_FRAME_TOO_LARGE"):
        writer.append(RecordKind.ENVELOPE, 0, Instant(1), bytes(PAYLOAD_LIMIT + 1))

    assert other.position == writer.position
    assert other.seal() == writer.seal()


def test_writer_without_sink_has_the_same_hash() -> None:
    """Keeping nothing changes no hash."""
    writer = JournalWriter(None, OPENING)
    for block in range(3):
        write_inputs(writer, block * 4, 4)
        if block < 2:
            writer.flush()
    expected = JournalReader(small_blocks())
    list(expected.blocks())

    assert expected.journal_hash == writer.seal(Instant(OPENING.start + 1_000))


def test_writer_hash_depends_on_the_seed() -> None:
    """The opening holds the seed, so every seed has its own hash."""
    other = msgspec.structs.replace(OPENING, seed=8)

    assert JournalWriter(None, OPENING).seal() != JournalWriter(None, other).seal()


def test_writer_hash_depends_on_the_outputs() -> None:
    """Equal inputs with other outputs have another hash."""
    hashes = set()
    for output in (b"", b"a", b"b"):
        writer = JournalWriter(None, OPENING)
        writer.note_output(output)
        hashes.add(writer.seal())

    assert 3 == len(hashes)


@given(st.lists(st.binary(max_size=9), max_size=40), st.sampled_from([1, 3, 512, 700]))
def test_outputs_digest_is_of_the_joined_bytes(outputs: list[bytes], times: int) -> None:
    """However many chunks were noted, the digest is SHA-256 of their concatenation."""
    blocks: list[bytes] = []
    writer = JournalWriter(blocks.append, OPENING)
    for _ in range(times):
        for output in outputs:
            writer.note_output(output)
    writer.flush()

    assert (
        sha256(b"".join(outputs) * times).digest() == decode_block_header(blocks[0]).outputs_digest
    )


def test_outputs_belong_to_the_block_of_their_input() -> None:
    """Outputs noted after the last record of a full block are still in its digest."""
    blocks: list[bytes] = []
    writer = JournalWriter(blocks.append, OPENING)
    writer.append(RecordKind.ENVELOPE, 0, Instant(1), bytes(BLOCK_LIMIT - 200))
    writer.note_output(b"first")
    writer.append(RecordKind.ENVELOPE, 0, Instant(2), bytes(BLOCK_LIMIT - 200))
    writer.note_output(b"second")
    writer.seal()
    digests = [decode_block_header(block).outputs_digest for block in blocks]

    assert [sha256(b"first").digest(), sha256(b"second").digest()] == digests[:2]


def test_flush_of_nothing_makes_no_block() -> None:
    """A flush with no new record is no block."""
    blocks: list[bytes] = []
    writer = JournalWriter(blocks.append, OPENING)
    writer.flush()
    writer.flush()

    assert 1 == len(blocks) == writer.tip.blocks


def test_sealed_writer_takes_nothing_more() -> None:
    """Appending to a sealed journal is our bug."""
    writer = JournalWriter(None, OPENING)
    writer.seal()

    with pytest.raises(AssertionError, match="sealed"):
        writer.append(RecordKind.DEADLINE, 0, Instant(1), b"")


def test_closing_record_never_splits_from_its_counts() -> None:
    """When the last block is full to the brim, the closing record opens a new one."""
    for spare in range(60):
        blocks: list[bytes] = []
        writer = JournalWriter(blocks.append, OPENING)
        writer.flush()
        writer.append(RecordKind.ENVELOPE, 0, Instant(1), bytes(BLOCK_LIMIT - 19 - spare))
        writer.seal()
        reader = JournalReader(blocks, strict=True)
        list(reader.records())

        assert 2 == reader.closing.records


def test_writer_goes_on_from_a_tip() -> None:
    """A writer begun at another's tip makes the same chain as one that was never stopped."""
    straight = JournalWriter(None, OPENING)
    write_inputs(straight, 0, 4)
    straight.flush()
    resumed = JournalWriter(None, OPENING, straight.tip)
    for writer in (straight, resumed):
        write_inputs(writer, 4, 4)

    assert straight.position == resumed.position
    assert straight.seal() == resumed.seal()
