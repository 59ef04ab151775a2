"""One settlement told from the counter to the books, and the ways it can go otherwise."""

from __future__ import annotations

from tests.town import HOSPITAL, PATIENT, Town, line
from yidi.nodes.lifecycle import CaseState
from yidi.protocol import messages as m
from yidi.protocol import transactions as t


def settled(town: Town) -> m.SettlementResult:
    """Fees, pre-settlement and settlement of a 2,000 yuan visit."""
    town.ask(t.OUTPATIENT_FEES, town.fees(line(1, "CONSULT", 1, 200_000)))
    town.ask(t.OUTPATIENT_PRE_SETTLEMENT, town.bill(200_000))
    result = town.answer(t.OUTPATIENT_SETTLEMENT, town.bill(200_000))
    assert isinstance(result, m.SettlementResult)
    return result


def states(town: Town) -> list[CaseState]:
    """The newest case's state at treatment region, hub and insured region."""
    nodes = (town.treatment, town.hub, town.insured)
    return [list(node.state.cases.values())[-1].state for node in nodes]


def test_a_visit_from_the_counter_to_the_books() -> None:
    """A Huaibei employee pays only their own share in Shanghai, and three books agree."""
    town = Town()
    person = town.answer(t.ELIGIBILITY, m.EligibilityRequest(person_no=PATIENT))
    assert isinstance(person, m.EligibilityResult)
    fees = town.answer(
        t.OUTPATIENT_FEES, town.fees(line(1, "CONSULT", 1, 120_000), line(2, "SCAN", 2, 40_000))
    )
    assert isinstance(fees, m.FeeUploadResult)
    # The scan costs 400.00, the ceiling is 300.00, and a tenth of that is paid first.
    assert [(x.over_limit_fen, x.prepay_fen) for x in fees.lines] == [(0, 0), (20_000, 6_000)]
    agreed = town.answer(t.OUTPATIENT_PRE_SETTLEMENT, town.bill(200_000))
    paid = town.answer(t.OUTPATIENT_SETTLEMENT, town.bill(200_000))
    assert isinstance(agreed, m.SettlementResult)
    assert isinstance(paid, m.SettlementResult)
    # (2,000 - 200 - 60 - 400 deductible) x 55 %, and no cut where no filing is needed.
    assert (paid.fund_fen, paid.cash_fen, paid.filing) == (73_700, 126_300, "not_required")
    assert paid.differs == ""
    assert states(town) == ["SETTLED"] * 3
    days = {list(n.state.cases.values())[-1].day for n in (town.treatment, town.hub, town.insured)}
    assert days == {"2026-03-02"}
    assert all(sum(n.ledger.state.balances.values()) == 0 for n in town.nodes.values())


def test_a_repeated_settlement_gets_the_first_answers_bytes() -> None:
    """The same message again takes no second effect and gets the same body."""
    town = Town()
    town.ask(t.OUTPATIENT_FEES, town.fees(line(1, "CONSULT", 1, 200_000)))
    request, message_id = town.bill(200_000), f"{HOSPITAL}202603021200009999"
    (first,) = town.ask(t.OUTPATIENT_SETTLEMENT, request, message_id=message_id)
    (again,) = town.ask(t.OUTPATIENT_SETTLEMENT, request, message_id=message_id)
    assert first.body == again.body
    assert town.insured.ledger.state.seq == 1
    other = town.answer(t.OUTPATIENT_SETTLEMENT, town.bill(200_000, invoice="X"),
                        message_id=message_id)  # fmt: skip
    assert isinstance(other, m.Rejection)
    assert other.code == "E_KEY_REUSED"


def test_a_lost_answer_is_an_unknown_and_the_query_settles_it() -> None:
    """No answer in time is told as unknown; 5203 finds that it took effect."""
    town = Town()
    town.ask(t.OUTPATIENT_FEES, town.fees(line(1, "CONSULT", 1, 200_000)))
    town.lost.add((t.OUTPATIENT_SETTLEMENT, 1, "treatment:310000"))
    assert town.ask(t.OUTPATIENT_SETTLEMENT, town.bill(200_000)) == []
    assert states(town) == ["INDOUBT", "SETTLED", "SETTLED"]
    (told,) = town.wait(30)
    assert told.origin.kind == 2
    assert states(town) == ["SETTLED"] * 3


