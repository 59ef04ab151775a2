"""What a treatment platform asks, in which order: the rules of doubt."""

from __future__ import annotations

import pytest

from tests.judging import planted
from tests.judging.test_conversation import CLAIM
from yidi.scenarios.judging.conform_asked import asked_findings
from yidi.scenarios.judging.conformance import Reached
from yidi.scenarios.judging.conversation import Conversation, Message


def asks(code, name, **fields):
    """A request of the platform."""
    return Message(at=0, to_node=False, transaction=code, kind="request", message_id=name,
                   fields={**CLAIM, **fields})  # fmt: skip


def hears(name, kind="result", code="", **fields):
    """What the network tells it."""
    return Message(at=1, to_node=True, transaction="", kind=kind, correlation=name, code=code,
                   fields=fields)  # fmt: skip


SETTLED = asks("2207", "m1")
SILENCE = hears("m1", "none")
ASKED, FOUND = asks("5203", "q"), hears("q", state="SETTLED")
REVERSED = (asks("2601", "r", omsgid="m1"), hears("r", state="nothing"))


def verdicts(*messages):
    """Rule → whether it was kept, of the rules of doubt."""
    return {
        one.rule: not one.facts
        for one in asked_findings(Conversation(messages))
        if one.rule.startswith("REV")
    }


@pytest.mark.parametrize(
    ("messages", "kept"),
    [
        ((SETTLED, hears("m1")), {}),
        ((SETTLED, hears("m1", "rejection", "E_NO_FILING")), {}),
        ((SETTLED, SILENCE, SETTLED, hears("m1")), {}),
        ((SETTLED, SILENCE), {"REV-01": True, "REV-03": False}),
        ((SETTLED, SILENCE, ASKED, FOUND), {"REV-01": True, "REV-02": True, "REV-03": True}),
        ((SETTLED, hears("m1", "rejection", "E_TIMEOUT"), *REVERSED),
         {"REV-01": True, "REV-02": False, "REV-03": True}),
        ((SETTLED, SILENCE, ASKED, hears("q", state=""), *REVERSED, asks("2207", "m2"),
          hears("m2")),
         {"REV-01": True, "REV-02": True, "REV-03": True}),
        ((SETTLED, SILENCE, asks("2207", "m2"), hears("m2")), {"REV-01": False, "REV-03": False}),
    ],
)  # fmt: skip
def test_in_doubt_it_asks_and_then_reverses(messages, kept):
    """And sends nothing anew until it knows."""
    assert kept == verdicts(*messages)


@pytest.mark.parametrize(
    ("messages", "rule"),
    [
        ((SETTLED, hears("m1"), asks("2207", "m1", medfee_sumamt="2.00"), hears("m1")), "SET-12"),
        ((SETTLED, hears("m1", "rejection", "E_TOTAL_MISMATCH")), "SET-10"),
        ((SETTLED, hears("m1", "rejection", "E_IN_HOSPITAL")), "SET-11"),
        ((SETTLED, hears("m1", "rejection", "E_MISSING_FIELD")), "MSG-03"),
        ((SETTLED, hears("m1", "rejection", "E_AMOUNT")), "MSG-05"),
    ],
)
def test_a_mistake_shows_in_what_it_sends(messages, rule):
    """Its own content, or what the network has to refuse."""
    assert {rule} == {one.rule for one in asked_findings(Conversation(messages)) if one.facts}


def test_our_treatment_region_keeps_them():
    """The region of ours is listened to while nobody answers it."""
    rows = planted.held("conform-reversal-of-the-unknown", planted.honest, role="treatment",
                        node="treatment:310000")  # fmt: skip
    kept = {row.id for row in rows if row.verdict is Reached.PASS}

    assert {"REV-01", "REV-02", "REV-03", "SET-10", "MSG-05"} <= kept
    assert not [row.id for row in rows if row.verdict is Reached.FAIL]
