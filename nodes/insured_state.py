"""What an insured region is set up with, and what it remembers."""

from __future__ import annotations

import msgspec

from yidi.nodes.base import NodeState
from yidi.nodes.benefit import YearToDate
from yidi.nodes.filing import Filing
from yidi.nodes.lifecycle import Case
from yidi.nodes.policy import CHRONIC, VISIT_KINDS
from yidi.nodes.region_books import BooksState
from yidi.nodes.visits import Unit
from yidi.protocol.codes import normalise_chronic
from yidi.protocol.errors import ErrorCode

SUSPENDED = "2"
"""`psn_insu_stas`: suspended."""


class Person(msgspec.Struct, kw_only=True, gc=False):
    """An insured person, synthetic, with the year's accumulators."""

    person_no: str
    name: str
    certificate_no: str
    sex: str
    birth: str
    insutype: str
    psn_type: str
    status: str = "1"
    suspended_from: str = ""
    balance_fen: int = 0
    assistance: str = ""
    chronic: list[str] = []
    partition_key: int = 0
    years: dict[str, YearToDate] = {}
    """Accumulators by calendar year of the visit's end, `"2026"`."""
    filings: list[Filing] = []

    def is_suspended(self, day: str) -> bool:
        """Whether the person's insurance is suspended on a day."""
        return self.status == SUSPENDED and self.suspended_from <= day

    def chronic_problem(self, med_type: str, disease: str) -> ErrorCode | None:
        """Why a chronic visit may not be one; registrations are matched by their parent code.

        Source: domain 3.5.
        """
        if VISIT_KINDS.get(med_type) != CHRONIC:
            return None
        parent = normalise_chronic(disease)
        if parent is None:
            return ErrorCode.E_CHRONIC_CODE
        registered = any(normalise_chronic(code) == parent for code in self.chronic)
        return None if registered else ErrorCode.E_CHRONIC_NOT_REGISTERED


class InsuredConfig(msgspec.Struct, frozen=True, kw_only=True):
    """What an insured region is set up with; `book` is shared and only read."""

    code: str
    policy_region: str
    """Region whose policy applies: a county inside a pool has its pool's."""
    hubs: tuple[str, ...]
    """Filing libraries to keep current."""


class InsuredState(NodeState, kw_only=True):
    """The insured region's memory."""

    persons: dict[str, Person] = {}
    filing_owners: dict[str, str] = {}
    units: dict[str, Unit] = {}
    cases: dict[str, Case] = {}
    tombstones: dict[str, bool] = {}
    """Message ids of effects that were reversed; they must not take effect any more."""
    live_units: dict[str, str] = {}
    """Settlement unit → case key that settled it (INV-10)."""
    books: BooksState = msgspec.field(default_factory=BooksState)
    settled: int = 0
