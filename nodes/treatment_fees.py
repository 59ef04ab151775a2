"""Visits and fee lines at the treatment region: opening, ending, uploading, splitting.

2201, 2202, 2401, 2402, 2404 and 2405 stay between the institution and its region. Fee lines
(2204, 2301) are split by the region's own catalogue and go on to the insured region, which is
asked to accept them before the institution gets its answer. Source: interface (b), flows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from yidi.nodes.catalogue import LineProblem, split_lines
from yidi.nodes.lifecycle import INDOUBT, LIVE, REVERSED
from yidi.nodes.outbox import FORWARD_TIMEOUT, Pending, Wait
from yidi.nodes.visits import Unit, Visit, unit_key, visit_key
from yidi.protocol import transactions as t
from yidi.protocol.bodies import open_body
from yidi.protocol.codec import encode
from yidi.protocol.envelope import Envelope
from yidi.protocol.errors import ErrorCode
from yidi.protocol.instants import Instant
from yidi.protocol.messages import Accepted, FeeUploadRequest, FeeUploadResult
from yidi.protocol.messages import VisitChange, VisitOpening
from yidi.protocol.transactions import Kind

if TYPE_CHECKING:
    from yidi.nodes.treatment_region import TreatmentRegion


class Fees:
    """The visit desk of a treatment region."""

    def __init__(self, region: TreatmentRegion) -> None:
        self.region = region
        region.requests[t.REGISTRATION] = self._on_opening
        region.requests[t.ADMISSION] = self._on_opening
        region.requests[t.REGISTRATION_CANCELLATION] = self._on_opening_cancelled
        region.requests[t.ADMISSION_CANCELLATION] = self._on_opening_cancelled
        region.requests[t.DISCHARGE] = self._on_discharge
        region.requests[t.DISCHARGE_CANCELLATION] = self._on_discharge_cancelled
        for transaction in t.FEE_UPLOADS:
            region.requests[transaction] = self._on_fees
            region.results[transaction] = self._on_accepted
            region.expired[transaction] = self._on_unanswered

    # ------------------------------------------------------------- the visit

    def _on_opening(self, envelope: Envelope, body: VisitOpening, now: Instant) -> list[Envelope]:
        region = self.region
        code = envelope.origin.sender.partition(":")[2]
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

    def _visit_of(self, envelope: Envelope, body: VisitChange) -> Visit | ErrorCode:
        code = envelope.origin.sender.partition(":")[2]
        visit = self.region.state.visits.get(visit_key(code, body.visit))
        if visit is None or visit.cancelled:
            return ErrorCode.E_VISIT_UNKNOWN
        if visit.person_no != body.person_no:
            return ErrorCode.E_PERSON_MISMATCH
        return visit

    def _on_opening_cancelled(
        self, envelope: Envelope, body: VisitChange, now: Instant
    ) -> list[Envelope]:
        visit = self._visit_of(envelope, body)
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
        if visit.end and visit.end != body.end:
            return self.region.refuse(envelope, ErrorCode.E_KEY_REUSED, now)
        # From here the operation succeeds.
        visit.end = body.end or now
        return self.region.answer(envelope, Accepted(reference=body.visit), now)

    def _on_discharge_cancelled(
        self, envelope: Envelope, body: VisitChange, now: Instant
    ) -> list[Envelope]:
        region = self.region
        visit = self._visit_of(envelope, body)
        if isinstance(visit, ErrorCode):
            return region.refuse(envelope, visit, now)
        code = envelope.origin.sender.partition(":")[2]
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
        asked = envelope.origin
        split = split_lines(body.lines, region.config.catalogue)
        if isinstance(split, LineProblem):
            return region.refuse(envelope, split.code, now, at=split.at)
        lines, sums = split
        known = region.state.visits.get(visit_key(body.institution, body.visit))
        unit = region.state.units.get(unit_key(body.institution, body.visit, body.batch))
        problem = self._hindrance(envelope, body, known, unit)
        if problem is not None:
            return region.refuse(envelope, problem, now)
        novel = True if unit is None else unit.novelty(lines)
        if novel is None:
            return region.refuse(envelope, ErrorCode.E_KEY_REUSED, now)
        # From here the operation succeeds.
        unit = self._unit(envelope, body, now)
        if novel:
            unit.add(lines, sums)
        prepared = FeeUploadResult(
            visit=body.visit,
            batch=body.batch,
            count=unit.count,
            total_fen=unit.total_fen,
            full_self_fen=unit.full_self_fen,
            over_limit_fen=unit.over_limit_fen,
            prepay_fen=unit.prepay_fen,
            in_scope_fen=unit.in_scope_fen,
            lines=lines,
        )
        region.remember(asked.message_id, envelope.body, -1, encode(prepared))
        report = FeeUploadRequest(
            institution=body.institution,
            visit=body.visit,
            batch=body.batch,
            person_no=body.person_no,
            insutype=body.insutype,
            med_type=body.med_type,
            lines=lines,
            disease=body.disease,
        )
        return [
            region.forward(
                asked, asked.transaction, report, body.med_type, now, unit.key,
                Wait(FORWARD_TIMEOUT, asked, "new" if novel else "again"),
            )
        ]  # fmt: skip

    def _hindrance(
        self,
        envelope: Envelope,
        body: FeeUploadRequest,
        known: Visit | None,
        unit: Unit | None,
    ) -> ErrorCode | None:
        region, asked = self.region, envelope.origin
        if (
            body.institution not in region.config.institutions
            or asked.sender != f"institution:{body.institution}"
        ):
            return ErrorCode.E_INSTITUTION_UNKNOWN
        if not body.lines:
            return ErrorCode.E_FEES_MISSING
        if known is None and asked.transaction == t.INPATIENT_FEES:
            return ErrorCode.E_VISIT_UNKNOWN
        if known is not None:
            if known.cancelled:
                return ErrorCode.E_VISIT_UNKNOWN
            if known.person_no != body.person_no or known.insured != asked.insured:
                return ErrorCode.E_PERSON_MISMATCH
            if known.closed_lines and not set(known.closed_lines).isdisjoint(
                line.line_no for line in body.lines
            ):
                return ErrorCode.E_ALREADY_SETTLED
        case = region.state.cases.get(unit.key) if unit is not None else None
        if case is not None and case.state != REVERSED:
            if case.state in LIVE:
                return ErrorCode.E_ALREADY_SETTLED
            if case.state == INDOUBT:
                return ErrorCode.E_IN_DOUBT
        return ErrorCode.E_BUSY if region.outbox.is_full else None

    def _unit(self, envelope: Envelope, body: FeeUploadRequest, now: Instant) -> Unit:
        """The unit the lines belong to; an outpatient visit opens with its first lines."""
        state, asked = self.region.state, envelope.origin
        key = visit_key(body.institution, body.visit)
        visit = state.visits.get(key)
        if visit is None:
            visit = state.visits[key] = Visit(
                person_no=body.person_no,
                insured=asked.insured,
                insutype=body.insutype,
                med_type=body.med_type,
                begin=now,
            )
        place = unit_key(body.institution, body.visit, body.batch)
        unit = state.units.get(place)
        if unit is None:
            unit = state.units[place] = Unit(key=self.region.mint_key(now))
            visit.units.append(body.batch)
        return unit

    def _on_accepted(self, envelope: Envelope, pending: Pending, now: Instant) -> list[Envelope]:
        """The insured region took the lines (or refused them, and they come out again)."""
        region, client = self.region, pending.client
        open_body(envelope)
        # From here the operation succeeds.
        region.outbox.take(pending.origin.message_id)
        assert client is not None
        if envelope.origin.kind != Kind.RESULT:
            self._take_out(pending)
            return region.pass_on(envelope, pending, now)
        message_id, state = client.message_id, region.state
        saved = state.answers.get(message_id) or state.answers_before.get(message_id)
        body = saved.body if saved is not None else envelope.body
        region.remember(message_id, saved.request if saved is not None else b"", 1, body)
        key = pending.origin.case_key
        return [region.answered(client, client.sender, body, now, case_key=key)]

    def _on_unanswered(self, pending: Pending, now: Instant) -> list[Envelope]:
        self._take_out(pending)
        return self.region.on_unanswered(pending, now)

    def _take_out(self, pending: Pending) -> None:
        """Lines the insured region does not hold for certain are uploaded anew later."""
        if pending.context != "new":
            return
        sent = open_body(Envelope("", pending.origin, pending.origin_bytes, pending.body))
        assert isinstance(sent, FeeUploadRequest)
        split = split_lines(sent.lines, self.region.config.catalogue)
        assert not isinstance(split, LineProblem), "these lines were split before"
        unit = self.region.state.units[unit_key(sent.institution, sent.visit, sent.batch)]
        unit.add(split[0], split[1], sign=-1)
