from __future__ import annotations

import pytest

from tests.judging.runs import finished, some_case
from yidi.nodes.ledger import Posting, PostingKind
from yidi.protocol import transactions as t
from yidi.protocol.codec import encode
from yidi.protocol.envelope import Link, Origin, frame, seal, unframe
from yidi.protocol.messages_clearing import ClearingClose


@pytest.fixture
def run():
    """A run whose month has been cleared, and its checks."""
    return finished()


def failed(checks):
    """Ids of the checks that fail."""
    return {row.id for row in checks.finish().results() if row.verdict == "fail"}


def closing(case, **changes):
    """A closing message as the hub sends it to the insured region."""
    fields = {"batch": case.clearing_batch, "period": case.period, "insured": case.insured,
              "treatment": case.treatment, "keys": [case.key], "part": 90}  # fmt: skip
    body = ClearingClose(**{**fields, **changes})
    origin = Origin(t.CLEARING_CLOSE, 0, "M1", "", "hub:100000", f"insured:{case.insured}", "",
                    "", "", 0, 0, 0, "M1")  # fmt: skip
    envelope = seal(f"insured:{case.insured}", origin, encode(body))
    return unframe(frame(envelope, Link("hub:100000", envelope.hop, 9_999, 0, 0)))


def test_an_honest_month_fails_nothing(run):
    """Money moved, prefunds were drawn and restored, batches closed: nothing fails."""
    result, checks = run
    assert failed(checks) == set()
    assert checks.closing.bank_fen == 0
    assert some_case(result, "hub").clearing_batch


def test_inv_04_finds_money_from_nowhere(run):
    """INV-04: a bank takes in what no bank has sent."""
    result, checks = run
    node = result.nodes["province:310000"]
    legs = [("bank", 1), ("city:310000", -1)]
    checks.on_posting(node, Posting(99, "N-1", PostingKind.CLEAR, legs), None)
    assert "INV-04" in failed(checks)


def test_inv_04_finds_money_that_never_arrives(run):
    """INV-04: a bank pays, and at the end nobody has the money."""
    result, checks = run
    legs = [("bank", -1), ("city:340600", 1)]
    node = result.nodes["province:340000"]
    checks.on_posting(node, Posting(99, "N-1", PostingKind.CLEAR, legs), None)
    assert "INV-04" in failed(checks)


def test_inv_22_finds_a_prefund_that_is_no_fold(run):
    """INV-22: a prefund's balance is a fen more than its postings come to."""
    result, checks = run
    result.nodes["province:310000"].state.ledger.balances["prefund:340000"] += 1
    assert failed(checks) == {"INV-22"}


def test_inv_24_finds_a_draw_without_a_notice(run):
    """INV-24: a settlement moves a prefund, which only a notice may."""
    result, checks = run
    node = result.nodes["province:310000"]
    legs = [("prefund:340000", -5), ("prefund_control:340000", 5)]
    checks.on_posting(node, Posting(99, "X", PostingKind.SETTLE, legs), None)
    assert {"INV-24", "INV-22"} <= failed(checks)


def test_inv_07_finds_an_adjustment_booked_twice(run):
    """INV-07: the same adjustment is booked a second time."""
    result, checks = run
    node = result.nodes["insured:340600"]
    for number in (98, 99):
        posting = Posting(number, "ADJ-1", PostingKind.ADJUST, [("a", 1), ("b", -1)])
        checks.on_posting(node, posting, None)
    assert "INV-07" in failed(checks)


def test_inv_25_finds_a_case_closed_in_two_batches(run):
    """INV-25: a second batch names a key that another has closed."""
    result, checks = run
    case = some_case(result, "insured:340700")
    checks.on_delivery(result.nodes["insured:340700"], closing(case, batch="B-2"), 0)
    assert "INV-25" in failed(checks)


def test_inv_26_finds_a_batch_closed_anew_with_other_cases(run):
    """INV-26: a part of a closed batch comes again with other content."""
    result, checks = run
    case = some_case(result, "insured:340700")
    node = result.nodes["insured:340700"]
    checks.on_delivery(node, closing(case), 0)
    checks.on_delivery(node, closing(case, keys=[]), 0)
    assert "INV-26" in failed(checks)


def test_inv_26_finds_a_period_that_goes_back(run):
    """INV-26: February is closed after March."""
    result, checks = run
    case = some_case(result, "insured:340700")
    node = result.nodes["insured:340700"]
    checks.on_delivery(node, closing(case), 0)
    checks.on_delivery(node, closing(case, period="2026-02", keys=[], part=91), 0)
    assert "INV-26" in failed(checks)


def test_inv_29_finds_money_cleared_that_the_books_dispute(run):
    """INV-29: a case is closed while one book has another amount."""
    result, checks = run
    case = some_case(result, "insured:340700")
    case.fund_fen += 1
    checks.on_delivery(result.nodes["insured:340700"], closing(case), 0)
    assert "INV-29" in failed(checks)
