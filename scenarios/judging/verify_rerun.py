"""Verify, last step: the run itself, made once more from its scenario, policies and seed.

What the journal cannot show, since it holds no clients, follows from this: what scripted cases
were told and expected, who paid in full, and every count of result.json. It is made only where
all that came before held, so that a spoilt scenario is never run. A live run has a timing of
its own that nothing can repeat; what its clients saw stands in its result and nowhere else.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import msgspec

from yidi.nodes.policy import PolicyBook
from yidi.protocol.errors import InvariantViolation, ScenarioError
from yidi.scenarios.judging.bundle import manual_lines, policies_text
from yidi.scenarios.judging.judged_run import JudgedRun, RunReport, judged_run
from yidi.scenarios.judging.verdicts import CheckResult, Tally, TallyBook, Verdict, overall
from yidi.scenarios.library.loader import load_bytes
from yidi.scenarios.running.run import run_virtual

_LOOSE = ("cpu_seconds", "wall_seconds", "replay", "checks")
"""Differ from run to run, or are compared one by one."""
_WITHIN_BUDGET = ("INV-16", "INV-34", "INV-39")
"""Counted over the journal's file, which a run that is only made again does not write."""
_CHECK_FIELDS = ("verdict", "count", "reason", "violations", "title")


def check_rerun(folder: Path, policies: PolicyBook, book: TallyBook) -> None:
    """Make the run again and hold result.json and manual.jsonl against it.

    Args:
        folder: a bundle whose files, rows and journal hold.
        policies: those of the bundle.
        book: gets REPLAY-RESULT, and a tally for each step, expectation and threshold.
    """
    tally = book["REPLAY-RESULT"]
    tally.count += 1
    try:
        told = msgspec.json.decode((folder / "result.json").read_bytes(), type=RunReport)
    except (OSError, msgspec.MsgspecError, ValueError, RecursionError) as error:
        tally.fail(str(error)[:200], node="result.json")
        return
    if told.verdict != (Verdict.UNKNOWN if told.interrupted else overall(told.checks)):
        tally.fail(f"verdict {told.verdict} does not follow from its checks", node="result.json")
        return
    if told.interrupted:
        tally.count, tally.reason = 0, "the run was interrupted"
        return
    if told.mode == "live":
        _check_live(told, tally)
        return
    try:
        loaded = load_bytes((folder / "scenario.toml").read_bytes(), "scenario.toml")
        again = judged_run(loaded, seed=told.seed, host=partial(run_virtual, book=policies))
    except (ScenarioError, InvariantViolation) as error:
        tally.fail(str(error)[:200], node="scenario.toml")
        return
    _compare(told, again, tally)
    _compare_files(folder, again, tally)
    _take_over(again.report.checks, book)


def _check_live(told: RunReport, tally: Tally) -> None:
    """What clients saw of a live run is not in its files: a failure stays one, as told."""
    tally.count, tally.reason = 0, "a live run is not made again"
    if told.verdict != Verdict.PASS:
        tally.unknown = f"the verdict was {told.verdict}, and a live run is not made again"


def _compare(told: RunReport, again: JudgedRun, tally: Tally) -> None:
    report = again.report
    for name in RunReport.__struct_fields__:
        if name in _LOOSE:
            continue
        tally.count += 1
        said, found = getattr(told, name), getattr(report, name)
        if said != found:
            tally.fail(f"{name}: says {said}, made again it is {found}", node="result.json")
    said_checks = {row.id: row for row in told.checks}
    found_checks = {row.id: row for row in report.checks}
    if list(said_checks) != list(found_checks) or len(said_checks) != len(told.checks):
        tally.fail("checks: not those of the run made again", node="result.json")
        return
    for check, row in found_checks.items():
        if check in _WITHIN_BUDGET:
            continue
        tally.count += 1
        for name in _CHECK_FIELDS:
            said, found = getattr(said_checks[check], name), getattr(row, name)
            if said != found:
                facts = f"{check}: {name} says {said}, made again it is {found}"
                tally.fail(facts, node="result.json")


def _compare_files(folder: Path, again: JudgedRun, tally: Tally) -> None:
    """Who paid in full (a file only where somebody did), and the policies as they are written."""
    result = again.result
    made = {
        "manual.jsonl": b"".join(manual_lines(result.driver.manual())),
        "policies.toml": policies_text(result.book, result.world).encode(),
    }
    for name, wanted in made.items():
        path = folder / name
        tally.count += 1
        if wanted != (path.read_bytes() if path.is_file() else b""):
            tally.fail("not what the run made again comes to", node=name)


def _take_over(checks: list[CheckResult], book: TallyBook) -> None:
    """The run's checks as they came out again, where no earlier layer looked, or all is not well.

    Invariants that the replay counted keep its count; steps, expectations and thresholds, queues
    (INV-37) and the checks of the checks (INV-42) are here only.
    """
    for row in checks:
        tally = book[row.id]
        first = row.first_violation
        if not tally.count:
            tally.count, tally.reason = row.count, row.reason
        if first is not None:
            tally.fail(first.facts, key=first.key, node=first.node, message_ids=first.message_ids)
            tally.violations = row.violations
