"""How a case stands at each party while its messages pass, told from the messages alone.

The nodes' states are the truth; this is what an onlooker may conclude from what was said, which
is what a learner is to see. It follows the same life cycle and never contradicts it.
"""

from __future__ import annotations

from yidi.nodes.lifecycle import CaseState
from yidi.protocol import transactions as t
from yidi.protocol.error_codes import BY_CODE
from yidi.protocol.errors import ErrorCode
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
    transaction = origin.transaction
    role = _whose(hop)
    if transaction == t.CLEARING_CLOSE:
        if states.get(role) is CaseState.SETTLED and hop.kind == Kind.RESULT:
            states[role] = CaseState.CLEARED
            if states.get("treatment") is states.get("insured") is CaseState.CLEARED:
                states["hub"] = CaseState.CLEARED
        return
    if not origin.case_key or role not in ROLES:
        return
    if hop.kind == Kind.REQUEST:
        _on_request(states, hop, role)
    elif hop.kind == Kind.REJECTION:
        _on_refusal(states, hop, role)
    else:
        new = _result_state(states, hop, role)
        if new is not None:
            states[role] = new


def _whose(hop: Hop) -> str:
    """The role whose state a hop tells of: the treatment region's when it has arrived there."""
    sender, recipient = hop.sender.partition(":")[0], hop.recipient.partition(":")[0]
    arrives = hop.mark is not Mark.LOST and recipient == "treatment"
    if hop.kind != Kind.REQUEST and arrives:
        return "treatment"
    return sender


def _on_request(states: dict[str, CaseState], hop: Hop, role: str) -> None:
    effect = hop.transaction in t.SETTLEMENTS or hop.transaction in t.CANCELLATIONS
    if role == "treatment":
        if effect:
            states[role] = CaseState.INDOUBT
        elif hop.transaction in t.PRE_SETTLEMENTS:
            states.setdefault(role, CaseState.NEW)


def _on_refusal(states: dict[str, CaseState], hop: Hop, role: str) -> None:
    body = hop.body
    assert isinstance(body, Rejection)
    row = BY_CODE.get(ErrorCode(body.code)) if body.code in ErrorCode.__members__ else None
    if row is None or not row.definite or body.code == ErrorCode.E_BUSY:
        return
    if hop.transaction in t.SETTLEMENTS or hop.transaction in t.PRE_SETTLEMENTS:
        if states.get(role) not in (CaseState.SETTLED, CaseState.CLEARED, CaseState.REVERSED):
            states[role] = CaseState.REJECTED
        if role == "treatment" and hop.sender.startswith("hub:"):
            states.setdefault("hub", CaseState.REJECTED)
    elif hop.transaction in t.CANCELLATIONS and states.get(role) is CaseState.INDOUBT:
        states[role] = CaseState.SETTLED


def _result_state(states: dict[str, CaseState], hop: Hop, role: str) -> CaseState | None:
    """The state that an answer brings its teller or, at the end of its way, its reader to."""
    if hop.sender.startswith("hub:") and role == "treatment":
        earlier = _result_state(states, hop, "hub")
        if earlier is not None:
            states["hub"] = earlier
    if hop.transaction in t.PRE_SETTLEMENTS:
        return CaseState.PRESETTLED if states.get(role, CaseState.NEW) is CaseState.NEW else None
    if hop.transaction in t.SETTLEMENTS:
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
