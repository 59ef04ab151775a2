"""The live host over an engine that loses, or says other than it should."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from yidi.broker.engines.base import EngineOptions
from yidi.broker.engines.batching import Batch
from yidi.broker.engines.embedded import EmbeddedEngine
from yidi.protocol.envelope import Envelope, Origin, seal, unframe
from yidi.protocol.instants import SECOND, Instant
from yidi.protocol.journal import JournalWriter
from yidi.scenarios.library.loader import load
from yidi.scenarios.live.clock import LiveClock
from yidi.scenarios.live.host import Ground, LiveHost
from yidi.scenarios.running.run import opening_of

TINY = str(Path(__file__).parents[1] / "data" / "tiny.toml")
A, B = "treatment:310000", "hub:100000"
START = Instant(1_772_000_000_000_000)


class LossyEngine(EmbeddedEngine):
    """The embedded engine, losing what it is told to lose."""

    def __init__(self) -> None:
        super().__init__(EngineOptions())
        self.loses: Callable[[Batch], bool] = lambda batch: False

    def deposit(self, sender: str, batch: Batch) -> bool:
        """Put a batch into its mailbox, or into none."""
        return True if self.loses(batch) else super().deposit(sender, batch)


class Talker:
    """A node that says so much, resends until it is answered, and answers every message."""

    def __init__(self, address: str, peer: str = "", count: int = 0) -> None:
        self.address, self.peer = address, peer
        self.waiting = {f"{address}-{number}": True for number in range(count)}
        self.heard: list[str] = []
        self.at = Instant(START) if count else None
        self.fired = 0

    def handle(self, envelope: Envelope, now: Instant) -> list[Envelope]:
        """Note it; an answer ends the waiting."""
        origin = envelope.origin
        self.heard.append(origin.message_id)
        if origin.kind:
            self.waiting.pop(origin.correlation_id, None)
            self.at = self.at if self.waiting else None
            return []
        return [self.say(f"re-{origin.message_id}", origin.sender, origin.message_id)]

    def next_deadline(self) -> Instant | None:
        """When to say it, again."""
        return self.at

    def handle_deadline(self, now: Instant) -> list[Envelope]:
        """Say all that was not answered."""
        self.fired += 1
        self.at = Instant(now + SECOND // 10)
        return [self.say(one, self.peer) for one in self.waiting]

    def say(self, message_id: str, to: str, about: str = "") -> Envelope:
        """A request, or the answer to one."""
        origin = Origin(
            "2207", 1 if about else 0, message_id[:30], about, self.address, to, "", "", "",
            0, START, 0, "",
        )  # fmt: skip
        return seal(to, origin, b"\x90")


@asynccontextmanager
async def hosts(engine: EmbeddedEngine, *nodes: Any, credit: int) -> AsyncIterator[list[LiveHost]]:
    """A host for every node, over one engine."""
    loaded = load(TINY)
    opening = opening_of(loaded, 1, tuple(node.address for node in nodes), START)
    made = []
    for node in nodes:
        ground = Ground(
            engine=engine, journal=JournalWriter(None, opening), clock=LiveClock(START),
            peers=tuple(other.address for other in nodes), credit=credit,
        )  # fmt: skip
        made.append(LiveHost({node.address: node}, None, ground))
    tasks = [asyncio.create_task(host.run(lambda: False)) for host in made]
    try:
        async with asyncio.timeout(120):
            yield made
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await engine.close()


async def until(holds: Callable[[], bool]) -> None:
    """Wait for what no event tells."""
    while not holds():  # noqa: ASYNC110
        await asyncio.sleep(0.005)


async def test_a_link_that_lost_its_whole_window_goes_on() -> None:
    """Out of credit the outbox holds; the window comes free though nothing of it arrived."""
    engine = LossyEngine()
    engine.loses = lambda batch: True
    sender, receiver = Talker(A, B, 20), Talker(B)
    async with hosts(engine, sender, receiver, credit=8) as (first, _):
        await until(lambda: first.core.refused.get("E_BUSY", 0) > 0)
        engine.loses = lambda batch: False
        await until(lambda: not sender.waiting)

    assert {f"{A}-{number}" for number in range(20)} <= set(receiver.heard)


async def test_who_speaks_for_another_is_not_heard() -> None:
    """The topic says the desk, the frame a region: it is counted and reaches nobody."""
    engine = LossyEngine()
    receiver = Talker(B)
    async with hosts(engine, receiver, credit=8) as (host,):
        outsider = await engine.attach("operator:desk", _nobody)
        other = LiveHost({A: Talker(A)}, None, _ground(engine))
        _, raw = other.core.send(A, Talker(A).say("M1", B), START)
        outsider.send(B, 0, raw)
        await until(lambda: host.core.refused.get("E_SENDER_MISMATCH") == 1)
        letter = host.core.dead_letters[-1]

    assert unframe(raw).origin.message_id not in receiver.heard
    assert ("operator:desk", "E_SENDER_MISMATCH") == (letter.sender, letter.code)


async def test_deadlines_are_kept_however_much_comes() -> None:
    """A node that never finds its queue empty still resends on time."""
    engine = LossyEngine()
    busy, flood = Talker(A, B, 1), Talker(B)
    engine.loses = lambda batch: batch.recipient == B
    async with hosts(engine, busy, flood, credit=65_536) as (host, _):
        arrived: Any = host._arrived
        party = host.parties[A]
        for _ in range(50):
            for _ in range(50):
                arrived.put_nowait((party, [], asyncio.get_running_loop().create_future()))
            await asyncio.sleep(0.01)

    assert busy.fired > 2


async def _nobody(frames: list[bytes]) -> None:
    """Takes no notice."""


def _ground(engine: EmbeddedEngine) -> Ground:
    opening = opening_of(load(TINY), 1, (A,), START)
    return Ground(
        engine=engine, journal=JournalWriter(None, opening), clock=LiveClock(START), peers=(B,)
    )
