from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from yidi.nodes import outbox as module
from yidi.nodes.outbox import BACKOFF_CAP, RESEND_AFTER, Outbox, Wait
from yidi.protocol.envelope import Envelope, Origin, seal
from yidi.protocol.instants import HOUR, SECOND

PLANS = st.lists(
    st.tuples(st.integers(0, 30 * SECOND), st.sampled_from([0, SECOND, 25 * SECOND])), max_size=12
)
"""When a request is added, and how long its owner waits."""


def request(number: int) -> Envelope:
    """A request told apart by its number."""
    origin = Origin("2207", 0, f"M{number}", "", "a", "b", "", "", "", 0, 0, 0, "")
    return seal("hub:100000", origin, b"\x90")


def filled(plan) -> Outbox:
    """An outbox to which requests were added in the order of their times."""
    outbox = Outbox({})
    for number, (at, timeout) in enumerate(sorted(plan)):
        outbox.add(request(number), at, Wait(timeout=timeout))
    return outbox


@given(PLANS)
def test_the_next_deadline_is_the_earliest_of_what_is_pending(plan):
    """However requests come and go, the timer never misses one and never rings for nothing."""
    outbox = filled(plan)
    for number in range(0, len(plan), 2):
        outbox.take(f"M{number}")
        times = [entry.next_at for entry in outbox.pending.values()]
        assert outbox.next_deadline() == min(times, default=None)


@given(PLANS, st.integers(0, 30 * SECOND))
def test_an_outbox_rebuilt_from_its_memory_rings_at_the_same_times(plan, step):
    """Timers are derived: after a restart the same resends and expiries come due."""
    outbox = filled(plan)
    rebuilt = Outbox({key: replace(entry) for key, entry in outbox.pending.items()})
    now = 40 * SECOND + step
    first, again = outbox.due(now), rebuilt.due(now)

    assert {e.origin.message_id for e in first[0]} == {e.origin.message_id for e in again[0]}
    assert {p.origin.message_id for p in first[1]} == {p.origin.message_id for p in again[1]}


@given(PLANS)
def test_a_request_with_a_deadline_expires_and_one_without_never(plan):
    """After an hour all that had a deadline is given back once; the rest is still resent."""
    outbox = filled(plan)
    expired = []
    while (at := outbox.next_deadline()) is not None and at <= HOUR:
        expired += outbox.due(at)[1]

    assert len([1 for _, timeout in plan if timeout]) == len(expired)
    assert len([1 for _, timeout in plan if not timeout]) == len(outbox.pending)


def test_resends_back_off_to_a_cap():
    """5 s, then 10, 20, 40 … and never longer than ten minutes between two attempts."""
    outbox = Outbox({})
    outbox.add(request(1), 0, Wait(timeout=0))
    times = []
    for _ in range(12):
        times.append(at := outbox.next_deadline())
        resends, expired = outbox.due(at)
        assert (1, 0) == (len(resends), len(expired))

    waits = [b - a for a, b in pairwise(times)]
    assert RESEND_AFTER == times[0]
    assert waits == sorted(waits)
    assert (2 * RESEND_AFTER, BACKOFF_CAP) == (waits[0], waits[-1])


def test_a_resend_is_the_same_message():
    """Message id, origin bytes and body are those of the first attempt."""
    outbox, first = Outbox({}), request(7)
    outbox.add(first, 0, Wait(timeout=25 * SECOND))

    assert ([first], []) == outbox.due(RESEND_AFTER)


def test_what_was_taken_is_not_resent():
    """The answer empties the outbox; a second answer finds nothing."""
    outbox = Outbox({})
    outbox.add(request(1), 0, Wait(timeout=25 * SECOND))

    assert "M1" == outbox.take("M1").origin.message_id
    assert (None, None, ([], [])) == (outbox.take("M1"), outbox.next_deadline(), outbox.due(HOUR))


def test_a_full_outbox_says_so(monkeypatch):
    """At its bound the outbox is full, and free again after one answer (INV-37)."""
    monkeypatch.setattr(module, "OUTBOX_MAX", 2)
    outbox = filled([(0, 0), (0, 0)])
    assert outbox.is_full
    outbox.take("M0")

    assert not outbox.is_full
