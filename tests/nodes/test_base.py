from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.nodes import visit_harness as h
from yidi.nodes import base
from yidi.protocol import messages as m
from yidi.protocol import transactions as t
from yidi.protocol.errors import RemoteProtocolError
from yidi.protocol.identifiers import check_key
from yidi.protocol.instants import SECOND, Instant


@given(st.lists(st.integers(0, 3), max_size=60), st.integers(0, 12_000))
def test_message_ids_are_unique_and_have_thirty_characters(steps, burst):
    """Whatever the clock does between them, and however many a second has, no id comes twice."""
    node, now, made = h.treatment_region(), h.START, []
    for step in steps:
        now += step * SECOND // 2
        made.append(node.mint(Instant(now)))
    made += [node.mint(Instant(now)) for _ in range(burst)]

    assert len(made) == len(set(made))
    assert {30} >= {len(check_key(one)) for one in made}


def test_a_restored_node_mints_no_id_again():
    """After a restart in the same second the numbers go on."""
    node = h.treatment_region()
    first = [node.mint(h.START) for _ in range(3)]
    again = type(node)(node.config, h.restored(node))

    assert again.mint(h.START) not in first


def test_a_message_for_another_node_is_not_mine():
    """MF9: what names another recipient is refused unread, and no memory changes."""
    net = h.Net()
    request = net.request(t.STATUS_QUERY, m.StatusQuery(person_no="P", visit="V"))
    before = net.insured.snapshot()
    with pytest.raises(RemoteProtocolError, match="E_NOT_MINE"):
        net.insured.handle(request, net.now)

    assert before == net.insured.snapshot()


def test_time_never_goes_back():
    """INV-38: a host that hands over an earlier instant has a bug, and is stopped."""
    net = h.Net()
    net.treatment.handle_deadline(Instant(h.START + SECOND))
    with pytest.raises(AssertionError, match="INV-38"):
        net.treatment.handle_deadline(h.START)


def test_an_answer_goes_where_the_question_came_from():
    """It names the question, its sender, its case and its trace."""
    net = h.Net()
    net.ask(t.ELIGIBILITY, m.EligibilityRequest(person_no=h.PERSON))
    asked, answer = net.passed[0].origin, net.answers[-1].origin

    assert (asked.message_id, asked.sender) == (answer.correlation_id, answer.recipient)
    assert asked.message_id == answer.trace_id == net.passed[2].origin.trace_id
    assert (t.ELIGIBILITY, 1) == (answer.transaction, answer.kind)


def test_saved_answers_have_two_generations(monkeypatch):
    """The younger generation moves up when it is full; the older one is forgotten then."""
    monkeypatch.setattr(base, "ANSWERS_MAX", 2)
    net = h.Net()
    requests = [
        net.request(t.ELIGIBILITY, m.EligibilityRequest(person_no=h.PERSON)) for _ in range(5)
    ]
    for request in requests:
        net.tell(request)
    state = net.treatment.state

    assert len(state.answers) + len(state.answers_before) <= 4
    assert requests[-1].origin.message_id in {**state.answers, **state.answers_before}


def test_while_a_question_is_under_way_its_repeat_is_answered_by_silence():
    """The repeat forwards nothing; both are answered by the one answer that comes."""
    net = h.Net()
    net.lose = lambda sender, envelope: envelope.hop == h.INSURED
    request = net.request(t.ELIGIBILITY, m.EligibilityRequest(person_no=h.PERSON))
    net.tell(request)
    passed = len(net.passed)
    net.tell(request)

    assert passed + 1 == len(net.passed)
    assert 1 == len(net.treatment.outbox.pending)


def test_a_question_nobody_answered_may_be_asked_again():
    """After E_TIMEOUT the same message id is taken as new, and answered."""
    net = h.Net()
    net.lose = lambda sender, envelope: envelope.hop == h.INSURED
    request = net.request(t.ELIGIBILITY, m.EligibilityRequest(person_no=h.PERSON))
    net.tell(request)
    net.wait(26 * SECOND)
    net.lose = lambda sender, envelope: False

    assert isinstance(net.tell(request), m.EligibilityResult)


@pytest.mark.parametrize("name", ["treatment", "hub", "insured"])
def test_a_snapshot_reads_back_as_the_same_memory(name):
    """snapshot → restore → snapshot is the same document, in the middle of everything."""
    net = h.Net()
    h.settled(net)
    net.lose = lambda sender, envelope: sender == h.INSURED
    net.ask(t.OUTPATIENT_FEES, h.upload(visit="V2"))
    node = getattr(net, name)

    assert node.snapshot() == msgspec.msgpack.encode(h.restored(node))
