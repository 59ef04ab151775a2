"""The clients of a load run, as a host: an open loop that measures.

Patients come when the schedule says so, whether or not the network keeps up, and take each next
step as soon as the last one is answered. Every question has an instant at which it was *due*: a
visit's first at its scheduled arrival, each later one when the answer before it came. Latency
runs from there to the answer, so that a generator which comes too late, or a network that makes
others wait, cannot hide (no coordinated omission). How late questions left is counted apart.
"""

from __future__ import annotations

from collections.abc import Iterator
from heapq import merge
from time import thread_time_ns

from yidi.protocol.envelope import Envelope
from yidi.protocol.instants import Instant
from yidi.protocol.transactions import CATALOGUE, Kind
from yidi.scenarios.library.schema import Scenario
from yidi.scenarios.library.thresholds import MILLION, Threshold
from yidi.scenarios.load.histogram import Histogram
from yidi.scenarios.running.arrivals import arrivals_of
from yidi.scenarios.running.clients import Clients
from yidi.scenarios.running.flows import FlowRun
from yidi.scenarios.running.institutions import Institutions
from yidi.scenarios.running.patients import Visit
from yidi.scenarios.running.people import People
from yidi.scenarios.running.streams import Streams

BURST_MAX = 64
"""Patients let in before the network has its turn, when many are due at once."""
STAGES = ("eligibility", "fee_upload", "pre_settlement", "settlement")
"""What every visit goes through, in order; stays and cancellations have stages besides."""
VISIT = "visit"
"""From the scheduled arrival to the answer of the settlement."""


class Measured:
    """What the counter saw."""

    def __init__(self) -> None:
        self.stages: dict[str, Histogram] = {}
        """Stage → microseconds from when a question was due to its answer."""
        self.visits = Histogram()
        self.lateness = Histogram()
        """From a patient's scheduled arrival to when the generator let them in."""
        self.refused: dict[str, int] = {}
        """Stage → answers that were refusals."""
        self.pre_settled = self.given_up = 0
        """Visits whose pre-settlement was accepted; those of them that were not settled."""

    def take(self, stage: str, waited: int, accepted: bool) -> None:
        """Count one answer."""
        histogram = self.stages.get(stage)
        if histogram is None:
            histogram = self.stages[stage] = Histogram()
        histogram.record(waited)
        if not accepted:
            self.refused[stage] = self.refused.get(stage, 0) + 1

    def measure(self, rule: Threshold) -> int | None:
        """What a threshold is about: latency or refused by stage, visit, or lateness."""
        stage = rule.tags.get("stage")
        chosen = [one for name, one in self.stages.items() if stage in (None, name)]
        whole = {VISIT: [self.visits], "lateness": [self.lateness]}.get(rule.metric, chosen)
        if rule.metric not in ("latency", "refused", VISIT, "lateness"):
            return None
        histogram = Histogram()
        for one in whole:
            histogram.add(one)
        refused = sum(count for name, count in self.refused.items() if stage in (None, name))
        if rule.aggregate == "count":
            return (refused if rule.metric == "refused" else histogram.count) * MILLION
        if not histogram.count:
            return None
        if rule.metric == "refused":
            return refused * MILLION // histogram.count
        value = {
            "min": lambda: histogram.least,
            "max": lambda: histogram.largest,
            "avg": lambda: histogram.mean,
            "p": lambda: histogram.percentile(rule.percentile_bp),
        }.get(rule.aggregate, lambda: histogram.percentile(5_000))()
        return value if rule.unit == "us" else value * MILLION


