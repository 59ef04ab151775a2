from __future__ import annotations

import msgspec
import pytest

from tests.judging.runs import finished, some_case
from yidi.nodes.claim import YearToDate
from yidi.nodes.day_state import Difference
from yidi.nodes.lifecycle import CaseState
from yidi.nodes.outbox import OUTBOX_MAX, Pending
from yidi.nodes.policy import PolicyBook
from yidi.protocol import transactions as t
from yidi.protocol.codec import encode
from yidi.protocol.envelope import Origin
from yidi.protocol.messages import SettlementResult
from yidi.scenarios.judging.audit_benefit import audit_benefit
from yidi.scenarios.judging.audit_books import audit_books
from yidi.scenarios.judging.audit_clearing import audit_clearing
from yidi.scenarios.judging.audit_run import RunFacts, audit_checks, audit_differences, audit_run


class Run:
    """A finished run, and its audits on demand."""

    def __init__(self):
        self.result, self.checks = finished()
        self.nodes, self.book = self.result.nodes, self.checks.book

    def failed(self, policies=None):
        """Ids of the checks that fail now."""
        audit_books(self.nodes, self.checks)
        audit_differences(self.nodes, self.book)
        audit_benefit(self.nodes, self.checks, self.result.world, policies or self.result.book)
        audit_clearing(self.nodes, self.book)
        audit_run(self.nodes, self.checks, RunFacts())
        audit_checks(self.nodes, self.book)
        return {row.id for row in self.book.results() if row.verdict == "fail"}

    def hub(self):
        """The hub with the batches."""
        return max(
            (node for name, node in self.nodes.items() if name.startswith("hub:")),
            key=lambda node: len(node.state.clearing.batches),
        )

    def batch(self):
        """A closed batch between two provinces."""
        return next(iter(self.hub().state.clearing.batches.values()))


@pytest.fixture
def run():
    """A fresh run, free to be spoiled."""
    return Run()


def test_an_honest_run_fails_nothing(run):
    """Three days of visits and their clearing pass every audit, each having counted."""
    assert run.failed() == set()
    counted = {row.id for row in run.book.results() if row.count}
    assert counted >= {
        f"INV-{n}" for n in ("04", "05", "11", "13", "14", "15", "21", "22", "23", "24", "25",
                             "26", "27", "28", "29", "37", "42")
    }  # fmt: skip


def test_inv_05_finds_a_fen_that_one_book_lacks(run):
    """INV-05: the hub's fund differs by one fen from the regions'."""
    some_case(run.result, "hub").fund_fen += 1
    assert "INV-05" in run.failed()


def test_inv_05_finds_a_difference_that_is_none(run):
    """INV-05: an open difference about a case on which all books agree."""
    case = some_case(run.result, "hub")
    hub = next(
        n for a, n in run.nodes.items() if a.startswith("hub:") and case.key in n.state.cases
    )
    hub.state.days.differences.append(
        Difference(day=case.day, key=case.key, kind="hub_missing", treatment=case.treatment,
                   insured=case.insured, insutype=case.insutype)
    )  # fmt: skip
    assert run.failed() == {"INV-05"}


def test_inv_11_finds_nodes_that_disagree(run):
    """INV-11: settled at two nodes, reversed at the third."""
    some_case(run.result, "insured").state = CaseState.REVERSED
    assert "INV-11" in run.failed()


def test_inv_11_finds_doubt_at_the_end(run):
    """INV-11: a case that is still in doubt when everything is quiet."""
    some_case(run.result, "treatment").state = CaseState.INDOUBT
    assert "INV-11" in run.failed()


def test_inv_11_finds_a_run_that_never_became_quiet(run):
    """INV-11: a run stopped at the limit of virtual time has failed."""
    audit_run(run.nodes, run.checks, RunFacts(unfinished=True))
    assert run.book["INV-11"].violations == 1


def test_inv_13_finds_a_stay_without_a_filing(run):
    """INV-13: the filings on which the stays rested are gone."""
    for person in run.nodes["insured:340700"].state.persons.values():
        person.filings.clear()
    assert "INV-13" in run.failed()


def test_inv_13_finds_an_exemption_that_no_policy_lists(run):
    """INV-13: without the agreement a visit that counted as exempt has no filing."""
    bare = PolicyBook(run.result.book.policies, ())
    assert "INV-13" in run.failed(bare)


def test_inv_14_finds_a_change_without_a_word(run):
    """INV-14: the pre-settlement promised another sum, and the answer is silent."""
    case = some_case(run.result, "treatment")
    answer = msgspec.msgpack.decode(case.answer, type=SettlementResult)
    promised = msgspec.structs.replace(answer, cash_fen=answer.cash_fen + 1)
    run.checks.watches["treatment:310000"].seen[case.key].pre = encode(promised)
    assert run.failed() == {"INV-14"}


def test_inv_15_finds_an_accumulator_that_is_no_fold(run):
    """INV-15: a person's year holds more than the live cases added."""
    case = some_case(run.result, "insured:340700")
    person = run.nodes["insured:340700"].state.persons[case.person_no]
    person.years["2026"] = person.years["2026"].plus(YearToDate(stays=1))
    assert run.failed() == {"INV-15"}


