"""Links that outlive a restart: the incarnation of the sender stands in the sequence.

A live node may stop and start while its peers go on. A host that starts counts its sequences
from `incarnation << 32`, which no earlier life of it can have reached; a receiver that sees a
higher incarnation begins anew with it and drops what comes late from an older one. Watermarks
of the old life are below the new count and free nothing.
"""

from __future__ import annotations

from yidi.broker.link import LinkEnd
from yidi.protocol.envelope import Envelope, unframe
from yidi.protocol.instants import Instant

_SHIFT = 32
INCARNATION_MAX = 2**20
"""Restarts of one node; sequences stay below 2**53."""


class LiveEnd(LinkEnd):
    """A link end whose parties may restart."""

    __slots__ = ("stale",)

    def __init__(
        self, local: str, peer: str, *, incarnation: int, checks_clock: bool, window: int
    ) -> None:
        super().__init__(local, peer, checks_clock=checks_clock, window=window)
        self.sent = self.acknowledged = incarnation << _SHIFT
        self.stale = 0
        """Frames of an earlier life of the peer, dropped."""

    def receive(self, raw: bytes, now: Instant) -> Envelope | None:
        """As a link end's, after letting a new incarnation of the peer begin."""
        link = unframe(raw).link
        assert link is not None
        theirs, known = link.sequence >> _SHIFT, self.received >> _SHIFT
        if theirs < known:
            self.stale += 1
            return None
        if theirs > known:
            self.received = link.sequence - 1
            self.missing.clear()
        return super().receive(raw, now)
