from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yidi.protocol.errors import ScenarioError
from yidi.scenarios.command.selection import parse_selection, select
from yidi.scenarios.library.loader import load_text

TWO_CASES = """
schema = 1
name = "pair"
title = { zh = "两例", en = "Two cases" }
story = { zh = "两例", en = "Two cases" }
source = "made up for tests"
tags = ["conform"]
duration = "1d"
region = [{ code = "340600", roles = ["insured"] }, { code = "310000", roles = ["treatment"] }]
person = [{ id = "lin", name = "林", region = "340600" }]
institution = [{ code = "H31010100001", name = "医院", region = "310000" }]
expect = [{ case = "first", outcome = "NEW" }, { filter = { insured = "340600" }, count = 0 }]

[[case]]
id = "first"
person = "lin"
institution = "H31010100001"
step = [{ do = "eligibility" }]

[[case]]
id = "second"
person = "lin"
institution = "H31010100001"
step = [{ do = "eligibility" }]
"""


@pytest.mark.parametrize(
    ("text", "names", "matches"),
    [
        ("tiny", ["Tiny-Case"], True),
        ("tiny and case", ["tiny", "case"], True),
        ("tiny and case", ["tiny"], False),
        ("tiny or case", ["case"], True),
        ("not tiny", ["case"], True),
        ("not tiny", ["tiny"], False),
        ("a or b and c", ["a"], True),
        ("(a or b) and c", ["a"], False),
        ("not (a or b)", ["c"], True),
        ("not not a", ["a"], True),
    ],
)
def test_words_are_joined_as_they_are_read(text, names, matches):
    """`not` binds closest, then `and`, then `or`; a word matches what contains it."""
    assert parse_selection(text)(names) == matches


@pytest.mark.parametrize("text", ["", "and", "a b", "(a", "a)", "not", "a or", "()", "not " * 300])
def test_what_is_no_expression_is_refused(text):
    """Another form is a mistake on the command line."""
    with pytest.raises(ScenarioError, match="E_EXPRESSION"):
        parse_selection(text)


@given(st.text(max_size=60))
def test_any_text_is_parsed_or_refused(text):
    """No input makes the parser fail otherwise."""
    with suppress(ScenarioError):
        assert parse_selection(text)(["name"]) in (True, False)


def test_a_scenario_is_run_whole_or_with_its_matching_cases():
    """By name or tag whole; by case id reduced, with what speaks of others left out."""
    loaded = load_text(TWO_CASES, "pair.toml")
    assert select(loaded, parse_selection("conform")) is loaded
    assert select(loaded, parse_selection("nowhere")) is None
    assert select(loaded, parse_selection("first or second")) is loaded
    first = select(loaded, parse_selection("first")).scenario
    assert [case.id for case in first.case] == ["first"]
    assert [one.case for one in first.expect] == ["first"]
    second = select(loaded, parse_selection("second")).scenario
    assert second.expect == ()
