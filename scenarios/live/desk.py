"""The desk of a live host, shared by simulated clients and real ones.

Behind `operator:desk` stand all institutions, persons and operators. Answers to what the gateway
asked go to the futures that wait for them, by correlation id; everything else belongs to the
driver. Equal requests under one message id wait together and get the same answer; nothing is
remembered beyond that, for the memory of message ids is the treatment region's.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

from yidi.protocol.envelope import Envelope
from yidi.protocol.errors import DeliveryTimeout, ErrorCode, RemoteProtocolError
from yidi.protocol.instants import Instant
from yidi.scenarios.live.host import LiveHost

ANSWER_SECONDS = 30.0
"""Real seconds a call waits: as clients do, and more than a region's 25. Source: interface (g)."""


HEARD_MAX = 4_096
"""Answers to clients that are kept for people to look at."""


class _Waiting:
    """Everybody who waits for one message id."""

    def __init__(self, envelope: Envelope) -> None:
        self.envelope = envelope
        self.futures: list[asyncio.Future[Envelope]] = []

    def is_same(self, envelope: Envelope) -> bool:
        ours, theirs = self.envelope.origin, envelope.origin
        return (ours.sender, ours.transaction, ours.recipient, self.envelope.body) == (
            theirs.sender, theirs.transaction, theirs.recipient, envelope.body,
        )  # fmt: skip


class Desk:
    """A host object for clients, with a door for those outside.

    Args:
        driver: the simulated clients; None where there are none.
        seconds: how long `ask` waits.
    """

    def __init__(self, driver: Any | None = None, *, seconds: float = ANSWER_SECONDS) -> None:
        self.driver = driver
        self.seconds = seconds
        self.host: LiveHost | None = None
        """Set by whoever builds both, before anybody asks."""
        self.unmatched = 0
        """Answers that nobody waited for any more."""
        self.heard: deque[tuple[Instant, Envelope]] = deque(maxlen=HEARD_MAX)
        """What came to clients, newest last: no node's input, so no journal has it."""
        self._waiting: dict[str, _Waiting] = {}

    # ------------------------------------------------------------------ for the host

    def handle(self, envelope: Envelope, now: Instant) -> list[Envelope]:
        """Give an answer to whoever waits for it."""
        self.heard.append((now, envelope))
        waiting = self._waiting.pop(envelope.origin.correlation_id, None)
        if waiting is not None:
            for future in waiting.futures:
                if not future.done():
                    future.set_result(envelope)
            return []
        if self.driver is not None:
            sent: list[Envelope] = self.driver.handle(envelope, now)
            return sent
        self.unmatched += 1
        return []

    def next_deadline(self) -> Instant | None:
        """When a simulated client next wants to be woken."""
        due: Instant | None = self.driver.next_deadline() if self.driver is not None else None
        return due

    def handle_deadline(self, now: Instant) -> list[Envelope]:
        """Wake simulated clients."""
        sent: list[Envelope] = self.driver.handle_deadline(now) if self.driver is not None else []
        return sent

    # ------------------------------------------------------------------ for the gateway

    def now(self) -> Instant:
        """The network's clock."""
        assert self.host is not None
        return self.host.clock.now()

    async def ask(self, envelope: Envelope) -> Envelope:
        """Send a request and wait for its answer.

        Raises:
            DeliveryTimeout: nothing came in time; the outcome is unknown.
            LocalProtocolError: `E_REGION`, `E_NOT_MINE`, `E_BUSY`; nothing was sent.
            RemoteProtocolError: `E_KEY_REUSED` while another request of that id is under way.
        """
        assert self.host is not None
        message_id = envelope.origin.message_id
        waiting = self._waiting.get(message_id)
        if waiting is not None and not waiting.is_same(envelope):
            raise RemoteProtocolError(ErrorCode.E_KEY_REUSED, at="$.msgid")
        # A repeat is sent, too: where the first was lost, it is what gets through.
        self._submit(self.host, envelope)
        if waiting is None:
            waiting = self._waiting[message_id] = _Waiting(envelope)
        future: asyncio.Future[Envelope] = asyncio.get_running_loop().create_future()
        waiting.futures.append(future)
        try:
            return await asyncio.wait_for(future, self.seconds)
        except TimeoutError:
            raise DeliveryTimeout(got=message_id) from None
        finally:
            waiting.futures.remove(future)
            if not waiting.futures and self._waiting.get(message_id) is waiting:
                del self._waiting[message_id]

    def _submit(self, host: LiveHost, envelope: Envelope) -> None:
        """Put a request on its link; what clients ask is nobody's output and waits for no sync."""
        assert host.desk is not None
        assert host.desk.attachment is not None
        peer, raw = host.core.send(envelope.origin.sender, envelope, host.clock.now())
        host.desk.attachment.send(peer, 0, raw)
