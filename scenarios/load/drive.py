"""Driving a load: what is asked for, who takes part, and the time in which patients come.

A host with the open loop at its desk is connected, the schedule begins, somebody is told once a
second how far it is, and all ends when the last visit has, or nobody waits any longer.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from time import perf_counter, process_time
from typing import Any

import msgspec

from yidi.nodes.policy import PolicyBook
from yidi.protocol.instants import Instant
from yidi.scenarios.judging.event_checks import EventChecks
from yidi.scenarios.judging.wire_checks import WireChecks
from yidi.scenarios.library.loader import LoadedScenario
from yidi.scenarios.live.host import LiveHost
from yidi.scenarios.load.load_report import Batches
from yidi.scenarios.load.open_loop import OpenLoop
from yidi.scenarios.running.world import World

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
    batches: Batches
    commits: int
    cpu_seconds: float
    """Of generator and nodes."""
    busy_seconds: float
    """Of the generator."""
    wall_seconds: float
    processes: int
    interrupted: bool


class Times(msgspec.Struct, kw_only=True):
    """How long the load lasted."""

    wall_seconds: float = 0.0
    cpu_seconds: float = 0.0
    """Of this process."""
    interrupted: bool = False


async def standing(host: LiveHost, is_done: Callable[[], bool]) -> asyncio.Task[None]:
    """Let a host serve, and return its task when every party is on the engine.

    Raises:
        TransportError: `E_ENGINE`; the host has ended.
    """
    serving = asyncio.create_task(host.run(is_done))
    try:
        await host.attached(serving)
    except BaseException:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)
        raise
    return serving


async def drive(host: LiveHost, loop: OpenLoop, options: LoadOptions, tell: Tell | None) -> Times:
    """Connect, let the schedule begin, and return when the last visit has ended or time is up."""
    times = Times()
    serving = await standing(host, lambda: not loop.has_more and not loop.open_visits)
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
        if tell is not None:
            tell(_progress(loop, began))
    await serving
    return times


@contextmanager
def _listening(interrupt: Callable[[], None]) -> Iterator[None]:
    """SIGINT or SIGTERM: let nobody in any more."""
    loop = asyncio.get_running_loop()
    listened = (signal.SIGINT, signal.SIGTERM)
    with suppress(NotImplementedError, RuntimeError):  # Windows; not the main thread
        for name in listened:
            loop.add_signal_handler(name, interrupt)
    try:
        yield
    finally:
        with suppress(NotImplementedError, RuntimeError):
            for name in listened:
                loop.remove_signal_handler(name)


async def _tell(loop: OpenLoop, began: float, tell: Tell | None) -> None:
    while tell is not None:
        await asyncio.sleep(PROGRESS_EVERY)
        tell(_progress(loop, began))


def _progress(loop: OpenLoop, began: float) -> LoadProgress:
    return LoadProgress(
        seconds=perf_counter() - began, arrived=loop.arrived, settled=loop.settled,
        refused=loop.manual, open_visits=loop.open_visits,
        p99_us=loop.measured.visits.percentile(9_900),
    )  # fmt: skip
