"""3203, 3204 and 3260 to 3262: what an institution says about the clearing of its settlements."""

from __future__ import annotations

import pytest

from tests.nodes import visit_harness as h
from yidi.protocol import messages as m
from yidi.protocol import messages_institution as i
from yidi.protocol import transactions as t
from yidi.protocol.bodies import open_body
from yidi.protocol.envelope import Link, frame, unframe
from yidi.protocol.messages_clearing import ClearingDetail

MONTH = "2026-03"
HUB = {"sender": h.HUB, "recipient": h.TREATMENT}


def application(answer: m.SettlementResult, **changes) -> i.ClearingApplication:
    """3203 of a month with one settlement."""
    given = {"clr_type": "11", "period": MONTH, "begin": "2026-03-01", "end": "2026-03-31",
             "persons": 1, "total_fen": answer.total_fen, "accepted_fen": answer.in_scope_fen,
             "fund_fen": answer.fund_fen, "cash_fen": answer.cash_fen,
             "account_fen": answer.account_fen}  # fmt: skip
    return i.ClearingApplication(**{**given, **changes})


def checked(net: h.Net, period: str = MONTH):
    """What the region tells the hub that asks about its newest case."""
    case = net.case()
    body = ClearingDetail(batch="B1", period=period, treatment="310000", insured="340600",
                          insutype="310", keys=[case.key], fund_fen=case.fund_fen)  # fmt: skip
    request = net.request(t.CLEARING_DETAIL, body, **HUB)
    arrived = unframe(frame(request, Link(h.HUB, h.TREATMENT, 1, 0, net.now)))
    return open_body(net.treatment.handle(arrived, net.now)[0])


def test_an_application_holds_its_settlements_until_it_is_withdrawn():
    """E_CLEARED for a cancellation; after 3204 the cancellation goes through."""
    net = h.Net()
    answer = h.settled(net)
    accepted = net.ask(t.CLEARING_APPLICATION, application(answer))
    assert "E_CLEARED" == net.ask(t.OUTPATIENT_CANCELLATION, h.cancellation(answer)).code
    withdrawal = i.ClearingApplicationWithdrawal(application=accepted.reference)
    for _ in range(2):
        assert accepted == net.ask(t.CLEARING_APPLICATION_WITHDRAWAL, withdrawal)

    undone = net.ask(t.OUTPATIENT_CANCELLATION, h.cancellation(answer))
    assert isinstance(undone, m.CancellationResult)


def test_the_same_application_is_one_and_another_is_refused():
    """By institution, kind and month; after a withdrawal it is a new one."""
    net = h.Net()
    answer = h.settled(net)
    first = net.ask(t.CLEARING_APPLICATION, application(answer))

    assert first == net.ask(t.CLEARING_APPLICATION, application(answer))
    other = application(answer, end="2026-03-30")
    assert "E_KEY_REUSED" == net.ask(t.CLEARING_APPLICATION, other).code
    withdrawal = i.ClearingApplicationWithdrawal(application=first.reference)
    net.ask(t.CLEARING_APPLICATION_WITHDRAWAL, withdrawal)
    assert first != net.ask(t.CLEARING_APPLICATION, application(answer))


@pytest.mark.parametrize(
    ("changes", "code", "at"),
    [
        ({"persons": 2}, "E_CLEARING_MISMATCH", "$.persons"),
        ({"fund_fen": 1}, "E_CLEARING_MISMATCH", "$.fund_fen"),
        ({"accepted_fen": 1}, "E_CLEARING_MISMATCH", "$.accepted_fen"),
        ({"clr_type": "21"}, "E_CLEARING_MISMATCH", "$.persons"),
        ({"clr_type": "7"}, "E_CODE", "$.clr_type"),
        ({"office": "340600"}, "E_NOT_MINE", "$.office"),
        ({"begin": "2026-02-28"}, "E_DATE", "$.end"),
        ({"period": "2026-13"}, "E_DATE", "$.end"),
    ],
)
def test_an_application_that_is_not_the_books_changes_nothing(changes, code, at):
    """The first number that differs is named; the settlement may still be cancelled."""
    net = h.Net()
    answer = h.settled(net)
    refused = net.ask(t.CLEARING_APPLICATION, application(answer, **changes))

    assert (code, at) == (refused.code, refused.at)
    assert not net.treatment.books.holds(net.case().key)


def test_nothing_is_applied_for_while_a_settlement_is_in_doubt():
    """E_OUTSTANDING: a cancellation is under way."""
    net = h.Net()
    answer = h.settled(net)
    net.lose = lambda sender, envelope: sender == h.INSURED
    net.ask(t.OUTPATIENT_CANCELLATION, h.cancellation(answer))

    assert "E_OUTSTANDING" == net.ask(t.CLEARING_APPLICATION, application(answer)).code


