"""Faults of a live run: decided as in virtual time, and held back by the run's clock."""

from __future__ import annotations

import msgspec

from yidi.protocol import messages as m
from yidi.protocol import transactions as t
from yidi.protocol.codec import encode
from yidi.protocol.envelope import Origin, seal
from yidi.protocol.extras import extras_of
from yidi.protocol.instants import SECOND, Instant
from yidi.scenarios.library.fault_sentences import parse_fault
from yidi.scenarios.live.faults import LiveFaults
from yidi.scenarios.running.faults import FaultPlan

TREATMENT, HUB, INSURED = "treatment:310000", "hub:100000", "insured:340600"
NOW = Instant(1_000 * SECOND)


def message(hop=HUB):
    """A query of Shanghai to Huaibei, which is repeatable and short."""
    origin = Origin(t.STATUS_QUERY, 0, "m", "", TREATMENT, INSURED, "k", "310000", "340600", 0, 0,
                    0, "trace")  # fmt: skip
    return seal(hop, origin, encode(m.StatusQuery(person_no="p", visit="v")))


def faults(*sentences, edges=()):
    """The faults of a run whose only case is `visit`."""
    plan = FaultPlan([parse_fault(sentence) for sentence in sentences], Instant(0))
    return LiveFaults(plan, {"trace": "visit"}.get, edges)


def test_what_no_fault_means_passes_as_it_is():
    """The very object, and nothing is kept."""
    weather = faults("lose every settlement")
    sent = message()

    assert [sent] == weather.passing(TREATMENT, sent, NOW)
    assert weather.next_deadline() is None


def test_what_is_held_back_leaves_in_its_time():
    """In the order of their instants, by whoever handed them over."""
    weather = faults("delay every status-query of case visit by 40s")
    sent = message()

    assert [] == weather.passing(TREATMENT, sent, NOW)
    assert NOW + 40 * SECOND == weather.next_deadline()
    assert [] == weather.due(Instant(NOW + 40 * SECOND - 1))
    assert [(TREATMENT, sent)] == weather.due(Instant(NOW + 40 * SECOND))
    assert weather.next_deadline() is None
    assert 0 == weather.lost


def test_a_loss_is_counted():
    """Nothing leaves, now or later."""
    weather = faults("lose every status-query")

    assert [] == weather.passing(TREATMENT, message(), NOW)
    assert (1, None) == (weather.lost, weather.next_deadline())


def test_an_edge_is_told_what_to_leave_out():
    """For a node that is met in JSON the native body stays whole."""
    sentence = "leave psn_no out of every status-query from hub to 340600"
    native, edge = (
        faults(sentence, edges=edges).passing(HUB, message(INSURED), NOW)[0]
        for edges in ((), (INSURED,))
    )

    assert {} == extras_of(native.body, t.STATUS_QUERY)
    assert {"psn_no": None} == extras_of(edge.body, t.STATUS_QUERY)


def test_a_case_is_known_by_its_visit_where_the_trace_is_not():
    """An own platform's request, its answer, and what names it later."""
    plan = FaultPlan([parse_fault("lose every message of case visit")], Instant(0))
    weather = LiveFaults(plan, {}.get, visits={"v": "visit"})
    asked = message()
    reversal = seal(HUB, msgspec.structs.replace(asked.origin, transaction=t.REVERSAL,
                                                 message_id="r"),
                    encode(m.ReversalRequest(person_no="p", original_message_id="m",
                                             original_transaction="2207")))  # fmt: skip
    answer = seal(HUB, Origin(t.STATUS_QUERY, 1, "a", "m", INSURED, TREATMENT, "k", "310000",
                              "340600", 0, 0, 0, "x"),
                  encode(m.StatusResult(state="")))  # fmt: skip
    other = seal(HUB, msgspec.structs.replace(asked.origin, message_id="o"),
                 encode(m.StatusQuery(person_no="p", visit="w")))  # fmt: skip

    assert [[], [], []] == [weather.passing(one.origin.sender, one, NOW)
                            for one in (asked, answer, reversal)]  # fmt: skip
    assert [other] == weather.passing(TREATMENT, other, NOW)
