"""How each kind of field is written at a JSON edge, and read back from there.

The kind follows from the native name's suffix (`_fen`, `_bp`, `_e4`, `_e6`) and the native
type's bounds (a text of at most ten characters is a day, an integer up to 2**53 an instant). A
`Form` is one kind with its two functions; structs and lists are put together in `national`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Any

import msgspec

from yidi.protocol.errors import DecodeError, ErrorCode
from yidi.protocol.instants import Instant, local_text, parse_date, parse_datetime
from yidi.protocol.money import FEN_MAX, parse_yuan, ratio_text, yuan

_SCALED = re.compile(r"([0-9]{1,12})(?:\.([0-9]{1,6}))?\Z")
_SUM = re.compile(r"([0-9]{1,14})(?:\.([0-9]{1,2}))?\Z")
_MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])\Z")
_YUAN_SCHEMA = {"pattern": r"^-?\d{1,14}(\.\d{1,2})?$"}
Write = Callable[[Any], Any]
Read = Callable[[Any, str], Any]


class Form(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of field: its type at the edge, and the way there and back."""

    type: Any
    write: Write
    read: Read
    amount: bool = False
    """Whether a value that cannot be read is `E_AMOUNT`."""
    is_count: bool = False
    """Whether it is a plain whole number."""


def _same(value: Any) -> Any:
    return value


def _kept(value: Any, _at: str) -> Any:
    return value


def _text(**bounds: Any) -> Any:
    return Annotated[str, msgspec.Meta(**bounds)]


def _signed(read: Read) -> Read:
    def signed(text: str, at: str) -> int:
        fen: int = read(text.removeprefix("-"), at)
        return -fen if text.startswith("-") else fen

    return signed


def _sum_of_yuan(text: str, at: str) -> int:
    """Sums over many cases outgrow the nine digits that one amount may have."""
    match = _SUM.match(text)
    fen = int(match[1]) * 100 + int((match[2] or "").ljust(2, "0")) if match else 2**53 + 1
    if fen > 2**53:
        raise DecodeError(ErrorCode.E_AMOUNT, at=at, want="yuan as a string", got=text[:64])
    return fen


def _scaled(places: int, limit: int) -> Form:
    unit = 10**places

    def write(value: int) -> str:
        return f"{value // unit}.{value % unit:0{places}d}"

    def read(text: str, at: str) -> int:
        match = _SCALED.match(text)
        decimals = (match[2] or "") if match else ""
        if match is None or len(decimals) > places:
            want = f"a decimal with at most {places} places"
            raise DecodeError(ErrorCode.E_AMOUNT, at=at, want=want, got=text[:64])
        value: int = int(match[1]) * unit + int(decimals.ljust(places, "0") or "0")
        if value > limit:
            raise DecodeError(ErrorCode.E_AMOUNT, at=at, want="a smaller number", got=text[:64])
        return value

    return Form(type=_text(max_length=32), write=write, read=read, amount=True)


def _write_instant(value: int) -> str:
    return local_text(Instant(value)) if value else ""


def _read_instant(text: str, at: str) -> int:
    instant = parse_datetime(text, at) if text else 0
    if instant < 0:
        raise DecodeError(ErrorCode.E_DATE, at=at, want="a day after 1970", got=text[:64])
    return instant


def _read_day(text: str, at: str) -> str:
    return parse_date(text, at) if text else ""


def _read_month(text: str, at: str) -> str:
    if text and not _MONTH.match(text):
        raise DecodeError(ErrorCode.E_DATE, at=at, want="yyyy-MM", got=text[:64])
    return text


def _flag(value: bool) -> str:
    return "1" if value else "0"


def _read_flag(text: str, at: str) -> bool:
    if text in ("0", "1"):
        return text == "1"
    raise DecodeError(ErrorCode.E_CODE, at=at, want="0 or 1", got=text[:64])


_AMOUNT = _text(max_length=64, extra_json_schema=_YUAN_SCHEMA)

INSTANT = Form(type=_text(max_length=32), write=_write_instant, read=_read_instant)
DAY = Form(type=_text(max_length=32), write=_same, read=_read_day)
MONTH = Form(type=_text(max_length=32), write=_same, read=_read_month)
FLAG = Form(type=_text(max_length=5), write=_flag, read=_read_flag)


def form_of(field: str, kind: msgspec.inspect.Type, *, flag: bool) -> Form:
    """The form of a scalar field.

    Args:
        field: its native name, whose suffix says what an integer counts.
        kind: its native type.
        flag: whether the national interface writes this boolean as a code.
    """
    if isinstance(kind, msgspec.inspect.IntType):
        return _of_integer(field, kind)
    if isinstance(kind, msgspec.inspect.StrType):
        length = kind.max_length
        by_length = {10: DAY, 7: MONTH}.get(length or 0)
        return by_length or Form(type=_text(max_length=length), write=_same, read=_kept)
    if isinstance(kind, msgspec.inspect.BytesType):
        bounded = _bounded(bytes, max_length=kind.max_length)
        return Form(type=bounded, write=_same, read=_kept)
    assert isinstance(kind, msgspec.inspect.BoolType), kind
    return FLAG if flag else Form(type=bool, write=_same, read=_kept)


def _of_integer(field: str, kind: msgspec.inspect.IntType) -> Form:
    if field.endswith("_fen") or field == "amounts":
        read: Read = parse_yuan if (kind.le or 0) <= FEN_MAX else _sum_of_yuan
        read = _signed(read) if (kind.ge or 0) < 0 else read
        return Form(type=_AMOUNT, write=yuan, read=read, amount=True)
    if field.endswith("_bp"):
        scaled = _scaled(4, 10_000)
        return Form(type=scaled.type, write=ratio_text, read=scaled.read, amount=True)
    if field.endswith("_e4"):
        return _scaled(4, kind.le or 0)
    if field.endswith("_e6"):
        return _scaled(6, kind.le or 0)
    if kind.le == 2**53:
        return INSTANT
    bounded = _bounded(int, ge=kind.ge, le=kind.le)
    return Form(type=bounded, write=_same, read=_kept, is_count=True)


def _bounded(kind: type, **bounds: Any) -> Any:
    return Annotated[kind, msgspec.Meta(**bounds)]
