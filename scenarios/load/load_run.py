"""Running a load: the network in this process, over any engine, or in processes of its own.

With the embedded engine network and generator share one thread; what the generator takes of it is
counted. Over a broker every node has a process of its own (`worker`), as it would have in earnest,
and the generator has this one. Journals are written and synced either way, since that is what an
answer waits for. The per-event checks watch along in one process; the journals of many are folded
once more when the load is over, and checked then.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, process_time
from typing import TYPE_CHECKING, Any

import msgspec

from yidi.broker.engines.base import Counters, Engine
from yidi.nodes.policy import PolicyBook
from yidi.protocol.instants import SECOND, Instant
from yidi.scenarios.judging.event_checks import EventChecks
from yidi.scenarios.judging.journal_file import create_journal
from yidi.scenarios.judging.metrics import judge_thresholds
from yidi.scenarios.judging.observed_audit import audit_observed
from yidi.scenarios.judging.verdicts import TallyBook, overall
from yidi.scenarios.judging.wire_checks import WireChecks
from yidi.scenarios.library.loader import LoadedScenario, policy_paths
from yidi.scenarios.library.policy_file import load_policies
from yidi.scenarios.live.clock import LiveClock, real_now
from yidi.scenarios.live.engines import engine_of
from yidi.scenarios.live.host import CONNECT_WITHIN, Ground, LiveHost
from yidi.scenarios.load.load_report import (
    Batches,
    LoadReport,
    audit,
    batches_of,
    gate_of,
    generator_report,
    stage_reports,
)
from yidi.scenarios.load.measure import describe_machine
from yidi.scenarios.load.open_loop import OpenLoop
from yidi.scenarios.load.plan import offered
from yidi.scenarios.running.build import nodes_of_world, observe
from yidi.scenarios.running.institutions import build_institutions
from yidi.scenarios.running.people import build_people
from yidi.scenarios.running.run import opening_of, quiet_collector
from yidi.scenarios.running.streams import Streams
from yidi.scenarios.running.world import World, world_of

if TYPE_CHECKING:
    from yidi.scenarios.live.edge import Edge

DRAIN_SECONDS = 30.0
"""Real seconds that the last visits have to end after the last arrival."""
PROGRESS_EVERY = 1.0


class LoadOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What is offered, and to what."""

    rate: float
    """Visits a second."""
    seconds: float
    warm_up: float = 0.0
    """Seconds at the beginning that the latencies leave out."""
    engine: str = "embedded"
    externals: tuple[str, ...] = ()
    """Nodes that are somebody's own, as `--external` names them."""
    seed: int | None = None
    drain_seconds: float = DRAIN_SECONDS


class LoadProgress(msgspec.Struct, frozen=True, kw_only=True):
    """How far a load run is."""

    seconds: float
    """Since the first arrival was due."""
    arrived: int
    settled: int
    refused: int
    open_visits: int
    p99_us: int
    """Of whole visits, so far."""


Tell = Callable[[LoadProgress], object]


class Prepared(msgspec.Struct, kw_only=True):
    """Everybody who takes part in a load run."""

    loaded: LoadedScenario
    seed: int
    book: PolicyBook
    world: World
    nodes: dict[str, Any]
    loop: OpenLoop
    start: Instant
    wire: WireChecks
    """Judges what own nodes say; sees nothing where there are none."""


class Ran(msgspec.Struct, kw_only=True):
    """What a network came to under load, wherever its nodes lived."""

    nodes: Mapping[str, Any]
    """As they were at the end."""
    checks: EventChecks
    counters: list[Counters]
    commits: int
    cpu_seconds: float
    """Of generator and nodes."""
    busy_seconds: float
    """Of the generator."""
    wall_seconds: float
    processes: int
    interrupted: bool


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
    with TemporaryDirectory(prefix="yidi-load-") as folder:
        ran = asyncio.run(_run_here(prepared, options, Path(folder), tell))
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


# --- The network in this process ------------------------------------------------------------------


