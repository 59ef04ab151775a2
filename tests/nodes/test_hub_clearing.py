"""Monthly clearing: what is cleared, once, in which batch, and what follows."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.nodes.agency_harness import HUB, Net, is_rejection, make_case, plan
from yidi.nodes.clearing_plan import ClearingCalendar, last_day, notice_day, transfer_day
from yidi.nodes.ledger import PostingKind
from yidi.nodes.lifecycle import CLEARED, REVERSED, SETTLED
from yidi.nodes.province import PaymentFailure, ProvincePlan
from yidi.protocol import messages_clearing as c
from yidi.protocol import transactions as t
from yidi.protocol.errors import ErrorCode

TREATMENT, INSURED = "treatment:310000", "insured:340600"
WIDE = {
    "treatment": ("310000", "320500", "320100"),
    "insured": ("340600", "340100", "320500", "330100"),
}


def batches(net):
    """The hub's batches in order."""
    return list(net.hub.state.clearing.batches.values())


def sent(net, transaction):
    """Requests of a kind that were delivered, as (recipient, body)."""
    return [(hop, body) for _, hop, code, kind, body in net.log if (code, kind) == (transaction, 0)]


def cleared(net):
    """Keys CLEARED at the hub."""
    return {key for key, case in net.hub.cases.items() if case.state == CLEARED}


# ------------------------------------------------------------------ the calendar


def test_the_calendar():
    """Ends of months, and working days one span after the other."""
    assert "2026-02-28" == last_day("2026-02")
    assert "2028-02-29" == last_day("2028-02")
    assert "2026-04-30" == notice_day("2026-03")
    # Thursday 30 April, five working days: 7 May; ten more: 21 May.
    assert "2026-05-21" == transfer_day(ClearingCalendar(), "2026-04-30")


def test_each_step_has_its_day():
    """Declaration on the 20th, tables on the 21st, notices at the month's end, then payment."""
    net = Net(plan())
    net.settle(make_case(1))
    steps = {}
    while net.hub.days.day < "2026-06-10":
        before = len(net.log)
        net.close_day()
        net.wait(3_600_000_000)
        for _, _, transaction, kind, body in net.log[before:]:
            if kind == 0:
                status = getattr(body, "status", "")
                steps.setdefault((transaction, status), net.hub.days.day)

    assert "2026-04-20" == steps[t.CLEARING_DECLARATION, ""]
    assert "2026-04-21" == steps[t.CLEARING_DETAIL, ""]
    assert "2026-04-21" == steps[t.CLEARING_TABLE, ""]
    assert "2026-04-30" == steps[t.CLEARING_NOTICE, ""]
    assert "2026-05-21" == steps[t.FUND_TRANSFER, ""]
    assert "2026-05-28" == steps[t.PAYMENT_FEEDBACK, "paid"]
    assert ["PAID"] == [batch.state for batch in batches(net)]
    assert net.hub.clearing.is_finished


def test_a_table_of_numbers_moves_the_days():
    """Every day number comes from the plan."""
    calendar = ClearingCalendar(declare_day=5, generate_day=6, transfer_wd=1, to_finance_wd=1)
    net = Net(plan(calendar=calendar))
    net.settle(make_case(1))
    net.close_until("2026-04-06")

    assert ["CONFIRMED"] == [batch.state for batch in batches(net)]


@pytest.mark.parametrize(("periods", "count"), [((), 2), (("2026-04",), 1), (("2025-01",), 0)])
def test_only_planned_months(periods, count):
    """Named months alone are cleared, and take along what is left of earlier ones."""
    net = Net(plan(periods=periods))
    net.settle(make_case(1))
    net.close_until("2026-04-02")
    net.settle(make_case(2, "2026-04-02"))
    net.close_until("2026-05-22")

    assert count == len(batches(net))
    assert (2 if count else 0) == len(cleared(net))


def test_a_month_without_cases_is_not_run():
    """No cases, no period, no message."""
    net = Net(plan())
    net.close_until("2026-06-01")

    assert {} == net.hub.state.clearing.periods
    assert net.hub.clearing.is_finished


# ------------------------------------------------------------------ what is cleared

PLACES = st.tuples(
    st.sampled_from(WIDE["treatment"]),
    st.sampled_from(WIDE["insured"]),
    st.sampled_from(["310", "390"]),
).filter(lambda place: place[0] != place[1])
FATES = st.sampled_from(["fine"] * 4 + ["next month", "undone", "unknown at T", "refused by I"])


