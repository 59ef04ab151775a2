"""What the hub remembers of clearing: months, batches, reconciled keys, notices."""

from __future__ import annotations

import msgspec

from yidi.nodes.agency import NoticeRow
from yidi.nodes.hub_adjustments import PendingAdjustment
from yidi.nodes.region_adjustments import AdjustmentsState
from yidi.protocol.messages_clearing import ClearingGroup


class PairRun(msgspec.Struct, kw_only=True):
    """One treatment and insured region inside a batch; the sums are those of its cases."""

    treatment: str
    insured: str
    keys: list[str] = []
    """Cases both regions agreed to clear; emptied when the batch is closed."""
    checks: int = 0
    """Detail messages not answered yet."""
    count: int = 0
    total_fen: int = 0
    fund_fen: int = 0
    account_fen: int = 0
    """Cleared account money; 0 where it is paid on the spot."""
    adjust_fen: int = 0


class Batch(msgspec.Struct, kw_only=True):
    """A clearing table of one payer, payee and insurance type for one month.

    A row of clearing.jsonl once `is_closed`; the fields of that row have its names.
    """

    batch: str
    period: str
    payer: str
    payee: str
    insutype: str
    state: str = "CHECKING"
    """CHECKING (details are being agreed), GENERATED (out for confirmation), then as in
    clearing.jsonl: CONFIRMED, NOTIFIED, PAID, FAILED."""
    revision: int = 0
    pairs: dict[str, PairRun] = {}
    """`treatment|insured` → what it brings in."""
    adjustments: list[str] = []
    confirmed: list[str] = []
    """Provinces that have confirmed this revision."""
    disputed: bool = False
    count: int = 0
    total_fen: int = 0
    fund_fen: int = 0
    funds: dict[str, int] = {}
    account_fen: int = 0
    adjust_fen: int = 0
    payable_fen: int = 0
    reports: dict[str, str] = {}
    """Province → its last payment feedback."""

    @property
    def is_closed(self) -> bool:
        """Whether both provinces have confirmed."""
        return self.state not in ("CHECKING", "GENERATED")

    @property
    def is_at_home(self) -> bool:
        """Whether payer and payee are one province, which settles with its cities itself."""
        return self.payer == self.payee

    @property
    def is_finished(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.state == "PAID" or (self.is_at_home and self.is_closed)

    @property
    def parties(self) -> list[str]:
        """The provinces that confirm it."""
        return [self.payer] if self.is_at_home else [self.payer, self.payee]

    @property
    def debtor(self) -> str:
        """Who transfers money: the payer, unless adjustments exceed what it owes."""
        return self.payer if self.payable_fen >= 0 else self.payee

    @property
    def creditor(self) -> str:
        """Who receives it."""
        return self.payee if self.payable_fen >= 0 else self.payer


class PeriodRun(msgspec.Struct, kw_only=True):
    """A month under clearing."""

    stage: str = "declared"
    """`declared`, then `generated`."""
    declared: dict[str, list[ClearingGroup]] = {}
    """Treatment region → what it declared."""
    places: dict[str, list[str]] = {}
    """`payer|payee` → its batches."""


class ClearingState(msgspec.Struct, kw_only=True):
    """What the hub remembers of clearing."""

    day: str = ""
    """The accounting day, as the last day close left it."""
    ready: dict[str, dict[str, list[str]]] = {}
    """Month → `treatment|insured|insutype` → reconciled keys that no batch has picked."""
    deferred: dict[str, int] = {}
    """Key → months it has been put off."""
    picked: dict[str, str] = {}
    """Key → its batch, until that is confirmed."""
    periods: dict[str, PeriodRun] = {}
    batches: dict[str, Batch] = {}
    """Every batch by id, in the order of making."""
    adjustments: AdjustmentsState = msgspec.field(default_factory=AdjustmentsState)
    adjusting: dict[str, PendingAdjustment] = {}
    """Booked adjustments that no batch carries yet."""
    notices: list[NoticeRow] = []
    """Payment and collection notices, in the order of issue."""
