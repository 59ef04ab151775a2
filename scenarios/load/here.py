"""A load on a network in this process: all nodes and the generator on one thread.

What the generator takes of the thread is counted. The per-event checks watch as it happens. An
own node may stand in the place of one of ours.
"""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from yidi.scenarios.judging.event_checks import EventChecks
from yidi.scenarios.judging.journal_file import create_journal
from yidi.scenarios.live.clock import LiveClock
from yidi.scenarios.live.engines import engine_of
from yidi.scenarios.live.host import Ground, LiveHost
from yidi.scenarios.load.drive import LoadOptions, Prepared, Ran, Tell, drive
from yidi.scenarios.load.load_report import batches_of
from yidi.scenarios.running.run import opening_of, quiet_collector
from yidi.scenarios.running.signing import guard_of

if TYPE_CHECKING:
    from yidi.scenarios.live.edge import Edge


async def run_here(
    prepared: Prepared, options: LoadOptions, folder: Path, tell: Tell | None
) -> Ran:
    """Run network and generator in this process; the journal lies in `folder` meanwhile."""
    engine = engine_of(options.engine, fresh=True)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(engine.close)
        await engine.prepare()
        edge: Edge | None = None
        if options.externals:
            # HTTP is imported where somebody is met over it, and only there.
            from yidi.scenarios.live.guests import Setting, invite  # noqa: PLC0415

            setting = Setting(
                nodes=prepared.nodes, world=prepared.world, book=prepared.book,
                start=prepared.start,
            )  # fmt: skip
            edge = await invite(options.externals, setting, engine, prepared.wire.feed)
        opening = opening_of(
            prepared.loaded, prepared.seed, tuple(prepared.nodes), prepared.start
        )  # fmt: skip
        journal = stack.enter_context(create_journal(folder / "journal.bin", opening))
        clock = LiveClock(prepared.start)
        ground = Ground(
            engine=engine, journal=journal.writer, clock=clock, sync=journal.commit, outside=edge,
            guard=guard_of(prepared.loaded.scenario, prepared.nodes, prepared.seed),
        )  # fmt: skip
        host = LiveHost(prepared.nodes, prepared.loop, ground)
        host.checks = checks = EventChecks(prepared.nodes, prepared.wire.book)
        if edge is not None:
            stack.push_async_callback(edge.close)
            edge.open(clock.now, host.take, host)
        with quiet_collector():
            times = await drive(host, prepared.loop, options, tell)
        batches = batches_of(one.attachment.counters for one in host.everybody if one.attachment)
    return Ran(
        nodes=prepared.nodes, checks=checks, batches=batches, commits=host.commits,
        cpu_seconds=times.cpu_seconds, busy_seconds=prepared.loop.busy_ns / 1e9,
        wall_seconds=times.wall_seconds, processes=1, interrupted=times.interrupted,
    )  # fmt: skip
