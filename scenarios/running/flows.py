"""Background traffic: a flow's arrivals, each the beginning of one patient's visit.

Each flow draws from its own stream, each visit all its draws at its arrival, so that nothing
that happens in the network moves what a later patient brings.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from zlib import crc32

import msgspec

from yidi.protocol.envelope import Envelope
from yidi.protocol.instants import Instant
from yidi.scenarios.library.schema import Flow
from yidi.scenarios.running.clients import Clients
from yidi.scenarios.running.institutions import Institutions
from yidi.scenarios.running.patients import ManualRow, Visit
from yidi.scenarios.running.people import Insured
from yidi.scenarios.running.streams import Quantiles, Weighted, below

__all__ = ["FlowCounts", "FlowRun", "ManualRow"]


class FlowCounts(msgspec.Struct, kw_only=True):
    """What became of a flow's patients."""

    arrived: int = 0
    settled: int = 0
    cancelled: int = 0
    manual: int = 0
    reasons: dict[str, int] = {}
    """Error code → how many paid in full for it."""


class FlowRun:
    """One flow: wakes at each arrival and sends a patient on their way."""

    def __init__(
        self,
        flow: Flow,
        clients: Clients,
        arrivals: Iterator[Instant],
        pool: tuple[Insured, ...],
        institutions: Institutions,
        stream: Random,
        *,
        pauses: bool = True,
    ) -> None:
        self.flow = flow
        self.clients = clients
        self.arrivals = arrivals
        self.pool = pool
        self.places = institutions.by_flow[flow.name]
        self.levels = Weighted(flow.mix.level)
        self.stream = stream
        self.pauses = pauses
        """Whether people take their time between two steps; a load run has them go on at once,
        and come in turn, so that nobody is in two places at once."""
        bill = flow.bill
        self.bills = Quantiles(bill.p50_fen, bill.p90_fen, bill.p99_fen, bill.max_fen)
        self.counts = FlowCounts()
        self.manual: list[ManualRow] = []
        self.open_visits = 0
        self.exhausted = False
        self._tag = f"{flow.name[:12]}.{crc32(flow.name.encode()) & 0xFFFF:04x}"
        self._await()

    def woken(self, now: Instant) -> None:
        """A patient arrives."""
        self.arrive(now, now)
        self._await()

    def arrive(self, scheduled: Instant, now: Instant) -> None:
        """A patient arrives now who should have at `scheduled`, where the visit begins."""
        self.counts.arrived += 1
        self.open_visits += 1
        Visit(self, f"{self._tag}-{self.counts.arrived:07d}", scheduled).begin(now)

    def patient(self) -> Insured:
        """Who comes now."""
        pool = self.pool
        if self.pauses:
            return pool[below(self.stream, len(pool))]
        return pool[self.counts.arrived % len(pool)]

    def answered(self, envelope: Envelope, now: Instant) -> None:
        """A flow itself asks nothing."""

    def unanswered(self, message_id: str, now: Instant) -> None:
        """A flow itself asks nothing."""

    def repeats(self, message_id: str) -> bool:
        """Always."""
        return True

    def _await(self) -> None:
        at = next(self.arrivals, None)
        if at is None:
            self.exhausted = True
        else:
            self.clients.wake(self, at)