@settings(max_examples=40)
@given(st.lists(st.tuples(PLACES, FATES, st.integers(0, 10**7)), max_size=12), st.booleans())
def test_each_reconciled_case_is_in_one_batch(drawn, twice):
    """Live and level cases of the month are CLEARED in one batch, others not (INV-25, 27, 29)."""
    net = Net(plan(**WIDE))
    net.twice = twice
    fine = {}
    for number, ((treatment, insured, insutype), fate, fund_fen) in enumerate(drawn):
        day = "2026-04-01" if fate == "next month" else "2026-03-01"
        case = make_case(number, day, treatment=treatment, insured=insured,
                         insutype=insutype, fund_fen=fund_fen)  # fmt: skip
        if fate == "fine":
            fine[case.key] = case
        if fate != "next month":
            net.settle(case, ("hub", "insured") if fate == "unknown at T" else ALL)
    net.close_until("2026-04-01")
    after_march(net, drawn)
    net.close_until("2026-04-22")

    assert set(fine) == cleared(net)
    for case in fine.values():
        copies = [node.cases[case.key] for _, node in net.nodes_of(case)]
        assert 1 == len({(copy.state, copy.period, copy.clearing_batch) for copy in copies})
    check_sums(net, fine)


ALL = ("treatment", "hub", "insured")


def after_march(net, drawn):
    """What happens to some cases between their reconciliation and the tables."""
    for number, ((treatment, insured, insutype), fate, fund_fen) in enumerate(drawn):
        key = make_case(number).key
        if fate == "undone":
            net.undo(key, "2026-04-01")
        elif fate == "refused by I":
            net.nodes[f"insured:{insured}"].cases[key].state = REVERSED
        elif fate == "next month":
            net.settle(make_case(number, "2026-04-01", treatment=treatment, insured=insured,
                                 insutype=insutype, fund_fen=fund_fen))  # fmt: skip


def check_sums(net, fine):
    """Every batch's sums are those of its cases, and each node posted it once."""
    for batch in batches(net):
        inside = [case for case in net.hub.cases.values() if case.clearing_batch == batch.batch]
        assert {case.key for case in inside} <= set(fine)
        assert (len(inside), sum(case.fund_fen for case in inside)) == (batch.count, batch.fund_fen)
        assert batch.fund_fen == batch.payable_fen == sum(batch.funds.values())
        assert all(case.insutype == batch.insutype for case in inside)
    for posted in net.postings.values():
        keys = [p.key for p in posted if p.kind == PostingKind.CLEAR]
        assert len(set(keys)) == len(keys)


def test_a_generated_month_is_not_generated_again():
    """Days go on, and the month keeps its batch: no second table, no second posting (OF1)."""
    net = Net(plan())
    net.settle(make_case(1))
    net.close_until("2026-04-22")
    tables = len(sent(net, t.CLEARING_TABLE))
    net.close_until("2026-04-29")

    assert (2, tables) == (tables, len(sent(net, t.CLEARING_TABLE)))
    assert ["B202603-340000-310000-310"] == [batch.batch for batch in batches(net)]


def test_refused_cases_are_put_off_to_the_next_month():
    """A case the insured region does not hold so is cleared a month later, by that period."""
    net = Net(plan())
    net.settle(make_case(1))
    net.settle(make_case(2))
    net.close_until("2026-04-20")
    late = net.nodes[INSURED].cases[make_case(1).key]
    late.state = REVERSED
    net.close_until("2026-05-20")
    assert {make_case(2).key} == cleared(net)
    late.state = SETTLED
    net.close_until("2026-05-22")

    assert {make_case(1).key, make_case(2).key} == cleared(net)
    assert "2026-04" == net.hub.cases[make_case(1).key].period


def test_the_longest_deferral_raises_a_counter():
    """Beyond two months the hub counts an open reconciliation, and goes on trying."""
    net = Net(plan())
    net.settle(make_case(1))
    net.close_until("2026-04-20")
    net.nodes[INSURED].cases[make_case(1).key].state = REVERSED
    net.close_until("2026-07-22")

    assert [] == batches(net)
    assert 2 == net.hub.state.counters[ErrorCode.E_RECON_OPEN]
    assert 4 == net.hub.state.clearing.deferred[make_case(1).key]


def test_many_keys_go_in_several_messages():
    """A pair of more keys than a message holds is checked and closed part by part, posted once."""
    count = c.KEYS_MAX + 3
    net = Net(plan())
    for number in range(count):
        net.settle(make_case(number))
    net.close_until("2026-04-22")

    assert count == len(cleared(net)) == batches(net)[0].count
    assert 4 == len(sent(net, t.CLEARING_DETAIL)) == len(sent(net, t.CLEARING_CLOSE))
    posted = [p for p in net.postings[TREATMENT] if p.kind == PostingKind.CLEAR]
    assert ["B202603-340000-310000-310"] == [p.key for p in posted]


