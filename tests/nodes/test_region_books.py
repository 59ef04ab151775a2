"""A region's statements, its checks of a clearing, and the closing of its cases."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.nodes.agency_harness import Net, RegionUnderTest, is_rejection, make_case, plan
from yidi.nodes.ledger import PostingKind
from yidi.nodes.lifecycle import CLEARED, REVERSED, SETTLED
from yidi.nodes.region_books import forget_finished
from yidi.protocol import messages_clearing as c
from yidi.protocol import transactions as t

ASKER = "hub:yrd"
PLACE = {"treatment": "310000", "insured": "340600", "insutype": "310"}
TREATMENT, INSURED = "treatment:310000", "insured:340600"


def net_with(count, **fields):
    """A net whose three nodes have booked so many cases."""
    net = Net(plan())
    for number in range(count):
        net.settle(make_case(number, **fields))
    return net


def detail(net, **fields):
    """A clearing detail of every case the treatment region has."""
    cases = list(net.nodes[TREATMENT].cases.values())
    values = {
        "batch": "B1",
        "period": "2026-03",
        **PLACE,
        "keys": [case.key for case in cases],
        "amounts": [case.fund_fen for case in cases],
        "fund_fen": sum(case.fund_fen for case in cases),
    }
    return c.ClearingDetail(**{**values, **fields})


def close(keys, part=0, parts=1, **fields):
    """A closing message for some keys."""
    values = {"batch": "B1", "period": "2026-03", "keys": keys, "part": part, "parts": parts}
    return c.ClearingClose(**{**values, **PLACE, **fields})


@pytest.mark.parametrize(
    ("transaction", "body"),
    [
        (t.DAILY_STATEMENT, c.DailyStatement(day="2026-03-01", groups=[])),
        (t.DAILY_DETAIL, c.DailyDetail(day="2026-03-01", **PLACE)),
        (t.CLEARING_DECLARATION, c.ClearingDeclaration(period="2026-03")),
        (t.CLEARING_DETAIL, c.ClearingDetail(batch="B", period="2026-03", **PLACE, keys=[],
                                             fund_fen=0)),
        (t.CLEARING_CLOSE, close([])),
    ],
)  # fmt: skip
def test_only_a_hub_may_ask(transaction, body):
    """Agency work is the hub's business: anyone else is refused."""
    assert is_rejection(net_with(1).ask("treatment:320500", TREATMENT, transaction, body), "E_ROLE")


def test_a_statement_is_answered_with_the_own_totals():
    """Whatever the hub says, the region answers with its own books of the day."""
    net = net_with(3)
    answer = net.ask(
        ASKER, TREATMENT, t.DAILY_STATEMENT, c.DailyStatement(day="2026-03-01", groups=[])
    )

    assert [(3, 3_003)] == [(group.count, group.fund_fen) for group in answer.groups]


def test_lines_come_in_pages():
    """More lines than one message holds come page by page, without gap or repeat."""
    net = net_with(c.EFFECTS_MAX + 5)
    keys, after, more = [], "", True
    while more:
        body = c.DailyDetail(day="2026-03-01", **PLACE, after=after)
        page = net.ask(ASKER, TREATMENT, t.DAILY_DETAIL, body)
        keys += [line.key for line in page.lines]
        after, more = f"{page.lines[-1].key} {page.lines[-1].kind}", page.more

    assert sorted(net.nodes[TREATMENT].cases) == keys


def test_each_hub_sees_its_own_books():
    """Where a region books with two hubs, each gets the cases that went through it."""
    region = RegionUnderTest(TREATMENT)
    for number, hub in enumerate((ASKER, "hub:100000", ASKER)):
        case = region.cases[str(number)] = make_case(number, key=str(number), state=SETTLED)
        region.books.note_settled(case, hub)
    net = Net(plan())
    net.nodes[TREATMENT] = region
    answer = net.ask(
        ASKER, TREATMENT, t.DAILY_STATEMENT, c.DailyStatement(day="2026-03-01", groups=[])
    )

    assert [2] == [group.count for group in answer.groups]


def test_a_declaration_sums_what_is_not_cleared():
    """Live cases up to the month's end, earlier months included, in one sum per group."""
    net = net_with(2)
    net.settle(make_case(7, "2026-02-20"))
    net.settle(make_case(8, "2026-04-01"))
    net.undo(make_case(1).key, "2026-03-02")
    answer = net.ask(
        ASKER, TREATMENT, t.CLEARING_DECLARATION, c.ClearingDeclaration(period="2026-03")
    )

    assert [(2, 1_000 + 1_007)] == [(group.count, group.fund_fen) for group in answer.groups]


def test_an_insured_region_declares_nothing():
    """The payer's side has nothing to declare."""
    answer = net_with(1).ask(
        ASKER, INSURED, t.CLEARING_DECLARATION, c.ClearingDeclaration(period="2")
    )

    assert is_rejection(answer, "E_INFNO_UNKNOWN")


