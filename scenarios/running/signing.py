"""Message authentication in virtual runs: links that sign what enters them and verify what leaves.

Nodes know nothing of it, and a run without signatures has no trace of it. The keys follow from
the run's seed, so that a signed run repeats byte for byte; they are worth as much as the seed is
secret, which in a simulation is nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from yidi.broker.link import LinkEnd
from yidi.protocol.authentication import Guard, make_keyrings, owner_of
from yidi.protocol.envelope import Envelope, unframe
from yidi.protocol.instants import Instant
from yidi.protocol.signatures import need_sm2
from yidi.scenarios.library.schema import Link, Scenario
from yidi.scenarios.running.pipes import LinkTable, Pipe
from yidi.scenarios.running.streams import Streams


def guard_of(scenario: Scenario, nodes: Iterable[str], seed: int) -> Guard | None:
    """The keys of all nodes and of the clients' desk, made from a run's seed.

    None where the scenario does not have its messages signed.

    Raises:
        MissingAlgorithm: SM3 or SM2 is missing on this machine.
    """
    if not scenario.signatures:
        return None
    return seeded_guard(nodes, seed)


def seeded_guard(nodes: Iterable[str], seed: int) -> Guard:
    """The keys of all nodes and of the clients' desk, made from a seed.

    Raises:
        MissingAlgorithm: SM3 or SM2 is missing on this machine.
    """
    need_sm2()
    return Guard(make_keyrings(map(owner_of, nodes), b"DEV %d" % seed).values())


class SignedLinks(LinkTable):
    """The links of a run whose messages are authenticated."""

    def __init__(self, links: Sequence[Link], streams: Streams, guard: Guard) -> None:
        super().__init__(links, streams)
        self._guard = guard

    def pipe(self, ends: tuple[LinkEnd, LinkEnd], party: Any) -> Pipe:
        """The pipe between two ends; what does not verify is refused before the link counts it."""
        pipe = super().pipe(ends, party)
        guard, accept, send = self._guard, pipe.peer_end.accept, pipe.send
        sender, recipient = pipe.sender, pipe.recipient

        def send_signed(envelope: Envelope, sent_at: Instant) -> Any:
            return send(guard.protect(sender, recipient, envelope), sent_at)

        def receive_verified(raw: Any, now: Instant) -> Envelope | None:
            envelope = unframe(raw) if isinstance(raw, bytes) else raw
            guard.check(envelope)
            return accept(envelope, now)

        pipe.send, pipe.receive, pipe.is_plain = send_signed, receive_verified, False
        return pipe
