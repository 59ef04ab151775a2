"""The province: tables, notices, payments, prefund."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.nodes.agency_harness import Net, is_rejection, make_case, plan
from yidi.nodes.ledger import PostingKind
from yidi.nodes.province import ProvincePlan, table_problem
from yidi.protocol import messages_clearing as c
from yidi.protocol import transactions as t
from yidi.protocol.errors import ErrorCode

ASKER, PAYER, PAYEE = "hub:yrd", "province:340000", "province:310000"
BATCH = "B202603-340000-310000-310"


def line(**fields):
    """One line: Huaibei at Shanghai, 700 fund, 50 back."""
    values = {
        "treatment": "310000", "insured": "340600", "count": 2, "total_fen": 1_000,
        "fund_fen": 700, "account_fen": 0, "adjust_fen": -50,
    }  # fmt: skip
    return c.ClearingLine(**{**values, **fields})


def table(**fields):
    """A table of that line and another city's."""
    values = {
        "batch": BATCH, "period": "2026-03", "payer": "340000", "payee": "310000",
        "insutype": "310", "count": 3, "total_fen": 1_500, "fund_fen": 1_000,
        "funds": [c.FundSum(fund_pay_type="310100", fund_fen=900),
                  c.FundSum(fund_pay_type="330100", fund_fen=100)], "account_fen": 0,
        "adjust_fen": -50, "payable_fen": 950,
        "lines": [line(), line(insured="340100", count=1, total_fen=500, fund_fen=300,
                               adjust_fen=0)],
    }  # fmt: skip
    return c.ClearingTable(**{**values, **fields})


def notice(kind="payment", **fields):
    """A notice of the table."""
    values = {
        "notice": f"{kind[0].upper()}{BATCH[1:]}", "kind": kind, "batch": BATCH,
        "period": "2026-03", "payer": "340000", "payee": "310000", "insutype": "310",
        "amount_fen": 950, "due_day": "2026-05-21", "day": "2026-04-30",
    }  # fmt: skip
    return c.ClearingNotice(**{**values, **fields})


def two(**fields):
    """Both provinces with the table confirmed and the notices taken."""
    plans = {
        "340000": ProvincePlan(code="340000", **fields),
        "310000": ProvincePlan(code="310000", prefunds={"340000": 600}),
    }
    net = Net(plan(), plans)
    for province, kind in ((PAYER, "payment"), (PAYEE, "collection")):
        net.ask(ASKER, province, t.CLEARING_TABLE, table())
        net.ask(ASKER, province, t.CLEARING_NOTICE, notice(kind))
    return net


def day(net, closed):
    """Both provinces hear that the hub has closed a day; what the payer told the hub."""
    told = []
    for province in (PAYEE, PAYER):
        net.ask(ASKER, province, t.DAY_CLOSE, c.DayClose(day=closed))
        told += [
            (body.status, body.amount_fen)
            for _, body in net.outbound
            if isinstance(body, c.PaymentFeedback)
        ]
    return told


def bank(net, province):
    """Balance of a province's finance account."""
    return net.nodes[province].ledger.balance("bank")


# ------------------------------------------------------------------ tables


@pytest.mark.parametrize(
    ("wrong", "fields"),
    [
        ("", {}),
        ("count", {"count": 4}),
        ("total_fen", {"total_fen": 1}),
        ("fund_fen", {"fund_fen": 1}),
        ("account_fen", {"account_fen": 1}),
        ("adjust_fen", {"adjust_fen": 0}),
        ("funds", {"funds": []}),
        ("payable_fen", {"payable_fen": 1_000}),
        ("lines", {"payer": "320000"}),
        ("lines", {"payee": "320000"}),
    ],
)
def test_arithmetic_is_checked(wrong, fields):
    """Every sum follows from the lines, and the lines belong to the two provinces."""
    assert wrong == table_problem(table(**fields))


def test_a_table_is_confirmed_once():
    """The same table gets the same answer, another one under the batch is refused."""
    net = Net(plan())
    first = net.ask(ASKER, PAYER, t.CLEARING_TABLE, table())
    assert BATCH == first.reference
    assert first == net.ask(ASKER, PAYER, t.CLEARING_TABLE, table())
    other = table(period="2026-02")
    assert is_rejection(net.ask(ASKER, PAYER, t.CLEARING_TABLE, other), "E_KEY_REUSED")
    anew = msgspec.structs.replace(other, revision=1)

    assert BATCH == net.ask(ASKER, PAYER, t.CLEARING_TABLE, anew).reference


