"""Frames without a message, and links read from frames that have one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yidi.broker.bare import BARE_BYTES_MAX, encode_bare, link_of, read_bare
from yidi.protocol.envelope import Link, Origin, frame, seal
from yidi.protocol.errors import DecodeError

LINK = Link("treatment:310000", "hub:100000", 7, 5, 1_772_000_000_000_000)
addresses = st.text("abcdefgh:0123456789", min_size=1, max_size=48)
counts = st.integers(0, 2**53)


@given(st.builds(Link, addresses, addresses, counts, counts, counts), st.booleans())
def test_a_bare_frame_says_its_link_and_whether_it_asks(link: Link, asks: bool) -> None:
    """What was encoded is read back, within the bound on its size."""
    raw = encode_bare(link, asks=asks)

    assert len(raw) <= BARE_BYTES_MAX
    assert (read_bare(raw), link_of(raw)) == ((link, asks), link)


def test_a_frame_with_a_message_is_not_bare() -> None:
    """The shortest message is no watermark; its link is read all the same."""
    origin = Origin("2207", 0, "M", "", "a:1", "b:1", "", "", "", 0, 0, 0, "")
    raw = frame(seal("b:1", origin, b""), LINK)

    assert (read_bare(raw), link_of(raw)) == (None, LINK)


@given(st.binary(max_size=200))
def test_rubbish_is_neither(raw: bytes) -> None:
    """What is no frame is not bare, and its link is refused."""
    if read_bare(raw) is None:
        with pytest.raises(DecodeError):
            link_of(raw)
