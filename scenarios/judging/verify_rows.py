"""Verify, first layer: the rows' arithmetic, with no node code.

Every line is read, written again and compared with itself, so that no byte of a row is loose.
Cases come sorted by key; the rows of one key are held against each other. Of each case little
more than its money is remembered, for the postings and the clearing rows that follow.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple, TypeVar

import msgspec

from yidi.protocol.chinese_money import chinese_capitals
from yidi.protocol.errors import ErrorCode, StoredDataError
from yidi.protocol.money import yuan
from yidi.protocol.regions import province_of
from yidi.scenarios.judging.rows import (
    OBSERVED,
    CaseRow,
    ClearingRow,
    Notice,
    PostingRow,
    Totals,
)
from yidi.scenarios.judging.verdicts import Tally, TallyBook

Row = TypeVar("Row", bound=msgspec.Struct)
LIVE = ("SETTLED", "CLEARED")
NO_EFFECT = ("NEW", "PRESETTLED", "REJECTED")
_STATES = (*LIVE, *NO_EFFECT, "REVERSED")
_ROLES = ("treatment", "hub", "insured")
_MONEY = ("total_fen", "fund_fen", "account_fen", "cash_fen", "hospital_fen")
_BATCH_STATES = ("CONFIRMED", "NOTIFIED", "PAID", "FAILED")
_FEN_MAX = 10**11


class Booked(NamedTuple):
    """What is remembered of one case at one node."""

    state: str
    funds: dict[str, int]
    account_fen: int
    batch: str | None
    day: str | None
    digest: str
    is_ours: bool = True
    """Whether its postings are written: the ledger of somebody's own node is not ours to see."""


class BatchSum:
    """What the hub's cases of a batch come to."""

    def __init__(self) -> None:
        self.count = self.total_fen = self.fund_fen = self.account_fen = 0
        self.funds: dict[str, int] = {}
        self.places: set[tuple[str, str, str, str]] = set()

    def add(self, row: CaseRow) -> None:
        """Count one cleared case."""
        self.count += 1
        self.total_fen += row.total_fen
        self.fund_fen += row.fund_fen
        self.account_fen += row.account_fen
        for fund, fen in row.funds.items():
            self.funds[fund] = self.funds.get(fund, 0) + fen
        period = row.period or ""
        places = (province_of(row.insured), province_of(row.treatment), row.insutype, period)
        self.places.add(places)


class RowFacts:
    """What the rows say, for the layers that follow."""

    def __init__(self) -> None:
        self.cases: dict[tuple[str, str], Booked] = {}
        """(Node, key) → case."""
        self.batches: dict[tuple[str, str], BatchSum] = {}
        """(Hub, batch) → sum of its cases."""
        self.clearing: dict[tuple[str, str], ClearingRow] = {}
        self.notices: list[Notice] = []
        self.totals = Totals()
        self.postings = 0
        self.legs: dict[tuple[str, str], list[tuple[str, list[tuple[str, int]]]]] = {}
        """(Node, key of a case) → its postings in order: kind and legs."""


def read_lines(folder: Path, name: str, kind: type[Row], tally: Tally) -> Iterator[tuple[int, Row]]:
    """The rows of a file with their line numbers; a line that is not its own row fails.

    Raises:
        StoredDataError: `E_BUNDLE` where the file cannot be read.
    """
    decode = msgspec.json.Decoder(kind).decode
    encode = msgspec.json.Encoder().encode
    try:
        with (folder / name).open("rb") as file:
            for number, line in enumerate(file, 1):
                tally.count += 1
                try:
                    row = decode(line)
                except (msgspec.MsgspecError, ValueError, RecursionError) as error:
                    tally.fail(f"{name}:{number}: {error}", node=name)
                    continue
                if encode(row) + b"\n" != line:
                    tally.fail(f"{name}:{number}: not as a row is written", node=name)
                yield number, row
    except OSError as error:
        raise StoredDataError(
            ErrorCode.E_BUNDLE, at=name, got=error.strerror or type(error).__name__
        ) from error


