from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yidi.nodes.lifecycle import TRANSITIONS, Case, CaseState, advance, may
from yidi.protocol import codes
from yidi.protocol.errors import InvariantViolation

STATES = st.sampled_from(list(CaseState))


def case_in(state: CaseState) -> Case:
    """A case that stands in a state."""
    return Case(key="A3100002603160000000", treatment="310000", insured="340600", state=state)


@given(
    st.sampled_from(
        [(role, state) for role, table in sorted(TRANSITIONS.items()) for state in table]
    ),
    STATES,
)
def test_a_case_moves_along_the_table_and_no_other_way(at, target):
    """Any state, any target: what the table has succeeds, all else is INV-12 without a trace."""
    role, state = at
    case = case_in(state)
    if target in TRANSITIONS[role][state]:
        assert may(role, case, target)
        advance(role, case, target)
        assert target == case.state
        return
    assert not may(role, case, target)
    with pytest.raises(InvariantViolation, match="INV-12"):
        advance(role, case, target)
    assert state == case.state


@pytest.mark.parametrize("role", sorted(TRANSITIONS))
def test_every_state_has_a_row(role):
    """A table is total: each state says where it leads, if anywhere."""
    assert set(CaseState) - {CaseState.INDOUBT} <= set(TRANSITIONS[role])


@pytest.mark.parametrize("role", sorted(TRANSITIONS))
@pytest.mark.parametrize("state", ["REJECTED", "CLEARED"])
def test_rejected_and_cleared_have_no_exit(role, state):
    """A refusal is for good, and what was cleared is corrected by an adjustment only."""
    assert frozenset() == TRANSITIONS[role][CaseState(state)]


@pytest.mark.parametrize("role", sorted(TRANSITIONS))
def test_only_a_settled_case_is_cleared(role):
    """No way leads to CLEARED but from SETTLED."""
    sources = [
        state for state, targets in TRANSITIONS[role].items() if CaseState.CLEARED in targets
    ]

    assert [CaseState.SETTLED] == sources


@pytest.mark.parametrize("role", ["hub", "insured"])
def test_only_the_treatment_region_doubts(role):
    """Hub and insured region know what happened: INDOUBT is not in their tables."""
    reached = set().union(*TRANSITIONS[role].values(), TRANSITIONS[role])

    assert CaseState.INDOUBT not in reached


def test_states_are_those_of_the_dictionary():
    """Nodes and protocol name the same states."""
    assert [*codes.CaseState] == [*CaseState]