def test_a_notified_table_is_final():
    """After the notice not even a new revision is taken."""
    net = two()

    answer = net.ask(ASKER, PAYER, t.CLEARING_TABLE, table(revision=1))
    assert is_rejection(answer, "E_KEY_REUSED")


@pytest.mark.parametrize(
    ("sender", "fields", "code"),
    [
        ("province:330000", {}, "E_ROLE"),
        (ASKER, {"payer": "330000", "payee": "320000"}, "E_NOT_MINE"),
        (ASKER, {"payable_fen": 1_000}, "E_CLEARING_MISMATCH"),
    ],
)
def test_tables_that_are_refused(sender, fields, code):
    """From a hub, about this province, with right sums."""
    net = Net(plan())

    assert is_rejection(net.ask(sender, PAYER, t.CLEARING_TABLE, table(**fields)), code)
    assert {} == net.nodes[PAYER].state.tables


# ------------------------------------------------------------------ notices


@pytest.mark.parametrize(
    ("sender", "fields", "code"),
    [
        ("province:330000", {}, "E_ROLE"),
        (ASKER, {"batch": "B"}, "E_BATCH_UNKNOWN"),
        (ASKER, {"kind": "collection"}, "E_NOT_MINE"),
        (ASKER, {"payee": "330000"}, "E_NOT_MINE"),
        (ASKER, {"amount_fen": 949}, "E_CLEARING_MISMATCH"),
    ],
)
def test_notices_that_are_refused(sender, fields, code):
    """A notice says what the confirmed table says."""
    net = Net(plan())
    net.ask(ASKER, PAYER, t.CLEARING_TABLE, table())

    assert is_rejection(net.ask(sender, PAYER, t.CLEARING_NOTICE, notice(**fields)), code)


def test_notices_are_taken_once():
    """The same notice gets the same answer and draws no second time."""
    net = two()
    again = net.ask(ASKER, PAYEE, t.CLEARING_NOTICE, notice("collection"))
    assert notice("collection").notice == again.reference
    other = notice("collection", due_day="2026-06-01")
    assert is_rejection(net.ask(ASKER, PAYEE, t.CLEARING_NOTICE, other), "E_KEY_REUSED")

    draws = [p for p in net.postings[PAYEE] if p.kind == PostingKind.PREFUND]
    assert [(notice("collection").notice, ("prefund:340000", -600))] == [
        (p.key, p.legs[0]) for p in draws
    ]


# ------------------------------------------------------------------ payment


def test_a_payment_runs_its_course():
    """Due: paid and received with a leg per city; reported five working days later."""
    net = two()
    assert [] == day(net, "2026-05-19")
    assert 0 == bank(net, PAYER)
    assert [] == day(net, "2026-05-20")
    assert (-950, 950) == (bank(net, PAYER), bank(net, PAYEE))
    ledger = net.nodes[PAYER].ledger
    assert (650, 300) == (ledger.balance("city:340600"), ledger.balance("city:340100"))
    assert -950 == net.nodes[PAYEE].ledger.balance("city:310000")
    assert [] == day(net, "2026-05-26")

    assert [("received", 950), ("paid", 950)] == day(net, "2026-05-27")
    assert [] == day(net, "2026-05-28")


def test_the_prefund_is_drawn_and_made_good():
    """Drawn as far as it goes by the notice, full again when the money has come (INV-21, 22)."""
    net = two()
    assert 0 == net.nodes[PAYEE].ledger.balance("prefund:340000")
    day(net, "2026-05-20")

    assert 600 == net.nodes[PAYEE].ledger.balance("prefund:340000")


def test_an_account_is_not_overdrawn():
    """Too little money: finance state 9, tried again five working days later, until it is there."""
    net = two(bank_fen=900)
    assert [("failed", 950)] == day(net, "2026-05-20")
    assert [] == day(net, "2026-05-26")
    net.nodes[PAYER].state.ledger.balances["bank"] += 50
    assert [] == day(net, "2026-05-27")

    assert (0, 950) == (bank(net, PAYER), bank(net, PAYEE))


def test_days_may_come_twice_or_late():
    """A repeated or older day close pays nothing again."""
    net = two()
    for closed in ("2026-05-20", "2026-05-20", "2026-05-01"):
        day(net, closed)

    assert (-950, 950) == (bank(net, PAYER), bank(net, PAYEE))
    refused = net.ask("operator:340000", PAYER, t.DAY_CLOSE, c.DayClose(day="2026-05-20"))
    assert is_rejection(refused, "E_ROLE")


