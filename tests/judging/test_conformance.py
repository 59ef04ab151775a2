"""Rules held against nodes: an honest one breaks none, each planted fault breaks its own."""

from __future__ import annotations

import pytest

from tests.judging import planted
from yidi.scenarios.judging.conformance import Reached, rules_for

TWICE = "conform-same-message-again"


def broken(requirements):
    """Ids of the rules that were broken."""
    return {row.id for row in requirements if row.verdict is Reached.FAIL}


@pytest.mark.parametrize(
    ("scenario", "fault", "rules"),
    [
        (TWICE, planted.honest, set()),
        (TWICE, planted.settles_twice, {"SET-02"}),
        ("conform-key-reused", planted.honest, set()),
        ("conform-key-reused", planted.takes_other_content, {"SET-12", "MSG-04"}),
        ("conform-reversal-first", planted.honest, set()),
        ("conform-reversal-first", planted.forgets_reversals, {"REV-06"}),
        ("conform-reversal-of-the-unknown", planted.honest, set()),
        ("conform-reversal-of-the-unknown", planted.refuses_the_unknown, {"REV-08"}),
        ("conform-missing-and-extra-fields", planted.honest, set()),
        ("conform-to-the-fen", planted.honest, set()),
        ("conform-to-the-fen", planted.rounds_down, {"BEN-03", "BEN-05"}),
        ("conform-cancelled-and-settled-anew", planted.honest, set()),
        ("conform-cancelled-and-settled-anew", planted.takes_back_less, {"REV-04"}),
        ("conform-late-answer", planted.honest, set()),
        ("conform-wrong-region", planted.honest, set()),
        ("conform-expired-filing", planted.honest, set()),
        ("conform-cut-off-at-midnight", planted.honest, set()),
        (TWICE, planted.speaks_of_another, {"MSG-04"}),
    ],
)
def test_each_fault_breaks_its_own_rule(scenario, fault, rules):
    """And no other; one that spoils amounts breaks every rule of amounts that its step shows."""
    assert rules == broken(planted.held(scenario, fault))


@pytest.mark.parametrize(
    ("fault", "rules"),
    [
        (planted.honest, set()),
        (planted.refuses_the_new, {"MSG-02"}),
        (planted.takes_the_incomplete, {"MSG-03"}),
    ],
)
def test_fields_too_many_and_too_few(fault, rules):
    """Judged as messages: what follows for the amounts is another level's matter."""
    requirements = planted.held("conform-missing-and-extra-fields", fault, "protocol")

    assert rules == broken(requirements)


def test_what_is_not_served_is_not_reached():
    """A node without 5203 has not shown what it would answer, and is told why."""
    requirements = planted.held("conform-late-answer", planted.does_not_know_5203, "protocol")
    row = next(row for row in requirements if row.id == "REV-02")

    assert Reached.NOT_REACHED is row.verdict
    assert "the node accepted no 5203" == row.reason["en"]
    assert set() == broken(requirements)


def test_a_failure_shows_its_messages():
    """The chain of the case, as the node heard and said it, and where in which story."""
    requirements = planted.held(TWICE, planted.settles_twice)
    row = next(row for row in requirements if row.id == "SET-02")
    failure = row.failures[0]
    settlements = [one for one in failure.chain if one.transaction == "2207"]

    assert (TWICE, "first") == (failure.scenario, failure.case)
    assert failure.facts.startswith("another answer the second time: setl_id ")
    assert [True, False, True, False] == [one.to_node for one in settlements]
    assert 1 == len({one.key for one in failure.chain})
    assert (row.looked, row.broken) == (1, 1)


def test_a_level_holds_what_the_ones_before_it_hold():
    """Protocol, identities, amounts; and rules of other roles are nobody's here."""
    levels = [rules_for("insured", level) for level in ("protocol", "identities", "amounts")]
    ids = [{rule.id for rule in rules} for rules in levels]

    assert ids[0] < ids[1] < ids[2]
    assert "REV-01" not in ids[2]
    assert {"protocol"} == {rule.level for rule in levels[0]}


def test_amounts_are_the_last_level_s_matter():
    """A node that rounds as it likes keeps all identities."""
    assert set() == broken(planted.held("conform-to-the-fen", planted.rounds_down, "identities"))
