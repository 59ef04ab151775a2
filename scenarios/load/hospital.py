"""The hospital of an engine's measurement: prepared visits at a rate, so many at a time at most.

Its requests are made before the clock starts, as in `flow`, since the network is what is
measured. Visits come by a schedule; who finds no room waits for it, so that a network slower than
what is offered is always full, and is measured at what it can do. Afterwards it asks for the
eligibility of one person after the other, alone on the line.
"""

from __future__ import annotations

from time import perf_counter_ns

from yidi.protocol.envelope import Envelope
from yidi.protocol.instants import MILLISECOND, SECOND, Instant
from yidi.scenarios.load.flow import requests

ALONE_EVERY = 5 * MILLISECOND
"""Silence before each lone request."""


def visits_of(rate: float, seconds: float) -> int:
    """How many come at most; each is somebody else."""
    return int(rate * seconds)


class Hospital:
    """Clients as a host: `offer` and then `ask_alone` set it to work.

    Args:
        rate: visits a second.
        in_flight: visits under way at most.
        seconds: how long they come.
        lone: how many are asked for alone.
    """

    def __init__(self, rate: float, in_flight: int, seconds: float, lone: int) -> None:
        self.rate, self.in_flight = rate, in_flight
        self.span = round(seconds * SECOND)
        self.most = visits_of(rate, seconds)
        prepared = requests(self.most + lone)
        self._visits = prepared[: self.most]
        self._lone = [visit[0] for visit in prepared[self.most :]]
        self._index = {
            envelope.origin.message_id: index
            for index, visit in enumerate(self._visits)
            for envelope in visit
        }
        self._step = [0] * self.most
        self._next = self.under_way = 0
        self._began: Instant | None = None
        self._alone_at: Instant | None = None
        self._sent_ns = 0
        self.settled_at: list[int] = []
        """Microseconds from the beginning, one a settlement."""
        self.lone_us: list[int] = []
        """What each lone request took."""
        self.refused = 0

    def offer(self, now: Instant) -> None:
        """Visits come from now on."""
        self._began = now

    def ask_alone(self, now: Instant) -> None:
        """Lone requests go out from now on."""
        self._alone_at = now

    def has_offered(self, now: Instant) -> bool:
        """Whether all who came have gone."""
        over = self._began is not None and now >= self._began + self.span
        return not self.under_way and (over or self._next >= self.most)

    @property
    def has_asked(self) -> bool:
        """Whether every lone request was answered."""
        return not self._lone and self._alone_at is None

    # ------------------------------------------------------------------ for the host

    def handle(self, envelope: Envelope, now: Instant) -> list[Envelope]:
        """An answer: the visit's next request, or room for another visit."""
        origin = envelope.origin
        self.refused += origin.kind != 1
        index = self._index.get(origin.correlation_id)
        if index is None:
            self.lone_us.append((perf_counter_ns() - self._sent_ns) // 1_000)
            self._alone_at = Instant(now + ALONE_EVERY) if self._lone else None
            return []
        step = self._step[index] = self._step[index] + 1
        visit = self._visits[index]
        if step < len(visit) and origin.kind == 1:
            return [visit[step]]
        assert self._began is not None
        self.under_way -= 1
        self.settled_at.append(now - self._began)
        return self._let_in(now)

    def next_deadline(self) -> Instant | None:
        """When the next visit, or the next lone request, is due."""
        if self._alone_at is not None:
            return self._alone_at
        if self._began is None or self.under_way >= self.in_flight or self._next >= self.most:
            return None
        due = self._due(self._began)
        return due if due < self._began + self.span else None

    def handle_deadline(self, now: Instant) -> list[Envelope]:
        """Let in who is due, or ask for the next one alone."""
        if self._alone_at is None:
            return self._let_in(now)
        if now < self._alone_at or not self._lone:
            return []
        self._alone_at = Instant(now + 60 * SECOND)  # until it is answered
        self._sent_ns = perf_counter_ns()
        return [self._lone.pop()]

    def _let_in(self, now: Instant) -> list[Envelope]:
        began = self._began
        if began is None or now >= began + self.span:
            return []
        first = self._next
        while (
            self._next < self.most and self.under_way < self.in_flight and self._due(began) <= now
        ):
            self._next += 1
            self.under_way += 1
        return [self._visits[index][0] for index in range(first, self._next)]

    def _due(self, began: Instant) -> Instant:
        """When the next visit comes by the schedule."""
        return Instant(began + round(self._next * SECOND / self.rate))
