from __future__ import annotations

from hashlib import sha256

import pytest

from tests.judging.watched import WatchedTown
from yidi.nodes.ledger import Posting, PostingKind
from yidi.nodes.lifecycle import CaseState
from yidi.protocol import messages as m
from yidi.protocol import transactions as t
from yidi.protocol.envelope import Link, frame, unframe

SETTLE, CANCEL, REVERSE = PostingKind.SETTLE, PostingKind.CANCEL, PostingKind.REVERSE


@pytest.fixture
def town():
    """A watched town in which one visit has settled."""
    town = WatchedTown()
    town.settled = town.settle()
    town.case = next(iter(town.insured.state.cases.values()))
    return town


def test_an_honest_settlement_fails_nothing(town):
    """A settlement without faults passes, and every check of it has counted something."""
    rows = town.judge()
    assert town.failed() == set()
    looked = {name for name, row in rows.items() if row.count}
    assert looked >= {f"INV-{n}" for n in ("01", "02", "03", "06", "07", "08", "10", "12", "36")}


def test_cancelling_and_reversing_fail_nothing(town):
    """Cancellation, its reversal, and a new cancellation hold every check."""
    message_id = "H31010100001202603021200009998"
    town.cancel(town.settled, message_id=message_id)
    undo = m.ReversalRequest(
        person_no=town.case.person_no, original_message_id=message_id,
        original_transaction=t.OUTPATIENT_CANCELLATION,
    )  # fmt: skip
    town.answer(t.REVERSAL, undo)
    town.cancel(town.settled)
    assert town.failed() == set()
    assert town.judge()["INV-17"].count == 9


@pytest.mark.parametrize("lost", [(t.OUTPATIENT_SETTLEMENT,), (t.OUTPATIENT_SETTLEMENT, "5203")])
def test_doubt_is_explained_and_ends(lost):
    """What one side has booked and the other has not is explained while it lasts."""
    town = WatchedTown()
    town.lost = {(transaction, 1, "treatment:310000") for transaction in lost}
    with pytest.raises(ValueError, match="not enough values"):
        town.settle()
    assert town.checks.pairs["310000", "340600"].open
    assert "INV-03" not in town.failed()
    town.wait(120)
    assert town.failed() == set()
    assert not town.checks.pairs["310000", "340600"].open


def plant(town, node, kind, legs=None, **changes):
    """Report a posting that no rule allows."""
    for name, value in changes.items():
        setattr(town.case, name, value)
    legs = legs if legs is not None else node.checks_legs
    town.checks.on_posting(node, Posting(99, town.case.key, kind, legs), town.case)


@pytest.fixture
def legs(town):
    """The legs of the insured region's settlement."""
    return town.checks.watches["insured:340600"].seen[town.case.key].legs


def test_inv_01_finds_a_split_that_does_not_add_up(town, legs):
    """INV-01: one fen too much in cash is found at the posting."""
    plant(town, town.insured, SETTLE, legs, cash_fen=town.case.cash_fen + 1)
    assert "INV-01" in town.failed()


def test_inv_02_finds_legs_that_do_not_balance(town, legs):
    """INV-02: legs that sum to one fen are found."""
    plant(town, town.insured, SETTLE, [(legs[0][0], legs[0][1] + 1), *legs[1:]])
    assert "INV-02" in town.failed()


def test_inv_03_finds_a_booking_that_nothing_explains(town, legs):
    """INV-03: the insured region takes back alone, and nothing is under way about it."""
    mirrored = [(name, -fen) for name, fen in legs]
    plant(town, town.insured, CANCEL, mirrored)
    assert town.failed() == {"INV-03"}


def test_inv_03_finds_amounts_that_differ(town):
    """INV-03: the treatment region books one fen less than the insured region."""
    case = next(iter(town.treatment.state.cases.values()))
    case.fund_fen -= 1
    legs = town.checks.watches["treatment:310000"].seen[case.key].legs
    reinstated = Posting(9, case.key, PostingKind.REINSTATE, legs)
    town.checks.on_posting(town.treatment, reinstated, case)
    assert "INV-03" in town.failed()


def test_inv_06_finds_a_lie_to_the_hospital(town):
    """INV-06: the hospital is told other bytes than are booked."""
    told = next(e for e in reversed(town.said) if e.hop.startswith("institution:"))
    lie = town.settled.__class__(**{
        **{f: getattr(town.settled, f) for f in town.settled.__struct_fields__}, "cash_fen": 1,
    })  # fmt: skip
    from yidi.protocol.codec import encode

    raw = frame(told, Link("treatment:310000", told.hop, 99, 0, town.now))
    envelope = unframe(raw)
    forged = type(envelope)(
        envelope.hop, envelope.origin, envelope.origin_bytes, encode(lie), None, envelope.link
    )
    town.checks.on_delivery(None, forged, town.now)
    assert {"INV-06", "INV-08"} <= town.failed()


def test_inv_07_finds_a_second_effect(town, legs):
    """INV-07: a second SETTLE under one key, and a REVERSE of nothing."""
    plant(town, town.insured, SETTLE, legs)
    assert "INV-07" in town.failed()
    other = WatchedTown()
    other.settle()
    other.case = next(iter(other.treatment.state.cases.values()))
    for _ in range(2):
        plant(other, other.treatment, REVERSE, [(name, -fen) for name, fen in legs])
    assert "INV-07" in other.failed()


