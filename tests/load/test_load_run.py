from __future__ import annotations

import os
import signal

import msgspec
import pytest

from yidi.scenarios.library.loader import load
from yidi.scenarios.load.load_report import (
    BUSY_SHARE_MAX,
    LATE_P95_US_MAX,
    Gate,
    gate_of,
    generator_report,
)
from yidi.scenarios.load.load_run import LoadOptions, run_load
from yidi.scenarios.load.open_loop import STAGES, VISIT

TINY = LoadOptions(rate=20, seconds=1, warm_up=0.1)


def load_within(limit):
    """The example, with another limit for the settlement: how fast a machine is proves nothing."""
    loaded = load("docs/examples/load.toml")
    thresholds = {**loaded.scenario.thresholds, "latency{stage=settlement}": (limit,)}
    scenario = msgspec.structs.replace(loaded.scenario, thresholds=thresholds)
    return msgspec.structs.replace(loaded, scenario=scenario)


def test_a_load_in_one_process_settles_and_balances():
    """Every visit is settled at three nodes, by stages, with checks that looked."""
    told = []
    report = run_load(load_within("p(99)<1h"), TINY, told.append)

    assert (20, 20, True) == (report.offered, report.settled, report.gate.holds)
    assert [*STAGES, VISIT] == [row.stage for row in report.stages]
    assert {18} == {row.latency.count for row in report.stages}
    assert {"treatment": 20, "hub": 20, "insured": 20} == report.gate.booked
    assert ("pass", 2) == (
        report.verdict, sum(row.id.startswith("THRESHOLD") for row in report.checks),
    )  # fmt: skip
    assert report.batches.frames >= 24 * 20
    assert told


def test_a_threshold_that_does_not_hold_fails_the_run():
    """The scenario says how long anybody may wait."""
    report = run_load(load_within("max<1us"), TINY)

    assert ("fail", False) == (report.verdict, report.passed)


class Stub:
    """An open loop as the report sees it."""

    def __init__(self, late_us=0):
        self.measured = type("M", (), {"pre_settled": 3, "given_up": 1})()
        self.measured.lateness = type("H", (), {"summary": lambda _: Late(late_us)})()
        self.settled, self.open_visits = 2, 0


class Late:
    def __init__(self, value):
        self.p95_us = value


@pytest.mark.parametrize(
    ("busy", "late_us", "alone", "red"),
    [
        (0.1, 0, True, False),
        (BUSY_SHARE_MAX + 0.1, 0, True, True),
        (0.1, LATE_P95_US_MAX + 1, True, True),
        (0.1, LATE_P95_US_MAX + 1, False, False),
        (0.6, 0, False, True),
    ],
)
def test_a_generator_that_was_the_bottleneck_turns_the_result_red(busy, late_us, alone, red):
    """Too busy, or alone and too late; late on a shared thread is the network's doing."""
    assert red == generator_report(Stub(late_us), busy, 1.0, alone=alone).was_bottleneck


@pytest.mark.parametrize(
    ("changes", "holds"),
    [
        ({}, True),
        ({"settled": 0, "pre_settled": 0, "booked": {"hub": 0}}, False),
        ({"pre_settled": 4}, False),
        ({"booked": {"treatment": 2, "hub": 1}}, False),
        ({"unanswered": 1}, False),
    ],
)
def test_the_gate_wants_settlements_to_be_pre_settlements_without_refusals(changes, holds):
    """At the counter, in all books, and with nobody left waiting."""
    right = {
        "pre_settled": 3, "refused_after": 1, "settled": 2, "unanswered": 0,
        "booked": {"treatment": 2, "hub": 2, "insured": 2},
    }  # fmt: skip

    assert holds == Gate(**{**right, **changes}).holds
    assert {"treatment": 0, "hub": 0, "insured": 0} == gate_of(Stub(), {}).booked


def test_an_interrupted_load_lets_nobody_in_any_more_and_still_reports():
    """Who is under way ends; the figures are there, and do not pass."""
    options = msgspec.structs.replace(TINY, seconds=60)
    report = run_load(
        load("docs/examples/load.toml"), options, lambda _: os.kill(os.getpid(), signal.SIGINT)
    )

    assert (True, False) == (report.interrupted, report.passed)
    assert 0 < report.offered == report.settled < 100
