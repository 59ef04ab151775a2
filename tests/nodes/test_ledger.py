from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yidi.nodes.ledger import Ledger, LedgerState, PostingKind, merged_legs, settlement_legs
from yidi.protocol.errors import InvariantViolation
from yidi.protocol.messages import FundPay

FEN = st.integers(0, 10**11)
FUNDS = st.lists(
    st.builds(FundPay, st.sampled_from(["310101", "330101", "610101"]), FEN), max_size=4
)


@given(FUNDS, FEN, st.sampled_from([1, -1]))
def test_legs_of_a_settlement_sum_to_zero(funds, account_fen, sign):
    """Funds and account against one counterparty are a balanced posting, whatever the amounts."""
    legs = settlement_legs(funds, account_fen, "due", sign)

    assert 0 == sum(fen for _, fen in legs)
    due = [fen for account, fen in legs if account == "due"]
    assert -sign * (account_fen + sum(pay.fund_fen for pay in funds)) == sum(due)


@given(st.lists(st.tuples(FUNDS, FEN), max_size=8))
def test_an_undoing_leaves_every_account_at_zero(settlements):
    """Posting the legs with the sign turned takes back exactly what was posted (INV-17)."""
    ledger = Ledger(LedgerState())
    for sign, kind in ((1, PostingKind.SETTLE), (-1, PostingKind.CANCEL)):
        for number, (funds, account_fen) in enumerate(settlements):
            ledger.post(str(number), kind, settlement_legs(funds, account_fen, "due", sign))

    assert {0} >= set(ledger.state.balances.values())


@given(st.lists(st.tuples(st.text(max_size=3), st.integers(-9, 9)), min_size=1, max_size=5))
def test_what_does_not_balance_is_our_bug_and_books_nothing(legs):
    """Legs that do not sum to zero are INV-02; balances and numbers stay as they were."""
    ledger = Ledger(LedgerState())
    if sum(fen for _, fen in legs) == 0:
        legs = [*legs, ("more", 1)]
    with pytest.raises(InvariantViolation, match="INV-02"):
        ledger.post("K", PostingKind.SETTLE, legs)

    assert ({}, 0, []) == (ledger.state.balances, ledger.state.seq, ledger.take())


def test_balances_are_a_fold_of_the_postings():
    """Numbers go up by one, what was posted is handed over once, unknown accounts hold 0."""
    ledger = Ledger(LedgerState())
    ledger.post("A", PostingKind.SETTLE, [("x", 5), ("y", -5)])
    ledger.post("B", PostingKind.CLEAR, [("y", 5), ("z", -5)])
    posted = ledger.take()

    assert [(1, "A"), (2, "B")] == [(one.seq, one.key) for one in posted]
    assert [] == ledger.take()
    assert (5, 0, -5, 0) == tuple(ledger.balance(account) for account in "xyz?")


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(-3, 3))))
def test_merged_legs_name_each_account_once_and_keep_the_sums(legs):
    """No account stands twice in a posting, none with 0 fen, and no fen is lost."""
    merged = merged_legs(legs)
    sums = {name: sum(fen for account, fen in legs if account == name) for name in "abc"}

    assert {name: fen for name, fen in sums.items() if fen} == dict(merged)
    assert len(merged) == len(dict(merged))
