from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import error_of
from yidi.protocol.codec import encode
from yidi.protocol.envelope import (
    FRAME_BYTES_MAX,
    VERSION,
    Frame,
    Link,
    Origin,
    Stamp,
    frame,
    origin_time,
    seal,
    unframe,
)
from yidi.protocol.errors import DecodeError
from yidi.protocol.transactions import CATALOGUE

KEYS = st.text("ABC0189-_", max_size=30)
COUNTS = st.integers(0, 2**53)
ORIGINS = st.builds(
    Origin, st.sampled_from(sorted(CATALOGUE)), st.integers(0, 2), KEYS, KEYS, KEYS, KEYS, KEYS,
    st.just("310000"), st.just("340600"), st.integers(0, 65_535), COUNTS, COUNTS, KEYS, KEYS,
    st.binary(max_size=32), st.binary(max_size=72),
)  # fmt: skip
STAMPS = st.none() | st.builds(
    Stamp, st.dates().map(str), COUNTS, st.just("hub:100000"), st.binary(max_size=64)
)
LINKS = st.builds(Link, KEYS, KEYS, COUNTS, COUNTS, COUNTS)


@given(ORIGINS, LINKS, STAMPS, st.binary(max_size=200))
def test_a_frame_is_read_as_it_was_written(origin, link, stamp, body):
    """Origin, stamp, body and link arrive as they were; the next hop is the link's recipient."""
    arrived = unframe(frame(seal("x", origin, body, stamp), link))

    assert (origin, body, stamp, link) == (
        arrived.origin, arrived.body, arrived.stamp, arrived.link,
    )  # fmt: skip
    assert link.recipient == arrived.hop


@given(ORIGINS, LINKS, LINKS, STAMPS)
def test_a_relay_forwards_origin_and_body_byte_for_byte(origin, first, second, stamp):
    """However often it is relayed, the bytes that its maker sealed do not change."""
    sealed = seal("hub:100000", origin, b"\x91\x01")
    relayed = unframe(frame(unframe(frame(sealed, first)).relayed("next", stamp), second))

    assert (sealed.origin_bytes, sealed.body) == (relayed.origin_bytes, relayed.body)
    assert (stamp, second) == (relayed.stamp, relayed.link)


@given(st.binary(max_size=400))
def test_any_bytes_are_a_frame_or_a_decode_error(raw):
    """Nothing a peer can send raises anything else."""
    error = error_of(lambda: unframe(raw))

    assert error is None or len(error.got) <= 64


@given(ORIGINS, LINKS, st.data())
def test_a_damaged_frame_is_a_frame_or_a_decode_error(origin, link, data):
    """One byte changed anywhere is refused or read, and never ends in another exception."""
    raw = bytearray(frame(seal("x", origin, b"\x90"), link))
    raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    error = error_of(lambda: unframe(bytes(raw)))

    assert error is None or isinstance(error, DecodeError)


def test_fields_may_be_appended():
    """A frame and an origin of a later version, with more at the end, are read (evolution)."""
    origin = Origin("5203", 0, "M", "", "a", "b", "", "", "", 0, 1, 0, "")
    longer = encode([*msgspec.msgpack.decode(encode(origin)), "later", [1, {"x": 2}]])
    link = Link("a", "b", 1, 0, 1)
    raw = encode([VERSION, link, longer, None, b"", "later"])

    assert (origin, 1) == (unframe(raw).origin, origin_time(unframe(raw)))


@pytest.mark.parametrize("excess", [0, 1])
def test_the_limit_is_the_largest_frame(excess):
    """A frame of exactly the limit passes, one byte more does not."""
    origin, link = (
        Origin("5203", 0, "M", "", "a", "b", "", "", "", 0, 1, 0, ""),
        Link("a", "b", 1, 0, 1),
    )
    spare = FRAME_BYTES_MAX - len(encode(Frame(VERSION, link, encode(origin), None, bytes(70_000))))
    raw = frame(seal("b", origin, bytes(70_000 + spare + excess)), link)
    if excess:
        with pytest.raises(DecodeError, match="E_FRAME_TOO_LARGE"):
            unframe(raw)
    else:
        assert FRAME_BYTES_MAX == len(raw)
        assert unframe(raw).link == link
