"""Checks of what is told: cases, their steps and references, and what is expected of the run."""

from __future__ import annotations

import re

from yidi.protocol.errors import ErrorCode
from yidi.scenarios.library.cases import NATIONAL_FIELDS, Case, Fields, Step
from yidi.scenarios.library.ground import Ground
from yidi.scenarios.library.schema import Expect
from yidi.scenarios.library.toml_lines import suggest
from yidi.scenarios.library.toml_scan import Path

CASE_COLUMNS = (
    *("node", "key", "institution", "visit", "serial", "case_id", "psn_no", "treatment"),
    *("insured", "insutype", "med_type", "total_fen", "fund_fen", "account_fen", "cash_fen"),
    *("hospital_fen", "state", "day", "period", "batch"),
)
"""Columns of cases.jsonl that `[[expect]]` may name. Source: design 5."""

_REFERENCE = re.compile(r"\$\{([^{}]*)\}")
_NEEDED: dict[str, tuple[str, ...]] = {
    "filing": ("category", "area"),
    "filing_decision": ("decision",),
    "referral_filing": ("area",),
    "admission": ("med_type",),
    "fee_upload": ("items|amount",),
    "adjustment": ("amount", "direction"),
}
"""What a step of a word cannot do without; `a|b` means either."""
_DATES = ("valid_from", "valid_to", "day")
_EARLIER = ("original", "again")


def check_story(ground: Ground) -> None:
    """Check cases and expectations, in the order of the file."""
    seen: set[str] = set()
    for number, case in enumerate(ground.scenario.case):
        place: Path = ("case", number)
        ground.identified(case.id, (*place, "id"))
        ground.once(case.id, seen, ErrorCode.E_EVENT, (*place, "id"))
        _check_case(ground, case, place)
    for number, expect in enumerate(ground.scenario.expect):
        _check_expect(ground, expect, ("expect", number))


def _check_case(ground: Ground, case: Case, place: Path) -> None:
    ground.referred(case.person, list(ground.persons), (*place, "person"), "a [[person]]")
    known = list(ground.institutions)
    ground.referred(case.institution, known, (*place, "institution"), "an [[institution]]")
    insured = ground.persons[case.person].region
    treatment = ground.institutions[case.institution].region
    if insured == treatment:
        want = "an institution outside the person's own region"
        ground.refuse(ErrorCode.E_REGION_REF, (*place, "institution"), want, treatment)
    _check_moment(ground, case, place)
    ground.need(bool(case.step), ErrorCode.E_EVENT, place, "at least one [[case.step]]")
    earlier: list[str] = []
    for number, (step, name) in enumerate(zip(case.step, case.step_ids(), strict=True)):
        step_place: Path = (*place, "step", number)
        ground.identified(name, (*step_place, "id"))
        ground.once(name, set(earlier), ErrorCode.E_EVENT, (*step_place, "id"))
        _check_step(ground, step, earlier, step_place)
        earlier.append(name)


def _check_moment(ground: Ground, case: Case, place: Path) -> None:
    at, duration = case.at, ground.scenario.duration
    if at.instant is not None and ground.start is None:
        want = 'an offset: the scenario starts "now"'
        ground.refuse(ErrorCode.E_EVENT, (*place, "at"), want)
    offset = at.at(ground.start) - ground.start if ground.start is not None else at.offset or 0
    if offset < 0:
        ground.refuse(ErrorCode.E_EVENT, (*place, "at"), "a moment after the start")
    if offset >= duration:
        ground.refuse(ErrorCode.E_EVENT, (*place, "at"), "a moment before the duration ends")


def _check_step(ground: Ground, step: Step, earlier: list[str], place: Path) -> None:
    fields = step.fields
    inner: Path = (*place, "fields")
    # What is sent again is the earlier message as it stood.
    for needed in _NEEDED.get(step.do, ()) if fields.again is None else ():
        if not any(getattr(fields, name) for name in needed.split("|")):
            ground.refuse(ErrorCode.E_MISSING_KEY, inner, needed.replace("|", " or "))
    for name in _EARLIER:
        value = getattr(fields, name)
        if value is not None:
            ground.referred(value, earlier, (*inner, name), "an earlier step")
    _check_codes(ground, fields, inner)
    for name in Fields.__struct_fields__:
        value = getattr(fields, name)
        if isinstance(value, str):
            check_references(ground, value, earlier, (*inner, name))
    if step.expect is not None:
        _check_answer(ground, step, earlier, (*place, "expect"))
    for number, rule in enumerate(step.requirements):
        known = list(ground.scenario.requirements)
        what = "one of the scenario's own requirements"
        ground.referred(rule, known, (*place, "requirements", number), what)