def test_a_case_in_a_batch_is_held():
    """From the pick to the confirmation the hub and the treatment region hold the case."""
    net = Net(plan())
    net.settle(make_case(1))
    net.close_until("2026-04-20")
    net.lose = lambda _sender, envelope: envelope.origin.transaction == t.CLEARING_TABLE
    net.close_until("2026-04-22")

    assert net.hub.clearing.holds(make_case(1).key)
    assert net.nodes[TREATMENT].books.holds(make_case(1).key)
    assert not net.hub.clearing.is_finished


def test_what_was_taken_back_meanwhile_is_withdrawn():
    """A case undone while its table was out: the table is made anew without it."""
    net = Net(plan())
    net.settle(make_case(1))
    net.settle(make_case(2))
    net.close_until("2026-04-20")
    net.lose = lambda _sender, envelope: envelope.origin.transaction == t.CLEARING_TABLE
    net.close_until("2026-04-21")
    net.hub.cases[make_case(1).key].state = REVERSED
    net.lose = lambda _sender, _envelope: False
    net.wait(3_600_000_000)

    assert {make_case(2).key} == cleared(net)
    assert ("CONFIRMED", 1, 1) == (
        batches(net)[0].state, batches(net)[0].count, batches(net)[0].revision,
    )  # fmt: skip


def test_a_disputed_table_is_sent_again():
    """A province that refuses keeps the batch open; a later day asks again, by a new revision."""
    net = Net(plan())
    net.settle(make_case(1))
    province = net.nodes["province:340000"]
    handler = province.requests[t.CLEARING_TABLE]
    province.requests[t.CLEARING_TABLE] = lambda envelope, _body, now: province.refuse(
        envelope, ErrorCode.E_CLEARING_MISMATCH, now
    )
    net.close_until("2026-04-26")
    assert "GENERATED" == batches(net)[0].state
    assert net.hub.state.counters[ErrorCode.E_CLEARING_MISMATCH] > 1
    province.requests[t.CLEARING_TABLE] = handler
    net.close_until("2026-04-28")

    assert "CONFIRMED" == batches(net)[0].state


# ------------------------------------------------------------------ money


def test_inside_a_province_there_is_a_row_and_no_notice():
    """An in-province pair is cleared in a batch of its own, between cities, without transfer."""
    net = Net(plan(**WIDE))
    net.settle(make_case(1, treatment="320100", insured="320500"))
    net.close_until("2026-06-10")

    batch = batches(net)[0]
    assert ("320000", "320000", "CONFIRMED") == (batch.payer, batch.payee, batch.state)
    assert [] == sent(net, t.CLEARING_NOTICE)
    ledger = net.nodes["province:320000"].ledger
    assert (1_001, -1_001) == (ledger.balance("city:320500"), ledger.balance("city:320100"))
    assert net.hub.clearing.is_finished


@pytest.mark.parametrize(("account", "payable_fen"), [("spot", 1_001), ("cleared", 1_301)])
def test_account_money(account, payable_fen):
    """Personal-account money is 0 in the row unless the plan clears it."""
    net = Net(plan(account=account))
    net.settle(make_case(1, account_fen=300))
    net.close_until("2026-06-10")

    batch = batches(net)[0]
    assert (payable_fen, payable_fen - 1_001) == (batch.payable_fen, batch.account_fen)
    for address in (HUB, TREATMENT, INSURED):
        left = 0 if account == "cleared" else 300
        assert left == abs(net.nodes[address].ledger.balance("account"))


# ------------------------------------------------------------------ payment


def test_a_failed_payment_is_tried_again():
    """Finance state 9 shows as FAILED, and ends PAID some working days later."""
    failing = ProvincePlan(
        code="340000", payment_failures=(PaymentFailure(payee="310000", times=2),)
    )
    net = Net(plan(), {"340000": failing})
    net.settle(make_case(1))
    net.close_until("2026-05-22")
    assert "FAILED" == batches(net)[0].state
    net.close_until("2026-06-20")

    assert "PAID" == batches(net)[0].state
    statuses = [body.status for _, body in sent(net, t.PAYMENT_FEEDBACK)]
    assert ["failed", "failed", "paid", "received"] == sorted(statuses)


