"""A treatment region between its hospital and an insured region far away."""

from __future__ import annotations

import pytest

from tests.nodes import visit_harness as h
from yidi.nodes.treatment_region import TreatmentRegion, is_final
from yidi.protocol import messages as m
from yidi.protocol import transactions as t
from yidi.protocol.bodies import open_body
from yidi.protocol.error_codes import is_definite
from yidi.protocol.instants import HOUR, MINUTE, SECOND

REQUEST, ANSWER = 0, 1
SETTLED3 = ("SETTLED", "SETTLED", "SETTLED")
REVERSED3 = ("REVERSED", "REVERSED", "REVERSED")


def losing(*wanted: tuple[str, str, bool]):
    """Lose messages by (sender, transaction, whether it is an answer), each kind for ever."""

    def lose(sender, envelope):
        origin = envelope.origin
        return (sender, origin.transaction, origin.kind != REQUEST) in wanted

    return lose


def uploaded(**changes) -> h.Net:
    """A net in which the lines of one visit have been uploaded."""
    net = h.Net()
    net.ask(t.OUTPATIENT_FEES, h.upload(**changes))
    return net


def test_a_visit_settles_at_three_nodes():
    """Upload, pre-settle, settle: the case is SETTLED everywhere, with one posting each."""
    net = h.Net()
    answer = h.settled(net)

    assert SETTLED3 == net.states()
    assert [["SETTLE"]] * 3 == [net.posted(node) for node in net.nodes.values()]
    assert 100_000 == answer.fund_fen + answer.account_fen + answer.cash_fen + answer.hospital_fen
    assert "2026-03-16" == net.case().day == net.case(net.hub).day == net.case(net.insured).day


def test_a_pre_settlement_moves_no_money():
    """It leaves the case PRESETTLED, and no ledger has a posting."""
    net = uploaded()
    net.ask(t.OUTPATIENT_PRE_SETTLEMENT, h.bill())

    assert ("PRESETTLED", "PRESETTLED", "PRESETTLED") == net.states()
    assert [] == net.postings


def test_a_settlement_repeated_is_answered_byte_for_byte():
    """The same message id gets the first answer's body again, however often; nothing moves."""
    net = uploaded()
    request = net.request(t.OUTPATIENT_SETTLEMENT, h.bill())
    net.tell(request)
    net.wait(HOUR)
    net.tell(request)

    first, again = net.answers[-2:]
    assert first.body == again.body
    assert 3 == len(net.postings)


def test_a_message_id_with_other_content_is_refused():
    """The id of a settlement says what it said: another bill under it is E_KEY_REUSED."""
    net = uploaded()
    request = net.request(t.OUTPATIENT_SETTLEMENT, h.bill())
    net.tell(request)
    other = net.request(
        t.OUTPATIENT_SETTLEMENT, h.bill(invoice="2"), message_id=request.origin.message_id
    )

    assert "E_KEY_REUSED" == net.tell(other).code
    assert SETTLED3 == net.states()


def test_a_unit_settles_at_most_once():
    """A second settlement of the same unit, under a new id, is E_ALREADY_SETTLED."""
    net = h.Net()
    h.settled(net)

    assert "E_ALREADY_SETTLED" == net.ask(t.OUTPATIENT_SETTLEMENT, h.bill()).code
    assert 3 == len(net.postings)


@pytest.mark.parametrize("copies", [2, 3])
def test_everything_may_come_twice(copies):
    """With every message doubled on every hop there is one effect at each node."""
    net = h.Net()
    net.copies = copies
    h.settled(net)

    assert SETTLED3 == net.states()
    assert 3 == len(net.postings)
    assert 0 == len(net.treatment.outbox.pending)


def test_after_a_refusal_a_new_attempt_has_a_new_key():
    """A refused settlement is over for good; the unit settles under another case key."""
    net = h.Net(h.person(status="2", suspended_from="2026-01-01"))
    net.ask(t.OUTPATIENT_FEES, h.upload())
    refused = net.ask(t.OUTPATIENT_SETTLEMENT, h.bill())
    first = net.case().key
    assert "E_INSURANCE_SUSPENDED" == refused.code
    assert ("REJECTED", "REJECTED", "REJECTED") == net.states()
    net.insured.state.persons[h.PERSON].status = "1"
    net.ask(t.OUTPATIENT_SETTLEMENT, h.bill())

    assert first != net.case().key
    assert SETTLED3 == net.states()


