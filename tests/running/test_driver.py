from __future__ import annotations

from collections import Counter
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yidi.protocol.envelope import unframe
from yidi.protocol.errors import RemoteProtocolError, ScenarioError
from yidi.protocol.journal import RecordKind
from yidi.protocol.journal_reader import JournalReader
from yidi.scenarios.library.loader import load, load_text
from yidi.scenarios.running.build import nodes_of_world
from yidi.scenarios.running.faults import FaultPlan, parse_fault
from yidi.scenarios.running.run import RunHooks, run_virtual

DATA = Path(__file__).parent.parent / "data"
TRAFFIC = (DATA / "traffic.toml").read_text("utf-8")
STORM = """
[[link]]
loss = 0.08
duplicate = 0.05

[[fault]]
do = "lose every 5th settlement answer from 340600 to 310000"

[[fault]]
do = "delay every 3rd settlement from 310000 to 340600 by 2m"

[[fault]]
do = "duplicate every 2nd settlement answer by 40s"

[[fault]]
do = "lose every 2nd cancellation answer"

[[fault]]
do = "cut 340600 off between 9h and 10h"
"""


def traffic(extra="", **options):
    """A run of the traffic scenario, with more tables behind it."""
    return run_virtual(load_text(TRAFFIC + extra, str(DATA / "traffic.toml")), **options)


def states(result):
    """How often each triple of states (treatment, hub, insured) occurs over all case keys."""
    books = {role: {} for role in ("treatment", "hub", "insured")}
    for address, node in result.nodes.items():
        role = address.partition(":")[0]
        if role in books:
            books[role].update(node.state.cases)
    keys = sorted({key for cases in books.values() for key in cases})
    return Counter(
        tuple(str(cases[key].state) if key in cases else "" for cases in books.values())
        for key in keys
    )


def test_a_scripted_case_is_told_to_its_end():
    """Each step is answered and judged, with the values of earlier answers carried on."""
    result = run_virtual(load(str(DATA / "tiny.toml")))
    case = result.driver.outcomes()[0]
    assert case.holds
    assert [step.outcome for step in case.steps] == ["accepted"] * 4
    assert case.steps[-1].fields["psn_cash_pay"] == case.steps[2].fields["psn_cash_pay"]
    assert result.driver.visits() == {("H31010100001", "visit-1"): "visit-1"}


def test_an_expectation_that_fails_is_named():
    """What a step does not come to is told with what was wanted and what came."""
    text = (DATA / "tiny.toml").read_text("utf-8").replace('balc = "800.00"', 'balc = "7.00"')
    case = run_virtual(load_text(text, "tiny.toml")).driver.outcomes()[0]
    assert not case.holds
    assert case.steps[0].mismatches == ["balc: want 7.00, got 800.00"]


def test_traffic_settles_and_the_books_agree():
    """Every patient settles or pays in full, and all three nodes agree on every case."""
    result = traffic()
    for counts in result.driver.counts().values():
        assert counts.arrived == counts.settled + counts.manual > 0
        assert counts.manual == sum(counts.reasons.values())
    assert all(len(set(triple)) == 1 for triple in states(result))
    assert (result.lost, result.refused, result.unfinished) == (0, {}, False)
    assert len(list(result.driver.manual())) == sum(
        counts.manual for counts in result.driver.counts().values()
    )


@pytest.mark.slow
@given(st.integers(0, 2**32))
@settings(max_examples=6)
def test_a_storm_leaves_nothing_in_doubt(seed):
    """INV-11, INV-35: under loss, copies, delays and a cut, all agree in the end."""
    result = traffic(STORM, seed=seed)
    live = {"SETTLED", "CLEARED"}
    for triple in states(result):
        seen = {state in live for state in triple}
        assert len(seen) == 1, triple
        assert "INDOUBT" not in triple
    assert not result.unfinished
    assert not result.driver.is_busy
    assert not any(node.outbox.pending for node in result.nodes.values())


def test_same_seed_same_hash():
    """INV-39: the same scenario and seed give the same journal, another seed another one."""
    first, again, other = traffic(STORM), traffic(STORM), traffic(STORM, seed=12)
    assert first.journal_hash == again.journal_hash != other.journal_hash
    assert first.envelopes == again.envelopes


