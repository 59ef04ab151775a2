"""The calendar of virtual time: each hub's operator closes the accounting day at midnight.

Day close is a message like any other, from `operator:CODE` to its hub, so that midnight can be
tested at noon. The calendar goes on while patients come, while something is in doubt, and while
a hub still has days to reconcile or months to clear, up to a limit.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from yidi.protocol.codec import encode
from yidi.protocol.envelope import Envelope
from yidi.protocol.instants import DAY, Instant, day_of, next_day, start_of_day
from yidi.protocol.messages_clearing import DayClose
from yidi.protocol.transactions import DAY_CLOSE, Kind
from yidi.scenarios.running.clients import Clients

DAYS_MAX = 40
"""Day closes after the last arrival where no clearing is asked for: longer than any stay."""
CLEARING_DAYS_MAX = 240
"""The same with clearing: two months' deferral, payment and its retries fit."""


class HubCalendar:
    """Closes the days of one hub.

    Args:
        clients: the desk to ask through.
        hub: address of the hub.
        start: instant at which the run begins.
        until: days that begin before this instant are closed in any case.
        latest: no day is closed after this instant, whatever is still open.
        is_busy: whether there is still something to wait for.
    """

    def __init__(
        self,
        clients: Clients,
        hub: str,
        start: Instant,
        until: Instant,
        latest: Instant,
        is_busy: Callable[[], bool],
    ) -> None:
        self.clients = clients
        self.hub = hub
        self.operator = "operator:" + hub.partition(":")[2]
        self.day = day_of(start)
        """The accounting day that is open."""
        self.until = until
        self.latest = latest
        self.is_busy = is_busy
        self.closed = 0
        self.refused: list[str] = []
        """Days whose close was refused, which is a mistake of somebody's."""
        self.ended = False
        clients.wake(self, start_of_day(next_day(self.day)))

    def woken(self, now: Instant) -> None:
        """It is midnight, or later: close the day that has ended."""
        nobody_came = start_of_day(self.day) >= self.until
        if nobody_came and (now >= self.latest or not self.is_busy()):
            self.ended = True
            return
        body = encode(DayClose(day=self.day))
        self.clients.ask(self, (self.operator, self.hub), DAY_CLOSE, body, now)

    def answered(self, envelope: Envelope, now: Instant) -> None:
        """The next day is open; its own midnight may have passed already."""
        if envelope.origin.kind != Kind.RESULT:
            self.refused.append(self.day)
        self.closed += 1
        self.day = next_day(self.day)
        self.clients.wake(self, max(now, start_of_day(next_day(self.day))))

    def unanswered(self, message_id: str, now: Instant) -> None:
        """The hub is out of reach: try again at the next midnight."""
        self.clients.wake(self, now + DAY)

    def repeats(self, message_id: str) -> bool:
        """Always."""
        return True


def has_open_work(node: Any, clears: bool) -> bool:
    """Whether a node waits for an answer, or a hub for reconciliation or clearing that is asked.

    Exchanges that a hub has relayed do not count: who gave up on one may never have it closed.
    """
    if node.outbox.pending:
        return True
    if node.role != "hub":
        return False
    days = node.days.state
    if days.waiting or days.runs or days.recheck:
        return True
    if days.day in days.index.settled or days.day in days.index.undone:
        return True  # the day that is open has effects: it is closed and reconciled, too
    return clears and not node.clearing.is_finished
