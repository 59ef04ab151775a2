"""The visit desk: opening, lines, discharge, and taking each of them back."""

from __future__ import annotations

import pytest

from tests.nodes import visit_harness as h
from yidi.protocol import messages as m
from yidi.protocol import transactions as t
from yidi.protocol.bodies import open_body
from yidi.protocol.instants import MINUTE


def opening(**changes) -> m.VisitOpening:
    """An admission to the hospital of Shanghai."""
    given = {"visit": "V1", "person_no": h.PERSON, "insured": "340600", "insutype": "310",
             "med_type": "21", "begin": h.START}  # fmt: skip
    return m.VisitOpening(**{**given, **changes})


def change(end: int = 0, **changes) -> m.VisitChange:
    """A change of that visit."""
    return m.VisitChange(**{"visit": "V1", "person_no": h.PERSON, "end": end, **changes})


def admitted() -> h.Net:
    """A net with one person in hospital whose lines have been uploaded."""
    net = h.Net()
    net.ask(t.ADMISSION, opening())
    net.ask(t.INPATIENT_FEES, h.upload(med_type="21", fen=2_000_000))
    return net


def stay_bill() -> m.SettlementRequest:
    """The bill of that stay."""
    return h.bill(med_type="21", fen=2_000_000)


def test_a_stay_settles_after_discharge():
    """Admitted, uploaded, discharged, settled; before discharge it is E_IN_HOSPITAL."""
    net = admitted()
    assert "E_IN_HOSPITAL" == net.ask(t.INPATIENT_SETTLEMENT, stay_bill()).code
    net.ask(t.DISCHARGE, change(h.START))
    answer = net.ask(t.INPATIENT_SETTLEMENT, stay_bill())

    assert isinstance(answer, m.SettlementResult)
    assert ("SETTLED", "SETTLED", "SETTLED") == net.states()


@pytest.mark.parametrize("end", [0, h.START])
def test_everything_at_the_desk_may_be_said_twice(end):
    """Admission, discharge and their undoing are answered alike when they are repeated."""
    net = h.Net()
    for transaction, body in (
        (t.ADMISSION, opening()),
        (t.DISCHARGE, change(end)),
        (t.DISCHARGE_CANCELLATION, change()),
        (t.ADMISSION_CANCELLATION, change()),
    ):
        request = net.request(transaction, body)
        assert m.Accepted(reference="V1") == net.tell(request) == net.tell(request)


@pytest.mark.parametrize("role", ["person", "operator"])
def test_only_the_institution_speaks_for_itself(role):
    """Somebody else under an institution's code opens, ends and cancels no visit of it."""
    net = h.Net()
    other = {"sender": f"{role}:{h.HOSPITAL}"}

    assert "E_INSTITUTION_UNKNOWN" == net.ask(t.ADMISSION, opening(), **other).code
    net.ask(t.ADMISSION, opening())
    assert "E_VISIT_UNKNOWN" == net.ask(t.DISCHARGE, change(h.START), **other).code
    assert "E_VISIT_UNKNOWN" == net.ask(t.ADMISSION_CANCELLATION, change(), **other).code


def test_a_message_id_says_one_thing():
    """E_KEY_REUSED for another content; the same again is answered as before, whatever has come."""
    net = h.Net()
    request = net.request(t.ADMISSION, opening())
    accepted = net.tell(request)
    about = {"message_id": request.origin.message_id}
    assert "E_KEY_REUSED" == net.ask(t.ADMISSION, opening(visit="V2"), **about).code
    net.ask(t.ADMISSION_CANCELLATION, change())

    assert accepted == net.tell(request)


def test_a_visit_with_lines_is_not_undone():
    """E_FEES_UPLOADED: what was billed has to be taken back first."""
    assert "E_FEES_UPLOADED" == admitted().ask(t.ADMISSION_CANCELLATION, change()).code


def test_a_discharge_stands_while_a_settlement_does():
    """E_OUTSTANDING while the stay is settled; after its cancellation the way back is free."""
    net = admitted()
    net.ask(t.DISCHARGE, change(h.START))
    answer = net.ask(t.INPATIENT_SETTLEMENT, stay_bill())
    assert "E_OUTSTANDING" == net.ask(t.DISCHARGE_CANCELLATION, change()).code
    net.ask(t.INPATIENT_CANCELLATION, h.cancellation(answer))

    assert m.Accepted(reference="V1") == net.ask(t.DISCHARGE_CANCELLATION, change())


