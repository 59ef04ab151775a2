from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from yidi.broker.link import LinkEnd
from yidi.protocol.instants import MILLISECOND
from yidi.scenarios.library.schema import Latency, Link
from yidi.scenarios.running.pipes import (
    DRAW_BITS,
    LOCAL_LATENCY,
    NETWORK_LATENCY,
    LinkTable,
    latency_table,
)
from yidi.scenarios.running.streams import Streams

A, B = "treatment:310000", "hub:100000"


def pipe(links=(), sender=A, recipient=B, seed=1):
    """The pipe between two ends."""
    ends = (LinkEnd(sender, recipient), LinkEnd(recipient, sender))
    return LinkTable(links, Streams(seed)).pipe(ends, None)


@given(st.lists(st.integers(0, 10**9), min_size=4, max_size=4))
def test_tables_rise_in_whole_milliseconds(marks):
    """A latency table never falls, never is 0, and ends at the maximum rounded up."""
    p50, p90, p99, most = sorted(marks)
    table = latency_table(Latency(p50=p50, p90=p90, p99=p99, max=most))
    assert len(table) == 1 << DRAW_BITS
    assert table == sorted(table)
    assert all(delay > 0 and delay % MILLISECOND == 0 for delay in table)
    assert table[-1] - MILLISECOND < max(most, 1) <= table[-1]


def test_the_first_link_that_matches_counts():
    """Patterns are tried in the order of the file."""
    first = Link(from_="treatment:*", to="hub:*", loss=1)
    second = Link(loss=2)
    assert pipe((first, second)).loss == 1
    assert pipe((first, second), sender=B, recipient=A).loss == 2
    assert pipe((first,), sender=B, recipient=A).loss == 0


def test_local_lines_are_shorter():
    """Where nothing is said, a hospital's line to its region is shorter than the network's."""
    assert pipe().table == latency_table(NETWORK_LATENCY)
    assert pipe(sender="institution:H31010100001", recipient=A).table == latency_table(
        LOCAL_LATENCY
    )


def test_each_direction_has_its_own_stream():
    """A pipe draws the same whoever else is there, and each direction draws for itself."""
    here, again, back = pipe(), pipe((Link(from_="x"),)), pipe(sender=B, recipient=A)
    draws = [[one.bits(DRAW_BITS) for _ in range(20)] for one in (here, again, back)]
    assert draws[0] == draws[1] != draws[2]


def test_chance_is_drawn_only_where_a_link_has_some():
    """A line without loss and copies has no stream for them."""
    assert pipe().chance is None
    assert pipe((Link(duplicate=5),)).chance is not None
