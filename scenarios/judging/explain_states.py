"""How a case stands at each party while its messages pass, told from the messages alone.

The nodes' states are the truth; this is what an onlooker may conclude from what was said, which
is what a learner is to see. It follows the same life cycle and never contradicts it.
"""

from __future__ import annotations

from yidi.nodes.lifecycle import TRANSITIONS, CaseState
from yidi.nodes.treatment_region import is_final
from yidi.protocol import transactions as t
from yidi.protocol.messages import Rejection, ReversalResult, StatusResult
from yidi.protocol.transactions import Kind
from yidi.scenarios.judging.chain import Chain, Hop, Mark

ROLES = ("treatment", "hub", "insured")
_OUTCOMES = {
    "reversed": CaseState.REVERSED,
    "reinstated": CaseState.SETTLED,
    "rejected": CaseState.REJECTED,
}


def states_along(chain: Chain) -> list[dict[str, CaseState]]:
    """After each hop: the state of its newest case by role, in the order of `ROLES`."""
    states: dict[str, dict[str, CaseState]] = {}
    key = ""
    told: list[dict[str, CaseState]] = []
    for hop in chain.hops:
        if hop.origin is not None:
            key = hop.origin.case_key or key
            of_case = states.setdefault(key, {}) if key else {}
            _apply(of_case, hop)
        now = states.get(key, {})
        told.append({role: now[role] for role in ROLES if role in now})
    return told


def _apply(states: dict[str, CaseState], hop: Hop) -> None:
    origin = hop.origin
    assert origin is not None
    role = _whose(hop)
    if origin.transaction == t.CLEARING_CLOSE:
        if states.get(role) is CaseState.SETTLED and hop.kind == Kind.RESULT:
            states[role] = CaseState.CLEARED
            if states.get("treatment") is states.get("insured") is CaseState.CLEARED:
                states["hub"] = CaseState.CLEARED
        return
    if not origin.case_key or role not in ROLES:
        return
    if hop.kind == Kind.REQUEST:
        _move(states, role, _asked_state(states, hop))
        return
    told = _refused_state if hop.kind == Kind.REJECTION else _result_state
    if role == "treatment" and hop.sender.startswith("hub:"):
        _move(states, "hub", told(states, hop, "hub"))
    _move(states, role, told(states, hop, role))


def _move(states: dict[str, CaseState], role: str, new: CaseState | None) -> None:
    """Go where the life cycle lets one go; what comes late changes nothing."""
    old = states.get(role, CaseState.NEW)
    ways = TRANSITIONS[role][old]
    if role == "treatment" and old in (CaseState.NEW, CaseState.PRESETTLED):
        ways |= TRANSITIONS[role][CaseState.INDOUBT]  # its sending may not have been seen yet
    if new is CaseState.NEW:
        states.setdefault(role, new)
    elif new is not None and new in ways:
        states[role] = new


def _whose(hop: Hop) -> str:
    """The role whose state a hop tells of: the treatment region's when it has arrived there."""
    sender, recipient = hop.sender.partition(":")[0], hop.recipient.partition(":")[0]
    arrives = hop.mark is not Mark.LOST and recipient == "treatment"
    if hop.kind != Kind.REQUEST and arrives:
        return "treatment"
    return sender


def _asked_state(states: dict[str, CaseState], hop: Hop) -> CaseState | None:
    if not hop.sender.startswith("treatment:"):
        return None
    is_settled = states.get("treatment") is CaseState.SETTLED
    if hop.transaction in (t.CANCELLATIONS if is_settled else t.SETTLEMENTS):
        return CaseState.INDOUBT
    return CaseState.NEW if hop.transaction in t.PRE_SETTLEMENTS else None


def _refused_state(states: dict[str, CaseState], hop: Hop, role: str) -> CaseState | None:
    body = hop.body
    if not isinstance(body, Rejection) or not is_final(body.code):
        return None
    if hop.transaction in t.SETTLEMENTS or hop.transaction in t.PRE_SETTLEMENTS:
        return CaseState.REJECTED
    if hop.transaction in t.CANCELLATIONS and states.get(role) is CaseState.INDOUBT:
        return CaseState.SETTLED
    return None


def _result_state(states: dict[str, CaseState], hop: Hop, role: str) -> CaseState | None:
    """The state that an answer brings its teller or, at the end of its way, its reader to."""
    if hop.transaction in t.PRE_SETTLEMENTS:
        return CaseState.PRESETTLED
    if hop.transaction in t.SETTLEMENTS:
        # After a reversal only a reinstatement brings a case back, never a late answer.
        return None if states.get(role) is CaseState.REVERSED else CaseState.SETTLED
    if hop.transaction in t.CANCELLATIONS:
        return CaseState.REVERSED
    if isinstance(hop.body, ReversalResult):
        return _reversed_state(states, hop.body, role)
    if isinstance(hop.body, StatusResult) and hop.body.state in CaseState.__members__:
        return CaseState(hop.body.state)
    return None


def _reversed_state(
    states: dict[str, CaseState], body: ReversalResult, role: str
) -> CaseState | None:
    if body.outcome == "nothing":
        return CaseState.SETTLED if states.get(role) is CaseState.SETTLED else CaseState.REVERSED
    return _OUTCOMES.get(body.outcome)
