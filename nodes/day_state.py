"""What the hub remembers of its accounting days: runs of reconciliation, and differences."""

from __future__ import annotations

import msgspec

from yidi.nodes.day_groups import DayIndex
from yidi.protocol.messages_clearing import CaseView, EffectLine, GroupTotals


class Difference(msgspec.Struct, kw_only=True, gc=False):
    """A row of differences.jsonl: a case on which the three books do not agree."""

    day: str
    """Accounting day whose reconciliation found it."""
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
    resolved_day: str | None = None
    """Accounting day on which all three agreed again; None while it is open."""


class GroupRun(msgspec.Struct, kw_only=True):
    """One group of a day under reconciliation."""

    totals: GroupTotals | None = None
    """The hub's; None where only a region has the group."""
    keys: list[str] = []
    """The hub's keys that stand."""
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
    """`treatment|insured|insutype` → what is not settled about it yet."""


class Inquiry(msgspec.Struct, kw_only=True):
    """Cases of one pair that both regions are asked about by key."""

    day: str
    treatment: str
    insured: str
    keys: list[str]
    views: dict[str, list[CaseView]] = {}
    """`treatment`, `insured` → the answer, in the order of `keys`."""


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
    """Every difference ever found, in the order of finding."""
    open: dict[str, int] = {}
    """Case key → its open row in `differences`."""
    recheck: dict[str, bool] = {}
    """Cases booked after their day's statement: asked about at the next day close."""
    inquiries: dict[str, Inquiry] = {}
    inquired: int = 0
    """Numbers the inquiries."""
