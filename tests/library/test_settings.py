"""--set: one value changed, everything else as it was, and the text says so."""

from __future__ import annotations

import tomllib
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.library.samples import FLOW, TINY, refusal
from yidi.protocol.errors import ErrorCode
from yidi.scenarios.library.loader import load_text
from yidi.scenarios.library.settings import apply_settings, write_toml


def test_a_setting_changes_its_value_and_nothing_else():
    """Numbers, text without quotes, amounts and list elements."""
    settings = (
        "seed=9",
        "duration=2d",
        "flow[0].arrivals.per_day=10",
        "person[0].balance=1.5",
        'tags=["a","b"]',
    )
    before = load_text(TINY + FLOW, "x").scenario
    after = load_text(TINY + FLOW, "x", settings).scenario

    assert (9, ("a", "b"), 10) == (after.seed, after.tags, after.flow[0].arrivals.per_day)
    assert (150, 2) == (after.person[0].balance_fen, after.duration // before.duration)
    assert (before.case, before.region) == (after.case, after.region)


def test_the_text_as_run_gives_the_same_scenario_again():
    """A bundle holds the scenario with its settings in it."""
    loaded = load_text(TINY + FLOW, "x", ("seed=9",))
    again = load_text(loaded.text, "x")

    assert loaded.scenario == again.scenario
    assert loaded.digest == again.digest != load_text(TINY + FLOW, "x").digest


@pytest.mark.parametrize(
    ("setting", "code"),
    [
        ("seed", ErrorCode.E_EXPRESSION),
        ("=7", ErrorCode.E_EXPRESSION),
        ("flow[x].name=7", ErrorCode.E_EXPRESSION),
        ("flow[0].name=x", ErrorCode.E_REFERENCE),
        ("region[9].code=340600", ErrorCode.E_REFERENCE),
        ("name.zh=x", ErrorCode.E_REFERENCE),
        ("sede=7", ErrorCode.E_UNKNOWN_KEY),
        ("seed=x", ErrorCode.E_SEED),
    ],
)
def test_a_setting_that_leads_nowhere_is_refused(setting, code):
    """A mistyped setting must not be without effect."""
    assert code == refusal(TINY, (setting,)).code


VALUES = st.recursive(
    st.integers(-(2**63), 2**64)
    | st.booleans()
    | st.text(max_size=8)
    | st.decimals(-1000, 1000, places=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(min_size=1, max_size=5), inner, max_size=3)
    ),
    max_leaves=10,
)


@given(st.dictionaries(st.text(min_size=1, max_size=5), VALUES, max_size=5))
def test_a_written_document_reads_back_the_same(data):
    """Whatever the keys and the texts contain."""
    assert data == tomllib.loads(write_toml(data), parse_float=Decimal)


def test_the_given_document_is_not_touched():
    """Settings work on a copy."""
    data = {"a": {"b": [1, 2]}}

    assert {"a": {"b": [1, 5]}} == apply_settings(data, ["a.b[1]=5"])
    assert {"a": {"b": [1, 2]}} == data