class OpenLoop:
    """Everybody outside the nodes in a load run; a host like any other.

    Args:
        scenario: with its flows at the rate wanted (`plan.offered`).
        people: who is insured.
        institutions: where they go.
        streams: chance.
        start: what the clock shows at the first moment of the schedule.
        steady_from: microseconds after it from which visits are measured.
    """

    def __init__(
        self,
        scenario: Scenario,
        people: People,
        institutions: Institutions,
        streams: Streams,
        start: Instant,
        *,
        steady_from: int = 0,
    ) -> None:
        self.clients = Clients()
        self.measured = Measured()
        self.steady_from = steady_from
        self.flows = [
            FlowRun(
                flow, self.clients, iter(()), people.pools[flow.name], institutions,
                streams.stream("flow", flow.name), pauses=False,
            )
            for flow in scenario.flow
        ]  # fmt: skip
        self._schedule = merge(
            *(
                _offsets(number, start, arrivals_of(flow, start, scenario.duration, streams))
                for number, flow in enumerate(scenario.flow)
            )
        )
        self._next = next(self._schedule, None)
        self._began: Instant | None = None
        self._asked: dict[str, tuple[str, int, Visit]] = {}
        self.busy_ns = 0
        """CPU time spent in here: the generator's own share of its thread, whoever else runs."""
        self.is_ended = False
        """Nobody is let in any more; what is under way may end."""

    # ------------------------------------------------------------------ how far it is

    @property
    def arrived(self) -> int:
        """Patients let in."""
        return sum(flow.counts.arrived for flow in self.flows)

    @property
    def settled(self) -> int:
        """Visits that were settled."""
        return sum(flow.counts.settled for flow in self.flows)

    @property
    def manual(self) -> int:
        """Visits that were refused for good."""
        return sum(flow.counts.manual for flow in self.flows)

    @property
    def open_visits(self) -> int:
        """Visits under way."""
        return sum(flow.open_visits for flow in self.flows)

    @property
    def has_more(self) -> bool:
        """Whether somebody is still to come."""
        return self._next is not None and not self.is_ended

    def begin(self, now: Instant) -> None:
        """The network stands: the schedule begins now."""
        self._began = now

    # ------------------------------------------------------------------ for the host

    def handle(self, envelope: Envelope, now: Instant) -> list[Envelope]:
        """Measure an answer, and let the visit go on at once."""
        began = thread_time_ns()
        asked = self._asked.pop(envelope.origin.correlation_id, None)
        if asked is None:
            outputs = self.clients.handle(envelope, now)  # a repeat; the desk counts it
        else:
            outputs = self._answered(asked, envelope, now)
        for output in outputs:
            self._note(output, now)
        self.busy_ns += thread_time_ns() - began
        return outputs

    def _answered(
        self, asked: tuple[str, int, Visit], envelope: Envelope, now: Instant
    ) -> list[Envelope]:
        stage, due, visit = asked
        counts = visit.flow.counts
        settled, manual = counts.settled, counts.manual
        outputs = self.clients.handle(envelope, now)
        accepted = envelope.origin.kind == Kind.RESULT
        measured, is_steady = self.measured, self._is_steady(visit)
        if is_steady:
            measured.take(stage, now - due, accepted)
        if stage == "pre_settlement" and accepted:
            measured.pre_settled += 1
        if counts.settled > settled and is_steady:
            measured.visits.record(now - visit.scheduled)
        if counts.manual > manual and visit.effect is not None:
            measured.given_up += 1
        return outputs

    def next_deadline(self) -> Instant | None:
        """The next arrival, or the desk's own timers."""
        timer = self.clients.next_deadline()
        if self._next is None or self.is_ended or self._began is None:
            return timer
        due = Instant(self._began + self._next[0])
        return due if timer is None or due < timer else timer

    def handle_deadline(self, now: Instant) -> list[Envelope]:
        """Let in who is due, a few at a time; repeat what was not answered."""
        began = thread_time_ns()
        outputs = [*self.clients.handle_deadline(now)]
        for output in outputs:
            if output.origin.message_id not in self._asked:
                self._note(output, now)
        if self._began is not None and not self.is_ended:
            self._let_in(now, outputs, self._began)
        self.busy_ns += thread_time_ns() - began
        return outputs

    def _let_in(self, now: Instant, outputs: list[Envelope], began: Instant) -> None:
        for _ in range(BURST_MAX):
            if self._next is None or began + self._next[0] > now:
                return
            offset, number = self._next
            self._next = next(self._schedule, None)
            due = Instant(began + offset)
            self.flows[number].arrive(due, now)
            if offset >= self.steady_from:
                self.measured.lateness.record(now - due)
            for output in self.clients.take():
                self._note(output, due)
                outputs.append(output)

    def _note(self, envelope: Envelope, due: int) -> None:
        message_id = envelope.origin.message_id
        visit = self.clients.actor_of(message_id)
        assert isinstance(visit, Visit)
        self._asked[message_id] = (CATALOGUE[envelope.origin.transaction].word, due, visit)

    def _is_steady(self, visit: Visit) -> bool:
        """Whether a visit came after the warm-up."""
        return self._began is not None and visit.scheduled - self._began >= self.steady_from


def _offsets(number: int, start: Instant, instants: Iterator[Instant]) -> Iterator[tuple[int, int]]:
    """When the patients of one flow come, counted from the beginning of the schedule."""
    return ((instant - start, number) for instant in instants)
