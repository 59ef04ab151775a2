"""What a province is set up with, and what it remembers."""

from __future__ import annotations

import msgspec

from yidi.nodes.agency import NoticeRow
from yidi.nodes.base import NodeState
from yidi.nodes.clearing_plan import ClearingCalendar
from yidi.protocol.messages_clearing import ClearingLine


class PaymentFailure(msgspec.Struct, frozen=True, kw_only=True):
    """A payment that fails at finance (state 9) so many times before it succeeds."""

    payee: str
    period: str = ""
    """Empty for any."""
    times: int = 1


class ProvincePlan(msgspec.Struct, frozen=True, kw_only=True):
    """What a province is set up with."""

    code: str
    """`340000`."""
    bank_fen: int | None = None
    """Opening balance of the finance account; None: it is never short of money."""
    prefunds: dict[str, int] = {}
    """Payer province → prefund it has placed here, fen."""
    calendar: ClearingCalendar = ClearingCalendar()
    payment_failures: tuple[PaymentFailure, ...] = ()


class ConfirmedTable(msgspec.Struct, kw_only=True):
    """A clearing table this province has confirmed."""

    digest: bytes
    revision: int
    period: str
    payer: str
    payee: str
    insutype: str
    payable_fen: int
    lines: list[ClearingLine]
    """By treatment and insured city."""
    notified: bool = False
    """Whether the month's notice has come: the table is final."""

    @property
    def debtor(self) -> str:
        """Who transfers money."""
        return self.payer if self.payable_fen >= 0 else self.payee


class Payment(msgspec.Struct, kw_only=True):
    """Something this province has to pay, and how far it has come."""

    notice: str
    purpose: str
    """`clearing` or `prefund`."""
    hub: str
    reference: str
    """Batch or alarm."""
    period: str
    payee: str
    insutype: str
    amount_fen: int
    due_day: str
    status: str = "due"
    """`due`, `sent` (in flight), `paid`, `failed` (finance state 9), `reported`."""
    attempts: int = 0
    report_day: str = ""
    """When the payment is fed back to the hub."""


class Collection(msgspec.Struct, kw_only=True):
    """Money this province is to receive for a batch."""

    notice: str
    hub: str
    payer: str
    amount_fen: int
    issued: str
    """Accounting day of the notice."""
    status: str = "due"
    """`due`, `received`, `reported`."""
    drawn_fen: int = 0
    """Taken from the payer's prefund meanwhile."""
    report_day: str = ""


class ProvinceState(NodeState, kw_only=True):
    """The province's memory."""

    days: dict[str, str] = {}
    """Hub → its accounting day, as far as it was told."""
    tables: dict[str, ConfirmedTable] = {}
    taken: dict[str, bytes] = {}
    """Notices, alarms and transfers by id → content digest: a repeat gets the same answer."""
    payments: dict[str, Payment] = {}
    """By notice."""
    collections: dict[str, Collection] = {}
    """By batch."""
    top_ups: dict[str, int] = {}
    """Top-up notices issued here and not yet paid → fen."""
    notices: list[NoticeRow] = []
    """What this province has issued itself: notices of an emergency top-up."""
