from __future__ import annotations

from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.running.toys import ASKER, CLIENT, HUB, START, ToyAsker, ToyClient, ToyHub, make_runner
from yidi.protocol.envelope import unframe
from yidi.protocol.instants import DAY, HOUR, SECOND
from yidi.protocol.journal import RecordKind
from yidi.protocol.journal_reader import JournalReader
from yidi.scenarios.library.schema import Link
from yidi.scenarios.running.faults import FaultPlan, parse_fault


def run(runner):
    """Run to the end and seal the journal; returns the runner and the journal hash."""
    runner.run()
    return runner, runner.journal.seal()


def faulty(sentence, **options):
    """A toy run under one fault."""
    runner = make_runner(**options)
    runner.plan = FaultPlan([parse_fault(sentence)], START)
    return run(runner)[0]


def test_every_question_is_answered_once():
    """Without faults each question travels two hops out and two back, and is booked once."""
    runner, _ = run(make_runner(5))
    client = runner.clients.host
    assert [name for name, _ in client.answers] == ["Q1", "Q2", "Q3", "Q4", "Q5"]
    assert (runner.deliveries, runner.postings, runner.unfinished) == (20, 5, False)


@given(st.integers(0, 2**64 - 1))
def test_the_same_seed_gives_the_same_journal(seed):
    """INV-39: two runs with one seed agree in the journal hash and in every instant."""
    (first, one), (second, two) = run(make_runner(3, seed=seed)), run(make_runner(3, seed=seed))
    assert one == two
    assert first.clients.host.answers == second.clients.host.answers


def test_another_seed_gives_another_journal():
    """The seed stands in the opening record and draws the latencies, so hashes differ."""
    assert run(make_runner(3, seed=1))[1] != run(make_runner(3, seed=2))[1]


def test_loss_is_mended_by_the_outbox():
    """Half of all frames between nodes lost, every question still gets its one answer."""
    link = Link(from_="treatment:*", to="hub:*", loss=500_000)
    runner, _ = run(make_runner(30, links=(link,)))
    assert runner.lost > 0
    assert runner.postings == 30
    assert len({name for name, _ in runner.clients.host.answers}) == 30
    assert not runner.parties[ASKER].host.outbox.pending


def test_raw_copies_are_dropped_by_the_link():
    """A copy with the same link sequence never reaches a node."""
    runner, _ = run(make_runner(10, links=(Link(duplicate=1_000_000),)))
    assert (runner.deliveries, runner.postings) == (40, 10)
    assert runner.core.totals()["copies"] == 40


def test_a_duplicating_fault_reaches_the_node():
    """A fault's copies are sendings of their own: the node sees them and posts once."""
    runner = faulty("duplicate every eligibility from 310000 to hub", count=4)
    assert (runner.postings, len(runner.clients.host.answers)) == (4, 4)
    assert runner.parties[ASKER].host.state.counters == {"E_UNMATCHED": 4}


def test_a_lost_answer_is_asked_for_again():
    """The lost answer's request is resent after five seconds and gets the saved answer."""
    runner = faulty("lose the 2nd eligibility answer from hub to 310000", count=3)
    late = dict(runner.clients.host.answers)["Q2"]
    assert late > START + SECOND + 5 * SECOND
    assert (runner.lost, runner.postings) == (1, 3)


def test_a_delayed_frame_is_overtaken_and_still_delivered():
    """What a fault delays holds nobody up: later frames pass it, and the gap is filled."""
    runner = faulty("delay the 1st eligibility from 310000 to hub by 3s", count=3)
    assert [name for name, _ in runner.clients.host.answers] == ["Q2", "Q3", "Q1"]
    assert runner.core.totals()["gaps"] >= 1
    assert runner.core.totals()["copies"] == 0


@given(st.integers(0, 1_000))
def test_a_fault_moves_no_other_draw(seed):
    """Under a fault, the latencies of what it does not touch are those of the run without."""
    plain, _ = run(make_runner(4, seed=seed))
    runner = make_runner(4, seed=seed)
    runner.plan = FaultPlan(
        [parse_fault("delay the 4th eligibility from 310000 to hub by 10h")], START
    )
    hit, _ = run(runner)
    assert hit.clients.host.answers[:3] == plain.clients.host.answers[:3]


