"""The hub between two regions: what it stamps, what it refuses to relay, what it books."""

from __future__ import annotations

import pytest

from tests.nodes import visit_harness as h
from yidi.nodes.hub import Hub
from yidi.protocol import messages as m
from yidi.protocol import transactions as t
from yidi.protocol.bodies import open_body
from yidi.protocol.envelope import Envelope, Link, Origin, frame, unframe
from yidi.protocol.instants import MINUTE, SECOND
from yidi.protocol.messages_clearing import DayClose

OPERATOR = {"sender": "operator:100000", "recipient": h.HUB}


def close(net: h.Net, day: str = "2026-03-16"):
    """The hub's operator ends an accounting day."""
    return net.ask(t.DAY_CLOSE, DayClose(day=day), **OPERATOR)


def relayed(net: h.Net, transaction: str) -> list[Envelope]:
    """What the hub relayed of a transaction, in order."""
    return [
        one for one in net.passed
        if one.link.sender == h.HUB and one.origin.transaction == transaction
        and one.hop in (h.TREATMENT, h.INSURED)
    ]  # fmt: skip


def test_a_case_has_the_day_on_which_its_request_passed():
    """Request and answer carry one day, and three books have it."""
    net = h.Net()
    h.settled(net)
    days = {one.stamp.day for one in relayed(net, t.OUTPATIENT_SETTLEMENT)}

    assert {"2026-03-16"} == days
    assert {"2026-03-16"} == {net.case(node).day for node in net.nodes.values()}


def test_a_day_closed_while_an_answer_is_on_its_way_changes_nothing():
    """A settlement that was asked on one day and answered on the next belongs to the first."""
    net = h.Net()
    net.ask(t.OUTPATIENT_FEES, h.upload())
    kept = []
    net.lose = lambda sender, envelope: (
        sender == h.INSURED and envelope.origin.transaction == t.OUTPATIENT_SETTLEMENT
        and not kept.append(envelope)
    )  # fmt: skip
    net.ask(t.OUTPATIENT_SETTLEMENT, h.bill())
    net.lose = lambda sender, envelope: False
    assert 1 == net.hub.open_exchanges("2026-03-16")
    close(net)
    net.put(h.INSURED, kept)
    net.run()

    assert ("SETTLED", "SETTLED", "SETTLED") == net.states()
    assert {"2026-03-16"} == {net.case(node).day for node in net.nodes.values()}
    assert 0 == net.hub.open_exchanges("2026-03-16")


def test_an_undoing_has_a_day_of_its_own():
    """Settled on one day and cancelled on the next: both days stand in the three books."""
    net = h.Net()
    answer = h.settled(net)
    close(net)
    net.wait(MINUTE)
    net.ask(t.OUTPATIENT_CANCELLATION, h.cancellation(answer))

    assert {("2026-03-16", "2026-03-17")} == {
        (net.case(node).day, net.case(node).undone_day) for node in net.nodes.values()
    }


def test_a_resent_request_keeps_its_stamp():
    """The second copy of a settlement, a day later, is stamped like the first."""
    net = h.Net()
    net.ask(t.OUTPATIENT_FEES, h.upload())
    net.lose = lambda sender, envelope: sender == h.INSURED
    net.ask(t.OUTPATIENT_SETTLEMENT, h.bill())
    close(net)
    net.wait(6 * SECOND)
    stamps = [one.stamp for one in relayed(net, t.OUTPATIENT_SETTLEMENT)]

    assert 2 == len(stamps)
    assert stamps[0] == stamps[1]


def test_a_relay_does_not_open_what_it_passes_on():
    """Origin and body leave as they came, byte for byte, in both directions."""
    net = h.Net()
    net.ask(t.ELIGIBILITY, m.EligibilityRequest(person_no=h.PERSON))
    asked, passed, answered, back = net.passed[1:5]

    assert (asked.origin_bytes, asked.body) == (passed.origin_bytes, passed.body)
    assert (answered.origin_bytes, answered.body) == (back.origin_bytes, back.body)


def forged(net: h.Net, sender: str, recipient: str, over: str, kind: int = 0) -> list[Envelope]:
    """Hand the hub an eligibility question that names a sender, over some party's link."""
    origin = Origin(t.ELIGIBILITY, kind, "M1", "", sender, recipient, "", "310000", "340600", 0,
                    h.START, 0, "")  # fmt: skip
    request = net.request(t.ELIGIBILITY, m.EligibilityRequest(person_no="P"))
    sealed = Envelope(h.HUB, origin, b"", request.body)
    return net.hub.handle(
        Envelope(h.HUB, origin, b"", sealed.body, None, Link(over, h.HUB, 1, 0, h.START)), h.START
    )