def test_a_reversal_undoes_what_nobody_heard_of() -> None:
    """With the query's answers lost too, a reversal is sent until it is answered."""
    town = Town()
    town.ask(t.OUTPATIENT_FEES, town.fees(line(1, "CONSULT", 1, 200_000)))
    for transaction in (t.OUTPATIENT_SETTLEMENT, t.STATUS_QUERY):
        town.lost.add((transaction, 1, "treatment:310000"))
    town.ask(t.OUTPATIENT_SETTLEMENT, town.bill(200_000))
    town.wait(120)
    assert states(town) == ["REVERSED"] * 3
    assert town.insured.ledger.state.seq == 2
    assert town.treatment.ledger.state.seq == 0
    assert set(town.insured.ledger.state.balances.values()) == {0}


def test_a_tombstone_stops_a_late_original() -> None:
    """A reversal that comes first leaves a tombstone; the late settlement is refused."""
    town = Town()
    town.ask(t.OUTPATIENT_FEES, town.fees(line(1, "CONSULT", 1, 200_000)))
    town.lost = {(t.OUTPATIENT_SETTLEMENT, 0, "insured:340600")}
    town.ask(t.OUTPATIENT_SETTLEMENT, town.bill(200_000))
    late = next(e for e in town.said if e.origin.transaction == t.OUTPATIENT_SETTLEMENT
                and e.hop == "insured:340600")  # fmt: skip
    town.wait(120)
    town.lost.clear()
    town.deliver((town.hub.address, late))
    assert states(town) == ["REVERSED"] * 3
    assert town.insured.ledger.state.seq == 0


def test_a_cancellation_and_its_reversal() -> None:
    """A cancellation takes the settlement back; its reversal makes it stand again."""
    town = Town()
    result = settled(town)
    cancel = m.CancellationRequest(
        institution=HOSPITAL, visit="V1", batch="B1", person_no=PATIENT,
        settlement_id=result.settlement_id,
    )  # fmt: skip
    message_id = f"{HOSPITAL}202603021200009998"
    taken_back = town.answer(t.OUTPATIENT_CANCELLATION, cancel, message_id=message_id)
    assert isinstance(taken_back, m.CancellationResult)
    assert states(town) == ["REVERSED"] * 3
    undo = m.ReversalRequest(
        person_no=PATIENT, original_message_id=message_id,
        original_transaction=t.OUTPATIENT_CANCELLATION,
    )  # fmt: skip
    outcome = town.answer(t.REVERSAL, undo)
    assert isinstance(outcome, m.ReversalResult)
    assert outcome.outcome == "reinstated"
    assert states(town) == ["SETTLED"] * 3


def test_a_refusal_uses_up_its_key() -> None:
    """After a refusal a new attempt takes a new key, and a filing opens the way."""
    town = Town()
    bill = m.SettlementRequest(
        institution=HOSPITAL, visit="S1", batch="1", person_no=PATIENT, insutype="310",
        med_type="21", total_fen=1_000_000, begin=town.now, end=town.now + 1,
    )  # fmt: skip
    opening = m.VisitOpening(visit="S1", person_no=PATIENT, insured="340600", insutype="310",
                             med_type="21", begin=town.now)  # fmt: skip
    town.ask(t.ADMISSION, opening)
    town.ask(t.INPATIENT_FEES, m.FeeUploadRequest(
        institution=HOSPITAL, visit="S1", batch="1", person_no=PATIENT, insutype="310",
        med_type="21", lines=[line(1, "CONSULT", 1, 1_000_000)]))  # fmt: skip
    town.ask(t.DISCHARGE, m.VisitChange(visit="S1", person_no=PATIENT, end=town.now + 1))
    refused = town.answer(t.INPATIENT_PRE_SETTLEMENT, bill)
    assert isinstance(refused, m.Rejection)
    assert refused.code == "E_NO_FILING"
    filed = town.file(m.FilingRequest(
        person_no=PATIENT, insutype="310", category="long_stay", area="310000",
        valid_from="2026-03-02"))  # fmt: skip
    assert filed.status == "effective"
    settled = town.answer(t.INPATIENT_SETTLEMENT, bill)
    assert isinstance(settled, m.SettlementResult)
    # (10,000 - 400) x 86 %
    assert (settled.filing, settled.fund_fen) == ("long_stay", 825_600)
    first, second = town.treatment.state.cases.values()
    assert (first.state, first.fund_fen, second.state) == ("REJECTED", 0, "SETTLED")
    assert first.key != second.key
