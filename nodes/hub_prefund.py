"""Prefund (预付金) at the hub: usage against the grant, yellow and red alarms. (Skeleton.)"""

from __future__ import annotations

import msgspec

from yidi.nodes.agency import HubHost, NoticeRow
from yidi.nodes.clearing_plan import ClearingPlan


class PrefundState(msgspec.Struct, kw_only=True):
    """What the hub remembers of prefunds."""

    granted: dict[str, int] = {}
    """`payer|payee` → grant in fen, opening plus top-ups."""
    alarms: dict[str, str] = {}
    """Alarm id → level; at most one per pair and period."""
    open: dict[str, bool] = {}
    """Red alarms whose top-up has not been reported paid."""
    notices: list[NoticeRow] = []


class HubPrefund:
    """Watches the use of prefunds."""

    def __init__(self, hub: HubHost, state: PrefundState, plan: ClearingPlan) -> None:
        self.hub, self.state, self.plan = hub, state, plan
