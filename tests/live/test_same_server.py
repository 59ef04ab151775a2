"""One server, several runs: after one that was broken off, and beside another."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.broker.engines.servers import mosquitto, nats_servers
from yidi.protocol.errors import TransportError
from yidi.scenarios.judging.rows import Totals, case_rows
from yidi.scenarios.library.loader import load
from yidi.scenarios.live.engines import engine_of
from yidi.scenarios.live.network import run_live
from yidi.scenarios.running.run import RunHooks, RunResult, run_virtual

LOADED = load("huaibei-outpatient-in-shanghai")
UNDER_WAY = 60
"""Turns after which the visit has begun and is not over."""


class BrokenOffError(Exception):
    """A run ends as a crash would end it: with messages unacknowledged."""


def break_off(_: Any) -> None:
    """End a run in the midst of a turn."""
    raise BrokenOffError


def books(result: RunResult) -> str:
    """The books' hash."""
    totals = Totals()
    for row in case_rows(result.nodes, lambda place, visit: None):
        totals.add(row)
    return totals.books_hash


@pytest.fixture(scope="module", params=["mqtt", "nats"])
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server's URL."""
    folder = tmp_path_factory.mktemp(request.param)
    server = mosquitto(folder) if request.param == "mqtt" else nats_servers(folder, 1)[0]
    server.start()
    yield f"{request.param}://127.0.0.1:{server.port}"
    server.stop()


def under_way(act: Callable[[Any], object]) -> RunHooks:
    """Hooks that do something with the host in the midst of the visit."""
    hosts: list[Any] = []
    turns = iter(range(1_000_000))

    def sync() -> None:
        if next(turns) == UNDER_WAY:
            act(hosts[0])

    return RunHooks(built=hosts.append, sync=sync)


def test_a_run_is_not_told_what_one_before_it_left_behind(url: str) -> None:
    """What waits on the server for the same addresses is another network's, and thrown away."""
    with pytest.raises(BrokenOffError):
        run_live(LOADED, engine=url, hooks=under_way(break_off))

    assert books(run_live(LOADED, engine=url)) == books(run_virtual(LOADED))


async def take_over(url: str) -> None:
    """Attach under an address of the network that runs, as another run on the server would."""

    async def receive(frames: list[bytes]) -> None:
        """Take what comes, and do nothing with it."""

    engine = engine_of(url, fresh=True)
    attachment = await engine.attach("hub:yrd", receive)
    await attachment.ready()
    await attachment.close()
    await engine.close()


def test_a_run_whose_address_is_taken_ends_and_says_so(url: str) -> None:
    """Another network on the same server has the same addresses: the earlier one cannot go on."""
    with ThreadPoolExecutor(1) as beside:
        hooks = under_way(lambda _: beside.submit(asyncio.run, take_over(url)))
        with pytest.raises(TransportError, match="E_SESSION_TAKEN"):
            run_live(LOADED, engine=url, hooks=hooks)
