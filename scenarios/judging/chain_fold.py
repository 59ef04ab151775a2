"""What left the nodes: outputs, found by folding the regions of a case over the journal.

The nodes are built again from the bundle's world and policies, and given their inputs in order,
as `verify` does for all of them. A run that other rules wrote is not folded: then a chain has
only what arrived.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from yidi.nodes.observed import Observed
from yidi.protocol.envelope import Envelope
from yidi.protocol.errors import RemoteProtocolError, YidiError
from yidi.protocol.instants import Instant
from yidi.protocol.journal import Opening
from yidi.scenarios.library.policy_file import load_policies_text
from yidi.scenarios.running.build import nodes_of_world
from yidi.scenarios.running.run import RULES_VERSION
from yidi.scenarios.running.world import read_world

WORLD, POLICIES, MANIFEST = "world.jsonl", "policies.toml", "manifest.json"
Outputs = list[Envelope]


class Fold:
    """The folded nodes by address; `works` turns False where a fold could not go on."""

    def __init__(self, nodes: dict[str, Any], *, works: bool) -> None:
        self.works = works
        self._nodes = nodes

    def step(self, address: str, envelope: Envelope | None, now: Instant) -> Outputs:
        """The outputs that one input of one node caused; none for a node that is not folded."""
        node = self._nodes.get(address)
        if node is None:
            return []
        try:
            outputs: Outputs = (
                node.handle(envelope, now) if envelope is not None else node.handle_deadline(now)
            )
        except RemoteProtocolError:
            return []  # the node refused the delivery then, too
        except (AssertionError, KeyError):
            # Not the nodes that wrote this journal: say only what arrived.
            self.works = False
            self._nodes = {}
            return []
        node.ledger.take()
        return outputs


class _Manifest(msgspec.Struct):
    """What is read of manifest.json."""

    observed: tuple[Observed, ...] = ()


def observed_in(bundle: Path) -> tuple[Observed, ...]:
    """The nodes of a run that were somebody's own."""
    path = bundle / MANIFEST
    if not path.exists():
        return ()  # broken off, or made by hand
    return msgspec.json.decode(path.read_bytes(), type=_Manifest).observed


def fold_nodes(bundle: Path, opening: Opening, addresses: frozenset[str]) -> Fold:
    """The nodes with these addresses as they stood at a run's start."""
    if opening.rules_version != RULES_VERSION:
        return Fold({}, works=False)
    try:
        with (bundle / WORLD).open("rb") as lines:
            world = read_world(lines)
        text = (bundle / POLICIES).read_text("utf-8")
        nodes = nodes_of_world(world, load_policies_text(text, POLICIES), observed_in(bundle))
    except (OSError, UnicodeDecodeError, YidiError, msgspec.MsgspecError):
        return Fold({}, works=False)
    chosen = {address: nodes[address] for address in nodes if address in addresses}
    return Fold(chosen, works=bool(chosen))
