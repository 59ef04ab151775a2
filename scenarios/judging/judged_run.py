"""A scenario run, judged and written down: what `yidi run` and everything like it calls.

The order is that of the design: checks watch from before the first event, the journal and the
postings go to their files as they come, and when nothing is pending any more the audits look at
the final states. Nothing is printed here.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from yidi.scenarios.judging.audit_benefit import audit_benefit
from yidi.scenarios.judging.audit_books import audit_books
from yidi.scenarios.judging.audit_clearing import audit_clearing
from yidi.scenarios.judging.audit_run import (
    RunFacts,
    audit_checks,
    audit_differences,
    audit_journal,
    audit_run,
    audit_substance,
)
from yidi.scenarios.judging.bundle import Bundle
from yidi.scenarios.judging.event_checks import EventChecks
from yidi.scenarios.judging.expectations import Expectations, judge_steps
from yidi.scenarios.judging.junit import junit_xml
from yidi.scenarios.judging.metrics import Meter, judge_thresholds
from yidi.scenarios.judging.observed_audit import ExternalReport, audit_observed, reports_of
from yidi.scenarios.judging.rows import CaseRow, Totals, case_rows, clearing_rows
from yidi.scenarios.judging.verdicts import CheckResult, TallyBook, Verdict, overall
from yidi.scenarios.judging.wire import WireEntry
from yidi.scenarios.judging.wire_checks import WireChecks
from yidi.scenarios.library.loader import LoadedScenario
from yidi.scenarios.library.schema import Checks
from yidi.scenarios.running.run import RunHooks, RunResult, run_virtual
from yidi.scenarios.running.runner import Progress, Runner

RESULT_SCHEMA = 1


class RunReport(msgspec.Struct, frozen=True, kw_only=True):
    """result.json: the verdict and what it stands on."""

    schema: int
    scenario: str
    title: dict[str, str]
    seed: int
    verdict: Verdict
    checks: list[CheckResult]
    cases: dict[str, int]
    """Cases by state, at the treatment regions."""
    rows: int
    """Rows of cases.jsonl."""
    postings: int
    manual: int
    """How many paid in full and claim on paper."""
    envelopes: int
    journal_hash: str
    books_hash: str
    virtual_seconds: int
    cpu_seconds: float
    wall_seconds: float
    money: dict[str, int]
    """Of the cases that stand, in fen, at the treatment regions."""
    cleared_fen: int
    """Payable over all closed batches."""
    flows: dict[str, dict[str, int]]
    refused: dict[str, int]
    """Deliveries and sendings refused, by error code."""
    lost: int
    idle_faults: list[str]
    """Faults of the scenario that never acted."""
    illustrative: dict[str, list[str]]
    """Which of the scenario's numbers are made up, by language."""
    mode: str
    """`virtual`, or `live`, which no second run repeats."""
    interrupted: bool
    replay: str
    """A command line that makes this run again."""
    externals: list[ExternalReport] = []
    """Nodes that were somebody's own: what they were asked, and what others answered for them."""


class JudgedRun(msgspec.Struct, kw_only=True):
    """A run and what became of it."""

    report: RunReport
    result: RunResult
    folder: Path | None


class Watching:
    """The checks of one run, put in place when its nodes have been built."""

    def __init__(self, loaded: LoadedScenario, built: Callable[[Runner], object] | None) -> None:
        self.loaded = loaded
        self.built = built
        self.book = TallyBook()
        self.wire = WireChecks(self.book)
        self.checks: EventChecks | None = None
        self.meter: Meter | None = None
        self.runner: Runner | None = None

    def watch(self, runner: Runner) -> None:
        """Watch every node of a runner from its first event on."""
        self.runner = runner
        nodes = {address: party.host for address, party in runner.parties.items()}
        self.checks = EventChecks(nodes, self.book, position=lambda: runner.journal.position)
        runner.checks = self.checks
        if self.loaded.scenario.thresholds:
            runner.checks = self.meter = Meter(self.checks)
        if self.built is not None:
            self.built(runner)

    def watch_wire(self, bundle: Bundle | None) -> Callable[[WireEntry], None]:
        """Where every message to and from somebody's own node goes: on disk, then to its checks."""

        def take(entry: WireEntry) -> None:
            if bundle is not None:
                bundle.take_wire(entry)
            self.wire.feed(entry)

        return take

    @property
    def stopped(self) -> bool:
        """Whether a person ended the run."""
        return self.runner is not None and self.runner.stopped


