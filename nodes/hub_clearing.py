"""Monthly clearing at the hub: declaration, tables, confirmation, notices, payment. (Skeleton.)"""

from __future__ import annotations

import msgspec

from yidi.nodes.agency import HubHost, NoticeRow
from yidi.nodes.clearing_plan import ClearingPlan
from yidi.nodes.hub_prefund import HubPrefund
from yidi.protocol.envelope import Envelope
from yidi.protocol.instants import Instant
from yidi.protocol.messages_clearing import ClearingGroup


class PairRun(msgspec.Struct, kw_only=True):
    """One treatment and insured region inside a batch; sums are those of `keys`."""

    treatment: str
    insured: str
    keys: list[str] = []
    checks: int = 0
    """Detail messages not answered yet."""
    count: int = 0
    total_fen: int = 0
    fund_fen: int = 0
    account_fen: int = 0
    adjust_fen: int = 0


class Batch(msgspec.Struct, kw_only=True):
    """A clearing table of one payer, payee and insurance type for one month."""

    batch: str
    period: str
    payer: str
    payee: str
    insutype: str
    state: str = "CHECKING"
    """CHECKING, GENERATED (out for confirmation), then as in clearing.jsonl: CONFIRMED,
    NOTIFIED, PAID, FAILED."""
    revision: int = 0
    pairs: dict[str, PairRun] = {}
    adjustments: list[str] = []
    confirmed: list[str] = []
    """Provinces that have confirmed."""
    disputed: bool = False
    count: int = 0
    total_fen: int = 0
    fund_fen: int = 0
    funds: dict[str, int] = {}
    account_fen: int = 0
    """Cleared account money; 0 where it is paid on the spot."""
    adjust_fen: int = 0
    payable_fen: int = 0
    reports: dict[str, str] = {}
    """Province → last payment feedback."""

    @property
    def is_closed(self) -> bool:
        """Whether it belongs into clearing.jsonl."""
        return self.state not in ("CHECKING", "GENERATED")


class PeriodRun(msgspec.Struct, kw_only=True):
    """A month under clearing."""

    stage: str = "declared"
    """`declared`, then `generated`."""
    declared: dict[str, list[ClearingGroup]] = {}
    """Treatment region → what it declared."""


class PendingAdjustment(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An adjustment that the next batch of its pair will carry."""

    adjustment: str
    treatment: str
    insured: str
    insutype: str
    amount_fen: int


class ClearingState(msgspec.Struct, kw_only=True):
    """What the hub remembers of clearing."""

    ready: dict[str, dict[str, list[str]]] = {}
    """Month → `treatment|insured|insutype` → reconciled keys not yet picked."""
    deferred: dict[str, int] = {}
    """Key → months it has been put off."""
    picked: dict[str, str] = {}
    """Key → batch that is not confirmed yet."""
    periods: dict[str, PeriodRun] = {}
    batches: dict[str, Batch] = {}
    adjustments: dict[str, bytes] = {}
    """Adjustment id → content digest of its body."""
    adjusting: dict[str, PendingAdjustment] = {}
    notices: list[NoticeRow] = []


class HubClearing:
    """Clears months by the accounting calendar."""

    def __init__(
        self, hub: HubHost, state: ClearingState, plan: ClearingPlan, prefund: HubPrefund
    ) -> None:
        self.hub, self.state, self.plan, self.prefund = hub, state, plan, prefund

    def holds(self, key: str) -> bool:
        """Whether a case is in a batch out for confirmation: undoing it is E_CLEARED."""
        return key in self.state.picked

    @property
    def is_finished(self) -> bool:
        """Whether nothing is left to clear, confirm or pay for the planned periods."""
        return True

    def new_day(self, day: str, now: Instant) -> list[Envelope]:
        """The accounting day has become `day`: do what the calendar says."""
        return []
