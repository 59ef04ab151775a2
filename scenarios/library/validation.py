"""What types cannot say of a scenario: names, references, ranges, and how much it would cost.

Checks run in the order of the file and stop at the first error, which names its line. This
module holds the ground and the world (regions, links, persons, institutions); what happens in
it is checked by `story_checks` (cases, expectations) and `traffic_checks` (flows, faults).
"""

from __future__ import annotations

import re
from typing import NoReturn

from yidi.protocol.codes import DICTIONARIES
from yidi.protocol.errors import ErrorCode, YidiError
from yidi.protocol.instants import DAY, HOUR, Instant, parse_date
from yidi.protocol.regions import is_region, province_of
from yidi.scenarios.library.schema import HeldFiling, Link, Person, Region, Scenario
from yidi.scenarios.library.toml_lines import Document, suggest
from yidi.scenarios.library.toml_scan import Path

TEXT_MAX = 4_000
"""Characters of the longest text, a story."""
SKEW_MAX = DAY
LATENCY_MAX = HOUR
POPULATION_MAX = 2_000_000_000

_KEBAB = re.compile(r"[a-z0-9]{1,40}(?:-[a-z0-9]{1,40}){0,9}\Z", re.ASCII)
_ID = re.compile(r"[a-z0-9](?:[a-z0-9_-]{0,38}[a-z0-9])?\Z", re.ASCII)
_RULE = re.compile(r"[A-Z]{1,5}-?[0-9]{1,3}[a-z]?\Z", re.ASCII)
_INSTITUTION = re.compile(r"[HP]\d{11}\Z", re.ASCII)
_CHRONIC = re.compile(r"M\d{5}\Z", re.ASCII)
# C0 and C1 controls but tab and newline, line separators, and the marks that turn text around.
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_ROLES = ("treatment", "insured", "hub", "province", "institution", "operator", "person")
_LEVELS_OF_LATENCY = ("p50", "p90", "p99", "max")


class Ground:
    """A scenario with its document: what the checks stand on."""

    def __init__(self, scenario: Scenario, document: Document) -> None:
        self.scenario = scenario
        self.document = document
        self.insured = {r.code for r in scenario.region if "insured" in r.roles}
        self.treatment = {r.code for r in scenario.region if "treatment" in r.roles}
        self.persons = {person.id: person for person in scenario.person}
        self.institutions = {place.code: place for place in scenario.institution}
        self.cases = {case.id: case for case in scenario.case}

    @property
    def start(self) -> Instant | None:
        """The scenario's start; None where it is `now`."""
        return None if self.scenario.start == "now" else self.scenario.start_instant()

    def refuse(
        self, code: ErrorCode, place: Path, want: str, got: object = "", limit: int | None = None
    ) -> NoReturn:
        """Raise the error of a place."""
        raise self.document.error(code, place, want=want, got=got, limit=limit)

    def need(
        self, good: bool, code: ErrorCode, place: Path, want: str, got: object = ""
    ) -> None:
        """Raise unless a condition holds."""
        if not good:
            self.refuse(code, place, want, got)

    def defined(self, code: str, known: set[str], place: Path, role: str) -> None:
        """A region code must be one that is defined with a role."""
        if code not in known:
            want = f"a [[region]] with role {role}; {suggest(code, sorted(known))}"
            self.refuse(ErrorCode.E_REGION_REF, place, want, code)

    def referred(self, name: str, known: list[str], place: Path, what: str) -> None:
        """A name must be one of those defined."""
        if name not in known:
            self.refuse(ErrorCode.E_REFERENCE, place, f"{what}; {suggest(name, known)}", name)

    def coded(self, code: str, dictionary: str, place: Path) -> None:
        """A code must be in a dictionary of the protocol."""
        known = list(DICTIONARIES[dictionary])
        if code not in known:
            self.refuse(ErrorCode.E_CODE, place, suggest(code, known), code)

    def dated(self, text: str | None, place: Path) -> None:
        """A text must be an ISO date, where it is given and is no `${step.field}`."""
        if text is not None and not text.startswith("${"):
            try:
                parse_date(text)
            except YidiError:
                self.refuse(ErrorCode.E_DATE, place, "a date such as 2026-03-16", text)

    def region_code(self, code: str, place: Path) -> None:
        """A text must have the form of a region code."""
        want = "six digits with the prefix of a province"
        self.need(is_region(code), ErrorCode.E_REGION, place, want, code)

    def identified(self, name: str, place: Path) -> None:
        """An id must be plain: lower case, digits, `-` and `_`."""
        want = "lower-case letters, digits, - and _"
        self.need(bool(_ID.match(name)), ErrorCode.E_NAME, place, want, name)

    def once(self, name: str, seen: set[str], code: ErrorCode, place: Path) -> None:
        """A name must not have been seen before."""
        self.need(name not in seen, code, place, "one that was not used before", name)
        seen.add(name)

    def bound(self, number: int, least: int, most: int, place: Path) -> None:
        """A number must lie in a range."""
        self.need(
            least <= number <= most, ErrorCode.E_RANGE, place, f"{least}..{most}", number
        )


def check_texts(document: Document) -> None:
    """Refuse control characters and direction marks in any text or key, and endless texts.

    Raises:
        ScenarioError: `E_NAME`.
    """
    waiting: list[tuple[Path, object]] = [((), document.data)]
    while waiting:
        place, value = waiting.pop()
        if isinstance(value, dict):
            waiting.extend(((*place, key), inner) for key, inner in value.items())
            waiting.extend(((*place, key), key) for key in value)
        elif isinstance(value, list):
            waiting.extend(((*place, index), inner) for index, inner in enumerate(value))
        elif isinstance(value, str):
            if _CONTROL.search(value):
                want = "text without control characters and direction marks"
                raise document.error(ErrorCode.E_NAME, place, want=want)
            if len(value) > TEXT_MAX:
                want = f"at most {TEXT_MAX} characters"
                raise document.error(ErrorCode.E_NAME, place, want=want, limit=TEXT_MAX)


def validate(scenario: Scenario, document: Document) -> None:
    """Check everything that one field cannot know.

    Raises:
        ScenarioError: the first thing that is wrong.
    """
    from yidi.scenarios.library.story_checks import check_story
    from yidi.scenarios.library.traffic_checks import check_traffic

    ground = Ground(scenario, document)
    _check_top(ground)
    _check_regions(ground)
    for number, link in enumerate(scenario.link):
        _check_link(ground, link, ("link", number))
    _check_institutions(ground)
    _check_persons(ground)
    check_story(ground)
    check_traffic(ground)


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
        _check_region_refs(ground, region, place, provinces)


def _check_region_refs(
    ground: Ground, region: Region, place: Path, provinces: set[str]
) -> None:
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
