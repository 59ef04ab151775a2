"""An institution's side of clearing: 3203, 3204, and the allocation of 3260 to 3262.

An application (3203) is compared with the region's books, and holds the settlements it counts:
they cannot be cancelled until it is withdrawn (3204) or they are cleared. By 3261 an institution
says which settlements a month's clearing is to take; the region tells the hub of those that are
put off, which defers them a month. Shapes of 3260 to 3262 are those of the in-province interface,
used across provinces here. Source: interface (b) flows, (c).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from yidi.nodes.agency import is_period
from yidi.nodes.institution_state import (
    Application,
    Confirmation,
    entries,
    institution_of,
    is_month_span,
    is_of_kind,
    once,
)
from yidi.nodes.lifecycle import CLEARED, INDOUBT, LIVE, SETTLED, Case
from yidi.protocol import transactions as t
from yidi.protocol.codes import check_code
from yidi.protocol.digests import content_digest
from yidi.protocol.envelope import Envelope
from yidi.protocol.errors import ErrorCode, RemoteProtocolError
from yidi.protocol.instants import Instant
from yidi.protocol.messages import Accepted, SettlementResult
from yidi.protocol.messages_institution import (
    PAGE_ROWS,
    ClearingAllocationConfirmation,
    ClearingAllocationQuery,
    ClearingAllocationResult,
    ClearingAllocationRollback,
    ClearingAllocationRow,
    ClearingApplication,
    ClearingApplicationWithdrawal,
)

if TYPE_CHECKING:
    from yidi.nodes.treatment_region import TreatmentRegion

WHOLE_MONTH = "0"
"""`otransid` of 3262 that names every confirmation of a month."""
_SUMS = ("total_fen", "fund_fen", "cash_fen", "account_fen")


class ClearingDesk:
    """The clearing desk of a treatment region."""

    def __init__(self, region: TreatmentRegion) -> None:
        self.region = region
        for transaction, handler in (
            (t.CLEARING_APPLICATION, self._on_application),
            (t.CLEARING_APPLICATION_WITHDRAWAL, self._on_withdrawal),
            (t.ALLOCATION_CONFIRMATION, self._on_confirmation),
            (t.ALLOCATION_ROLLBACK, self._on_rollback),
        ):
            region.requests[transaction] = once(region, handler)
        region.requests[t.ALLOCATION_QUERY] = self._on_query

    # ------------------------------------------------------------- the application

    def _on_application(
        self, envelope: Envelope, body: ClearingApplication, now: Instant
    ) -> list[Envelope]:
        region, institution = self.region, institution_of(envelope)
        problem = self._problem(institution, body)
        if problem is not None:
            return region.refuse(envelope, problem[0], now, at=problem[1])
        digest = content_digest(envelope.body)
        for name, one in region.state.desk.applications.items():
            same = (one.institution, one.clr_type, one.period) == (
                institution, body.clr_type, body.period,
            )  # fmt: skip
            if same and not one.withdrawn:
                if one.digest != digest:
                    return region.refuse(envelope, ErrorCode.E_KEY_REUSED, now, at="$.period")
                return region.answer(envelope, Accepted(reference=name), now)
        cases = self._applied_for(institution, body)
        if any(case.state == INDOUBT for case in cases):
            return region.refuse(envelope, ErrorCode.E_OUTSTANDING, now)
        differing = _differing(cases, body)
        if differing is not None:
            code = ErrorCode.E_CLEARING_MISMATCH
            return region.refuse(envelope, code, now, at=f"$.{differing[0]}", facts=differing[1])
        # From here the operation succeeds.
        name = region.mint(now)
        keys = [case.key for case in cases]
        region.state.desk.applications[name] = Application(
            institution=institution, clr_type=body.clr_type, period=body.period, digest=digest,
            keys=keys,
        )  # fmt: skip
        applied = {case.key: name for case in cases if case.state == SETTLED}
        region.books.state.applied.update(applied)
        return region.answer(envelope, Accepted(reference=name), now)

    def _problem(self, institution: str, body: ClearingApplication) -> tuple[ErrorCode, str] | None:
        if institution not in self.region.config.institutions:
            return ErrorCode.E_INSTITUTION_UNKNOWN, "$"
        if body.office not in ("", self.region.code):
            return ErrorCode.E_NOT_MINE, "$.office"
        if not is_month_span(body.period, body.begin, body.end):
            return ErrorCode.E_DATE, "$.end"
        try:
            check_code("clr_type", body.clr_type)
        except RemoteProtocolError:
            return ErrorCode.E_CODE, "$.clr_type"
        return None

    def _applied_for(self, institution: str, body: ClearingApplication) -> list[Case]:
        """The settlements of the span that stand, or whose undoing is in doubt."""
        span = entries(
            self.region.state.cases, institution, body.begin, body.end, refunds=False
        )  # fmt: skip
        return [entry.case for entry in span if is_of_kind(entry.case, body.clr_type)]

    def _on_withdrawal(
        self, envelope: Envelope, body: ClearingApplicationWithdrawal, now: Instant
    ) -> list[Envelope]:
        region = self.region
        application = region.state.desk.applications.get(body.application)
        if application is None or application.institution != institution_of(envelope):
            return region.refuse(envelope, ErrorCode.E_NOT_FOUND, now, at="$.application")
        books, cases = region.books.state, region.state.cases
        begun = any(cases[key].state == CLEARED or key in books.held for key in application.keys)
        if begun and not application.withdrawn:
            return region.refuse(envelope, ErrorCode.E_CLEARED, now, at="$.application")
        # From here the operation succeeds.
        application.withdrawn = True
        for key in application.keys:
            if books.applied.get(key) == body.application:
                del books.applied[key]
        return region.answer(envelope, Accepted(reference=body.application), now)

    # ------------------------------------------------------------- the allocation

    def _on_query(
        self, envelope: Envelope, body: ClearingAllocationQuery, now: Instant
    ) -> list[Envelope]:
        region, institution = self.region, institution_of(envelope)
        if institution not in region.config.institutions:
            return region.refuse(envelope, ErrorCode.E_INSTITUTION_UNKNOWN, now)
        if not is_period(body.period):
            return region.refuse(envelope, ErrorCode.E_DATE, now, at="$.period")
        put_off = region.books.state.put_off
        waiting = [
            self._row(case, included=put_off.get(case.key) != body.period)
            for case in region.state.cases.values()
            if case.institution == institution
            and case.state == SETTLED
            and case.day[:7] == body.period
        ]
        first = body.start - 1
        rows = waiting[first : first + PAGE_ROWS]
        return region.answer(envelope, ClearingAllocationResult(period=body.period, rows=rows), now)

    def _row(self, case: Case, *, included: bool) -> ClearingAllocationRow:
        return ClearingAllocationRow(
            key=case.key,
            visit=case.visit,
            person_no=case.person_no,
            day=case.day,
            total_fen=case.total_fen,
            fund_fen=case.fund_fen,
            included=included,
        )

    def _on_confirmation(
        self, envelope: Envelope, body: ClearingAllocationConfirmation, now: Instant
    ) -> list[Envelope]:
        region, institution = self.region, institution_of(envelope)
        if not is_period(body.period):
            return region.refuse(envelope, ErrorCode.E_DATE, now, at="$.period")
        for number, row in enumerate(body.rows):
            problem = self._row_problem(institution, body.period, row)
            if problem is not None:
                at = f"$.rows[{number}].{problem[1]}"
                return region.refuse(envelope, problem[0], now, at=at)
        # From here the operation succeeds.
        put_off = region.books.state.put_off
        for row in body.rows:
            if row.included:
                put_off.pop(row.key, None)
            else:
                put_off[row.key] = body.period
        region.state.desk.confirmations[body.reference] = Confirmation(
            institution=institution,
            period=body.period,
            put_off=[row.key for row in body.rows if not row.included],
        )
        return region.answer(envelope, Accepted(reference=body.reference), now)

    def _row_problem(
        self, institution: str, period: str, row: ClearingAllocationRow
    ) -> tuple[ErrorCode, str] | None:
        case = self.region.state.cases.get(row.key)
        if case is None or case.institution != institution or case.day[:7] != period:
            return ErrorCode.E_NOT_FOUND, "key"
        if case.state == CLEARED or case.key in self.region.books.state.held:
            return ErrorCode.E_CLEARED, "key"
        if case.state != SETTLED:
            return ErrorCode.E_NOT_SETTLED, "key"
        if (case.total_fen, case.fund_fen) != (row.total_fen, row.fund_fen):
            return ErrorCode.E_CLEARING_MISMATCH, "fund_fen"
        return None

    def _on_rollback(
        self, envelope: Envelope, body: ClearingAllocationRollback, now: Instant
    ) -> list[Envelope]:
        region, institution = self.region, institution_of(envelope)
        known = region.state.desk.confirmations
        chosen = [
            name
            for name, one in known.items()
            if (one.institution, one.period) == (institution, body.period)
            and body.reference in (WHOLE_MONTH, name)
        ]
        if not chosen and body.reference != WHOLE_MONTH:
            return region.refuse(envelope, ErrorCode.E_NOT_FOUND, now, at="$.reference")
        # From here the operation succeeds.
        put_off = region.books.state.put_off
        for name in chosen:
            for key in known.pop(name).put_off:
                if put_off.get(key) == body.period:
                    del put_off[key]
        return region.answer(envelope, Accepted(reference=body.reference), now)


def _differing(cases: list[Case], body: ClearingApplication) -> tuple[str, str] | None:
    """The first number of an application that is not the books', and what they say."""
    ours = {"persons": sum(1 for case in cases if case.state in LIVE)}
    for name in _SUMS:
        ours[name] = sum(getattr(case, name) for case in cases)
    ours["accepted_fen"] = sum(_in_scope_fen(case) for case in cases)
    for name, value in ours.items():
        if getattr(body, name) != value:
            return name, str(value)
    return None


def _in_scope_fen(case: Case) -> int:
    return msgspec.msgpack.decode(case.answer, type=SettlementResult).in_scope_fen
