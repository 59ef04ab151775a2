"""Faults at work: what arrives of each hop, counted per fault."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yidi.protocol.envelope import Origin
from yidi.protocol.instants import DAY, HOUR, MILLISECOND, SECOND, Instant, start_of_day
from yidi.protocol.transactions import Kind
from yidi.scenarios.library.schema import Fault
from yidi.scenarios.running.faults import ONCE, FaultPlan, parse_fault, rules_of

START = start_of_day("2026-03-02")
TREATMENT, HUB, INSURED = "treatment:310000", "hub:100000", "insured:340600"


def _origin(transaction="2207", kind=Kind.RESULT, sender=INSURED, recipient=TREATMENT):
    return Origin(
        transaction, kind, "m", "", sender, recipient, "k", "310000", "340600", 0, 0, 0, "t"
    )  # fmt: skip


REQUEST = _origin(kind=Kind.REQUEST, sender=TREATMENT, recipient=INSURED)


def _plan(*sentences):
    return FaultPlan((parse_fault(sentence) for sentence in sentences), START)


def _decide(plan, origin, hop=(INSURED, HUB), case=None, at=0):
    return plan.decide(origin, *hop, case, Instant(START + at))


def test_without_a_fault_every_hop_delivers_once():
    """And nothing is built for it: the same tuple every time."""
    plan = _plan()

    assert not plan
    assert _decide(plan, _origin()) is ONCE


def test_a_message_is_counted_where_it_leaves_its_sender():
    """The 2nd answer is lost on its first hop; the hub's hop is not counted."""
    plan = _plan("lose the 2nd settlement answer from 340600 to 310000 on day 3")
    first = [_decide(plan, _origin(), at=2 * DAY) for _ in range(3)]
    relayed = _decide(plan, _origin(), (HUB, TREATMENT), at=2 * DAY)

    assert [ONCE, (), ONCE] == first
    assert ONCE == relayed == _decide(plan, _origin(), at=DAY)
    assert ([3], [1]) == (plan.matched, plan.acted)


@pytest.mark.parametrize(
    ("origin", "case"),
    [
        (REQUEST, "visit-1"),
        (_origin(transaction="2206"), "visit-1"),
        (_origin(sender="insured:340500"), "visit-1"),
        (_origin(recipient="treatment:320100"), "visit-1"),
        (_origin(), "visit-2"),
        (_origin(), None),
    ],
)
def test_what_the_sentence_does_not_select_is_let_be(origin, case):
    """Another kind, transaction, party or case."""
    plan = _plan("lose every settlement answer from 340600 to 310000 of case visit-1")

    assert ONCE == _decide(plan, origin, (origin.sender, HUB), case)
    assert [0] == plan.matched


def test_a_refusal_is_an_answer():
    """What the patient waits for is lost, whatever it says."""
    plan = _plan("lose every settlement answer")

    assert () == _decide(plan, _origin(kind=Kind.REJECTION))


@given(st.integers(1, 20), st.integers(1, 60))
def test_every_nth_is_every_nth(every, count):
    """Counted over what matched."""
    plan = _plan(f"duplicate every {every}th reversal")
    reversal = _origin("2601", Kind.REQUEST, TREATMENT, INSURED)
    arrived = [_decide(plan, reversal, (TREATMENT, HUB)) for _ in range(count)]

    assert count + count // every == sum(map(len, arrived))
    assert [count // every] == plan.acted


def test_a_duplicate_follows_and_a_delay_holds_back_every_copy():
    """Faults act one after the other, in the order of the file."""
    plan = _plan("duplicate every settlement answer", "delay every settlement answer by 40s")

    arrivals = _decide(plan, _origin())

    assert [40 * SECOND, 40 * SECOND + MILLISECOND] == [one.delay for one in arrivals]


@pytest.mark.parametrize(("at", "arrives"), [(HOUR - 1, 1), (HOUR, 0), (2 * HOUR - 1, 0),
                                             (2 * HOUR, 1)])  # fmt: skip
def test_a_region_cut_off_neither_sends_nor_receives(at, arrives):
    """From the beginning of the window to just before its end."""
    plan = _plan("cut 340600 off between 1h and 2h")

    assert arrives == len(_decide(plan, _origin(), (INSURED, HUB), at=at))
    assert arrives == len(_decide(plan, REQUEST, (HUB, INSURED + "/3"), at=at))
    assert 1 == len(_decide(plan, REQUEST, (TREATMENT, HUB), at=at))
    assert 1 == len(_decide(plan, REQUEST, ("operator:340600", INSURED), at=at))


def test_the_hub_may_be_cut_off_and_named():
    """`from hub` speaks of the second hop."""
    plan = _plan("lose every settlement answer from hub to 310000")

    assert ONCE == _decide(plan, _origin(), (INSURED, HUB))
    assert () == _decide(plan, _origin(), (HUB, TREATMENT))
    assert () == _decide(_plan("cut hub off"), _origin(), (INSURED, HUB))


def test_a_fault_that_never_acted_is_known():
    """So that a scenario can be told of its mistake."""
    plan = _plan("lose the 9th settlement answer", "lose the 1st settlement answer")
    _decide(plan, _origin())

    assert ["lose the 9th settlement answer"] == [rule.sentence for rule in plan.idle()]


def test_a_scenarios_faults_keep_their_order_and_windows():
    """The table's window is laid over the sentence's."""
    rules = rules_of([Fault(do="lose every settlement", from_=HOUR), Fault(do="cut hub off")])

    assert [HOUR, 0] == [rule.starts for rule in rules]


def test_a_change_goes_with_the_copies_it_was_said_of():
    """`change` alters what arrives; `changing` alters the further copies alone."""
    plan = _plan("duplicate the 1st settlement changing medfee_sumamt to 9.00 by 3s",
                 "add exp_note to every settlement")  # fmt: skip
    first, copy = _decide(plan, REQUEST, (TREATMENT, HUB))

    assert ["exp_note"] == [change.field for change in first.changes]
    assert ["medfee_sumamt", "exp_note"] == [change.field for change in copy.changes]
    assert (0, 3 * SECOND) == (first.delay, copy.delay)
