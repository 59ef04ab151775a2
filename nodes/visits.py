"""Visits and settlement units, as treatment and insured region both keep them.

A visit is one stay or one outpatient attendance of a person at an institution. What settles at
most once is a *unit* of it: one charge batch, or one interim serial of a stay. A unit gathers
fee lines, idempotent by (visit, line number), until it is settled.
"""

from __future__ import annotations

from operator import attrgetter

import msgspec

from yidi.nodes.catalogue import LineTotals
from yidi.protocol.messages import FeeLine


_line_no = attrgetter("line_no")


class Unit(msgspec.Struct, kw_only=True, gc=False):
    """One settlement unit: its lines until it is settled, their sums, its current attempt."""

    lines: dict[int, FeeLine] = {}
    count: int = 0
    total_fen: int = 0
    full_self_fen: int = 0
    over_limit_fen: int = 0
    prepay_fen: int = 0
    in_scope_fen: int = 0
    key: str = ""
    """Case key of the current attempt; empty before the first and after a refusal."""

    def add(self, lines: list[FeeLine], sums: LineTotals, sign: int = 1) -> None:
        """Add lines that are new to the unit, or (sign -1) take them out again."""
        known = self.lines
        if sign > 0:
            known.update(zip(map(_line_no, lines), lines, strict=True))
        else:
            for line in lines:
                known.pop(line.line_no, None)
        self.count += sign * len(lines)
        self.total_fen += sign * sums.total_fen
        self.full_self_fen += sign * sums.full_self_fen
        self.over_limit_fen += sign * sums.over_limit_fen
        self.prepay_fen += sign * sums.prepay_fen
        self.in_scope_fen += sign * sums.in_scope_fen

    def novelty(self, lines: list[FeeLine]) -> bool | None:
        """True when all lines are new, False when all are known as they are, None otherwise.

        None is a reuse of a line number with other content, or a batch half sent before.
        """
        known = self.lines
        if not known:
            return True
        old = 0
        for line in lines:
            before = known.get(line.line_no)
            if before is not None:
                if before != line:
                    return None
                old += 1
        if old == 0:
            return True
        return False if old == len(lines) else None


class Visit(msgspec.Struct, kw_only=True, gc=False):
    """One stay or attendance, opened by 2201, 2401 or its first fee lines."""

    person_no: str
    insured: str
    insutype: str
    med_type: str
    begin: int = 0
    end: int = 0
    """Discharge; 0 while the person is in hospital, and for outpatients."""
    diagnosis: str = ""
    emergency: bool = False
    admitted: bool = False
    """Opened by 2401: settles only after 2402."""
    cancelled: bool = False
    units: list[str] = []
    """Batches of this visit that have lines."""
    closed_lines: list[int] = []
    """Line numbers of units already settled, whose lines are no longer kept."""

    def close_unit(self, unit: Unit) -> None:
        """Drop a settled unit's lines, keep their numbers."""
        self.closed_lines.extend(unit.lines)
        unit.lines = {}


def visit_key(institution: str, visit: str) -> str:
    """Where a visit is kept: institution and its visit number."""
    return f"{institution}/{visit}"


def unit_key(institution: str, visit: str, batch: str) -> str:
    """Where a unit is kept: institution, visit number, batch or serial."""
    return f"{institution}/{visit}/{batch}"
