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
_UNKNOWN = re.compile(r"Invalid enum value '(.*)'", re.DOTALL)
_TOO_LONG = re.compile(r"`str` of length <= (\d+)")
KEY_FIELDS = frozenset(
    ["message_id", "correlation_id", "case_key", "trace_id", "visit", "batch", "key", "keys",
     "person_no", "settlement_id", "original_message_id", "filing_id"]
)  # fmt: skip
"""Fields that name something; a key is at most 30 characters."""
_AMOUNT_WANT = "integer fen 0..10^11"


DEEP = 3_000
"""Fewer headers than this cannot nest deeper than any thread's stack takes."""
DEPTH_MAX = 16
_NOT_HEADERS = bytes(b for b in range(256) if not (0x80 <= b <= 0x9F or 0xDC <= b <= 0xDF))


def check_depth(data: bytes) -> None:
    """Refuse a document whose appended fields nest too deeply to be skipped safely.

    Known fields are typed, which refuses nesting at once; but msgspec skips what a later version
    appended by recursion. Counting the bytes that could open a container is enough for nearly
    every document; only one full of them is walked.

    Raises:
        DecodeError: `E_DECODE`.
    """
    if len(data) <= DEEP or len(data.translate(None, _NOT_HEADERS)) <= DEEP:
        return
    if _depth_of(data) > DEPTH_MAX:
        raise DecodeError(ErrorCode.E_DECODE, got="nested too deeply", limit=DEPTH_MAX)


def _depth_of(data: bytes) -> int:
    """How deep a MessagePack document nests, as far as it can be walked."""
    position, open_items, deepest = 0, [1], 1
    while position < len(data) and open_items and deepest <= DEPTH_MAX:
        head = data[position]
        position += 1
        open_items[-1] -= 1
        width = _LENGTH_BYTES.get(head, 0)
        count = int.from_bytes(data[position : position + width], "big")
        position += width
        items = _items_of(head, count)
        if items:
            open_items.append(items)
            deepest = max(deepest, len(open_items))
        else:
            position += _payload_of(head, count)
        while open_items and open_items[-1] == 0:
            open_items.pop()
    return deepest


# fmt: off
_LENGTH_BYTES = {
    0xC4: 1, 0xC5: 2, 0xC6: 4, 0xC7: 1, 0xC8: 2, 0xC9: 4, 0xD9: 1, 0xDA: 2, 0xDB: 4,
    0xDC: 2, 0xDD: 4, 0xDE: 2, 0xDF: 4,
}
_FIXED_BYTES = {
    0xCA: 4, 0xCB: 8, 0xCC: 1, 0xCD: 2, 0xCE: 4, 0xCF: 8, 0xD0: 1, 0xD1: 2, 0xD2: 4, 0xD3: 8,
    0xD4: 2, 0xD5: 3, 0xD6: 5, 0xD7: 9, 0xD8: 17,
}
# fmt: on


def _items_of(head: int, count: int) -> int:
    """Values inside the container that a header opens; 0 when it opens none."""
    if 0x80 <= head <= 0x8F:
        return 2 * (head & 0x0F)
    if 0x90 <= head <= 0x9F:
        return head & 0x0F
    if head in (0xDC, 0xDD):
        return count
    return 2 * count if head in (0xDE, 0xDF) else 0


def _payload_of(head: int, count: int) -> int:
    """Bytes of a scalar after its header and length."""
    if 0xA0 <= head <= 0xBF:
        return head & 0x1F
    if 0xC7 <= head <= 0xC9:
        return count + 1
    return _FIXED_BYTES.get(head, count)


def decode_native(decoder: msgspec.msgpack.Decoder[T], data: bytes) -> T:
    """Decode one document of the decoder's type.

    Raises:
        DecodeError: `E_DECODE`, `E_AMOUNT`, `E_MISSING_FIELD` or `E_TOO_MANY_ITEMS`, with the
            field's path or the byte offset in `at`.
    """
    if len(data) > 262_144:
        raise DecodeError(ErrorCode.E_FRAME_TOO_LARGE, got=f"{len(data)} bytes", limit=262_144)
    try:
        return decoder.decode(data)
    except UnicodeDecodeError as exc:
        raise DecodeError(ErrorCode.E_DECODE, want="valid utf8") from exc
    except msgspec.MsgspecError as exc:
        raise _explained(str(exc), decoder.type, len(data)) from exc
    except (RecursionError, ValueError, OverflowError) as exc:
        raise DecodeError(ErrorCode.E_DECODE, got=type(exc).__name__) from exc


def _explained(text: str, root: object, size: int) -> DecodeError:
    path_match, byte_match = _PATH.search(text), _BYTE.search(text)
    reason = _PATH.sub("", text)
    if path_match is None:
        at = f"byte {byte_match[1]}" if byte_match else "$"
        if "truncated" in text:
            return DecodeError(ErrorCode.E_DECODE, at=f"byte {size}", got="truncated")
        if "trailing" in text:
            return DecodeError(ErrorCode.E_DECODE, at=at, got="trailing bytes")
        if "missing required" in text or "length" in text:
            return DecodeError(ErrorCode.E_MISSING_FIELD, got=reason)
        return DecodeError(ErrorCode.E_DECODE, at=at, got=_plain(reason))
    at = named_path(root, path_match[1])
    field = at.rsplit(".", 1)[-1]
    if field == "transaction" and (unknown := _UNKNOWN.search(reason)):
        return DecodeError(ErrorCode.E_INFNO_UNKNOWN, at=at, got=unknown[1])
    if field.endswith("_fen"):
        return DecodeError(ErrorCode.E_AMOUNT, at=at, want=_AMOUNT_WANT, got=_plain(reason))
    if field in ("lines", "items") and "length" in text:
        return DecodeError(ErrorCode.E_TOO_MANY_ITEMS, at=at, limit=2_000)
    if "of length >=" in text or "at least" in text:
        return DecodeError(ErrorCode.E_MISSING_FIELD, at=at, got=reason)
    code = too_long_code(field, reason) or ErrorCode.E_DECODE
    return DecodeError(code, at=at, got=_plain(reason))


def too_long_code(field: str, reason: str) -> ErrorCode | None:
    """What a text beyond its bound is called, by its native field; None for other errors.

    A key, a region or a day that does not fit is refused as such. Source: bad-input W19-W21.
    """
    match = _TOO_LONG.search(reason)
    if match is None:
        return None
    if match[1] in ("7", "10"):
        return ErrorCode.E_DATE
    if field in ("insured", "treatment", "area"):
        return ErrorCode.E_REGION
    return ErrorCode.E_KEY_FORMAT if field in KEY_FIELDS else None


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
