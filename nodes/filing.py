"""Remote filing (备案) at the insured region: submitted, approved, effective, and what counts.

A filing names a city or municipality as a whole. On a personal commitment it is effective at
once; otherwise an operator approves or refuses it. Long-stay kinds have no end, temporary ones
are valid six months. Filed before discharge, it counts from admission. An emergency marker and
visits under an agreement need none. Source: domain 2; 医保发〔2022〕22号 digest art. 7, 8, 16.
"""

from __future__ import annotations

from datetime import date

import msgspec

from yidi.nodes.policy import INPATIENT, VISIT_KINDS, PolicyBook
from yidi.protocol.errors import ErrorCode
from yidi.protocol.messages import FilingView

LONG_STAY_KINDS = ("resettled", "long_stay", "posted")
TEMPORARY_MONTHS = 6
NOT_REQUIRED, NONE = "not_required", "none"
EMERGENCY = "emergency"

_PREFERENCE = ("resettled", "long_stay", "posted", "referral", "other_temporary")
"""Which of several valid filings counts: the one that cuts least."""


class Filing(msgspec.Struct, kw_only=True, gc=False):
    """One filing as its insured region keeps it."""

    filing_id: str
    insutype: str
    category: str
    area: str
    valid_from: str
    valid_to: str
    status: str
    """submitted, effective, refused, withdrawn."""
    submitted_at: int = 0
    withdrawn_from: str = ""
    diagnosis: str = ""

    def view(self) -> FilingView:
        """What others may see of it."""
        return FilingView(
            filing_id=self.filing_id,
            category=self.category,
            area=self.area,
            valid_from=self.valid_from,
            valid_to=self.valid_to,
            status=self.status,
        )


class Attendance(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a filing must fit to count: whose visit, where, of what kind, on which days."""

    insured: str
    treatment: str
    insutype: str
    med_type: str
    emergency: bool
    first: str
    last: str


def end_of_validity(category: str, valid_from: str, asked: str) -> str:
    """The last valid day: as asked, none for long-stay kinds, else six months."""
    if asked or category in LONG_STAY_KINDS:
        return asked
    start = date.fromisoformat(valid_from)
    index = start.year * 12 + start.month - 1 + TEMPORARY_MONTHS
    year, month = divmod(index, 12)
    for day in range(start.day, 0, -1):
        try:
            return date(year, month + 1, day).isoformat()
        except ValueError:
            continue
    raise AssertionError("every month has a first day")


def covers(area: str, treatment: str) -> bool:
    """Whether a filing to `area` covers treatment there: the city, or the whole municipality."""
    if area == treatment:
        return True
    if area[2:] == "0000":
        return area[:2] == treatment[:2]
    return area[4:] == "00" and area[:4] == treatment[:4]


def counting(filings: list[Filing], book: PolicyBook, visit: Attendance) -> tuple[str, ErrorCode]:
    """Which filing counts for a visit.

    Returns:
        (category, E_NO_FILING) where one counts or none is needed: a filing category,
        `emergency`, or `not_required`; else (`none`, why): E_NO_FILING, E_FILING_AREA,
        E_FILING_EXPIRED or E_FILING_REFUSED.
    """
    if not book.needs_filing(visit.insured, visit.treatment, visit.med_type):
        return NOT_REQUIRED, ErrorCode.E_NO_FILING
    best, why = NONE, ErrorCode.E_NO_FILING
    latest = visit.last if VISIT_KINDS.get(visit.med_type) == INPATIENT else visit.first
    for filing in filings:
        if filing.insutype != visit.insutype:
            continue
        problem = _problem(filing, visit.treatment, visit.first, latest)
        if problem is not None:
            why = max(why, problem, key=_SEVERITY.__getitem__)
        elif best == NONE or _PREFERENCE.index(filing.category) < _PREFERENCE.index(best):
            best = filing.category
    if best in LONG_STAY_KINDS or not visit.emergency:
        return best, why
    return EMERGENCY, ErrorCode.E_NO_FILING


_SEVERITY = {
    ErrorCode.E_NO_FILING: 0,
    ErrorCode.E_FILING_REFUSED: 1,
    ErrorCode.E_FILING_EXPIRED: 2,
    ErrorCode.E_FILING_AREA: 3,
}
"""Which reason is told when several filings fail: the nearest miss."""


def _problem(filing: Filing, treatment: str, first: str, latest: str) -> ErrorCode | None:
    if filing.status == "refused":
        return ErrorCode.E_FILING_REFUSED
    if filing.status == "submitted":
        return ErrorCode.E_NO_FILING
    if filing.withdrawn_from and filing.withdrawn_from <= first:
        return ErrorCode.E_NO_FILING
    if not covers(filing.area, treatment):
        return ErrorCode.E_FILING_AREA
    expired = bool(filing.valid_to) and filing.valid_to < first
    return ErrorCode.E_FILING_EXPIRED if expired or filing.valid_from > latest else None
