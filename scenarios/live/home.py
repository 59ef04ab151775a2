"""Where the nodes behind a gateway live, and where what they hear is kept.

In processes of their own, when a network's folder says so; in the gateway's process, each with its
data directory, when that folder says `embedded`; or in the gateway's process with nothing kept,
when there is no folder.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from typing import Any, Protocol

import msgspec
from msgspec.structs import replace

from yidi.broker.engines.base import Engine
from yidi.scenarios.live.clock import LiveClock
from yidi.scenarios.live.folder import Network, controlled
from yidi.scenarios.live.host import LiveHost
from yidi.scenarios.live.messages import Readers, Spool, readers_of
from yidi.scenarios.live.process import ground_of, recovered
from yidi.scenarios.running.run import Cast


class Wishes(Protocol):
    """What a home needs of the options of a gateway."""

    @property
    def scale(self) -> int:
        """Scenario time per real time, in thousandths."""

    @property
    def control(self) -> bool:
        """Whether a tester has a hand on the network."""

    @property
    def chaos(self) -> bool:
        """Whether outcomes may be changed."""


class Home(msgspec.Struct, kw_only=True):
    """The nodes that live in the gateway's process."""

    clock: LiveClock
    together: dict[str, Any] = {}
    """Hosted with the desk, in one journal."""
    hosts: list[LiveHost] = []
    """Hosts of one node each, with a data directory each."""
    readers: Readers
    """Opens the journals of the whole network."""
    spool: Spool | None = None


@contextmanager
def home_of(network: Network | None, cast: Cast, engine: Engine, wishes: Wishes) -> Iterator[Home]:
    """The nodes of this process, and the journals of all."""
    if network is None:
        clock = LiveClock(cast.start, wishes.scale)
        cast.nodes = controlled(cast.world, cast.book, chaos=wishes.chaos)
        if not wishes.control:
            yield Home(clock=clock, together=cast.nodes, readers=tuple)
            return
        with closing(Spool()) as spool:
            yield Home(clock=clock, together=cast.nodes, readers=spool.readers, spool=spool)
        return
    folders = [network.node_folder(address) for address in cast.nodes]
    readers = partial(readers_of, folders)
    if network.settings.engine != "embedded":
        yield Home(clock=network.clock(cast.start), readers=readers)
        return
    nodes = network.nodes()
    with recovered(network, nodes) as stores:
        clock = network.clock(max(found.last for _, found in stores.values()))
        credit = network.settings.tuning.credit
        hosts = []
        for address, (store, found) in stores.items():
            ground = ground_of(engine, store, clock)
            guard = network.guard(address)
            ground = replace(ground, peers=tuple(nodes), credit=credit, guard=guard)
            hosts.append(LiveHost({address: found.node}, None, ground))
        yield Home(clock=clock, hosts=hosts, readers=readers)
