"""The open loop against a network that answers when the test wants."""

from __future__ import annotations

import pytest

from yidi.protocol import messages as m
from yidi.protocol.codec import encode
from yidi.protocol.envelope import Origin, seal
from yidi.protocol.instants import MILLISECOND, SECOND
from yidi.scenarios.library.loader import load
from yidi.scenarios.library.thresholds import MILLION, parse_threshold
from yidi.scenarios.load.open_loop import STAGES, Measured, OpenLoop
from yidi.scenarios.load.plan import offered
from yidi.scenarios.running.institutions import build_institutions
from yidi.scenarios.running.people import build_people
from yidi.scenarios.running.streams import Streams

RESULT, REJECTION = 1, 2


@pytest.fixture
def loop():
    """Ten visits a second for a second: one each 100 ms, the first after 50 ms."""
    scenario = offered(load("docs/examples/load.toml"), 10, 1).scenario
    streams = Streams(1)
    people, places = build_people(scenario, streams), build_institutions(scenario)
    start = scenario.start_instant()
    made = OpenLoop(scenario, people, places, streams, start, steady_from=200 * MILLISECOND)
    made.begin(start)
    return made, start


def answer(request, kind=RESULT):
    """An answer to a request; nothing in it is looked at but for a refusal's code."""
    asked = request.origin
    origin = Origin(
        asked.transaction, kind, "x" + asked.message_id[1:], asked.message_id, asked.recipient,
        asked.sender, "", asked.treatment, asked.insured, asked.partition_key, 0, 0, "",
    )  # fmt: skip
    body = b"" if kind == RESULT else encode(m.Rejection(code="E_NO_FILING"))
    return seal(asked.sender, origin, body)


def settle(loop, request, now, each):
    """Answer a visit's questions one after the other; how many there were."""
    count = 0
    while request is not None:
        count, now = count + 1, now + each
        request = next(iter(loop.handle(answer(request), now)), None)
    return count


def test_patients_come_by_the_schedule_and_go_on_at_once(loop):
    """One arrival each 100 ms; four questions a visit, without a pause between them."""
    loop, start = loop
    assert start + 50 * MILLISECOND == loop.next_deadline()
    (first,) = loop.handle_deadline(start + 50 * MILLISECOND)

    assert len(STAGES) == settle(loop, first, start + 50 * MILLISECOND, MILLISECOND)
    assert (1, 1, 0) == (loop.arrived, loop.settled, loop.open_visits)


def test_patients_come_in_turn(loop):
    """Nobody comes twice before everybody has come once."""
    loop, start = loop
    requests = loop.handle_deadline(start + SECOND)

    assert 10 == len({request.body for request in requests})


def test_latency_is_from_the_scheduled_arrival(loop):
    """Who is let in 400 ms late has waited 400 ms already: no coordinated omission."""
    loop, start = loop
    requests = loop.handle_deadline(start + 650 * MILLISECOND)
    assert 7 == len(requests)
    late = requests[2]  # scheduled at 250 ms
    settle(loop, late, start + 650 * MILLISECOND, MILLISECOND)

    assert 401 * MILLISECOND == loop.measured.stages["eligibility"].largest
    assert MILLISECOND == loop.measured.stages["fee_upload"].largest
    assert 404 * MILLISECOND == loop.measured.visits.largest
    assert 400 * MILLISECOND == loop.measured.lateness.largest


def test_the_warm_up_is_not_measured(loop):
    """A visit that was to come before the steady window counts as settled, not as latency."""
    loop, start = loop
    (first,) = loop.handle_deadline(start + 50 * MILLISECOND)
    settle(loop, first, start + SECOND, SECOND)

    assert (1, 0) == (loop.settled, loop.measured.visits.count)
    assert not loop.measured.stages


def test_refusals_are_counted_by_stage_and_end_the_visit(loop):
    """A refused settlement is what the validity gate subtracts from pre-settlements."""
    loop, start = loop
    request = loop.handle_deadline(start + 250 * MILLISECOND)[-1]
    for _ in range(3):
        (request,) = loop.handle(answer(request), start + SECOND)
    loop.handle(answer(request, REJECTION), start + SECOND)

    assert {"settlement": 1} == loop.measured.refused
    assert (1, 1, 0) == (loop.measured.pre_settled, loop.measured.given_up, loop.settled)
    assert 1 == loop.manual


def test_after_the_end_nobody_is_let_in(loop):
    """What is under way may end; who was to come stays away."""
    loop, start = loop
    loop.handle_deadline(start + 50 * MILLISECOND)
    loop.is_ended = True

    assert not loop.has_more
    assert [] == loop.handle_deadline(start + SECOND)
    assert 1 == loop.arrived


@pytest.mark.parametrize(
    ("key", "expression", "wanted"),
    [
        ("latency{stage=settlement}", "p(50)<1s", 20_000),
        ("latency", "max<1s", 40_000),
        ("latency", "min<1s", 10_000),
        ("latency", "avg<1s", 25_000),
        ("latency", "count>1", 4 * MILLION),
        ("refused{stage=settlement}", "rate<0.1", MILLION // 2),
        ("refused", "count<1", MILLION),
        ("visit", "med<1s", 99_000),
        ("lateness", "p(99)<1s", None),
        ("throughput", "rate>1", None),
    ],
)
def test_thresholds_find_what_was_measured(key, expression, wanted):
    """By stage or all, in microseconds or millionths; what nobody measured is None."""
    measured = Measured()
    for stage, waited in (("settlement", 20), ("settlement", 30), ("eligibility", 10),
                          ("eligibility", 40)):  # fmt: skip
        measured.take(stage, waited * 1_000, accepted=(stage, waited) != ("settlement", 30))
    measured.visits.record(99_000)
    found = measured.measure(parse_threshold(key, expression))

    assert found == (wanted if wanted is None else pytest.approx(wanted, 0.01))
