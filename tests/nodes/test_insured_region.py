"""An insured region asked directly, as its hub would: repeats, reuse, tombstones, differences."""

from __future__ import annotations

import msgspec
import pytest

from tests.nodes import visit_harness as h
from yidi.nodes.claim import YearToDate
from yidi.nodes.insured_region import InsuredRegion
from yidi.protocol import messages as m
from yidi.protocol import transactions as t
from yidi.protocol.bodies import open_body
from yidi.protocol.codec import encode
from yidi.protocol.envelope import Envelope, Link, Origin, Stamp, frame, seal, unframe

KEY = "A3100002603160000000"
STAMP = Stamp("2026-03-16", 1, h.HUB)


def asked(transaction: str, body: object, number: int = 1, key: str = KEY) -> Envelope:
    """A request as the hub relays it; `number` tells message ids apart."""
    origin = Origin(transaction, 0, f"T{number}", "", h.TREATMENT, h.INSURED, key, "310000",
                    "340600", 0, h.START, 0, "")  # fmt: skip
    envelope = seal(h.INSURED, origin, encode(body), STAMP)
    return unframe(frame(envelope, Link(h.HUB, h.INSURED, 1, 0, h.START)))


def tell(region: InsuredRegion, request: Envelope) -> Envelope:
    """Send a request; the one answer."""
    (answer,) = region.handle(request, max(h.START, region.state.now))
    assert (h.HUB, h.TREATMENT) == (answer.hop, answer.origin.recipient)
    return answer


def said(region: InsuredRegion, request: Envelope):
    """Send a request; what the answer says."""
    return open_body(tell(region, request))


def settlement(number: int = 1, key: str = KEY, **changes) -> Envelope:
    """A settlement request, as a treatment region completes it."""
    return asked(t.OUTPATIENT_SETTLEMENT, h.bill(level="3", **changes), number, key)


def reversal(number: int, original: str, transaction: str = t.OUTPATIENT_SETTLEMENT) -> Envelope:
    """A 2601 naming a message by its id."""
    body = m.ReversalRequest(
        person_no=h.PERSON, original_message_id=original, original_transaction=transaction
    )
    return asked(t.REVERSAL, body, number)


def worth(region: InsuredRegion):
    """What a settlement changes: the person's balance and year, and the ledger."""
    person = region.state.persons[h.PERSON]
    balances = {name: fen for name, fen in region.ledger.state.balances.items() if fen}
    years = {year: ytd for year, ytd in person.years.items() if ytd != YearToDate()}
    return person.balance_fen, years, balances


def test_a_settlement_takes_effect_once():
    """The same request, again and under a new message id, gets the same body; money moves once."""
    region = h.insured_region()
    first = tell(region, settlement())
    after = worth(region)

    assert first.body == tell(region, settlement()).body
    assert first.body == tell(region, settlement(number=2)).body
    assert after == worth(region)


def test_a_case_key_with_other_content_is_refused():
    """A key says what it said first: another bill under it is E_KEY_REUSED, and nothing moves."""
    region = h.insured_region()
    tell(region, settlement())
    before = h.memory(region)

    assert "E_KEY_REUSED" == said(region, settlement(number=2, invoice="other")).code
    assert before == h.memory(region)


def test_a_unit_settles_once_whatever_the_key():
    """A second key for a unit that is settled is refused E_ALREADY_SETTLED (INV-10)."""
    region = h.insured_region()
    tell(region, settlement())
    after = worth(region)

    other = KEY[:-1] + "1"
    assert "E_ALREADY_SETTLED" == said(region, settlement(number=2, key=other)).code
    assert after == worth(region)


def test_a_settlement_that_differs_from_what_was_agreed_says_so():
    """Between pre-settlement and settlement the year moved on: the answer tells why."""
    region = h.insured_region()
    pre = said(region, asked(t.OUTPATIENT_PRE_SETTLEMENT, h.bill(level="3"), 1))
    region.state.persons[h.PERSON].years["2026"] = YearToDate(deductible_fen=40_000)
    answer = said(region, settlement(number=2))

    assert (pre.differs, pre.settlement_id) == ("", "")
    assert answer.fund_fen > pre.fund_fen
    assert f"fund {pre.fund_fen} -> {answer.fund_fen} fen" in answer.differs


