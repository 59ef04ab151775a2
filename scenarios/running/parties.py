"""Who takes part in a virtual run, and what the runner asks of them.

Nodes and clients (institutions, persons, operators) are all *parties*; only nodes have a
journal, a ledger and a clock that may be off. Whoever watches a run is told of every delivery
and of every posting.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from yidi.nodes.ledger import Ledger, Posting
from yidi.protocol.envelope import Envelope
from yidi.protocol.instants import Instant
from yidi.scenarios.running.pipes import Deliver

NEVER = 1 << 62


class Host(Protocol):
    """The three calls that the runner makes of a node or of the clients."""

    def handle(self, envelope: Envelope, now: Instant) -> list[Envelope]:
        """Apply a message and return what to send."""
        ...

    def next_deadline(self) -> Instant | None:
        """When it next wants to be woken."""
        ...

    def handle_deadline(self, now: Instant) -> list[Envelope]:
        """What to send at a deadline."""
        ...


DeliveryCheck = Callable[[Envelope, Instant], None]


class RunChecks(Protocol):
    """Checks that watch a run as it happens; every call must be cheap."""

    def on_delivery(self, node: Any, envelope: Envelope, now: Instant) -> None:
        """A node, or a client, has handled a message."""
        ...

    def delivery_check(self, node: Any, sender: str) -> DeliveryCheck:
        """`on_delivery` for what one link brings to a node, or to the clients: the hot path's."""
        ...

    def on_posting(self, node: Any, posting: Posting, case: Any) -> None:
        """A node has booked an effect; `case` is None where the key is no case's."""
        ...


Put = Callable[[Envelope, Instant], None]
"""Send one output of a party at an instant."""


class Party:
    """A receiver of frames: one node, or all clients together."""

    __slots__ = (
        "address", "armed", "asked_before", "cases", "handle", "handle_deadline", "host", "index",
        "ledger", "next_deadline", "puts", "skew", "wake",
    )  # fmt: skip

    def __init__(self, address: str, host: Host, index: int, skew: int) -> None:
        self.address = address
        self.host = host
        self.index = index
        """The node's index in the journal; -1 for the clients."""
        self.skew = skew
        """Microseconds its clock is ahead."""
        self.armed = NEVER
        """Instant of its next wake, by true time."""
        self.asked_before = NEVER
        """Until then it is asked after each input when it wants to be woken. No node asks to be
        woken sooner than LEAST_WAIT, so one that will be by then is left alone."""
        self.handle = host.handle
        self.next_deadline = host.next_deadline
        self.handle_deadline = host.handle_deadline
        self.ledger: Ledger | None = getattr(host, "ledger", None) if index >= 0 else None
        state = getattr(host, "state", None)
        cases = getattr(state, "cases", None)
        self.cases: dict[str, Any] = {} if cases is None else cases
        self.puts: dict[str | tuple[str, str], Put] = {}
        """How its outputs leave it, by hop; for the clients, whose ends are many, by both ends."""
        self.wake: Deliver
        """Its wake, as it stands in a bucket; made by the runner."""
