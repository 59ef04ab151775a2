"""An institution's statements, compared with the region's books: 3201 totals, 3202 details.

The region answers from its own books: which side has more, or that amounts differ. A detailed
statement comes as a file (9101) and is answered by a file with one row per settlement, refund
rows negative. Source: interface (c) 3201, 3202.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from yidi.nodes.institution_files import unzipped, zipped
from yidi.nodes.institution_state import Entry, entries, institution_of, is_of_kind, is_span, once
from yidi.protocol import transactions as t
from yidi.protocol.codes import check_code
from yidi.protocol.envelope import Envelope
from yidi.protocol.errors import DecodeError, ErrorCode, RemoteProtocolError
from yidi.protocol.instants import Instant
from yidi.protocol.messages import CancellationResult
from yidi.protocol.messages_institution import (
    FILE_BYTES_MAX,
    DetailReconciliation,
    TotalsReconciliation,
    TotalsReconciliationResult,
)
from yidi.protocol.money import parse_yuan, yuan

if TYPE_CHECKING:
    from yidi.nodes.institution_files import Files
    from yidi.nodes.treatment_region import TreatmentRegion

LEVEL, REGION_MORE, INSTITUTION_MORE, DIFFERENT = "0", "1", "2", "3"
"""`stmt_rslt`: 对平, 中心多, 医药机构多, 数据不一致."""
ROWS_MAX = 5_000
COLUMNS = 7
_MEMO = {
    LEVEL: "对平", REGION_MORE: "中心多", INSTITUTION_MORE: "医药机构多", DIFFERENT: "数据不一致",
}  # fmt: skip


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One settlement or refund, as either side has it; refunds are negative."""

    settlement: str
    visit: str
    person_no: str
    total_fen: int
    fund_fen: int
    account_fen: int
    refund: bool
    message_id: str = ""

    @property
    def said(self) -> tuple[str, str, int, int, int]:
        """What both sides must agree on."""
        return self.visit, self.person_no, self.total_fen, self.fund_fen, self.account_fen


class Statements:
    """The statements desk of a treatment region."""

    def __init__(self, region: TreatmentRegion, files: Files) -> None:
        self.region, self.files = region, files
        region.requests[t.TOTALS_RECONCILIATION] = once(region, self._on_totals)
        region.requests[t.DETAIL_RECONCILIATION] = once(region, self._on_details)

    def _on_totals(
        self, envelope: Envelope, body: TotalsReconciliation, now: Instant
    ) -> list[Envelope]:
        region, institution = self.region, institution_of(envelope)
        problem = self._problem(institution, body)
        if problem is not None:
            return region.refuse(envelope, problem[0], now, at=problem[1])
        found = [
            entry
            for entry in self._entries(institution, body)
            if entry.case.insutype == body.insutype
        ]
        count = len(found)
        total, fund, account = (
            sum(entry.sign * getattr(entry.case, name) for entry in found)
            for name in ("total_fen", "fund_fen", "account_fen")
        )
        theirs = (body.total_fen, body.fund_fen, body.account_fen)
        result = TotalsReconciliationResult(
            office=region.code,
            result=compared(count, body.count, level=(total, fund, account) == theirs),
            count=count,
            total_fen=total,
            fund_fen=fund,
            account_fen=account,
        )
        return region.answer(envelope, result, now)

    def _problem(
        self, institution: str, body: TotalsReconciliation | DetailReconciliation
    ) -> tuple[ErrorCode, str] | None:
        """What is wrong with a statement's head."""
        if institution not in self.region.config.institutions:
            return ErrorCode.E_INSTITUTION_UNKNOWN, "$"
        if body.office != self.region.code:
            return ErrorCode.E_NOT_MINE, "$.office"
        if not is_span(body.begin, body.end):
            return ErrorCode.E_DATE, "$.end"
        try:
            if body.clr_type:
                check_code("clr_type", body.clr_type)
        except RemoteProtocolError:
            return ErrorCode.E_CODE, "$.clr_type"
        return None

    def _entries(
        self, institution: str, body: TotalsReconciliation | DetailReconciliation
    ) -> list[Entry]:
        cases = self.region.state.cases
        span = entries(cases, institution, body.begin, body.end, refunds=body.refunds)
        return [entry for entry in span if is_of_kind(entry.case, body.clr_type)]

    # ------------------------------------------------------------- row by row

    def _on_details(
        self, envelope: Envelope, body: DetailReconciliation, now: Instant
    ) -> list[Envelope]:
        region, institution = self.region, institution_of(envelope)
        problem = self._problem(institution, body)
        if problem is not None:
            return region.refuse(envelope, problem[0], now, at=problem[1])
        sent = self.files.find(institution, body.file_no, now)
        if sent is None:
            return region.refuse(envelope, ErrorCode.E_NOT_FOUND, now, at="$.file_no")
        try:
            theirs = read_rows(unzipped(sent.content))
        except RemoteProtocolError as error:
            facts = error.got or error.want or str(error.limit or "")
            return region.refuse(envelope, error.code, now, at="$.file_no", facts=facts)
        sums = [sum(getattr(row, name) for row in theirs) for name in ("total_fen", "fund_fen")]
        if [body.total_fen, body.fund_fen] != sums or body.count != len(theirs):
            return region.refuse(envelope, ErrorCode.E_ITEM_SUM, now, at="$.total_fen")
        name = f"stmt_{body.begin}_{body.end}.txt"
        content = zipped(name, written(self._own_rows(institution, body), theirs))
        if len(content) > FILE_BYTES_MAX:
            return region.refuse(envelope, ErrorCode.E_TOO_MANY_ITEMS, now, at="$.file_no")
        if self.files.is_full(now):
            return region.refuse(envelope, ErrorCode.E_BUSY, now)
        # From here the operation succeeds.
        return region.answer(
            envelope, self.files.keep(institution, f"{name}.zip", content, now), now
        )

    def _own_rows(self, institution: str, body: DetailReconciliation) -> list[Row]:
        found = self._entries(institution, body)
        messages: dict[str, list[str]] = {entry.case.key: [] for entry in found}
        for message_id, key in self.region.state.effect_ids.items():
            if key in messages:
                messages[key].append(message_id)
        # A case's first effect is its settlement; the last one is what took it back.
        return [
            _row_of(entry, messages[entry.case.key][0 if entry.sign > 0 else -1]) for entry in found
        ]


