"""Arrivals: in order, within their window, at their rate, and the same for the same seed."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yidi.protocol.instants import DAY, HOUR, Instant, start_of_day
from yidi.scenarios.library.schema import Arrivals
from yidi.scenarios.running.arrivals import HOUR_PER_MILLE, WEEKDAY_PER_MILLE, arrivals
from yidi.scenarios.running.streams import Streams

MONDAY = start_of_day("2026-03-02")
PROCESSES = ["constant", "poisson", "ramp", "hospital-day"]


def _arrivals(process, per_day, days, seed=1, **more):
    if process == "ramp":
        more.setdefault("per_day_end", 0)
    wanted = Arrivals(process=process, per_day=per_day, **more)
    end = Instant(MONDAY + days * DAY)
    return list(arrivals(wanted, MONDAY, end, Streams(seed).stream("arrivals", "x")))


@given(
    st.sampled_from(PROCESSES), st.integers(1, 200), st.integers(1, 10), st.integers(0, 2**64 - 1)
)
def test_arrivals_are_in_order_and_within_the_window(process, per_day, days, seed):
    """Whatever the process, the rate and the seed; and again the same."""
    instants = _arrivals(process, per_day, days, seed)

    assert instants == sorted(instants)
    assert all(MONDAY <= now < MONDAY + days * DAY for now in instants)
    assert instants == _arrivals(process, per_day, days, seed)


@pytest.mark.parametrize(("process", "wanted"), [
    ("constant", 28_000), ("poisson", 28_000), ("ramp", 14_000), ("hospital-day", 28_000),
])  # fmt: skip
def test_arrivals_keep_their_rate(process, wanted):
    """A thousand a day in four weeks, within five standard deviations of a Poisson count."""
    count = len(_arrivals(process, 1_000, 28))

    assert abs(count - wanted) < 5 * wanted**0.5


def test_constant_arrivals_are_evenly_spaced():
    """The first comes after half a gap."""
    instants = _arrivals("constant", 4, 1)

    assert [3 * HOUR, 9 * HOUR, 15 * HOUR, 21 * HOUR] == [now - MONDAY for now in instants]


def test_a_ramp_rises_in_a_straight_line():
    """From nothing to twice the mean: a quarter comes in the first half."""
    instants = _arrivals("ramp", 0, 10, per_day_end=2_000)
    early = sum(now < MONDAY + 5 * DAY for now in instants)

    assert abs(early / len(instants) - 0.25) < 0.02


def test_a_hospital_day_has_its_busy_hour_and_its_busy_monday():
    """9 to 10 has 14 % of a day, Monday 1.35 of the mean."""
    instants = _arrivals("hospital-day", 2_000, 28)
    hours = Counter((now - MONDAY) % DAY // HOUR for now in instants)
    days = Counter((now - MONDAY) // DAY % 7 for now in instants)

    assert abs(hours[9] / len(instants) - 0.14) < 0.01
    assert abs(days[0] / (len(instants) / 7) - 1.35) < 0.05
    assert (9, 0) == (hours.most_common(1)[0][0], days.most_common(1)[0][0])


def test_the_tables_are_shares_and_means():
    """A day is a thousand thousandths; the mean of a week is 1."""
    assert (24, 1_000) == (len(HOUR_PER_MILLE), sum(HOUR_PER_MILLE))
    assert (7, 7_000) == (len(WEEKDAY_PER_MILLE), sum(WEEKDAY_PER_MILLE))


@pytest.mark.parametrize("process", PROCESSES)
def test_a_count_ends_the_flow(process):
    """At most so many, and the same ones."""
    assert _arrivals(process, 100, 5)[:7] == _arrivals(process, 100, 5, count=7)


def test_nothing_comes_of_nothing():
    """A ramp from 0 to 0 and an empty window have no arrivals."""
    assert [] == _arrivals("ramp", 0, 5, per_day_end=0)
    assert [] == _arrivals("poisson", 100, 0)