@given(st.lists(st.sampled_from(["fine", "amount", "undone", "absent", "late"]), max_size=8))
def test_only_what_stands_so_is_agreed(fates):
    """A detail refuses exactly the keys that are not here as live with that amount and month."""
    net = net_with(len(fates))
    asked = detail(net)
    for case, fate in zip(list(net.nodes[TREATMENT].cases.values()), fates, strict=True):
        if fate == "amount":
            case.fund_fen += 1
        elif fate == "undone":
            case.state = REVERSED
        elif fate == "late":
            case.day = "2026-04-01"
        elif fate == "absent":
            del net.nodes[TREATMENT].cases[case.key]
    answer = net.ask(ASKER, TREATMENT, t.CLEARING_DETAIL, asked)

    refused = [key for key, fate in zip(asked.keys, fates, strict=True) if fate != "fine"]
    assert refused == answer.refused
    held = [key for key in asked.keys if net.nodes[TREATMENT].books.holds(key)]
    assert [key for key in asked.keys if key not in refused] == held


def test_amounts_and_keys_go_together():
    """A detail whose amounts are not as many as its keys is refused."""
    net = net_with(2)

    assert is_rejection(
        net.ask(ASKER, TREATMENT, t.CLEARING_DETAIL, detail(net, amounts=[1])), "E_TOO_MANY_ITEMS"
    )


def test_closing_clears_and_posts_once():
    """All parts in any order, each perhaps twice: every case CLEARED, one CLEAR posting."""
    net = net_with(4)
    region = net.nodes[TREATMENT]
    net.ask(ASKER, TREATMENT, t.CLEARING_DETAIL, detail(net))
    keys = list(region.cases)
    for part in (1, 0, 1, 0):
        body = close(keys[2 * part : 2 * part + 2], part, 2)
        answer = net.ask(ASKER, TREATMENT, t.CLEARING_CLOSE, body)
        assert "B1" == answer.reference

    assert {CLEARED} == {case.state for case in region.cases.values()}
    posted = [p for p in net.postings[TREATMENT] if p.kind == PostingKind.CLEAR]
    assert [("B1", 0)] == [(p.key, sum(fen for _, fen in p.legs)) for p in posted]
    assert 0 == region.ledger.balance("fund:310100")
    assert not any(region.books.holds(key) for key in keys)


def test_what_was_held_in_vain_is_free_after_closing():
    """A key the batch left out may be cancelled again once the batch is closed."""
    net = net_with(2)
    net.ask(ASKER, TREATMENT, t.CLEARING_DETAIL, detail(net))
    kept, left = net.nodes[TREATMENT].cases
    net.ask(ASKER, TREATMENT, t.CLEARING_CLOSE, close([kept]))

    assert not net.nodes[TREATMENT].books.holds(left)
    assert SETTLED == net.nodes[TREATMENT].cases[left].state


def test_an_insured_region_holds_nothing():
    """Undoing starts at the treatment region, so it is enough that that one holds."""
    net = net_with(1)
    net.ask(ASKER, INSURED, t.CLEARING_DETAIL, detail(net))

    assert {} == net.nodes[INSURED].state.books.held


def test_the_same_part_with_other_keys_is_refused():
    """A part number is used once."""
    net = net_with(2)
    first, second = net.nodes[TREATMENT].cases
    net.ask(ASKER, TREATMENT, t.CLEARING_CLOSE, close([first], 0, 2))

    assert is_rejection(
        net.ask(ASKER, TREATMENT, t.CLEARING_CLOSE, close([second], 0, 2)), "E_KEY_REUSED"
    )
    assert SETTLED == net.nodes[TREATMENT].cases[second].state


def test_closing_what_does_not_stand_changes_nothing():
    """One key that is not SETTLED here, and the whole message is refused."""
    net = net_with(1)
    key = next(iter(net.nodes[TREATMENT].cases))
    before = msgspec.msgpack.encode(net.nodes[TREATMENT].state.cases)
    answer = net.ask(ASKER, TREATMENT, t.CLEARING_CLOSE, close([key, "nobody"]))

    assert is_rejection(answer, "E_CLEARING_MISMATCH")
    assert before == msgspec.msgpack.encode(net.nodes[TREATMENT].state.cases)


def test_account_money_is_cleared_where_the_message_says_so():
    """The account's leg is there when its money is cleared, and the posting still sums to 0."""
    net = net_with(1, account_fen=30)
    key = next(iter(net.nodes[INSURED].cases))
    net.ask(ASKER, INSURED, t.CLEARING_CLOSE, close([key], account_fen=30))

    assert 0 == net.nodes[INSURED].ledger.balance("account")
    assert -1_030 == net.nodes[INSURED].ledger.balance("cleared:310000:310")


def test_days_without_open_cases_are_forgotten():
    """Memory does not grow with months long cleared."""
    net = net_with(2)
    net.undo(make_case(1).key, "2026-03-05")
    index = net.nodes[TREATMENT].state.books.days[""]
    forget_finished(index, net.nodes[TREATMENT].cases, "2026-04")
    assert ["2026-03-01"] == list(index.settled)
    for case in net.nodes[TREATMENT].cases.values():
        case.state = CLEARED
    forget_finished(index, net.nodes[TREATMENT].cases, "2026-04")

    assert ({}, {}) == (index.settled, index.undone)


@pytest.mark.parametrize(
    ("transaction", "body"),
    [
        (t.CLEARING_DECLARATION, c.ClearingDeclaration(period="2026-3")),
        (t.CLEARING_DETAIL, c.ClearingDetail(batch="B", period="x", **PLACE, keys=[], fund_fen=0)),
        (t.CLEARING_CLOSE, close([], period="2026-13")),
    ],
)
def test_a_month_is_a_month(transaction, body):
    """What is no `YYYY-MM` is refused."""
    assert is_rejection(net_with(0).ask(ASKER, TREATMENT, transaction, body), "E_DATE")
