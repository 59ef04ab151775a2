"""The driver: everybody outside the nodes, put together from a scenario.

Scripted cases, the patients of every flow and the hubs' operators all ask through one desk
(`clients`). The driver is what a host sees of them, and what is asked afterwards: how did each
case go, what did each flow come to, who paid in full.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from yidi.protocol.instants import DAY, Instant
from yidi.scenarios.library.schema import Scenario
from yidi.scenarios.running.arrivals import arrivals_of
from yidi.scenarios.running.calendar import CLEARING_DAYS_MAX, DAYS_MAX, HubCalendar, has_open_work
from yidi.scenarios.running.clients import Clients
from yidi.scenarios.running.flows import FlowCounts, FlowRun
from yidi.scenarios.running.institutions import Institutions
from yidi.scenarios.running.patients import ManualRow
from yidi.scenarios.running.people import People
from yidi.scenarios.running.script import CaseOutcome, ScriptedCase
from yidi.scenarios.running.streams import Streams


class Driver:
    """The clients of one run, as a host.

    Args:
        scenario: the story and its traffic.
        people: who is insured.
        institutions: where they go.
        streams: chance.
        start: instant at which the run begins.
    """

    def __init__(
        self,
        scenario: Scenario,
        people: People,
        institutions: Institutions,
        streams: Streams,
        start: Instant,
    ) -> None:
        self.clients = Clients()
        self.start = start
        self.ends = Instant(start + scenario.duration)
        """When arrivals stop."""
        self.latest = self.ends
        """When the calendar stops, whatever is still open."""
        regions = {place.code: place.region for place in institutions.all}
        self.cases = [
            ScriptedCase(
                case, people.scripted[case.person], regions[case.institution],
                case.at.at(start), self.clients,
            )
            for case in scenario.case
        ]  # fmt: skip
        self.flows = {
            flow.name: FlowRun(
                flow, self.clients, arrivals_of(flow, start, scenario.duration, streams),
                people.pools[flow.name], institutions, streams.stream("flow", flow.name),
            )
            for flow in scenario.flow
        }  # fmt: skip
        self.calendars: list[HubCalendar] = []
        self.handle = self.clients.handle
        self.next_deadline = self.clients.next_deadline
        self.handle_deadline = self.clients.handle_deadline

    def keep_calendar(self, nodes: Iterable[Any], clears: bool) -> None:
        """Let the operator of every hub close its days while any of the nodes has open work."""
        known = list(nodes)

        def is_busy() -> bool:
            return self.is_busy or any(has_open_work(node, clears) for node in known)

        days = CLEARING_DAYS_MAX if clears else DAYS_MAX
        self.latest = Instant(self.ends + days * DAY)
        self.calendars = [
            HubCalendar(self.clients, node.address, self.start, self.ends, self.latest, is_busy)
            for node in known
            if node.role == "hub"
        ]

    @property
    def is_busy(self) -> bool:
        """Whether any client is still under way."""
        return any(case.is_open for case in self.cases) or any(
            flow.open_visits or not flow.exhausted for flow in self.flows.values()
        )

    def case_of(self, trace_id: str) -> str | None:
        """The scripted case that a trace id belongs to."""
        for case in self.cases:
            if trace_id in case.traces:
                return case.case.id
        return None

    def outcomes(self) -> list[CaseOutcome]:
        """What became of the scripted cases, in the order of the file."""
        return [case.outcome for case in self.cases]

    def counts(self) -> dict[str, FlowCounts]:
        """What became of each flow."""
        return {name: flow.counts for name, flow in self.flows.items()}

    def visits(self) -> dict[tuple[str, str], str]:
        """(institution, visit number) → id of the scripted case."""
        return {(case.outcome.institution, case.outcome.visit): case.case.id for case in self.cases}

    def manual(self) -> Iterator[ManualRow]:
        """Everybody who paid in full: scripted cases first, then flow by flow."""
        for case in self.cases:
            if case.outcome.manual is not None:
                yield case.outcome.manual
        for flow in self.flows.values():
            yield from flow.manual