async def _run_here(
    prepared: Prepared, options: LoadOptions, folder: Path, tell: Tell | None
) -> Ran:
    engine = engine_of(options.engine)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(engine.close)
        await engine.prepare()
        edge = await _invite(prepared, options, engine)
        opening = opening_of(
            prepared.loaded, prepared.seed, tuple(prepared.nodes), prepared.start
        )  # fmt: skip
        journal = stack.enter_context(create_journal(folder / "journal.bin", opening))
        clock = LiveClock(prepared.start)
        ground = Ground(
            engine=engine, journal=journal.writer, clock=clock, sync=journal.commit, outside=edge
        )
        host = LiveHost(prepared.nodes, prepared.loop, ground)
        host.checks = checks = EventChecks(prepared.nodes, prepared.wire.book)
        if edge is not None:
            stack.push_async_callback(edge.close)
            edge.open(clock.now, host.take, host)
        with quiet_collector():
            times = await drive(host, prepared.loop, options, tell)
        counters = [one.attachment.counters for one in host.everybody if one.attachment]
    return Ran(
        nodes=prepared.nodes, checks=checks, counters=counters, commits=host.commits,
        cpu_seconds=times.cpu_seconds, busy_seconds=prepared.loop.busy_ns / 1e9,
        wall_seconds=times.wall_seconds, processes=1, interrupted=times.interrupted,
    )  # fmt: skip


async def _invite(prepared: Prepared, options: LoadOptions, engine: Engine) -> Edge | None:
    """Meet the own nodes and put them in the places of ours."""
    if not options.externals:
        return None
    # HTTP is imported where somebody is met over it, and only there.
    from yidi.scenarios.live.guests import Setting, invite  # noqa: PLC0415

    setting = Setting(
        addresses=tuple(prepared.nodes), world=prepared.world, book=prepared.book,
        start=prepared.start,
    )  # fmt: skip
    edge = await invite(options.externals, setting, engine, prepared.wire.feed)
    observe(prepared.nodes, edge.observed)
    return edge


class Times(msgspec.Struct, kw_only=True):
    """How long the load lasted."""

    wall_seconds: float = 0.0
    cpu_seconds: float = 0.0
    """Of this process."""
    interrupted: bool = False


async def drive(host: LiveHost, loop: OpenLoop, options: LoadOptions, tell: Tell | None) -> Times:
    """Connect, let the schedule begin, and return when the last visit has ended or time is up."""
    times = Times()
    serving = asyncio.create_task(
        host.run(lambda: not loop.has_more and not loop.open_visits, connect_within=CONNECT_WITHIN)
    )
    await host.attached(serving)
    began, cpu = perf_counter(), process_time()

    def interrupt() -> None:
        times.interrupted = loop.is_ended = True

    with _listening(interrupt):
        loop.begin(host.clock.now())
        telling = asyncio.create_task(_tell(loop, began, tell))
        limit = options.seconds + options.drain_seconds
        await asyncio.wait([serving], timeout=limit)
        host.stop()
        times.wall_seconds, times.cpu_seconds = perf_counter() - began, process_time() - cpu
        telling.cancel()
    await serving
    return times


class _listening:  # noqa: N801 - reads as what it does
    """First SIGINT or SIGTERM: let nobody in any more; the second interrupts."""

    def __init__(self, interrupt: Callable[[], None]) -> None:
        self.interrupt = interrupt

    def __enter__(self) -> None:
        loop = asyncio.get_running_loop()
        for name in (signal.SIGINT, signal.SIGTERM):
            with suppress(NotImplementedError, RuntimeError):  # Windows; not the main thread
                loop.add_signal_handler(name, self.interrupt)

    def __exit__(self, *_: object) -> None:
        loop = asyncio.get_running_loop()
        for name in (signal.SIGINT, signal.SIGTERM):
            with suppress(NotImplementedError, RuntimeError):
                loop.remove_signal_handler(name)


async def _tell(loop: OpenLoop, began: float, tell: Tell | None) -> None:
    while tell is not None:
        await asyncio.sleep(PROGRESS_EVERY)
        tell(
            LoadProgress(
                seconds=perf_counter() - began, arrived=loop.arrived, settled=loop.settled,
                refused=loop.manual, open_visits=loop.open_visits,
                p99_us=loop.measured.visits.percentile(9_900),
            )
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
    batches: Batches = batches_of(ran.counters)
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
        batches=batches,
        commits=ran.commits,
        gate=gate_of(loop, ran.nodes),
        verdict=overall(checks),
        checks=checks,
        interrupted=ran.interrupted,
        machine=describe_machine(),
    )
