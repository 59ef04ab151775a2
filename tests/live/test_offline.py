"""A region that is away while more becomes due for it than the broker keeps."""

from __future__ import annotations

import asyncio
import subprocess
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.broker.engines.servers import Server, mosquitto, need_program
from tests.live.visits import many_visits
from yidi.nodes.ledger import Posting
from yidi.protocol.instants import MILLISECOND, SECOND, Instant
from yidi.protocol.journal import JournalWriter, Opening
from yidi.scenarios.live.clock import LiveClock
from yidi.scenarios.live.engines import engine_of
from yidi.scenarios.live.host import Ground, LiveHost, all_ready
from yidi.scenarios.live.tuning import Tuning
from yidi.scenarios.running.run import Cast, assemble, opening_of

SETTLEMENTS, EVERY_MS = 3_000, 2
SETTLE_AFTER_MS = 120_000
"""All fees are known by then; only the settlements are to go over the broker."""
INSURED = "insured:340600"
SCALE = 250
"""Thousandths: the network's clock is slow, so that the deadlines of 25 s outlast the outage."""
TUNING = Tuning(batch_frames_max=1, credit=4 * SETTLEMENTS)
"""Each message a publish of its own, as many as want under way."""
DROPPED = "$SYS/broker/publish/messages/dropped"
ENDS_WITHIN = 240


def dropped(server: Server) -> int:
    """What mosquitto says of itself: messages that found a queue full."""
    program = need_program("mosquitto_sub", "apt-get install mosquitto-clients")
    words = [program, "-p", str(server.port), "-t", DROPPED, "-C", "1", "-W", "10"]
    return int(subprocess.run(words, capture_output=True, check=True, text=True).stdout)


class Halves:
    """The network in two hosts: one region alone, and everybody else."""

    def __init__(self, cast: Cast, opening: Opening) -> None:
        self.cast, self.opening = cast, opening
        self.clock = LiveClock(cast.start)
        self.posted: Counter[tuple[str, str]] = Counter()

    @asynccontextmanager
    async def hosting(self, url: str, addresses: list[str], *, desk: bool) -> AsyncIterator[None]:
        """Some of the nodes on an engine, until the block ends."""
        engine = engine_of(url, TUNING)
        ground = Ground(
            engine=engine, journal=JournalWriter(None, self.opening), clock=self.clock,
            peers=tuple(self.cast.nodes), credit=TUNING.credit,
        )  # fmt: skip
        nodes = {address: self.cast.nodes[address] for address in addresses}
        host = LiveHost(nodes, self.cast.driver if desk else None, ground)
        host.on_posting = self._note
        task = asyncio.create_task(host.run(lambda: False))
        try:
            await until(lambda: all(party.attachment for party in host.everybody))
            await all_ready(host.everybody, 60, host.engine.url)
            yield
        finally:
            host.stop()
            await task
            await engine.close()

    def _note(self, node: str, posting: Posting) -> None:
        self.posted[node, posting.key] += 1


async def until(holds: Callable[[], bool]) -> None:
    """Wait for what no event tells."""
    while not holds():  # noqa: ASYNC110
        await asyncio.sleep(0.05)


@pytest.mark.slow
async def test_three_thousand_settlements_outlast_the_broker_that_drops_them(
    tmp_path: Path,
) -> None:
    """Mosquitto keeps 1,000 for the region that is away, and drops; all take effect once."""
    loaded = many_visits(tmp_path, SETTLEMENTS, EVERY_MS, settle_after_ms=SETTLE_AFTER_MS)
    cast = assemble(loaded)
    server = mosquitto(tmp_path, "sys_interval 1\n")
    server.start()
    opening = opening_of(loaded, 1, tuple(cast.nodes), cast.start)
    halves, url = Halves(cast, opening), f"mqtt://127.0.0.1:{server.port}"
    hub, treatment = cast.nodes["hub:100000"].state, cast.nodes["treatment:310000"].state
    others = [address for address in cast.nodes if address != INSURED]
    try:
        # What goes before the settlements needs no broker.
        async with halves.hosting("embedded", list(cast.nodes), desk=True):
            await until(lambda: all(one.story.totals for one in cast.driver.cases))
            assert not treatment.cases, "settlements came before the region went away"
        halves.clock = LiveClock(Instant(cast.start + SETTLE_AFTER_MS * MILLISECOND), SCALE)
        # Known to the broker, and gone: from now on it keeps what comes for the region.
        async with halves.hosting(url, [INSURED], desk=False):
            pass
        async with asyncio.timeout(ENDS_WITHIN), halves.hosting(url, others, desk=True):
            await until(lambda: len(hub.exchanges) == SETTLEMENTS)
            while not (lost := await asyncio.to_thread(dropped, server)):  # noqa: ASYNC110
                await asyncio.sleep(0.5)
            first = min(one.deadline for one in treatment.outbox.values())
            assert halves.clock.now() < first - 5 * SECOND, "the outage lasted too long"
            async with halves.hosting(url, [INSURED], desk=False):
                await until(lambda: not cast.driver.is_busy)
    finally:
        server.stop()

    print(f"mosquitto dropped {lost}")
    for address in ("treatment:310000", "hub:100000", INSURED):
        states = Counter(case.state for case in cast.nodes[address].state.cases.values())
        assert {"SETTLED": SETTLEMENTS} == states, address
    assert ({1}, 3 * SETTLEMENTS) == (set(halves.posted.values()), len(halves.posted))
