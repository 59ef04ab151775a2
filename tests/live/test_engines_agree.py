"""The same visits come to the same books in virtual time and over every engine (INV-40)."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.broker.engines.servers import Server, mosquitto, nats_servers
from tests.live.visits import many_visits
from yidi.scenarios.judging.rows import Totals, case_rows
from yidi.scenarios.live.network import run_live
from yidi.scenarios.running.run import RunResult, run_virtual

VISITS, EVERY_MS = 1_000, 16


def books(result: RunResult) -> tuple[str, dict[str, int]]:
    """The books' hash and the cases by state."""
    totals = Totals()
    for row in case_rows(result.nodes, lambda place, visit: None):
        totals.add(row)
    return totals.books_hash, dict(totals.states)


@contextlib.contextmanager
def engine_url(engine: str, folder: Path) -> Iterator[str]:
    """The URL of an engine whose servers run meanwhile."""
    servers: list[Server] = []
    if engine == "mosquitto":
        servers = [mosquitto(folder)]
    elif engine == "nats cluster":
        servers = nats_servers(folder, 3)
    for server in servers:
        server.start()
    scheme = "mqtt" if engine == "mosquitto" else "nats"
    places = ",".join(f"127.0.0.1:{server.port}" for server in servers)
    try:
        yield f"{scheme}://{places}" if servers else "embedded"
    finally:
        for server in servers:
            server.stop()


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["embedded", "mosquitto", "nats cluster"])
def test_engine_and_mode_make_no_difference_to_the_books(engine: str, tmp_path: Path) -> None:
    """Fault-free, one case a person, one accounting day: equal books_hash everywhere."""
    loaded = many_visits(tmp_path, VISITS, EVERY_MS)
    expected = books(run_virtual(loaded))
    with engine_url(engine, tmp_path) as url:
        found = books(run_live(loaded, engine=url))

    assert expected[1] == {"SETTLED": VISITS}
    assert found == expected
