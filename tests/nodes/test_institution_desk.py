"""What an institution says of a visit: diagnoses, corrections, lines taken back, lists."""

from __future__ import annotations

import pytest

from tests.nodes import visit_harness as h
from yidi.protocol import messages as m
from yidi.protocol import messages_institution as i
from yidi.protocol import transactions as t

HYPERTENSION = "M03900"


def diagnosis(**changes) -> i.VisitDiagnosis:
    """2203A: the outpatient visit V1 is one for hypertension."""
    given = {"visit": "V1", "person_no": h.PERSON, "med_type": "14", "begin": h.START,
             "disease": HYPERTENSION,
             "diagnoses": [i.Diagnosis(kind="1", order=1, code="I10.x00")]}  # fmt: skip
    return i.VisitDiagnosis(**{**given, **changes})


def withdrawal(*lines: int, **changes) -> i.FeeWithdrawal:
    """Lines of visit V1 taken back."""
    given = {"institution": h.HOSPITAL, "visit": "V1", "person_no": h.PERSON,
             "batches": ["B1"], "line_nos": list(lines)}  # fmt: skip
    return i.FeeWithdrawal(**{**given, **changes})


def two_lines() -> list[m.FeeLine]:
    """Two lines of 500 yuan each."""
    return [m.FeeLine(n, "XA", 10_000, 500_000_000, 50_000) for n in (1, 2)]


def registered(*persons) -> h.Net:
    """A net with a person registered as an outpatient."""
    net = h.Net(*persons)
    opening = m.VisitOpening(visit="V1", person_no=h.PERSON, insured="340600", insutype="310",
                             med_type="11", begin=h.START)  # fmt: skip
    assert m.Accepted(reference="V1") == net.ask(t.REGISTRATION, opening)
    return net


def admitted() -> h.Net:
    """A net with one person in hospital, lines uploaded."""
    net = h.Net()
    opening = m.VisitOpening(visit="V1", person_no=h.PERSON, insured="340600", insutype="310",
                             med_type="21", begin=h.START)  # fmt: skip
    net.ask(t.ADMISSION, opening)
    net.ask(t.INPATIENT_FEES, h.upload(med_type="21", lines=two_lines()))
    return net


@pytest.mark.parametrize("infno", sorted(t.VISIT_DIAGNOSES))
def test_a_diagnosis_makes_a_visit_a_chronic_one(infno):
    """Lines and settlement that name no kind and no disease are settled as chronic ones."""
    net = registered(h.person(chronic=[HYPERTENSION]))
    net.ask(infno, diagnosis())
    net.ask(t.OUTPATIENT_FEES, h.upload(med_type="", insutype=""))
    answer = net.ask(t.OUTPATIENT_SETTLEMENT, h.bill(med_type="", begin=0, end=0))

    assert isinstance(answer, m.SettlementResult), answer
    assert "14" == answer.med_type == net.case().med_type


def test_a_chronic_disease_nobody_registered_is_refused_at_the_settlement():
    """The insured region looks at what 2203A said."""
    net = registered()
    net.ask(t.VISIT_DIAGNOSIS_A, diagnosis())
    net.ask(t.OUTPATIENT_FEES, h.upload(med_type="", insutype=""))
    answer = net.ask(t.OUTPATIENT_SETTLEMENT, h.bill(med_type="", begin=0, end=0))

    assert "E_CHRONIC_NOT_REGISTERED" == answer.code


TWICE = [i.Diagnosis(kind="1", order=1, code="A"), i.Diagnosis(kind="1", order=1, code="B")]


@pytest.mark.parametrize(
    ("changes", "code", "at"),
    [
        ({"visit": "V9"}, "E_VISIT_UNKNOWN", "$"),
        ({"person_no": "P9"}, "E_PERSON_MISMATCH", "$"),
        ({"med_type": "21"}, "E_CODE", "$.med_type"),
        ({"med_type": "15"}, "E_BUSINESS_NOT_OPENED", "$.med_type"),
        ({"disease": ""}, "E_MISSING_FIELD", "$.disease"),
        ({"diagnoses": TWICE}, "E_CODE", "$.diagnoses"),
    ],
)
def test_a_diagnosis_that_does_not_fit_changes_nothing(changes, code, at):
    """Another visit or person, a kind that is no outpatient visit or not opened, no disease."""
    net = registered()
    before = h.memory(net.treatment)
    answer = net.ask(t.VISIT_DIAGNOSIS_A, diagnosis(**changes))

    assert (code, at) == (answer.code, answer.at)
    assert before == h.memory(net.treatment)


