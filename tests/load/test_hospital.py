from __future__ import annotations

import pytest

from yidi.protocol.envelope import Origin, seal
from yidi.protocol.instants import MILLISECOND, SECOND, Instant
from yidi.scenarios.load.hospital import ALONE_EVERY, Hospital

START = Instant(1_000 * SECOND)


def answer(request, kind=1):
    """An answer to a request."""
    asked = request.origin
    origin = Origin(
        asked.transaction, kind, "x", asked.message_id, asked.recipient, asked.sender, "",
        asked.treatment, asked.insured, 0, 0, 0, "",
    )  # fmt: skip
    return seal(asked.sender, origin, b"")


@pytest.fixture
def hospital():
    """Ten visits a second for a second, two under way at most, three lone requests."""
    made = Hospital(10, 2, 1, 3)
    made.offer(START)
    return made


def test_visits_come_by_the_schedule_while_there_is_room(hospital):
    """The third waits for one of two to go, and then comes at once."""
    assert START == hospital.next_deadline()
    (first,) = hospital.handle_deadline(START)
    assert START + 100 * MILLISECOND == hospital.next_deadline()
    hospital.handle_deadline(Instant(START + 300 * MILLISECOND))
    assert hospital.next_deadline() is None

    for _ in range(3):
        (first,) = hospital.handle(answer(first), Instant(START + 350 * MILLISECOND))
    (third,) = hospital.handle(answer(first), Instant(START + 400 * MILLISECOND))
    assert "1101" == third.origin.transaction
    assert ([400 * MILLISECOND], 2) == (hospital.settled_at, hospital.under_way)


def test_nobody_comes_after_the_end(hospital):
    """Who is there ends; then all who came have gone."""
    (request,) = hospital.handle_deadline(START)
    late = Instant(START + 2 * SECOND)
    assert not hospital.has_offered(late)
    for _ in range(3):
        (request,) = hospital.handle(answer(request), late)

    assert [] == hospital.handle(answer(request), late)
    assert hospital.has_offered(late)


def test_a_refused_visit_makes_room_and_is_counted(hospital):
    """A refusal is no settlement; whoever measures looks at it."""
    (request,) = hospital.handle_deadline(START)
    hospital.handle(answer(request, kind=2), START)

    assert (1, 0) == (hospital.refused, hospital.under_way)


def test_lone_requests_go_one_by_one(hospital):
    """Each after the answer to the one before and a silence."""
    hospital.ask_alone(START)
    now = START
    for left in (2, 1, 0):
        (request,) = hospital.handle_deadline(now)
        assert [] == hospital.handle_deadline(Instant(now + 1))
        hospital.handle(answer(request), now)
        assert (left == 0) == hospital.has_asked
        now = Instant(now + ALONE_EVERY)

    assert 3 == len(hospital.lone_us)
