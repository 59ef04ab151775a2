"""A broker that forgets, dies and comes back: what it carried is lost, and no case is."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import pytest

from tests.broker.engines.servers import Server, mosquitto, nats_servers
from tests.live.visits import many_visits
from yidi.broker.engines.base import EngineOptions
from yidi.nodes.ledger import Posting
from yidi.protocol.journal import JournalWriter, Opening
from yidi.scenarios.live.clock import LiveClock
from yidi.scenarios.live.engines import engine_of
from yidi.scenarios.live.host import Ground, LiveHost
from yidi.scenarios.running.run import Cast, assemble, opening_of

VISITS, EVERY_MS = 400, 25
SCALE = 4
"""The network's clock is so much faster: what was lost is sent again after 1.25 s."""
ENDS_WITHIN = 240


class Run:
    """One network in this process over a server that somebody else ends and starts."""

    def __init__(self, cast: Cast, url: str, opening: Opening, scale: int) -> None:
        self.cast = cast
        self.postings: Counter[tuple[str, str, str]] = Counter()
        ground = Ground(
            engine=engine_of(url),
            journal=JournalWriter(None, opening),
            clock=LiveClock(cast.start, scale * 1_000),
        )
        self.host = LiveHost(cast.nodes, cast.driver, ground)
        self.host.on_posting = self._note

    def _note(self, node: str, posting: Posting) -> None:
        self.postings[node, posting.key, posting.kind] += 1

    async def through(self, trouble: Callable[[Run], Awaitable[None]]) -> None:
        """Until every patient has been served, with trouble meanwhile."""
        await self.host.engine.prepare()
        done = self.host.run(lambda: not self.cast.driver.is_busy, connect_within=60)
        async with asyncio.timeout(ENDS_WITHIN):
            await asyncio.gather(done, trouble(self))
        await self.host.engine.close()

    def served(self) -> int:
        """How many patients are through."""
        return sum(not case.is_open for case in self.cast.driver.cases)

    async def until_served(self, count: int) -> None:
        """Return once so many patients are through."""
        while self.served() < count:  # noqa: ASYNC110 (no event tells)
            await asyncio.sleep(0.01)

    def judge(self) -> None:
        """0 lost, 0 doubled at the ledgers: every visit is settled once, at all three nodes."""
        outcomes = self.cast.driver.outcomes()
        assert {"accepted"} == {step.outcome for one in outcomes for step in one.steps}
        books = {
            address: {case.settlement_id: case.state for case in node.state.cases.values()}
            for address, node in self.cast.nodes.items()
            if not address.startswith("province:")
        }
        for address, cases in books.items():
            assert (VISITS, {"SETTLED"}) == (len(cases), set(cases.values())), address
            settled = [key for key in self.postings if key[0] == address and key[2] == "SETTLE"]
            assert VISITS == len(settled), address
        assert {1} == set(self.postings.values())


def a_run(folder: Path, url: str, scale: int = SCALE) -> Run:
    """The visits of this module over an engine."""
    loaded = many_visits(folder, VISITS, scale * EVERY_MS)
    cast = assemble(loaded)
    return Run(cast, url, opening_of(loaded, 1, tuple(cast.nodes), cast.start), scale)


async def leader_of(servers: list[Server]) -> Server:
    """The server that leads the network's stream."""
    import nats

    client = await nats.connect([f"nats://127.0.0.1:{server.port}" for server in servers])
    try:
        while True:
            with suppress(nats.errors.Error):  # none is chosen yet
                found = await client.jsm().stream_info(EngineOptions().network)
                if found.cluster.leader:
                    return servers[int(found.cluster.leader.removeprefix("n"))]
            await asyncio.sleep(0.1)
    finally:
        await client.close()


@pytest.mark.slow
async def test_a_broker_that_lost_its_memory_costs_no_case(tmp_path: Path) -> None:
    """Mosquitto is stopped, its store deleted, and started, mid-run."""
    server = mosquitto(tmp_path)
    server.start()

    async def forget(run: Run) -> None:
        await run.until_served(VISITS // 3)
        server.stop()
        server.wipe()
        await asyncio.to_thread(server.start)

    try:
        run = a_run(tmp_path, f"mqtt://127.0.0.1:{server.port}")
        await run.through(forget)
    finally:
        server.stop()
    run.judge()


@pytest.mark.slow
async def test_a_broker_killed_ten_times_costs_no_case(tmp_path: Path) -> None:
    """kill -9 of mosquitto, ten times while patients come; a stock one forgets what it had."""
    server = mosquitto(tmp_path)
    server.start()

    async def kill(run: Run) -> None:
        for number in range(10):
            await run.until_served((number + 1) * VISITS // 16)
            await asyncio.sleep(random.random() / 10)
            server.stop(kill=True)
            await asyncio.to_thread(server.start)

    try:
        run = a_run(tmp_path, f"mqtt://127.0.0.1:{server.port}")
        await run.through(kill)
    finally:
        server.stop()
    run.judge()


@pytest.mark.slow
async def test_a_cluster_that_loses_its_leader_three_times_costs_no_case(tmp_path: Path) -> None:
    """kill -9 of whichever of three NATS servers leads the stream, three times."""
    servers = nats_servers(tmp_path, 3)
    for server in servers:
        server.start()

    async def behead(run: Run) -> None:
        for number in range(3):
            await run.until_served((number + 1) * VISITS // 5)
            leader = await leader_of(servers)
            leader.stop(kill=True)
            await run.until_served((number + 1) * VISITS // 5 + VISITS // 20)
            await asyncio.to_thread(leader.start)

    try:
        places = ",".join(f"127.0.0.1:{server.port}" for server in servers)
        # At real speed: choosing a leader takes seconds, which no settlement should time out in.
        run = a_run(tmp_path, f"nats://{places}", scale=1)
        await run.through(behead)
    finally:
        for server in servers:
            server.stop()
    run.judge()
