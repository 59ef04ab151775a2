"""How a case stands at each party while its messages pass, told from the messages alone.

The nodes' states are the truth; this is what an onlooker may conclude from what was said, which
is what a learner is to see. It follows the same life cycle and never contradicts it.
"""

from __future__ import annotations

from collections.abc import Iterator

from yidi.nodes.lifecycle import TRANSITIONS, CaseState
from yidi.nodes.treatment_region import is_final
from yidi.protocol import transactions as t
from yidi.protocol.error_codes import BY_CODE, ErrorCode
from yidi.protocol.messages import Rejection, ReversalResult, StatusResult
from yidi.protocol.messages_clearing import ClearingClose
from yidi.protocol.transactions import Kind
from yidi.scenarios.judging.chain import Chain, Hop, Mark

ROLES = ("treatment", "hub", "insured")
FORM_CODES_END = 2_000
"""1xxx of the registry: what is wrong with a message's form."""
_OUTCOMES = {
    "reversed": CaseState.REVERSED,
    "reinstated": CaseState.SETTLED,
    "rejected": CaseState.REJECTED,
}


States = dict[str, CaseState]
"""Role → state of one case."""


def states_along(chain: Chain) -> list[States]:
    """After each hop: the state of its newest case by role, in the order of `ROLES`."""
    told: list[States] = []
    for key, states in _walk(chain):
        now = states.get(key, {})
        told.append({role: now[role] for role in ROLES if role in now})
    return told


def final_states(chain: Chain) -> dict[str, States]:
    """How each case of a chain ends, by its key."""
    states: dict[str, States] = {}
    for _, now in _walk(chain):
        states = now
    return states


def _walk(chain: Chain) -> Iterator[tuple[str, dict[str, States]]]:
    """After each hop: the newest key, and the states of all keys."""
    states: dict[str, States] = {key: {} for key in chain.selection.keys}
    closes: dict[str, list[str]] = {}
    key = ""
    for hop in chain.hops:
        origin = hop.origin
        if origin is not None:
            key = origin.case_key or key
            if isinstance(hop.body, ClearingClose):
                closes[origin.message_id] = [one for one in hop.body.keys if one in states]
            elif origin.transaction == t.CLEARING_CLOSE:
                for cleared in closes.get(origin.correlation_id, ()):
                    _clear(states[cleared], hop.sender.partition(":")[0])
            elif origin.case_key:
                _apply(states.setdefault(key, {}), hop)
        yield key, states


def _clear(states: States, role: str) -> None:
    """A region has closed the batch; the hub, once both have."""
    if states.get(role) is CaseState.SETTLED:
        states[role] = CaseState.CLEARED
    if states.get("treatment") is states.get("insured") is CaseState.CLEARED:
        states["hub"] = CaseState.CLEARED


def _apply(states: States, hop: Hop) -> None:
    role = _whose(hop)
    if role not in ROLES:
        return
    if hop.kind == Kind.REQUEST:
        _move(states, role, _asked_state(states, hop))
        return
    told = _refused_state if hop.kind == Kind.REJECTION else _result_state
    if role == "treatment" and hop.sender.startswith("hub:"):
        _move(states, "hub", told(states, hop, "hub"))
    _move(states, role, told(states, hop, role))


def _move(states: States, role: str, new: CaseState | None) -> None:
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


def _asked_state(states: States, hop: Hop) -> CaseState | None:
    if not hop.sender.startswith("treatment:"):
        return None
    is_settled = states.get("treatment") is CaseState.SETTLED
    if hop.transaction in (t.CANCELLATIONS if is_settled else t.SETTLEMENTS):
        return CaseState.INDOUBT
    return CaseState.NEW if hop.transaction in t.PRE_SETTLEMENTS else None


def _refused_state(states: States, hop: Hop, role: str) -> CaseState | None:
    body = hop.body
    if not isinstance(body, Rejection) or not is_final(body.code):
        return None
    if role == "insured" and BY_CODE[ErrorCode(body.code)].number < FORM_CODES_END:
        return None  # it never came as far as the case: nothing was decided about it
    if hop.transaction in t.SETTLEMENTS or hop.transaction in t.PRE_SETTLEMENTS:
        return CaseState.REJECTED
    if hop.transaction in t.CANCELLATIONS and states.get(role) is CaseState.INDOUBT:
        return CaseState.SETTLED
    return None


def _result_state(states: States, hop: Hop, role: str) -> CaseState | None:
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


def _reversed_state(states: States, body: ReversalResult, role: str) -> CaseState | None:
    if body.outcome == "nothing":
        return CaseState.SETTLED if states.get(role) is CaseState.SETTLED else CaseState.REVERSED
    return _OUTCOMES.get(body.outcome)
