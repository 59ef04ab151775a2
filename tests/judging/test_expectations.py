from __future__ import annotations

import pytest

from tests.judging.runs import DATA
from yidi.scenarios.judging.expectations import Expectations, judge_steps
from yidi.scenarios.judging.judged_run import judged_run
from yidi.scenarios.judging.rows import CaseRow
from yidi.scenarios.judging.verdicts import TallyBook
from yidi.scenarios.library.loader import load_text
from yidi.scenarios.library.schema import CaseFilter, Expect
from yidi.scenarios.running.script import CaseOutcome, StepOutcome


def row(**changes):
    """A settled case at its treatment region."""
    known = {
        "node": "treatment:310000", "key": "A1", "institution": "H1", "visit": "V1", "serial": "1",
        "case_id": "one", "psn_no": "P1", "treatment": "310000", "insured": "340600",
        "insutype": "310", "med_type": "11", "total_fen": 100, "fund_fen": 60,
        "funds": {"310101": 60}, "account_fen": 0, "cash_fen": 40, "hospital_fen": 0,
        "state": "SETTLED", "day": "2026-03-02", "period": None, "batch": None, "digest": "00",
    }  # fmt: skip
    return CaseRow(**{**known, **changes})


OUTCOME = CaseOutcome(
    case_id="one", institution="H1", visit="V1", psn_no="P1", finished=True,
    steps=[StepOutcome(step="settlement", word="settlement", outcome="accepted", code="E_BUSY",
                       fields={"psn_cash_pay": "0.40"})],
)  # fmt: skip


def judged(expect, rows=(), manual=()):
    """Whether an expectation holds, and what was said first."""
    book = TallyBook()
    expected = Expectations([expect], {"one": OUTCOME}, manual, book)
    for one in rows:
        expected.add(one)
    expected.finish()
    (tally,) = book.tallies.values()
    assert (tally.id, tally.count) == ("EXPECT-1", 1)
    return tally.verdict, tally.first.facts if tally.first else ""


@pytest.mark.parametrize(
    ("expect", "rows", "holds"),
    [
        (Expect(case="one", outcome="SETTLED"), [row()], True),
        (Expect(case="one", outcome="SETTLED"), [row(state="CLEARED")], True),
        (Expect(case="one", outcome="CLEARED"), [row()], False),
        (Expect(case="one", outcome="SETTLED"), [], False),
        (Expect(case="one", outcome="SETTLED"), [row(), row(key="A2", state="REJECTED")], False),
        (Expect(case="one", code="E_BUSY"), [row()], True),
        (Expect(case="one", code="E_NO_FILING"), [row()], False),
        (Expect(case="one", fields={"psn_cash_pay": "0.4"}), [row()], True),
        (Expect(case="one", fields={"fund_fen": "60"}), [row()], True),
        (Expect(case="one", fields={"fund_fen": "61"}), [row()], False),
        (Expect(case="one", fields={"hifp_pay": "1.00"}), [row()], False),
        (Expect(filter=CaseFilter(insured="340600"), count=1), [row()], True),
        (Expect(filter=CaseFilter(insured="340600"), count=1), [row(insured="1")], False),
        (Expect(filter=CaseFilter(state="CLEARED"), count=0), [row()], True),
        (Expect(filter=CaseFilter(), at_least=2), [row()], False),
        (Expect(filter=CaseFilter(), at_most=0), [row()], False),
        (Expect(filter=CaseFilter(), outcome="SETTLED"), [row(), row(state="REVERSED")], False),
        (Expect(filter=CaseFilter(), outcome="SETTLED"), [], False),
        (Expect(filter=CaseFilter(), fields={"day": "2026-03-02"}), [row()], True),
        (Expect(filter=CaseFilter(), count=1), [row(), row(node="hub:100000")], True),
    ],
)
def test_an_expectation_is_judged_on_the_treatment_regions_rows(expect, rows, holds):
    """By scripted case (its last attempt) or by filter; outcome, code, counts and fields."""
    verdict, facts = judged(expect, rows)
    assert (verdict == "pass") == holds, facts


def test_who_paid_in_full_is_manual():
    """MANUAL is the outcome of a case, and of a filter, that somebody paid in full."""
    assert judged(Expect(case="one", outcome="MANUAL"), [], ["one"])[0] == "pass"
    assert judged(Expect(case="one", outcome="SETTLED"), [row()], ["one"])[0] == "fail"
    assert (
        judged(Expect(filter=CaseFilter(), outcome="MANUAL", count=2), [], [None, "x"])[0] == "pass"
    )
    assert judged(Expect(filter=CaseFilter(), outcome="MANUAL"), [], [])[0] == "fail"


@pytest.mark.parametrize(
    ("finished", "mismatches", "interrupted", "verdict"),
    [
        (True, [], False, "pass"),
        (True, ["code is E_A, expected E_B"], False, "fail"),
        (False, [], False, "fail"),
        (False, [], True, "unknown"),
    ],
)
def test_steps_become_a_check(finished, mismatches, interrupted, verdict):
    """STEP-id fails by mismatch or by stopping half way; an interrupted run leaves it unknown."""
    book = TallyBook()
    step = StepOutcome(
        step="settlement", word="settlement", outcome="accepted", mismatches=mismatches
    )
    outcome = CaseOutcome(case_id="one", institution="H", visit="V", psn_no="P", steps=[step],
                          finished=finished)  # fmt: skip
    judge_steps([outcome], book, interrupted=interrupted)
    assert book["STEP-one"].verdict == verdict
    assert book["STEP-one"].count == 1


def test_a_scenario_that_expects_otherwise_fails():
    """A run whose story expects another outcome has failed, and says which."""
    text = (
        (DATA / "tiny.toml")
        .read_text("utf-8")
        .replace('outcome = "SETTLED"', 'outcome = "REVERSED"')
    )
    report = judged_run(load_text(text, "tiny.toml")).report
    assert report.verdict == "fail"
    (failing,) = [one for one in report.checks if one.verdict == "fail"]
    assert failing.id == "EXPECT-1"
    assert "expected REVERSED" in failing.first_violation.facts
    assert failing.first_violation.replay == "yidi run tiny --seed 7"


def test_a_skipped_check_says_so():
    """`[checks] skip` and `only` leave the row in the list, with a count of 0 and the reason."""
    text = (DATA / "tiny.toml").read_text("utf-8") + (
        '\n[checks]\nonly = ["INV-01"]\nskip = [{ id = "INV-02", reason = "for a test" }]\n'
    )
    rows = {one.id: one for one in judged_run(load_text(text, "tiny.toml")).report.checks}
    assert rows["INV-01"].count > 0
    assert (rows["INV-02"].count, rows["INV-02"].reason) == (0, "skipped: for a test")
    assert rows["INV-03"].reason.startswith("skipped: ")
