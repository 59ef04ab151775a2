"""Bytes to bodies and back, with every way of being wrong turned into one `DecodeError`.

Decoders exist once per type and are typed and bounded all the way down, so hostile nesting or
huge headers are refused before anything is allocated. msgspec reports a path such as `$[3]`;
`decode_native` turns it into the field's name, because `$.total_fen` is what a person mends.
"""

from __future__ import annotations

import re
from typing import TypeVar

import msgspec

from yidi.protocol.errors import DecodeError, ErrorCode

T = TypeVar("T")

BODY_BYTES_MAX = 245_760
"""Leaves room for link, origin and stamp inside one frame."""

_encoder = msgspec.msgpack.Encoder()
encode = _encoder.encode
"""Encode a body (any message struct) as positional MessagePack."""

_PATH = re.compile(r" - at `(\$[^`]*)`")
_BYTE = re.compile(r"\(byte (\d+)\)")
_STEP = re.compile(r"\[(\d+|\.\.\.)\]")
_AMOUNT_WANT = "integer fen 0..10^11"


def decode_native(decoder: msgspec.msgpack.Decoder[T], data: bytes) -> T:
    """Decode one document of the decoder's type.

    Raises:
        DecodeError: `E_DECODE`, `E_AMOUNT`, `E_MISSING_FIELD` or `E_TOO_MANY_ITEMS`, with the
            field's path or the byte offset in `at`.
    """
    if len(data) > BODY_BYTES_MAX and len(data) > 262_144:
        raise DecodeError(ErrorCode.E_FRAME_TOO_LARGE, got=f"{len(data)} bytes", limit=262_144)
    try:
        return decoder.decode(data)
    except UnicodeDecodeError as exc:
        raise DecodeError(ErrorCode.E_DECODE, want="valid utf8") from exc
    except msgspec.MsgspecError as exc:
        raise _explained(str(exc), decoder.type) from exc
    except (RecursionError, ValueError, OverflowError) as exc:
        raise DecodeError(ErrorCode.E_DECODE, got=type(exc).__name__) from exc


def _explained(text: str, root: object) -> DecodeError:
    path_match, byte_match = _PATH.search(text), _BYTE.search(text)
    reason = _PATH.sub("", text)
    if path_match is None:
        at = f"byte {byte_match[1]}" if byte_match else "$"
        if "truncated" in text:
            return DecodeError(ErrorCode.E_DECODE, at=at, got="truncated")
        if "trailing" in text:
            return DecodeError(ErrorCode.E_DECODE, at=at, got="trailing bytes")
        if "missing required" in text or "length" in text:
            return DecodeError(ErrorCode.E_MISSING_FIELD, got=reason)
        return DecodeError(ErrorCode.E_DECODE, at=at, got=_plain(reason))
    at = named_path(root, path_match[1])
    field = at.rsplit(".", 1)[-1]
    if field.endswith("_fen"):
        return DecodeError(ErrorCode.E_AMOUNT, at=at, want=_AMOUNT_WANT, got=_plain(reason))
    if field in ("lines", "items") and "length" in text:
        return DecodeError(ErrorCode.E_TOO_MANY_ITEMS, at=at, limit=2_000)
    if "of length >=" in text or "at least" in text:
        return DecodeError(ErrorCode.E_MISSING_FIELD, at=at, got=reason)
    return DecodeError(ErrorCode.E_DECODE, at=at, got=_plain(reason))


def _plain(reason: str) -> str:
    return "ext not allowed" if "ext" in reason else reason


def named_path(root: object, path: str) -> str:
    """Turn a positional path (`$[2][0][4]`) into field names (`$.lines[0].amount_fen`)."""
    current, named = msgspec.inspect.type_info(root), "$"
    for step in _STEP.findall(path):
        current = _unwrapped(current)
        if isinstance(current, msgspec.inspect.StructType) and step.isdigit():
            field = current.fields[int(step)]
            current, named = field.type, f"{named}.{field.name}"
        elif isinstance(current, msgspec.inspect.ListType):
            current, named = current.item_type, f"{named}[{step}]"
        else:
            named = f"{named}[{step}]"
    return named


def _unwrapped(kind: msgspec.inspect.Type) -> msgspec.inspect.Type:
    if isinstance(kind, msgspec.inspect.UnionType):
        return next(
            (t for t in kind.types if not isinstance(t, msgspec.inspect.NoneType)), kind.types[0]
        )
    return kind
