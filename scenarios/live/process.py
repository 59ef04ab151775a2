"""One node in a process of its own: recover, attach, serve until told to stop.

Everything it acknowledged before it died is in its journal; what it had not had answered it
sends again. SIGTERM and SIGINT end it after the turn that is under way.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import (
    AbstractAsyncContextManager,
    ExitStack,
    contextmanager,
    nullcontext,
    suppress,
)
from typing import Any

from msgspec.structs import replace

from yidi.broker.engines.base import Engine
from yidi.protocol.errors import ErrorCode, LocalProtocolError, StoredDataError
from yidi.scenarios.live.clock import LiveClock
from yidi.scenarios.live.engines import engine_of
from yidi.scenarios.live.event_loop import run_on_loop
from yidi.scenarios.live.folder import Network
from yidi.scenarios.live.host import Ground, LiveHost
from yidi.scenarios.live.storage import Storage
from yidi.scenarios.live.store import NodeStore, Recovered

Beside = Callable[[LiveHost], AbstractAsyncContextManager[None]]
"""Something that lives as long as a host does, in the same event loop."""


def serve_node(
    network: Network,
    address: str,
    *,
    engine: str = "",
    ready: Callable[[str], object] | None = None,
    tell: Callable[[StoredDataError], object] | None = None,
    beside: Beside | None = None,
) -> None:
    """Run one node of a network until it is told to stop.

    Args:
        network: the folder it belongs to.
        address: `role:code`.
        engine: another engine than the network's.
        ready: told one line when the node serves: its start's number, and how many inputs of its
            journal were folded.
        tell: told why a snapshot could not be used or written.
        beside: what runs beside the host, as long as that does.

    Raises:
        LocalProtocolError: `E_REGION`, no such node in this network.
        StoredDataError: its data directory is locked or corrupt.
        TransportError: the engine could not be had.
    """
    nodes = network.nodes()
    if address not in nodes:
        raise LocalProtocolError(ErrorCode.E_REGION, want=", ".join(nodes)[:60], got=address)
    with recovered(network, {address: nodes[address]}, tell) as stores:
        store, found = stores[address]
        url, tuning = engine or network.settings.engine, network.settings.tuning
        carrier = engine_of(url, tuning, network.secrets(address))
        ground = ground_of(carrier, store, network.clock(found.last))
        ground = replace(
            ground, peers=tuple(nodes), credit=tuning.credit,
            guard=network.guard(address), storage=Storage(store.folder, tuning.reserve),
        )  # fmt: skip
        host = LiveHost({address: found.node}, None, ground)
        words = f"start {store.incarnation}, {found.folded} folded"
        run_on_loop(_serve(host, words, ready, beside or _nothing_beside))


@contextmanager
def recovered(
    network: Network,
    nodes: dict[str, Any],
    tell: Callable[[StoredDataError], object] | None = None,
) -> Iterator[dict[str, tuple[NodeStore, Recovered]]]:
    """Nodes brought to where their journals end, their data directories locked meanwhile.

    Raises:
        StoredDataError: a data directory is locked or corrupt.
    """
    with ExitStack() as stack:
        stores: dict[str, tuple[NodeStore, Recovered]] = {}
        for address, node in nodes.items():
            folder, every = network.node_folder(address), network.settings.tuning.snapshot_every
            store = stack.enter_context(NodeStore(folder, every, tell))
            stores[address] = (store, store.recover(node, network.opening(address)))
        yield stores


def ground_of(engine: Engine, store: NodeStore, clock: LiveClock) -> Ground:
    """What a recovered node stands on."""
    assert store.journal is not None
    return Ground(
        engine=engine,
        journal=store.journal.writer,
        clock=clock,
        sync=store.commit,
        incarnation=store.incarnation,
    )


async def _serve(
    host: LiveHost, words: str, ready: Callable[[str], object] | None, beside: Beside
) -> None:
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        with suppress(NotImplementedError):  # Windows' loop has none; Ctrl-C still raises there
            loop.add_signal_handler(name, host.stop)
    await host.engine.prepare()
    async with beside(host):
        if ready is not None:
            ready(f"{next(iter(host.parties))} {words}")
        try:
            await host.run(lambda: False)
        finally:
            await host.engine.close()


def _nothing_beside(_: LiveHost) -> AbstractAsyncContextManager[None]:
    return nullcontext()
