"""The readers of small values, each against its form."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yidi.protocol.errors import ErrorCode, ScenarioError
from yidi.protocol.instants import DAY, HOUR, MINUTE, SECOND, start_of_day
from yidi.scenarios.library import values


@given(st.integers(0, 3659), st.integers(0, 23), st.integers(0, 59), st.integers(0, 59))
def test_a_compound_duration_is_the_sum_of_its_parts(days, hours, minutes, seconds):
    """Largest unit first, each unit once."""
    text = f"{days}d{hours}h{minutes}m{seconds}s"

    assert days * DAY + hours * HOUR + minutes * MINUTE + seconds * SECOND == (
        values.read_duration(text)
    )


@pytest.mark.parametrize(
    "text", ["", "5", "h", "1h 2m", "2m1h", "1h1h", "-1h", "1.5h", "1w", "１h"]
)
def test_another_form_of_duration_is_refused(text):
    """A duration is whole numbers with units, in falling order."""
    with pytest.raises(ScenarioError) as caught:
        values.read_duration(text)

    assert ErrorCode.E_RANGE == caught.value.code


@pytest.mark.parametrize(("value", "code"), [(0, "E_RANGE"), (-1, "E_RANGE"), (True, "E_TYPE")])
def test_a_bare_number_is_no_duration(value, code):
    """S08: 0 and -1 are out of range in any form; what is no number has the wrong type."""
    with pytest.raises(ScenarioError) as caught:
        values.span_reader(value)

    assert code == caught.value.code


def test_a_duration_has_an_upper_bound():
    """Ten years are the most that is read; the number behind them is not computed with."""
    with pytest.raises(ScenarioError):
        values.read_duration("3661d")


def test_a_clock_may_be_behind():
    """Only a signed span takes a sign."""
    assert -90 * SECOND == values.signed_span_reader("-1m30s")
    assert 5 * SECOND == values.signed_span_reader("+5s")
    with pytest.raises(ScenarioError):
        values.span_reader("-5s")


@given(st.integers(0, 1_000_000))
def test_a_chance_is_exact_per_million(per_million):
    """Six decimals are held exactly: a chance is never a float."""
    assert per_million == values.chance_reader(Decimal(per_million) / 1_000_000)


@given(st.integers(0, 99_999_999_999))
def test_yuan_are_read_to_the_fen(fen):
    """Text and number give the same fen."""
    text = f"{fen // 100}.{fen % 100:02d}"

    assert fen == values.yuan_reader(text) == values.yuan_reader(Decimal(text))


def test_a_moment_is_an_offset_or_an_instant():
    """`at` resolves against the start only where it is an offset."""
    start = start_of_day("2026-03-02")
    offset = values.When(**values.when_reader("1d9h30m"))
    fixed = values.When(**values.when_reader("2026-03-03 09:30:00"))

    assert start + DAY + 9 * HOUR + 30 * MINUTE == offset.at(start) == fixed.at(start)
    assert fixed.at(start) == fixed.at(start_of_day("2027-01-01"))


@pytest.mark.parametrize(
    "text", ["2026-02-29 09:00:00", "2026-03-02 25:00:00", "2026-03-02T09:00Z"]
)
def test_a_moment_that_does_not_exist_is_refused(text):
    """An impossible date or time is E_DATE."""
    with pytest.raises(ScenarioError) as caught:
        values.when_reader(text)

    assert ErrorCode.E_DATE == caught.value.code


def test_an_amount_may_be_carried_from_a_step():
    """`${step.field}` passes where a step's amount is expected, other expressions do not."""
    assert "${pre.medfee_sumamt}" == values.yuan_or_reference_reader("${pre.medfee_sumamt}")
    assert "12.30" == values.yuan_or_reference_reader("12.30")
    with pytest.raises(ScenarioError):
        values.yuan_or_reference_reader("${pre}")
