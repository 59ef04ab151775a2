"""The money of one case along its messages: what the bill splits into, and what has moved.

A `Snapshot` is what the picture shows beside a message. A pre-settlement fills the bar but moves
nothing; what moved stands in `ledger` as before and now. The amounts are those of the messages.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from yidi.protocol import messages as m
from yidi.protocol import messages_clearing as c
from yidi.protocol import transactions as t
from yidi.protocol.codes import national_fund
from yidi.protocol.regions import province_of
from yidi.protocol.transactions import Kind
from yidi.scenarios.judging.chain import Chain, Hop, Mark
from yidi.scenarios.judging.explain import is_sure
from yidi.scenarios.judging.explain_facts import fund_name
from yidi.scenarios.judging.party_names import place_name

Pair = tuple[str, str]
Phase = Literal[
    "none", "bill", "scope", "trial", "doubt", "settled", "refused", "undone", "cleared", "paid"
]


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One segment of the bar."""

    kind: str
    """Chooses the colour: `fund`, `account`, `cash`, `hospital`, `scope`, `own`, `bill`."""
    name: Pair
    fen: int


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One amount before the case and now."""

    name: Pair
    before_fen: int
    now_fen: int


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """The money at one message."""

    phase: Phase
    total_fen: int = 0
    parts: tuple[Part, ...] = ()
    ledger: tuple[Line, ...] = ()


class _Book(msgspec.Struct, kw_only=True):
    """What an onlooker knows of one case key's money."""

    phase: Phase = "none"
    total_fen: int = 0
    parts: tuple[Part, ...] = ()
    result: m.SettlementResult | None = None
    moved: bool = False
    cash_paid: bool = False
    paid_fen: int = 0


def snapshots_along(chain: Chain) -> list[Snapshot]:
    """The money after each hop; of the newest case, where a visit has several."""
    fold = _Fold(chain)
    return [fold.after(hop) for hop in chain.hops]


class _Fold:
    def __init__(self, chain: Chain) -> None:
        self.books: dict[str, _Book] = {}
        self.key = ""
        self.balance_fen: int | None = None
        chosen = chain.selection
        self.insured, self.treatment = chosen.insured, chosen.treatment

    def after(self, hop: Hop) -> Snapshot:
        """Take one hop in and show the money."""
        key = hop.origin.case_key if hop.origin is not None else ""
        if key and key != self.key:
            self.books.setdefault(key, self.books.pop("", _Book()))
            self.key = key
        book = self.books.setdefault(self.key, _Book())
        if hop.origin is not None and self._is_new_fee(hop, book):
            self.key, book = "", self.books.setdefault("", _Book())
        if hop.origin is not None:
            self._read(hop, book)
        return Snapshot(
            phase=book.phase,
            total_fen=book.total_fen,
            parts=book.parts,
            ledger=self._ledger(book),
        )

    def _is_new_fee(self, hop: Hop, book: _Book) -> bool:
        """A further charge batch of the same visit begins its own bill."""
        return hop.transaction in t.FEE_UPLOADS and book.phase not in ("none", "bill", "scope")

    def _read(self, hop: Hop, book: _Book) -> None:
        body = hop.body
        if isinstance(body, m.EligibilityResult) and self.balance_fen is None:
            self.balance_fen = sum(one.balance_fen for one in body.insurances)
        elif isinstance(body, m.FeeUploadRequest):
            book.phase = "bill" if book.phase == "none" else book.phase
            book.total_fen = max(book.total_fen, sum(line.amount_fen for line in body.lines))
            book.parts = book.parts or (_part("bill", ("账单", "bill"), book.total_fen),)
        elif isinstance(body, m.FeeUploadResult):
            book.phase, book.total_fen, book.parts = "scope", body.total_fen, _scope(body)
        elif isinstance(body, m.SettlementResult):
            self._on_settlement_result(hop, body, book)
        elif isinstance(body, m.Rejection):
            self._on_refusal(hop, body, book)
        elif isinstance(body, m.SettlementRequest):
            if hop.transaction in t.SETTLEMENTS and hop.sender.startswith("treatment:"):
                book.phase = "doubt" if not book.moved else book.phase
        else:
            _on_undoing(body, book)
            _on_clearing(hop, body, book)

    def _on_settlement_result(self, hop: Hop, body: m.SettlementResult, book: _Book) -> None:
        book.total_fen, book.parts, book.result = body.total_fen, _split(body), body
        if hop.transaction in t.PRE_SETTLEMENTS:
            book.phase = "trial"
            return
        if hop.mark in (Mark.FIRST, Mark.LOST):
            book.phase, book.moved = "settled", True
        if hop.outside:
            book.cash_paid = True

    def _on_refusal(self, hop: Hop, body: m.Rejection, book: _Book) -> None:
        tries = hop.transaction in t.PRE_SETTLEMENTS or hop.transaction in t.SETTLEMENTS
        if tries and not book.moved:
            book.phase = "refused" if is_sure(body) else "doubt"

    def _ledger(self, book: _Book) -> tuple[Line, ...]:
        result = book.result
        if result is None:
            return ()
        before = result.balance_fen + result.account_fen
        insured, treatment = self.insured, self.treatment
        payer = [place_name(province_of(insured), language) for language in ("zh", "en")]
        payee = [place_name(province_of(treatment), language) for language in ("zh", "en")]
        moved = book.moved
        lines = [
            Line(
                name=("个人账户余额", "personal account"),
                before_fen=before,
                now_fen=result.balance_fen if moved else before,
            ),
            Line(
                name=(f"{payer[0]}欠{payee[0]}（基金）", f"{payer[1]} owes {payee[1]} (funds)"),
                before_fen=0,
                now_fen=result.fund_fen - book.paid_fen if moved else 0,
            ),
            Line(
                name=("患者付现金", "cash from the patient"),
                before_fen=0,
                now_fen=result.cash_fen if moved and book.cash_paid else 0,
            ),
        ]
        if book.paid_fen:
            paid = (f"{payer[0]}已付{payee[0]}", f"{payer[1]} has paid {payee[1]}")
            lines.append(Line(name=paid, before_fen=0, now_fen=book.paid_fen))
        return tuple(lines)


