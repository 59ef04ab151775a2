"""What an insured region is set up with, and what it remembers."""

from __future__ import annotations

import msgspec

from yidi.nodes.base import NodeState
from yidi.nodes.benefit import YearToDate
from yidi.nodes.filing import Filing
from yidi.nodes.lifecycle import Case
from yidi.nodes.region_books import BooksState
from yidi.nodes.visits import Unit


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
