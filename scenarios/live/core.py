"""The message core of a live host: links that survive restarts, credit that is never lost.

A sender out of credit may have lost its whole window on the way, and a receiver may have nothing
to say for a long time. So an end that owes its peer a share of the window tells its watermark by
a bare frame, and an end without credit asks for one. Where messages are authenticated, they are
signed and verified here, between nodes that know nothing of it and links that need not: what does
not verify is refused before its link counts it.
"""

from __future__ import annotations

from collections.abc import Iterator

from yidi.broker.bare import read_bare
from yidi.broker.core import CLIENT_ROLES, Core, Router
from yidi.broker.link import WINDOW
from yidi.nodes.observed import OUTSIDE
from yidi.protocol.authentication import DESK, Guard
from yidi.protocol.envelope import Envelope, unframe
from yidi.protocol.errors import ErrorCode, LocalProtocolError, RemoteProtocolError
from yidi.protocol.instants import Instant
from yidi.scenarios.live.sessions import LiveEnd

OWED_SHARE = 8
"""A watermark is told by a bare frame once this part of the window is owed."""


class LiveCore(Core):
    """A core whose links survive restarts.

    Args:
        router: who is where.
        incarnation: how often this host has been started on its data.
        window: copies that each link may have under way.
        guard: signs and verifies; None where messages are not authenticated.
    """

    def __init__(
        self,
        router: Router,
        incarnation: int,
        *,
        window: int = WINDOW,
        guard: Guard | None = None,
    ) -> None:
        super().__init__(router, window=window)
        self.incarnation = incarnation
        self.guard = guard
        self._live: dict[tuple[str, str], LiveEnd] = {}
        self._owing: dict[LiveEnd, None] = {}
        self._spent: dict[LiveEnd, None] = {}

    def end(self, local: str, peer: str) -> LiveEnd:
        """The end at `local` of the link with `peer`, made on first use."""
        pair = (local, peer)
        end = self._live.get(pair)
        if end is None:
            checks = local.startswith("hub:") and not peer.startswith(CLIENT_ROLES)
            end = self._live[pair] = self._ends[pair] = LiveEnd(
                local, peer, incarnation=self.incarnation, checks_clock=checks, window=self.window
            )
        return end

    def send(self, local: str, envelope: Envelope, now: Instant) -> tuple[str, bytes]:
        """As a core's; an end out of credit is remembered, and will ask for some."""
        if self.guard is not None:
            envelope = self.guard.protect(local, envelope.hop, envelope)
        try:
            return super().send(local, envelope, now)
        except LocalProtocolError as error:
            if error.code == ErrorCode.E_BUSY:
                peer = self.router.place(envelope.hop, envelope.origin.partition_key)
                self._spent[self.end(local, peer)] = None
            raise

    def receive(self, raw: bytes, now: Instant) -> Envelope | None:
        """As a core's; a bare frame is heard here and goes no further."""
        bare = read_bare(raw)
        if bare is not None:
            link, asks = bare
            try:
                self._check_mine(link.recipient)
                end = self.end(link.recipient, link.sender)
                end.hear(link)
            except RemoteProtocolError as error:
                self.refuse(error, link.sender, link.recipient, len(raw), now)
                return None
            if asks:
                self._owing[end] = None
            return None
        if self.guard is not None and not self._is_authentic(raw, now):
            return None
        envelope = super().receive(raw, now)
        if envelope is not None and envelope.link is not None:
            end = self.end(envelope.link.recipient, envelope.link.sender)
            if end.owed * OWED_SHARE >= self.window:
                self._owing[end] = None
        return envelope

    def _is_authentic(self, raw: bytes, now: Instant) -> bool:
        """Whether a frame was said by its sender; what was not becomes a dead letter."""
        assert self.guard is not None
        sender = recipient = ""
        try:
            envelope = unframe(raw)
            assert envelope.link is not None
            sender, recipient = envelope.link.sender, envelope.link.recipient
            # What somebody's own node says comes from the edge of this process; engines, which
            # hold every sender against its topic, let nothing in under that name.
            if not sender.startswith(OUTSIDE):
                self.guard.check(envelope)
        except RemoteProtocolError as error:
            self.refuse(error, sender, recipient, len(raw), now)
            return False
        return True

    def watermarks(self, now: Instant) -> Iterator[tuple[str, str, bytes]]:
        """Bare frames that are owed: own address, peer, bytes."""
        owing, self._owing = self._owing, {}
        for end in owing:
            yield from self._bare(end, now, asks=False)

    def questions(self, now: Instant) -> Iterator[tuple[str, str, bytes]]:
        """Bare frames that ask for credit, of every end that still has none."""
        for end in [end for end in self._spent if end.credit > 0]:
            del self._spent[end]
        for end in self._spent:
            yield from self._bare(end, now, asks=True)

    def _bare(self, end: LiveEnd, now: Instant, *, asks: bool) -> Iterator[tuple[str, str, bytes]]:
        yield end.local, end.peer, end.bare(now, asks=asks)


def place_on_engine(peer: str) -> str:
    """Where a peer is reached on the engine: clients all at their desk."""
    return DESK if peer.startswith(CLIENT_ROLES) else peer
