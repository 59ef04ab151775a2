"""Visits and settlement units, as treatment and insured region both keep them.

A visit is one stay or one outpatient attendance of a person at an institution. What settles at
most once is a *unit* of it: one charge batch, or one interim serial of a stay. A unit gathers
fee lines, idempotent by (visit, line number), until it is settled.
"""

from __future__ import annotations

from collections.abc import Collection
from operator import attrgetter

import msgspec
from msgspec.structs import replace

from yidi.nodes.catalogue import LineTotals, check_lines
from yidi.protocol.codec import encode
from yidi.protocol.messages import FeeLine, FeeUploadRequest

Runs = list[tuple[int, int]]
"""Line numbers as runs, both ends included: a bill's lines are mostly numbered on and on."""

_line_no = attrgetter("line_no")
_open_upload = msgspec.msgpack.Decoder(FeeUploadRequest).decode


class Unit(msgspec.Struct, kw_only=True, gc=False):
    """One settlement unit: its uploads until it is settled, their sums, its current attempt."""

    uploads: list[bytes] = []
    """Bodies of the fee uploads (`FeeUploadRequest`, lines split), opened to compare only."""
    numbers: Runs = []
    """Line numbers of the uploads."""
    count: int = 0
    total_fen: int = 0
    full_self_fen: int = 0
    over_limit_fen: int = 0
    prepay_fen: int = 0
    in_scope_fen: int = 0
    key: str = ""
    """Case key of the current attempt; empty before the first and after a refusal."""

    def add(self, upload: bytes, numbers: Runs, sums: LineTotals) -> None:
        """Add an upload whose lines are all new to the unit."""
        self.uploads.append(upload)
        self.numbers += numbers
        self._count(sums, _size(numbers))

    def take_out(self, upload: bytes, numbers: Runs, sums: LineTotals) -> None:
        """Take an upload out again, as if it had never come."""
        self.uploads.remove(upload)
        for run in numbers:
            self.numbers.remove(run)
        self._count(sums, -_size(numbers))

    def without(self, numbers: Collection[int]) -> Unit:
        """The same unit less some lines: all of them where no number is named."""
        left = Unit(key=self.key)
        for raw in self.uploads if numbers else ():
            upload = _open_upload(raw)
            lines = [line for line in upload.lines if line.line_no not in numbers]
            if not lines:
                continue
            runs, sums = runs_of(lines), check_lines(lines)
            assert runs is not None, "a unit has a line once"
            assert isinstance(sums, LineTotals), "a unit's lines were checked"
            same = len(lines) == len(upload.lines)
            left.add(raw if same else encode(replace(upload, lines=lines)), runs, sums)
        return left

    def _count(self, sums: LineTotals, lines: int) -> None:
        sign = 1 if lines > 0 else -1
        self.count += lines
        self.total_fen += sign * sums.total_fen
        self.full_self_fen += sign * sums.full_self_fen
        self.over_limit_fen += sign * sums.over_limit_fen
        self.prepay_fen += sign * sums.prepay_fen
        self.in_scope_fen += sign * sums.in_scope_fen

    def novelty(self, lines: list[FeeLine], numbers: Runs) -> bool | None:
        """True when all lines are new, False when all are known as they are, None otherwise.

        None is a reuse of a line number with other content, or a batch half sent before.
        """
        if not overlap(self.numbers, numbers):
            return True
        known = {
            line.line_no: line for upload in self.uploads for line in _open_upload(upload).lines
        }
        return False if all(known.get(line.line_no) == line for line in lines) else None


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
    closed_lines: Runs = []
    """Line numbers of units already settled, whose lines are no longer kept."""
    disease: str = ""
    """What the visit is for, told by 2203A or 2403; a chronic visit needs it."""

    def close_unit(self, unit: Unit) -> None:
        """Drop a settled unit's lines, keep their numbers."""
        self.closed_lines += unit.numbers
        unit.uploads, unit.numbers = [], []


def last_upload(unit: Unit) -> FeeUploadRequest | None:
    """The latest upload of an open unit; None when there is none, or it is settled."""
    return _open_upload(unit.uploads[-1]) if unit.uploads else None


def runs_of(lines: list[FeeLine]) -> Runs | None:
    """The line numbers of an upload as runs, in order; None when one stands there twice."""
    numbers = list(map(_line_no, lines))
    if not numbers:
        return []
    first, last = numbers[0], numbers[-1]
    if last - first + 1 == len(numbers) and numbers == list(range(first, last + 1)):
        return [(first, last)]
    runs: Runs = []
    for number in sorted(numbers):
        if runs and number <= runs[-1][1] + 1:
            if number == runs[-1][1]:
                return None
            runs[-1] = (runs[-1][0], number)
        else:
            runs.append((number, number))
    return runs


def _size(numbers: Runs) -> int:
    """How many numbers there are in the runs."""
    count = 0
    for first, last in numbers:
        count += last - first + 1
    return count


def overlap(known: Runs, numbers: Runs) -> bool:
    """Whether two sets of line numbers have one in common."""
    return bool(known) and any(
        first <= end and start <= last for first, last in known for start, end in numbers
    )


def visit_key(institution: str, visit: str) -> str:
    """Where a visit is kept: institution and its visit number."""
    return f"{institution}/{visit}"


def unit_key(institution: str, visit: str, batch: str) -> str:
    """Where a unit is kept: institution, visit number, batch or serial."""
    return f"{institution}/{visit}/{batch}"
