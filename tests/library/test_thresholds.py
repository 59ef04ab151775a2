"""Thresholds: the grammar, and comparison in integers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.library.samples import TINY, refusal
from yidi.protocol.errors import ErrorCode, ScenarioError
from yidi.scenarios.library.thresholds import parse_threshold


@given(st.integers(1, 9_999), st.sampled_from(["us", "ms", "s", "m", "h"]))
def test_a_limit_of_time_is_held_in_microseconds(number, unit):
    """Every unit of time gives the same scale."""
    scale = {"us": 1, "ms": 10**3, "s": 10**6, "m": 60 * 10**6, "h": 3600 * 10**6}[unit]
    threshold = parse_threshold("latency{stage=settlement}", f"p(99.9) < {number}{unit}")

    assert (number * scale, "us", 9_990) == (
        threshold.limit,
        threshold.unit,
        threshold.percentile_bp,
    )
    assert ("latency", {"stage": "settlement"}) == (threshold.metric, threshold.tags)


@pytest.mark.parametrize(
    ("expression", "value", "holds"),
    [
        ("rate<0.01", 9_999, True),
        ("rate<0.01", 10_000, False),
        ("count>=100", 100_000_000, True),
        ("count==0", 0, True),
        ("avg!=5", 5_000_000, False),
        ("max<=2s", 2_000_000, True),
        ("med>1", 1_000_000, False),
    ],
)
def test_a_value_is_compared_in_the_thresholds_unit(expression, value, holds):
    """Microseconds with microseconds, millionths with millionths."""
    assert holds is parse_threshold("x", expression).holds(value)


@pytest.mark.parametrize(
    ("key", "expression"),
    [
        ("latency", "p(101)<5ms"),
        ("latency", "p99<5ms"),
        ("latency", "p(99)<5 parsecs"),
        ("latency", "p(99)"),
        ("latency{stage}", "avg<1s"),
        ("latency{stage=a", "avg<1s"),
        ("La tency", "avg<1s"),
        ("latency", "avg<1s || true"),
        ("latency", "avg<" + "9" * 20),
    ],
)
def test_another_expression_is_refused(key, expression):
    """E_EXPRESSION, as a whole and within a scenario."""
    with pytest.raises(ScenarioError) as caught:
        parse_threshold(key, expression)
    text = f'{TINY}\n[thresholds]\n"{key}" = ["{expression}"]'

    assert ErrorCode.E_EXPRESSION == caught.value.code == refusal(text).code
