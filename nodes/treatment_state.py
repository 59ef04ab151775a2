"""What a treatment region is set up with, and what it remembers."""

from __future__ import annotations

import msgspec

from yidi.nodes.base import NodeState
from yidi.nodes.catalogue import Catalogue
from yidi.nodes.exchange import DeltaAgreement
from yidi.nodes.institution_state import DeskState
from yidi.nodes.lifecycle import Case
from yidi.nodes.region_books import BooksState
from yidi.nodes.visits import Unit, Visit


class InstitutionConfig(msgspec.Struct, frozen=True, kw_only=True):
    """A designated hospital or pharmacy of this region."""

    code: str
    name: str
    level: str
    opened: frozenset[str]
    """`med_type`s opened for cross-region settlement: networked is not opened (domain 3.6)."""


class TreatmentConfig(msgspec.Struct, frozen=True, kw_only=True):
    """What a treatment region is set up with."""

    code: str
    institutions: dict[str, InstitutionConfig]
    catalogue: Catalogue
    delta: DeltaAgreement | None = None
    """Set where the scenario lists the Delta exchange."""


class TreatmentState(NodeState, kw_only=True):
    """The treatment region's memory."""

    visits: dict[str, Visit] = {}
    units: dict[str, Unit] = {}
    cases: dict[str, Case] = {}
    effect_ids: dict[str, str] = {}
    """Institution's message id of a settlement or cancellation → case key."""
    tombstones: dict[str, bool] = {}
    """Message ids reversed before they came."""
    books: BooksState = msgspec.field(default_factory=BooksState)
    minted_day: str = ""
    minted_cases: int = 0
    desk: DeskState = msgspec.field(default_factory=DeskState)