def test_inv_15_finds_a_limit_that_was_passed(run):
    """INV-15: the fold is right and beyond the yearly limit."""
    case = some_case(run.result, "insured:340700")
    person = run.nodes["insured:340700"].state.persons[case.person_no]
    much = YearToDate(hifp_fen=10**11)
    case.change = case.change.plus(much)
    person.years["2026"] = person.years["2026"].plus(much)
    assert run.failed() == {"INV-15"}
    assert "limit" in run.book["INV-15"].first.facts


def test_inv_15_finds_an_account_that_is_no_fold(run):
    """INV-15: a personal account holds a fen that nobody paid back."""
    case = some_case(run.result, "insured:340600")
    run.nodes["insured:340600"].state.persons[case.person_no].balance_fen += 1
    assert run.failed() == {"INV-15"}


def test_inv_19_finds_a_reversal_nobody_answered(run):
    """INV-19: a reversal waits in an outbox at the end."""
    origin = Origin(t.REVERSAL, 0, "M1", "", "treatment:310000", "insured:340600", "A1", "310000",
                    "340600", 0, 0, 0, "M1")  # fmt: skip
    sample = Pending.__struct_fields__
    known = {"hop": "hub:yrd", "origin": origin, "origin_bytes": b"", "body": b"", "next_at": 1,
             "deadline": 0}  # fmt: skip
    pending = Pending(**{name: value for name, value in known.items() if name in sample})
    run.nodes["treatment:310000"].state.outbox["M1"] = pending
    assert "INV-19" in run.failed()


def test_inv_21_finds_a_prefund_below_zero(run):
    """INV-21: more was drawn than had been placed."""
    run.nodes["province:310000"].state.ledger.balances["prefund:340000"] = -1
    assert "INV-21" in run.failed()


def test_inv_23_finds_an_alarm_that_was_not_given(run):
    """INV-23: the use passed the line, and no alarm stands in the hub's notices."""
    for name, node in run.nodes.items():
        if name.startswith("hub:"):
            node.state.prefund.notices.clear()
            node.state.prefund.granted = dict.fromkeys(node.state.prefund.granted, 1)
    assert "INV-23" in run.failed()


def test_inv_23_finds_an_alarm_of_the_wrong_colour(run):
    """INV-23: red was reported as yellow."""
    for name, node in run.nodes.items():
        if name.startswith("hub:"):
            rows = node.state.prefund.notices
            rows[:] = [msgspec.structs.replace(row, kind="yellow", amount_fen=row.granted_fen)
                       for row in rows]  # fmt: skip
    assert "INV-23" in run.failed()


def test_inv_25_finds_a_case_in_a_batch_that_is_none(run):
    """INV-25: a cleared case names a batch that does not exist."""
    some_case(run.result, "hub").clearing_batch = "B-NONE"
    assert "INV-25" in run.failed()


def test_inv_25_finds_a_case_that_was_left_out(run):
    """INV-25: a reconciled case of a generated month is in no batch."""
    case = some_case(run.result, "hub")
    case.state, case.clearing_batch, case.period = CaseState.SETTLED, "", ""
    assert "INV-25" in run.failed()


def test_inv_26_finds_a_batch_under_another_name(run):
    """INV-26: a closed batch changes its name."""
    run.batch().batch = "B-OTHER"
    assert "INV-26" in run.failed()


@pytest.mark.parametrize("column", ["count", "total_fen", "fund_fen", "adjust_fen", "payable_fen"])
def test_inv_27_finds_a_table_that_is_no_sum(run, column):
    """INV-27: one unit too much in a closed table."""
    batch = run.batch()
    setattr(batch, column, getattr(batch, column) + 1)
    assert "INV-27" in run.failed()


def test_inv_27_finds_a_notice_of_another_sum(run):
    """INV-27: a collection notice asks for a fen more than the table has."""
    notices = run.hub().state.clearing.notices
    notices[0] = msgspec.structs.replace(notices[0], amount_fen=notices[0].amount_fen + 1)
    assert "INV-27" in run.failed()


def test_inv_28_finds_a_day_that_moved(run):
    """INV-28: one node books on another day than the hub stamped."""
    some_case(run.result, "insured").day = "2026-03-30"
    assert "INV-28" in run.failed()


def test_inv_37_finds_a_queue_beyond_its_limit(run):
    """INV-37: an outbox holds more than its limit."""
    node = run.nodes["hub:100000"]
    origin = Origin("5203", 0, "M", "", "a", "b", "", "", "", 0, 0, 0, "")
    known = {"hop": "b", "origin": origin, "origin_bytes": b"", "body": b"", "next_at": 1,
             "deadline": 0}  # fmt: skip
    entry = Pending(**{n: v for n, v in known.items() if n in Pending.__struct_fields__})
    node.state.outbox.update((str(n), entry) for n in range(OUTBOX_MAX + 1))
    assert "INV-37" in run.failed()


def test_inv_42_finds_a_check_that_looked_at_nothing(run):
    """INV-42: cases settled, and a check of settlements counted none."""
    run.book["INV-07"].count = 0
    assert run.failed() == {"INV-42"}
