"""The faults of a live run: what is lost, changed, sent again, or held back for a while.

The same plan as in virtual time decides at the same place, where a party hands a message over.
What is held back waits here until the run's clock shows its instant; a clock that skips idle
time jumps there, so that forty seconds of delay are not sat through.
"""

from __future__ import annotations

from collections.abc import Callable, Container
from heapq import heappop, heappush

from yidi.protocol.envelope import Envelope
from yidi.protocol.instants import Instant
from yidi.scenarios.library.schema import Scenario
from yidi.scenarios.running.alterations import altered
from yidi.scenarios.running.faults import FaultPlan, rules_of
from yidi.scenarios.running.run import Cast


def faults_of(scenario: Scenario, cast: Cast, edges: Container[str] = ()) -> LiveFaults | None:
    """The faults that a scenario names; None where it names none."""
    rules = rules_of(scenario.fault)
    if not rules:
        return None
    return LiveFaults(FaultPlan(rules, cast.start), cast.driver.case_of, edges)


class LiveFaults:
    """What a plan of faults makes of the messages of one process.

    Args:
        plan: the scenario's faults.
        case_of: id of the scripted case of a trace id.
        edges: addresses whose node is met in JSON.
    """

    def __init__(
        self,
        plan: FaultPlan,
        case_of: Callable[[str], str | None],
        edges: Container[str] = (),
    ) -> None:
        self.plan, self.case_of, self.edges = plan, case_of, edges
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
        case = self.case_of(origin.trace_id)
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
