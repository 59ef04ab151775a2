"""Remote filing: what is valid when, what it covers, and how it gets to the hub's library."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.nodes import visit_harness as h
from tests.nodes.benefit_cases import BOOK
from yidi.nodes.filing import (
    LONG_STAY_KINDS,
    Attendance,
    Filing,
    counting,
    covers,
    end_of_validity,
)
from yidi.protocol import messages as m
from yidi.protocol import transactions as t
from yidi.protocol.bodies import open_body

DAYS = st.dates(date(2020, 1, 1), date(2030, 12, 31)).map(str)
CATEGORIES = st.sampled_from(["resettled", "long_stay", "posted", "referral", "other_temporary"])
FILINGS = st.builds(
    Filing, filing_id=st.just("F"), insutype=st.sampled_from(["310", "390"]), category=CATEGORIES,
    area=st.sampled_from(["310000", "630100"]), valid_from=DAYS, valid_to=st.just("") | DAYS,
    status=st.sampled_from(["effective", "effective", "submitted", "refused"]),
)  # fmt: skip


def stay(first: str, last: str, med_type: str = "21", *, emergency: bool = False) -> Attendance:
    """A visit of a Huaibei employee in Shanghai."""
    return Attendance("340600", "310000", "310", med_type, emergency, first, last)


@given(st.lists(FILINGS, max_size=4), DAYS, st.integers(0, 40))
def test_what_counts_is_valid_and_covers(filings, first, length):
    """A category counts only if a filing of it is effective, covers the place and the time."""
    last = date.fromordinal(date.fromisoformat(first).toordinal() + length).isoformat()
    found, _ = counting(filings, BOOK, stay(first, last))
    good = [
        f.category
        for f in filings
        if f.status == "effective" and f.insutype == "310" and f.area == "310000"
        and f.valid_from <= last and (not f.valid_to or f.valid_to >= first)
    ]  # fmt: skip

    assert found in good if good else found == "none"


@given(st.permutations(["resettled", "posted", "referral", "other_temporary"]))
def test_of_several_filings_the_kindest_counts(kinds):
    """Whatever the order they were filed in, the one that cuts least decides."""
    filings = [
        Filing(filing_id=k, insutype="310", category=k, area="310000", valid_from="2026-01-01",
               valid_to="", status="effective")
        for k in kinds
    ]  # fmt: skip

    assert "resettled" == counting(filings, BOOK, stay("2026-03-01", "2026-03-09"))[0]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"status": "submitted"}, "E_NO_FILING"),
        ({"status": "refused"}, "E_FILING_REFUSED"),
        ({"area": "630100"}, "E_FILING_AREA"),
        ({"valid_to": "2026-02-28"}, "E_FILING_EXPIRED"),
        ({"valid_from": "2026-03-10"}, "E_FILING_EXPIRED"),
        ({"withdrawn_from": "2026-03-01"}, "E_NO_FILING"),
        ({"insutype": "390"}, "E_NO_FILING"),
    ],
)
def test_why_a_filing_does_not_count(changes, why):
    """Each way of not counting has its code."""
    whole = {"filing_id": "F", "insutype": "310", "category": "posted", "area": "310000",
             "valid_from": "2026-01-01", "valid_to": "", "status": "effective"}  # fmt: skip
    filing = Filing(**{**whole, **changes})

    assert ("none", why) == counting([filing], BOOK, stay("2026-03-01", "2026-03-09"))


def test_filed_before_discharge_counts_from_admission():
    """A filing made on the last day of a stay counts for all of it, but for no earlier stay."""
    late = Filing(filing_id="F", insutype="310", category="posted", area="310000",
                  valid_from="2026-03-09", valid_to="", status="effective")  # fmt: skip

    assert "posted" == counting([late], BOOK, stay("2026-03-01", "2026-03-09"))[0]
    assert "none" == counting([late], BOOK, stay("2026-03-01", "2026-03-08"))[0]


def test_an_emergency_is_deemed_filed():
    """Without a filing it counts as an emergency; a long-stay filing stays what it is."""
    posted = h.person().filings[0]

    assert "emergency" == counting([], BOOK, stay("2026-03-01", "2026-03-02", emergency=True))[0]
    both = counting([posted], BOOK, stay("2026-03-01", "2026-03-02", emergency=True))
    assert "long_stay" == both[0]


@pytest.mark.parametrize(
    ("area", "treatment", "covered"),
    [
        ("310000", "310000", True),
        ("310000", "310100", True),
        ("630100", "630100", True),
        ("630100", "630200", False),
        ("653100", "653122", True),
        ("653122", "653100", False),
        ("340600", "341300", False),
    ],
)
def test_a_filing_names_a_place_as_a_whole(area, treatment, covered):
    """A city covers its counties, a municipality all of itself, and nothing covers more."""
    assert covered is covers(area, treatment)


@given(CATEGORIES, DAYS)
def test_temporary_filings_end_after_six_months(category, start):
    """Long-stay kinds have no end; others end within half a year, on a day that exists."""
    end = end_of_validity(category, start, "")
    if category in LONG_STAY_KINDS:
        assert end == ""
        return
    first, last = date.fromisoformat(start), date.fromisoformat(end)
    assert 6 == (last.year - first.year) * 12 + last.month - first.month
    assert "2099-01-01" == end_of_validity(category, start, "2099-01-01")


# --- The desk -----------------------------------------------------------------------------------


def test_a_commitment_is_effective_at_once_and_known_to_the_hub():
    """承诺制: approved when filed; the hub shows a treatment region what names its place."""
    net = h.Net(h.person(filings=[]))
    answer = net.ask(t.FILING, h.filing(category="referral"), **h.FROM_PERSON)
    query = m.FilingQuery(person_no=h.PERSON, insured="340600")
    net.ask(t.FILING_QUERY, query, sender=h.TREATMENT, recipient=h.HUB)
    seen = open_body(net.passed[-1])

    assert ("effective", "2026-09-16") == (answer.status, answer.valid_to)
    assert {} == net.insured.outbox.pending
    assert [answer.filing_id] == [view.filing_id for view in seen.filings]


def test_an_operator_decides_what_was_submitted():
    """Without a commitment an operator of this region approves or refuses, once."""
    net = h.Net(h.person(filings=[]))
    filed = net.ask(t.FILING, h.filing(commitment=False), **h.FROM_PERSON)
    decision = m.FilingDecision(filing_id=filed.filing_id, approve=True)
    other = m.FilingDecision(filing_id=filed.filing_id, approve=False)

    assert "submitted" == filed.status
    assert "E_ROLE" == net.ask(t.FILING_DECISION, decision, **h.FROM_PERSON).code
    assert "effective" == net.ask(t.FILING_DECISION, decision, **h.FROM_OPERATOR).status
    assert "effective" == net.ask(t.FILING_DECISION, decision, **h.FROM_OPERATOR).status
    assert "E_KEY_REUSED" == net.ask(t.FILING_DECISION, other, **h.FROM_OPERATOR).code


REFUSALS = {
    "E_PERSON_UNKNOWN": {"person_no": "P9"},
    "E_CODE": {"category": "emergency"},
    "E_REGION": {"area": "990000"},
    "E_DATE": {"valid_from": "2026-03-16", "valid_to": "2026-03-15"},
    "E_FILING_NOT_NEEDED": {"area": "340600"},
}


@pytest.mark.parametrize("code", REFUSALS)
def test_a_filing_that_is_refused_leaves_nothing(code):
    """Each reason has its code; the person has no filing more than before."""
    net = h.Net()
    before = h.memory(net.insured)

    assert code == net.ask(t.FILING, h.filing(**REFUSALS[code]), **h.FROM_PERSON).code
    assert before == h.memory(net.insured)


def test_a_filing_repeated_is_one_filing():
    """The same message again gets the same filing id, and the person has one filing more."""
    net = h.Net(h.person(filings=[]))
    request = net.request(t.FILING, h.filing(), **h.FROM_PERSON)

    assert net.tell(request) == net.tell(request)
    assert 1 == len(net.insured.state.persons[h.PERSON].filings)


def test_a_withdrawn_filing_counts_no_more():
    """From the day it is taken back it opens nothing; another person cannot take it back."""
    net = h.Net()
    net.insured.state.filing_owners["F1"] = h.PERSON
    body = m.FilingWithdrawal(person_no=h.PERSON, filing_id="F1", from_day="2026-03-16")
    foreign = m.FilingWithdrawal(person_no="P2", filing_id="F1", from_day="2026-03-16")

    assert "E_NO_FILING" == net.ask(t.FILING_WITHDRAWAL, foreign, **h.FROM_PERSON).code
    assert "F1" == net.ask(t.FILING_WITHDRAWAL, body, **h.FROM_PERSON).filing_id
    filings = net.insured.state.persons[h.PERSON].filings
    assert "none" == counting(filings, BOOK, stay("2026-03-16", "2026-03-16"))[0]
    assert "long_stay" == counting(filings, BOOK, stay("2026-03-15", "2026-03-15"))[0]


def test_an_upload_is_resent_until_the_hub_has_it():
    """While the hub is away the upload waits; then the library is current."""
    net = h.Net(h.person(filings=[]))
    net.lose = lambda sender, envelope: envelope.hop == h.HUB
    net.ask(t.FILING, h.filing(), **h.FROM_PERSON)
    net.wait(600_000_000)
    assert 1 == len(net.insured.outbox.pending)
    net.lose = lambda sender, envelope: False
    net.wait(600_000_000)

    assert {} == net.insured.outbox.pending
    assert 1 == len(net.hub.state.filings)
