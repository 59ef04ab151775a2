"""How messages travel and memories are kept, where the defaults are not what is wanted."""

from __future__ import annotations

from typing import Annotated

import msgspec

from yidi.broker.engines.batching import BATCH_FRAMES_MAX
from yidi.broker.link import WINDOW

SNAPSHOT_EVERY = 4 * 1024 * 1024
"""Bytes of journal between snapshots, at least: some ten thousand inputs, folded in a second."""
RESERVE = 64 * 1024 * 1024
"""Bytes of free space that are kept for what is under way: a hundred thousand messages."""


class Tuning(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """For measurements, and tests of overload."""

    batch_frames_max: Annotated[int, msgspec.Meta(ge=1, le=BATCH_FRAMES_MAX)] = BATCH_FRAMES_MAX
    """Frames in one publish; 1 switches micro-batching off."""
    credit: Annotated[int, msgspec.Meta(ge=1, le=WINDOW)] = WINDOW
    """Copies that one link may have under way before its sender waits."""
    reserve: Annotated[int, msgspec.Meta(ge=0)] = RESERVE
    """Bytes that must be free on a node's disk for new work."""
    snapshot_every: Annotated[int, msgspec.Meta(ge=1)] = SNAPSHOT_EVERY
    """Bytes of a node's journal after which it writes its memory out."""
