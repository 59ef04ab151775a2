"""What the per-event checks remember of each node and each case: their own books.

Nothing here is read back from a node's state, which is what is being judged. A `NodeWatch` is
one node as its postings and deliveries showed it; a `Seen` one of its cases; a `Pair` the
running difference between what an insured region booked for a treatment region and what that
region booked itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from yidi.nodes.lifecycle import CaseState

Leg = tuple[str, int]

NEW, PRESETTLED, INDOUBT = CaseState.NEW, CaseState.PRESETTLED, CaseState.INDOUBT
SETTLED, REJECTED = CaseState.SETTLED, CaseState.REJECTED
REVERSED, CLEARED = CaseState.REVERSED, CaseState.CLEARED

_KNOWING = {
    NEW: (PRESETTLED, SETTLED, REJECTED, REVERSED),
    PRESETTLED: (SETTLED, REJECTED, REVERSED),
    SETTLED: (REVERSED, CLEARED),
    REVERSED: (SETTLED,),
    REJECTED: (),
    CLEARED: (),
}
STEPS: dict[str, dict[CaseState, tuple[CaseState, ...]]] = {
    "treatment": {
        NEW: (PRESETTLED, INDOUBT, REJECTED),
        PRESETTLED: (INDOUBT, REJECTED),
        INDOUBT: (SETTLED, REJECTED, REVERSED),
        SETTLED: (INDOUBT, REVERSED, CLEARED),
        REVERSED: (SETTLED,),
        REJECTED: (),
        CLEARED: (),
    },
    "hub": _KNOWING,
    "insured": _KNOWING,
}
"""INV-12, written down a second time on purpose: the nodes' own table is what is judged."""


class Seen:
    """One case at one node, as its postings and deliveries showed it."""

    __slots__ = (
        "cancelled", "case", "day", "legs", "live", "pre", "reinstated", "reversed", "settled",
        "state", "tomb",
    )  # fmt: skip

    def __init__(self, case: Any) -> None:
        self.case = case
        """The node's own: what is judged."""
        self.state: CaseState = NEW
        self.settled = self.cancelled = self.reversed = self.reinstated = 0
        self.live = False
        self.tomb = False
        """Reversed before it settled: no SETTLE may follow (INV-18)."""
        self.legs: list[Leg] | None = None
        self.day = ""
        self.pre = b""
        """The last answered pre-settlement (treatment region only)."""


class NodeWatch:
    """One node as the checks know it."""

    __slots__ = (
        "address", "cases", "code", "effect_ids", "is_insured", "keeps_books", "missing", "node",
        "now", "outbox", "posted", "role", "seen", "state", "steps", "units",
    )  # fmt: skip

    def __init__(self, address: str, node: Any) -> None:
        self.address = address
        self.role, _, self.code = address.partition(":")
        self.is_insured = self.role == "insured"
        self.keeps_books = self.role in ("treatment", "insured")
        """A hub books what it is told; these two book what they owe."""
        self.node, self.state = node, node.state
        self.cases: Mapping[str, Any] = getattr(node.state, "cases", {})
        self.effect_ids: Mapping[str, str] = getattr(node.state, "effect_ids", {})
        """Message id of an institution's effect → case key (treatment region only)."""
        self.outbox: Mapping[str, Any] = node.state.outbox
        self.seen: dict[str, Seen] = {}
        self.steps = STEPS.get(self.role, {})
        self.units: dict[tuple[str, str, str], str] = {}
        """Settlement unit → live key."""
        self.missing: dict[str, dict[int, None]] = {}
        """Sender → sequences below the highest one applied that have not come."""
        self.now = 0
        self.posted: dict[str, dict[str, int]] = {}
        """Kind → key → how often, for postings that belong to no case."""

    def of(self, key: str) -> Seen:
        """What was seen of a case, made on first sight; of a key that is no case's, nothing."""
        seen = self.seen.get(key)
        if seen is None:
            case = self.cases.get(key)
            seen = Seen(case)
            if case is not None:
                self.seen[key] = seen
        return seen

    def posted_on(self, case: Any) -> Seen:
        """What was seen of a case that has a posting."""
        key = case.key
        seen = self.seen.get(key)
        if seen is None:
            seen = self.seen[key] = Seen(case)
        else:
            seen.case = case
        return seen

    def waits_for(self, key: str) -> bool:
        """Whether a request about a case is still unanswered."""
        return any(entry.origin.case_key == key for entry in self.outbox.values())


class Pair:
    """An insured and a treatment region: what one has booked and the other has not."""

    __slots__ = ("difference", "open")

    def __init__(self) -> None:
        self.difference = 0
        """Fund fen booked at the insured region minus those at the treatment region."""
        self.open: dict[str, int] = {}
        """The same by case, where it is not 0."""

    def book(self, key: str, fen: int) -> int:
        """Count a booking, positive at the insured region; returns what is open of the case."""
        self.difference += fen
        left = self.open.pop(key, 0) + fen
        if left:
            self.open[key] = left
        return left
