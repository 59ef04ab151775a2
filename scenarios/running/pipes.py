"""Links as the virtual network has them: latency, loss and duplication, each from its own stream.

A *pipe* is one direction between two parties: the sending end, the receiving end, and the
chance that belongs to it alone. It is first in, first out: a frame never overtakes another one
of its pipe (what a fault delays is late on its own). Delays are whole milliseconds, so that
under load many events share an instant.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from functools import cache
from random import Random
from typing import Any

from yidi.broker.core import CLIENT_ROLES
from yidi.broker.link import LinkEnd
from yidi.protocol.envelope import Envelope
from yidi.protocol.instants import MILLISECOND, Instant
from yidi.scenarios.library.schema import Latency, Link
from yidi.scenarios.running.streams import Quantiles, Streams

DRAW_BITS = 10
"""A latency table has 1,024 rows: the p99.9 is met, and a draw is one look-up."""

# Illustrative, where a scenario names no link: a province's line to the nation, and a hospital's
# line to its own region.
NETWORK_LATENCY = Latency(
    p50=20 * MILLISECOND, p90=45 * MILLISECOND, p99=120 * MILLISECOND, max=400 * MILLISECOND
)
LOCAL_LATENCY = Latency(
    p50=5 * MILLISECOND, p90=10 * MILLISECOND, p99=30 * MILLISECOND, max=90 * MILLISECOND
)
_LOCAL = ("institution:", "person:", "operator:")


@cache
def latency_table(latency: Latency) -> list[int]:
    """Delays in microseconds by a draw of `DRAW_BITS` bits; whole milliseconds, at least one."""
    quantiles = Quantiles(latency.p50, latency.p90, latency.p99, latency.max)
    last = (1 << DRAW_BITS) - 1
    rows = [quantiles.at(row * 65_535 // last) for row in range(last + 1)]
    return [max(1, (row + MILLISECOND - 1) // MILLISECOND) * MILLISECOND for row in rows]


Deliver = Callable[[Any, Instant], None]
"""Take what has come out of a pipe: a frame's bytes, or for clients the envelope itself."""


class Pipe:
    """One direction of a link."""

    __slots__ = (
        "bits", "chance", "deliver", "duplicate", "is_plain", "last", "loss", "party", "peer_end",
        "receive", "recipient", "send", "sender", "sender_end", "table",
    )  # fmt: skip

    def __init__(
        self, ends: tuple[LinkEnd, LinkEnd], party: Any, link: Link | None, table: list[int],
        streams: Streams,
    ) -> None:  # fmt: skip
        self.sender_end, self.peer_end = ends
        self.sender = self.sender_end.local
        self.recipient = self.sender_end.peer
        # What is bound for clients is handed over as it is: they live in this process, and only
        # nodes' inputs are journalled as frames.
        is_near = self.recipient.startswith(CLIENT_ROLES)
        self.send: Callable[[Envelope, Instant], Any] = (
            self.sender_end.hand_over if is_near else self.sender_end.send
        )
        self.receive: Callable[[Any, Instant], Envelope | None] = (
            self.peer_end.accept if is_near else self.peer_end.receive
        )
        self.is_plain = not is_near
        """Whether its frames are just what its two ends make and read."""
        self.party = party
        """Who gets what comes out: the runner's party of the recipient."""
        name = f"{self.sender}>{self.recipient}"
        self.table = table
        self.bits: Callable[[int], int] = streams.stream("latency", name).getrandbits
        self.last = 0
        """Instant of the latest delivery so far; no later frame is delivered before it."""
        self.loss = link.loss if link else 0
        self.duplicate = link.duplicate if link else 0
        self.chance: Random | None = None
        if self.loss or self.duplicate:
            self.chance = streams.stream("loss", name)
        self.deliver: Deliver
        """Made by the runner."""


class LinkTable:
    """The scenario's `[[link]]` tables: the first one that matches a direction counts."""

    def __init__(self, links: Sequence[Link], streams: Streams) -> None:
        self._links = tuple(links)
        self._streams = streams

    def find(self, sender: str, recipient: str) -> Link | None:
        """The table of a direction, None where the scenario says nothing."""
        for link in self._links:
            if fnmatchcase(sender, link.from_) and fnmatchcase(recipient, link.to):
                return link
        return None

    def pipe(self, ends: tuple[LinkEnd, LinkEnd], party: Any) -> Pipe:
        """The pipe between two ends, delivering to a party."""
        sender, recipient = ends[0].local, ends[0].peer
        link = self.find(sender, recipient)
        latency = link.latency if link else None
        if latency is None:
            local = sender.startswith(_LOCAL) or recipient.startswith(_LOCAL)
            latency = LOCAL_LATENCY if local else NETWORK_LATENCY
        return Pipe(ends, party, link, latency_table(latency), self._streams)
