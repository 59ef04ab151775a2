"""The library's conformance stories, lent to a region that they are not about.

Whoever holds a node of their own against the rules has a region of their own. The stories named
`conform-…` are told of Huaibei and Shanghai, but what they show belongs to no place: any other
region may take the place of either. An insured region then plays with Huaibei's policy, and where
the Delta's agreement does not cover the pair, everybody has filed as a long-term resident, which
cuts nothing.
"""

from __future__ import annotations

from typing import Any

from yidi.protocol.regions import province_of
from yidi.scenarios.library.loader import LoadedScenario, load_text
from yidi.scenarios.library.settings import write_toml
from yidi.scenarios.library.toml_lines import parse_toml

PREFIX = "conform-"
LENDERS = {"insured": "340600", "treatment": "310000"}
"""Role → the region whose place is lent."""
_DELTA = ("31", "32", "33", "34")


def may_borrow(loaded: LoadedScenario, role: str, code: str) -> bool:
    """Whether a region can take a place in a scenario: one that is lent, and not its own twice."""
    taken = {region.code for region in loaded.scenario.region}
    return loaded.scenario.name.startswith(PREFIX) and LENDERS[role] in taken and code not in taken


def lent(loaded: LoadedScenario, role: str, code: str) -> LoadedScenario:
    """The scenario with a region in the place of the lender.

    Raises:
        ScenarioError: `E_REGION`, the code is none.
    """
    lender = LENDERS[role]
    data: dict[str, Any] = _replaced(parse_toml(loaded.text, loaded.path).data, lender, code)
    for region in data["region"]:
        if region["code"] == code and role == "insured":
            region["policy"] = lender
            region.pop("population", None)
            region.pop("population_source", None)
        if role == "treatment" and "prefund" in region:
            region["prefund"] = {province_of(code): region["prefund"].pop(code)}
    places = {one["region"] for one in data["institution"]}
    homes = {one["region"] for one in data["person"]}
    if not all(one[:2] in _DELTA for one in (*places, *homes)):
        _file(data["person"], places)
    return load_text(write_toml(data), loaded.path)


def _file(persons: list[dict[str, Any]], places: set[str]) -> None:
    for person in persons:
        person.setdefault("filings", [
            {"category": "long_stay", "area": place} for place in sorted(places)
        ])  # fmt: skip


def _replaced(value: Any, old: str, new: str) -> Any:
    """A document with one region code for another, as a value, a key, or a word of a sentence."""
    if isinstance(value, dict):
        return {
            name.replace(old, new) if name == old else name: _replaced(inner, old, new)
            for name, inner in value.items()
        }
    if isinstance(value, list):
        return [_replaced(inner, old, new) for inner in value]
    if isinstance(value, str):
        return " ".join(new if word == old else word for word in value.split(" "))
    return value
