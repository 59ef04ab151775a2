"""Frames read no further than their link, and *bare* frames, which have nothing behind it.

A bare frame carries no message and takes no sequence of its own. It tells the highest sequence
sent and the highest received, and may ask for the same in return. So a receiver who has nothing
to say still frees its peer's credit, and a sender whose whole window was lost on the way finds
out that it was. Bare frames are not journalled: they say nothing about any case.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from yidi.protocol.codec import DEEP, check_depth, decode_native
from yidi.protocol.envelope import VERSION, Frame, Link

BARE_BYTES_MAX = 192
"""Two addresses and three numbers; every frame that carries an origin is longer or says so."""
_ASKS = b"?"


class _Head(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What stands before stamp and body, which are skipped unread."""

    version: int
    link: Link
    origin: Annotated[bytes, msgspec.Meta(max_length=2_048)]


_decoder = msgspec.msgpack.Decoder(_Head)
_bare_decoder = msgspec.msgpack.Decoder(Frame)
_encode = msgspec.msgpack.Encoder().encode


def link_of(raw: bytes) -> Link:
    """The link of a frame, whatever it carries.

    Raises:
        DecodeError: `E_DECODE`, `E_FRAME_TOO_LARGE`.
    """
    if len(raw) > DEEP:
        check_depth(raw)
    return decode_native(_decoder, raw).link


def encode_bare(link: Link, *, asks: bool) -> bytes:
    """The bytes of a bare frame.

    Args:
        link: highest sequence sent, highest received.
        asks: whether the peer is to tell its own in return.
    """
    return _encode(Frame(VERSION, link, b"", None, _ASKS if asks else b""))


def read_bare(raw: bytes) -> tuple[Link, bool] | None:
    """The link of a bare frame and whether it asks; None for every other frame."""
    if len(raw) > BARE_BYTES_MAX:
        return None
    try:
        frame = _bare_decoder.decode(raw)
    except (msgspec.MsgspecError, ValueError):
        return None
    if frame.origin or frame.version != VERSION:
        return None
    return frame.link, frame.body == _ASKS