def test_watching_moves_nothing():
    """A run with sinks, progress and checks has the hash of a run without."""

    class Watching:
        def __init__(self):
            self.seen = 0

        def on_delivery(self, node, envelope, now):
            self.seen += 1

        def delivery_check(self, node, sender):
            return partial(self.on_delivery, node)

        def on_posting(self, node, posting, case):
            assert case is None or case.key == posting.key

    blocks, postings, watching = [], [], Watching()
    hooks = RunHooks(
        sink=blocks.append,
        postings=lambda node, posting: postings.append((node, posting.seq)),
        checks=watching,
    )
    watched, plain = traffic(hooks=hooks), traffic()
    assert watched.journal_hash == plain.journal_hash
    assert (len(postings), watching.seen) == (watched.postings, watched.envelopes)


def _flow_of(result, name):
    """Everything that became of one flow: its patients' ways and what they paid in full."""
    flow = result.driver.flows[name]
    return flow.counts, flow.manual


def test_more_of_the_world_moves_no_other_draw():
    """A region, a flow and a fault elsewhere leave another flow's patients as they were."""
    plain = traffic()
    extra = """
[[region]]
code = "510100"
roles = ["treatment"]

[[flow]]
name = "new"
from = "630100"
to = "510100"
arrivals = { process = "poisson", per_day = 20 }
bill = { p50 = "180.00", p90 = "620.00", p99 = "2500.00", max = "9000.00" }
people = 5

[[fault]]
do = "delay every 2nd settlement from 510100 to 630100 by 1h"
"""
    more = traffic(extra)
    for name in plain.driver.flows:
        assert _flow_of(more, name) == _flow_of(plain, name)


def test_the_bundle_alone_builds_the_run_again():
    """World and journal are enough: fresh nodes fold the inputs to the same memory."""
    blocks = []
    result = traffic(STORM, hooks=RunHooks(sink=blocks.append))
    fresh = list(nodes_of_world(result.world, result.book).values())
    reader = JournalReader(iter(blocks), strict=True, name="journal.bin")
    for record in reader.records():
        try:
            if record.kind == RecordKind.ENVELOPE:
                fresh[record.node].handle(unframe(record.payload), record.now)
            elif record.kind == RecordKind.DEADLINE:
                fresh[record.node].handle_deadline(record.now)
        except RemoteProtocolError:
            continue
    assert [n.snapshot() for n in fresh] == [n.snapshot() for n in result.nodes.values()]


def test_days_are_closed_until_nothing_is_open():
    """Each hub's operator closes every day that had patients, in order, and then stops."""
    calendars = traffic().driver.calendars
    assert [calendar.hub for calendar in calendars] == ["hub:100000", "hub:yrd"]
    for calendar in calendars:
        assert calendar.ended
        assert calendar.closed >= 1
        assert calendar.refused == []


def test_a_fault_that_never_acted_is_told():
    """A fault that found nothing to act on is named in the result."""
    result = traffic('\n[[fault]]\ndo = "lose the 99th adjustment"\n')
    assert [rule.sentence for rule in result.idle_faults] == ["lose the 99th adjustment"]


def test_a_stopped_run_says_so():
    """A run that is stopped ends between two instants, unfinished, with a sealed journal."""
    blocks, runners = [], []
    hooks = RunHooks(
        sink=blocks.append, built=runners.append, postings=lambda *_: runners[0].stop()
    )
    result = traffic(hooks=hooks)
    assert result.unfinished
    assert 0 < result.postings < 10
    assert JournalReader(iter(blocks), strict=True, name="j").opening.seed == result.seed


def test_now_is_for_live_runs():
    """A scenario that starts now cannot be run in virtual time."""
    text = (DATA / "tiny.toml").read_text("utf-8").replace('"2026-03-02"', '"now"')
    with pytest.raises(ScenarioError) as caught:
        run_virtual(load_text(text, "tiny.toml"))
    assert caught.value.at == "start"


def test_a_plan_takes_the_place_of_the_faults():
    """Whoever explores gives its own plan; the scenario's faults are then left out."""
    plan = FaultPlan([parse_fault("lose the 1st settlement answer from 340600 to 310000")], 0)
    result = run_virtual(load(str(DATA / "tiny.toml")), hooks=RunHooks(plan=plan))
    assert (result.lost, result.driver.outcomes()[0].holds) == (1, True)