def test_a_sender_is_who_hands_over():
    """A message that names another sender than the link's is counted and goes nowhere."""
    net = h.Net()

    assert [] == forged(net, h.TREATMENT, h.INSURED, over="treatment:650100")
    assert {"E_SENDER_MISMATCH": 1} == net.hub.state.counters


@pytest.mark.parametrize("recipient", ["insured:650100", "province:340000", "insured:000000"])
def test_only_connected_regions_are_reached(recipient):
    """A request to anyone else is E_REGION, an answer is counted."""
    net = h.Net()
    (refusal,) = forged(net, h.TREATMENT, recipient, over=h.TREATMENT)

    assert "E_REGION" == open_body(refusal).code
    assert [] == forged(net, h.INSURED, recipient, over=h.INSURED, kind=1)
    assert {"E_REGION": 1} == net.hub.state.counters


def test_an_answer_to_a_case_nobody_asked_of_is_not_booked():
    """A settlement answer under a key that never passed is E_UNMATCHED and books nothing."""
    net = h.Net()
    answer = h.settled(net)
    other = h.Net()
    copy = next(
        one for one in net.passed
        if one.link.sender == h.INSURED and one.origin.transaction == t.OUTPATIENT_SETTLEMENT
    )  # fmt: skip
    before = other.hub.state.ledger.seq

    assert [] == other.hub.handle(copy, other.now)
    assert {"E_UNMATCHED": 1} == other.hub.state.counters
    assert (0, {}) == (before, other.hub.state.cases)
    assert answer.total_fen == 100_000


def test_the_hub_owes_between_provinces():
    """Its legs are the funds against what the payer's province owes the payee's."""
    net = h.Net()
    answer = h.settled(net)
    owed = answer.fund_fen + answer.account_fen

    assert -owed == net.hub.ledger.balance("due:340000:310000:310")


def test_a_restored_hub_goes_on():
    """Rebuilt from its snapshot between request and answer, it books the answer."""
    net = h.Net()
    net.ask(t.OUTPATIENT_FEES, h.upload())
    kept = []
    net.lose = lambda sender, envelope: sender == h.INSURED and not kept.append(envelope)
    net.ask(t.OUTPATIENT_SETTLEMENT, h.bill())
    net.lose = lambda sender, envelope: False
    net.hub = net.nodes[h.HUB] = Hub(net.hub.config, h.restored(net.hub))
    net.put(h.INSURED, kept)
    net.run()

    assert ("SETTLED", "SETTLED", "SETTLED") == net.states()
    assert 0 == net.hub.open_exchanges("2026-03-16")
    assert unframe(frame(kept[0], Link("a", "b", 1, 0, 0))).body == kept[0].body


@pytest.mark.parametrize("heard", [True, False])
def test_what_everybody_gave_up_on_holds_no_day(heard):
    """The answer, or the settlement itself, was lost for good: the query or reversal ends it."""
    net = h.Net()
    net.ask(t.OUTPATIENT_FEES, h.upload())
    side = h.INSURED if heard else h.HUB
    net.lose = lambda sender, envelope: (
        sender == side and envelope.origin.transaction == t.OUTPATIENT_SETTLEMENT
    )
    net.ask(t.OUTPATIENT_SETTLEMENT, h.bill())
    assert 1 == net.hub.open_exchanges("2026-03-16")
    net.wait(2 * MINUTE)
    close(net)

    assert 0 == net.hub.open_exchanges("2026-03-16")
    assert ({}, {}) == (net.hub.state.exchanges, net.hub.state.days.waiting)
    assert net.states()[1] == ("SETTLED" if heard else "REVERSED")


def test_a_trial_that_was_lost_holds_no_day_and_is_forgotten():
    """A pre-settlement moves no money: statements do not wait for it, and nothing of it stays."""
    net = h.Net()
    net.ask(t.OUTPATIENT_FEES, h.upload())
    net.lose = lambda sender, envelope: (
        sender == h.INSURED and envelope.origin.transaction == t.OUTPATIENT_PRE_SETTLEMENT
    )
    net.ask(t.OUTPATIENT_PRE_SETTLEMENT, h.bill())
    assert 1 == len(net.hub.state.exchanges)
    close(net)

    assert ({}, {}) == (net.hub.state.exchanges, net.hub.state.days.waiting)