def compared(ours: int, theirs: int, *, level: bool) -> str:
    """Who has more settlements; where both have as many, whether the amounts agree."""
    if ours != theirs:
        return REGION_MORE if ours > theirs else INSTITUTION_MORE
    return LEVEL if level else DIFFERENT


def _row_of(entry: Entry, message_id: str) -> Row:
    case, sign = entry
    settlement = case.settlement_id
    if sign < 0 and case.cancel_answer:
        undone = msgspec.msgpack.decode(case.cancel_answer, type=CancellationResult)
        settlement = undone.settlement_id
    return Row(
        settlement=settlement,
        visit=case.visit,
        person_no=case.person_no,
        total_fen=sign * case.total_fen,
        fund_fen=sign * case.fund_fen,
        account_fen=sign * case.account_fen,
        refund=sign < 0,
        message_id=message_id,
    )


def read_rows(plain: bytes) -> list[Row]:
    """The rows of an institution's file: seven columns a line, between tabulators.

    Raises:
        DecodeError: `E_DECODE` with the line, `E_AMOUNT`, `E_TOO_MANY_ITEMS`.
    """
    try:
        lines = plain.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise DecodeError(ErrorCode.E_DECODE, want="UTF-8") from None
    if len(lines) > ROWS_MAX:
        raise DecodeError(ErrorCode.E_TOO_MANY_ITEMS, limit=ROWS_MAX)
    return [_read_row(line, number) for number, line in enumerate(lines, 1) if line]


def _read_row(line: str, number: int) -> Row:
    columns = line.split("\t")
    if len(columns) != COLUMNS or columns[6] not in ("0", "1", ""):
        raise DecodeError(ErrorCode.E_DECODE, got=f"line {number}", want=f"{COLUMNS} columns")
    at = f"line {number}"
    total, fund, account = (_signed(text, at) for text in columns[3:6])
    return Row(
        settlement=columns[0],
        visit=columns[1],
        person_no=columns[2],
        total_fen=total,
        fund_fen=fund,
        account_fen=account,
        refund=columns[6] == "1",
    )


def _signed(text: str, at: str) -> int:
    fen = parse_yuan(text.removeprefix("-"), at)
    return -fen if text.startswith("-") else fen


def written(ours: list[Row], theirs: list[Row]) -> bytes:
    """The result file: every row of either side, and how the two compare."""
    known = {(row.settlement, row.refund): row for row in ours}
    told = {(row.settlement, row.refund): row for row in theirs}
    lines = []
    for place in sorted({**known, **told}):
        mine, other = known.get(place), told.get(place)
        row = mine or other
        assert row is not None
        level = mine is not None and other is not None and mine.said == other.said
        result = compared(mine is not None, other is not None, level=level)
        lines.append("\t".join(_columns(row, result)))
    return "".join(f"{line}\n" for line in lines).encode()


def _columns(row: Row, result: str) -> tuple[str, ...]:
    return (
        row.person_no, row.visit, row.settlement, row.message_id, result,
        "1" if row.refund else "0", _MEMO[result], yuan(row.total_fen), yuan(row.fund_fen),
        yuan(row.account_fen),
    )  # fmt: skip
