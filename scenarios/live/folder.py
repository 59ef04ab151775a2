"""A network's folder: what its processes share when each node runs in one of its own.

`network.json` names engine, scenario and clock; scenario, policies and world lie beside it as
in a run's bundle, so that every process builds the same nodes; `nodes/ROLE-CODE/` is each
node's data directory. The clock is anchored in real time: a node that restarts shows what the
others show.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from time import time_ns
from typing import Any, Protocol

import msgspec

from yidi.nodes.control import ControlledNode
from yidi.nodes.control_state import ControlState, Rule
from yidi.nodes.policy import PolicyBook
from yidi.protocol.authentication import Guard
from yidi.protocol.errors import ErrorCode, StoredDataError
from yidi.protocol.instants import Instant
from yidi.protocol.journal import Opening
from yidi.scenarios.judging.journal_file import storage_error
from yidi.scenarios.library.loader import LoadedScenario, load
from yidi.scenarios.library.policy_file import load_policies
from yidi.scenarios.library.policy_writer import dump_policies
from yidi.scenarios.live.clock import LiveClock
from yidi.scenarios.live.keys import AUTHORITY, read_keyring, secrets_folder, write_keyrings
from yidi.scenarios.live.tuning import Tuning
from yidi.scenarios.running.build import nodes_of_world
from yidi.scenarios.running.fixed_cast import standing_orders
from yidi.scenarios.running.run import opening_of
from yidi.scenarios.running.world import World, read_world, write_world

SETTINGS = "network.json"


class NetworkSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """network.json."""

    schema: int = 1
    engine: str
    seed: int
    start: Instant
    """What the clock showed at the anchor."""
    anchor_us: int
    """Real time of the anchor, microseconds since 1970 UTC."""
    scale: int = 1_000
    """Scenario time per real time, in thousandths."""
    tuning: Tuning = Tuning()
    secure: bool = False
    """Whether its engine wants certificates, which were made before this file was (`secured`)."""
    chaos: bool = False
    """Whether a tester may change outcomes (`control`); as long as the network lives."""


class Network(msgspec.Struct, frozen=True, kw_only=True):
    """A network's folder, read."""

    folder: Path
    settings: NetworkSettings
    loaded: LoadedScenario
    book: PolicyBook
    world: World

    def nodes(self) -> dict[str, Any]:
        """Every node as it is set up, by address, under the tester's hand."""
        return controlled(self.world, self.book, chaos=self.settings.chaos)

    def node_folder(self, address: str) -> Path:
        """The data directory of one node."""
        return self.folder / "nodes" / address.replace(":", "-")

    def gateway_folder(self) -> Path:
        """Where the gateway counts its starts, which is all that it keeps."""
        return self.folder / "gateway"

    def secrets(self, address: str) -> Path | None:
        """Where an owner's certificate lies; None where the network is not secured."""
        return secrets_folder(self.folder, address) if self.settings.secure else None

    def guard(self, address: str) -> Guard | None:
        """The keys of one owner; None where the network's messages are not signed.

        Raises:
            StoredDataError: `E_BUNDLE`: they cannot be read.
            TransportError: `E_ENGINE`: others can read them.
        """
        if not self.loaded.scenario.signatures:
            return None
        return Guard([read_keyring(self.folder, address)])

    def opening(self, address: str) -> Opening:
        """What the journal of one node begins with."""
        settings = self.settings
        return opening_of(self.loaded, settings.seed, (address,), settings.start)

    def clock(self, not_before: Instant) -> LiveClock:
        """The network's clock; it shows at least `not_before`."""
        settings = self.settings
        passed = (time_ns() // 1_000 - settings.anchor_us) * settings.scale // 1_000
        shown = Instant(max(not_before, settings.start + max(0, passed)))
        return LiveClock(shown, settings.scale)


def controlled(world: World, book: PolicyBook, *, chaos: bool) -> dict[str, Any]:
    """Every node of a world, as a live network hosts it.

    Args:
        world: as it is at the start.
        book: the policies.
        chaos: whether outcomes may be changed.
    """
    orders = standing_orders(world)

    def set_up() -> dict[str, Any]:
        nodes = nodes_of_world(world, book)
        for address, known in orders.items():
            rules = [Rule(outcome=order, left=0) for order in known]
            nodes[address].state.control = ControlState(rules=rules)
        return nodes

    def fresh(address: str) -> Any:
        return set_up()[address]

    return {
        address: ControlledNode(node, partial(fresh, address), chaos=chaos)
        for address, node in set_up().items()
    }


class Staged(Protocol):
    """What a network is made of: a cast, or whoever else has a world and its policies."""

    seed: int
    start: Instant
    world: World
    book: PolicyBook
    nodes: dict[str, Any]


def create_network(
    folder: Path,
    loaded: LoadedScenario,
    cast: Staged,
    engine: str,
    scale: int,
    *,
    chaos: bool = False,
    tuning: Tuning | None = None,
) -> Network:
    """Write a new network's folder.

    Raises:
        StoredDataError: `E_OUTPUT` where there is one already, or it cannot be written.
    """
    if (folder / SETTINGS).exists():
        raise StoredDataError(ErrorCode.E_OUTPUT, at=str(folder), got="holds a network already")
    settings = NetworkSettings(
        engine=engine,
        seed=cast.seed,
        start=cast.start,
        anchor_us=time_ns() // 1_000,
        scale=scale,
        chaos=chaos,
        tuning=tuning or Tuning(),
        secure=(folder / "secrets" / AUTHORITY).exists(),
    )
    regions = {region.policy_region for region in cast.world.regions}
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (folder / "scenario.toml").write_text(loaded.text, "utf-8")
        (folder / "policies.toml").write_text(dump_policies(cast.book, regions), "utf-8")
        (folder / "world.jsonl").write_bytes(b"".join(write_world(cast.world)))
        if loaded.scenario.signatures:
            write_keyrings(folder, cast.nodes)
        (folder / SETTINGS).write_bytes(msgspec.json.encode(settings))
    except OSError as error:
        raise storage_error(error, folder) from error
    return read_network(folder)


def read_network(folder: Path) -> Network:
    """Read a network's folder.

    Raises:
        StoredDataError: `E_BUNDLE` where there is none or it cannot be read.
    """
    try:
        settings = msgspec.json.decode((folder / SETTINGS).read_bytes(), type=NetworkSettings)
        with (folder / "world.jsonl").open("rb") as lines:
            world = read_world(lines)
    except (OSError, msgspec.MsgspecError) as error:
        raise StoredDataError(
            ErrorCode.E_BUNDLE, at=str(folder), want="a folder made by yidi up"
        ) from error
    return Network(
        folder=folder,
        settings=settings,
        loaded=load(str(folder / "scenario.toml")),
        book=load_policies([str(folder / "policies.toml")]),
        world=world,
    )
