"""Prefund at the hub: thresholds in integers, one alarm per pair and month, top-ups."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.nodes.agency_harness import HUB, Net, is_rejection, make_case, plan
from yidi.nodes.hub_prefund import level_of
from yidi.protocol import messages_clearing as c
from yidi.protocol import transactions as t

PAIR = ("340000", "310000")
GRANT = 2_600_000_000
"""26.00 million yuan: twice the mean of 12, 13 and 14 million. Source: domain 5.5."""


def run_month(used_fens, granted_fen, until="2026-04-22"):
    """A net that has made the tables of one month with these cases."""
    net = Net(plan(prefunds={PAIR: granted_fen} if granted_fen else {}))
    for number, fund_fen in enumerate(used_fens):
        insutype = ["310", "390"][number % 2]
        net.settle(make_case(number, fund_fen=fund_fen, insutype=insutype))
    net.close_until(until)
    return net


def alarms(net):
    """Alarms delivered, as (recipient, level)."""
    return [
        (hop, body.level)
        for _, hop, code, kind, body in net.log
        if (code, kind) == (t.PREFUND_ALARM, 0)
    ]


@pytest.mark.parametrize(
    ("used_fen", "level"),
    [
        (1_819_999_999, ""),
        (1_820_000_000, "yellow"),
        (2_339_999_999, "yellow"),
        (2_340_000_000, "red"),
        (9_000_000_000, "red"),
    ],
)
def test_the_boundaries_are_exact(used_fen, level):
    """18,199,999.99 must not warn, 18,200,000.00 must; 23,400,000.00 is red."""
    assert level == level_of(used_fen, GRANT)
    net = run_month([used_fen], GRANT)

    assert ([level] if level else []) == list(net.hub.state.prefund.alarms.values())
    told = [(f"province:{code}", level) for code in PAIR] if level else []
    assert told == alarms(net)


@given(st.integers(0, 10**12), st.integers(1, 10**12))
def test_levels_are_integer_comparisons(used_fen, granted_fen):
    """The level is that of exact fractions, whatever the size."""
    level = "red" if used_fen * 10 >= granted_fen * 9 else ""
    level = level or ("yellow" if used_fen * 10 >= granted_fen * 7 else "")

    assert level == level_of(used_fen, granted_fen)


def test_without_a_grant_there_is_no_alarm():
    """Nothing granted, nothing to warn of."""
    assert "" == level_of(10**9, 0)
    assert [] == alarms(run_month([10**9], 0))


def test_insurance_types_count_together():
    """The pair's prefund is one: the month's tables of all insurance types use it, one alarm."""
    net = run_month([1_000_000_000, 820_000_000], GRANT)

    assert ["yellow"] == list(net.hub.state.prefund.alarms.values())
    row = net.hub.state.prefund.notices[0]
    assert ("yellow", 1_820_000_000, "壹仟捌佰贰拾万元整") == (
        row.kind, row.amount_fen, row.amount_words,
    )  # fmt: skip


def test_each_month_warns_anew_and_once():
    """One event per pair and period, however often tables are made."""
    net = run_month([1_900_000_000], GRANT)
    net.settle(make_case(9, net.hub.days.day, fund_fen=1_900_000_000))
    net.close_until("2026-05-22")

    names = ["A202603-340000-310000", "A202604-340000-310000"]
    assert names == list(net.hub.state.prefund.alarms)
    outputs = net.hub.prefund.evaluate("2026-04", PAIR, 1_900_000_000, net.hub.days.day, net.now)
    assert [] == outputs


def test_a_red_alarm_is_topped_up():
    """The payee asks, the payer pays within three working days, the hub's grant grows."""
    net = run_month([1_000], 1_000)
    assert {"A202603-340000-310000": "340000|310000"} == net.hub.state.prefund.open
    net.close_until("2026-04-28")

    assert {} == net.hub.state.prefund.open
    assert {"340000|310000": 2_000} == net.hub.state.prefund.granted
    row = net.nodes["province:310000"].state.notices[0]
    # Tables on Tuesday 21 April, so due on Friday 24.
    assert ("prefund", 1_000, "2026-04-24") == (row.kind, row.amount_fen, row.due_day)
    assert 2_000 == net.nodes["province:310000"].ledger.balance("prefund:340000")
    assert -1_000 == net.nodes["province:340000"].ledger.balance("bank")


def test_a_clearing_is_not_finished_before_the_top_up():
    """An open red alarm keeps the run going."""
    net = run_month([1_000], 1_000)
    net.lose = lambda _sender, envelope: envelope.origin.transaction == t.PREFUND_TRANSFER
    net.close_until("2026-06-30")
    assert not net.hub.clearing.is_finished
    net.lose = lambda _sender, _envelope: False
    net.close_until("2026-07-02")

    assert net.hub.clearing.is_finished


def test_feedback_on_a_top_up_is_checked():
    """Only the payer reports it, only of an alarm, and always the same amount."""
    net = run_month([1_000], 1_000, "2026-04-28")

    def feedback(sender, alarm="A202603-340000-310000", amount_fen=1_000):
        body = c.PaymentFeedback(
            notice="N", batch=alarm, status="paid", amount_fen=amount_fen, day="2026-04-28"
        )
        net.nodes.pop(sender, None)
        return net.ask(sender, HUB, t.PAYMENT_FEEDBACK, body)

    assert is_rejection(feedback("province:310000"), "E_ROLE")
    assert is_rejection(feedback("province:340000", amount_fen=7), "E_KEY_REUSED")
    assert is_rejection(feedback("province:340000", "A1"), "E_BATCH_UNKNOWN")
    assert "N" == feedback("province:340000").reference
    assert {"340000|310000": 2_000} == net.hub.state.prefund.granted
