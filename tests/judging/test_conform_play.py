"""Which scenarios hold a node, and how one of ours is listened to."""

from __future__ import annotations

import pytest

from yidi.protocol.errors import ErrorCode, ScenarioError
from yidi.scenarios.judging.conform_play import conform_scenarios, play_virtual
from yidi.scenarios.library.loader import load


def test_scenarios_are_those_of_the_role():
    """Tagged `conform`, with the region in that role."""
    names = {one.scenario.name for one in conform_scenarios("insured", "340600")}

    assert {"conform-key-reused", "huaibei-outpatient-in-shanghai"} <= names
    assert "timeout-query-reversal" not in names
    assert "referral-cut" not in names


def test_any_region_has_scenarios():
    """Those that are lent; a code that is no region's has none."""
    names = {one.scenario.name for one in conform_scenarios("insured", "420100")}

    assert 12 == len(names)
    with pytest.raises(ScenarioError) as caught:
        conform_scenarios("insured", "990000")
    assert ErrorCode.E_REGION is caught.value.code


def test_every_message_at_the_door_is_heard():
    """Both ways, each request answered; the run itself is as it is without a listener."""
    loaded = load("conform-key-reused")
    play, judged = play_virtual(loaded, "insured:340600")
    exchanges = play.conversation.exchanges()

    assert "pass" == judged.report.verdict
    assert ["reused", "after"] == [one.case_id for one in play.outcomes]
    assert exchanges
    assert all(one.accepted or one.refused for one in exchanges)
