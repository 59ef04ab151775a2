"""Time as integers: an `Instant` is microseconds since 1970 UTC, a `Duration` microseconds.

Nothing here reads a clock. Business days and printed times are those of China, UTC+8 all
year, without daylight saving; an accounting day is written `YYYY-MM-DD`, a period `YYYY-MM`.
Integers of this size are exact in JavaScript too.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import NewType

from yidi.protocol.errors import ErrorCode, RemoteProtocolError

Instant = NewType("Instant", int)
"""Microseconds since 1970-01-01T00:00:00Z."""

Duration = NewType("Duration", int)
"""Microseconds."""

MICROSECOND = Duration(1)
MILLISECOND = Duration(1_000)
SECOND = Duration(1_000_000)
MINUTE = Duration(60_000_000)
HOUR = Duration(3_600_000_000)
DAY = Duration(86_400_000_000)

_CHINA_OFFSET = 8 * HOUR
_EPOCH = date(1970, 1, 1).toordinal()
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}\Z", re.ASCII)
_DATETIME = re.compile(r"(\d{4}-\d{2}-\d{2})[ T](\d{2}):(\d{2}):(\d{2})\Z", re.ASCII)
_DURATION = re.compile(r"(\d{1,9})(us|ms|s|m|h|d)\Z", re.ASCII)
_UNITS = {
    "us": MICROSECOND,
    "ms": MILLISECOND,
    "s": SECOND,
    "m": MINUTE,
    "h": HOUR,
    "d": DAY,
}
YEAR_MIN, YEAR_MAX = 1900, 2200


def parse_date(text: str, at: str = "$") -> str:
    """Check an ISO date (`2026-03-16`) and return it.

    Raises:
        RemoteProtocolError: `E_DATE` for another form, an impossible day, or a year outside
            1900..2200.
    """
    if _DATE.match(text):
        try:
            if YEAR_MIN <= date.fromisoformat(text).year <= YEAR_MAX:
                return text
        except ValueError:
            pass
    raise RemoteProtocolError(ErrorCode.E_DATE, at=at, got=text[:64])


def parse_datetime(text: str, at: str = "$") -> Instant:
    """Read `yyyy-MM-dd HH:mm:ss` (the national form, Chinese local time; `T` is accepted).

    Raises:
        RemoteProtocolError: `E_DATE`.
    """
    match = _DATETIME.match(text)
    if match:
        day, hour, minute, second = match.groups()
        if int(hour) < 24 and int(minute) < 60 and int(second) < 60:
            start = start_of_day(parse_date(day, at))
            return Instant(start + int(hour) * HOUR + int(minute) * MINUTE + int(second) * SECOND)
    raise RemoteProtocolError(ErrorCode.E_DATE, at=at, got=text[:64])


def parse_duration(text: str) -> Duration:
    """Read `250ms`, `25s`, `10m`, `2h`, `30d`; one number, one unit.

    Raises:
        ValueError: another form.
    """
    match = _DURATION.match(text)
    if not match:
        raise ValueError(
            f"a duration is a whole number and us, ms, s, m, h or d; got {text[:64]!r}"
        )
    return Duration(int(match[1]) * _UNITS[match[2]])


def start_of_day(day: str) -> Instant:
    """Midnight in China at the start of an ISO date."""
    return Instant((date.fromisoformat(day).toordinal() - _EPOCH) * DAY - _CHINA_OFFSET)


def day_of(now: Instant) -> str:
    """The calendar day in China at an instant, `YYYY-MM-DD` (not the accounting day)."""
    return _day_text((now + _CHINA_OFFSET) // DAY)


@lru_cache(maxsize=1_024)
def _day_text(days: int) -> str:
    return date.fromordinal(days + _EPOCH).isoformat()


def local_text(now: Instant) -> str:
    """`yyyy-MM-dd HH:mm:ss` in China: the national interface's date-time form."""
    return _local(now).strftime("%Y-%m-%d %H:%M:%S")


def local_stamp(now: Instant) -> str:
    """`yyyyMMddHHmmss` in China: the middle part of a message id."""
    return _local(now).strftime("%Y%m%d%H%M%S")


def iso_text(now: Instant) -> str:
    """ISO 8601 with milliseconds and +08:00."""
    return _local(now).strftime("%Y-%m-%dT%H:%M:%S.") + f"{now // 1000 % 1000:03d}+08:00"


def next_day(day: str, count: int = 1) -> str:
    """The ISO date `count` calendar days later (earlier when negative)."""
    return (date.fromisoformat(day) + timedelta(days=count)).isoformat()


def period_of(day: str) -> str:
    """The month `YYYY-MM` of an ISO date."""
    return day[:7]


def next_period(period: str, count: int = 1) -> str:
    """The month `count` months after `YYYY-MM`."""
    index = int(period[:4]) * 12 + int(period[5:7]) - 1 + count
    return f"{index // 12:04d}-{index % 12 + 1:02d}"


def add_working_days(day: str, count: int) -> str:
    """The ISO date `count` working days (Monday to Friday; public holidays not modelled) later."""
    current = date.fromisoformat(day)
    while count > 0:
        current += timedelta(days=1)
        if current.weekday() < 5:
            count -= 1
    return current.isoformat()


def _local(now: Instant) -> datetime:
    return datetime.fromtimestamp((now + _CHINA_OFFSET) // SECOND, UTC)
