"""Running a load: prepare it, let it run, and say what it came to.

With the embedded engine network and generator share one process. Over a broker every node has a
process of its own, as it would have in earnest, and the generator has this one; with somebody's
own node in the loop ours stay here. Journals are written and synced either way, since that is
what an answer waits for.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from yidi.protocol.instants import SECOND
from yidi.scenarios.judging.metrics import judge_thresholds
from yidi.scenarios.judging.observed_audit import audit_observed
from yidi.scenarios.judging.verdicts import TallyBook, overall
from yidi.scenarios.judging.wire_checks import WireChecks
from yidi.scenarios.library.loader import LoadedScenario, policy_paths
from yidi.scenarios.library.policy_file import load_policies
from yidi.scenarios.live.clock import real_now
from yidi.scenarios.live.event_loop import run_on_loop
from yidi.scenarios.load.apart import run_apart
from yidi.scenarios.load.drive import LoadOptions, LoadProgress, Prepared, Ran, Tell
from yidi.scenarios.load.here import run_here
from yidi.scenarios.load.load_report import (
    LoadReport,
    audit,
    gate_of,
    generator_report,
    stage_reports,
)
from yidi.scenarios.load.measure import describe_machine
from yidi.scenarios.load.open_loop import OpenLoop
from yidi.scenarios.load.plan import offered
from yidi.scenarios.running.build import nodes_of_world
from yidi.scenarios.running.institutions import build_institutions
from yidi.scenarios.running.people import build_people
from yidi.scenarios.running.streams import Streams
from yidi.scenarios.running.world import world_of

__all__ = ["LoadOptions", "LoadProgress", "run_load"]


def run_load(loaded: LoadedScenario, options: LoadOptions, tell: Tell | None = None) -> LoadReport:
    """Offer a scenario's traffic at a rate, measure, and look at the books.

    Args:
        loaded: the scenario.
        options: rate, time and engine.
        tell: hears once a second how far it is.

    Raises:
        ScenarioError: as `plan.offered`.
        TransportError: the engine could not be had.
    """
    prepared = _prepare(loaded, options)
    is_apart = options.engine != "embedded" and not options.externals
    run = run_apart if is_apart else run_here
    with TemporaryDirectory(prefix="yidi-load-") as folder:
        ran = run_on_loop(run(prepared, options, Path(folder), tell))
    return _report(prepared, options, ran)


def _prepare(loaded: LoadedScenario, options: LoadOptions) -> Prepared:
    changed = offered(loaded, options.rate, options.seconds)
    scenario = changed.scenario
    seed = scenario.seed if options.seed is None else options.seed
    book = load_policies([str(path) for path in policy_paths(loaded)])
    streams = Streams(seed)
    people, institutions = build_people(scenario, streams), build_institutions(scenario)
    start = scenario.start_instant(real_now())
    world = world_of(scenario, people, institutions, start)
    loop = OpenLoop(
        scenario, people, institutions, streams, start,
        steady_from=round(options.warm_up * SECOND),
    )  # fmt: skip
    return Prepared(
        loaded=changed, seed=seed, book=book, world=world, nodes=nodes_of_world(world, book),
        loop=loop, start=start, wire=WireChecks(TallyBook()),
    )  # fmt: skip


# --- What it came to ------------------------------------------------------------------------------


def _report(prepared: Prepared, options: LoadOptions, ran: Ran) -> LoadReport:
    loop, book = prepared.loop, ran.checks.book
    audit(ran.nodes, ran.checks, prepared.world, prepared.book, quiet=not loop.open_visits)
    if options.externals:
        prepared.wire.finish()
        audit_observed(ran.nodes, book)
    judge_thresholds(prepared.loaded.scenario.thresholds, loop.measured.measure, book)
    checks = book.results()
    settled = loop.settled
    return LoadReport(
        scenario=prepared.loaded.scenario.name,
        engine=options.engine,
        externals=list(options.externals),
        processes=ran.processes,
        seed=prepared.seed,
        rate=options.rate,
        seconds=options.seconds,
        warm_up=options.warm_up,
        offered=loop.arrived,
        settled=settled,
        refused=loop.manual,
        settled_per_second=round(settled / ran.wall_seconds, 1),
        wall_seconds=round(ran.wall_seconds, 3),
        stages=stage_reports(loop),
        generator=generator_report(
            loop, ran.busy_seconds, ran.wall_seconds, alone=ran.processes > 1
        ),
        cpu_us_per_settlement=round(1e6 * ran.cpu_seconds / settled, 1) if settled else 0.0,
        batches=ran.batches,
        commits=ran.commits,
        gate=gate_of(loop, ran.nodes),
        verdict=overall(checks),
        checks=checks,
        interrupted=ran.interrupted,
        machine=describe_machine(),
    )
