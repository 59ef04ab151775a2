"""The rows of a bundle, as folds of the nodes' states.

`cases.jsonl` has exactly one row per key and node that took part. The hub opens settlement
answers only, so what names a case to people (institution, visit, serial, person, insurance and
visit type) is filled in from the treatment region's row of the same key where a node does not
know it; money and state are always the node's own. Every sequence here is sorted, so that the
same states give the same bytes. Source: design 5.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from hashlib import sha256
from typing import Any

import msgspec

from yidi.nodes.agency import NoticeRow
from yidi.nodes.ledger import Posting
from yidi.nodes.lifecycle import INDOUBT, Case
from yidi.nodes.observed import ObservedNode

ROLES = ("treatment", "hub", "insured")
"""The nodes that keep cases, in the order of the rows of one key."""
OBSERVED = "observed"
"""`source` of the rows of a node that is somebody's own."""
_MONEY = ("total_fen", "fund_fen", "account_fen", "cash_fen", "hospital_fen")
_IDENTITY = ("institution", "visit", "batch", "person_no", "insutype", "med_type")


class CaseRow(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A row of cases.jsonl."""

    node: str
    key: str
    institution: str
    visit: str
    serial: str
    """Charge batch, or interim serial of a stay."""
    case_id: str | None
    """Id of the scripted case it belongs to."""
    psn_no: str
    treatment: str
    insured: str
    insutype: str
    med_type: str
    total_fen: int
    fund_fen: int
    funds: dict[str, int]
    """Fund pay type → fen."""
    account_fen: int
    cash_fen: int
    hospital_fen: int
    state: str
    day: str | None
    """The hub's accounting day of the settlement; null where the hub stamped none."""
    period: str | None
    batch: str | None
    digest: str
    """First 16 bytes of the SHA-256 of the settlement answer, hexadecimal; empty before."""
    source: str = "simulated"
    """`observed` for a node that is not ours."""


class PostingRow(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A row of postings.jsonl."""

    node: str
    seq: int
    key: str
    kind: str
    legs: list[tuple[str, int]]


class ClearingRow(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A row of clearing.jsonl: a closed batch."""

    period: str
    payer: str
    payee: str
    insutype: str
    hub: str
    batch: str
    count: int
    total_fen: int
    fund_fen: int
    funds: dict[str, int]
    account_fen: int
    adjust_fen: int
    payable_fen: int
    state: str


class Notice(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A row of notices.jsonl."""

    kind: str
    """`payment`, `collection`, `yellow`, `red`, `prefund`."""
    notice: str
    issuer: str
    day: str | None
    period: str | None
    payer: str
    payee: str
    insutype: str | None
    batch: str | None
    amount_fen: int
    amount: str
    """Yuan in figures."""
    amount_words: str
    """Yuan in Chinese capitals."""
    due_day: str | None
    granted_fen: int


class DifferenceRow(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A row of differences.jsonl."""

    hub: str
    day: str
    key: str
    kind: str
    treatment: str
    insured: str
    insutype: str | None
    states: dict[str, str]
    funds: dict[str, int]
    resolved_day: str | None


_encode = msgspec.json.Encoder().encode


def line_of(row: msgspec.Struct) -> bytes:
    """A row as its file holds it: one JSON object and a newline."""
    return _encode(row) + b"\n"


def digest_text(digest: bytes) -> str:
    """A content digest as rows write it."""
    return digest.hex()


def nodes_with(nodes: Mapping[str, Any], role: str) -> Iterator[Any]:
    """The nodes of a role, in address order."""
    for address in sorted(nodes):
        if address.startswith(role + ":"):
            yield nodes[address]


# ---------------------------------------------------------------------- cases


def case_rows(
    nodes: Mapping[str, Any], case_id_of: Callable[[str, str], str | None]
) -> Iterator[CaseRow]:
    """Every case at every node that took part, by key, then treatment region, hub, insured.

    Args:
        nodes: address → node.
        case_id_of: scripted case of an institution and its visit number.
    """
    held: dict[str, list[tuple[str, Case]]] = {}
    for role in ROLES:
        for node in nodes_with(nodes, role):
            for key, case in node.state.cases.items():
                held.setdefault(key, []).append((node.address, case))
    foreign = {address for address, node in nodes.items() if isinstance(node, ObservedNode)}
    for key in sorted(held):
        known = _identity(case for _, case in held[key])
        case_id = case_id_of(known["institution"], known["visit"])
        for address, case in held[key]:
            row = _case_row(address, case, known, case_id)
            yield msgspec.structs.replace(row, source=OBSERVED) if address in foreign else row


def _identity(cases: Iterable[Case]) -> dict[str, str]:
    """What the first node that knows it says of each name of a case."""
    known = dict.fromkeys(_IDENTITY, "")
    for case in cases:
        for name in _IDENTITY:
            known[name] = known[name] or getattr(case, name)
    return known


def _case_row(address: str, case: Case, known: dict[str, str], case_id: str | None) -> CaseRow:
    return CaseRow(
        node=address,
        key=case.key,
        institution=case.institution or known["institution"],
        visit=case.visit or known["visit"],
        serial=case.batch or known["batch"],
        case_id=case_id,
        psn_no=case.person_no or known["person_no"],
        treatment=case.treatment,
        insured=case.insured,
        insutype=case.insutype or known["insutype"],
        med_type=case.med_type or known["med_type"],
        total_fen=case.total_fen,
        fund_fen=case.fund_fen,
        funds=funds_of(case),
        account_fen=case.account_fen,
        cash_fen=case.cash_fen,
        hospital_fen=case.hospital_fen,
        state=case.state,
        day=case.day or None,
        period=case.period or None,
        batch=case.clearing_batch or None,
        digest=digest_text(case.digest),
    )


def funds_of(case: Case) -> dict[str, int]:
    """What each fund pays, by fund pay type; a type that stands twice is summed."""
    funds: dict[str, int] = {}
    for pay in sorted(case.funds, key=lambda one: one.fund_pay_type):
        funds[pay.fund_pay_type] = funds.get(pay.fund_pay_type, 0) + pay.fund_fen
    return funds


# ---------------------------------------------------------------------- money


def posting_row(address: str, posting: Posting) -> PostingRow:
    """A posting, as its file holds it."""
    return PostingRow(
        node=address, seq=posting.seq, key=posting.key, kind=posting.kind, legs=posting.legs
    )


def clearing_rows(nodes: Mapping[str, Any]) -> list[ClearingRow]:
    """The closed batches of all hubs, by period, payer, payee, insurance type and hub."""
    rows = [
        ClearingRow(
            period=batch.period,
            payer=batch.payer,
            payee=batch.payee,
            insutype=batch.insutype,
            hub=hub.address,
            batch=batch.batch,
            count=batch.count,
            total_fen=batch.total_fen,
            fund_fen=batch.fund_fen,
            funds=dict(sorted(batch.funds.items())),
            account_fen=batch.account_fen,
            adjust_fen=batch.adjust_fen,
            payable_fen=batch.payable_fen,
            state=batch.state,
        )
        for hub in nodes_with(nodes, "hub")
        for batch in hub.state.clearing.batches.values()
        if batch.is_closed
    ]
    return sorted(rows, key=lambda row: (row.period, row.payer, row.payee, row.insutype, row.hub))


def notice_rows(nodes: Mapping[str, Any]) -> list[Notice]:
    """Every notice that hubs and provinces issued, by day, kind and id."""
    issued: list[NoticeRow] = []
    for hub in nodes_with(nodes, "hub"):
        issued += hub.state.clearing.notices
        issued += hub.state.prefund.notices
    for province in nodes_with(nodes, "province"):
        issued += [row for row in province.state.notices if row.issuer == province.address]
    rows = [
        Notice(
            kind=row.kind,
            notice=row.notice,
            issuer=row.issuer,
            day=row.day or None,
            period=row.period or None,
            payer=row.payer,
            payee=row.payee,
            insutype=row.insutype or None,
            batch=row.batch or None,
            amount_fen=row.amount_fen,
            amount=row.amount,
            amount_words=row.amount_words,
            due_day=row.due_day or None,
            granted_fen=row.granted_fen,
        )
        for row in issued
    ]
    return sorted(rows, key=lambda row: (row.day or "", row.kind, row.notice))


def difference_rows(nodes: Mapping[str, Any]) -> list[DifferenceRow]:
    """The daily reconciliation differences of all hubs, by day and key."""
    rows = [
        DifferenceRow(
            hub=hub.address,
            day=found.day,
            key=found.key,
            kind=found.kind,
            treatment=found.treatment,
            insured=found.insured,
            insutype=found.insutype or None,
            states=dict(found.states),
            funds=dict(found.funds),
            resolved_day=found.resolved_day or None,
        )
        for hub in nodes_with(nodes, "hub")
        for found in hub.state.days.differences
    ]
    return sorted(rows, key=lambda row: (row.day, row.key, row.hub))


# ---------------------------------------------------------------------- sums over rows


def books_hash(rows: Iterable[CaseRow]) -> str:
    """A hash that is the same on every engine: what was settled for whom, and on which day.

    Over the sorted (institution, visit, serial, outcome, amounts, day) of the treatment
    regions' rows, one line each. CLEARED counts as SETTLED: how far a month's clearing got is
    no part of what was booked. Keys and message ids are left out, since they depend on time.
    """
    totals = Totals()
    for row in rows:
        totals.add(row)
    return totals.books_hash


def _books_line(row: CaseRow) -> str:
    amounts = (row.total_fen, row.fund_fen, row.account_fen, row.cash_fen, row.hospital_fen)
    names = (row.institution, row.visit, row.serial, _outcome(row.state))
    return "|".join((*names, *map(str, amounts), _funds_text(row.funds), row.day or ""))


def _outcome(state: str) -> str:
    return "SETTLED" if state == "CLEARED" else state


def _funds_text(funds: dict[str, int]) -> str:
    return ",".join(f"{name}={fen}" for name, fen in sorted(funds.items()))


class Totals:
    """Money and states over the rows of cases.jsonl, counted while they are written."""

    def __init__(self) -> None:
        self.states: dict[str, int] = {}
        """Cases by state at the treatment region."""
        self.money = dict.fromkeys(_MONEY, 0)
        """Money of the cases that stand, at the treatment region, by column."""
        self.rows = 0
        self._books: list[str] = []

    @property
    def books_hash(self) -> str:
        """See the function of that name."""
        return sha256("\n".join(sorted(self._books)).encode()).hexdigest()

    def add(self, row: CaseRow) -> None:
        """Count one row."""
        self.rows += 1
        if not row.node.startswith("treatment:"):
            return
        self._books.append(_books_line(row))
        self.states[row.state] = self.states.get(row.state, 0) + 1
        if row.state in ("SETTLED", "CLEARED") or (row.state == INDOUBT and row.digest):
            for name in _MONEY:
                self.money[name] += getattr(row, name)
