"""Rules of the conversation, one by one: what each sees, and what it leaves alone."""

from __future__ import annotations

import pytest

from tests.judging.test_conversation import asked, said
from yidi.scenarios.judging.conform_findings import fen
from yidi.scenarios.judging.conform_rules import findings
from yidi.scenarios.judging.conversation import Conversation, Message

GOOD = {"medfee_sumamt": "1.00", "fund_pay_sumamt": "0.40", "acct_pay": "0.00",
        "psn_cash_pay": "0.60", "setl_id": "S1"}  # fmt: skip


def broken(*messages):
    """Rules broken in a conversation, with what was wrong."""
    return {one.rule: one.facts for one in findings(Conversation(messages)) if one.facts}


def looked(*messages):
    """Rules that had an occasion."""
    return {one.rule for one in findings(Conversation(messages))}


def test_a_good_answer_breaks_nothing():
    """And gives the plain rules their occasion."""
    assert {} == broken(asked(), said(**GOOD))
    assert {"MSG-01", "MSG-04", "MSG-05", "BEN-09"} == looked(asked(), said(**GOOD))


@pytest.mark.parametrize(
    ("answer", "rule", "facts"),
    [
        (said(**GOOD | {"psn_cash_pay": "0.59"}), "BEN-09", "are 99 fen of 100"),
        (said(**GOOD | {"psn_cash_pay": "1.60", "acct_pay": "-1.00"}), "BEN-09", "negative"),
        (said(**GOOD, setldetail=[{"fund_payamt": "0.30"}]), "BEN-09", "setldetail is 30 fen"),
        (said(**GOOD | {"psn_cash_pay": "0.50", "acct_pay": "0.10"}), "BEN-10", "unasked"),
        (said(**GOOD, balc="-0.01"), "BEN-10", "left with -1 fen"),
        (said(**GOOD | {"psn_cash_pay": "0.600001"}), "MSG-05", "psn_cash_pay 0.600001"),
        (said(**GOOD, psn_no="q"), "MSG-04", "psn_no q, asked for p"),
        (said(**GOOD | {"medfee_sumamt": "2.00"}), "MSG-04", "medfee_sumamt 2.00"),
        (Message(at=1, to_node=False, transaction="2207", kind="none", correlation="m1",
                 problem="timeout"), "MSG-01", "timeout"),
        (Message(at=1, to_node=False, transaction="2207", kind="none", correlation="m1",
                 problem="E_AMOUNT at=$.output"), "MSG-05", "E_AMOUNT"),
    ],
)  # fmt: skip
def test_an_answer_that_is_wrong_breaks_its_rule(answer, rule, facts):
    """With the numbers that show it."""
    assert facts in broken(asked(), answer)[rule]


def test_silence_is_told():
    """A request that nobody answered."""
    assert {"MSG-01": "no answer"} == broken(asked())


def test_a_repeat_that_is_refused_is_told():
    """The first answer was owed."""
    refusal = Message(at=1, to_node=False, transaction="2207", kind="rejection", correlation="m1",
                      key="k", code="E_ALREADY_SETTLED")  # fmt: skip

    assert {"SET-02": "refused the second time: E_ALREADY_SETTLED"} == broken(
        asked(), said(**GOOD), asked(), refusal
    )


def test_a_settlement_may_differ_if_it_says_so():
    """Not as pre-settled is no fault where the answer names it."""
    pre = Message(at=0, to_node=True, transaction="2206", kind="request", message_id="p", key="k",
                  fields=asked().fields)  # fmt: skip
    less = GOOD | {"psn_cash_pay": "1.00", "fund_pay_sumamt": "0"}
    told = Message(at=0, to_node=False, transaction="2206", kind="result", correlation="p",
                   key="k", fields=less)  # fmt: skip

    assert "SET-03" in broken(pre, told, asked(), said(**GOOD))
    assert {"SET-02"} == set(broken(asked(), said(**GOOD), asked(), said(**less)))
    assert {} == broken(pre, told, asked(), said(**GOOD, changed="the bill changed"))


@pytest.mark.parametrize(
    ("value", "amount"),
    [("1.05", 105), (1, 100), ("0", 0), ("-0.30", -30), ("0.001", None), ("x", None),
     ("NaN", None), (None, None)],
)  # fmt: skip
def test_amounts_are_exact_or_none(value, amount):
    """Texts and numbers alike; what is no exact fen is no amount."""
    assert amount == fen(value)