REFUSALS = [
    (t.ADMISSION, opening(med_type="41"), "E_BUSINESS_NOT_OPENED"),
    (t.ADMISSION, opening(begin=h.START + 1), "E_ALREADY_ADMITTED"),
    (t.DISCHARGE, change(visit="V9"), "E_VISIT_UNKNOWN"),
    (t.DISCHARGE, change(person_no="P9"), "E_PERSON_MISMATCH"),
    (t.INPATIENT_FEES, h.upload(med_type="21", visit="V9"), "E_VISIT_UNKNOWN"),
    (t.INPATIENT_FEES, h.upload(med_type="21", person_no="P9"), "E_PERSON_MISMATCH"),
    (t.INPATIENT_FEES, h.upload(med_type="21", fen=1), "E_KEY_REUSED"),
    (t.INPATIENT_FEES, h.upload(institution="H31010199999"), "E_INSTITUTION_UNKNOWN"),
]


@pytest.mark.parametrize(("transaction", "body", "code"), REFUSALS)
def test_what_the_desk_refuses_leaves_no_trace(transaction, body, code):
    """Each reason has its code, and the region's memory is as it was."""
    net = admitted()
    before = h.memory(net.treatment)

    assert code == net.ask(transaction, body).code
    assert before == h.memory(net.treatment)


def test_no_lines_are_no_upload():
    """An empty list is E_FEES_MISSING."""
    empty = m.FeeUploadRequest(
        institution=h.HOSPITAL, visit="V1", batch="B1", person_no=h.PERSON, insutype="310",
        med_type="11", lines=[],
    )  # fmt: skip

    assert "E_FEES_MISSING" == h.Net().ask(t.OUTPATIENT_FEES, empty).code


def test_an_upload_repeated_adds_nothing():
    """Under the same id or a new one, the same lines are counted once."""
    net = h.Net()
    request = net.request(t.OUTPATIENT_FEES, h.upload())
    first, again = net.tell(request), net.tell(request)
    new = net.ask(t.OUTPATIENT_FEES, h.upload())

    assert first == again
    assert (1, 100_000) == (new.count, new.total_fen) == (first.count, first.total_fen)


def test_a_line_number_that_stands_twice_is_refused():
    """One upload cannot say two things of one line number: E_KEY_REUSED, no trace."""
    net = h.Net()
    lines = [m.FeeLine(1, "XA", 10_000, 1_000_000, 100), m.FeeLine(1, "XA", 10_000, 2_000_000, 200)]
    before = h.memory(net.treatment)

    assert "E_KEY_REUSED" == net.ask(t.OUTPATIENT_FEES, h.upload(lines=lines)).code
    assert before == h.memory(net.treatment)


def test_lines_that_were_not_accepted_come_out_again():
    """When the insured region refuses or stays silent, the unit is as before the upload."""
    net = h.Net()
    answer = net.ask(t.OUTPATIENT_FEES, h.upload(person_no="P9"))
    assert "E_PERSON_UNKNOWN" == answer.code
    net.lose = lambda sender, envelope: sender == h.INSURED
    net.ask(t.OUTPATIENT_FEES, h.upload(visit="V2"))
    net.wait(MINUTE)

    assert "E_TIMEOUT" == open_body(net.answers[-1]).code
    assert {0} == {unit.total_fen for unit in net.treatment.state.units.values()}


def test_the_answer_shows_each_line_split():
    """The institution gets its lines back with their four amounts and their sums."""
    lines = [m.FeeLine(1, "XA", 10_000, 10_000_000, 1_000), m.FeeLine(2, "XB", 10_000, 10_000_000,
             1_000), m.FeeLine(3, "XC", 10_000, 10_000_000, 1_000)]  # fmt: skip
    answer = h.Net().ask(t.OUTPATIENT_FEES, h.upload(lines=lines))
    split = [(x.full_self_fen, x.prepay_fen, x.in_scope_fen, x.grade) for x in answer.lines]

    assert [(0, 0, 1000, "01"), (0, 100, 900, "02"), (1000, 0, 0, "03")] == split
    assert (3, 3000, 1000, 100, 1900) == (
        answer.count, answer.total_fen, answer.full_self_fen, answer.prepay_fen,
        answer.in_scope_fen,
    )  # fmt: skip
