"""Checks of the world: the scenario's own data, its regions, links, institutions and persons."""

from __future__ import annotations

import re

from yidi.protocol.errors import ErrorCode
from yidi.protocol.instants import DAY, HOUR
from yidi.protocol.regions import is_region, province_of
from yidi.scenarios.library.ground import Ground
from yidi.scenarios.library.schema import HeldFiling, Link, Person, Region
from yidi.scenarios.library.toml_lines import suggest
from yidi.scenarios.library.toml_scan import Path

SKEW_MAX = DAY
LATENCY_MAX = HOUR
POPULATION_MAX = 2_000_000_000

_KEBAB = re.compile(r"[a-z0-9]{1,40}(?:-[a-z0-9]{1,40}){0,9}\Z", re.ASCII)
_RULE = re.compile(r"[A-Z]{1,5}-?[0-9]{1,3}[a-z]?\Z", re.ASCII)
_INSTITUTION = re.compile(r"[HP]\d{11}\Z", re.ASCII)
_CHRONIC = re.compile(r"M\d{5}\Z", re.ASCII)
_ROLES = ("treatment", "insured", "hub", "province", "institution", "operator", "person")
_LEVELS_OF_LATENCY = ("p50", "p90", "p99", "max")


def check_world(ground: Ground) -> None:
    """Check what is there before anything happens, in the order of the file."""
    _check_top(ground)
    _check_regions(ground)
    for number, link in enumerate(ground.scenario.link):
        _check_link(ground, link, ("link", number))
    _check_institutions(ground)
    _check_persons(ground)


def _check_top(ground: Ground) -> None:
    scenario = ground.scenario
    want = "lower-case words joined by -"
    ground.need(bool(_KEBAB.match(scenario.name)), ErrorCode.E_NAME, ("name",), want, scenario.name)
    for number, tag in enumerate(scenario.tags):
        ground.need(bool(_KEBAB.match(tag)), ErrorCode.E_NAME, ("tags", number), want, tag)
    for number, rule in enumerate(scenario.requirements):
        place = ("requirements", number)
        ground.need(bool(_RULE.match(rule)), ErrorCode.E_NAME, place, "a rule id: BEN-03", rule)
    if scenario.start != "now":
        ground.dated(scenario.start, ("start",))
    ground.need(
        0 < len(set(scenario.exchanges)) == len(scenario.exchanges),
        ErrorCode.E_REFERENCE,
        ("exchanges",),
        "national, yangtze-delta, or both",
    )


def _check_regions(ground: Ground) -> None:
    seen: set[str] = set()
    provinces = {province_of(code) for code in ground.treatment if is_region(code)}
    for number, region in enumerate(ground.scenario.region):
        place: Path = ("region", number)
        ground.region_code(region.code, (*place, "code"))
        ground.once(region.code, seen, ErrorCode.E_REGION_REF, (*place, "code"))
        want = "insured, treatment, or both"
        ground.need(bool(region.roles), ErrorCode.E_RANGE, (*place, "roles"), want)
        ground.bound(region.population, 0, POPULATION_MAX, (*place, "population"))
        ground.bound(region.clock_skew, -SKEW_MAX, SKEW_MAX, (*place, "clock_skew"))
    for number, region in enumerate(ground.scenario.region):
        _check_region_refs(ground, region, ("region", number), provinces)


def _check_region_refs(ground: Ground, region: Region, place: Path, provinces: set[str]) -> None:
    if region.policy is not None:
        ground.region_code(region.policy, (*place, "policy"))
    for code in region.prefund_fen:
        if code not in provinces:
            want = f"the province of a treatment region; {suggest(code, sorted(provinces))}"
            ground.refuse(ErrorCode.E_REGION_REF, (*place, "prefund", code), want, code)


def _check_link(ground: Ground, link: Link, place: Path) -> None:
    _check_pattern(ground, link.from_, (*place, "from"))
    _check_pattern(ground, link.to, (*place, "to"))
    if link.from_ == link.to and "*" not in link.from_:
        ground.refuse(ErrorCode.E_REGION_REF, (*place, "to"), "another address", link.to)
    if link.latency is not None:
        marks = [getattr(link.latency, name) for name in _LEVELS_OF_LATENCY]
        want = "p50 <= p90 <= p99 <= max, at most 1h"
        rising = marks == sorted(marks) and marks[-1] <= LATENCY_MAX
        ground.need(rising, ErrorCode.E_RANGE, (*place, "latency"), want)


def _check_pattern(ground: Ground, pattern: str, place: Path) -> None:
    role, _, code = pattern.partition(":")
    if pattern == "*":
        return
    if role not in _ROLES or not code:
        want = "*, or role:code, or role:*"
        ground.refuse(ErrorCode.E_REFERENCE, place, want, pattern)
    if code.endswith("*"):
        return
    if role in ("treatment", "insured"):
        known = ground.treatment if role == "treatment" else ground.insured
        ground.defined(code, known, place, role)


def _check_institutions(ground: Ground) -> None:
    seen: set[str] = set()
    for number, institution in enumerate(ground.scenario.institution):
        place: Path = ("institution", number)
        want = "H or P and eleven digits"
        good = bool(_INSTITUTION.match(institution.code))
        ground.need(good, ErrorCode.E_NAME, (*place, "code"), want, institution.code)
        ground.once(institution.code, seen, ErrorCode.E_REFERENCE, (*place, "code"))
        ground.defined(institution.region, ground.treatment, (*place, "region"), "treatment")
        for index, med_type in enumerate(institution.opened):
            ground.coded(med_type, "med_type", (*place, "opened", index))


def _check_persons(ground: Ground) -> None:
    seen: set[str] = set()
    for number, person in enumerate(ground.scenario.person):
        place: Path = ("person", number)
        ground.identified(person.id, (*place, "id"))
        ground.once(person.id, seen, ErrorCode.E_REFERENCE, (*place, "id"))
        ground.defined(person.region, ground.insured, (*place, "region"), "insured")
        ground.coded(person.insutype, "insutype", (*place, "insutype"))
        ground.coded(person.psn_type, "psn_type", (*place, "psn_type"))
        ground.dated(person.birth, (*place, "birth"))
        ground.dated(person.suspended_from, (*place, "suspended_from"))
        for index, filing in enumerate(person.filings):
            _check_held_filing(ground, filing, (*place, "filings", index))
        _check_chronic(ground, person, place)


def _check_chronic(ground: Ground, person: Person, place: Path) -> None:
    for index, code in enumerate(person.chronic):
        good = bool(_CHRONIC.match(code))
        want = "M and five digits"
        ground.need(good, ErrorCode.E_CODE, (*place, "chronic", index), want, code)


def _check_held_filing(ground: Ground, filing: HeldFiling, place: Path) -> None:
    ground.region_code(filing.area, (*place, "area"))
    ground.dated(filing.from_, (*place, "from"))
    ground.dated(filing.to, (*place, "to"))
    if filing.from_ is not None and filing.to is not None and filing.to < filing.from_:
        ground.refuse(ErrorCode.E_RANGE, (*place, "to"), "a day not before from", filing.to)