def check_rows(
    folder: Path, book: TallyBook, *, account_cleared: bool, interrupted: bool
) -> RowFacts:
    """Check all rows and return what they say.

    Raises:
        StoredDataError: `E_BUNDLE` where a file is missing.
    """
    facts = RowFacts()
    _check_cases(folder, book["ROWS-CASES"], facts, interrupted)
    _check_postings(folder, book["ROWS-POSTINGS"], facts)
    _check_clearing(folder, book["ROWS-CLEARING"], facts, account_cleared)
    _check_notices(folder, book["ROWS-NOTICES"], facts)
    return facts


# ---------------------------------------------------------------------- cases


def _check_cases(folder: Path, tally: Tally, facts: RowFacts, interrupted: bool) -> None:
    group: list[CaseRow] = []
    units: dict[tuple[str, str, str], str] = {}
    last = ("", -1)
    for number, row in read_lines(folder, "cases.jsonl", CaseRow, tally):
        place = (row.key, _rank(row.node))
        if place <= last:
            tally.fail(f"cases.jsonl:{number}: twice, or out of order", key=row.key, node=row.node)
        if group and group[0].key != row.key:
            _check_group(group, units, tally, interrupted)
            group = []
        last = place
        group.append(row)
        facts.totals.add(row)
        facts.cases[row.node, row.key] = Booked(
            row.state, row.funds, row.account_fen, row.batch, row.day, row.digest,
            row.source != OBSERVED,
        )  # fmt: skip
        if row.state == "CLEARED" and row.node.startswith("hub:") and row.batch:
            facts.batches.setdefault((row.node, row.batch), BatchSum()).add(row)
        for problem in _row_problems(row, interrupted):
            tally.fail(f"cases.jsonl:{number}: {problem}", key=row.key, node=row.node)
    if group:
        _check_group(group, units, tally, interrupted)


def _rank(node: str) -> int:
    role = node.partition(":")[0]
    return _ROLES.index(role) if role in _ROLES else len(_ROLES)


def _row_problems(row: CaseRow, interrupted: bool) -> Iterator[str]:
    amounts = [getattr(row, name) for name in _MONEY]
    if min(amounts) < 0 or max(amounts) > _FEN_MAX:
        yield "an amount is out of range"
    if row.total_fen != sum(amounts[1:]):
        yield f"total {row.total_fen} is not the sum {sum(amounts[1:])}"
    if row.fund_fen != sum(row.funds.values()):
        yield f"fund {row.fund_fen} is not the sum of {row.funds}"
    if row.state not in _STATES and not (interrupted and row.state == "INDOUBT"):
        yield f"state {row.state}"
    if row.state in NO_EFFECT and any(amounts):
        yield f"{row.state}, and money is booked"
    if row.state in LIVE and not (row.day and row.digest):
        yield f"{row.state} without day or digest"
    if (row.state == "CLEARED") != (row.batch is not None) or (row.period is None) != (
        row.batch is None
    ):
        yield f"{row.state} with batch {row.batch} and period {row.period}"
    codes = {"treatment": row.treatment, "insured": row.insured}
    role, _, code = row.node.partition(":")
    if codes.get(role, code) != code or role not in _ROLES:
        yield f"not a node of {row.treatment}/{row.insured}"


