"""A scenario's own expectations as checks: STEP-case, EXPECT-number, THRESHOLD-number.

Steps were judged by the scripted case itself while it ran; here its mismatches become a check
of their own. `[[expect]]` is judged on the treatment regions' rows of cases.jsonl, one row at a
time. A case that settled also when it was cleared later: CLEARED satisfies SETTLED.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from yidi.scenarios.judging.rows import CaseRow
from yidi.scenarios.judging.verdicts import TallyBook
from yidi.scenarios.library.schema import CaseFilter, Expect
from yidi.scenarios.running.answers import same_value
from yidi.scenarios.running.script import CaseOutcome

MANUAL = "MANUAL"
_FIELDS = (*("treatment", "insured", "insutype", "med_type", "institution"),)


def judge_steps(outcomes: Iterable[CaseOutcome], book: TallyBook, *, interrupted: bool) -> None:
    """STEP-id: every step of a scripted case came to what the story expects."""
    for outcome in outcomes:
        tally = book[f"STEP-{outcome.case_id}"]
        tally.count += sum(bool(step.outcome) for step in outcome.steps)
        for step in outcome.steps:
            for mismatch in step.mismatches:
                tally.fail(
                    f"{step.step}: {mismatch}", key=step.key,
                    message_ids=filter(None, (step.message_id,)),
                )  # fmt: skip
        if not outcome.finished:
            if interrupted:
                tally.unknown = "the run was interrupted"
            else:
                done = sum(bool(step.outcome) for step in outcome.steps)
                tally.fail(f"stopped after {done} steps")


class Expectations:
    """Judges `[[expect]]`: `add` every row of cases.jsonl, then `finish`."""

    def __init__(
        self,
        expects: Iterable[Expect],
        outcomes: Mapping[str, CaseOutcome],
        manual: Iterable[str | None],
        book: TallyBook,
    ) -> None:
        """Prepare; `manual` are the case ids of everybody who paid in full."""
        self.expects = list(enumerate(expects, 1))
        self.outcomes = outcomes
        self.manual = list(manual)
        self.book = book
        self._rows: dict[int, list[CaseRow]] = {number: [] for number, _ in self.expects}
        self._counts = dict.fromkeys(self._rows, 0)

    def add(self, row: CaseRow) -> None:
        """Look at one row of cases.jsonl; only the treatment regions' count."""
        if not self.expects or not row.node.startswith("treatment:"):
            return
        for number, expect in self.expects:
            if expect.case is not None and row.case_id != expect.case:
                continue
            if expect.filter is not None and not _matches(expect.filter, row):
                continue
            self._counts[number] += 1
            if expect.case is not None or expect.outcome or expect.fields:
                self._rows[number].append(row)

    def finish(self) -> None:
        """Judge every expectation."""
        for number, expect in self.expects:
            self._judge(number, expect)

    def _judge(self, number: int, expect: Expect) -> None:
        tally = self.book[f"EXPECT-{number}"]
        tally.count += 1
        about = expect.case or "filter"
        problems = list(self._count_problems(number, expect))
        if expect.case is not None:
            problems += self._case_problems(number, expect)
        elif expect.outcome == MANUAL:
            if not self.manual:
                problems.append("nobody paid in full")
        else:
            problems += self._row_problems(number, expect)
        for problem in problems:
            rows = self._rows[number]
            tally.fail(f"{about}: {problem}", key=rows[-1].key if rows else "")

    def _count_problems(self, number: int, expect: Expect) -> Iterable[str]:
        count = self._counts[number]
        if expect.case is None and expect.outcome == MANUAL:
            count = len(self.manual)
        if expect.count is not None and count != expect.count:
            yield f"{count} rows, expected {expect.count}"
        if expect.at_least is not None and count < expect.at_least:
            yield f"{count} rows, expected at least {expect.at_least}"
        if expect.at_most is not None and count > expect.at_most:
            yield f"{count} rows, expected at most {expect.at_most}"

    def _case_problems(self, number: int, expect: Expect) -> Iterable[str]:
        """A scripted case is judged by its last attempt."""
        rows = self._rows[number]
        state = MANUAL if expect.case in self.manual else rows[-1].state if rows else "ABSENT"
        if expect.outcome and not _is(expect.outcome, state):
            yield f"outcome {state}, expected {expect.outcome}"
        outcome = self.outcomes.get(expect.case or "")
        codes = [step.code for step in outcome.steps if step.code] if outcome else []
        if expect.code and expect.code not in codes:
            yield f"codes {codes}, expected {expect.code}"
        for name, wanted in expect.fields.items():
            got = _value(name, rows[-1] if rows else None, outcome)
            if got is None or not same_value(wanted, got):
                yield f"{name} is {got}, expected {wanted}"

    def _row_problems(self, number: int, expect: Expect) -> Iterable[str]:
        """Every row of a filter has the outcome and the fields; at least one row must be there."""
        rows = self._rows[number]
        if not (expect.outcome or expect.fields):
            return
        if not rows and expect.count is None and expect.at_most is None:
            yield "no row matches"
        for row in rows:
            if expect.outcome and not _is(expect.outcome, row.state):
                yield f"{row.key} is {row.state}, expected {expect.outcome}"
            for name, wanted in expect.fields.items():
                got = _value(name, row, None)
                if got is None or not same_value(wanted, got):
                    yield f"{row.key}: {name} is {got}, expected {wanted}"


def _is(wanted: str, state: str) -> bool:
    return wanted == state or (wanted == "SETTLED" and state == "CLEARED")


def _matches(wanted: CaseFilter, row: CaseRow) -> bool:
    if wanted.state is not None and wanted.state != row.state:
        return False
    return all(getattr(wanted, name) in (None, getattr(row, name)) for name in _FIELDS)


def _value(name: str, row: CaseRow | None, outcome: CaseOutcome | None) -> str | None:
    """A column of cases.jsonl, or a national field that the case's last step to have it got."""
    if row is not None and name in row.__struct_fields__:
        return str(getattr(row, name))
    for step in reversed(outcome.steps if outcome is not None else []):
        if name in step.fields:
            return step.fields[name]
    return None
