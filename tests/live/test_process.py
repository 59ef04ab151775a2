"""Nodes in processes of their own over a real mosquitto, killed and started again under load."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.broker.engines.servers import mosquitto
from tests.live.visits import many_visits
from yidi.broker.engines.base import engine_from_url
from yidi.protocol.journal import JournalWriter
from yidi.scenarios.live.folder import Network, create_network
from yidi.scenarios.live.host import Ground, LiveHost
from yidi.scenarios.live.store import NodeStore
from yidi.scenarios.running.run import Cast, assemble, opening_of

VISITS = 40


class Processes:
    """One process a node."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.running = {address: self.start(address) for address in network.nodes()}

    def start(self, address: str) -> subprocess.Popen[str]:
        """Start a node and wait until it serves."""
        role, code = address.split(":")
        program = [str(Path(sys.executable).parent / "yidi"), "node", role, code]
        process = subprocess.Popen(
            [*program, "--network", str(self.network.folder)],
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )
        assert process.stderr is not None
        assert address in process.stderr.readline()
        return process

    def kill(self, address: str) -> None:
        """SIGKILL a node and start it again."""
        self.end(self.running[address], kill=True)
        self.running[address] = self.start(address)

    def end(self, process: subprocess.Popen[str], *, kill: bool = False) -> None:
        """End one process and wait for it."""
        process.kill() if kill else process.terminate()
        process.wait(20)
        assert process.stderr is not None
        process.stderr.close()

    def stop(self) -> None:
        """End them all."""
        for process in self.running.values():
            self.end(process)


async def drive(cast: Cast, network: Network, processes: Processes, victims: list[str]) -> None:
    """Be the hospital, and kill nodes while patients come."""
    engine = engine_from_url(network.settings.engine)
    journal = JournalWriter(None, opening_of(network.loaded, 1, ("desk",), cast.start))
    ground = Ground(
        engine=engine, journal=journal, clock=network.clock(cast.start),
        peers=tuple(network.nodes()),
    )  # fmt: skip
    host = LiveHost({}, cast.driver, ground)
    running = asyncio.create_task(host.run(lambda: not cast.driver.is_busy))
    for victim in victims:
        await asyncio.sleep(1.5)
        await asyncio.to_thread(processes.kill, victim)
    await asyncio.wait_for(running, 90)
    await engine.close()


@pytest.mark.slow
def test_a_killed_node_loses_nothing_and_doubles_nothing(tmp_path: Path) -> None:
    """kill -9 of each kind of node under load: every visit settles once, at all three nodes."""
    loaded = many_visits(tmp_path, VISITS, 150)
    cast = assemble(loaded)
    (tmp_path / "engine").mkdir()
    server = mosquitto(tmp_path / "engine")
    server.start()
    network = create_network(
        tmp_path / "network", loaded, cast, f"mqtt://127.0.0.1:{server.port}", 1_000
    )
    processes = Processes(network)
    try:
        victims = ["insured:340600", "treatment:310000", "hub:100000"]
        asyncio.run(drive(cast, network, processes, victims))
    finally:
        processes.stop()
        server.stop()
    for address, fresh in network.nodes().items():
        if address.startswith("province:"):
            continue
        with NodeStore(network.node_folder(address)) as store:
            node = store.recover(fresh, network.opening(address)).node
        assert Counter(node.state.cases[key].state for key in node.state.cases) == {
            "SETTLED": VISITS
        }
        assert node.state.ledger.seq == VISITS