def test_inv_07_finds_an_effect_of_no_case(town, legs):
    """INV-07: a settlement posted under a key that is no case's."""
    town.checks.on_posting(town.insured, Posting(9, "X", SETTLE, legs), None)
    assert "INV-07" in town.failed()


def test_inv_09_finds_a_message_id_whose_content_was_replaced(town):
    """INV-09: at the counter, other content under a message id took the first one's place."""
    request = next(
        e for e in town.said
        if e.origin.transaction == t.OUTPATIENT_SETTLEMENT and e.hop == "treatment:310000"
        and e.origin.kind == 0
    )  # fmt: skip
    other = type(request)(
        request.hop, request.origin, request.origin_bytes, request.body + b"!", None, None
    )
    town.checks.on_delivery(town.treatment, other, town.now)
    assert town.failed() == set(), "refused and nothing changed: that is as it should be"
    case = town.treatment.state.cases[town.treatment.state.effect_ids[request.origin.message_id]]
    case.request_digest = sha256(other.body).digest()[:16]
    town.checks.on_delivery(town.treatment, other, town.now)
    assert town.failed() == {"INV-09"}


def test_inv_09_finds_a_reused_key_that_took_effect(town):
    """INV-09: the same key with another request, answered with a result."""
    request = next(
        e for e in town.said
        if e.origin.transaction == t.OUTPATIENT_SETTLEMENT and e.hop == "insured:340600"
    )  # fmt: skip
    other = type(request)(
        request.hop, request.origin, request.origin_bytes, request.body + b"!", None, None
    )
    answer = next(e for e in town.said if e.origin.correlation_id == request.origin.message_id)
    town.checks.on_delivery(town.insured, other, town.now)
    town.checks.on_delivery(town.hub, answer, town.now)
    assert town.failed() == {"INV-09"}


def test_inv_10_finds_a_unit_settled_twice(town, legs):
    """INV-10: another key of the same unit settles."""
    other = type(town.case)(
        **{f: getattr(town.case, f) for f in town.case.__struct_fields__} | {"key": "A-OTHER"}
    )
    town.checks.on_posting(town.insured, Posting(9, "A-OTHER", SETTLE, legs), other)
    assert "INV-10" in town.failed()


def test_inv_12_finds_a_way_out_of_an_absorbing_state(town):
    """INV-12: CLEARED has no exit."""
    watch = town.checks.watches["insured:340600"]
    watch.seen[town.case.key].state = CaseState.CLEARED
    assert "INV-12" in town.failed()


def test_inv_17_finds_an_undoing_that_is_no_mirror(town, legs):
    """INV-17: a cancellation with other legs than the settlement turned round."""
    plant(town, town.insured, CANCEL, [(name, -2 * fen) for name, fen in legs])
    assert "INV-17" in town.failed()


def test_inv_18_finds_a_settlement_after_its_tombstone(town, legs):
    """INV-18: a key that was reversed first settles all the same."""
    town.checks.watches["insured:340600"].seen[town.case.key].tomb = True
    plant(town, town.insured, SETTLE, legs)
    assert "INV-18" in town.failed()


def test_inv_18_counts_the_tombstones_that_held():
    """INV-18: a reversal that came first is counted, and its late original is refused."""
    town = WatchedTown()
    town.lost = {(t.OUTPATIENT_SETTLEMENT, 0, "insured:340600")}
    with pytest.raises(ValueError, match="not enough values"):
        town.settle()
    town.wait(120)
    rows = town.judge()
    assert (rows["INV-18"].count, rows["INV-18"].verdict) == (1, "pass")


def test_inv_20_finds_an_undoing_after_clearing(town, legs):
    """INV-20: a cleared case is cancelled."""
    mirrored = [(name, -fen) for name, fen in legs]
    plant(town, town.insured, CANCEL, mirrored, clearing_batch="B-1")
    assert "INV-20" in town.failed()


@pytest.mark.parametrize("sequence", [1, 2])
def test_inv_36_finds_a_sequence_applied_twice(town, sequence):
    """INV-36: a frame whose sequence was applied before is applied again."""
    said = next(e for e in town.said if e.hop == "hub:yrd")
    again = unframe(frame(said, Link("treatment:310000", "hub:yrd", sequence, 0, town.now)))
    town.checks.on_delivery(town.hub, again, town.now)
    assert "INV-36" in town.failed()


def test_inv_38_finds_time_going_back(town):
    """INV-38: a node's clock shows less than before."""
    said = next(e for e in town.said if e.hop == "hub:yrd")
    town.hub.state.now -= 1
    later = unframe(frame(said, Link("treatment:310000", "hub:yrd", 99, 0, town.now)))
    town.checks.on_delivery(town.hub, later, town.now)
    assert "INV-38" in town.failed()


def test_a_sender_that_started_again_leaves_no_gap(town):
    """Its sequences begin at its number of starts; what it skips from there on is missing."""
    said = next(e for e in town.said if e.hop == "hub:yrd" and e.origin.kind == 0)

    def heard(number):
        link = Link("treatment:320100", "hub:yrd", (7 << 32) + number, 0, town.now)
        town.checks.on_delivery(town.hub, unframe(frame(said, link)), town.now)

    heard(3)
    missing = town.checks.watches["hub:yrd"].missing["treatment:320100"]
    assert {(7 << 32) + 1, (7 << 32) + 2} == set(missing)
    heard(1)
    assert "INV-36" not in town.failed()
