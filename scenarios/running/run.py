"""`run_virtual`: a scenario in, a finished run out.

Everything that a run is made of is built here and nowhere else: people, world, nodes, clients,
journal, runner. What a run leaves behind (`RunResult`) is enough to write the bundle: the
journal went block by block to its sink, the postings one by one to theirs; nodes and clients
are here to be asked.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec

from yidi.nodes.ledger import Posting
from yidi.nodes.observed import Observed
from yidi.nodes.policy import PolicyBook
from yidi.protocol.bodies import schema_text
from yidi.protocol.digests import hex_digest
from yidi.protocol.envelope import VERSION
from yidi.protocol.errors import ErrorCode, ScenarioError
from yidi.protocol.instants import DAY, Instant
from yidi.protocol.journal import JournalWriter, Opening
from yidi.scenarios.library.loader import LoadedScenario, policy_paths
from yidi.scenarios.library.policy_file import load_policies
from yidi.scenarios.library.schema import Scenario
from yidi.scenarios.running.build import nodes_of_world, skews_of
from yidi.scenarios.running.driver import Driver
from yidi.scenarios.running.faults import FaultPlan, FaultRule, rules_of
from yidi.scenarios.running.institutions import build_institutions
from yidi.scenarios.running.parties import RunChecks
from yidi.scenarios.running.people import build_people
from yidi.scenarios.running.pipes import LinkTable
from yidi.scenarios.running.runner import Progress, Runner
from yidi.scenarios.running.signing import SignedLinks, guard_of
from yidi.scenarios.running.streams import Streams
from yidi.scenarios.running.world import World, world_of

RULES_VERSION = "3"
"""Changes whenever the same inputs would give other outputs; a journal names it."""
GRACE = 2 * DAY
"""After the calendar has stopped, a run that is not quiet is stopped too."""
_GC_THRESHOLD = (100_000, 50, 1_000)
"""Messages are not tracked by the collector; what is left needs it rarely."""


class RunHooks(msgspec.Struct, kw_only=True):
    """What a caller wants to hear while a run goes on; everything may be left out."""

    sink: Callable[[bytes], object] | None = None
    """Gets each finished block of the journal."""
    postings: Callable[[str, Posting], object] | None = None
    """Gets (node, posting), in order."""
    checks: RunChecks | None = None
    progress: Callable[[Progress], object] | None = None
    plan: FaultPlan | None = None
    """Takes the place of the scenario's own faults."""
    sync: Callable[[], None] | None = None
    """Makes the blocks that the sink got durable, in live runs."""
    wire: Callable[[Any], object] | None = None
    """Gets every message to and from somebody's own node, in live runs."""
    built: Callable[[Runner], object] | None = None
    """Gets the runner before it starts: to watch its nodes from the beginning, or to stop it."""


class RunResult(msgspec.Struct, kw_only=True):
    """A finished run."""

    loaded: LoadedScenario
    seed: int
    world: World
    book: PolicyBook
    nodes: dict[str, Any]
    driver: Driver
    journal_hash: str
    start: Instant
    virtual_end: Instant
    envelopes: int
    """Delivered to nodes and clients."""
    postings: int
    lost: int
    """Frames lost by chance or fault."""
    unfinished: bool
    """Stopped, by somebody or at the limit of virtual time, with something still pending."""
    refused: dict[str, int]
    """Deliveries and sendings refused, by error code."""
    links: dict[str, int]
    """Copies dropped, sequences skipped, requests expired, number of link ends."""
    mode: str = "virtual"
    """`virtual` or `live`."""
    idle_faults: tuple[FaultRule, ...] = ()
    """Faults that never acted."""
    observed: tuple[Observed, ...] = ()
    """Nodes that were somebody's own."""

    @property
    def virtual_seconds(self) -> int:
        """How long the run was, in virtual time."""
        return (self.virtual_end - self.start) // 1_000_000

    def let_go(self) -> None:
        """Forget nodes, persons and traffic; the outcomes of scripted cases stay."""
        self.nodes = {}
        self.world = msgspec.structs.replace(self.world, persons=())
        self.driver.calendars = []
        self.driver.flows = {}


class Cast(msgspec.Struct, kw_only=True):
    """Everybody who takes part in a run, before a host brings them together."""

    seed: int
    streams: Streams
    book: PolicyBook
    world: World
    nodes: dict[str, Any]
    driver: Driver
    start: Instant


class Prepared(msgspec.Struct, kw_only=True):
    """A run that has been built and not been started."""

    runner: Runner
    driver: Driver
    nodes: dict[str, Any]
    world: World
    book: PolicyBook
    seed: int


