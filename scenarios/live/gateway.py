"""A scenario's network with the national gateway in front of it; its nodes here or elsewhere.

The nodes are those of any run; the clients are real ones, at the gateway. By default the
scenario's own story is not played: its regions, institutions and persons are there, the hubs'
operators close the days, and whatever else happens comes through the gateway.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import msgspec

from yidi.broker.gateway.asked import Place
from yidi.broker.gateway.calls import Calls
from yidi.broker.gateway.calls import Network as Asks
from yidi.broker.gateway.guards import Client, Credentials
from yidi.broker.gateway.openapi import openapi_document
from yidi.broker.gateway.server import GatewayServer, ServerOptions
from yidi.broker.gateway.signing import Signatures
from yidi.nodes.policy import PolicyBook
from yidi.protocol.authentication import DESK, Guard
from yidi.protocol.instants import DAY, Instant, day_of
from yidi.protocol.journal import JournalWriter
from yidi.scenarios.library.loader import LoadedScenario
from yidi.scenarios.library.schema import Scenario
from yidi.scenarios.live.clock import real_now
from yidi.scenarios.live.control import LiveControl
from yidi.scenarios.live.control_people import Directory
from yidi.scenarios.live.desk import ANSWER_SECONDS, Desk
from yidi.scenarios.live.engines import engine_of
from yidi.scenarios.live.folder import Network
from yidi.scenarios.live.home import home_of
from yidi.scenarios.live.host import Ground, LiveHost
from yidi.scenarios.live.metrics import MeteredNetwork, Metrics
from yidi.scenarios.live.store import count_up
from yidi.scenarios.live.tuning import Tuning
from yidi.scenarios.running.calendar import HubCalendar
from yidi.scenarios.running.driver import Driver
from yidi.scenarios.running.fixed_cast import with_fixed_cast
from yidi.scenarios.running.institutions import build_institutions
from yidi.scenarios.running.people import build_people
from yidi.scenarios.running.run import Cast, assemble, opening_of
from yidi.scenarios.running.signing import guard_of
from yidi.scenarios.running.streams import Streams
from yidi.scenarios.running.world import World

SECRET_BYTES = 32
STOPS_WITHIN = 5.0
"""Real seconds in which nodes with a journal end."""
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
    signatures: Signatures = Signatures()
    answer_seconds: float = ANSWER_SECONDS
    """Real seconds a call waits before its outcome is called unknown."""
    http: ServerOptions = ServerOptions()
    engine: str = "embedded"
    control: bool = False
    """Whether `/_yidi/` is there, for testing only."""
    chaos: bool = False
    """Whether it may change outcomes."""


class Served(msgspec.Struct, kw_only=True):
    """A network that is up."""

    scenario: Scenario
    cast: Cast
    host: LiveHost
    desk: Desk
    server: GatewayServer
    task: asyncio.Task[None]
    """Ends with the host; an error of ours is in it."""


def _nothing(desk: Desk) -> Asks:
    return desk


@asynccontextmanager
async def serving(
    loaded: LoadedScenario,
    options: ServeOptions,
    network: Network | None = None,
    *,
    between: Callable[[Desk], Asks] = _nothing,
    extend: Callable[[World, PolicyBook], World] = with_fixed_cast,
) -> AsyncIterator[Served]:
    """Bring a scenario's network up, and down again: calls under way are finished first.

    Args:
        loaded: the scenario.
        options: how to serve it.
        network: a network's folder. Its nodes live in processes of their own, or with the embedded
            engine here, each with its data directory; None hosts nodes that keep nothing.
        between: what stands between the gateway and the desk, to hear what clients ask.
        extend: what the world has besides the scenario's.

    Raises:
        OSError: the port cannot be had.
        StoredDataError: a node's data directory is locked or corrupt.
        TransportError: the engine cannot be had.
    """
    seed = None if network is None else network.settings.seed
    cast = assemble(loaded, seed=seed, now=real_now(), extend=extend)
    desk = Desk(cast.driver if options.play else _quiet_driver(loaded, cast),
                seconds=options.answer_seconds)  # fmt: skip
    tuning = Tuning() if network is None else network.settings.tuning
    own_secrets = None if network is None else network.secrets(DESK)
    engine = engine_of(options.engine, tuning, own_secrets, fresh=network is None)
    await engine.prepare()
    with home_of(network, cast, engine, options) as home:
        opening = opening_of(loaded, cast.seed, tuple(cast.nodes), cast.start)
        journal = JournalWriter(home.spool.write if home.spool is not None else None, opening)
        ground = Ground(
            engine=engine, journal=journal, clock=home.clock, peers=tuple(cast.nodes),
            incarnation=1 if network is None else count_up(network.gateway_folder()),
            credit=tuning.credit, guard=_guard(loaded, cast, network),
        )  # fmt: skip
        host = desk.host = LiveHost(home.together, desk, ground)
        everybody = [host, *home.hosts]
        server = _server_of(cast, between(desk), options, everybody)
        if options.control:
            server.control = LiveControl(
                desk, Directory(cast.world, tuple(cast.nodes)), home.readers,
                chaos=options.chaos, flush=journal.flush,
            )  # fmt: skip
        task = asyncio.create_task(_run(everybody))
        try:
            for one in everybody:
                await one.attached(task)
            await server.start()
            try:
                yield Served(
                    scenario=loaded.scenario, cast=cast, host=host, desk=desk, server=server,
                    task=task,
                )  # fmt: skip
            finally:
                await server.stop()
        finally:
            await _bring_down(host, home.hosts, task)
            await engine.close()


def _server_of(
    cast: Cast, desk: Asks, options: ServeOptions, hosts: list[LiveHost]
) -> GatewayServer:
    """The HTTP edge before the desk, which tells of all the hosts in `/metrics`."""
    metrics = Metrics()
    network, secret = MeteredNetwork(desk, metrics), secrets.token_bytes(SECRET_BYTES)
    server = GatewayServer(
        Calls(
            network,
            _places(cast),
            secret,
            strict=options.strict,
            signatures=options.signatures,
        ),
        Credentials(options.clients),
        today=lambda: day_of(real_now()),
        describe=openapi_document,
        options=options.http,
    )
    server.metrics = metrics.text
    metrics.watch(hosts, server)
    return server


def _guard(loaded: LoadedScenario, cast: Cast, network: Network | None) -> Guard | None:
    """The keys of this process: the desk's alone where the nodes have processes of their own."""
    if network is not None:
        return network.guard(DESK)
    return guard_of(loaded.scenario, cast.nodes, cast.seed)


async def _run(hosts: list[LiveHost]) -> None:
    """All hosts at once; an error of one ends them all."""
    await asyncio.gather(*(host.run(lambda: False) for host in hosts))


async def _bring_down(host: LiveHost, others: list[LiveHost], task: asyncio.Task[None]) -> None:
    """End: nobody asks any more; what nodes say to each other is kept by those that keep it."""
    for one in (host, *others):
        one.stop()
    for party in host.everybody:
        if party.attachment is not None:
            await party.attachment.abort()
    if others:
        # A turn under way syncs its journal; it is let end, and the journal closed after it.
        await asyncio.wait({task}, timeout=STOPS_WITHIN)
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
