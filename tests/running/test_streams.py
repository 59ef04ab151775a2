"""Chance: the same everywhere, parted by purpose and entity, integers after the draw."""

from __future__ import annotations

import math
from collections import Counter
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.library.samples import FLOW, TINY, accepted, replaced
from yidi.protocol.instants import DAY
from yidi.scenarios.running.arrivals import arrivals_of
from yidi.scenarios.running.people import build_people
from yidi.scenarios.running.streams import (
    MILLION,
    Quantiles,
    Streams,
    Weighted,
    below,
    between,
    chance,
    exponential,
    pick,
)

SEEDS = st.integers(0, 2**64 - 1)

REGION = """
[[region]]
code = "320100"
roles = ["insured", "treatment"]
"""
OTHER_FLOW = (
    FLOW.replace("huaibei-shanghai", "nanjing-shanghai").replace("340600", "320100")
)  # fmt: skip
FAULT = '[[fault]]\ndo = "lose every 5th settlement answer"\n'
CHECK = '[checks]\nskip = [{ id = "INV-99", reason = "not here" }]\n'


def _draws(text):
    """Who the flow's people are, and when they come."""
    scenario = accepted(text)
    streams = Streams(scenario.seed)
    pool = build_people(scenario, streams).pools["huaibei-shanghai"]
    flow = next(flow for flow in scenario.flow if flow.name == "huaibei-shanghai")
    return pool, list(arrivals_of(flow, scenario.start_instant(), scenario.duration, streams))


@pytest.mark.parametrize(
    "more",
    [
        pytest.param((REGION, "", ""), id="a region"),
        pytest.param((REGION, OTHER_FLOW, ""), id="a flow before"),
        pytest.param(("", "", FAULT), id="a fault"),
        pytest.param(("", "", CHECK), id="a check"),
    ],
)
def test_adding_a_region_a_flow_a_fault_or_a_check_moves_no_other_draw(more):
    """The same persons come at the same instants."""
    region, flow, rest = more
    grown = replaced("[[link]]", f"{region}\n[[link]]") + flow + FLOW + rest

    assert _draws(TINY + FLOW) == _draws(grown)


def test_another_seed_draws_other_people():
    """The seed owns every choice."""
    assert _draws(TINY + FLOW) != _draws(replaced("seed = 7", "seed = 8") + FLOW)


def test_the_first_draws_are_these_on_every_python():
    """Pinned: `Random(str)`, `random()` and `getrandbits` have given the same since 3.2."""
    stream = Streams(7).stream("people", "340600/huaibei-shanghai")
    drawn = [stream.getrandbits(16) for _ in range(3)] + [exponential(stream, 10**6)]

    assert PINNED == [*drawn, below(stream, 1000), Quantiles(10, 20, 90, 100).draw(stream)]


PINNED = [43291, 25762, 4826, 1043980, 67, 18]


@given(SEEDS, st.integers(1, 10**12))
def test_below_stays_below(seed, count):
    """0 ≤ n < count."""
    stream = Streams(seed).stream("test", "below")

    assert all(0 <= below(stream, count) < count for _ in range(20))
    assert -3 <= between(stream, -3, 4) <= 4


def test_below_is_even():
    """No remainder is favoured: each of three within five standard deviations."""
    stream = Streams(1).stream("test", "even")
    counts = Counter(below(stream, 3) for _ in range(30_000))

    assert all(abs(count - 10_000) < 5 * 82 for count in counts.values())
    assert {"a", "b"} == {pick(stream, ["a", "b"]) for _ in range(50)}


def test_a_chance_of_nothing_and_of_all_is_certain():
    """The bounds are exact."""
    stream = Streams(1).stream("test", "chance")

    assert not any(chance(stream, 0) for _ in range(100))
    assert all(chance(stream, MILLION) for _ in range(100))


@given(st.dictionaries(st.text(max_size=3), st.integers(0, 5), min_size=1, max_size=5), SEEDS)
def test_what_weighs_nothing_is_never_drawn(weights, seed):
    """And every draw is one of the table."""
    if not any(weights.values()):
        with pytest.raises(AssertionError):
            Weighted(weights)
        return
    table, stream = Weighted(weights), Streams(seed).stream("test", "weighted")

    assert all(weights[table.draw(stream)] > 0 for _ in range(20))


@given(st.lists(st.integers(0, 10**9), min_size=4, max_size=4).map(sorted))
def test_quantiles_rise_through_their_marks(marks):
    """Half of the median at the least, the maximum at the most, each mark at its place."""
    table = Quantiles(*marks)
    values = [table.at(place) for place in range(0, 65_536, 257)]

    assert values == sorted(values)
    assert (marks[0] // 2, marks[3]) == (table.at(0), table.at(65_535))
    assert marks[:3] == [table.at(65_536 * percent // 100) for percent in (50, 90, 99)]


def test_waiting_times_are_exponential():
    """Mean, median and the share beyond three means, within a percent."""
    stream, mean = Streams(3).stream("test", "exponential"), DAY
    times = sorted(islice(iter(lambda: exponential(stream, mean), None), 100_000))

    assert abs(sum(times) / len(times) / mean - 1) < 0.01
    assert abs(times[50_000] / mean / math.log(2) - 1) < 0.02
    assert abs(sum(time > 3 * mean for time in times) / len(times) - math.exp(-3)) < 0.003
