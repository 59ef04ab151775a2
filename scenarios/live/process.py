"""One node in a process of its own: recover, attach, serve until told to stop.

Everything it acknowledged before it died is in its journal; what it had not had answered it
sends again. SIGTERM and SIGINT end it after the turn that is under way.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from contextlib import suppress

from yidi.protocol.errors import ErrorCode, LocalProtocolError
from yidi.scenarios.live.engines import engine_of
from yidi.scenarios.live.folder import Network
from yidi.scenarios.live.host import Ground, LiveHost
from yidi.scenarios.live.store import NodeStore


def serve_node(
    network: Network,
    address: str,
    *,
    engine: str = "",
    ready: Callable[[str], object] | None = None,
) -> None:
    """Run one node of a network until it is told to stop.

    Args:
        network: the folder it belongs to.
        address: `role:code`.
        engine: another engine than the network's.
        ready: told one line when the node serves.

    Raises:
        LocalProtocolError: `E_REGION`, no such node in this network.
        StoredDataError: its data directory is locked or corrupt.
        TransportError: the engine could not be had.
    """
    nodes = network.nodes()
    node = nodes.get(address)
    if node is None:
        raise LocalProtocolError(ErrorCode.E_REGION, want=", ".join(nodes)[:60], got=address)
    with NodeStore(network.node_folder(address)) as store:
        last = store.recover(node, network.opening(address))
        assert store.journal is not None
        ground = Ground(
            engine=engine_of(engine or network.settings.engine),
            journal=store.journal.writer,
            clock=network.clock(last),
            sync=store.commit,
            incarnation=store.incarnation,
            peers=tuple(nodes),
        )
        host = LiveHost({address: node}, None, ground)
        asyncio.run(_serve(host, store.incarnation, ready))


async def _serve(host: LiveHost, incarnation: int, ready: Callable[[str], object] | None) -> None:
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        with suppress(NotImplementedError):  # Windows' loop has none; Ctrl-C still raises there
            loop.add_signal_handler(name, host.stop)
    await host.engine.prepare()
    if ready is not None:
        ready(f"{next(iter(host.parties))} start {incarnation}")
    try:
        await host.run(lambda: False)
    finally:
        await host.engine.close()