def test_what_is_settled_is_not_diagnosed_anew():
    """E_ALREADY_SETTLED."""
    net = registered()
    h.settled(net)

    assert "E_ALREADY_SETTLED" == net.ask(t.VISIT_DIAGNOSIS_A, diagnosis(med_type="11")).code


def test_lines_taken_back_are_gone_at_both_regions():
    """What is left is settled; the lines may come again with other content."""
    net = registered()
    net.ask(t.OUTPATIENT_FEES, h.upload(lines=two_lines()))
    assert m.Accepted(reference="V1") == net.ask(t.OUTPATIENT_FEE_WITHDRAWAL, withdrawal(2))
    other = [m.FeeLine(2, "XA", 10_000, 300_000_000, 30_000)]
    assert 80_000 == net.ask(t.OUTPATIENT_FEES, h.upload(lines=other)).total_fen
    answer = net.ask(t.OUTPATIENT_SETTLEMENT, h.bill(fen=80_000))

    assert 80_000 == answer.total_fen


def test_no_line_named_means_all_of_them():
    """2302 with 0000: every open batch; then the admission may be undone… by new lines only."""
    net = admitted()
    request = net.request(t.INPATIENT_FEE_WITHDRAWAL, withdrawal(batches=[]))
    assert net.tell(request) == net.tell(request) == m.Accepted(reference="V1")

    assert [0, 0] == [
        unit.count for node in (net.treatment, net.insured) for unit in node.state.units.values()
    ]
    assert "E_FEES_MISSING" == net.ask(t.INPATIENT_FEE_WITHDRAWAL, withdrawal(batches=[])).code


def test_a_withdrawal_nobody_answers_is_simply_repeated():
    """E_TIMEOUT is indefinite; the same message later takes the lines out at both."""
    net = admitted()
    net.lose = lambda sender, envelope: sender == h.INSURED
    request = net.request(t.INPATIENT_FEE_WITHDRAWAL, withdrawal(1))
    assert net.tell(request) is None
    net.wait(60_000_000)
    assert 2 == next(iter(net.treatment.state.units.values())).count
    net.lose = lambda sender, envelope: False

    assert m.Accepted(reference="V1") == net.tell(request)
    assert [1, 1] == [
        unit.count for node in (net.treatment, net.insured) for unit in node.state.units.values()
    ]


@pytest.mark.parametrize(
    ("lines", "changes", "code"),
    [((7,), {}, "E_FEES_MISSING"), ((1,), {"batches": ["B9"]}, "E_FEES_MISSING"),
     ((1,), {"visit": "V9"}, "E_VISIT_UNKNOWN"), ((1,), {"person_no": "P9"}, "E_PERSON_MISMATCH")],
)  # fmt: skip
def test_lines_that_are_not_there_cannot_be_taken_back(lines, changes, code):
    """An unknown line, batch, visit or person."""
    assert code == admitted().ask(t.INPATIENT_FEE_WITHDRAWAL, withdrawal(*lines, **changes)).code


def test_settled_lines_stay():
    """E_ALREADY_SETTLED, by line and by batch."""
    net = registered()
    h.settled(net)
    for lines in ((1,), ()):
        answer = net.ask(t.OUTPATIENT_FEE_WITHDRAWAL, withdrawal(*lines))
        assert "E_ALREADY_SETTLED" == answer.code


def test_a_stay_is_corrected_until_it_is_settled():
    """2403: what is named changes, the rest stays."""
    net = admitted()
    change = i.StayChange(visit="V1", person_no=h.PERSON, med_type="24", diagnosis="K80.2")
    net.ask(t.STAY_CHANGE, change)
    visit = next(iter(net.treatment.state.visits.values()))
    assert ("24", "K80.2", h.START) == (visit.med_type, visit.diagnosis, visit.begin)
    net.ask(t.DISCHARGE, m.VisitChange(visit="V1", person_no=h.PERSON, end=h.START))
    net.ask(t.INPATIENT_SETTLEMENT, h.bill(med_type="24", emergency=True))

    assert "E_ALREADY_SETTLED" == net.ask(t.STAY_CHANGE, change).code


