"""The small values of scenario files: yuan, durations, chances, moments.

A TOML value and the value that code works with differ for some fields: money is written as
yuan (`"12.30"`) and held as fen, a duration is written `9h30m` and held in microseconds, a
chance is written `0.05` and held per million. A field says so by its annotation, which names
a *reader*; `toml_lines.decode_toml` applies the readers before msgspec checks the types. So no
float ever comes in, and what comes out is plain integers.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Annotated

import msgspec

from yidi.protocol.errors import ErrorCode, ScenarioError, YidiError
from yidi.protocol.instants import (
    DAY,
    HOUR,
    MICROSECOND,
    MILLISECOND,
    MINUTE,
    SECOND,
    Duration,
    Instant,
    parse_datetime,
)
from yidi.protocol.money import parse_yuan

MILLION = 1_000_000
DURATION_MAX = 3660 * DAY
"""Ten years: an upper bound against overflow; the tighter bounds are the loader's."""

_PART = re.compile(r"(\d{1,9})(us|ms|s|m|h|d)", re.ASCII)
_UNITS = {
    "us": MICROSECOND,
    "ms": MILLISECOND,
    "s": SECOND,
    "m": MINUTE,
    "h": HOUR,
    "d": DAY,
}
_ORDER = list(_UNITS)
_ABSOLUTE = re.compile(r"\d{4}-\d{2}-\d{2}[ T]", re.ASCII)
_REFERENCE = re.compile(r"\$\{[a-z0-9_-]+\.[a-z0-9_]+\}\Z", re.ASCII)


class When(msgspec.Struct, frozen=True, kw_only=True):
    """A moment of the story: an offset from the scenario's start, or an instant."""

    offset: Duration | None = None
    instant: Instant | None = None

    def at(self, start: Instant) -> Instant:
        """The instant, given that of the scenario's start."""
        if self.instant is not None:
            return self.instant
        return Instant(start + (self.offset or 0))


def _refuse(code: ErrorCode, want: str, got: object) -> ScenarioError:
    return ScenarioError(code, want=want, got=str(got)[:64])


def read_duration(text: str) -> Duration:
    """Read `250ms`, `30d` or a compound such as `1d9h30m`, largest unit first.

    Raises:
        ScenarioError: `E_RANGE` for another form or more than ten years.
    """
    want = "a duration such as 250ms, 9h30m or 30d"
    total, end, rank = 0, 0, len(_ORDER)
    for match in _PART.finditer(text):
        place = _ORDER.index(match[2])
        if match.start() != end or place >= rank:
            raise _refuse(ErrorCode.E_RANGE, want, text)
        total, end, rank = total + int(match[1]) * _UNITS[match[2]], match.end(), place
    if not text or end != len(text) or total > DURATION_MAX:
        raise _refuse(ErrorCode.E_RANGE, want, text)
    return Duration(total)


def span_reader(value: object) -> int:
    """Reader of a duration ≥ 0."""
    if not isinstance(value, str):
        # A bare number is no duration of any size: what is wrong with 0 or -1 is the value.
        number = isinstance(value, int | Decimal) and not isinstance(value, bool)
        code = ErrorCode.E_RANGE if number else ErrorCode.E_TYPE
        raise _refuse(code, 'a duration in quotes, such as "9h30m"', value)
    return read_duration(value)


def signed_span_reader(value: object) -> int:
    """Reader of a duration that may carry a sign (a clock may be behind)."""
    if isinstance(value, str) and value[:1] in ("-", "+"):
        span = span_reader(value[1:])
        return -span if value[0] == "-" else span
    return span_reader(value)


def yuan_reader(value: object) -> int:
    """Reader of yuan: a string, or a number, which is read as a bounded Decimal."""
    try:
        return parse_yuan(value)
    except YidiError as error:
        want = 'yuan with at most two decimals, such as "12.30"'
        raise _refuse(error.code, want, value) from None


def yuan_or_reference_reader(value: object) -> str:
    """Reader of yuan or of a `${step.field}`; the text itself is kept."""
    if isinstance(value, str) and _REFERENCE.match(value):
        return value
    yuan_reader(value)
    return str(value)


def chance_reader(value: object) -> int:
    """Reader of a chance 0..1, held per million."""
    if isinstance(value, Decimal | int) and not isinstance(value, bool):
        number = Decimal(value)
        if number.is_finite() and 0 <= number <= 1:
            return int(number * MILLION)
    raise _refuse(ErrorCode.E_RANGE, "0..1", value)


def seed_reader(value: object) -> int:
    """Reader of a seed, 0..2**64-1."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**64:
        return value
    raise _refuse(ErrorCode.E_SEED, "an integer 0..2^64-1", value)


def when_reader(value: object) -> dict[str, int]:
    """Reader of a moment: `9h30m` after the start, or `2026-03-02 09:30:00`."""
    if isinstance(value, str) and _ABSOLUTE.match(value):
        try:
            return {"instant": parse_datetime(value)}
        except YidiError as error:
            raise _refuse(error.code, "a time such as 2026-03-02 09:30:00", value) from None
    return {"offset": span_reader(value)}


Reader = Callable[[object], object]


def annotated(reader: Reader) -> msgspec.Meta:
    """The annotation that makes `decode_toml` apply a reader to a field."""
    return msgspec.Meta(extra={"reader": reader})


Fen = Annotated[int, annotated(yuan_reader)]
"""Fen, written as yuan."""
Span = Annotated[int, annotated(span_reader)]
"""Microseconds, written as a duration."""
SignedSpan = Annotated[int, annotated(signed_span_reader)]
"""Microseconds, written as a duration with an optional sign."""
PerMillion = Annotated[int, annotated(chance_reader)]
"""A chance per million, written 0..1."""
Seed = Annotated[int, annotated(seed_reader)]
Moment = Annotated[When, annotated(when_reader)]
"""A moment, written as an offset from the start or as a date and time."""
YuanText = Annotated[str, annotated(yuan_or_reference_reader)]
"""Yuan or `${step.field}`, kept as text until the step runs."""
