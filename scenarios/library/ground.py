"""What the checks stand on: a scenario with its document, and the questions every check asks."""

from __future__ import annotations

import re
from typing import NoReturn

from yidi.protocol.codes import DICTIONARIES
from yidi.protocol.errors import ErrorCode, YidiError
from yidi.protocol.instants import Instant, parse_date
from yidi.protocol.regions import is_region
from yidi.scenarios.library.schema import Scenario
from yidi.scenarios.library.toml_lines import Document, suggest
from yidi.scenarios.library.toml_scan import Path

TEXT_MAX = 4_000
"""Characters of the longest text, a story."""

_ID = re.compile(r"[a-z0-9](?:[a-z0-9_-]{0,38}[a-z0-9])?\Z", re.ASCII)
# C0 and C1 controls but tab and newline, line separators, and the marks that turn text around.
_CONTROL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]"
)
_BREAK = re.compile("[\t\n]")
_ONE_LINE = frozenset({"name", "title", "id", "tags"})
"""What stands in tables and headings; a story may have lines of its own."""


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

    def need(self, good: bool, code: ErrorCode, place: Path, want: str, got: object = "") -> None:
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
        self.need(least <= number <= most, ErrorCode.E_RANGE, place, f"{least}..{most}", number)


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
            one_line = not _ONE_LINE.isdisjoint(place)
            if _CONTROL.search(value) or (one_line and _BREAK.search(value)):
                want = "text without control characters and direction marks"
                raise document.error(ErrorCode.E_NAME, place, want=want)
            if len(value) > TEXT_MAX:
                want = f"at most {TEXT_MAX} characters"
                raise document.error(ErrorCode.E_NAME, place, want=want, limit=TEXT_MAX)