@pytest.mark.parametrize(
    ("changes", "code"),
    [({"med_type": "11"}, "E_CODE"), ({"med_type": "28"}, "E_BUSINESS_NOT_OPENED"),
     ({"visit": "V9"}, "E_VISIT_UNKNOWN")],
)  # fmt: skip
def test_a_stay_is_not_made_something_else(changes, code):
    """No outpatient visit, nothing the hospital has not opened."""
    change = i.StayChange(**{"visit": "V1", "person_no": h.PERSON, **changes})

    assert code == admitted().ask(t.STAY_CHANGE, change).code


def test_who_is_in_hospital_is_known_until_the_discharge():
    """5303 lists stays without an end."""
    net = admitted()
    query = i.StayQuery(person_no=h.PERSON)
    before = net.ask(t.STAY_QUERY, query).stays
    net.ask(t.DISCHARGE, m.VisitChange(visit="V1", person_no=h.PERSON, end=h.START))

    assert [(h.HOSPITAL, "V1", "21")] == [(s.institution, s.visit, s.med_type) for s in before]
    assert [] == net.ask(t.STAY_QUERY, query).stays
    assert [] == net.ask(t.STAY_QUERY, i.StayQuery(person_no="P9")).stays


def test_accumulators_and_chronic_registrations_are_the_insured_regions():
    """5206 after a settlement, 5301."""
    net = registered(h.person(chronic=[HYPERTENSION]))
    answer = h.settled(net)
    years = net.ask(t.ACCUMULATOR_QUERY, i.AccumulatorQuery(person_no=h.PERSON)).years
    none = net.ask(t.ACCUMULATOR_QUERY, i.AccumulatorQuery(person_no=h.PERSON, period="2025-01"))

    assert [("2026", answer.fund_fen)] == [(one.year, one.outpatient_fen) for one in years]
    assert [] == none.years
    found = net.ask(t.CHRONIC_QUERY, i.ChronicQuery(person_no=h.PERSON))
    assert [HYPERTENSION] == found.chronic
    for infno, body in ((t.CHRONIC_QUERY, i.ChronicQuery(person_no="P9")),
                        (t.ACCUMULATOR_QUERY, i.AccumulatorQuery(person_no="P9"))):  # fmt: skip
        assert "E_PERSON_UNKNOWN" == net.ask(infno, body).code


def settlement_list(answer: m.SettlementResult, *mains: bool) -> i.SettlementList:
    """4101A of a settled visit."""
    diagnoses = [
        i.Diagnosis(kind="1", order=n, code=f"K{n}", main=main) for n, main in enumerate(mains, 1)
    ]
    return i.SettlementList(visit="V1", person_no=h.PERSON, settlement_id=answer.settlement_id,
                            case_no="BA1", begin="2026-03-16", end="2026-03-16",
                            diagnoses=diagnoses)  # fmt: skip


def test_a_settlement_list_has_one_main_diagnosis_and_may_be_sent_again():
    """4101A: kept per settlement, replaced until clearing begins."""
    net = registered()
    answer = h.settled(net)
    key = net.case().key
    assert "E_CODE" == net.ask(t.SETTLEMENT_LIST, settlement_list(answer, True, True)).code
    for mains in ((True,), (True, False)):
        accepted = net.ask(t.SETTLEMENT_LIST, settlement_list(answer, *mains))
        assert m.Accepted(reference=key) == accepted
    net.treatment.books.state.applied[key] = "some application"

    again = net.ask(t.SETTLEMENT_LIST, settlement_list(answer, True, False))
    assert m.Accepted(reference=key) == again
    assert "E_CLEARED" == net.ask(t.SETTLEMENT_LIST, settlement_list(answer, True)).code


def test_no_list_without_a_settlement():
    """E_NOT_SETTLED, also once it was cancelled."""
    net = registered()
    answer = h.settled(net)
    net.ask(t.OUTPATIENT_CANCELLATION, h.cancellation(answer))

    assert "E_NOT_SETTLED" == net.ask(t.SETTLEMENT_LIST, settlement_list(answer, True)).code


def test_the_desk_is_part_of_the_snapshot():
    """Written out and read back, nothing is missing."""
    net = registered()
    answer = h.settled(net)
    net.ask(t.SETTLEMENT_LIST, settlement_list(answer, True))
    net.ask(t.FILE_UPLOAD, i.FileUpload(filename="a.zip", content=b"1"))

    assert net.treatment.state.desk == h.restored(net.treatment).desk