def test_no_answer_is_an_unknown_and_becomes_settled_by_asking():
    """The answer is lost: the client hears E_TIMEOUT, 5203 finds the settlement, it stands."""
    net = uploaded()
    net.lose = losing((h.INSURED, t.OUTPATIENT_SETTLEMENT, True))
    net.ask(t.OUTPATIENT_SETTLEMENT, h.bill())
    assert "INDOUBT" == net.states()[0]
    net.wait(26 * SECOND)

    assert "E_TIMEOUT" == open_body(net.answers[-1]).code
    assert not is_definite("E_TIMEOUT")
    assert SETTLED3 == net.states()
    assert "2026-03-16" == net.case().day


def test_a_request_that_never_came_is_reversed():
    """The request is lost on the way: the insured region knows nothing, so it is undone."""
    net = uploaded()
    net.lose = losing((h.HUB, t.OUTPATIENT_SETTLEMENT, False))
    net.ask(t.OUTPATIENT_SETTLEMENT, h.bill())
    net.wait(MINUTE)

    assert REVERSED3 == net.states()
    assert [] == net.postings
    assert {} == net.treatment.outbox.pending


def test_a_settlement_that_comes_after_its_reversal_finds_the_tombstone():
    """The late original is refused E_REVERSED by the insured region and moves nothing."""
    net = uploaded()
    late = []
    net.lose = lambda sender, envelope: (
        envelope.origin.transaction == t.OUTPATIENT_SETTLEMENT
        and envelope.hop == h.INSURED
        and not late.append(envelope)
    )
    net.ask(t.OUTPATIENT_SETTLEMENT, h.bill())
    net.wait(MINUTE)
    net.lose = lambda sender, envelope: False
    net.put(h.HUB, late[:1])
    net.run()

    assert REVERSED3 == net.states()
    assert [] == net.postings


def test_when_nothing_answers_the_reversal_is_resent_for_ever():
    """Query and reversal are lost for an hour: the case stays in doubt, then it is undone."""
    net = uploaded()
    net.lose = lambda sender, envelope: envelope.hop == h.INSURED
    net.ask(t.OUTPATIENT_SETTLEMENT, h.bill())
    net.wait(HOUR)
    assert "INDOUBT" == net.states()[0]
    net.lose = lambda sender, envelope: False
    net.wait(HOUR)

    assert REVERSED3 == net.states()
    assert {} == net.treatment.outbox.pending


def test_a_settlement_that_took_effect_is_reversed_when_nobody_can_ask():
    """Answers are lost and so is 5203: the reversal takes back what the insured region did."""
    net = uploaded()
    net.lose = losing((h.INSURED, t.OUTPATIENT_SETTLEMENT, True), (h.HUB, t.STATUS_QUERY, False))
    net.ask(t.OUTPATIENT_SETTLEMENT, h.bill())
    net.wait(2 * MINUTE)

    assert REVERSED3 == net.states()
    assert ["SETTLE", "REVERSE"] == net.posted(net.insured)
    assert 0 == sum(net.insured.ledger.state.balances.values())


def test_a_reversed_unit_settles_again_under_a_new_key():
    """After an undoing the same unit is settled as a new attempt."""
    net = uploaded()
    net.lose = losing((h.HUB, t.OUTPATIENT_SETTLEMENT, False))
    net.ask(t.OUTPATIENT_SETTLEMENT, h.bill())
    first = net.case().key
    net.wait(MINUTE)
    net.lose = lambda sender, envelope: False
    answer = net.ask(t.OUTPATIENT_SETTLEMENT, h.bill())

    assert isinstance(answer, m.SettlementResult)
    assert first != net.case().key
    assert SETTLED3 == net.states()


def test_a_cancellation_takes_everything_back():
    """Three REVERSED rows, three CANCEL postings, balances of zero; repeated it says the same."""
    net = h.Net()
    request = net.request(t.OUTPATIENT_CANCELLATION, h.cancellation(h.settled(net)))
    first, again = net.tell(request), net.tell(request)

    assert REVERSED3 == net.states()
    assert first == again
    assert [["SETTLE", "CANCEL"]] * 3 == [net.posted(node) for node in net.nodes.values()]
    assert {0} == {
        fen for node in net.nodes.values() for fen in node.ledger.state.balances.values()
    }


def test_a_cancellation_in_doubt_that_took_effect_stands():
    """The answer to a cancellation is lost; 5203 says REVERSED, so the region undoes too."""
    net = h.Net()
    answer = h.settled(net)
    net.lose = losing((h.INSURED, t.OUTPATIENT_CANCELLATION, True))
    net.ask(t.OUTPATIENT_CANCELLATION, h.cancellation(answer))
    net.wait(MINUTE)

    assert REVERSED3 == net.states()
    assert [["SETTLE", "CANCEL"]] * 3 == [net.posted(node) for node in net.nodes.values()]