def judged_run(
    loaded: LoadedScenario,
    folder: Path | None = None,
    *,
    seed: int | None = None,
    progress: Callable[[Progress], object] | None = None,
    built: Callable[[Runner], object] | None = None,
    replay: str = "",
    host: Callable[..., RunResult] = run_virtual,
) -> JudgedRun:
    """Run a scenario, judge it, and write its bundle.

    Args:
        loaded: the scenario.
        folder: an empty folder for the bundle; None writes nothing.
        seed: overrides the scenario's.
        progress: hears how far the run is.
        built: gets the runner before it starts, so that it can be stopped.
        replay: the command line that makes this run again.
        host: what runs it: in virtual time, or live; called as `run_virtual` is.

    Raises:
        ScenarioError, StoredDataError: as `run_virtual` and `Bundle`.
    """
    watching = Watching(loaded, built)
    bundle = Bundle(folder) if folder is not None else None
    clocks = (time.process_time(), time.perf_counter())
    hooks = RunHooks(
        sink=bundle.take_block if bundle is not None else None,
        postings=bundle.take_posting if bundle is not None else None,
        wire=watching.watch_wire(bundle),
        progress=progress,
        built=watching.watch,
    )
    with _closing(bundle):
        result = host(loaded, seed=seed, hooks=hooks)
        if bundle is not None:
            bundle.close_streams()
        return _finish(result, watching, bundle, clocks, replay)


@contextmanager
def _closing(bundle: Bundle | None) -> Iterator[None]:
    try:
        yield
    except BaseException:
        if bundle is not None:
            bundle.abandon()
        raise


def _finish(
    result: RunResult,
    watching: Watching,
    bundle: Bundle | None,
    clocks: tuple[float, float],
    replay: str,
) -> JudgedRun:
    """Audit, write, and say what it came to."""
    book, scenario = watching.book, result.loaded.scenario
    replay = replay or f"yidi run {scenario.name} --seed {result.seed}"
    _audit(result, watching, bundle)
    totals = Totals()
    rows = _judged_rows(result, watching, totals)
    if bundle is None:
        deque(rows, maxlen=0)
    else:
        bundle.write_setting(result.loaded.text, result.book, result.world)
        bundle.write_rows(result.nodes, rows)
        bundle.write_manual(result.driver.manual())
    manual = sum(1 for _ in result.driver.manual())
    checks = _with_replay(chosen(book.results(), scenario.checks), replay)
    report = RunReport(
        schema=RESULT_SCHEMA,
        scenario=scenario.name,
        title={"zh": scenario.title.zh, "en": scenario.title.en},
        seed=result.seed,
        verdict=Verdict.UNKNOWN if watching.stopped else overall(checks),
        checks=checks,
        cases=dict(sorted(totals.states.items())),
        rows=totals.rows,
        postings=result.postings,
        manual=manual,
        envelopes=result.envelopes,
        journal_hash=result.journal_hash,
        books_hash=totals.books_hash,
        virtual_seconds=result.virtual_seconds,
        cpu_seconds=round(time.process_time() - clocks[0], 3),
        wall_seconds=round(time.perf_counter() - clocks[1], 3),
        money=totals.money,
        cleared_fen=sum(row.payable_fen for row in clearing_rows(result.nodes)),
        flows=_flows(result),
        refused=result.refused,
        lost=result.lost,
        idle_faults=[str(fault) for fault in _idle(result)],
        illustrative={language: scenario.made_up(language) for language in ("zh", "en")},
        mode=result.mode,
        interrupted=watching.stopped,
        replay=replay,
        externals=reports_of(result.nodes),
    )
    if bundle is not None:
        bundle.write_json("result.json", report)
        bundle.write_text("junit.xml", junit_xml(report, result.driver.outcomes()))
        bundle.write_manifest(result, report.books_hash)
    return JudgedRun(
        report=report, result=result, folder=bundle.folder if bundle is not None else None
    )


