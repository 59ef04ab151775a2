"""Conformance stories lent to other regions: they hold there as they do at home."""

from __future__ import annotations

import pytest

from yidi.scenarios.judging.judged_run import judged_run
from yidi.scenarios.library.borrowed import PREFIX, lent, may_borrow
from yidi.scenarios.library.loader import library_names, load

STORIES = [name for name in library_names() if name.startswith(PREFIX)]


@pytest.mark.parametrize(("role", "code"), [("insured", "420100"), ("insured", "330100"),
                                            ("treatment", "440100")])  # fmt: skip
@pytest.mark.parametrize("name", STORIES)
def test_a_story_holds_wherever_it_is_told(name, role, code):
    """With filings where the Delta's agreement does not reach; every amount is the same."""
    scenario = lent(load(name), role, code)
    report = judged_run(scenario).report
    failed = [(row.id, row.first_violation) for row in report.checks if row.verdict != "pass"]

    assert [] == failed
    assert code in {region.code for region in scenario.scenario.region}
    assert not report.idle_faults


def test_a_place_is_lent_once():
    """Not to who is there already, and not in stories that are about their place."""
    story = load("conform-wrong-region")

    assert may_borrow(story, "insured", "420100")
    assert not may_borrow(story, "insured", "341500")
    assert not may_borrow(story, "treatment", "340600")
    assert not may_borrow(load("huaibei-outpatient-in-shanghai"), "insured", "420100")