def test_a_cancellation_in_doubt_that_took_no_effect_leaves_the_settlement():
    """The cancellation never came: its reversal leaves a tombstone, the settlement stands."""
    net = h.Net()
    answer = h.settled(net)
    net.lose = losing((h.HUB, t.OUTPATIENT_CANCELLATION, False))
    net.ask(t.OUTPATIENT_CANCELLATION, h.cancellation(answer))
    net.wait(MINUTE)

    assert SETTLED3 == net.states()
    assert [["SETTLE"]] * 3 == [net.posted(node) for node in net.nodes.values()]


def test_an_institution_reverses_its_cancellation():
    """2601 naming a cancellation that took effect reinstates the settlement at three nodes."""
    net = h.Net()
    cancel = net.request(t.OUTPATIENT_CANCELLATION, h.cancellation(h.settled(net)))
    net.tell(cancel)
    body = m.ReversalRequest(
        person_no=h.PERSON,
        original_message_id=cancel.origin.message_id,
        original_transaction=t.OUTPATIENT_CANCELLATION,
    )

    assert "reinstated" == net.ask(t.REVERSAL, body).outcome
    assert SETTLED3 == net.states()
    kinds = ["SETTLE", "CANCEL", "REINSTATE"]
    assert [kinds] * 3 == [net.posted(node) for node in net.nodes.values()]


def test_an_institution_reverses_its_settlement():
    """2601 naming a settlement that took effect undoes it; asked again it says the same."""
    net = uploaded()
    settle = net.request(t.OUTPATIENT_SETTLEMENT, h.bill())
    net.tell(settle)
    body = m.ReversalRequest(
        person_no=h.PERSON,
        original_message_id=settle.origin.message_id,
        original_transaction=t.OUTPATIENT_SETTLEMENT,
    )
    request = net.request(t.REVERSAL, body)
    first, again = net.tell(request), net.tell(request)

    assert ("reversed", REVERSED3) == (first.outcome, net.states())
    assert first == again


def test_a_settlement_reversed_before_it_came_never_takes_effect():
    """2601 for an id nobody has seen is a success, and the late original is E_REVERSED."""
    net = uploaded()
    late = net.request(t.OUTPATIENT_SETTLEMENT, h.bill())
    body = m.ReversalRequest(
        person_no=h.PERSON,
        original_message_id=late.origin.message_id,
        original_transaction=t.OUTPATIENT_SETTLEMENT,
    )

    assert "nothing" == net.ask(t.REVERSAL, body).outcome
    assert "E_REVERSED" == net.tell(late).code
    assert [] == net.postings


HINDRANCES = {
    "E_INSTITUTION_UNKNOWN": ({"institution": "H31010199999"}, {}),
    "E_BUSINESS_NOT_OPENED": ({"med_type": "41"}, {}),
    "E_VISIT_UNKNOWN": ({"visit": "V9"}, {}),
    "E_PERSON_MISMATCH": ({"person_no": "P9"}, {}),
    "E_FEES_MISSING": ({"batch": "B9"}, {}),
    "E_TOTAL_MISMATCH": ({"fen": 1}, {}),
}


@pytest.mark.parametrize("code", HINDRANCES)
@pytest.mark.parametrize("transaction", [t.OUTPATIENT_PRE_SETTLEMENT, t.OUTPATIENT_SETTLEMENT])
def test_what_stands_in_the_way_is_said_at_the_counter(code, transaction):
    """Each hindrance has its code, leaves no trace and does not travel to the insured region."""
    net = uploaded()
    changes, about = HINDRANCES[code]
    before, passed = h.memory(net.treatment), len(net.passed)

    assert code == net.ask(transaction, h.bill(**changes), **about).code
    assert before == h.memory(net.treatment)
    assert passed + 2 == len(net.passed)


def test_a_restored_region_goes_on():
    """A region rebuilt from its snapshot asks, doubts and settles like the one it replaces."""
    net = uploaded()
    net.lose = losing((h.INSURED, t.OUTPATIENT_SETTLEMENT, True))
    net.ask(t.OUTPATIENT_SETTLEMENT, h.bill())
    state = h.restored(net.treatment)
    net.treatment = net.nodes[h.TREATMENT] = TreatmentRegion(net.treatment.config, state)
    net.wait(MINUTE)

    assert SETTLED3 == net.states()


def test_a_full_queue_is_final_for_no_case():
    """E_BUSY is definite, but it does not end an attempt; an unknown code proves nothing."""
    assert (is_definite("E_BUSY"), is_final("E_BUSY")) == (True, False)
    assert (is_definite("E_NOBODY_KNOWS"), is_definite("E_NO_FILING")) == (False, True)
