from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yidi.broker.engines.base import Document
from yidi.broker.engines.batching import (
    BATCH_FRAMES_MAX,
    MESSAGE_BYTES_MAX,
    Batcher,
    decode_batch,
    encode_batch,
)
from yidi.protocol.envelope import FRAME_BYTES_MAX
from yidi.protocol.errors import DecodeError

PLACES = [("hub:100000", 0), ("insured:340600", 0), ("insured:340600", 1)]
frames = st.binary(min_size=1, max_size=20)
queued = st.lists(st.tuples(st.sampled_from(PLACES), frames), max_size=200)


def _taken(batcher):
    batches = []
    while (batch := batcher.take()) is not None:
        batches.append(batch)
    return batches


def _by_place(batches):
    found = {place: [] for place in PLACES}
    for batch in batches:
        found[batch.recipient, batch.partition] += batch.items
    return found


@given(st.lists(frames, min_size=1, max_size=BATCH_FRAMES_MAX))
def test_a_batch_comes_back_as_it_was(batch):
    """Encoding and decoding change nothing."""
    assert batch == decode_batch(encode_batch(batch))


@given(st.binary(max_size=200))
def test_any_bytes_are_a_batch_or_refused(raw):
    """No input does anything but decode to frames or raise DecodeError."""
    try:
        decoded = decode_batch(raw)
    except DecodeError:
        return
    assert all(isinstance(frame, bytes) and frame for frame in decoded)


@pytest.mark.parametrize("size", [1, 1_000, FRAME_BYTES_MAX])
def test_a_full_batch_fits_into_one_message(size):
    """Whatever the sizes of its frames, no batch is larger than what a peer accepts."""
    batcher = Batcher()
    for _ in range(200):
        batcher.put(PLACES[0], bytes(size))

    assert max(len(encode_batch(batch.items)) for batch in _taken(batcher)) <= MESSAGE_BYTES_MAX


@given(queued, st.integers(1, BATCH_FRAMES_MAX))
def test_order_holds_for_each_destination(puts, frames_max):
    """What is put for one destination is taken in the same order, and nothing is lost."""
    batcher = Batcher(frames_max)
    for place, frame in puts:
        batcher.put(place, frame)
    assert batcher.count == len(puts)
    batches = _taken(batcher)

    assert all(len(batch.items) <= frames_max for batch in batches)
    for place, items in _by_place(batches).items():
        assert [frame for at, frame in puts if at == place] == items
    assert (0, 0) == (batcher.count, batcher.bytes)


@given(queued, st.integers(0, 10), queued)
def test_what_is_put_back_comes_first_and_in_order(puts, unconfirmed, later):
    """A lost connection returns batches to the front, before what was put since."""
    batcher = Batcher(3)
    for place, frame in puts:
        batcher.put(place, frame)
    flying = [batch for _ in range(unconfirmed) if (batch := batcher.take()) is not None]
    for place, frame in later:
        batcher.put(place, frame)
    batcher.put_back(flying)

    for place, items in _by_place(_taken(batcher)).items():
        assert [frame for at, frame in puts + later if at == place] == items
    assert (0, 0) == (batcher.count, batcher.bytes)


def test_destinations_take_turns():
    """A long queue for one destination does not hold up another."""
    batcher = Batcher(2)
    for number in range(6):
        batcher.put(PLACES[0], b"%d" % number)
    batcher.put(PLACES[1], b"other")

    assert [2, 1, 2, 2] == [len(batch.items) for batch in _taken(batcher)]


def test_a_document_goes_alone():
    """A document is a publish of its own, in its place among the frames."""
    batcher = Batcher()
    document = Document(sender=PLACES[1][0], recipient=PLACES[0][0], content=b"{}")
    for item in (b"1", b"2", document, b"3"):
        batcher.put(PLACES[0], item)

    assert [[b"1", b"2"], [document], [b"3"]] == [batch.items for batch in _taken(batcher)]
