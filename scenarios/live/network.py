"""A scenario's whole network as tasks of one process, over any engine: `yidi run --live`.

The same nodes, clients, checks and bundle as a virtual run. What differs is who moves the
messages and whose clock it is, so that a fault-free scenario comes to the same books
(`books_hash`) here and there, while the journal's hash depends on the order of arrival. Any node
may be somebody's own (`externals`): then the network waits for it before its clock starts.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from yidi.protocol.journal import JournalWriter
from yidi.scenarios.library.loader import LoadedScenario
from yidi.scenarios.live.clock import LiveClock, real_now
from yidi.scenarios.live.engines import engine_of
from yidi.scenarios.live.event_loop import run_on_loop
from yidi.scenarios.live.faults import faults_of
from yidi.scenarios.live.host import CONNECT_WITHIN, Ground, LiveHost
from yidi.scenarios.live.tuning import Tuning
from yidi.scenarios.running.run import Cast, RunHooks, RunResult, assemble, opening_of
from yidi.scenarios.running.signing import guard_of

if TYPE_CHECKING:
    from yidi.scenarios.live.edge import Edge


class LiveOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How a scenario is run live."""

    engine: str = "embedded"
    scale: int | None = None
    """Scenario time per real time in thousandths; None goes at real speed and skips idle time."""
    tuning: Tuning = Tuning()
    externals: tuple[str, ...] = ()
    """Nodes that are somebody's own, as `--external` names them."""


def run_live(
    loaded: LoadedScenario,
    *,
    engine: str = "embedded",
    scale: int | None = None,
    seed: int | None = None,
    hooks: RunHooks | None = None,
    tuning: Tuning | None = None,
    externals: tuple[str, ...] = (),
) -> RunResult:
    """Run a scenario live to its end.

    Args:
        loaded: the scenario.
        engine: `embedded`, `mqtt://host:port` or `nats://host:port`.
        scale: scenario time per real time in thousandths; None goes at real speed and skips
            whatever time nothing happens in.
        seed: overrides the scenario's.
        hooks: sinks, checks and progress; `built` gets the host before it starts, `sync` is
            called once a turn.
        tuning: where the defaults are not what is wanted.
        externals: nodes that are somebody's own, as `--external` names them.

    Raises:
        ScenarioError: an own node is none of its network.
        TransportError: the engine or an own node could not be had.
    """
    hooks = hooks or RunHooks()
    cast = assemble(loaded, seed=seed, now=real_now())
    options = LiveOptions(
        engine=engine, scale=scale, tuning=tuning or Tuning(), externals=externals
    )
    host, edge = run_on_loop(_play(loaded, cast, options, hooks))
    journal, now = host.journal, host.clock.now()
    return RunResult(
        loaded=loaded,
        seed=cast.seed,
        world=cast.world,
        book=cast.book,
        nodes=cast.nodes,
        driver=cast.driver,
        journal_hash=journal.seal(now),
        start=cast.start,
        virtual_end=now,
        envelopes=host.deliveries,
        postings=host.postings,
        lost=host.faults.lost if host.faults is not None else 0,
        unfinished=host.stopped,
        refused=dict(sorted(host.core.refused.items())),
        links=host.core.totals(),
        mode="live",
        idle_faults=host.faults.plan.idle() if host.faults is not None else (),
        observed=edge.observed if edge is not None else (),
    )


def _make_durable(journal: JournalWriter, sync: Callable[[], None] | None) -> None:
    journal.flush()
    if sync is not None:
        sync()


async def _play(
    loaded: LoadedScenario, cast: Cast, options: LiveOptions, hooks: RunHooks
) -> tuple[LiveHost, Edge | None]:
    engine = engine_of(options.engine, options.tuning, fresh=True)
    edge: Edge | None = None
    try:
        await engine.prepare()
        if options.externals:
            # HTTP is imported where somebody is met over it, and only there.
            from yidi.scenarios.live.guests import Setting, invite  # noqa: PLC0415

            setting = Setting(nodes=cast.nodes, world=cast.world, book=cast.book, start=cast.start)
            edge = await invite(options.externals, setting, engine, hooks.wire)
        journal = JournalWriter(
            hooks.sink, opening_of(loaded, cast.seed, tuple(cast.nodes), cast.start)
        )
        clock = LiveClock(cast.start, options.scale or 1_000, skips_idle=options.scale is None)
        ground = Ground(
            engine=engine, journal=journal, clock=clock, credit=options.tuning.credit,
            sync=partial(_make_durable, journal, hooks.sync), outside=edge,
            guard=guard_of(loaded.scenario, cast.nodes, cast.seed),
        )  # fmt: skip
        host = LiveHost(cast.nodes, cast.driver, ground)
        if edge is not None:
            edge.open(clock.now, host.take, host)
        host.checks, host.on_posting = hooks.checks, hooks.postings
        host.faults = faults_of(loaded.scenario, cast, edge.nodes if edge is not None else ())
        built: Any = hooks.built
        if built is not None:
            built(host)
        await host.run(lambda: not _is_open(cast), connect_within=CONNECT_WITHIN)
    finally:
        if edge is not None:
            await edge.close()
        await engine.close()
    return host, edge


def _is_open(cast: Cast) -> bool:
    """Whether the scenario has still something to do."""
    return cast.driver.is_busy or not all(one.ended for one in cast.driver.calendars)
