"""Nodes in processes of their own, killed at random moments, judged by the clients' log."""

from __future__ import annotations

import asyncio
import os
import random
from pathlib import Path

import pytest

from tests.broker.engines.servers import mosquitto
from tests.live.processes import Processes
from tests.live.visits import many_visits
from tests.live.witness import Books, DayCloser, Witness, broken_promises
from yidi.broker.engines.base import engine_from_url
from yidi.protocol.instants import SECOND, Duration
from yidi.protocol.journal import JournalWriter
from yidi.protocol.transactions import OUTPATIENT_SETTLEMENT
from yidi.scenarios.live.desk import Desk
from yidi.scenarios.live.folder import Network, create_network
from yidi.scenarios.live.host import Ground, LiveHost
from yidi.scenarios.live.tuning import Tuning
from yidi.scenarios.running.run import Cast, assemble, opening_of

VICTIMS = ["treatment:310000", "insured:340600", "hub:100000", "province:340000"]
KILLS = int(os.environ.get("YIDI_KILLS", "30"))
"""Of every kind of node."""
SCALE = 8
"""The network's clock runs so much faster, so that time-outs and resends come often."""
VISITS, EVERY_MS = 900, 120
"""More than the kills last; nobody begins a visit any more once they are over."""
PAUSE = Duration(2 * SECOND)
"""Between two day closes: so March is cleared while nodes are killed, and provinces have work."""
TUNING = Tuning(snapshot_every=16_384)
"""Snapshots every few dozen inputs: many of the kills meet one half written."""
ENDS_WITHIN = 240
CLEARING = '[clearing]\nperiods = ["2026-03"]\n'


def seed_of_this_run() -> int:
    """Another one each time, unless `YIDI_KILL_SEED` names one."""
    return int(os.environ.get("YIDI_KILL_SEED", random.randrange(1_000_000)))


async def kill_in_turn(processes: Processes, victims: list[str], draws: random.Random) -> int:
    """Kill each of the victims `KILLS` times, at random moments; how often that was."""
    order = victims * KILLS
    draws.shuffle(order)
    for victim in order:
        await asyncio.sleep(draws.uniform(0.02, 0.35))
        await asyncio.to_thread(processes.kill, victim)
    return len(order)


async def quiet(witness: Witness) -> None:
    """Return when everything that was asked has been answered."""
    async with asyncio.timeout(ENDS_WITHIN):
        while witness.open:  # noqa: ASYNC110 (answers come by another task)
            await asyncio.sleep(0.05)


async def drive(
    cast: Cast, network: Network, processes: Processes, draws: random.Random, witness: Witness
) -> tuple[int, int]:
    """Be everybody at the counters while nodes are killed; kills, and answers that changed."""
    engine = engine_from_url(network.settings.engine)
    journal = JournalWriter(None, opening_of(network.loaded, 1, ("desk",), cast.start))
    ground = Ground(
        engine=engine, journal=journal, clock=network.clock(cast.start),
        peers=tuple(network.nodes()),
    )  # fmt: skip
    desk = Desk(witness)
    host = desk.host = LiveHost({}, desk, ground)
    closer = DayCloser(cast.driver.clients, "hub:100000", "2026-03-01", PAUSE)
    cast.driver.clients.wake(closer, cast.start + PAUSE)
    running = asyncio.create_task(host.run(lambda: False))
    try:
        # Two at a time: either of a region and one of those in the middle.
        kills = await asyncio.gather(
            kill_in_turn(processes, VICTIMS[:2], draws), kill_in_turn(processes, VICTIMS[2:], draws)
        )
        assert cast.driver.is_busy, "the load ended before the kills did"
        witness.admits_patients = closer.goes_on = False
        await quiet(witness)
        changed = 0
        for line in witness.heard():
            again = await desk.ask(witness.sent[line.asked])
            changed += line.kind == 1 and (again.origin.kind, again.body) != (line.kind, line.body)
    finally:
        host.stop()
        await running
        await engine.close()
    assert [] == closer.refused
    return sum(kills), changed


@pytest.mark.slow
def test_kills_lose_nothing_double_nothing_and_change_no_answer(tmp_path: Path) -> None:
    """Thirty kills of each of treatment region, hub, insured region and province."""
    seed = seed_of_this_run()
    print(f"seed {seed}: YIDI_KILL_SEED={seed} repeats the moments")
    loaded = many_visits(tmp_path, VISITS, EVERY_MS * SCALE, CLEARING)
    cast = assemble(loaded)
    (tmp_path / "engine").mkdir()
    server = mosquitto(tmp_path / "engine")
    server.start()
    network = create_network(
        tmp_path / "network", loaded, cast, f"mqtt://127.0.0.1:{server.port}", SCALE * 1_000,
        tuning=TUNING,
    )  # fmt: skip
    witness = Witness(cast.driver, tmp_path / "witness.jsonl")
    processes = Processes(network)
    try:
        kills, changed = asyncio.run(drive(cast, network, processes, random.Random(seed), witness))
    finally:
        witness.close()
        processes.stop()
        server.stop()
    addresses = list(network.nodes())
    books = {address: Books(network, address) for address in addresses}
    heard = witness.heard()
    told = sum(line.transaction == OUTPATIENT_SETTLEMENT and line.kind == 1 for line in heard)
    print(f"{kills} kills, {len(heard)} answers, {told} settled,", end=" ")
    print({address: len(book.postings) for address, book in books.items()})

    assert (KILLS * len(VICTIMS), 0) == (kills, changed)
    settling = {name: book for name, book in books.items() if not name.startswith("province:")}
    assert [] == list(broken_promises(heard, settling))
    assert [] == [one for book in books.values() for one in book.doubled()]
    assert [KILLS + 1] * len(VICTIMS) == [books[address].starts for address in VICTIMS]
    assert told > KILLS
    # The province was killed at work, too: March is cleared.
    assert [] == [address for address, book in books.items() if not book.cleared()]
