"""Day close (日切) and daily three-way reconciliation (三方对账), at the hub. (Skeleton.)"""

from __future__ import annotations

import msgspec

from yidi.nodes.agency import HubHost
from yidi.nodes.clearing_plan import ClearingPlan
from yidi.nodes.day_groups import DayIndex
from yidi.nodes.hub_clearing import HubClearing
from yidi.nodes.lifecycle import Case
from yidi.protocol.envelope import Envelope
from yidi.protocol.instants import Instant
from yidi.protocol.messages_clearing import EffectLine, GroupTotals


class Difference(msgspec.Struct, kw_only=True, gc=False):
    """A row of differences.jsonl: a case on which the three books do not agree."""

    day: str
    key: str
    kind: str
    """Class of the difference, a code of the dictionary `difference`."""
    treatment: str
    insured: str
    insutype: str
    states: dict[str, str] = {}
    """`treatment`, `hub`, `insured` → state there, ABSENT where the case is not known."""
    funds: dict[str, int] = {}
    """The same → fund pay booked there, fen."""
    resolved_day: str = ""
    """Accounting day on which all three agreed again; empty while it is open."""


class GroupRun(msgspec.Struct, kw_only=True):
    """One group of a day under reconciliation."""

    totals: GroupTotals | None = None
    """The hub's; None where only a region has the group."""
    keys: list[str] = []
    """The hub's LIVE keys."""
    level: list[str] = []
    """Addresses that are level with the hub."""
    lines: dict[str, list[EffectLine]] | None = None
    """Address → its lines, once details are asked for."""
    complete: list[str] = []
    """Addresses whose lines are all here."""


class DayRun(msgspec.Struct, kw_only=True):
    """A closed day under reconciliation."""

    waiting: list[str] = []
    """Addresses whose statement has not been answered."""
    groups: dict[str, GroupRun] = {}


class DaysState(msgspec.Struct, kw_only=True):
    """What the hub remembers of its accounting days."""

    opening_day: str = ""
    day: str = ""
    """The accounting day that is stamped now."""
    index: DayIndex = msgspec.field(default_factory=DayIndex)
    waiting: dict[str, int] = {}
    """Closed days whose statements have not gone out → instant at which they do in any case."""
    runs: dict[str, DayRun] = {}
    differences: list[Difference] = []
    open: dict[str, int] = {}
    """Case key → its open row in `differences`."""
    recheck: dict[str, bool] = {}
    """Cases booked after their day's statement: asked for at the next day close."""


class HubDays:
    """Closes accounting days and reconciles them.

    The hub calls `note_settled`, `note_undone`, `note_reinstated` when it books, and
    `exchange_closed(day, now)` when an exchange stamped with an earlier day ends.
    """

    def __init__(
        self, hub: HubHost, state: DaysState, plan: ClearingPlan, clearing: HubClearing
    ) -> None:
        self.hub, self.state, self.plan, self.clearing = hub, state, plan, clearing
        if not state.day:
            state.opening_day = state.day = plan.opening_day

    @property
    def day(self) -> str:
        """The accounting day to stamp."""
        return self.state.day

    def note_settled(self, case: Case) -> None:
        """A case was booked; `case.day` is its exchange's stamp."""

    def note_undone(self, case: Case, day: str) -> None:
        """A case was taken back on an accounting day (`case.undone_day`)."""

    def note_reinstated(self, case: Case) -> None:
        """A cancellation was reversed: the case stands again, its `undone_day` is empty."""

    def exchange_closed(self, day: str, now: Instant) -> list[Envelope]:
        """An exchange stamped `day` has ended; statements of a closed day may go out now."""
        return []

    def next_deadline(self) -> Instant | None:
        """When the next statements go out even if exchanges are open."""
        return None

    def handle_deadline(self, now: Instant) -> list[Envelope]:
        """Send the statements that are due."""
        return []
