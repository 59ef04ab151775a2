"""A node under a tester's orders, in front of the real three nodes of a pair."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tests.nodes import visit_harness as h
from yidi.nodes.control import ControlledNode
from yidi.nodes.control_state import ControlState, Rule
from yidi.protocol import messages as m
from yidi.protocol import transactions as t
from yidi.protocol.identity import synthetic_identity
from yidi.protocol.instants import SECOND
from yidi.protocol.messages_clearing import DayClose
from yidi.protocol.messages_control import (
    ControlQuery,
    ControlStatus,
    Decision,
    NewPerson,
    NextOutcome,
    Reset,
)

MAKERS = {h.TREATMENT: h.treatment_region, h.INSURED: h.insured_region}
OTHER = "P0002"
NEWCOMER = NewPerson(
    person_no=OTHER, name="李四", certificate_no=synthetic_identity("1970-01-01", 2, "1"), sex="1",
    birth="1970-01-01", insutype="310", psn_type="1101", balance_fen=10_000, filed="310000",
)  # fmt: skip


def network(*, chaos: bool = True) -> h.Net:
    """The three nodes, both regions under control."""
    net = h.Net()
    for address, name in ((h.TREATMENT, "treatment"), (h.INSURED, "insured")):
        controlled = ControlledNode(net.nodes[address], MAKERS[address], chaos=chaos)
        net.nodes[address] = controlled
        setattr(net, name, controlled)
    return net


def tell(net: h.Net, node: str, body: Any, **about: str) -> Any:
    """What a node's operator says, and its answer."""
    words = {NextOutcome: t.TEST_OUTCOME, Reset: t.TEST_RESET, NewPerson: t.TEST_PERSON,
             ControlQuery: t.TEST_STATUS, Decision: t.TEST_DECISION}  # fmt: skip
    given = {"sender": "operator:" + node.partition(":")[2], "recipient": node, **about}
    return net.ask(words[type(body)], body, **given)


def eligibility(person: str = h.PERSON) -> m.EligibilityRequest:
    """1101 by number."""
    return m.EligibilityRequest(person_no=person)


def code(answer: Any) -> str:
    """The code of what must be a refusal."""
    assert isinstance(answer, m.Rejection), answer
    return answer.code


def test_an_ordered_refusal_is_given_once_and_to_every_copy_of_that_message():
    """The next request is refused, its repeat too; the one after is answered by the node."""
    net = network()
    tell(net, h.INSURED, NextOutcome(outcome="refuse", code="E_INSURANCE_SUSPENDED"))
    request = net.request(t.ELIGIBILITY, eligibility())

    assert "E_INSURANCE_SUSPENDED" == code(net.tell(request))
    assert "E_INSURANCE_SUSPENDED" == code(net.tell(request))
    assert isinstance(net.ask(t.ELIGIBILITY, eligibility()), m.EligibilityResult)


def test_a_refused_settlement_leaves_no_money_and_a_new_attempt_settles():
    """At the insured region the node never saw it; the unit settles under its next key."""
    net = network()
    net.ask(t.OUTPATIENT_FEES, h.upload())
    tell(net, h.INSURED, NextOutcome(outcome="refuse", code="E_NO_FILING",
                                     transactions=[t.OUTPATIENT_SETTLEMENT]))  # fmt: skip
    net.ask(t.OUTPATIENT_PRE_SETTLEMENT, h.bill())

    assert "E_NO_FILING" == code(net.ask(t.OUTPATIENT_SETTLEMENT, h.bill()))
    assert [] == net.postings
    assert isinstance(net.ask(t.OUTPATIENT_SETTLEMENT, h.bill()), m.SettlementResult)


@pytest.mark.parametrize(
    ("criterion", "fits"),
    [
        ({"person_no": h.PERSON}, True), ({"person_no": OTHER}, False),
        ({"certificate_no": h.IDENTITY}, False), ({"treatment": "310000"}, True),
        ({"treatment": "320000"}, False), ({"insured": "340600"}, True),
        ({"transactions": [t.BENEFIT_CHECK]}, False), ({"transactions": [t.ELIGIBILITY]}, True),
    ],
)  # fmt: skip
def test_an_order_names_whom_it_means(criterion, fits):
    """Person, certificate, regions and transaction must all be those of the order."""
    net = network()
    tell(net, h.INSURED, NextOutcome(outcome="refuse", code="E_BUSY", **criterion))

    assert fits == isinstance(net.ask(t.ELIGIBILITY, eligibility()), m.Rejection)


