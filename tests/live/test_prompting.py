"""A platform that starts things itself: told what to do, waited for, and judged by what it asks."""

from __future__ import annotations

import asyncio

import pytest

from tests.live.platforms import platform
from yidi.protocol.errors import TransportError
from yidi.scenarios.judging.conformance import Reached, judge
from yidi.scenarios.library.loader import load
from yidi.scenarios.live.conform import PromptOptions, play_prompted

NEVER_CAME = "conform-reversal-of-the-unknown"


def told(scenario, hook, **options):
    """A scenario told to a platform, and the prompts it got."""
    prompts = []
    how = PromptOptions(hook=hook, wait_seconds=20, scale=50_000, **options)
    play = asyncio.run(play_prompted(load(scenario), how, prompts.append))
    return play, prompts


def verdicts(play):
    """Ids of the rules that were kept, and of those that were broken."""
    rows = judge("treatment", "identities", [play])
    return [{row.id for row in rows if row.verdict is one} for one in (Reached.PASS, Reached.FAIL)]


def test_a_good_platform_asks_and_reverses():
    """The story's steps are done by somebody else's program, and come to what they should."""
    with platform() as hook:
        play, prompts = told(NEVER_CAME, hook)
    kept, broken = verdicts(play)
    steps = {step.step: step for step in play.outcomes[0].steps}

    assert set() == broken
    assert {"REV-01", "REV-02", "REV-03", "SET-10", "MSG-05"} <= kept
    assert ["unknown", "accepted"] == [steps[name].outcome for name in ("lost", "reversal")]
    assert [[], []] == [step.mismatches for step in play.outcomes[1].steps[-2:]]
    assert "doubt" in [prompt.do for prompt in prompts]


def test_a_hasty_platform_is_found_out():
    """It sent the settlement anew while the first was in doubt."""
    with platform(hasty=True) as hook:
        _, broken = verdicts(told(NEVER_CAME, hook)[0])

    assert "REV-01" in broken


def test_who_does_nothing_reaches_nothing():
    """The story ends where nobody acts; every prompt can be read by a person."""
    prompts = []
    how = PromptOptions(wait_seconds=0.05)
    play = asyncio.run(play_prompted(load(NEVER_CAME), how, prompts.append))

    assert [set(), set()] == verdicts(play)
    assert ["never-came", "anew"] == [prompt.case for prompt in prompts]
    assert "上传费用明细 2204" in prompts[0].sentence["zh"]
    assert "upload the fee lines 2204" in prompts[0].sentence["en"]


def test_a_hook_that_is_not_there_is_told():
    """E_ENGINE, and no waiting for somebody who was not told."""
    with pytest.raises(TransportError):
        told(NEVER_CAME, "http://127.0.0.1:9/")
