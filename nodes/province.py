"""The province: party of clearing, keeper of prefund and bank account. (Skeleton.)"""

from __future__ import annotations

import msgspec

from yidi.nodes.agency import NoticeRow
from yidi.nodes.base import Node, NodeState
from yidi.nodes.clearing_plan import ClearingCalendar


class PaymentFailure(msgspec.Struct, frozen=True, kw_only=True):
    """A payment that fails at finance (state 9) so many times before it succeeds."""

    payee: str
    period: str = ""
    """Empty for any."""
    times: int = 1


class ProvincePlan(msgspec.Struct, frozen=True, kw_only=True):
    """What a province knows from the start."""

    code: str
    """`340000`."""
    bank_fen: int | None = None
    """Opening balance of the finance account; None: never short of money."""
    prefunds: dict[str, int] = {}
    """Payer province → prefund it has placed here."""
    calendar: ClearingCalendar = ClearingCalendar()
    payment_failures: tuple[PaymentFailure, ...] = ()


class ProvinceState(NodeState, kw_only=True):
    """The province's memory."""

    notices: list[NoticeRow] = []


class Province(Node[ProvinceState]):
    """A province as a sans-IO machine; `Province(plan)` or `Province(plan, restored)`."""

    role = "province"
    state_type = ProvinceState

    def __init__(self, plan: ProvincePlan, state: ProvinceState | None = None) -> None:
        super().__init__(f"province:{plan.code}", state or ProvinceState())
        self.plan = plan
