"""The message core: who is where, the ends of all links, and what was refused.

A host (the virtual runner, the live host) owns one core. It asks the *router* where a hop
leads, takes the *end* of that link, and moves the bytes; the core never does. A refused
delivery becomes a *dead letter*: counted for ever, kept as a bounded list, its bytes never
echoed. The core holds nothing that a node could need after a restart.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

import msgspec

from yidi.broker.link import WINDOW, LinkEnd
from yidi.protocol.envelope import Envelope, unframe
from yidi.protocol.errors import (
    ErrorCode,
    LocalProtocolError,
    ProtocolError,
    RemoteProtocolError,
)
from yidi.protocol.instants import Instant

DEAD_LETTERS_MAX = 1_000
"""Dead letters kept for people to read; the counters go on."""
CLIENT_ROLES = ("institution:", "person:", "operator:")
_REGION_ROLES = ("treatment:", "insured:", "province:", "hub:")


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A delivery that was refused; no node's state changed for it."""

    at: Instant
    code: ErrorCode
    facts: str
    """What was wanted and what came; never more of the input than the error shows."""
    sender: str
    recipient: str
    size: int
    """Bytes of the frame."""


class Router:
    """Which addresses exist, and how each is partitioned.

    A clients' address (institution, person, operator) needs no entry: all of them are reached
    through the host that serves them.
    """

    def __init__(self, addresses: Iterable[str], partitions: dict[str, int] | None = None) -> None:
        self._partitions = dict.fromkeys(sorted(addresses), 1)
        self._partitions.update(partitions or {})

    def __contains__(self, address: str) -> bool:
        return address in self._partitions or address.startswith(CLIENT_ROLES)

    def place(self, address: str, partition_key: int = 0) -> str:
        """The address that serves a message: itself, or `/n` where the node is partitioned.

        Raises:
            LocalProtocolError: `E_REGION` for a region or hub that takes no part, `E_NOT_MINE`
                for what is no address of this network.
        """
        count = self._partitions.get(address)
        if count == 1:
            return address
        if count is not None:
            return f"{address}/{partition_key % count}"
        if address.startswith(CLIENT_ROLES):
            return address
        code = ErrorCode.E_REGION if address.startswith(_REGION_ROLES) else ErrorCode.E_NOT_MINE
        raise LocalProtocolError(code, want="a party of this network", got=address)


class Core:
    """Ends of links, counters and dead letters of one host."""

    def __init__(self, router: Router, *, window: int = WINDOW) -> None:
        self.router = router
        self.window = window
        self.dead_letters: deque[DeadLetter] = deque(maxlen=DEAD_LETTERS_MAX)
        self.refused: dict[str, int] = {}
        """How many deliveries or sendings were refused, by error code."""
        self._ends: dict[tuple[str, str], LinkEnd] = {}

    def end(self, local: str, peer: str) -> LinkEnd:
        """The end at `local` of the link with `peer`, made on first use."""
        pair = (local, peer)
        end = self._ends.get(pair)
        if end is None:
            checks_clock = local.startswith("hub:") and not peer.startswith(CLIENT_ROLES)
            end = LinkEnd(local, peer, checks_clock=checks_clock, window=self.window)
            self._ends[pair] = end
        return end

    def send(self, local: str, envelope: Envelope, now: Instant) -> tuple[str, bytes]:
        """Route a message and return the peer it goes to and the bytes of that hop.

        Raises:
            LocalProtocolError: `E_REGION`, `E_NOT_MINE`, `E_BUSY`; counted as refused.
        """
        try:
            peer = self.router.place(envelope.hop, envelope.origin.partition_key)
            return peer, self.end(local, peer).send(envelope, now)
        except LocalProtocolError as error:
            self.count(error.code)
            raise

    def receive(self, raw: bytes, now: Instant) -> Envelope | None:
        """Read a frame that came for any party of this host; None when there is nothing to do.

        A frame that is refused, also one for nobody here, becomes a dead letter.
        """
        sender = recipient = ""
        try:
            envelope = unframe(raw)
            link = envelope.link
            assert link is not None
            sender, recipient = link.sender, link.recipient
            self._check_mine(recipient)
            return self.end(recipient, sender).accept(envelope, now)
        except RemoteProtocolError as error:
            self.refuse(error, sender, recipient, len(raw), now)
            return None

    def _check_mine(self, recipient: str) -> None:
        if recipient not in self.router:
            raise RemoteProtocolError(ErrorCode.E_NOT_MINE, got=recipient)

    def refuse(
        self, error: ProtocolError, sender: str, recipient: str, size: int, now: Instant
    ) -> None:
        """Count a refused delivery of `size` bytes and keep its dead letter."""
        self.count(error.code)
        letter = DeadLetter(
            at=now, code=error.code, facts=error.text(), sender=sender, recipient=recipient,
            size=size,
        )  # fmt: skip
        self.dead_letters.append(letter)

    def count(self, code: str) -> None:
        """Count a refusal that leaves no dead letter (a sending out of credit)."""
        self.refused[code] = self.refused.get(code, 0) + 1

    def totals(self) -> dict[str, int]:
        """Copies dropped, sequences skipped and requests expired, over all links."""
        ends = self._ends.values()
        return {
            "copies": sum(end.copies for end in ends),
            "gaps": sum(end.gaps for end in ends),
            "expired": sum(end.expired for end in ends),
            "links": len(self._ends),
        }
