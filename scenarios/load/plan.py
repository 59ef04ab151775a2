"""What a load run offers: the scenario's own flows at a rate that somebody asked for.

The flows keep their patients, institutions, bills and their share of the traffic; only when
patients come is decided anew. They come evenly spaced, for a fixed time. A scenario that has no
flow gets one for each pair of regions of its cases, with bills that are made up. Cases, and what
the scenario expects of them, are for `yidi run`; faults, which belong to virtual time, are left
out, and links take the time that they really take.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import msgspec

from yidi.protocol.errors import ErrorCode, ScenarioError
from yidi.protocol.instants import SECOND
from yidi.scenarios.library.cases import Case
from yidi.scenarios.library.loader import LoadedScenario
from yidi.scenarios.library.schema import Arrivals, Bill, Flow, Mix, Scenario

SECONDS_A_DAY = 86_400
VISITS_MAX = 10_000_000
"""Visits of one load run: it keeps its cases in memory."""
PEOPLE_MAX = 20_000
"""A flow's patients are as many as its visits up to here, so that few come twice in a minute."""
MADE_UP_BILL = Bill(p50_fen=26_000, p90_fen=82_000, p99_fen=320_000, max_fen=1_200_000)
VISIT_KINDS: dict[str, Literal["outpatient", "chronic", "inpatient", "pharmacy"]] = {
    "14": "chronic", "41": "pharmacy", "21": "inpatient", "22": "inpatient", "24": "inpatient",
}  # fmt: skip
"""Kind of flow by a case's med_type; every other one is an outpatient visit."""


def offered(loaded: LoadedScenario, rate: float, seconds: float) -> LoadedScenario:
    """The scenario with its flows at so many visits a second, for so many seconds.

    Raises:
        ScenarioError: nobody comes in it (`E_EVENT`), or these would be too many visits, or
            none (`E_RANGE`).
    """
    scenario = loaded.scenario
    flows = scenario.flow or tuple(_made_up_flows(scenario))
    if not flows:
        raise ScenarioError(ErrorCode.E_EVENT, at=f"{loaded.path}:flow", want="a flow or a case")
    if not 1 <= rate * seconds <= VISITS_MAX:
        raise ScenarioError(
            ErrorCode.E_RANGE, at="rate x duration", want=f"1..{VISITS_MAX} visits",
            got=f"{rate * seconds:g}",
        )  # fmt: skip
    shares = [flow.arrivals.per_day for flow in flows]
    timed = tuple(
        msgspec.structs.replace(
            flow,
            arrivals=Arrivals(
                process="constant",
                per_day=max(1, round(rate * SECONDS_A_DAY * share / sum(shares))),
            ),
            people=max(flow.people, min(PEOPLE_MAX, round(rate * seconds * share / sum(shares)))),
            starts=0,
            ends=None,
        )
        for flow, share in zip(flows, shares, strict=True)
    )
    changed = msgspec.structs.replace(
        scenario, flow=timed, case=(), fault=(), expect=(), clearing=None,
        duration=round(seconds * SECOND),
    )  # fmt: skip
    return msgspec.structs.replace(loaded, scenario=changed)


def _made_up_flows(scenario: Scenario) -> Iterator[Flow]:
    """One flow for each insured region, treatment region and kind of visit of the cases."""
    homes = {person.id: person.region for person in scenario.person}
    places = {place.code: place.region for place in scenario.institution}
    seen: set[tuple[str, str, str]] = set()
    for case in scenario.case:
        kind = VISIT_KINDS.get(_med_type(case), "outpatient")
        route = (homes[case.person], places[case.institution], kind)
        if route not in seen:
            seen.add(route)
            yield Flow(
                name=f"load-{len(seen)}", from_=route[0], to=route[1], visit=kind,
                arrivals=Arrivals(per_day=1), bill=MADE_UP_BILL,
                mix=Mix(insutype={"310": 100}),
            )  # fmt: skip


def _med_type(case: Case) -> str:
    return next((step.fields.med_type for step in case.step if step.fields.med_type), "11")