def test_what_clearing_has_taken_is_not_withdrawn():
    """E_CLEARED once the region has agreed with the hub; another's application is unknown."""
    net = h.Net()
    accepted = net.ask(t.CLEARING_APPLICATION, application(h.settled(net)))
    withdrawal = i.ClearingApplicationWithdrawal(application=accepted.reference)
    stranger = {"sender": "institution:H31010100002"}
    assert "E_NOT_FOUND" == net.ask(t.CLEARING_APPLICATION_WITHDRAWAL, withdrawal, **stranger).code
    assert [] == checked(net).refused

    assert "E_CLEARED" == net.ask(t.CLEARING_APPLICATION_WITHDRAWAL, withdrawal).code


def confirmation(row: i.ClearingAllocationRow, **changes) -> i.ClearingAllocationConfirmation:
    """3261 that puts a row off."""
    told = {name: getattr(row, name) for name in row.__struct_fields__}
    rows = [i.ClearingAllocationRow(**{**told, "included": False, **changes})]
    return i.ClearingAllocationConfirmation(period=MONTH, reference="R1", rows=rows)


def page(net: h.Net, start: int = 1) -> list[i.ClearingAllocationRow]:
    """A page of 3260."""
    query = i.ClearingAllocationQuery(period=MONTH, start=start)
    return net.ask(t.ALLOCATION_QUERY, query).rows


def test_what_is_put_off_is_refused_to_the_hub_this_month_and_not_the_next():
    """3261 with flag 0; the hub defers the key."""
    net = h.Net()
    h.settled(net)
    (row,) = page(net)
    assert (net.case().key, "2026-03-16", True) == (row.key, row.day, row.included)
    net.ask(t.ALLOCATION_CONFIRMATION, confirmation(row))

    assert [row.key] == checked(net).refused
    assert not page(net)[0].included
    assert [] == checked(net, "2026-04").refused


@pytest.mark.parametrize("reference", ["R1", "0"])
def test_a_confirmation_is_rolled_back_by_its_reference_or_with_the_month(reference):
    """3262; what was put off belongs to the month again."""
    net = h.Net()
    h.settled(net)
    net.ask(t.ALLOCATION_CONFIRMATION, confirmation(page(net)[0]))
    rollback = i.ClearingAllocationRollback(period=MONTH, reference=reference)
    assert m.Accepted(reference=reference) == net.ask(t.ALLOCATION_ROLLBACK, rollback)

    assert [] == checked(net).refused
    unknown = i.ClearingAllocationRollback(period=MONTH, reference="R9")
    assert "E_NOT_FOUND" == net.ask(t.ALLOCATION_ROLLBACK, unknown).code


def test_a_row_confirmed_again_as_included_is_included():
    """The last word counts."""
    net = h.Net()
    h.settled(net)
    row = page(net)[0]
    net.ask(t.ALLOCATION_CONFIRMATION, confirmation(row))
    net.ask(t.ALLOCATION_CONFIRMATION, confirmation(row, included=True))

    assert [] == checked(net).refused


@pytest.mark.parametrize(
    ("changes", "code", "at"),
    [({"key": "A1"}, "E_NOT_FOUND", "$.rows[0].key"),
     ({"fund_fen": 1}, "E_CLEARING_MISMATCH", "$.rows[0].fund_fen")],
)  # fmt: skip
def test_a_row_that_does_not_stand_so_is_refused(changes, code, at):
    """Nothing of that confirmation takes effect."""
    net = h.Net()
    h.settled(net)
    answer = net.ask(t.ALLOCATION_CONFIRMATION, confirmation(page(net)[0], **changes))

    assert (code, at) == (answer.code, answer.at)
    assert {} == net.treatment.books.state.put_off


def test_what_clearing_holds_is_confirmed_no_more():
    """E_CLEARED, and E_NOT_SETTLED for what was cancelled."""
    for code in ("E_CLEARED", "E_NOT_SETTLED"):
        net = h.Net()
        answer = h.settled(net)
        row = page(net)[0]
        if code == "E_CLEARED":
            checked(net)
        else:
            net.ask(t.OUTPATIENT_CANCELLATION, h.cancellation(answer))
        assert code == net.ask(t.ALLOCATION_CONFIRMATION, confirmation(row)).code


def test_pages_begin_where_they_are_told_to():
    """Beyond the last row a page is empty; a month that is none is E_DATE."""
    net = h.Net()
    h.settled(net)
    bad = i.ClearingAllocationQuery(period="2026-00", start=1)

    assert [] == page(net, 2)
    assert "E_DATE" == net.ask(t.ALLOCATION_QUERY, bad).code