def _check_group(
    rows: list[CaseRow],
    units: dict[tuple[str, str, str], str],
    tally: Tally,
    interrupted: bool,
) -> None:
    """The rows of one key: who booked it booked the same; the outcome is one."""
    first = rows[0]
    booked = [row for row in rows if row.digest]
    said = {
        (*(getattr(row, name) for name in _MONEY), tuple(row.funds.items()), row.day, row.digest,
         row.insutype, row.institution, row.visit, row.serial)
        for row in booked
    }  # fmt: skip
    if len(said) > 1:
        tally.fail("the nodes booked it differently", key=first.key, node=first.node)
    outcomes = {
        "SETTLED" if row.state in LIVE else "none" if row.state in NO_EFFECT else row.state
        for row in rows
    }
    places = {(row.period, row.batch) for row in rows if row.state in LIVE}
    agreed = len(outcomes) == 1 or (outcomes == {"none", "REVERSED"} and not booked)
    if not interrupted and (not agreed or len(places) > 1):
        states = ", ".join(f"{row.node} {row.state}" for row in rows)
        tally.fail(f"outcomes differ: {states}", key=first.key, node=first.node)
    if any(row.state in LIVE for row in rows):
        unit = (first.institution, first.visit, first.serial)
        other = units.setdefault(unit, first.key)
        if other != first.key:
            tally.fail(f"its unit is live as {other}, too", key=first.key, node=first.node)


# ---------------------------------------------------------------------- postings


def _check_postings(folder: Path, tally: Tally, facts: RowFacts) -> None:
    sequences: dict[str, int] = {}
    for number, row in read_lines(folder, "postings.jsonl", PostingRow, tally):
        facts.postings += 1
        where = f"postings.jsonl:{number}"
        wanted = sequences.get(row.node, 0) + 1
        if row.seq != wanted:
            tally.fail(f"{where}: seq {row.seq}, expected {wanted}", key=row.key, node=row.node)
        sequences[row.node] = row.seq
        if sum(fen for _, fen in row.legs):
            tally.fail(f"{where}: legs do not sum to 0", key=row.key, node=row.node)
        if row.kind in ("SETTLE", "CANCEL", "REVERSE", "REINSTATE"):
            if (row.node, row.key) not in facts.cases:
                tally.fail(f"{where}: {row.kind} of no case", key=row.key, node=row.node)
            facts.legs.setdefault((row.node, row.key), []).append((row.kind, row.legs))
        elif row.kind == "ADJUST":
            booked = facts.cases.get((row.node, row.key))
            if booked is None or booked.state != "CLEARED":
                facts_said = f"{where}: ADJUST of what is not cleared"
                tally.fail(facts_said, key=row.key, node=row.node)
        elif row.kind not in ("PREFUND", "CLEAR"):
            tally.fail(f"{where}: kind {row.kind}", key=row.key, node=row.node)
    for (node, key), case in facts.cases.items():
        if not case.is_ours:
            continue
        for problem in _posting_problems(case, facts.legs.get((node, key), [])):
            tally.fail(problem, key=key, node=node)


def _posting_problems(
    case: Booked, postings: list[tuple[str, list[tuple[str, int]]]]
) -> Iterator[str]:
    """A case's postings: one SETTLE with its amounts, mirrored undoings, and what stands."""
    kinds = [kind for kind, _ in postings]
    standing = False
    settled: list[tuple[str, int]] = []
    for kind, legs in postings:
        books = kind in ("SETTLE", "REINSTATE")
        if books == standing:
            yield f"{kind} out of turn in {kinds}"
        standing = books
        if kind == "SETTLE":
            settled = legs
            yield from _leg_problems(case, legs)
        elif legs != (settled if books else [(name, -fen) for name, fen in settled]):
            yield f"{kind} does not mirror its SETTLE"
    if kinds.count("SETTLE") > 1 or kinds.count("REVERSE") > 1:
        yield f"booked twice: {kinds}"
    in_doubt = case.state == "INDOUBT"
    if standing != (case.state in LIVE) and not in_doubt:
        yield f"{case.state}, and the postings are {kinds}"
    if bool(case.digest) != bool(kinds):
        yield f"digest {case.digest or 'empty'}, and the postings are {kinds}"


