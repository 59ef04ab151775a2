"""What a conformance run came to, as data, as JUnit XML and as lines to read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from xml.etree import ElementTree as ET

import msgspec

from yidi.protocol.regions import label
from yidi.scenarios.judging.conformance import CONFORM_SCHEMA, Failure, Reached, Requirement
from yidi.scenarios.judging.junit import clean, document
from yidi.scenarios.judging.verdicts import Verdict
from yidi.scenarios.library.requirements import Level

CHAIN_MAX = 40
"""Messages of a chain that are shown to people; the JSON has all."""


class Played(msgspec.Struct, frozen=True, kw_only=True):
    """One scenario of a conformance run."""

    name: str
    title: dict[str, str]
    messages: int
    """To and from the node under test."""
    run: str
    """Verdict of the run as a whole, which is judged on the whole network."""
    wall_seconds: float
    folder: str = ""


class ConformReport(msgspec.Struct, frozen=True, kw_only=True):
    """The whole: what `yidi conform --json` prints."""

    schema: int = CONFORM_SCHEMA
    role: str
    code: str
    url: str
    level: Level
    verdict: Verdict
    passed: int
    failed: int
    not_reached: int
    requirements: tuple[Requirement, ...]
    scenarios: tuple[Played, ...]
    interrupted: bool = False


def report_of(
    node: tuple[str, str, str],
    level: Level,
    requirements: Sequence[Requirement],
    scenarios: Sequence[Played],
    *,
    interrupted: bool = False,
) -> ConformReport:
    """Sum up. `node` is role, code and URL.

    Nothing passed and nothing failed is a failure: then nothing was checked.
    """
    counts = {one: sum(row.verdict is one for row in requirements) for one in Reached}
    verdict = Verdict.PASS if counts[Reached.PASS] else Verdict.FAIL
    if counts[Reached.FAIL]:
        verdict = Verdict.FAIL
    elif interrupted:
        verdict = Verdict.UNKNOWN
    role, code, url = node
    return ConformReport(
        role=role,
        code=code,
        url=url,
        level=level,
        verdict=verdict,
        passed=counts[Reached.PASS],
        failed=counts[Reached.FAIL],
        not_reached=counts[Reached.NOT_REACHED],
        requirements=tuple(requirements),
        scenarios=tuple(scenarios),
        interrupted=interrupted,
    )


# --- JUnit ----------------------------------------------------------------------------------------


def conform_junit(report: ConformReport) -> str:
    """One suite for the node, one case a requirement; what was not reached is skipped."""
    root = ET.Element("testsuites")
    suite = ET.SubElement(
        root, "testsuite", name=clean(f"conform {report.role}:{report.code} {report.level}"),
        tests=str(len(report.requirements)), failures=str(report.failed),
        skipped=str(report.not_reached), errors="0",
        time=f"{sum(one.wall_seconds for one in report.scenarios):.3f}",
    )  # fmt: skip
    for row in report.requirements:
        name = f"{row.id} {row.title['en']}"
        case = ET.SubElement(suite, "testcase", classname=f"conform.{row.level}", name=clean(name))
        if row.verdict is Reached.NOT_REACHED:
            ET.SubElement(case, "skipped", message=clean(row.reason["en"]))
        for failure in row.failures[:1]:
            element = ET.SubElement(case, "failure", message=clean(failure.facts))
            lines = [f"{row.broken} of {row.looked} times", *_failure_lines(failure, "en")]
            element.text = clean("\n".join(lines))
    return document(root)


# --- For people -----------------------------------------------------------------------------------

_MARKS = {Reached.PASS: "✓", Reached.FAIL: "✗", Reached.NOT_REACHED: "–"}
_LEVELS = {"protocol": "报文", "identities": "恒等式", "amounts": "金额"}
_ROLES = {"insured": ("参保地", "insured region"), "treatment": ("就医地", "treatment region")}


def report_lines(report: ConformReport, language: str) -> Iterator[str]:
    """The report, line by line."""
    zh = language == "zh"
    place = 0 if zh else 1
    where = f" · {report.url}" if report.url else ""
    yield (
        f"{'合规' if zh else 'Conformance'}: {_ROLES[report.role][place]} "
        f"{label(report.code, language)} · "
        f"{_level(report.level, zh)}{where}"
    )
    for row in report.requirements:
        yield f"  {_MARKS[row.verdict]} {row.id} {row.title[language]} {_count(row, language)}"
        for failure in row.failures:
            for line in _failure_lines(failure, language):
                yield f"      {line}"
    yield _summary(report, zh)


def _level(level: Level, zh: bool) -> str:
    return f"级别 {_LEVELS[level]} {level}" if zh else f"level {level}"


def _count(row: Requirement, language: str) -> str:
    zh = language == "zh"
    if row.verdict is Reached.NOT_REACHED:
        reason = row.reason[language]
        return f"（未触及：{reason}）" if zh else f"(not reached: {reason})"
    if row.verdict is Reached.FAIL:
        return (
            f"（{row.looked} 次中不符 {row.broken} 次）"
            if zh
            else (f"(broken {row.broken} of {row.looked} times)")
        )
    return f"（{row.looked} 次）" if zh else f"({row.looked})"


def _failure_lines(failure: Failure, language: str) -> Iterator[str]:
    where = " · ".join(filter(None, (failure.scenario, failure.case, failure.step)))
    yield f"{where}: {failure.facts}"
    for message in failure.chain[:CHAIN_MAX]:
        yield f"  {message.line(language)}"
    if len(failure.chain) > CHAIN_MAX:
        yield f"  … {len(failure.chain) - CHAIN_MAX}"


def _summary(report: ConformReport, zh: bool) -> str:
    words = {Verdict.PASS: ("符合", "conforms"), Verdict.FAIL: ("不符合", "does not conform"),
             Verdict.UNKNOWN: ("未知", "unknown")}  # fmt: skip
    said = words[report.verdict][0 if zh else 1]
    if not report.passed + report.failed:
        said = "什么也没有触及" if zh else "nothing was reached"
    if zh:
        return (
            f"{said}：通过 {report.passed}，不符 {report.failed}，未触及 {report.not_reached}；"
            f"场景 {len(report.scenarios)}，报文 {_messages(report):,}"
        )
    return (
        f"{said}: {report.passed} passed, {report.failed} failed, {report.not_reached} not "
        f"reached; {len(report.scenarios)} scenarios, {_messages(report):,} messages"
    )


def _messages(report: ConformReport) -> int:
    return sum(one.messages for one in report.scenarios)