def _audit(result: RunResult, watching: Watching, bundle: Bundle | None) -> None:
    checks, book = watching.checks, watching.book
    assert checks is not None
    checks.finish()
    nodes = result.nodes
    facts = RunFacts(
        unfinished=result.unfinished, interrupted=watching.stopped, refused=result.refused
    )
    if not watching.stopped:
        # Half of a run may be anywhere; what holds at quiescence is not asked of it.
        audit_books(nodes, checks)
        audit_differences(nodes, book)
        audit_clearing(nodes, book)
    audit_benefit(nodes, checks, result.world, result.book)
    audit_run(nodes, checks, facts)
    if result.observed:
        watching.wire.finish()
        audit_observed(nodes, book)
    if bundle is not None:
        audit_journal(result, bundle.folder / "journal.bin", book)
    if not watching.stopped:
        audit_checks(nodes, book)
    scenario = result.loaded.scenario
    judge_steps(result.driver.outcomes(), book, interrupted=watching.stopped)
    if watching.meter is not None:
        judge_thresholds(scenario.thresholds, watching.meter.measure, book)


def _judged_rows(result: RunResult, watching: Watching, totals: Totals) -> Iterator[CaseRow]:
    """The rows of cases.jsonl, each counted and held against the scenario's expectations."""
    visits = result.driver.visits()
    scenario = result.loaded.scenario
    outcomes = {outcome.case_id: outcome for outcome in result.driver.outcomes()}
    manual = [row.case_id or None for row in result.driver.manual()]
    expects = () if watching.stopped else scenario.expect
    expected = Expectations(expects, outcomes, manual, watching.book)
    for row in case_rows(result.nodes, lambda place, visit: visits.get((place, visit))):
        totals.add(row)
        expected.add(row)
        yield row
    expected.finish()
    if not watching.stopped:
        audit_substance(watching.book)


def chosen(results: list[CheckResult], wanted: Checks) -> list[CheckResult]:
    """The results without what the scenario skips, which stays in the list with its reason."""
    skipped = {skip.id: skip.reason for skip in wanted.skip}
    kept: list[CheckResult] = []
    for row in results:
        left_out = bool(wanted.only) and row.id.startswith("INV-") and row.id not in wanted.only
        reason = skipped.get(row.id, "left out by [checks] only" if left_out else "")
        if reason:
            row = CheckResult(  # noqa: PLW2901 - the same check, not looked at
                id=row.id, verdict=Verdict.PASS, count=0, title=row.title,
                reason=f"skipped: {reason}",
            )  # fmt: skip
        kept.append(row)
    return kept


def _with_replay(results: list[CheckResult], replay: str) -> list[CheckResult]:
    """Give every first violation the line that shows it again."""
    replace: Any = msgspec.structs.replace
    return [
        row
        if row.first_violation is None
        else replace(row, first_violation=replace(row.first_violation, replay=replay))
        for row in results
    ]


def _flows(result: RunResult) -> dict[str, dict[str, int]]:
    return {
        name: {
            "arrived": counts.arrived,
            "settled": counts.settled,
            "cancelled": counts.cancelled,
            "manual": counts.manual,
        }
        for name, counts in result.driver.counts().items()
    }


def _idle(result: RunResult) -> Iterator[str]:
    for fault in result.idle_faults:
        yield getattr(fault, "text", "") or repr(fault)
