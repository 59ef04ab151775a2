from __future__ import annotations

from xml.etree import ElementTree as ET

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.judging.runs import TINY
from yidi.scenarios.judging.judged_run import judged_run
from yidi.scenarios.judging.junit import junit_xml, merged, suite_of
from yidi.scenarios.judging.verdicts import Violation
from yidi.scenarios.library.loader import load


@pytest.fixture(scope="module")
def judged():
    """A tiny run."""
    return judged_run(load(TINY))


def test_a_suite_has_a_case_a_check_and_one_a_scripted_case(judged):
    """Names, counts and classes add up; what looked at nothing is skipped with its reason."""
    root = ET.fromstring(junit_xml(judged.report, judged.result.driver.outcomes()))
    (suite,) = root.findall("testsuite")
    cases = suite.findall("testcase")
    assert int(suite.get("tests")) == len(cases) == len(judged.report.checks)
    assert {case.get("classname") for case in cases} == {"tiny.checks", "tiny.cases"}
    assert "visit-1" in [case.get("name") for case in cases]
    skipped = suite.findall("testcase/skipped")
    assert int(suite.get("skipped")) == len(skipped) > 0
    assert all(one.get("message") for one in skipped)


def test_a_failure_says_where_and_how_to_see_it_again(judged):
    """Facts in the message; key, node, messages and replay line in the text."""
    first = judged.report.checks[0]
    found = Violation(key="A1", node="hub:yrd", message_ids=("M1",), replay="yidi run x", facts="f")
    failing = msgspec.structs.replace(first, verdict="fail", first_violation=found, violations=3)
    from yidi.scenarios.judging.verdicts import Verdict

    failing = msgspec.structs.replace(failing, verdict=Verdict.FAIL)
    report = msgspec.structs.replace(judged.report, checks=[failing])
    (failure,) = ET.fromstring(junit_xml(report, [])).iter("failure")
    assert failure.get("message") == "f"
    for text in ("A1", "hub:yrd", "M1", "yidi run x", "violations: 3"):
        assert text in failure.text


@given(text=st.text(max_size=40))
def test_any_text_is_well_formed(judged, text):
    """Whatever a name holds, the document parses."""
    report = msgspec.structs.replace(judged.report, scenario=text, replay=text)
    ET.fromstring(merged([suite_of(report, [])]))