def _leg_problems(case: Booked, legs: list[tuple[str, int]]) -> Iterator[str]:
    """Each fund and the personal account, with one sign, against one counterparty."""
    funds = {name[5:]: fen for name, fen in legs if name.startswith("fund:")}
    account = sum(fen for name, fen in legs if name == "account")
    signs = [1, -1]
    if not any(
        funds == {name: sign * fen for name, fen in case.funds.items()}
        and account == sign * case.account_fen
        for sign in signs
    ):
        yield f"SETTLE {legs} does not book {case.funds} and {case.account_fen}"
    others = [name for name, _ in legs if not name.startswith("fund:") and name != "account"]
    if len(others) > 1:
        yield f"SETTLE against {others}"


# ---------------------------------------------------------------------- clearing, notices


def _check_clearing(folder: Path, tally: Tally, facts: RowFacts, account_cleared: bool) -> None:
    seen: set[tuple[str, str, str, str, str]] = set()
    for number, row in read_lines(folder, "clearing.jsonl", ClearingRow, tally):
        facts.clearing[row.hub, row.batch] = row
        group = (row.period, row.payer, row.payee, row.insutype, row.hub)
        problems = list(_clearing_problems(row, facts, account_cleared))
        if group in seen:
            problems.append("a second row of its group")
        seen.add(group)
        for problem in problems:
            tally.fail(f"clearing.jsonl:{number}: {problem}", key=row.batch, node=row.hub)
    for hub, batch in facts.batches:
        if (hub, batch) not in facts.clearing:
            tally.fail("cases are cleared in it, and it has no row", key=batch, node=hub)


def _clearing_problems(row: ClearingRow, facts: RowFacts, account_cleared: bool) -> Iterator[str]:
    real = facts.batches.get((row.hub, row.batch), BatchSum())
    account = real.account_fen if account_cleared else 0
    wanted = (real.count, real.total_fen, real.fund_fen, account)
    said = (row.count, row.total_fen, row.fund_fen, row.account_fen)
    if wanted != said or dict(sorted(real.funds.items())) != row.funds:
        yield f"says {said} {row.funds}, its cases come to {wanted} {real.funds}"
    if sum(row.funds.values()) != row.fund_fen:
        yield "the funds do not sum to fund_fen"
    if row.payable_fen != row.fund_fen + row.account_fen + row.adjust_fen:
        yield f"payable {row.payable_fen} is not fund + account + adjustments"
    if real.places - {(row.payer, row.payee, row.insutype, row.period)}:
        yield f"cases of other places: {sorted(real.places)}"
    if row.state not in _BATCH_STATES:
        yield f"state {row.state}"


def _check_notices(folder: Path, tally: Tally, facts: RowFacts) -> None:
    told: dict[str, list[tuple[str, int]]] = {}
    for number, row in read_lines(folder, "notices.jsonl", Notice, tally):
        facts.notices.append(row)
        if row.amount != yuan(row.amount_fen) or row.amount_words != chinese_capitals(
            row.amount_fen
        ):
            facts_said = f"{row.amount_fen} fen is not {row.amount} {row.amount_words}"
            tally.fail(f"notices.jsonl:{number}: {facts_said}", key=row.notice, node=row.issuer)
        if row.kind in ("payment", "collection") and row.batch is not None:
            told.setdefault(row.batch, []).append((row.kind, row.amount_fen))
    by_batch: Mapping[str, ClearingRow] = {row.batch: row for row in facts.clearing.values()}
    for batch, notices in told.items():
        found = by_batch.get(batch)
        due = abs(found.payable_fen) if found is not None else None
        if sorted(notices) != [("collection", due), ("payment", due)]:
            tally.fail(f"payable {due}, notices {sorted(notices)}", key=batch)
    for batch, closed in by_batch.items():
        issued = closed.state in ("NOTIFIED", "PAID", "FAILED") and closed.payer != closed.payee
        if issued and closed.payable_fen and batch not in told:
            tally.fail(f"{closed.state}, and no notice went out", key=batch, node=closed.hub)