def test_a_settlement_that_is_as_agreed_says_nothing():
    """Equal to the last answered pre-settlement, `differs` is empty."""
    region = h.insured_region()
    said(region, asked(t.OUTPATIENT_PRE_SETTLEMENT, h.bill(level="3"), 1))

    assert "" == said(region, settlement(number=2)).differs


def test_a_reversal_takes_back_exactly_what_was_done():
    """Balance, year and ledger are as before the settlement; repeated, nothing more happens."""
    region = h.insured_region()
    before = worth(region)
    tell(region, settlement())
    first = tell(region, reversal(2, "T1"))

    assert "reversed" == open_body(first).outcome
    assert first.body == tell(region, reversal(2, "T1")).body
    assert before == worth(region)


def test_an_original_that_comes_after_its_reversal_finds_the_tombstone():
    """The reversal found nothing and said so; the late settlement is E_REVERSED for ever."""
    region = h.insured_region()
    before = worth(region)

    assert "nothing" == said(region, reversal(2, "T1")).outcome
    assert "E_REVERSED" == said(region, settlement(number=1)).code
    assert before == worth(region)
    assert "REVERSED" == region.state.cases[KEY].state


def test_a_cancellation_is_undone_by_its_reversal():
    """2601 of a cancellation that took effect reinstates; the same question, the same answer."""
    region = h.insured_region()
    answer = said(region, settlement())
    settled = worth(region)
    tell(region, asked(t.OUTPATIENT_CANCELLATION, h.cancellation(answer), 2))
    first = tell(region, reversal(3, "T2", t.OUTPATIENT_CANCELLATION))
    again = tell(region, reversal(3, "T2", t.OUTPATIENT_CANCELLATION))

    assert "reinstated" == open_body(first).outcome
    assert first.body == again.body
    assert settled == worth(region)


def test_a_cancellation_reversed_before_it_came_is_refused():
    """It finds a tombstone, and the settlement stands."""
    region = h.insured_region()
    answer = said(region, settlement())
    settled = worth(region)

    assert "nothing" == said(region, reversal(3, "T2", t.OUTPATIENT_CANCELLATION)).outcome
    late = asked(t.OUTPATIENT_CANCELLATION, h.cancellation(answer), 2)
    assert "E_REVERSED" == said(region, late).code
    assert settled == worth(region)


def test_a_reinstatement_never_doubles_a_unit():
    """A unit that was settled again after its cancellation keeps the new settlement alone."""
    region = h.insured_region()
    answer = said(region, settlement())
    tell(region, asked(t.OUTPATIENT_CANCELLATION, h.cancellation(answer), 2))
    tell(region, settlement(number=3, key=KEY[:-1] + "1"))
    after = worth(region)

    refusal = said(region, reversal(4, "T2", t.OUTPATIENT_CANCELLATION))
    assert "E_ALREADY_SETTLED" == refusal.code
    assert after == worth(region)


REFUSALS = {
    "E_PERSON_UNKNOWN": {"person_no": "P9"},
    "E_PERSON_MISMATCH": {"certificate_no": "990000200001010017"},
    "E_NO_POLICY": {"level": "9"},
    "E_CHRONIC_CODE": {"med_type": "14", "disease": "X1"},
    "E_CHRONIC_NOT_REGISTERED": {"med_type": "14", "disease": "M03900"},
}


@pytest.mark.parametrize("code", REFUSALS)
def test_a_refusal_is_for_good_and_moves_nothing(code):
    """The key is used up: asked again, even when the way is free, it is refused the same."""
    region = h.insured_region()
    request = asked(t.OUTPATIENT_SETTLEMENT, h.bill(**{"level": "3", **REFUSALS[code]}))

    assert code == said(region, request).code == said(region, request).code
    assert (50_000, {}, {}) == worth(region)
    assert "REJECTED" == region.state.cases[KEY].state


