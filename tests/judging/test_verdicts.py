from __future__ import annotations

import pytest

from yidi.scenarios.judging.check_titles import TITLES, idle_reason, title_of
from yidi.scenarios.judging.verdicts import CheckResult, TallyBook, Verdict, overall
from yidi.scenarios.judging.verify_titles import VERIFY_TITLES, verify_title


def row(verdict, count=1):
    """One result."""
    return CheckResult(id="INV-01", verdict=Verdict(verdict), count=count)


@pytest.mark.parametrize(
    ("verdicts", "whole"),
    [
        (["pass"], "pass"),
        (["pass", "unknown"], "unknown"),
        (["unknown", "fail", "pass"], "fail"),
        ([], "fail"),
    ],
)
def test_the_worst_check_decides(verdicts, whole):
    """Fail beats unknown, unknown beats pass; nothing at all is a failure."""
    assert overall([row(verdict) for verdict in verdicts]) == whole


def test_a_run_that_checked_nothing_has_failed():
    """INV-42: passes that counted nothing are no pass."""
    assert overall([row("pass", 0), row("pass", 0)]) == "fail"


def test_only_the_first_violation_is_kept():
    """All are counted, the first is shown, and a count of 0 has its reason."""
    book = TallyBook()
    book["INV-07"].fail("one", key="A", node="n", message_ids=["M"])
    book["INV-07"].fail("two", key="B")
    results = {one.id: one for one in book.results()}
    assert (results["INV-07"].violations, results["INV-07"].first_violation.key) == (2, "A")
    assert results["INV-07"].verdict == "fail"
    assert all(one.reason for one in results.values() if not one.count)


def test_every_check_is_named_in_both_languages():
    """Titles and reasons are there in Chinese and English, and differ."""
    wanted = {f"INV-{n:02d}" for n in (*range(1, 30), 34, 36, 37, 38, 39, 42)}
    assert wanted == set(TITLES)
    for check in TITLES:
        assert title_of(check, "zh") != title_of(check, "en")
        assert idle_reason(check, "zh") != idle_reason(check, "en")
    for check in VERIFY_TITLES:
        assert verify_title(check, "zh") != verify_title(check, "en")
    assert title_of("STEP-visit", "en") == "step visit"
    assert title_of("EXPECT-1", "zh") == "预期 1"
