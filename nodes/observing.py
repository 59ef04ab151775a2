"""From one of our nodes to the place of somebody's own: the follower that its role wants."""

from __future__ import annotations

from typing import Any

from yidi.nodes.base import Node
from yidi.nodes.insured_region import InsuredRegion
from yidi.nodes.observed import Follower, Observed, ObservedNode, ObservedState
from yidi.nodes.observed_hub import HubFollower
from yidi.nodes.observed_insured import InsuredFollower
from yidi.nodes.observed_treatment import PlatformFollower
from yidi.nodes.treatment_region import TreatmentRegion


def observed_node(
    stand_in: Node[Any], observed: Observed, seen: ObservedState | None = None
) -> ObservedNode:
    """Put somebody's own node in the place of ours, which stands in behind it."""
    seen = seen or ObservedState()
    follower: Follower
    if isinstance(stand_in, InsuredRegion):
        follower = InsuredFollower(stand_in, seen, observed)
    elif isinstance(stand_in, TreatmentRegion):
        follower = PlatformFollower(stand_in, seen, observed)
    elif stand_in.role == "hub":
        follower = HubFollower(stand_in, seen, observed)
    else:
        follower = Follower(stand_in, seen, observed)
    return ObservedNode(stand_in, observed, seen, follower)