def test_feedback_is_checked():
    """Who may say what of which batch, and with which amount."""
    net = Net(plan())
    net.settle(make_case(1))
    net.close_until("2026-05-02")
    batch = batches(net)[0].batch
    asked = [
        ("province:330000", batch, "paid", 1_001, "E_ROLE"),
        ("province:330000", batch, "received", 1_001, "E_ROLE"),
        ("province:330000", "nothing", "paid", 1_001, "E_BATCH_UNKNOWN"),
    ]
    for sender, name, status, amount_fen, code in asked:
        body = c.PaymentFeedback(
            notice="P", batch=name, status=status, amount_fen=amount_fen, day="2026-05-02"
        )
        assert is_rejection(net.ask(sender, HUB, t.PAYMENT_FEEDBACK, body), code)


@settings(max_examples=25)
@given(
    st.lists(st.tuples(PLACES, st.integers(0, 10**6)), min_size=1, max_size=8),
    st.integers(0, 3),
    st.booleans(),
)
def test_money_is_moved_and_never_made(drawn, times, twice):
    """At every moment the banks and the transfers in flight add up to what was there (INV-04)."""
    failing = (PaymentFailure(payee="310000", times=times),)
    opening = {
        code: ProvincePlan(code=code, bank_fen=10**8, payment_failures=failing)
        for code in ("310000", "320000", "330000", "340000")
    }
    net = Net(plan(**WIDE), opening)
    net.twice = twice
    for number, ((treatment, insured, insutype), fund_fen) in enumerate(drawn):
        net.settle(make_case(number, treatment=treatment, insured=insured,
                             insutype=insutype, fund_fen=fund_fen))  # fmt: skip
    while net.hub.days.day < "2026-07-20":
        net.close_day()
        provinces = [n for a, n in net.nodes.items() if a.startswith("province")]
        banks = sum(province.ledger.balance("bank") for province in provinces)
        flying = sum(
            payment.amount_fen
            for province in provinces
            for payment in province.state.payments.values()
            if payment.status == "sent"
        )
        assert len(provinces) * 10**8 == banks + flying
        assert all(sum(p.state.ledger.balances.values()) == 0 for p in provinces)
    assert net.hub.clearing.is_finished


def test_memory_survives_a_restart():
    """The hub's state in the middle of a clearing is a document that reads back the same."""
    net = Net(plan())
    net.settle(make_case(1))
    net.close_until("2026-05-02")
    raw = net.hub.snapshot()

    assert raw == msgspec.msgpack.encode(msgspec.msgpack.decode(raw, type=type(net.hub.state)))


def test_a_planned_month_that_was_level_too_late_is_cleared_later():
    """March alone is planned, and a region was silent until May: May's calendar clears it."""
    net = Net(plan(periods=("2026-03",)))
    net.settle(make_case(1))
    net.lose = lambda _sender, envelope: envelope.hop == INSURED
    net.close_until("2026-05-02")
    assert not net.hub.days.is_quiet
    net.lose = lambda _sender, _envelope: False
    net.wait(3_600_000_000)
    assert not net.hub.clearing.is_finished
    net.close_until("2026-05-22")

    assert {make_case(1).key} == cleared(net)
    assert "2026-03" == net.hub.cases[make_case(1).key].period


def test_what_is_put_off_keeps_a_run_going_for_two_months():
    """Deferred cases count as open until they have been put off too often."""
    net = Net(plan())
    net.settle(make_case(1))
    net.close_until("2026-04-20")
    net.nodes[INSURED].cases[make_case(1).key].state = REVERSED
    net.close_until("2026-05-22")
    assert not net.hub.clearing.is_finished
    net.close_until("2026-07-22")

    assert net.hub.clearing.is_finished


@pytest.mark.parametrize(
    "refused", [t.CLEARING_DECLARATION, t.CLEARING_DETAIL, t.CLEARING_CLOSE, t.CLEARING_NOTICE]
)
def test_refusals_are_counted(refused):
    """A region or province that does not know a message is counted, and stops nothing else."""
    net = Net(plan())
    net.settle(make_case(1))
    for address, node in net.nodes.items():
        if address != HUB:
            node.requests.pop(refused, None)
    net.close_until("2026-05-22")

    assert net.hub.state.counters[ErrorCode.E_INFNO_UNKNOWN]
    assert {} == net.hub.state.outbox


def test_observed_regions_are_not_asked_to_clear():
    """External nodes are neither asked nor told; the hub clears on its own books."""
    net = Net(plan(observed=(TREATMENT, INSURED)))
    net.settle(make_case(1), ("hub",))
    net.close_until("2026-06-10")

    assert [] == sent(net, t.CLEARING_DETAIL) + sent(net, t.CLEARING_CLOSE)
    assert ["PAID"] == [batch.state for batch in batches(net)]
