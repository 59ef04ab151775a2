"""The report of a conformance run: counted, said in two languages, and in JUnit's form."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from tests.judging import planted
from yidi.scenarios.judging.conform_report import conform_junit, report_lines, report_of
from yidi.scenarios.judging.verdicts import Verdict

NODE = ("insured", "340600", "http://127.0.0.1:1/")


@pytest.fixture(scope="module")
def failing():
    """The report on a node that settles twice."""
    requirements = planted.held("conform-same-message-again", planted.settles_twice, "protocol")
    return report_of(NODE, "protocol", requirements, ())


def test_a_report_counts(failing):
    """Every rule is passed, failed or not reached."""
    counts = (failing.passed, failing.failed, failing.not_reached)

    assert len(failing.requirements) == sum(counts)
    assert (1, Verdict.FAIL) == (failing.failed, failing.verdict)


def test_nothing_reached_is_no_pass(failing):
    """Nor is what was broken off."""
    nothing = [row for row in failing.requirements if row.verdict == "not_reached"]
    passed = [row for row in failing.requirements if row.verdict == "pass"]

    assert Verdict.FAIL is report_of(NODE, "protocol", nothing, ()).verdict
    assert Verdict.PASS is report_of(NODE, "protocol", passed, ()).verdict
    assert Verdict.UNKNOWN is report_of(NODE, "protocol", passed, (), interrupted=True).verdict


def test_junit_has_a_case_a_rule(failing):
    """A failure with its chain, a rule out of reach as skipped."""
    suite = ET.fromstring(conform_junit(failing))[0]
    case = next(case for case in suite if case.get("name").startswith("SET-02 "))
    failure = case.find("failure")

    assert str(len(failing.requirements)) == suite.get("tests") == str(len(suite))
    assert ("1", str(failing.not_reached)) == (suite.get("failures"), suite.get("skipped"))
    assert "setl_id" in failure.get("message")
    assert "outpatient settlement 2207 request" in failure.text


@pytest.mark.parametrize(
    ("language", "words"),
    [("zh", ("淮北", "不符合：", "门诊结算 2207", "未触及")),
     ("en", ("Huaibei", "does not conform:", "outpatient settlement 2207", "not reached"))],
)  # fmt: skip
def test_people_read_it_in_their_language(failing, language, words):
    """The node by name, each rule in a sentence, the failure with its messages, and the sum."""
    text = "\n".join(report_lines(failing, language))

    assert [] == [word for word in words if word not in text]
    assert "✗ SET-02" in text
