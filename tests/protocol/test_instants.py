"""Time as integers: what is written can be read back, and impossible dates are E_DATE."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yidi.protocol import instants
from yidi.protocol.errors import ErrorCode, RemoteProtocolError
from yidi.protocol.instants import Instant

CHINA = timezone(timedelta(hours=8))
EPOCH = datetime(1970, 1, 1, tzinfo=CHINA) - timedelta(hours=-8)

dates = st.dates(date(1900, 1, 1), date(2200, 12, 31))
days = dates.map(date.isoformat)
moments = st.integers(-2_000_000_000_000_000, 7_000_000_000_000_000).map(Instant)
seconds = st.integers(-2_000_000_000, 7_000_000_000).map(lambda second: Instant(second * 1_000_000))


def in_china(now: Instant) -> datetime:
    """The instant as a datetime of the standard library, computed another way."""
    return EPOCH + timedelta(microseconds=now)


@given(days)
def test_every_date_of_three_centuries_is_read_as_itself(day: str) -> None:
    """1900-01-01 to 2200-12-31, and nothing is added or lost."""
    assert day == instants.parse_date(day)
    assert day == instants.day_of(instants.start_of_day(day))
    assert day != instants.day_of(Instant(instants.start_of_day(day) - 1))


@given(st.text(max_size=100))
def test_a_text_is_a_date_or_e_date(text: str) -> None:
    """Nothing else comes out of a stranger's text, and no more of it than 64 characters."""
    for read in (instants.parse_date, instants.parse_datetime):
        with pytest.raises(RemoteProtocolError) as caught:
            read(text, "$.begndate")

        assert caught.value.code == ErrorCode.E_DATE
        assert caught.value.at == "$.begndate"
        assert len(caught.value.got) <= 64


# fmt: off
BAD_DATES = [
    "2026-02-29", "2026-13-01", "0001-01-01", "9999-12-31", "1899-12-31", "2201-01-01",
    "2026-03-16Z", "2026-03-16+08:00", "2026-3-16", "20260316", "2026-W12-1", "2026-03-16\n",
    "２０２６-03-16", "2026-00-10", "2026-01-00", "", "2026-03-16 00:00:00", " 2026-03-16",
]
# fmt: on


@pytest.mark.parametrize("text", BAD_DATES)
def test_w21_bad_dates(text: str) -> None:
    """Row W21: impossible days, years out of range, zone suffixes and other forms are E_DATE."""
    with pytest.raises(RemoteProtocolError) as caught:
        instants.parse_date(text)

    assert caught.value.code == ErrorCode.E_DATE


# fmt: off
BAD_DATE_TIMES = [
    "2026-02-29 08:00:00", "2026-03-16 24:00:00", "2026-03-16 23:60:00", "2026-03-16 23:59:60",
    "2026-03-16 08:00:00Z", "2026-03-16 08:00:00+08:00", "2026-03-16 08:00", "2026-03-16",
    "0001-01-01 00:00:00", "9999-12-31 00:00:00", "2026-03-16  8:00:00", "2026-03-16 08:00:0０",
    "2026-03-16 08:00:00.5", "2026-03-16 08:00:00\n",
]
# fmt: on


@pytest.mark.parametrize("text", BAD_DATE_TIMES)
def test_w21_bad_date_times(text: str) -> None:
    """Row W21 for the national date-time form, leap seconds included."""
    with pytest.raises(RemoteProtocolError) as caught:
        instants.parse_datetime(text)

    assert caught.value.code == ErrorCode.E_DATE


def test_a_leap_day_is_a_date_in_a_leap_year() -> None:
    """2024 and 2000 have one, 2026 and 2100 have none."""
    assert instants.parse_date("2024-02-29") == "2024-02-29"
    assert instants.parse_date("2000-02-29") == "2000-02-29"
    with pytest.raises(RemoteProtocolError):
        instants.parse_date("2100-02-29")


@given(seconds)
def test_the_national_date_time_can_be_read_back(now: Instant) -> None:
    """Whole seconds survive writing and reading, with a space or a T between."""
    text = instants.local_text(now)

    assert instants.parse_datetime(text) == now
    assert instants.parse_datetime(text.replace(" ", "T")) == now


@given(moments)
def test_every_text_form_agrees_with_the_standard_library(now: Instant) -> None:
    """Chinese local time, in every form that is printed."""
    local = in_china(now)

    assert instants.local_text(now) == local.strftime("%Y-%m-%d %H:%M:%S")
    assert instants.local_stamp(now) == local.strftime("%Y%m%d%H%M%S")
    assert instants.day_of(now) == local.date().isoformat()
    expected = local.isoformat(timespec="milliseconds")
    assert instants.iso_text(now) == expected


def test_a_business_day_begins_at_midnight_in_china() -> None:
    """Midnight in China is 16:00 of the day before in UTC."""
    assert instants.start_of_day("1970-01-01") == -8 * instants.HOUR
    assert instants.day_of(Instant(0)) == "1970-01-01"
    assert instants.local_text(Instant(0)) == "1970-01-01 08:00:00"
    assert instants.iso_text(Instant(1_234_567)) == "1970-01-01T08:00:01.234+08:00"


@given(days, st.integers(-400, 400))
def test_days_are_added_and_taken_back(day: str, count: int) -> None:
    """A day later and a day earlier cancel out, and instants move by whole days."""
    later = instants.next_day(day, count)

    assert instants.next_day(later, -count) == day
    moved = instants.start_of_day(later) - instants.start_of_day(day)
    assert moved == count * instants.DAY


@given(days, st.integers(-400, 400))
def test_periods_are_added_and_taken_back(day: str, count: int) -> None:
    """A month later and a month earlier cancel out, across the turn of the year."""
    period = instants.period_of(day)

    assert instants.next_period(instants.next_period(period, count), -count) == period
    assert instants.next_period(period, 12) == f"{int(period[:4]) + 1:04d}{period[4:]}"


def test_the_period_after_december_is_january() -> None:
    """And the one before January is December."""
    assert instants.next_period("2026-12") == "2027-01"
    assert instants.next_period("2027-01", -1) == "2026-12"
    assert instants.period_of("2026-03-31") == "2026-03"


@given(dates, st.integers(0, 60))
def test_working_days_are_monday_to_friday(start: date, count: int) -> None:
    """The result is that many weekdays later, and itself one unless nothing was added."""
    end = date.fromisoformat(instants.add_working_days(start.isoformat(), count))
    passed = [start + timedelta(days=n) for n in range(1, (end - start).days + 1)]

    assert sum(day.weekday() < 5 for day in passed) == count
    assert not passed or end.weekday() < 5


@given(st.integers(0, 999_999_999), st.sampled_from(["us", "ms", "s", "m", "h", "d"]))
def test_durations_are_a_number_and_a_unit(count: int, unit: str) -> None:
    """The unit multiplies the number, exactly."""
    micro = {"us": 1, "ms": 10**3, "s": 10**6, "m": 6 * 10**7, "h": 36 * 10**8, "d": 864 * 10**8}

    assert instants.parse_duration(f"{count}{unit}") == count * micro[unit]


@pytest.mark.parametrize(
    "text", ["", "5", "s", "-5s", "1.5s", "5 s", "5sec", "1h30m", "５s", "1e3s", "5s\n", "9" * 40]
)
def test_other_durations_are_refused(text: str) -> None:
    """No sign, no fraction, no sum, no unlimited number."""
    with pytest.raises(ValueError, match="a duration is"):
        instants.parse_duration(text)
