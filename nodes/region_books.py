"""A region's side of agency work: its statements by day, and the clearing of its cases.

Treatment and insured region use the same component; what differs is the sign of the funds and
that only a treatment region declares. The hub asks, the region answers from its own books and
trusts no number of the hub's: a statement is answered with the region's totals, a clearing
detail with the keys that do not stand here with that amount. Keys it agreed to clear are held
(`holds`): a cancellation of them must be refused with E_CLEARED until the batch is closed.
"""

from __future__ import annotations

import msgspec

from yidi.nodes.agency import Host
from yidi.nodes.day_groups import DayIndex
from yidi.nodes.lifecycle import Case


class ClosingBatch(msgspec.Struct, kw_only=True):
    """A batch whose closing messages are coming in, or have come."""

    hub: str
    period: str
    parts: int
    digests: dict[int, bytes] = {}
    """Part → content digest of its body."""
    held: int = 0
    """How many of its keys are held."""
    funds: dict[str, int] = {}
    account_fen: int = 0


class BooksState(msgspec.Struct, kw_only=True):
    """What a region remembers for its agency."""

    index: DayIndex = msgspec.field(default_factory=DayIndex)
    held: dict[str, str] = {}
    """Key → batch in which the region agreed to clear it."""
    batches: dict[str, ClosingBatch] = {}
    adjustments: dict[str, bytes] = {}
    """Adjustment id → content digest of its body, once it is posted here."""
    adjusting: dict[str, bytes] = {}
    """Sent to the hub and not yet answered."""
    adjusted_fen: dict[str, int] = {}
    """Case key → sum of its adjustments."""


class RegionBooks:
    """Day books and clearing of a treatment or insured region.

    Args:
        node: the region, with `requests` and `results` to register with.
        cases: its cases by key.
        state: this component's memory, embedded in the region's.
        role: `treatment` or `insured`.
    """

    def __init__(self, node: Host, cases: dict[str, Case], state: BooksState, role: str) -> None:
        self.node = node
        self.cases = cases
        self.state = state
        self.role = role
        self._settled = state.index.settled
        self._undone = state.index.undone

    def note_settled(self, case: Case) -> None:
        """A case was booked (again): `case.day` is the day the hub stamped."""
        keys = self._settled.get(case.day)
        if keys is None:
            self._settled[case.day] = [case.key]
        else:
            keys.append(case.key)

    def note_undone(self, case: Case, day: str) -> None:
        """A case was taken back on an accounting day; `case.undone_day` is that day.

        A reinstated case has its `undone_day` emptied by its owner; nothing is noted here.
        """
        keys = self._undone.get(day)
        if keys is None:
            self._undone[day] = [case.key]
        else:
            keys.append(case.key)

    def holds(self, key: str) -> bool:
        """Whether the region agreed to clear this case and the batch is not closed yet."""
        return key in self.state.held
