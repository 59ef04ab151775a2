"""A scenario's whole network as tasks of one process, over any engine: `yidi run --live`.

The same nodes, clients, checks and bundle as a virtual run. What differs is who moves the
messages and whose clock it is, so that a fault-free scenario comes to the same books
(`books_hash`) here and there, while the journal's hash depends on the order of arrival.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

from yidi.protocol.errors import ErrorCode, ScenarioError
from yidi.protocol.journal import JournalWriter
from yidi.scenarios.library.loader import LoadedScenario
from yidi.scenarios.live.clock import LiveClock, real_now
from yidi.scenarios.live.engines import engine_of
from yidi.scenarios.live.host import CONNECT_WITHIN, Ground, LiveHost
from yidi.scenarios.live.tuning import Tuning
from yidi.scenarios.running.run import Cast, RunHooks, RunResult, assemble, opening_of


def run_live(
    loaded: LoadedScenario,
    *,
    engine: str = "embedded",
    scale: int | None = None,
    seed: int | None = None,
    hooks: RunHooks | None = None,
    sync: Callable[[], None] | None = None,
    tuning: Tuning | None = None,
) -> RunResult:
    """Run a scenario live to its end.

    Args:
        loaded: the scenario.
        engine: `embedded`, `mqtt://host:port` or `nats://host:port`.
        scale: scenario time per real time in thousandths; None goes at real speed and skips
            whatever time nothing happens in.
        seed: overrides the scenario's.
        hooks: sinks, checks and progress; `built` gets the host before it starts.
        sync: makes the journal's blocks durable; called once a turn.
        tuning: where the defaults are not what is wanted.

    Raises:
        ScenarioError: the scenario has faults, which belong to virtual runs.
        TransportError: the engine could not be had.
    """
    if loaded.scenario.fault:
        raise ScenarioError(
            ErrorCode.E_EVENT, at=f"{loaded.path}:fault", want="no [[fault]] in a live run"
        )
    hooks = hooks or RunHooks()
    cast = assemble(loaded, seed=seed, now=real_now())
    journal = JournalWriter(
        hooks.sink, opening_of(loaded, cast.seed, tuple(cast.nodes), cast.start)
    )
    clock = LiveClock(cast.start, scale or 1_000, skips_idle=scale is None)
    tuning = tuning or Tuning()
    ground = Ground(
        engine=engine_of(engine, tuning), journal=journal, clock=clock, credit=tuning.credit,
        sync=partial(_make_durable, journal, sync),
    )  # fmt: skip
    host = asyncio.run(_serve(cast, ground, hooks))
    now = clock.now()
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
        lost=0,
        unfinished=host.stopped,
        refused=dict(sorted(host.core.refused.items())),
        links=host.core.totals(),
        mode="live",
    )


def _make_durable(journal: JournalWriter, sync: Callable[[], None] | None) -> None:
    journal.flush()
    if sync is not None:
        sync()


async def _serve(cast: Cast, ground: Ground, hooks: RunHooks) -> LiveHost:
    engine = ground.engine
    await engine.prepare()
    host = LiveHost(cast.nodes, cast.driver, ground)
    host.checks, host.on_posting = hooks.checks, hooks.postings
    built: Any = hooks.built
    if built is not None:
        built(host)
    try:
        await host.run(lambda: not _is_open(cast), connect_within=CONNECT_WITHIN)
    finally:
        await engine.close()
    return host


def _is_open(cast: Cast) -> bool:
    """Whether the scenario has still something to do."""
    return cast.driver.is_busy or not all(one.ended for one in cast.driver.calendars)