def _on_undoing(body: msgspec.Struct | None, book: _Book) -> None:
    undone = isinstance(body, m.CancellationResult) or (
        isinstance(body, m.ReversalResult) and body.outcome in ("reversed", "nothing", "rejected")
    )
    if undone:
        book.phase, book.moved, book.cash_paid = "undone", False, False
    elif isinstance(body, m.ReversalResult) and body.outcome == "reinstated":
        book.phase, book.moved = "settled", True
    elif isinstance(body, m.StatusResult) and body.settlement:
        book.phase, book.moved, book.cash_paid = "settled", True, True


def _on_clearing(hop: Hop, body: msgspec.Struct | None, book: _Book) -> None:
    if not book.moved:
        return
    if isinstance(body, c.ClearingClose) and hop.kind == Kind.REQUEST:
        book.phase = "cleared"
    elif isinstance(body, c.FundTransfer) and body.purpose == "clearing":
        book.phase = "paid"
        book.paid_fen = book.result.fund_fen if book.result is not None else 0


def _part(kind: str, name: Pair, fen: int) -> Part:
    return Part(kind=kind, name=name, fen=fen)


def _scope(body: m.FeeUploadResult) -> tuple[Part, ...]:
    """The bill by the treatment region's catalogue."""
    parts = (
        _part("scope", ("符合政策范围", "in scope"), body.in_scope_fen),
        _part("own1", ("先行自付", "paid first"), body.prepay_fen),
        _part("own2", ("超限价", "above price limits"), body.over_limit_fen),
        _part("own3", ("全自费", "outside the catalogue"), body.full_self_fen),
    )
    return tuple(part for part in parts if part.fen)


def _split(body: m.SettlementResult) -> tuple[Part, ...]:
    """The bill by who pays."""
    parts = [
        _part(
            f"fund{min(number, 3)}",
            (_fund(pay.fund_pay_type, "zh"), _fund(pay.fund_pay_type, "en")),
            pay.fund_fen,
        )
        for number, pay in enumerate(body.funds, 1)
    ]
    parts += [
        _part("account", ("个人账户", "personal account"), body.account_fen),
        _part("cash", ("患者现金", "cash"), body.cash_fen),
        _part("hospital", ("医院负担", "hospital"), body.hospital_fen),
    ]
    return tuple(part for part in parts if part.fen)


def _fund(code: str, language: str) -> str:
    return f"{fund_name(code, language)} {national_fund(code)}"
