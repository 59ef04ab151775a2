"""Verdicts, and the tally that every check keeps of itself.

A check is a `Tally`: how often it looked, how often it found something wrong, and where first.
Looking without counting is impossible, because `fail` alone does not make a check honest:
INV-42 fails a run in which a check that should have applied counted nothing. Tallies are
collected in a `TallyBook`, one for each id of the table in `check_titles`.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

import msgspec

from yidi.scenarios.judging.check_titles import OWN_TITLES, TITLES, idle_reason

FACTS_MAX = 300
"""Characters of facts kept of a violation."""


class Verdict(StrEnum):
    """What a check, or a whole run, comes to."""

    PASS = "pass"  # noqa: S105 - not a password
    FAIL = "fail"
    UNKNOWN = "unknown"


class Violation(msgspec.Struct, frozen=True, kw_only=True):
    """Where a check failed first."""

    key: str = ""
    """Case key, or the id of what was booked."""
    node: str = ""
    message_ids: tuple[str, ...] = ()
    replay: str = ""
    """A command line that shows it again; filled in when the bundle is written."""
    facts: str = ""
    lsn: int | None = None
    """Journal record at which it was seen, where that is known."""


class CheckResult(msgspec.Struct, frozen=True, kw_only=True):
    """One row of `checks` in result.json."""

    id: str
    verdict: Verdict
    count: int
    title: dict[str, str] = {}
    reason: str = ""
    """Why there was nothing to check; empty when count > 0."""
    violations: int = 0
    first_violation: Violation | None = None
    unseen: list[str] = []
    """Nodes that are somebody's own, inside which it could not look."""

    @property
    def decides(self) -> bool:
        """Whether a run's verdict depends on it: not on what nobody could see anywhere."""
        return not (self.unseen and not self.count and self.verdict is Verdict.UNKNOWN)


class Tally:
    """One check's own count; `count` is raised by whoever looks."""

    __slots__ = ("count", "first", "id", "reason", "unknown", "unseen", "violations")

    def __init__(self, check: str) -> None:
        self.id = check
        self.count = 0
        self.violations = 0
        self.first: Violation | None = None
        self.reason = ""
        """Said instead of the table's sentence when the count is 0."""
        self.unknown = ""
        """Why the verdict is unknown, where it is."""
        self.unseen: list[str] = []
        """Nodes inside which it could not look."""

    def fail(
        self,
        facts: str,
        *,
        key: str = "",
        node: str = "",
        message_ids: Iterable[str] = (),
        lsn: int | None = None,
    ) -> None:
        """Count a violation and keep the first."""
        self.violations += 1
        if self.first is None:
            self.first = Violation(
                key=key, node=node, message_ids=tuple(message_ids), facts=facts[:FACTS_MAX],
                lsn=lsn,
            )  # fmt: skip

    @property
    def verdict(self) -> Verdict:
        """Fail beats unknown, unknown beats pass."""
        if self.violations:
            return Verdict.FAIL
        blind = bool(self.unseen) and not self.count
        return Verdict.UNKNOWN if self.unknown or blind else Verdict.PASS

    def result(self) -> CheckResult:
        """The row for result.json."""
        row = TITLES.get(self.id) or OWN_TITLES.get(self.id)
        reason = self.unknown
        if not self.count and not reason and self.unseen:
            reason = f"not to be seen at {', '.join(self.unseen)}"[:FACTS_MAX]
        if not self.count and not reason:
            reason = self.reason or idle_reason(self.id)
        return CheckResult(
            id=self.id,
            verdict=self.verdict,
            count=self.count,
            title={"zh": row.zh, "en": row.en} if row is not None else {},
            reason=reason,
            violations=self.violations,
            first_violation=self.first,
            unseen=list(self.unseen),
        )


class TallyBook:
    """All tallies of a run, made on first use."""

    def __init__(self) -> None:
        self.tallies: dict[str, Tally] = {}

    def __getitem__(self, check: str) -> Tally:
        tally = self.tallies.get(check)
        if tally is None:
            tally = self.tallies[check] = Tally(check)
        return tally

    def __contains__(self, check: object) -> bool:
        return check in self.tallies

    def results(self) -> list[CheckResult]:
        """Every check's row, by id, the network's own first."""
        others = sorted((name for name in self.tallies if name not in TITLES), key=_natural)
        ids = [*TITLES, *others]
        return [self[check].result() for check in ids]


def _natural(check: str) -> tuple[str, int, str]:
    """EXPECT-2 before EXPECT-10."""
    kind, _, rest = check.partition("-")
    return kind, int(rest) if rest.isdecimal() else 0, rest


def overall(results: Iterable[CheckResult]) -> Verdict:
    """A run's verdict: fail beats unknown, unknown beats pass; nothing checked is a failure."""
    rows = [row for row in results if row.decides]
    if not any(row.count for row in rows):
        return Verdict.FAIL
    verdicts = {row.verdict for row in rows}
    for verdict in (Verdict.FAIL, Verdict.UNKNOWN):
        if verdict in verdicts:
            return verdict
    return Verdict.PASS
