"""The faults of a live run: what is lost, changed, sent again, or held back for a while.

The same plan as in virtual time decides at the same place, where a party hands a message over.
What is held back waits here until the run's clock shows its instant; a clock that skips idle
time jumps there, so that forty seconds of delay are not sat through.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from contextlib import suppress
from heapq import heappop, heappush

from yidi.protocol.bodies import open_body
from yidi.protocol.envelope import Envelope
from yidi.protocol.errors import DecodeError
from yidi.protocol.instants import Instant
from yidi.protocol.transactions import Kind
from yidi.scenarios.library.schema import Scenario
from yidi.scenarios.running.alterations import altered
from yidi.scenarios.running.faults import FaultPlan, rules_of
from yidi.scenarios.running.run import Cast


def faults_of(scenario: Scenario, cast: Cast, edges: Container[str] = ()) -> LiveFaults | None:
    """The faults that a scenario names; None where it names none."""
    rules = rules_of(scenario.fault)
    if not rules:
        return None
    visits = {visit: case for (_, visit), case in cast.driver.visits().items()}
    return LiveFaults(FaultPlan(rules, cast.start), cast.driver.case_of, edges, visits)


class LiveFaults:
    """What a plan of faults makes of the messages of one process.

    Args:
        plan: the scenario's faults.
        case_of: id of the scripted case of a trace id.
        edges: addresses whose node is met in JSON.
        visits: visit number → id of the scripted case. A platform of somebody else's begins a
            trace of its own; then the visit says which case it is.
    """

    def __init__(
        self,
        plan: FaultPlan,
        case_of: Callable[[str], str | None],
        edges: Container[str] = (),
        visits: Mapping[str, str] | None = None,
    ) -> None:
        self.plan, self.case_of, self.edges = plan, case_of, edges
        self.visits = visits or {}
        self._by_message: dict[str, str] = {}
        self.lost = 0
        """Messages of which nothing arrives."""
        self._held: list[tuple[int, int, str, Envelope]] = []
        self._serial = 0

    def passing(self, sender: str, envelope: Envelope, now: Instant) -> list[Envelope]:
        """What of a message leaves at once; what leaves later is kept.

        Args:
            sender: address that hands it over on this hop.
            envelope: the message; its hop says to whom.
            now: the run's clock.
        """
        origin = envelope.origin
        case = self.case_of(origin.trace_id) or self._case_by_visit(envelope)
        arrivals = self.plan.decide(origin, sender, envelope.hop, case, now)
        self.lost += not arrivals
        leaving: list[Envelope] = []
        for delay, changes in arrivals:
            copy = altered(envelope, changes, at_edge=envelope.hop in self.edges)
            if not delay:
                leaving.append(copy)
                continue
            self._serial += 1
            heappush(self._held, (now + delay, self._serial, sender, copy))
        return leaving

    def _case_by_visit(self, envelope: Envelope) -> str | None:
        """The case of a message by its visit, or by the message that it answers or undoes."""
        origin, body = envelope.origin, None
        with suppress(DecodeError):
            body = open_body(envelope)
        names = (origin.correlation_id, getattr(body, "original_message_id", ""))
        earlier = (self._by_message.get(name) for name in names)
        case = self.visits.get(getattr(body, "visit", "")) or next(filter(None, earlier), None)
        if case is not None and origin.kind == Kind.REQUEST:
            self._by_message[origin.message_id] = case
        return case

    def next_deadline(self) -> Instant | None:
        """When the first of what is held back leaves."""
        return Instant(self._held[0][0]) if self._held else None

    def due(self, now: Instant) -> list[tuple[str, Envelope]]:
        """What leaves now: who hands it over, and the message."""
        found: list[tuple[str, Envelope]] = []
        while self._held and self._held[0][0] <= now:
            _, _, sender, envelope = heappop(self._held)
            found.append((sender, envelope))
        return found