def transfer(**fields):
    """The payer's transfer."""
    values = {
        "transfer": "P1", "payer": "340000", "payee": "310000", "purpose": "clearing",
        "reference": BATCH, "insutype": "310", "amount_fen": 950,
    }  # fmt: skip
    return c.FundTransfer(**{**values, **fields})


@pytest.mark.parametrize(
    ("sender", "fields", "code"),
    [
        ("province:330000", {}, "E_ROLE"),
        ("province:330000", {"payer": "330000"}, "E_CLEARING_MISMATCH"),
        ("province:330000", {"payer": "330000", "reference": "B"}, "E_BATCH_UNKNOWN"),
        ("province:330000", {"payer": "330000", "payee": "340000"}, "E_ROLE"),
    ],
)
def test_transfers_that_are_refused(sender, fields, code):
    """Money is taken from who owes it, for what is owed."""
    net = two()

    assert is_rejection(net.ask(sender, PAYEE, t.FUND_TRANSFER, transfer(**fields)), code)
    assert 0 == bank(net, PAYEE)


def test_a_transfer_is_booked_once():
    """The same transfer again gets the same answer; another one under its id is refused."""
    net = two()
    del net.nodes[PAYER]
    first = net.ask(PAYER, PAYEE, t.FUND_TRANSFER, transfer())
    assert first == net.ask(PAYER, PAYEE, t.FUND_TRANSFER, transfer())
    other = net.ask(PAYER, PAYEE, t.FUND_TRANSFER, transfer(insutype="390"))

    assert is_rejection(other, "E_KEY_REUSED")
    assert 950 == bank(net, PAYEE)


def test_a_transfer_faster_than_its_notice_waits():
    """The payee is silent until the hub's notice has come, and the payer sends again."""
    net = Net(plan())
    del net.nodes[PAYER]
    net.ask(ASKER, PAYEE, t.CLEARING_TABLE, table())
    assert net.ask(PAYER, PAYEE, t.FUND_TRANSFER, transfer()) is None
    assert 1 == net.nodes[PAYEE].state.counters[ErrorCode.E_BATCH_UNKNOWN]
    net.ask(ASKER, PAYEE, t.CLEARING_NOTICE, notice("collection"))

    assert "P1" == net.ask(PAYER, PAYEE, t.FUND_TRANSFER, transfer()).reference


def test_refused_money_comes_back():
    """Where the payee refuses the transfer the payer has its money again, and tries later."""
    net = two()
    payee = net.nodes[PAYEE]
    handler = payee.requests[t.FUND_TRANSFER]
    payee.requests[t.FUND_TRANSFER] = lambda envelope, _body, now: payee.refuse(
        envelope, ErrorCode.E_BUSY, now
    )
    net.ask(ASKER, PAYER, t.DAY_CLOSE, c.DayClose(day="2026-05-20"))
    assert 0 == bank(net, PAYER) == net.nodes[PAYER].ledger.balance("city:340600")
    payee.requests[t.FUND_TRANSFER] = handler
    day(net, "2026-05-27")

    assert (-950, 950) == (bank(net, PAYER), bank(net, PAYEE))


# ------------------------------------------------------------------ prefund


def alarm(level="red", **fields):
    """900 of 1,000 used."""
    values = {
        "alarm": "A202603-340000-310000", "level": level, "period": "2026-03",
        "payer": "340000", "payee": "310000", "used_fen": 900, "granted_fen": 1_000,
        "day": "2026-04-21",
    }  # fmt: skip
    return c.PrefundAlarm(**{**values, **fields})


def test_a_red_alarm_starts_a_top_up_at_the_payee_alone():
    """Yellow starts nothing; red makes the payee ask for what halves the usage, once."""
    net = two()
    net.ask(ASKER, PAYEE, t.PREFUND_ALARM, alarm("yellow", alarm="A202602-340000-310000"))
    assert [] == net.nodes[PAYEE].state.notices
    for _ in range(2):
        for province in (PAYER, PAYEE):
            answer = net.ask(ASKER, province, t.PREFUND_ALARM, alarm())
            assert "A202603-340000-310000" == answer.reference
    row = net.nodes[PAYEE].state.notices[0]
    assert (800, "捌元整", "8.00") == (row.amount_fen, row.amount_words, row.amount)
    net.ask(ASKER, PAYER, t.DAY_CLOSE, c.DayClose(day="2026-04-23"))

    assert 800 == net.nodes[PAYEE].ledger.balance("prefund:340000")
    assert (-800, 800) == (bank(net, PAYER), bank(net, PAYEE))
    assert {} == net.nodes[PAYEE].state.top_ups


