"""Where people go: the scenario's institutions, and made-up ones where a flow needs more.

A flow sends its patients to institutions of its treatment region by level, and for medicines to
pharmacies. Where the scenario names none of a level, one is made up; its serial begins with 9
and its name says that it does not exist.
"""

from __future__ import annotations

import msgspec

from yidi.protocol.regions import region_name
from yidi.scenarios.library.schema import ALL_MED_TYPES, Flow, Institution, Level, Scenario

_LEVEL_NAMES: dict[Level, str] = {
    "1": "一级医院",
    "2": "二级医院",
    "3": "三级医院",
    "provincial": "省属医院",
}
_SERIALS: dict[Level, int] = {"1": 90_001, "2": 90_002, "3": 90_003, "provincial": 90_004}
_PHARMACY_SERIAL = 90_005


class Institutions(msgspec.Struct, frozen=True, kw_only=True):
    """All institutions of one run."""

    all: tuple[Institution, ...]
    """The scenario's own first, then the made-up ones, in the order of the flows."""
    by_flow: dict[str, dict[str, tuple[Institution, ...]]]
    """Flow name → level → where its patients of that level go."""


def build_institutions(scenario: Scenario) -> Institutions:
    """The institutions of a scenario and those its flows need besides."""
    known = {place.code: place for place in scenario.institution}
    by_flow: dict[str, dict[str, tuple[Institution, ...]]] = {}
    for flow in scenario.flow:
        places: dict[str, tuple[Institution, ...]] = {}
        for level, weight in flow.mix.level.items():
            if weight > 0:
                places[level] = _fitting(flow, level, scenario) or (_made_up(flow, level),)
                known.update({place.code: place for place in places[level]})
        by_flow[flow.name] = places
    return Institutions(all=tuple(known.values()), by_flow=by_flow)


def med_type_of(flow: Flow, emergency: bool = False) -> str:
    """The visit type of a flow's patients. Source: domain 3.1."""
    if flow.visit == "inpatient":
        return "24" if emergency else "21"
    if flow.visit == "outpatient":
        return "13" if emergency else "11"
    return "14" if flow.visit == "chronic" else "41"


def _fitting(flow: Flow, level: Level, scenario: Scenario) -> tuple[Institution, ...]:
    kind = "P" if flow.visit == "pharmacy" else "H"
    return tuple(
        place
        for place in scenario.institution
        if place.region == flow.to
        and place.code.startswith(kind)
        and (place.level == level or kind == "P")
        and med_type_of(flow) in place.opened
    )


def _made_up(flow: Flow, level: Level) -> Institution:
    place = region_name(flow.to, "zh")
    if flow.visit == "pharmacy":
        code, name = f"P{flow.to}{_PHARMACY_SERIAL}", f"虚构药店（{place}）"
        return Institution(code=code, name=name, region=flow.to, level="1", opened=("41",))
    return Institution(
        code=f"H{flow.to}{_SERIALS[level]}",
        name=f"虚构{_LEVEL_NAMES[level]}（{place}）",
        region=flow.to,
        level=level,
        opened=tuple(code for code in ALL_MED_TYPES if code != "41"),
    )
