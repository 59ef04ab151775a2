"""The life cycle of a case, one table per role, and the case itself.

The treatment region lives with doubt (INDOUBT: a settlement or cancellation was sent and its
answer has not come); hub and insured region only ever know what happened. REJECTED and CLEARED
have no exit. REVERSED leaves only by REINSTATE: the reversal of a cancellation that took effect.
Source: faults-and-invariants INV-12.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from yidi.nodes.claim import YearToDate
from yidi.protocol.errors import InvariantViolation
from yidi.protocol.messages import FundPay


class CaseState(StrEnum):
    """Where a case stands at one node."""

    NEW = "NEW"
    PRESETTLED = "PRESETTLED"
    INDOUBT = "INDOUBT"
    SETTLED = "SETTLED"
    REJECTED = "REJECTED"
    REVERSED = "REVERSED"
    CLEARED = "CLEARED"


NEW, PRESETTLED, INDOUBT = CaseState.NEW, CaseState.PRESETTLED, CaseState.INDOUBT
SETTLED, REJECTED = CaseState.SETTLED, CaseState.REJECTED
REVERSED, CLEARED = CaseState.REVERSED, CaseState.CLEARED

_KNOWING: dict[CaseState, frozenset[CaseState]] = {
    NEW: frozenset({PRESETTLED, SETTLED, REJECTED, REVERSED}),
    PRESETTLED: frozenset({PRESETTLED, SETTLED, REJECTED, REVERSED}),
    SETTLED: frozenset({REVERSED, CLEARED}),
    REVERSED: frozenset({SETTLED}),
    REJECTED: frozenset(),
    CLEARED: frozenset(),
}

TRANSITIONS: dict[str, dict[CaseState, frozenset[CaseState]]] = {
    "treatment": {
        NEW: frozenset({PRESETTLED, INDOUBT, REJECTED}),
        PRESETTLED: frozenset({PRESETTLED, INDOUBT, REJECTED}),
        INDOUBT: frozenset({SETTLED, REJECTED, REVERSED}),
        SETTLED: frozenset({INDOUBT, REVERSED, CLEARED}),
        REVERSED: frozenset({SETTLED}),
        REJECTED: frozenset(),
        CLEARED: frozenset(),
    },
    "hub": _KNOWING,
    "insured": _KNOWING,
}

LIVE = frozenset({SETTLED, CLEARED})
"""States in which the case's money counts."""


class Case(msgspec.Struct, gc=False):
    """One attempt to settle one unit, as one node sees it; amounts are 0 until booked."""

    key: str
    treatment: str
    insured: str
    institution: str = ""
    visit: str = ""
    batch: str = ""
    """Charge batch or interim serial: with institution and visit, the settlement unit."""
    person_no: str = ""
    insutype: str = ""
    med_type: str = ""
    state: CaseState = CaseState.NEW
    total_fen: int = 0
    fund_fen: int = 0
    funds: list[FundPay] = []
    account_fen: int = 0
    cash_fen: int = 0
    hospital_fen: int = 0
    day: str = ""
    """The hub's accounting day of the settlement; empty until stamped."""
    undone_day: str = ""
    """Accounting day of the cancellation or reversal."""
    stamped_day: str = ""
    """Day the hub stamped on the settlement request it relayed (hub only)."""
    stamped_undo_day: str = ""
    """The same of the cancellation or reversal (hub only)."""
    period: str = ""
    """Month it was cleared in; empty before."""
    clearing_batch: str = ""
    digest: bytes = b""
    """SHA-256 (16 bytes) of the settlement answer's body; empty until booked."""
    settle_message_id: str = ""
    """Message id of the treatment region's settlement request, by which 2601 names it."""
    cancel_message_id: str = ""
    """The same of its cancellation request."""
    settlement_id: str = ""
    answer: bytes = b""
    """The settlement answer's body, given again byte for byte."""
    cancel_answer: bytes = b""
    pre_answer: bytes = b""
    """The last answered pre-settlement: what the patient agreed to."""
    request_digest: bytes = b""
    """What the settlement's first request said; another content under the key is refused."""
    cancel_digest: bytes = b""
    change: YearToDate | None = None
    """What it added to the person's year (insured region only)."""
    benefit_year: str = ""
    """Calendar year whose accumulators it changed (insured region only)."""
    reason: str = ""
    """Error code of the refusal, where it was refused."""


def advance(role: str, case: Case, state: CaseState) -> None:
    """Move a case along its role's table.

    Raises:
        InvariantViolation: INV-12; callers check the way is open before they change anything.
    """
    if state not in TRANSITIONS[role][case.state]:
        raise InvariantViolation("INV-12", f"{role} {case.key}: {case.state} -> {state}")
    case.state = state


def may(role: str, case: Case, state: CaseState) -> bool:
    """Whether the table has that step."""
    return state in TRANSITIONS[role][case.state]