def test_clearing_takes_back_what_was_ordered_and_not_what_the_scenario_fixes():
    """A rule of the node's set-up stays, whatever is cleared."""
    net, fixed = h.Net(), NextOutcome(outcome="refuse", code="E_BUSY", person_no=OTHER, times=0)

    def set_up() -> Any:
        region = h.insured_region()
        region.state.control = ControlState(rules=[Rule(outcome=fixed, left=0)])
        return region

    net.insured = net.nodes[h.INSURED] = ControlledNode(set_up(), set_up, chaos=True)
    tell(net, h.INSURED, NextOutcome(outcome="hold", times=0))
    tell(net, h.INSURED, NextOutcome(outcome="clear"))

    assert [fixed] == tell(net, h.INSURED, ControlQuery()).rules


def test_an_order_for_an_institution_fits_whoever_sends_it():
    """1101 has no institution in its body: its sender is the institution."""
    net = network()
    order = NextOutcome(outcome="refuse", code="E_BUSY", institution=h.HOSPITAL)
    tell(net, h.TREATMENT, order)

    assert "E_BUSY" == code(net.ask(t.ELIGIBILITY, eligibility()))


def test_a_slow_answer_comes_when_its_time_has_come():
    """Nothing for nine seconds, then the answer; resends meanwhile change nothing."""
    net = network()
    tell(net, h.INSURED, NextOutcome(outcome="slow", delay=9 * SECOND))
    net.ask(t.ELIGIBILITY, eligibility())
    before = len(net.answers)
    net.wait(8 * SECOND)

    assert before == len(net.answers)
    net.wait(2 * SECOND)
    assert t.ELIGIBILITY == net.answers[-1].origin.transaction
    assert before + 1 == len(net.answers)


def test_an_ignored_settlement_is_in_doubt_and_reversed():
    """The insured region is silent: time-out, query, reversal; nothing was ever booked."""
    net = network()
    net.ask(t.OUTPATIENT_FEES, h.upload())
    net.ask(t.OUTPATIENT_PRE_SETTLEMENT, h.bill())
    order = NextOutcome(outcome="ignore", transactions=[t.OUTPATIENT_SETTLEMENT])
    tell(net, h.INSURED, order)
    net.ask(t.OUTPATIENT_SETTLEMENT, h.bill())
    net.wait(120 * SECOND)

    assert "REVERSED" == net.case().state
    assert [] == net.postings


def test_a_lost_answer_has_taken_effect():
    """Booked at the insured region; whoever asked does not know, asks, and finds out."""
    net = network()
    net.ask(t.OUTPATIENT_FEES, h.upload())
    net.ask(t.OUTPATIENT_PRE_SETTLEMENT, h.bill())
    order = NextOutcome(outcome="lose", transactions=[t.OUTPATIENT_SETTLEMENT])
    tell(net, h.INSURED, order)
    net.ask(t.OUTPATIENT_SETTLEMENT, h.bill())

    assert ["SETTLE"] == net.posted(net.insured)
    assert "INDOUBT" == net.case().state
    net.wait(120 * SECOND)
    assert "INDOUBT" != net.case().state
    assert net.case().state == net.case(net.insured).state


def held(net: h.Net) -> Any:
    """An eligibility request that waits at the insured region, as its operator sees it."""
    tell(net, h.INSURED, NextOutcome(outcome="hold", times=0))
    net.ask(t.ELIGIBILITY, eligibility())
    status = tell(net, h.INSURED, ControlQuery())
    assert isinstance(status, ControlStatus)
    return status.waiting[0]


def test_what_is_held_waits_for_the_users_word():
    """It is listed with its person and transaction; approved, it is answered by the node."""
    net = network()
    waiting = held(net)
    before = len(net.answers)
    tell(net, h.INSURED, Decision(message_id=waiting.message_id, verdict="approve"))

    assert (t.ELIGIBILITY, h.PERSON) == (waiting.transaction, waiting.person_no)
    kinds = [one.origin.transaction for one in net.answers[before:]]
    assert sorted([t.TEST_DECISION, t.ELIGIBILITY]) == sorted(kinds)
    assert not tell(net, h.INSURED, ControlQuery()).waiting


@pytest.mark.parametrize("verdict", ["refuse", "ignore"])
def test_what_is_refused_or_ignored_never_reaches_the_node(verdict):
    """The refusal has the user's code, and so has every repeat; ignored means silence."""
    net = network()
    waiting = held(net)
    before = len(net.answers)
    word = Decision(message_id=waiting.message_id, verdict=verdict, code="E_PERSON_UNKNOWN")
    tell(net, h.INSURED, word)
    told = [
        msgspec.msgpack.decode(one.body)[0]
        for one in net.answers[before:]
        if one.origin.transaction == t.ELIGIBILITY
    ]

    assert (["E_PERSON_UNKNOWN"] if verdict == "refuse" else []) == told
    assert "E_NOT_PENDING" == code(tell(net, h.INSURED, word))


