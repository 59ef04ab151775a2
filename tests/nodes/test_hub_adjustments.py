"""Adjustments of cleared cases: ordered at the treatment region, booked at three nodes."""

from __future__ import annotations

import pytest

from tests.nodes.agency_harness import HUB, Net, is_rejection, make_case, plan
from yidi.nodes.ledger import PostingKind
from yidi.nodes.lifecycle import CLEARED, SETTLED
from yidi.protocol import messages_clearing as c
from yidi.protocol import transactions as t

TREATMENT, INSURED = "treatment:310000", "insured:340600"


def batches(net):
    """The hub's batches in order."""
    return list(net.hub.state.clearing.batches.values())


def adjustment(**fields):
    """Takes 400 back of case 1."""
    values = {
        "adjustment": "ADJ1",
        "key": make_case(1).key,
        "amount_fen": -400,
        "reason": "超限价",
        "operator": "甲",
        "second_operator": "乙",
    }
    return c.Adjustment(**{**values, **fields})


def order(net, **fields):
    """The treatment region's operator orders an adjustment."""
    return net.ask("operator:310000", TREATMENT, t.ADJUSTMENT, adjustment(**fields))


def test_an_adjustment_is_in_the_next_clearing():
    """It is posted once at three nodes, however often ordered, and changes the next payable."""
    net = Net(plan())
    net.settle(make_case(1))
    net.close_until("2026-04-22")
    first = order(net)
    assert first == order(net)
    net.settle(make_case(2, net.hub.days.day))
    net.close_until("2026-05-22")

    assert [(make_case(1).key, "adjusted:ADJ1")] * 3 == [
        (p.key, p.legs[-1][0])
        for posted in net.postings.values()
        for p in posted
        if p.kind == PostingKind.ADJUST
    ]
    second = batches(net)[1]
    assert (1_002, -400, 602) == (second.fund_fen, second.adjust_fen, second.payable_fen)
    assert ["ADJ1"] == second.adjustments


def test_an_adjustment_alone_makes_the_debtor_the_payee():
    """Nothing but a deduction: the treatment province pays back, and banks stay level."""
    net = Net(plan())
    net.settle(make_case(1))
    net.close_until("2026-04-22")
    order(net)
    net.close_until("2026-07-10")

    second = batches(net)[1]
    assert ("PAID", 0, -400) == (second.state, second.count, second.payable_fen)
    banks = {p: net.nodes[f"province:{p}"].ledger.balance("bank") for p in ("310000", "340000")}
    assert {"310000": 1_001 - 400, "340000": 400 - 1_001} == banks


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"second_operator": "甲"}, "E_ROLE"),
        ({"operator": ""}, "E_ROLE"),
        ({"reason": " "}, "E_MISSING_FIELD"),
        ({"adjustment": ""}, "E_MISSING_FIELD"),
        ({"key": "nobody"}, "E_CASE_UNKNOWN"),
        ({"amount_fen": 0}, "E_AMOUNT"),
        ({"amount_fen": -1_002}, "E_AMOUNT"),
        ({"key": make_case(2).key}, "E_NOT_CLEARED"),
    ],
)
def test_adjustments_that_are_refused(fields, code):
    """Two people, a reason, a cleared case, and no more back than was paid."""
    net = Net(plan())
    net.settle(make_case(1))
    net.close_until("2026-04-22")
    net.settle(make_case(2, net.hub.days.day))

    assert is_rejection(order(net, **fields), code)


def test_adjustments_are_known_by_their_id():
    """Another content under the id, a wrong sender, and a refusal at the other end."""
    net = Net(plan())
    net.settle(make_case(1))
    net.close_until("2026-04-22")
    asked = net.ask("operator:340600", TREATMENT, t.ADJUSTMENT, adjustment())
    assert is_rejection(asked, "E_ROLE")
    asked = net.ask("treatment:320500", HUB, t.ADJUSTMENT, adjustment())
    assert is_rejection(asked, "E_ROLE")
    asked = net.ask(TREATMENT, INSURED, t.ADJUSTMENT, adjustment())
    assert INSURED not in net.hub.state.counters
    net.nodes[INSURED].cases[make_case(1).key].state = SETTLED
    assert is_rejection(order(net), "E_NOT_CLEARED")
    net.nodes[INSURED].cases[make_case(1).key].state = CLEARED
    assert "ADJ1" == order(net).reference

    assert is_rejection(order(net, amount_fen=-1), "E_KEY_REUSED")


def test_an_adjustment_under_way_is_in_doubt():
    """While the insured region is silent the order is neither done nor refused."""
    net = Net(plan())
    net.settle(make_case(1))
    net.close_until("2026-04-22")
    net.lose = lambda _sender, envelope: envelope.hop == INSURED
    assert order(net) is None
    assert is_rejection(order(net), "E_IN_DOUBT")
    net.lose = lambda _sender, _envelope: False
    net.wait(3_600_000_000)

    assert "ADJ1" == order(net).reference


def test_an_adjustment_waits_for_the_next_month():
    """Until a batch carries it, the clearing is not finished."""
    net = Net(plan())
    net.settle(make_case(1))
    net.close_until("2026-06-10")
    assert net.hub.clearing.is_finished
    order(net)

    assert not net.hub.clearing.is_finished


def cleared_net():
    """A net whose case 1 has been cleared."""
    net = Net(plan())
    net.settle(make_case(1))
    net.close_until("2026-04-22")
    return net


@pytest.mark.parametrize("hop", [HUB, INSURED])
def test_each_node_knows_what_it_has_booked(hop):
    """Hub and insured region answer a repeat alike, refuse other content, and post once."""
    net = cleared_net()
    assert "ADJ1" == order(net).reference
    sender = TREATMENT if hop == HUB else "hub:yrd"
    net.nodes.pop(sender, None)
    posted = len(net.postings[hop])
    assert "ADJ1" == net.ask(sender, hop, t.ADJUSTMENT, adjustment()).reference
    other = net.ask(sender, hop, t.ADJUSTMENT, adjustment(amount_fen=-1))

    assert is_rejection(other, "E_KEY_REUSED")
    assert posted == len(net.postings[hop])


def test_the_hub_checks_for_itself():
    """A treatment region that asks for what is not cleared is refused without asking further."""
    net = cleared_net()
    net.settle(make_case(2, net.hub.days.day))
    del net.nodes[TREATMENT]
    answer = net.ask(TREATMENT, HUB, t.ADJUSTMENT, adjustment(key=make_case(2).key))

    assert is_rejection(answer, "E_NOT_CLEARED")
    assert [] == [hop for _, hop, code, _, _ in net.log if (code, hop) == (t.ADJUSTMENT, INSURED)]


def test_a_resend_under_way_is_answered_once():
    """While an order is under way its copies get silence; one answer comes in the end."""
    net = cleared_net()
    net.twice = True
    answer = order(net)

    assert "ADJ1" == answer.reference
    assert 1 == sum(p.kind == PostingKind.ADJUST for p in net.postings[HUB])