def _check_codes(ground: Ground, fields: Fields, place: Path) -> None:
    if fields.med_type is not None and not fields.med_type.startswith("${"):
        ground.coded(fields.med_type, "med_type", (*place, "med_type"))
    for name in ("area", "claimed_region"):
        value = getattr(fields, name)
        if value is not None and not value.startswith("${"):
            ground.region_code(value, (*place, name))
    for name in _DATES:
        ground.dated(getattr(fields, name), (*place, name))
    if fields.institution is not None:
        known = list(ground.institutions)
        place = (*place, "institution")
        ground.referred(fields.institution, known, place, "an [[institution]]")


def _check_answer(ground: Ground, step: Step, earlier: list[str], place: Path) -> None:
    expect = step.expect
    assert expect is not None
    if expect.code is not None:
        _check_error_code(ground, expect.code, (*place, "code"))
    for name, value in expect.fields.items():
        if name not in NATIONAL_FIELDS:
            want = suggest(name, ["outcome", "code", *NATIONAL_FIELDS])
            ground.refuse(ErrorCode.E_UNKNOWN_KEY, (*place, name), want, name)
        check_references(ground, value, earlier, (*place, name))


def _check_error_code(ground: Ground, code: str, place: Path) -> None:
    known = [entry.value for entry in ErrorCode]
    ground.need(code in known, ErrorCode.E_CODE, place, suggest(code, known), code)


def check_references(ground: Ground, text: str, earlier: list[str], place: Path) -> None:
    """Every `${step.field}` must name an earlier step and a field of an answer.

    Raises:
        ScenarioError: `E_REFERENCE`.
    """
    rest = _REFERENCE.sub("", text)
    ground.need("${" not in rest, ErrorCode.E_REFERENCE, place, "${step.field}", text)
    for inside in _REFERENCE.findall(text):
        step, dot, field = inside.partition(".")
        ground.need(bool(dot), ErrorCode.E_REFERENCE, place, "${step.field}", text)
        ground.referred(step, earlier, place, "an earlier step of this case")
        ground.referred(field, list(NATIONAL_FIELDS), place, "a field of an answer")


def _check_expect(ground: Ground, expect: Expect, place: Path) -> None:
    if (expect.case is None) == (expect.filter is None):
        ground.refuse(ErrorCode.E_EXPRESSION, place, "either case or filter")
    counts = (expect.count, expect.at_least, expect.at_most)
    asserts = (expect.outcome, expect.code, *counts, expect.fields or None)
    if all(part is None for part in asserts):
        ground.refuse(ErrorCode.E_EXPRESSION, place, "outcome, code, a count or fields")
    if expect.case is not None:
        ground.referred(expect.case, list(ground.cases), (*place, "case"), "a [[case]]")
    if expect.code is not None:
        _check_error_code(ground, expect.code, (*place, "code"))
    for number in counts:
        ground.need(number is None or number >= 0, ErrorCode.E_RANGE, place, "a count from 0")
    for name in expect.fields:
        if name not in (*CASE_COLUMNS, *NATIONAL_FIELDS):
            want = suggest(name, [*CASE_COLUMNS, *NATIONAL_FIELDS])
            ground.refuse(ErrorCode.E_UNKNOWN_KEY, (*place, "fields", name), want, name)
    _check_filter(ground, expect, (*place, "filter"))


def _check_filter(ground: Ground, expect: Expect, place: Path) -> None:
    wanted = expect.filter
    if wanted is None:
        return
    for code, known, role in (
        (wanted.treatment, ground.treatment, "treatment"),
        (wanted.insured, ground.insured, "insured"),
    ):
        if code is not None:
            ground.defined(code, known, (*place, role), role)
    for code, dictionary in (
        (wanted.insutype, "insutype"),
        (wanted.med_type, "med_type"),
        (wanted.state, "case_state"),
    ):
        if code is not None:
            ground.coded(code, dictionary, (*place, dictionary.removeprefix("case_")))
