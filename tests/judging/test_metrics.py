from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.judging.runs import DATA
from yidi.scenarios.judging.judged_run import judged_run
from yidi.scenarios.judging.metrics import Meter, judge_thresholds
from yidi.scenarios.judging.verdicts import TallyBook
from yidi.scenarios.library.loader import load_text


def judged(key, expression, latency, refused=None):
    """The verdict of one threshold over given samples in microseconds."""
    meter, book = Meter(None), TallyBook()
    meter.latency, meter.refused = latency, refused or {}
    judge_thresholds({key: (expression,)}, meter.measure, book)
    return book["THRESHOLD-1"]


@pytest.mark.parametrize(
    ("key", "expression", "verdict"),
    [
        ("latency", "p(99)<101us", "pass"),
        ("latency", "p(100)<100us", "fail"),
        ("latency{stage=settlement}", "max<=10us", "pass"),
        ("latency{stage=settlement}", "min>=2us", "fail"),
        ("latency", "avg<60us", "pass"),
        ("latency", "count==110", "pass"),
        ("latency", "med<50us", "pass"),
        ("refused{stage=settlement}", "rate<0.2", "pass"),
        ("refused", "rate<0.001", "fail"),
        ("refused", "count<=1", "pass"),
        ("latency{stage=cancellation}", "p(99)<1s", "unknown"),
        ("throughput", "rate>1", "unknown"),
    ],
)
def test_thresholds_are_judged_by_what_was_measured(key, expression, verdict):
    """Aggregates over a stage or all; what nobody measured is unknown, never passed."""
    latency = {"settlement": list(range(1, 11)), "eligibility": list(range(1, 101))}
    tally = judged(key, expression, latency, {"settlement": 1, "eligibility": 0})
    assert tally.verdict == verdict
    assert bool(tally.count) == (verdict != "unknown")


@given(st.lists(st.integers(1, 10**9), min_size=1), st.integers(1, 99))
def test_a_percentile_is_a_sample_that_so_many_are_not_above(samples, percent):
    """p(N) is the smallest sample with at least N percent at or below it."""
    ordered = sorted(samples)
    wanted = next(
        one for one in ordered if 100 * sum(x <= one for x in ordered) >= percent * len(ordered)
    )
    assert judged("latency", f"p({percent})<={wanted}us", {"x": samples}).verdict == "pass"
    assert judged("latency", f"p({percent})<{wanted}us", {"x": samples}).verdict == "fail"


def test_a_scenarios_thresholds_are_checks_of_its_run():
    """Latency at the counter is measured in virtual time, question to answer."""
    text = (DATA / "tiny.toml").read_text("utf-8") + (
        '\n[thresholds]\n"latency{stage=settlement}" = ["p(99)<5s", "max<1ms"]\n'
    )
    report = judged_run(load_text(text, "tiny.toml")).report
    rows = {one.id: one for one in report.checks}
    assert (rows["THRESHOLD-1"].verdict, rows["THRESHOLD-2"].verdict) == ("pass", "fail")
    assert report.verdict == "fail"
