"""Visits and fee lines at the treatment region: opening, ending, uploading, splitting.

2201, 2202, 2401, 2402, 2404 and 2405 stay between the institution and its region. Fee lines
(2204, 2301) are split by the region's own catalogue and go on to the insured region, which is
asked to accept them before the institution gets its answer. Source: interface (b), flows.
"""

from __future__ import annotations

from sys import intern
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from yidi.nodes.catalogue import LineProblem, check_lines, split_lines
from yidi.nodes.institution_state import institution_of, once
from yidi.nodes.lifecycle import INDOUBT, LIVE
from yidi.nodes.outbox import FORWARD_TIMEOUT, Pending, Wait
from yidi.nodes.visits import Runs, Unit, Visit, overlap, runs_of, unit_key, visit_key
from yidi.protocol import transactions as t
from yidi.protocol.bodies import open_body
from yidi.protocol.codec import encode
from yidi.protocol.envelope import Envelope, Origin
from yidi.protocol.errors import ErrorCode
from yidi.protocol.instants import Instant
from yidi.protocol.messages import (
    Accepted,
    FeeLine,
    FeeUploadRequest,
    FeeUploadResult,
    VisitChange,
    VisitOpening,
)
from yidi.protocol.transactions import RESULT

if TYPE_CHECKING:
    from yidi.nodes.treatment_region import TreatmentRegion


