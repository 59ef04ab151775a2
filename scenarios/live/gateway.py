"""A scenario's network in one process, with the national gateway in front of it.

The nodes are those of any run; the clients are real ones, at the gateway. By default the
scenario's own story is not played: its regions, institutions and persons are there, the hubs'
operators close the days, and whatever else happens comes through the gateway.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec

from yidi.broker.gateway.asked import Place
from yidi.broker.gateway.calls import Calls
from yidi.broker.gateway.guards import Client, Credentials
from yidi.broker.gateway.openapi import openapi_document
from yidi.broker.gateway.server import GatewayServer, ServerOptions
from yidi.protocol.instants import DAY, Instant, day_of
from yidi.protocol.journal import JournalWriter
from yidi.scenarios.library.loader import LoadedScenario
from yidi.scenarios.library.schema import Scenario
from yidi.scenarios.live.clock import LiveClock, real_now
from yidi.scenarios.live.desk import ANSWER_SECONDS, Desk
from yidi.scenarios.live.engines import engine_of
from yidi.scenarios.live.folder import Network
from yidi.scenarios.live.host import Ground, LiveHost
from yidi.scenarios.live.store import count_up
from yidi.scenarios.live.tuning import Tuning
from yidi.scenarios.running.calendar import HubCalendar
from yidi.scenarios.running.driver import Driver
from yidi.scenarios.running.institutions import build_institutions
from yidi.scenarios.running.people import build_people
from yidi.scenarios.running.run import Cast, assemble, opening_of
from yidi.scenarios.running.streams import Streams

SECRET_BYTES = 32
FOREVER = 3_650 * DAY
"""How long the days of a served network are closed: ten years of its own time."""


class ServeOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How a network is served."""

    clients: tuple[Client, ...]
    scale: int = 1_000
    """Scenario time per real time, in thousandths."""
    play: bool = False
    """Whether the scenario's own cases and flows come, too."""
    strict: bool = False
    answer_seconds: float = ANSWER_SECONDS
    """Real seconds a call waits before its outcome is called unknown."""
    http: ServerOptions = ServerOptions()
    engine: str = "embedded"


class Served(msgspec.Struct, kw_only=True):
    """A network that is up."""

    scenario: Scenario
    cast: Cast
    host: LiveHost
    desk: Desk
    server: GatewayServer
    task: asyncio.Task[None]
    """Ends with the host; an error of ours is in it."""


@asynccontextmanager
async def serving(
    loaded: LoadedScenario, options: ServeOptions, network: Network | None = None
) -> AsyncIterator[Served]:
    """Bring a scenario's network up, and down again: calls under way are finished first.

    Args:
        loaded: the scenario.
        options: how to serve it.
        network: where the nodes live in processes of their own; None hosts them here.

    Raises:
        OSError: the port cannot be had.
        TransportError: the engine cannot be had.
    """
    seed = None if network is None else network.settings.seed
    cast = assemble(loaded, seed=seed, now=real_now())
    desk = Desk(cast.driver if options.play else _quiet_driver(loaded, cast),
                seconds=options.answer_seconds)  # fmt: skip
    journal = JournalWriter(None, opening_of(loaded, cast.seed, tuple(cast.nodes), cast.start))
    tuning = Tuning() if network is None else network.settings.tuning
    engine = engine_of(options.engine, tuning)
    await engine.prepare()
    if network is None:
        nodes, clock = cast.nodes, LiveClock(cast.start, options.scale)
    else:
        nodes, clock = {}, network.clock(cast.start)
    ground = Ground(
        engine=engine, journal=journal, clock=clock, peers=tuple(cast.nodes),
        incarnation=1 if network is None else count_up(network.gateway_folder()),
        credit=tuning.credit,
    )  # fmt: skip
    host = LiveHost(nodes, desk, ground)
    desk.host = host
    server = GatewayServer(
        Calls(desk, _places(cast), secrets.token_bytes(SECRET_BYTES), strict=options.strict),
        Credentials(options.clients),
        today=lambda: day_of(real_now()),
        describe=openapi_document,
        options=options.http,
    )
    task = asyncio.create_task(host.run(lambda: False))
    try:
        await host.attached(task)
        await server.start()
        scenario = loaded.scenario
        yield Served(scenario=scenario, cast=cast, host=host, desk=desk, server=server, task=task)
        await server.stop()
    finally:
        await _bring_down(host, task)
        await engine.close()


async def _bring_down(host: LiveHost, task: asyncio.Task[None]) -> None:
    """End at once: nobody asks any more, and what nodes still say to each other is not kept."""
    for party in host.everybody:
        if party.attachment is not None:
            await party.attachment.abort()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def _quiet_driver(loaded: LoadedScenario, cast: Cast) -> Driver:
    """Clients that do nothing but close the days, for as long as the network is up."""
    scenario = loaded.scenario
    quiet = msgspec.structs.replace(scenario, case=(), flow=())
    streams = Streams(cast.seed)
    driver = Driver(
        quiet, build_people(scenario, streams), build_institutions(scenario), streams, cast.start
    )
    end = Instant(cast.start + FOREVER)
    driver.calendars = [
        HubCalendar(driver.clients, node.address, cast.start, end, end, lambda: True)
        for node in cast.nodes.values()
        if node.role == "hub"
    ]
    return driver


def _places(cast: Cast) -> dict[str, Place]:
    return {
        row.code: Place(code=row.code, name=row.name, region=row.region, level=row.level)
        for row in cast.world.institutions
    }
