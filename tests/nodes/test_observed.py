"""The observed node: passes on, takes answers back, books what was answered."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tests.nodes.visit_harness import HOSPITAL, INSURED, PERSON, START, insured_region
from yidi.nodes.observed import OUTSIDE, Observed, ObservedNode
from yidi.nodes.observed_amounts import AmountsState
from yidi.nodes.observing import observed_node
from yidi.protocol import messages as m
from yidi.protocol import transactions as t
from yidi.protocol.bodies import open_body
from yidi.protocol.codec import encode
from yidi.protocol.envelope import Envelope, Link, Origin, Stamp, frame, unframe
from yidi.protocol.errors import ErrorCode, RemoteProtocolError
from yidi.protocol.instants import Instant
from yidi.protocol.transactions import Kind

HUB, TREATMENT = "hub:100000", "treatment:310000"
KEY = "A3100002603160000000"
NOW = Instant(START + 1_000_000)


def observed(*serves: str, amounts: bool = True) -> ObservedNode:
    """The place of an own node that serves some transactions."""
    served = Observed(address=INSURED, serves=serves, amounts=amounts)
    return observed_node(insured_region(), served)


def claim(**changes: Any) -> m.SettlementRequest:
    """An outpatient bill of 1,000 yuan."""
    given = {
        "institution": HOSPITAL, "visit": "V1", "batch": "B1", "person_no": PERSON,
        "insutype": "310", "med_type": "11", "total_fen": 100_000, "begin": NOW, "end": NOW,
        "level": "3",
    }  # fmt: skip
    return m.SettlementRequest(**{**given, **changes})


def result(**changes: Any) -> m.SettlementResult:
    """An answer of the own node: the fund pays 300 yuan."""
    given = {
        "institution": HOSPITAL, "visit": "V1", "batch": "B1", "person_no": PERSON,
        "insutype": "310", "psn_type": "1101", "med_type": "11", "settlement_id": "N1",
        "total_fen": 100_000, "in_scope_fen": 100_000, "deductible_fen": 40_000,
        "ratio_bp": 5_000, "funds": [m.FundPay("310101", 30_000)], "fund_fen": 30_000,
        "account_fen": 0, "cash_fen": 70_000, "hospital_fen": 0, "balance_fen": 50_000,
    }  # fmt: skip
    return m.SettlementResult(**{**given, **changes})


def ask(transaction: str, body: msgspec.Struct, serial: int = 1, key: str = KEY) -> Envelope:
    """A request as the hub hands it over."""
    origin = Origin(
        transaction, Kind.REQUEST, f"T3100000000020260316000000{serial:04d}", "", TREATMENT,
        INSURED, key, "310000", "340600", 7, NOW, 0, "",
    )  # fmt: skip
    link = Link(HUB, INSURED, serial, 0, NOW)
    stamp = Stamp("2026-03-16", serial, HUB)
    return unframe(frame(Envelope(INSURED, origin, encode(origin), encode(body), stamp), link))


def said(request: Envelope, body: msgspec.Struct, serial: int = 1, **changes: Any) -> Envelope:
    """The own node's answer, as the edge frames it."""
    asked = request.origin
    kind = Kind.REJECTION if isinstance(body, m.Rejection) else Kind.RESULT
    given = {
        "transaction": asked.transaction, "kind": kind,
        "message_id": f"X3406000000020260316000000{serial:04d}",
        "correlation_id": asked.message_id, "sender": INSURED, "recipient": TREATMENT,
        "case_key": asked.case_key, "treatment": "310000", "insured": "340600",
        "partition_key": 7, "created_at": NOW, "deadline": 0, "trace_id": "",
    }  # fmt: skip
    origin = Origin(**{**given, **changes})
    link = Link(OUTSIDE + HUB, INSURED, serial, 0, NOW)
    return unframe(frame(Envelope("", origin, encode(origin), encode(body)), link))


def test_what_is_served_goes_outside_as_it_came() -> None:
    """The own node gets the hub's message, stamp and all, and nobody is answered yet."""
    node = observed("2207")
    request = ask("2207", claim())

    sent = node.handle(request, NOW)

    assert [(OUTSIDE + HUB, request.body, request.stamp)] == [
        (one.hop, one.body, one.stamp) for one in sent
    ]


def test_the_answer_is_relayed_as_it_is_and_booked() -> None:
    """Body byte for byte, to the hub that asked; the row has the own node's id and amounts."""
    node = observed("2207")
    request = ask("2207", claim())
    node.handle(request, NOW)

    sent = node.handle(said(request, result()), NOW)

    case = node.state.cases[KEY]
    assert [(HUB, encode(result()))] == [(one.hop, one.body) for one in sent]
    assert ("SETTLED", "N1", 30_000, "2026-03-16") == (
        case.state, case.settlement_id, case.fund_fen, case.day,
    )  # fmt: skip