class Fees:
    """The visit desk of a treatment region."""

    def __init__(self, region: TreatmentRegion) -> None:
        self.region = region
        for transaction, handler in (
            (t.REGISTRATION, self._on_opening),
            (t.ADMISSION, self._on_opening),
            (t.REGISTRATION_CANCELLATION, self._on_opening_cancelled),
            (t.ADMISSION_CANCELLATION, self._on_opening_cancelled),
            (t.DISCHARGE, self._on_discharge),
            (t.DISCHARGE_CANCELLATION, self._on_discharge_cancelled),
        ):
            region.requests[transaction] = once(region, handler)
        for transaction in t.FEE_UPLOADS:
            region.requests[transaction] = self._on_fees
            region.results[transaction] = self._on_accepted
            region.expired[transaction] = self._on_unanswered

    # ------------------------------------------------------------- the visit

    def _on_opening(self, envelope: Envelope, body: VisitOpening, now: Instant) -> list[Envelope]:
        region = self.region
        code = institution_of(envelope)
        institution = region.config.institutions.get(code)
        if institution is None:
            return region.refuse(envelope, ErrorCode.E_INSTITUTION_UNKNOWN, now)
        if body.med_type not in institution.opened:
            return region.refuse(envelope, ErrorCode.E_BUSINESS_NOT_OPENED, now)
        opened = Visit(
            person_no=body.person_no,
            insured=body.insured,
            insutype=body.insutype,
            med_type=body.med_type,
            begin=body.begin,
            diagnosis=body.diagnosis,
            emergency=body.emergency,
            admitted=envelope.origin.transaction == t.ADMISSION,
        )
        key = visit_key(code, body.visit)
        known = region.state.visits.get(key)
        if known is not None and not known.cancelled:
            if not known.units and known == opened:
                return region.answer(envelope, Accepted(reference=body.visit), now)
            return region.refuse(envelope, ErrorCode.E_ALREADY_ADMITTED, now)
        # From here the operation succeeds.
        region.state.visits[key] = opened
        return region.answer(envelope, Accepted(reference=body.visit), now)

    def _visit_of(
        self, envelope: Envelope, body: VisitChange, *, cancelled: bool = False
    ) -> Visit | ErrorCode:
        """The visit a change is about; one that was cancelled only where that is repeated."""
        code = institution_of(envelope)
        visit = self.region.state.visits.get(visit_key(code, body.visit))
        if visit is None or (visit.cancelled and not cancelled):
            return ErrorCode.E_VISIT_UNKNOWN
        if visit.person_no != body.person_no:
            return ErrorCode.E_PERSON_MISMATCH
        return visit

    def _on_opening_cancelled(
        self, envelope: Envelope, body: VisitChange, now: Instant
    ) -> list[Envelope]:
        visit = self._visit_of(envelope, body, cancelled=True)
        if isinstance(visit, ErrorCode):
            return self.region.refuse(envelope, visit, now)
        if visit.units:
            return self.region.refuse(envelope, ErrorCode.E_FEES_UPLOADED, now)
        # From here the operation succeeds.
        visit.cancelled = True
        return self.region.answer(envelope, Accepted(reference=body.visit), now)

    def _on_discharge(self, envelope: Envelope, body: VisitChange, now: Instant) -> list[Envelope]:
        visit = self._visit_of(envelope, body)
        if isinstance(visit, ErrorCode):
            return self.region.refuse(envelope, visit, now)
        if visit.end and body.end not in (0, visit.end):
            return self.region.refuse(envelope, ErrorCode.E_KEY_REUSED, now)
        # From here the operation succeeds.
        visit.end = visit.end or body.end or now
        return self.region.answer(envelope, Accepted(reference=body.visit), now)

    def _on_discharge_cancelled(
        self, envelope: Envelope, body: VisitChange, now: Instant
    ) -> list[Envelope]:
        region = self.region
        visit = self._visit_of(envelope, body)
        if isinstance(visit, ErrorCode):
            return region.refuse(envelope, visit, now)
        code = institution_of(envelope)
        for batch in visit.units:
            case = region.state.cases.get(region.state.units[unit_key(code, body.visit, batch)].key)
            if case is not None and (case.state in LIVE or case.state == INDOUBT):
                return region.refuse(envelope, ErrorCode.E_OUTSTANDING, now)
        # From here the operation succeeds.
        visit.end = 0
        return region.answer(envelope, Accepted(reference=body.visit), now)

    # ------------------------------------------------------------- fee lines

    def _on_fees(self, envelope: Envelope, body: FeeUploadRequest, now: Instant) -> list[Envelope]:
        region = self.region
        if (again := region.first_answer(envelope, now)) is not None:
            return again
        place = visit_key(body.institution, body.visit)
        visit = region.state.visits.get(place)
        unit = region.state.units.get(f"{place}/{body.batch}")
        problem = self._hindrance(envelope.origin, body, visit)
        if problem is not None:
            return region.refuse(envelope, problem, now)
        split = split_lines(body.lines, region.config.catalogue)
        if isinstance(split, LineProblem):
            return region.refuse(envelope, split.code, now, at=split.at)
        lines, sums = split
        numbers = runs_of(lines)
        problem, novel = self._known(visit, unit, lines, numbers)
        if problem is not None:
            return region.refuse(envelope, problem, now)
        # From here the operation succeeds.
        assert numbers is not None
        asked = envelope.origin
        if unit is None:
            unit = self._new_unit(asked, body, visit, now)
        # Encoded once: the same bytes go to the insured region and back to the institution.
        written: Any = msgspec.Raw(encode(lines))
        report = replace(body, lines=written)
        wait = Wait(FORWARD_TIMEOUT, asked, "new" if novel else "again")
        sent = region.forward(asked, asked.transaction, report, body.med_type, now, unit.key, wait)
        if novel:
            unit.add(sent.body, numbers, sums)
        prepared = FeeUploadResult(
            visit=body.visit,
            batch=body.batch,
            count=unit.count,
            total_fen=unit.total_fen,
            full_self_fen=unit.full_self_fen,
            over_limit_fen=unit.over_limit_fen,
            prepay_fen=unit.prepay_fen,
            in_scope_fen=unit.in_scope_fen,
            lines=written,
        )
        region.remember(asked.message_id, envelope.body, -1, encode(prepared))
        return [sent]

    def _hindrance(
        self, asked: Origin, body: FeeUploadRequest, visit: Visit | None
    ) -> ErrorCode | None:
        """Why no lines are taken for this visit and unit at all."""
        region, code = self.region, body.institution
        if code not in region.config.institutions or asked.sender != "institution:" + code:
            return ErrorCode.E_INSTITUTION_UNKNOWN
        if not body.lines:
            return ErrorCode.E_FEES_MISSING
        if visit is None:
            if asked.transaction == t.INPATIENT_FEES:
                return ErrorCode.E_VISIT_UNKNOWN
        elif visit.cancelled:
            return ErrorCode.E_VISIT_UNKNOWN
        elif visit.person_no != body.person_no or visit.insured != asked.insured:
            return ErrorCode.E_PERSON_MISMATCH
        return ErrorCode.E_BUSY if region.outbox.is_full else None

    def _known(
        self, visit: Visit | None, unit: Unit | None, lines: list[FeeLine], numbers: Runs | None
    ) -> tuple[ErrorCode | None, bool]:
        """Why these lines are not taken, and whether they are new to their unit."""
        if numbers is None:
            return ErrorCode.E_KEY_REUSED, False
        if visit is not None and overlap(visit.closed_lines, numbers):
            return ErrorCode.E_ALREADY_SETTLED, False
        if unit is None:
            return None, True
        case = self.region.state.cases.get(unit.key)
        if case is not None and case.state in LIVE:
            return ErrorCode.E_ALREADY_SETTLED, False
        if case is not None and case.state == INDOUBT:
            return ErrorCode.E_IN_DOUBT, False
        novel = unit.novelty(lines, numbers)
        return (ErrorCode.E_KEY_REUSED, False) if novel is None else (None, novel)

    def _new_unit(
        self, asked: Origin, body: FeeUploadRequest, visit: Visit | None, now: Instant
    ) -> Unit:
        """The unit that these lines begin; an outpatient visit opens with its first lines."""
        state, place = self.region.state, visit_key(body.institution, body.visit)
        if visit is None:
            visit = state.visits[place] = Visit(
                person_no=body.person_no,
                insured=intern(asked.insured),
                insutype=intern(body.insutype),
                med_type=intern(body.med_type),
                begin=now,
            )
        visit.units.append(intern(body.batch))
        unit = state.units[f"{place}/{body.batch}"] = Unit(key=self.region.mint_key(now))
        return unit

    def _on_accepted(self, envelope: Envelope, pending: Pending, now: Instant) -> list[Envelope]:
        """The insured region took the lines (or refused them, and they come out again)."""
        region, client = self.region, pending.client
        open_body(envelope)
        # From here the operation succeeds.
        region.outbox.take(pending.origin.message_id)
        assert client is not None
        if envelope.origin.kind != RESULT:
            self._take_out(pending)
            return region.pass_on(envelope, pending, now)
        saved = region.saved(client.message_id)
        body = saved.body if saved is not None else envelope.body
        region.complete(client, RESULT, body)
        key = pending.origin.case_key
        return [region.answered(client, client.sender, body, now, RESULT, key)]

    def _on_unanswered(self, pending: Pending, now: Instant) -> list[Envelope]:
        self._take_out(pending)
        return self.region.on_unanswered(pending, now)

    def _take_out(self, pending: Pending) -> None:
        """Lines the insured region does not hold for certain are uploaded anew later."""
        if pending.context != "new":
            return
        sent = open_body(Envelope("", pending.origin, pending.origin_bytes, pending.body))
        assert isinstance(sent, FeeUploadRequest)
        sums = check_lines(sent.lines)
        assert not isinstance(sums, LineProblem), "these lines were split before"
        unit = self.region.state.units[unit_key(sent.institution, sent.visit, sent.batch)]
        numbers = runs_of(sent.lines)
        assert numbers is not None, "these lines were taken before"
        unit.take_out(pending.body, numbers, sums)
