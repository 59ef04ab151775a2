"""The scenario's types: what comes out of the smallest file, and that nothing else gets in."""

from __future__ import annotations

import msgspec
import pytest

from tests.library.samples import FLOW, TINY, accepted
from yidi.protocol.instants import DAY, HOUR, MILLISECOND, MINUTE, start_of_day
from yidi.scenarios.library import schema
from yidi.scenarios.library.cases import Case, Expectation, Fields, Item, Step

STRUCTS = [
    one
    for one in (*vars(schema).values(), Case, Expectation, Fields, Item, Step)
    if isinstance(one, type) and issubclass(one, msgspec.Struct) and one is not schema.When
]


@pytest.mark.parametrize("struct", STRUCTS, ids=lambda struct: struct.__name__)
def test_every_table_is_frozen_and_refuses_unknown_keys(struct):
    """A misspelt key must never be without effect."""
    config = struct.__struct_config__

    assert (True, True) == (config.frozen, config.forbid_unknown_fields)


def test_units_are_integers_after_loading():
    """Yuan are fen, durations microseconds, chances millionths."""
    scenario = accepted(TINY + FLOW)

    assert 80_000 == scenario.person[0].balance_fen
    assert {"310000": 2_000_000_000} == scenario.region[0].prefund_fen
    assert DAY == scenario.span
    assert 25 * MILLISECOND == scenario.link[0].latency.p90
    assert 9 * HOUR + 30 * MINUTE == scenario.case[0].at.offset
    assert (12_000, 800_000) == (scenario.flow[0].bill.p50_fen, scenario.flow[0].bill.max_fen)


def test_a_scenario_can_be_encoded_again():
    """What was loaded is plain: `yidi show --json` and bundles may write it."""
    encoded = msgspec.json.encode(accepted(TINY + FLOW))

    assert b'"balance":80000' in encoded


def test_the_start_is_midnight_in_china_or_now():
    """`now` has no instant of its own."""
    scenario = accepted(TINY)
    live = accepted(TINY.replace('"2026-03-02"', '"now"'))

    assert start_of_day("2026-03-02") == scenario.start_instant()
    assert 5 == live.start_instant(5)
    with pytest.raises(ValueError, match="live runs only"):
        live.start_instant()


def test_a_county_may_use_its_pools_policy():
    """疏勒 653122 is paid for by 喀什 653100."""
    county = schema.Region(code="653122", policy="653100")

    assert "653100" == county.policy_region
    assert "653100" == schema.Region(code="653100").policy_region
