"""The envelope: `[version, link, origin, stamp, body]`, positional MessagePack.

*origin* says who speaks to whom about which case; it is a document in a byte string, written
once and forwarded byte for byte. *body* is another, skipped by its length by whoever only
relays. *link* is rewritten on every hop. *stamp* is what the hub adds: accounting day and hub
sequence. So the cost of a relay does not depend on the size of the body.

`Envelope` is the form nodes handle: origin decoded, body still bytes. `frame` and `unframe`
turn it into the bytes of one hop and back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import msgspec

from yidi.protocol.codec import DEEP, check_depth, decode_native
from yidi.protocol.errors import DecodeError, ErrorCode
from yidi.protocol.instants import Instant
from yidi.protocol.transactions import CATALOGUE

VERSION = 1
FRAME_BYTES_MAX = 262_144
"""A frame holds at most 2,000 fee lines of about 60 bytes; double that and round up."""

Key = Annotated[str, msgspec.Meta(max_length=30)]
Address = Annotated[str, msgspec.Meta(max_length=48)]
Code6 = Annotated[str, msgspec.Meta(max_length=6)]
Count = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
if TYPE_CHECKING:
    Number = str
else:
    # A literal decodes to the catalogue's own string: nothing to allocate, its hash is known, and
    # a number that is not in the catalogue is refused by the decoder.
    Number = Literal[tuple(CATALOGUE)]


class Link(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One hop: who hands over to whom. Positional in memory too: built for every hop."""

    sender: Address
    recipient: Address
    sequence: Count
    """1, 2, 3 … on this directed link."""
    watermark: Count
    """Highest sequence received in order on the opposite direction."""
    sent_at: Count
    """Instant of this hop by the sender's clock."""


class Stamp(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What the hub adds to what it relays."""

    day: Annotated[str, msgspec.Meta(max_length=10)]
    """Accounting day `YYYY-MM-DD`, set once per exchange."""
    sequence: Count
    """The hub's own order of exchanges."""
    hub: Address
    mac: Annotated[bytes, msgspec.Meta(max_length=64)] = b""


class Origin(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Who speaks to whom, about what. Positional in memory too: built for every message."""

    transaction: Number
    kind: Annotated[int, msgspec.Meta(ge=0, le=2)]
    message_id: Key
    """Sender's 12 characters, yyyyMMddHHmmss, four of sequence; unique per sender."""
    correlation_id: Key
    """Message id of the request that an answer belongs to; empty on a request."""
    sender: Address
    recipient: Address
    case_key: Key
    """Key of the settlement unit's attempt; empty where there is none."""
    treatment: Code6
    insured: Code6
    partition_key: Annotated[int, msgspec.Meta(ge=0, le=65_535)]
    created_at: Count
    deadline: Count
    """Instant after which the sender no longer waits; 0 for none."""
    trace_id: Key
    key_id: Annotated[str, msgspec.Meta(max_length=30)] = ""
    body_digest: Annotated[bytes, msgspec.Meta(max_length=32)] = b""
    signature: Annotated[bytes, msgspec.Meta(max_length=72)] = b""


class Frame(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The bytes of one hop, outermost array."""

    version: int
    link: Link
    origin: Annotated[bytes, msgspec.Meta(max_length=2_048)]
    stamp: Stamp | None
    body: bytes


class Envelope(msgspec.Struct, frozen=True, gc=False):
    """A message in a node's hands; `hop` is the address it is handed to next."""

    hop: str
    origin: Origin
    origin_bytes: bytes
    body: bytes
    stamp: Stamp | None = None
    link: Link | None = None
    """Set on what arrived, never on what a node sends."""

    def relayed(self, hop: str, stamp: Stamp | None) -> Envelope:
        """The same message for the next hop; origin and body stay as they are."""
        return Envelope(hop, self.origin, self.origin_bytes, self.body, stamp)


_encode = msgspec.msgpack.Encoder().encode
_frame_decoder = msgspec.msgpack.Decoder(Frame)
_origin_decoder = msgspec.msgpack.Decoder(Origin)
_link_fields = _frame_decoder.decode
_origin_fields = _origin_decoder.decode


def seal(hop: str, origin: Origin, body: bytes, stamp: Stamp | None = None) -> Envelope:
    """Encode a new message's origin once; `body` is already a document."""
    return Envelope(hop, origin, _encode(origin), body, stamp)


def frame(envelope: Envelope, link: Link) -> bytes:
    """The bytes of one hop."""
    return _encode(Frame(VERSION, link, envelope.origin_bytes, envelope.stamp, envelope.body))


def unframe(raw: bytes) -> Envelope:
    """Read the bytes of one hop; the body stays undecoded.

    Raises:
        DecodeError: `E_FRAME_EMPTY`, `E_FRAME_TOO_LARGE`, `E_FRAME_VERSION`, `E_DECODE`,
            `E_INFNO_UNKNOWN`.
    """
    if len(raw) > DEEP or not raw:
        _check_size(raw)
    try:
        outer = _link_fields(raw)
        origin = _origin_fields(outer.origin)
    except (msgspec.MsgspecError, ValueError, RecursionError, OverflowError):
        outer = decode_native(_frame_decoder, raw)
        origin = decode_native(_origin_decoder, outer.origin)
    if outer.version != VERSION:
        raise DecodeError(ErrorCode.E_FRAME_VERSION, got=str(outer.version), want=str(VERSION))
    link = outer.link
    return Envelope(link.recipient, origin, outer.origin, outer.body, outer.stamp, link)


def _check_size(raw: bytes) -> None:
    size = len(raw)
    if size == 0:
        raise DecodeError(ErrorCode.E_FRAME_EMPTY)
    if size > FRAME_BYTES_MAX:
        raise DecodeError(ErrorCode.E_FRAME_TOO_LARGE, got=f"{size} bytes", limit=FRAME_BYTES_MAX)
    check_depth(raw)


def origin_time(envelope: Envelope) -> Instant:
    """When the message was made, by its maker's clock (resends keep it)."""
    return Instant(envelope.origin.created_at)
