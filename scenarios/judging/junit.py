"""junit.xml for CI: one suite a scenario, one case a check and one a scripted case.

Written with the standard library's XML writer, which escapes what comes from files; control
characters, which XML cannot hold, are shown as escapes.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from yidi.scenarios.judging.check_titles import title_of
from yidi.scenarios.judging.verdicts import CheckResult, Verdict
from yidi.scenarios.running.script import CaseOutcome

if TYPE_CHECKING:
    from yidi.scenarios.judging.judged_run import RunReport


def junit_xml(report: RunReport, outcomes: Iterable[CaseOutcome]) -> str:
    """The document of one scenario."""
    root = ET.Element("testsuites")
    root.append(suite_of(report, outcomes))
    return document(root)


def merged(suites: Iterable[ET.Element]) -> str:
    """The document of several scenarios."""
    root = ET.Element("testsuites")
    root.extend(suites)
    return document(root)


def document(root: ET.Element) -> str:
    """An XML document as text, with its declaration."""
    ET.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def suite_of(report: RunReport, outcomes: Iterable[CaseOutcome]) -> ET.Element:
    """One `testsuite`."""
    suite = ET.Element("testsuite", name=clean(report.scenario))
    for check in report.checks:
        if not check.id.startswith("STEP-"):
            suite.append(_check(report.scenario, check))
    steps = {check.id: check for check in report.checks}
    for outcome in outcomes:
        suite.append(_scripted(report.scenario, outcome, steps.get(f"STEP-{outcome.case_id}")))
    for name, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(name, str(len(suite.findall(f"testcase/{tag}"))))
    suite.set("tests", str(len(suite)))
    suite.set("time", f"{report.wall_seconds:.3f}")
    properties = ET.Element("properties")
    for name, value in (
        ("seed", report.seed), ("verdict", report.verdict), ("journal_hash", report.journal_hash),
        ("books_hash", report.books_hash), ("replay", report.replay),
    ):  # fmt: skip
        ET.SubElement(properties, "property", name=name, value=clean(str(value)))
    suite.insert(0, properties)
    return suite


def _check(scenario: str, check: CheckResult) -> ET.Element:
    name = f"{check.id} {title_of(check.id, 'en')}"
    case = ET.Element("testcase", classname=clean(f"{scenario}.checks"), name=clean(name))
    _outcome(case, check)
    return case


def _scripted(scenario: str, outcome: CaseOutcome, check: CheckResult | None) -> ET.Element:
    case = ET.Element("testcase", classname=clean(f"{scenario}.cases"), name=clean(outcome.case_id))
    if check is not None:
        _outcome(case, check)
    return case


def _outcome(case: ET.Element, check: CheckResult) -> None:
    """A failure for fail, an error for unknown, skipped where there was nothing to look at."""
    if check.verdict is Verdict.FAIL:
        first = check.first_violation
        facts = first.facts if first is not None else ""
        failure = ET.SubElement(case, "failure", message=clean(facts))
        if first is not None:
            lines = [f"key: {first.key}", f"node: {first.node}",
                     f"messages: {' '.join(first.message_ids)}", f"replay: {first.replay}",
                     f"violations: {check.violations}"]  # fmt: skip
            failure.text = clean("\n".join(lines))
    elif check.verdict is Verdict.UNKNOWN:
        ET.SubElement(case, "error", message=clean(check.reason))
    elif not check.count:
        ET.SubElement(case, "skipped", message=clean(check.reason))


def clean(text: str) -> str:
    """Text that XML 1.0 can hold."""
    return "".join(
        character
        if _is_xml(character)
        else character.encode("unicode_escape", "surrogatepass").decode("ascii")
        for character in text
    )


def _is_xml(character: str) -> bool:
    if character < " ":
        return character in "\t\n"
    return not ("\ud800" <= character <= "\udfff") and character not in "\ufffe\uffff\x7f"
