"""One end of a link: two parties, both directions, numbered copies, bounded memory.

Every hop's frame carries a sequence of its own directed link and, piggybacked, the watermark:
the highest sequence received the other way. The receiving end drops exactly one thing, a copy
whose sequence it has had; a gap is remembered (bounded) so that a late copy still passes; a
jump or a reset is refused with E_SEQ_GAP. What is lost stays lost here: the sender's outbox
sends it anew, under a new sequence, and the node's keys decide. The watermark frees nothing but
the credit window. One end per (own address, peer) exists; it has no clock and no timer.
"""

from __future__ import annotations

from collections import OrderedDict

import msgspec

from yidi.protocol.envelope import VERSION, Envelope, Link, unframe
from yidi.protocol.errors import ErrorCode, LocalProtocolError, RemoteProtocolError
from yidi.protocol.instants import MINUTE, SECOND, Instant

WINDOW = 65_536
"""Copies one direction may have under way before its sender is out of credit (INV-37)."""
GAP_MAX = 65_536
"""A sequence further ahead than a whole window cannot be an honest loss (W28)."""
MISSING_MAX = 1_024
"""Skipped sequences an end remembers; an older one that comes late counts as a copy."""
CLOCK_SKEW_MAX = 5 * MINUTE
"""How far a node's clock may be from the hub's (W22)."""
EXPIRY_GRACE = CLOCK_SKEW_MAX
"""A deadline is by its maker's clock, so it has passed for certain only so much later."""

_encode = msgspec.msgpack.Encoder().encode


class LinkEnd:
    """One party's end of the link with one peer.

    Args:
        local: own address.
        peer: the other party's address.
        checks_clock: whether the peer is a node whose clock is held against ours.
        window: copies that may be under way.
    """

    __slots__ = (
        "acknowledged", "checks_clock", "copies", "expired", "gaps", "local", "missing", "peer",
        "received", "sent", "window",
    )  # fmt: skip

    def __init__(
        self, local: str, peer: str, *, checks_clock: bool = False, window: int = WINDOW
    ) -> None:
        self.local = local
        self.peer = peer
        self.checks_clock = checks_clock
        self.window = window
        self.sent = 0
        """Sequence of the last copy sent."""
        self.acknowledged = 0
        """Highest sequence the peer says it has received."""
        self.received = 0
        """Highest sequence received: the watermark told to the peer."""
        self.missing: OrderedDict[int, None] = OrderedDict()
        """Sequences below `received` that have not come, oldest first."""
        self.copies = 0
        """Frames dropped because their sequence had been received."""
        self.gaps = 0
        """Sequences that were skipped, whether or not they came later."""
        self.expired = 0
        """Requests dropped because nobody waits for their answer any more."""

    @property
    def credit(self) -> int:
        """How many copies may be sent before the peer's watermark has to move."""
        return self.window - (self.sent - self.acknowledged)

    def send(self, envelope: Envelope, sent_at: Instant) -> bytes:
        """Number a message and return the bytes of this hop.

        Raises:
            LocalProtocolError: `E_BUSY` when the window is used up; nothing was sent.
        """
        sequence = self.sent + 1
        if sequence - self.acknowledged > self.window:
            raise self._busy()
        self.sent = sequence
        # A `Frame` by its fields: tuples and structs are the same arrays on the wire.
        link = (self.local, self.peer, sequence, self.received, sent_at)
        return _encode((VERSION, link, envelope.origin_bytes, envelope.stamp, envelope.body))

    def hand_over(self, envelope: Envelope, sent_at: Instant) -> Envelope:
        """Number a message for a peer in this process, who takes it as it is (`accept`).

        Raises:
            LocalProtocolError: as `send`.
        """
        sequence = self.sent + 1
        if sequence - self.acknowledged > self.window:
            raise self._busy()
        self.sent = sequence
        return Envelope(
            self.peer, envelope.origin, envelope.origin_bytes, envelope.body, envelope.stamp,
            Link(self.local, self.peer, sequence, self.received, sent_at),
        )  # fmt: skip

    def receive(self, raw: bytes, now: Instant) -> Envelope | None:
        """Read one frame; None for a copy or an expired request.

        Raises:
            RemoteProtocolError: not a frame of this link (`E_NOT_MINE`), `E_SEQ_GAP`,
                `E_CLOCK_SKEW`, or as `unframe`; the end has not changed.
        """
        return self.accept(unframe(raw), now)

    def accept(self, envelope: Envelope, now: Instant) -> Envelope | None:
        """Take an opened frame; None for a copy or an expired request.

        Raises:
            RemoteProtocolError: as `receive`.
        """
        link = envelope.link
        assert link is not None
        if link.recipient != self.local or link.sender != self.peer:
            raise RemoteProtocolError(
                ErrorCode.E_NOT_MINE, want=self.local, got=f"{link.sender} {link.recipient}"
            )
        sequence, received = link.sequence, self.received
        # A frame that later ones have overtaken is late, which says nothing of a clock.
        if self.checks_clock and sequence > received:
            self._check_clock(link.sent_at, now)
        self.acknowledge(link.watermark)
        if sequence == received + 1:
            self.received = sequence
        elif not self._take(sequence):
            self.copies += 1
            return None
        origin = envelope.origin
        deadline = origin.deadline
        if deadline and now > deadline + EXPIRY_GRACE and not origin.kind:
            self.expired += 1
            return None
        return envelope

    def acknowledge(self, watermark: int) -> None:
        """Take the peer's watermark, piggybacked or bare.

        Raises:
            RemoteProtocolError: `E_SEQ_GAP` for more than was ever sent.
        """
        if watermark > self.sent:
            raise RemoteProtocolError(
                ErrorCode.E_SEQ_GAP, want=f"at most {self.sent}", got=str(watermark)
            )
        self.acknowledged = max(watermark, self.acknowledged)

    def restart(self) -> None:
        """Begin a new session with the peer: both directions count from 1 again."""
        self.sent = self.acknowledged = self.received = 0
        self.missing.clear()

    def _check_clock(self, sent_at: int, now: Instant) -> None:
        if not -CLOCK_SKEW_MAX <= sent_at - now <= CLOCK_SKEW_MAX:
            skew = abs(sent_at - now)
            raise RemoteProtocolError(
                ErrorCode.E_CLOCK_SKEW,
                want=f"max={CLOCK_SKEW_MAX // SECOND}s",
                got=f"skew={(skew + SECOND // 2) // SECOND}s",
            )

    def _take(self, sequence: int) -> bool:
        """Take a sequence that is not the next one; False for a copy."""
        received = self.received
        if sequence > received:
            skipped = sequence - received - 1
            if skipped > GAP_MAX:
                raise self._gap(sequence)
            self._miss(received + 1, sequence)
            self.gaps += skipped
            self.received = sequence
            return True
        if sequence in self.missing:
            del self.missing[sequence]
            return True
        if sequence < 1 or sequence + GAP_MAX < received:
            raise self._gap(sequence)
        return False

    def _miss(self, first: int, end: int) -> None:
        missing = self.missing
        for sequence in range(max(first, end - MISSING_MAX), end):
            missing[sequence] = None
        while len(missing) > MISSING_MAX:
            missing.popitem(last=False)

    def _gap(self, sequence: int) -> RemoteProtocolError:
        return RemoteProtocolError(
            ErrorCode.E_SEQ_GAP, want=f"resend from {self.received + 1}", got=str(sequence),
            limit=GAP_MAX,
        )  # fmt: skip

    def _busy(self) -> LocalProtocolError:
        return LocalProtocolError(ErrorCode.E_BUSY, want="credit", got=self.peer, limit=self.window)
