"""The library: every scenario loads, says where it comes from, and holds under several seeds."""

from __future__ import annotations

from functools import cache

import pytest

from yidi.protocol.regions import province_of
from yidi.scenarios.judging.judged_run import RunReport, judged_run
from yidi.scenarios.library.loader import LoadedScenario, library_heads, library_names, load
from yidi.scenarios.library.requirements import load_requirements

MONTH = "yangtze-delta-month"
NAMES = library_names()
SEEDS = (None, 2, 20_260_401)
SHORT = [(name, seed) for name in NAMES if name != MONTH for seed in SEEDS]
DOCUMENTS = (
    *("淮北市", "裕安区", "疏勒县", "宿政办发", "青海省"),
    *("医保发", "S1b", "S5", "S10", "S13", "S14"),
)
"""How a source may name its document: one of the five plans, a notice, or a tag of docs."""
STANDS = ("CLEARED", "SETTLED")


@cache
def loaded(name: str) -> LoadedScenario:
    """A scenario of the library."""
    return load(name)


@cache
def report(name: str, seed: int | None) -> RunReport:
    """A scenario's run, judged."""
    return judged_run(loaded(name), seed=seed).report


def test_there_are_enough_and_the_demo_comes_first() -> None:
    """At least eighteen scenarios, headed by the month that `make demo` runs."""
    assert len(NAMES) >= 18
    assert NAMES[0] == MONTH
    assert NAMES[1:] == sorted(NAMES[1:])
    assert [head.name for head in library_heads()] == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_scenario_says_what_it_is(name: str) -> None:
    """Name, title and story in two languages, a quoted source, tags, and what is made up."""
    scenario = loaded(name).scenario
    assert scenario.name == name
    assert not [one for one in scenario.illustrative if isinstance(one, str)]
    for said in (scenario.title, scenario.story, *scenario.illustrative):
        assert any("\u4e00" <= mark <= "\u9fff" for mark in said.zh)
        assert said.en.isascii()
    assert any(document in scenario.source for document in DOCUMENTS)
    assert scenario.tags
    assert scenario.illustrative


@pytest.mark.parametrize("name", NAMES)
def test_a_scenario_exercises_known_rules(name: str) -> None:
    """Every scenario names rules, each of them documented."""
    rules = loaded(name).scenario.requirements
    assert rules
    assert len(set(rules)) == len(rules)
    assert not set(rules) - set(load_requirements())


def test_every_rule_is_exercised_and_told_twice() -> None:
    """Every documented rule has a scenario, a sentence in each language and a source."""
    used = {rule for name in NAMES for rule in loaded(name).scenario.requirements}
    rules = load_requirements()
    assert set(rules) == used
    for rule in rules.values():
        assert any("\u4e00" <= mark <= "\u9fff" for mark in rule.zh)
        assert rule.text("en") == rule.en
        assert rule.source


@pytest.mark.parametrize("name", NAMES)
def test_a_conformance_scenario_says_which_steps_show_what(name: str) -> None:
    """Every scenario that holds a node to the rules has a step that names one."""
    scenario = loaded(name).scenario
    named = {rule for case in scenario.case for step in case.step for rule in step.requirements}

    assert bool(named) == ("conform" in scenario.tags)


def test_the_five_plans_have_their_stories() -> None:
    """Each of the five documents is the source of some scenario."""
    sources = " ".join(loaded(name).scenario.source for name in NAMES)
    assert all(plan in sources for plan in DOCUMENTS[:5])


@pytest.mark.parametrize("name", NAMES)
def test_every_region_with_a_prefund_has_partners(name: str) -> None:
    """A prefund is placed with another province, never at home."""
    for region in loaded(name).scenario.region:
        assert province_of(region.code) not in region.prefund_fen


def _judge(name: str, seed: int | None) -> None:
    run = report(name, seed)
    failed = [(check.id, check.first_violation) for check in run.checks if check.verdict != "pass"]
    assert run.verdict == "pass", failed
    assert not run.idle_faults
    empty = [check.id for check in run.checks if not check.count and not check.reason]
    assert not empty


@pytest.mark.parametrize(("name", "seed"), SHORT)
def test_a_scenario_holds_under_any_seed(name: str, seed: int | None) -> None:
    """Every check and expectation holds; one that found nothing to check says why."""
    _judge(name, seed)


def test_the_month_holds() -> None:
    """The scenario of `make demo` passes with its own seed, and brings thousands of visits."""
    _judge(MONTH, None)
    run = report(MONTH, None)
    assert run.cases["CLEARED"] > 2_000
    assert run.manual > 0


@pytest.mark.parametrize("name", [name for name in NAMES if name != MONTH])
def test_what_stays_settled_is_cleared(name: str) -> None:
    """Nothing is left in doubt, and nothing settled is left uncleared at the end."""
    cases = report(name, None).cases
    assert not cases.get("SETTLED")
    assert not cases.get("INDOUBT")
    assert bool(cases.get("CLEARED")) == (loaded(name).scenario.clearing is not None)


def test_most_stories_end_with_money_settled() -> None:
    """At most half of the library ends with nothing settled."""
    runs = [report(name, None) for name in NAMES if name != MONTH]
    standing = [run for run in runs if any(run.cases.get(state) for state in STANDS)]
    assert 2 * len(standing) >= len(runs)