def test_a_person_can_be_added_and_is_treated_at_once():
    """Enrolled with an effective filing that the hub's library learns of."""
    net = network(chaos=False)
    tell(net, h.INSURED, NEWCOMER)
    net.ask(t.OUTPATIENT_FEES, h.upload(person_no=OTHER))
    answer = net.ask(t.OUTPATIENT_SETTLEMENT, h.bill(person_no=OTHER))

    assert isinstance(answer, m.SettlementResult), answer
    assert f"340600/{OTHER}" in net.hub.state.filings
    twin = msgspec.structs.replace(NEWCOMER, person_no="P0003")
    assert "E_KEY_REUSED" == code(tell(net, h.INSURED, twin)), "one certificate, one person"


def test_a_person_is_put_back_and_what_was_settled_can_still_be_undone():
    """Balance and year as at the start; the later cancellation leaves no negative year."""
    net = network()
    answer = h.settled(net)
    person = net.insured.state.persons[h.PERSON]
    spent = (person.balance_fen, person.years)
    tell(net, h.INSURED, Reset(person_no=h.PERSON))
    person = net.insured.state.persons[h.PERSON]

    assert spent != (50_000, {})
    assert (50_000, {}) == (person.balance_fen, person.years)
    assert "SETTLED" == net.case(net.insured).state
    net.ask(t.OUTPATIENT_CANCELLATION, h.cancellation(answer))
    assert "REVERSED" == net.case(net.insured).state
    assert {} == net.insured.state.persons[h.PERSON].years


def test_an_added_person_is_put_back_as_they_were_added():
    """The scenario does not know them; their first order does."""
    net = network()
    tell(net, h.INSURED, NEWCOMER)
    net.insured.state.persons[OTHER].balance_fen = 1
    tell(net, h.INSURED, Reset(person_no=OTHER))

    assert 10_000 == net.insured.state.persons[OTHER].balance_fen


def test_a_node_is_put_back_and_gives_no_name_twice():
    """Books, rules and persons of the start; case keys and message ids go on."""
    net = network()
    h.settled(net)
    first = net.case().key
    for node in (h.INSURED, h.TREATMENT):
        tell(net, node, NextOutcome(outcome="hold", times=0))
        tell(net, node, Reset())

    assert not net.insured.state.cases
    assert not net.insured.state.ledger.balances
    answer = h.settled(net)
    assert first != net.case().key
    assert answer.settlement_id.endswith("2")


@pytest.mark.parametrize("body", [NextOutcome(outcome="clear"), Reset()])
def test_outcomes_are_changed_only_where_it_was_allowed(body):
    """Without chaos: E_CHAOS_OFF; from another operator: E_ROLE; nothing changes."""
    net = network(chaos=False)

    assert "E_CHAOS_OFF" == code(tell(net, h.INSURED, body))
    assert "E_ROLE" == code(tell(net, h.INSURED, body, sender="operator:310000"))
    assert net.insured.state.control is None


def test_a_node_without_control_knows_no_such_transaction():
    """The orders are no part of the network's language."""
    net = h.Net()

    assert "E_INFNO_UNKNOWN" == code(tell(net, h.INSURED, Reset()))


def test_orders_survive_a_snapshot():
    """Rules, waiting requests and fates are memory like all other."""
    net = network()
    held(net)
    again = h.restored(net.insured.node)

    assert again.control == net.insured.state.control
    assert 1 == len(again.control.held)


def test_the_same_inputs_give_the_same_node_orders_and_all():
    """What stands in a journal is enough: every order, held message and fate comes back by it."""
    net = network()
    inputs: list[tuple[Any, int]] = []
    handle = net.insured.handle

    def noted(envelope: Any, now: int) -> Any:
        inputs.append((envelope, now))
        return handle(envelope, now)

    net.insured.handle = noted
    tell(net, h.INSURED, NEWCOMER)
    waiting = held(net)
    tell(net, h.INSURED, Decision(message_id=waiting.message_id, verdict="refuse", code="E_BUSY"))
    tell(net, h.INSURED, NextOutcome(outcome="clear"))
    tell(net, h.INSURED, NextOutcome(outcome="lose"))
    net.ask(t.ELIGIBILITY, eligibility())
    tell(net, h.INSURED, Reset(person_no=h.PERSON))
    again = ControlledNode(h.insured_region(), h.insured_region, chaos=True)
    for envelope, now in inputs:
        again.handle(envelope, now)

    assert net.insured.snapshot() == again.snapshot()


def test_a_hub_that_is_put_back_keeps_its_accounting_day():
    """Its cases are gone; the day that was closed stays closed."""
    net = h.Net()
    fresh = net.hub
    made = type(fresh)(fresh.config)
    net.hub = net.nodes[h.HUB] = ControlledNode(fresh, lambda: made, chaos=True)
    h.settled(net)
    operator = {"sender": "operator:100000", "recipient": h.HUB}
    net.ask(t.DAY_CLOSE, DayClose(day="2026-03-16"), **operator)
    tell(net, h.HUB, Reset())

    assert not net.hub.cases
    assert "2026-03-17" == tell(net, h.HUB, ControlQuery()).day
