"""Links that outlive a restart: the incarnation of the sender stands in the sequence.

A live node may stop and start while its peers go on. A host that starts counts its sequences
from `incarnation << 32`, which no earlier life of it can have reached; a receiver that sees a
higher incarnation begins anew with it and drops what comes late from an older one. Watermarks
of the old life are below the new count and free nothing.

Where an end owes its peer a watermark and has nothing to say, a bare frame tells it
(`broker.bare`); an end out of credit asks by one, and so finds out when all it sent was lost.
"""

from __future__ import annotations

from yidi.broker.bare import encode_bare
from yidi.broker.link import GAP_MAX, LinkEnd
from yidi.protocol.envelope import Envelope, Link
from yidi.protocol.instants import Instant

_SHIFT = 32
INCARNATION_MAX = 2**20
"""Restarts of one node; sequences stay below 2**53."""


class LiveEnd(LinkEnd):
    """A link end whose parties may restart."""

    __slots__ = ("stale", "told")

    def __init__(
        self, local: str, peer: str, *, incarnation: int, checks_clock: bool, window: int
    ) -> None:
        super().__init__(local, peer, checks_clock=checks_clock, window=window)
        self.sent = self.acknowledged = incarnation << _SHIFT
        self.told = 0
        """The watermark that the peer was told last."""
        self.stale = 0
        """Frames of an earlier life of the peer, dropped."""

    @property
    def owed(self) -> int:
        """How many copies came since the peer was last told."""
        return self.received - self.told

    def send(self, envelope: Envelope, sent_at: Instant) -> bytes:
        """As a link end's; every frame tells the watermark, too."""
        raw = super().send(envelope, sent_at)
        self.told = self.received
        return raw

    def accept(self, envelope: Envelope, now: Instant) -> Envelope | None:
        """As a link end's, after letting a new incarnation of the peer begin."""
        link = envelope.link
        assert link is not None
        if not self._is_of_this_life(link.sequence, link.sequence - 1):
            return None
        return super().accept(envelope, now)

    def bare(self, now: Instant, *, asks: bool) -> bytes:
        """A frame without a message: what was sent so far, what was received so far."""
        self.told = self.received
        return encode_bare(Link(self.local, self.peer, self.sent, self.received, now), asks=asks)

    def hear(self, link: Link) -> None:
        """Take a peer's bare frame: what it sent and has not come is late, or lost.

        Raises:
            RemoteProtocolError: `E_SEQ_GAP`, as `accept`.
        """
        sequence = link.sequence
        if not self._is_of_this_life(sequence, sequence >> _SHIFT << _SHIFT):
            return
        self.acknowledge(link.watermark)
        if sequence > self.received:
            skipped = sequence - self.received
            if skipped > GAP_MAX:
                raise self._gap(sequence)
            self._miss(self.received + 1, sequence + 1)
            self.gaps += skipped
            self.received = sequence

    def _is_of_this_life(self, sequence: int, begins_after: int) -> bool:
        """Whether the peer still lives that life; a new one begins after a sequence."""
        theirs, known = sequence >> _SHIFT, self.received >> _SHIFT
        if theirs < known:
            self.stale += 1
            return False
        if theirs > known:
            self.received = self.told = begins_after
            self.missing.clear()
        return True