@given(st.integers(0, 1_000))
def test_a_region_more_moves_no_other_draw(seed):
    """A node more in the network leaves every delivery among the others where it was."""
    plain, _ = run(make_runner(3, seed=seed))
    nodes = {HUB: ToyHub(), ASKER: ToyAsker(), "treatment:320100": ToyAsker("320100")}
    more, _ = run(make_runner(3, seed=seed, nodes=nodes))
    assert more.clients.host.answers == plain.clients.host.answers


@given(st.integers(0, 1_000))
def test_a_link_or_check_moves_no_other_draw(seed):
    """A `[[link]]` table for another direction, or checks watching, change no instant."""

    class Watching:
        def on_delivery(self, node, envelope, now):
            pass

        def delivery_check(self, node, sender):
            return partial(self.on_delivery, node)

        def on_posting(self, node, posting, case):
            pass

    plain, hash_plain = run(make_runner(3, seed=seed))
    other = Link(from_="insured:340600", to="hub:*", loss=900_000)
    watched = make_runner(3, seed=seed, links=(other,))
    watched.checks = Watching()
    watched, hash_watched = run(watched)
    assert watched.clients.host.answers == plain.clients.host.answers
    assert hash_watched == hash_plain


def test_the_journal_folds_to_the_same_state():
    """INV-34: the journal's inputs, folded by fresh nodes, give the same memory."""
    blocks = []
    runner, _ = run(make_runner(6, links=(Link(loss=200_000),), sink=blocks.append))
    reader = JournalReader(iter(blocks), strict=True, name="journal.bin")
    fresh = [ToyHub(), ToyAsker()]
    for block in reader.blocks():
        for record in block.records:
            if record.kind == RecordKind.ENVELOPE:
                fresh[record.node].handle(unframe(record.payload), record.now)
            elif record.kind == RecordKind.DEADLINE:
                fresh[record.node].handle_deadline(record.now)
    snapshots = [party.host.snapshot() for party in runner.parties.values()]
    assert [node.snapshot() for node in fresh] == snapshots


def test_a_clock_that_is_off_is_the_nodes_own():
    """A node ahead by a minute stamps its messages so; within five minutes nobody minds."""
    runner = make_runner(2)
    runner.parties[ASKER].skew = 60 * SECOND
    runner, _ = run(runner)
    assert len(runner.clients.host.answers) == 2
    assert runner.parties[ASKER].host.state.now > runner.now


def test_a_clock_too_far_off_is_refused_and_counted():
    """W22: ten minutes off, the hub refuses every frame; the run ends at its limit."""
    runner = make_runner(1)
    runner.parties[ASKER].skew = 600 * SECOND
    runner.limit = START + 2 * HOUR
    runner, _ = run(runner)
    assert runner.unfinished
    assert runner.core.refused["E_CLOCK_SKEW"] > 1
    assert "skew=600s" in runner.core.dead_letters[0].facts


def test_rejected_deliveries_touch_no_state():
    """A message for another node becomes a dead letter, and the node's memory stays."""
    runner = make_runner(0)
    before = runner.parties[HUB].host.snapshot()
    message = ToyClient(1, asker="insured:340600").handle_deadline(START)[0]
    runner.inject(CLIENT, message.relayed(HUB, None))
    run(runner)
    assert runner.core.refused == {"E_NOT_MINE": 1}
    assert runner.parties[HUB].host.snapshot() == before


def test_a_hop_to_nobody_is_counted():
    """What is sent to a region that takes no part is refused where it leaves."""
    runner, _ = run(make_runner(2, client=ToyClient(2, asker="treatment:110000")))
    assert (runner.core.refused, runner.deliveries) == ({"E_REGION": 2}, 0)


@pytest.mark.parametrize("loss", [0, 1_000_000])
def test_a_full_window_is_freed_or_named(loss):
    """A window full of losses is free again; full of frames under way it is E_BUSY, counted."""
    runner = make_runner(0, links=(Link(loss=loss),))
    runner.core.window = 4
    message = ToyClient(1).handle_deadline(START)[0]
    for _ in range(10):
        runner.inject(CLIENT, message)
    assert runner.core.refused == ({"E_BUSY": 6} if not loss else {})


def test_progress_is_told():
    """The progress callback hears of instants, deliveries and postings."""
    heard = []
    runner = make_runner(3)
    runner.progress = heard.append
    runner, _ = run(runner)
    runner.report()
    assert (heard[-1].deliveries, heard[-1].postings) == (12, 3)
    assert heard[-1].now < START + DAY
