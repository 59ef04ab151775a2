"""The effects of an accounting day, grouped and summed: one code for the hub and both regions.

A day's books are lines `(key, kind, fund)`: LIVE for a case settled that day and still standing
at its end, BACK (negative) for a case taken back that day which had been settled before it. A
case undone on its own day leaves no line. So a day never changes once it is over: undoing a
case later adds a BACK line to the later day. Lines are grouped by treatment region, insured
region and insurance type; a group is level (对平) where count, sums and digest are equal.
"""

from __future__ import annotations

from hashlib import sha256
from operator import itemgetter
from typing import NamedTuple

import msgspec

from yidi.nodes.lifecycle import CLEARED, INDOUBT, LIVE, REVERSED, SETTLED, Case
from yidi.protocol.messages_clearing import CaseView, EffectLine, GroupTotals

GroupKey = tuple[str, str, str]
"""Treatment region, insured region, insurance type."""

ABSENT = "ABSENT"


class DayIndex(msgspec.Struct, kw_only=True):
    """Keys by accounting day, so that a day's books cost the day's cases and no more."""

    settled: dict[str, list[str]] = {}
    undone: dict[str, list[str]] = {}


class Entry(NamedTuple):
    """One effect of a day: a case, and whether it stands (+1) or was taken back (-1)."""

    key: str
    sign: int
    case: Case

    @property
    def kind(self) -> str:
        """LIVE or BACK."""
        return "LIVE" if self.sign > 0 else "BACK"


def stood_at_end(case: Case, day: str) -> bool:
    """Whether a case settled on `day` was still booked at its end.

    A treatment region's INDOUBT case counts where it is booked: a cancellation of it is out.
    """
    if case.day != day:
        return False
    state = case.state
    # Members are compared by identity: this runs for every case of every day, at three nodes.
    if state is SETTLED or state is CLEARED:
        return True
    return case.undone_day > day if state is REVERSED else state is INDOUBT and bool(case.digest)


def day_entries(
    index: DayIndex, cases: dict[str, Case], day: str, only: GroupKey | None = None
) -> dict[GroupKey, list[Entry]]:
    """A day's effects by group (or of one group), each sorted by key and kind; groups sorted."""
    groups: dict[GroupKey, list[Entry]] = {}
    for key in dict.fromkeys(index.settled.get(day, ())):
        case = cases[key]
        if stood_at_end(case, day):
            group = (case.treatment, case.insured, case.insutype)
            if only is None or only == group:
                groups.setdefault(group, []).append(Entry(key, 1, case))
    for key in dict.fromkeys(index.undone.get(day, ())):
        case = cases[key]
        # A reinstated case has no undone day any more, and so no BACK line.
        if case.undone_day == day and "" < case.day < day:
            group = (case.treatment, case.insured, case.insutype)
            if only is None or only == group:
                groups.setdefault(group, []).append(Entry(key, -1, case))
    for entries in groups.values():
        # "BACK" sorts before "LIVE", as -1 does before 1.
        entries.sort(key=itemgetter(0, 1))
    return dict(sorted(groups.items()))


def totals_of(group: GroupKey, entries: list[Entry]) -> GroupTotals:
    """Count, signed sums and digest of one group's sorted entries."""
    total = fund = account = cash = 0
    lines = []
    for key, sign, case in entries:
        total += sign * case.total_fen
        fund += sign * case.fund_fen
        account += sign * case.account_fen
        cash += sign * case.cash_fen
        lines.append(f"{key} {'LIVE' if sign > 0 else 'BACK'} ".encode())
        lines.append(case.digest)
    return GroupTotals(
        treatment=group[0],
        insured=group[1],
        insutype=group[2],
        count=len(entries),
        total_fen=total,
        fund_fen=fund,
        account_fen=account,
        cash_fen=cash,
        digest=sha256(b"\n".join(lines)).digest(),
    )


def line_of(entry: Entry) -> EffectLine:
    """An effect as it is sent."""
    case = entry.case
    return EffectLine(
        key=case.key, kind=entry.kind, fund_fen=entry.sign * case.fund_fen, digest=case.digest
    )


def view_of(cases: dict[str, Case], key: str, twin: str = "") -> CaseView:
    """How a case stands in a node's books now; money that is not booked is 0."""
    case = cases.get(key)
    if case is None:
        return CaseView(key=key, state=ABSENT)
    return CaseView(
        key=key,
        state=case.state.value,
        day=case.day,
        insutype=case.insutype,
        fund_fen=case.fund_fen,
        digest=case.digest,
        twin=twin,
    )


def twins(index: DayIndex, cases: dict[str, Case], keys: list[str]) -> dict[str, str]:
    """For each key, another live case of the same settlement unit and day, where there is one."""
    found: dict[str, str] = {}
    by_day: dict[str, dict[tuple[str, str, str], list[str]]] = {}
    for key in keys:
        case = cases.get(key)
        if case is None or not case.day:
            continue
        units = by_day.get(case.day)
        if units is None:
            units = by_day[case.day] = _live_units(index, cases, case.day)
        unit = (case.institution, case.visit, case.batch)
        for other in units.get(unit, ()):
            if other != key:
                found[key] = other
    return found


def _live_units(
    index: DayIndex, cases: dict[str, Case], day: str
) -> dict[tuple[str, str, str], list[str]]:
    units: dict[tuple[str, str, str], list[str]] = {}
    for key in index.settled.get(day, ()):
        case = cases[key]
        if case.state in LIVE:
            units.setdefault((case.institution, case.visit, case.batch), []).append(key)
    return units