def run_virtual(
    loaded: LoadedScenario,
    *,
    seed: int | None = None,
    hooks: RunHooks | None = None,
    book: PolicyBook | None = None,
) -> RunResult:
    """Run a scenario in virtual time to its end.

    Args:
        loaded: the scenario.
        seed: overrides the scenario's.
        hooks: sinks, checks and progress.
        book: policies; default those that the scenario names over the built-in ones.

    Raises:
        ScenarioError: `start = "now"`, or a policy file is wrong.
        InvariantViolation: the world was found broken; our bug.
    """
    prepared = prepare(loaded, seed=seed, hooks=hooks, book=book)
    runner = prepared.runner
    with quiet_collector():
        runner.run()
    runner.report()
    return RunResult(
        loaded=loaded,
        seed=prepared.seed,
        world=prepared.world,
        book=prepared.book,
        nodes=prepared.nodes,
        driver=prepared.driver,
        journal_hash=runner.journal.seal(runner.now),
        start=runner.start,
        virtual_end=runner.now,
        envelopes=runner.deliveries,
        postings=runner.postings,
        lost=runner.lost,
        unfinished=runner.unfinished,
        refused=dict(sorted(runner.core.refused.items())),
        links=runner.core.totals(),
        idle_faults=runner.plan.idle() if runner.plan is not None else (),
    )


def prepare(
    loaded: LoadedScenario,
    *,
    seed: int | None = None,
    hooks: RunHooks | None = None,
    book: PolicyBook | None = None,
) -> Prepared:
    """Build everything of a virtual run; see `run_virtual`."""
    scenario = loaded.scenario
    hooks = hooks or RunHooks()
    cast = assemble(loaded, seed=seed, book=book)
    nodes, driver, start = cast.nodes, cast.driver, cast.start
    journal = JournalWriter(hooks.sink, opening_of(loaded, cast.seed, tuple(nodes), start))
    runner = Runner(
        nodes, driver, _links_of(scenario, cast), journal, start=start, skews=skews_of(cast.world)
    )
    runner.limit = driver.latest + GRACE
    rules = rules_of(scenario.fault)
    runner.plan = hooks.plan or (FaultPlan(rules, start) if rules else None)
    if runner.plan is not None and any(rule.case is not None for rule in runner.plan.rules):
        runner.case_of = driver.case_of
    runner.checks, runner.on_posting = hooks.checks, hooks.postings
    runner.progress = hooks.progress
    if hooks.built is not None:
        hooks.built(runner)
    return Prepared(
        runner=runner, driver=driver, nodes=nodes, world=cast.world, book=cast.book, seed=cast.seed
    )


def _links_of(scenario: Scenario, cast: Cast) -> LinkTable:
    """The links between the nodes, which sign and verify where the scenario asks for it."""
    guard = guard_of(scenario, cast.nodes, cast.seed)
    if guard is None:
        return LinkTable(scenario.link, cast.streams)
    return SignedLinks(scenario.link, cast.streams, guard)


def assemble(
    loaded: LoadedScenario,
    *,
    seed: int | None = None,
    book: PolicyBook | None = None,
    now: Instant | None = None,
    extend: Callable[[World, PolicyBook], World] | None = None,
) -> Cast:
    """Build people, world, nodes and clients of a scenario, for whichever host runs them.

    Args:
        loaded: the scenario.
        seed: overrides the scenario's.
        book: policies; default those that the scenario names over the built-in ones.
        now: what `start = "now"` stands for, in live runs.
        extend: adds to the world what the scenario does not have.

    Raises:
        ScenarioError: `start = "now"` without a `now`, or a policy file is wrong.
    """
    scenario = loaded.scenario
    seed = scenario.seed if seed is None else seed
    book = book or load_policies([str(path) for path in policy_paths(loaded)])
    if scenario.start == "now" and now is None:
        want = 'a date: only live runs can start "now"'
        raise ScenarioError(ErrorCode.E_DATE, at="start", want=want, got="now")
    start = scenario.start_instant(now)
    streams = Streams(seed)
    people, institutions = build_people(scenario, streams), build_institutions(scenario)
    world = world_of(scenario, people, institutions, start)
    if extend is not None:
        world = extend(world, book)
    nodes = nodes_of_world(world, book)
    driver = Driver(scenario, people, institutions, streams, start)
    driver.keep_calendar(nodes.values(), world.settings.clears)
    return Cast(
        seed=seed, streams=streams, book=book, world=world, nodes=nodes, driver=driver, start=start
    )


def opening_of(
    loaded: LoadedScenario, seed: int, nodes: tuple[str, ...], start: Instant
) -> Opening:
    """The journal's first record: seed and scenario digest, so that every seed has its hash."""
    return Opening(
        seed=seed,
        scenario_digest=loaded.digest,
        rules_version=RULES_VERSION,
        schema_digest=hex_digest(b"%d\n" % VERSION + schema_text()),
        nodes=nodes,
        start=start,
    )


@contextmanager
def quiet_collector() -> Iterator[None]:
    """Let the garbage collector look at what is there once, and rarely at what comes."""
    thresholds = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_GC_THRESHOLD)
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
        gc.unfreeze()
