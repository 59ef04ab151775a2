"""What a node has sent and not yet had answered; it resends until the answer empties it.

Every business message has an answer. A request waits here with the time of its next attempt;
the answer takes it out. A request with a deadline expires there (its owner decides what that
means: a time-out is an unknown, never a failure); one without is resent for ever with a capped
back-off, because a reversal is never dropped. Timers are derived from the pending requests and
are rebuilt after a restart.
"""

from __future__ import annotations

import heapq
from collections import deque

import msgspec

from yidi.protocol.envelope import Envelope, Origin
from yidi.protocol.instants import MINUTE, SECOND, Instant

RESEND_AFTER = 5 * SECOND
"""First resend: longer than any healthy round trip of two hops, well inside 25 s."""
BACKOFF_CAP = 10 * MINUTE
FORWARD_TIMEOUT = 25 * SECOND
"""Province to nation to province. Source: interface (g), suggestion for 30 s clients."""
OUTBOX_MAX = 100_000
"""Requests one node may have open; beyond it new work is answered E_BUSY (INV-37)."""


class About(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a request is about, where no other message's origin says it."""

    case_key: str = ""
    treatment: str = ""
    insured: str = ""
    partition_key: int = 0
    trace_id: str = ""
    """Empty: the request's own id begins a trace."""


class Wait(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """How a request waits for its answer."""

    timeout: int = 0
    """Microseconds until it is given up; 0 for never."""
    client: Origin | None = None
    """Whose request this one serves: where the answer goes in the end."""
    context: str = ""
    """What the owner needs to know when the answer or the expiry comes."""


NOTHING, FOREVER = About(), Wait()


class Pending(msgspec.Struct, gc=False):
    """One unanswered request. Positional in memory: built for every request."""

    hop: str
    origin_bytes: bytes
    origin: Origin
    body: bytes
    next_at: int
    """Instant of the next attempt or of the expiry."""
    deadline: int
    """Instant after which it is given up; 0 for never."""
    client: Origin | None = None
    context: str = ""
    attempts: int = 1


class Outbox:
    """Pending requests of one node, with their timers."""

    def __init__(self, pending: dict[str, Pending]) -> None:
        self.pending = pending
        self._fresh: deque[tuple[int, str]] = deque()
        self._late: list[tuple[int, str]] = []
        self._last = 0
        """The latest of `_fresh`, which is in order."""
        for message_id, entry in pending.items():
            heapq.heappush(self._late, (entry.next_at, message_id))

    @property
    def is_full(self) -> bool:
        """Whether new work must be refused with E_BUSY."""
        return len(self.pending) >= OUTBOX_MAX

    def add(self, envelope: Envelope, now: Instant, wait: Wait = FOREVER) -> None:
        """Remember a request until it is answered, or until it has waited long enough."""
        origin, timeout = envelope.origin, wait.timeout
        message_id = origin.message_id
        next_at = now + (timeout if 0 < timeout < RESEND_AFTER else RESEND_AFTER)
        self.pending[message_id] = Pending(
            envelope.hop, envelope.origin_bytes, origin, envelope.body, next_at,
            now + timeout if timeout else 0, wait.client, wait.context,
        )  # fmt: skip
        if next_at >= self._last:
            self._last = next_at
            self._fresh.append((next_at, message_id))
        else:
            heapq.heappush(self._late, (next_at, message_id))

    def take(self, message_id: str) -> Pending | None:
        """The answer has come: forget the request and return it; None if it is not here."""
        return self.pending.pop(message_id, None)

    def next_deadline(self) -> Instant | None:
        """When the earliest attempt or expiry is due."""
        pending, fresh, late = self.pending, self._fresh, self._late
        if not pending:
            fresh.clear()
            late.clear()
            return None
        while fresh and not _current(pending, fresh[0]):
            fresh.popleft()
        while late and not _current(pending, late[0]):
            heapq.heappop(late)
        if fresh and late:
            return Instant(min(fresh[0][0], late[0][0]))
        if fresh:
            return Instant(fresh[0][0])
        return Instant(late[0][0]) if late else None

    def due(self, now: Instant) -> tuple[list[Envelope], list[Pending]]:
        """Resends whose time has come, and requests whose deadline has passed (forgotten here)."""
        resends: list[Envelope] = []
        expired: list[Pending] = []
        while (at := self.next_deadline()) is not None and at <= now:
            queue = self._fresh if self._fresh and self._fresh[0][0] == at else self._late
            message_id = queue[0][1]
            if queue is self._fresh:
                self._fresh.popleft()
            else:
                heapq.heappop(self._late)
            entry = self.pending[message_id]
            if entry.deadline and entry.deadline <= now:
                expired.append(self.pending.pop(message_id))
                continue
            resends.append(Envelope(entry.hop, entry.origin, entry.origin_bytes, entry.body))
            self._postpone(message_id, entry, now)
        return resends, expired

    def _postpone(self, message_id: str, entry: Pending, now: Instant) -> None:
        wait = min(RESEND_AFTER << min(entry.attempts, 16), BACKOFF_CAP)
        entry.attempts += 1
        entry.next_at = now + wait
        if entry.deadline:
            entry.next_at = min(entry.next_at, entry.deadline)
        heapq.heappush(self._late, (entry.next_at, message_id))


def _current(pending: dict[str, Pending], timer: tuple[int, str]) -> bool:
    entry = pending.get(timer[1])
    return entry is not None and entry.next_at == timer[0]