def test_the_bill_must_be_what_the_lines_come_to():
    """Lines are held here too; a bill of another total is E_TOTAL_MISMATCH."""
    region = h.insured_region()
    line = m.FeeLine(1, "XA", 10_000, 10**9, 100_000, 0, 0, 0, 100_000)
    tell(region, asked(t.OUTPATIENT_FEES, h.upload(lines=[line]), 1))

    assert "E_TOTAL_MISMATCH" == said(region, settlement(number=2, fen=90_000)).code


def test_eligibility_shows_only_filings_to_the_asking_province():
    """What a treatment region may see of a person ends at its own province (domain 2.5)."""
    region = h.insured_region()
    tell(region, h_filing(region, "630100"))
    answer = said(region, asked(t.ELIGIBILITY, m.EligibilityRequest(person_no=h.PERSON), 5))

    assert ["310000"] == [filing.area for filing in answer.filings]


def h_filing(region: InsuredRegion, area: str) -> Envelope:
    """A filing made by the person; the upload to the hub is taken off the answers."""
    origin = Origin(t.FILING, 0, "P1", "", "person:P0001", h.INSURED, "", "", "340600", 0,
                    h.START, 0, "")  # fmt: skip
    envelope = seal(h.INSURED, origin, encode(h.filing(area=area)))
    request = unframe(frame(envelope, Link("person:P0001", h.INSURED, 1, 0, h.START)))
    region.handle(request, h.START)
    return asked(t.ELIGIBILITY, m.EligibilityRequest(person_no=h.PERSON), 4)


@pytest.mark.parametrize(
    ("certificate", "name", "code"),
    [("", "", ""), (h.IDENTITY, "张三", ""), (h.IDENTITY, "李四", "E_PERSON_MISMATCH")],
)
def test_person_and_certificate_belong_together(certificate, name, code):
    """人证一致: number and name are compared where they are given."""
    body = m.EligibilityRequest(person_no=h.PERSON, certificate_no=certificate, name=name)

    assert code == getattr(said(h.insured_region(), asked(t.ELIGIBILITY, body)), "code", "")


def test_a_benefit_check_names_every_hindrance():
    """2001 tells all that stands in the way, not only the first."""
    region = h.insured_region(h.person(status="2", suspended_from="2026-01-01", filings=[]))
    body = m.BenefitCheckRequest(
        person_no=h.PERSON, insutype="310", institution=h.HOSPITAL, med_type="21",
        begin="2026-03-16",
    )  # fmt: skip
    answer = said(region, asked(t.BENEFIT_CHECK, body))

    assert (False, ["E_INSURANCE_SUSPENDED", "E_NO_FILING"]) == (answer.eligible, answer.hindrances)


@pytest.mark.parametrize(
    ("transaction", "body"),
    [
        (t.ELIGIBILITY, m.EligibilityRequest(person_no=h.PERSON)),
        (t.BENEFIT_CHECK, m.BenefitCheckRequest(
            person_no=h.PERSON, insutype="310", institution=h.HOSPITAL, med_type="11",
            begin="2026-03-16")),
    ],
)  # fmt: skip
def test_a_question_repeated_gets_the_answer_it_got(transaction, body):
    """A repeatable is computed once per message id; the id takes no other content."""
    region = h.insured_region()
    first = tell(region, asked(transaction, body))
    region.state.persons[h.PERSON].balance_fen = 1
    region.state.persons[h.PERSON].filings = []
    other = msgspec.structs.replace(body, person_no="P9")

    assert first.body == tell(region, asked(transaction, body)).body
    assert "E_KEY_REUSED" == said(region, asked(transaction, other)).code


def test_a_region_is_the_same_after_a_restart():
    """Restored from its snapshot, it answers the settlement byte for byte as before."""
    region = h.insured_region()
    first = tell(region, settlement())
    again = InsuredRegion(region.config, region.book, h.restored(region))

    assert first.body == tell(again, settlement()).body
    assert worth(region) == worth(again)