@pytest.mark.parametrize(
    ("transaction", "body", "code"),
    [
        (t.PREFUND_ALARM, alarm(), "E_ROLE"),
        (t.PREFUND_NOTICE, c.PrefundNotice(notice="N", alarm="A", payer="340000", payee="310000",
                                           amount_fen=1, due_day=""), "E_ROLE"),
        (t.PREFUND_TRANSFER, transfer(), "E_ROLE"),
        (t.PREFUND_TRANSFER, transfer(payer="330000", purpose="prefund"), "E_BATCH_UNKNOWN"),
    ],
)  # fmt: skip
def test_prefund_messages_that_are_refused(transaction, body, code):
    """Alarms come from a hub, notices from the payee, transfers from the payer and as asked."""
    net = two()

    assert is_rejection(net.ask("province:330000", PAYEE, transaction, body), code)
    assert 0 == bank(net, PAYEE)


def test_an_alarm_of_others_is_not_mine():
    """A province that is neither payer nor payee refuses."""
    body = alarm(payer="330000", payee="320000")

    assert is_rejection(two().ask(ASKER, PAYER, t.PREFUND_ALARM, body), "E_NOT_MINE")


@settings(max_examples=30)
@given(st.lists(st.integers(0, 3_000), min_size=1, max_size=4), st.integers(0, 4_000))
def test_the_prefund_never_falls_below_zero(months, granted_fen):
    """Whatever the months cost, the floor holds, and all paid the prefund is the grant."""
    net = Net(plan(prefunds={("340000", "310000"): granted_fen} if granted_fen else {}))
    payee = net.nodes[PAYEE]
    for number, fund_fen in enumerate(months):
        net.settle(make_case(number, net.hub.days.day, fund_fen=fund_fen))
        net.close_until(f"2026-{number + 4:02d}-02")
        assert payee.ledger.balance("prefund:340000") >= 0
    while not net.hub.clearing.is_finished:
        net.close_day()
        assert payee.ledger.balance("prefund:340000") >= 0

    granted = net.hub.state.prefund.granted.get("340000|310000", 0)
    assert granted == payee.ledger.balance("prefund:340000")


def test_memory_survives_a_restart():
    """A province restored from its snapshot pays as the one that went on."""
    net = two()
    raw = net.nodes[PAYER].snapshot()
    state = msgspec.msgpack.decode(raw, type=type(net.nodes[PAYER].state))
    net.nodes[PAYER] = type(net.nodes[PAYER])(ProvincePlan(code="340000"), state)
    day(net, "2026-05-20")

    assert (-950, 950) == (bank(net, PAYER), bank(net, PAYEE))


@pytest.mark.parametrize(
    ("transaction", "body"),
    [
        (t.CLEARING_TABLE, table(period="2026")),
        (t.CLEARING_NOTICE, notice(due_day="soon", notice="P2")),
        (t.DAY_CLOSE, c.DayClose(day="2026-02-30")),
        (t.PREFUND_ALARM, alarm(day="")),
    ],
)
def test_days_are_days(transaction, body):
    """What is no date is refused before anybody counts on from it."""
    net = two()
    net.nodes[PAYER].state.tables.pop(BATCH) if transaction == t.CLEARING_TABLE else None

    assert is_rejection(net.ask(ASKER, PAYER, transaction, body), "E_DATE")


def test_an_alarm_is_recomputed():
    """A level that its numbers do not give is refused."""
    body = alarm(used_fen=899)

    assert is_rejection(two().ask(ASKER, PAYEE, t.PREFUND_ALARM, body), "E_CLEARING_MISMATCH")


def test_a_top_up_notice_is_taken_once():
    """The same notice gets the same answer, one without a day or a hub is refused."""
    net = two()
    del net.nodes[PAYEE]
    values = {"notice": "N", "alarm": "A", "payer": "340000", "payee": "310000", "amount_fen": 1,
              "due_day": "2026-04-24", "hub": ASKER}  # fmt: skip
    body = c.PrefundNotice(**values)
    first = net.ask(PAYEE, PAYER, t.PREFUND_NOTICE, body)
    assert first == net.ask(PAYEE, PAYER, t.PREFUND_NOTICE, body)
    for wrong in ({"due_day": ""}, {"hub": "province:1"}):
        body = c.PrefundNotice(**{**values, "notice": "M", **wrong})
        assert is_rejection(net.ask(PAYEE, PAYER, t.PREFUND_NOTICE, body), "E_DATE")

    assert ["N"] == [
        n for n, p in net.nodes[PAYER].state.payments.items() if p.purpose != "clearing"
    ]