def test_what_is_not_served_the_stand_in_answers() -> None:
    """It is counted, so that nobody takes it for the own node's word."""
    node = observed("2207")

    sent = node.handle(ask("1101", m.EligibilityRequest(person_no=PERSON)), NOW)

    assert isinstance(open_body(sent[0]), m.EligibilityResult)
    assert {"1101": 1} == node.seen.stood_in


def test_an_answer_to_nothing_changes_nothing() -> None:
    """An answer that nobody asked for is counted, and kept in the journal as any input is."""
    node = observed("2207")
    stray = said(ask("2207", claim()), result())

    assert [] == node.handle(stray, NOW)
    assert 1 == node.seen.unmatched
    assert {} == node.state.cases


def test_a_second_answer_is_one_to_nothing() -> None:
    """The first answer closes the question."""
    node = observed("2207")
    request = ask("2207", claim())
    node.handle(request, NOW)
    node.handle(said(request, result()), NOW)

    assert [] == node.handle(said(request, result(), 2), NOW)
    assert 1 == node.seen.unmatched


def test_a_repeat_goes_outside_again_and_a_second_id_contradicts() -> None:
    """Its keys decide; settled under two ids it has settled twice."""
    node = observed("2207")
    for serial, settlement in ((1, "N1"), (2, "N2")):
        request = ask("2207", claim(), 1)
        assert len(node.handle(request, NOW)) == 1
        node.handle(said(request, result(settlement_id=settlement), serial), NOW)

    assert [(KEY, "settled as N1, and again as N2")] == node.seen.contradictions
    assert 1 == len(node.ledger.take())


def test_a_refusal_moves_no_money() -> None:
    """A final one uses the key up, as at a region of ours."""
    node = observed("2207")
    request = ask("2207", claim())
    node.handle(request, NOW)

    sent = node.handle(said(request, m.Rejection(code=ErrorCode.E_REFUSED)), NOW)

    assert Kind.REJECTION == sent[0].origin.kind
    assert ("REJECTED", 0) == (node.state.cases[KEY].state, node.state.cases[KEY].fund_fen)


def test_a_full_queue_is_no_final_refusal() -> None:
    """E_BUSY leaves the case as it was."""
    node = observed("2207")
    request = ask("2207", claim())
    node.handle(request, NOW)

    sent = node.handle(said(request, m.Rejection(code=ErrorCode.E_BUSY)), NOW)

    assert Kind.REJECTION == sent[0].origin.kind
    assert {} == node.state.cases


def test_a_reversal_without_output_says_what_follows() -> None:
    """The national 2601 has no output: what was undone follows from what had been answered."""
    node = observed("2207", "2601")
    request = ask("2207", claim())
    node.handle(request, NOW)
    node.handle(said(request, result()), NOW)
    undo = m.ReversalRequest(
        person_no=PERSON, original_message_id=request.origin.message_id,
        original_transaction=t.OUTPATIENT_SETTLEMENT,
    )  # fmt: skip
    reversal = ask("2601", undo, 2)
    node.handle(reversal, NOW)
    empty = m.ReversalResult(outcome="", original_message_id=request.origin.message_id)

    sent = node.handle(said(reversal, empty, 2), NOW)

    body = open_body(sent[0])
    assert isinstance(body, m.ReversalResult)
    assert ("reversed", 30_000) == (body.outcome, body.fund_fen)
    assert "REVERSED" == node.state.cases[KEY].state


def test_somebody_elses_name_is_refused() -> None:
    """A frame from outside speaks for its own address only."""
    node = observed("2207")
    request = ask("2207", claim())
    node.handle(request, NOW)

    with pytest.raises(RemoteProtocolError, match="E_SENDER_MISMATCH"):
        node.handle(said(request, result(), sender="insured:320500"), NOW)


def test_amounts_are_compared_with_the_policy_where_there_is_one() -> None:
    """To the fen, with the facts of what differs; and not at all where nobody asked."""
    found = {}
    for amounts in (True, False):
        node = observed("2206", amounts=amounts)
        request = ask("2206", claim())
        node.handle(request, NOW)
        node.handle(said(request, result(settlement_id="", fund_fen=1, cash_fen=99_999)), NOW)
        found[amounts] = node.seen.amounts

    assert (1, 1) == (found[True].compared, found[True].differing)
    assert "fund_fen 1, the policy: " in found[True].differences[0].facts
    assert AmountsState() == found[False]


def test_its_memory_is_a_fold_of_its_inputs() -> None:
    """The same inputs give the same snapshot, and an open question is part of it."""
    request = ask("2207", claim())
    nodes = [observed("2207"), observed("2207")]
    for node in nodes:
        node.handle(request, NOW)
    before = nodes[0].snapshot()
    assert before == nodes[1].snapshot()

    nodes[0].handle(said(request, result()), NOW)

    assert before != nodes[0].snapshot()
