"""What else an institution tells its treatment region of a visit, and asks of it.

2203 and 2203A say what an outpatient visit is for: a chronic disease makes it a chronic visit,
and its settlement is computed as one. 2403 corrects a stay, 2205 and 2302 take fee lines back
(here and at the insured region, which holds them too), 5303 asks who is in hospital, and 4101A
leaves the settlement list. Files, statements and clearing have desks of their own, opened here.
Source: interface (b) flows, (c).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from yidi.nodes.clearing_desk import ClearingDesk
from yidi.nodes.institution_files import Files
from yidi.nodes.institution_state import institution_of, once
from yidi.nodes.lifecycle import CLEARED, INDOUBT, LIVE, Case
from yidi.nodes.outbox import FORWARD_TIMEOUT, Pending, Wait
from yidi.nodes.policy import CHRONIC, VISIT_KINDS
from yidi.nodes.statements import Statements
from yidi.nodes.visits import Unit, Visit, overlap, unit_key, visit_key
from yidi.protocol import transactions as t
from yidi.protocol.bodies import open_body
from yidi.protocol.digests import content_digest
from yidi.protocol.envelope import Envelope
from yidi.protocol.errors import ErrorCode
from yidi.protocol.instants import Instant
from yidi.protocol.messages import Accepted
from yidi.protocol.messages_institution import (
    PAGE_ROWS,
    Diagnosis,
    FeeWithdrawal,
    SettlementList,
    StayChange,
    StayQuery,
    StayQueryResult,
    StayRow,
    VisitDiagnosis,
)
from yidi.protocol.transactions import Kind

if TYPE_CHECKING:
    from yidi.nodes.treatment_region import TreatmentRegion

Problem = tuple[ErrorCode, str]


class InstitutionDesk:
    """The part of a treatment region that serves its institutions beside settling."""

    def __init__(self, region: TreatmentRegion) -> None:
        self.region = region
        self.files = Files(region)
        self.statements = Statements(region, self.files)
        self.clearing = ClearingDesk(region)
        for transaction in t.VISIT_DIAGNOSES:
            region.requests[transaction] = once(region, self._on_diagnosis)
        region.requests[t.STAY_CHANGE] = once(region, self._on_stay_change)
        region.requests[t.STAY_QUERY] = self._on_stay_query
        region.requests[t.SETTLEMENT_LIST] = once(region, self._on_list)
        for transaction in t.FEE_WITHDRAWALS:
            region.requests[transaction] = self._on_fee_withdrawal
            region.results[transaction] = self._on_fees_withdrawn
            region.expired[transaction] = region.on_unanswered

    # ------------------------------------------------------------- the visit

    def _visit(self, envelope: Envelope, visit: str, person_no: str) -> Visit | ErrorCode:
        key = visit_key(institution_of(envelope), visit)
        found = self.region.state.visits.get(key)
        if found is None or found.cancelled:
            return ErrorCode.E_VISIT_UNKNOWN
        if found.person_no != person_no or found.insured != envelope.origin.insured:
            return ErrorCode.E_PERSON_MISMATCH
        return found

    def _unit(self, institution: str, visit: str, batch: str) -> tuple[Unit | None, Case | None]:
        """A settlement unit and its current attempt."""
        state = self.region.state
        unit = state.units.get(unit_key(institution, visit, batch))
        return unit, state.cases.get(unit.key) if unit is not None else None

    def _settled(self, envelope: Envelope, name: str, visit: Visit) -> ErrorCode | None:
        """Why a visit cannot be changed any more."""
        for batch in visit.units:
            _, case = self._unit(institution_of(envelope), name, batch)
            problem = _fixed(case)
            if problem is not None:
                return problem
        return None

    def _on_diagnosis(
        self, envelope: Envelope, body: VisitDiagnosis, now: Instant
    ) -> list[Envelope]:
        region = self.region
        visit = self._visit(envelope, body.visit, body.person_no)
        if isinstance(visit, ErrorCode):
            return region.refuse(envelope, visit, now)
        problem = self._diagnosis_problem(envelope, body, visit)
        if problem is not None:
            return region.refuse(envelope, problem[0], now, at=problem[1])
        # From here the operation succeeds.
        visit.med_type, visit.disease = body.med_type, body.disease
        visit.diagnosis = _main(body.diagnoses) or visit.diagnosis
        return region.answer(envelope, Accepted(reference=body.visit), now)

    def _diagnosis_problem(
        self, envelope: Envelope, body: VisitDiagnosis, visit: Visit
    ) -> Problem | None:
        institution = self.region.config.institutions.get(institution_of(envelope))
        if institution is None:
            return ErrorCode.E_INSTITUTION_UNKNOWN, "$"
        if visit.admitted or body.med_type[:1] == "2":
            return ErrorCode.E_CODE, "$.med_type"
        if body.med_type not in institution.opened:
            return ErrorCode.E_BUSINESS_NOT_OPENED, "$.med_type"
        if VISIT_KINDS.get(body.med_type) == CHRONIC and not body.disease:
            return ErrorCode.E_MISSING_FIELD, "$.disease"
        orders = [one.order for one in body.diagnoses]
        if len(set(orders)) != len(orders):
            return ErrorCode.E_CODE, "$.diagnoses"
        settled = self._settled(envelope, body.visit, visit)
        return (settled, "$") if settled is not None else None

    def _on_stay_change(self, envelope: Envelope, body: StayChange, now: Instant) -> list[Envelope]:
        region = self.region
        visit = self._visit(envelope, body.visit, body.person_no)
        if isinstance(visit, ErrorCode) or not visit.admitted:
            code = visit if isinstance(visit, ErrorCode) else ErrorCode.E_VISIT_UNKNOWN
            return region.refuse(envelope, code, now)
        institution = region.config.institutions[institution_of(envelope)]
        if body.med_type and body.med_type[0] != "2":
            return region.refuse(envelope, ErrorCode.E_CODE, now, at="$.med_type")
        if body.med_type and body.med_type not in institution.opened:
            return region.refuse(envelope, ErrorCode.E_BUSINESS_NOT_OPENED, now, at="$.med_type")
        settled = self._settled(envelope, body.visit, visit)
        if settled is not None:
            return region.refuse(envelope, settled, now)
        # From here the operation succeeds.
        visit.med_type = body.med_type or visit.med_type
        visit.begin = body.begin or visit.begin
        visit.diagnosis = body.diagnosis or visit.diagnosis
        visit.disease = body.disease or visit.disease
        return region.answer(envelope, Accepted(reference=body.visit), now)

    def _on_stay_query(self, envelope: Envelope, body: StayQuery, now: Instant) -> list[Envelope]:
        """Every stay of the person in this region that has not ended, whichever the hospital."""
        stays = [
            _stay_row(key, visit)
            for key, visit in self.region.state.visits.items()
            if visit.person_no == body.person_no
            and visit.admitted
            and not (visit.cancelled or visit.end)
            and (not body.begin or visit.begin >= body.begin)
            and (not body.end or visit.begin <= body.end)
        ]
        return self.region.answer(envelope, StayQueryResult(stays=stays[:PAGE_ROWS]), now)

    # ------------------------------------------------------------- fee lines taken back

    def _on_fee_withdrawal(
        self, envelope: Envelope, body: FeeWithdrawal, now: Instant
    ) -> list[Envelope]:
        """Check, then ask the insured region to take the lines out; what it does is done here."""
        region = self.region
        if (again := region.first_answer(envelope, now)) is not None:
            return again
        visit = self._visit(envelope, body.visit, body.person_no)
        if isinstance(visit, ErrorCode):
            return region.refuse(envelope, visit, now)
        if overlap(visit.closed_lines, [(one, one) for one in body.line_nos]):
            return region.refuse(envelope, ErrorCode.E_ALREADY_SETTLED, now, at="$.line_nos")
        chosen = self._open_batches(envelope, body, visit)
        if isinstance(chosen, ErrorCode):
            return region.refuse(envelope, chosen, now, at="$.line_nos")
        if region.outbox.is_full:
            return region.refuse(envelope, ErrorCode.E_BUSY, now)
        # From here the operation succeeds.
        asked = envelope.origin
        region.remember(asked.message_id, envelope.body, -1, b"")
        told = msgspec.structs.replace(body, batches=chosen)
        wait = Wait(FORWARD_TIMEOUT, asked)
        return [region.forward(asked, asked.transaction, told, visit.med_type, now, "", wait)]

    def _open_batches(
        self, envelope: Envelope, body: FeeWithdrawal, visit: Visit
    ) -> list[str] | ErrorCode:
        """The batches that the lines are in, or why they cannot be taken out."""
        institution, missing = institution_of(envelope), set(body.line_nos)
        chosen = []
        for batch in body.batches or visit.units:
            unit, case = self._unit(institution, body.visit, batch)
            problem = _fixed(case)
            if problem is not None:
                if body.batches:
                    return problem
                continue
            inside = {one for one in missing if unit and overlap(unit.numbers, [(one, one)])}
            if unit is not None and unit.count and (inside or not body.line_nos):
                chosen.append(batch)
            missing -= inside
        return chosen if chosen and not missing else ErrorCode.E_FEES_MISSING

    def _on_fees_withdrawn(
        self, envelope: Envelope, pending: Pending, now: Instant
    ) -> list[Envelope]:
        region = self.region
        open_body(envelope)
        # From here the operation succeeds.
        region.outbox.take(pending.origin.message_id)
        if envelope.origin.kind == Kind.RESULT:
            body = msgspec.msgpack.decode(pending.body, type=FeeWithdrawal)
            for batch in body.batches:
                unit, case = self._unit(body.institution, body.visit, batch)
                if unit is not None and _fixed(case) is None:
                    place = unit_key(body.institution, body.visit, batch)
                    region.state.units[place] = unit.without(frozenset(body.line_nos))
        return region.pass_on(envelope, pending, now)

    # ------------------------------------------------------------- the settlement list

    def _on_list(self, envelope: Envelope, body: SettlementList, now: Instant) -> list[Envelope]:
        region = self.region
        visit = self._visit(envelope, body.visit, body.person_no)
        if isinstance(visit, ErrorCode):
            return region.refuse(envelope, visit, now)
        case = self._case_settled(envelope, body, visit)
        if case is None:
            return region.refuse(envelope, ErrorCode.E_NOT_SETTLED, now, at="$.settlement_id")
        mains = sum(1 for one in body.diagnoses if one.main and one.valid)
        if mains != 1:
            facts = f"main diagnoses: {mains}"
            return region.refuse(envelope, ErrorCode.E_CODE, now, at="$.diagnoses", facts=facts)
        if body.begin > body.end:
            return region.refuse(envelope, ErrorCode.E_DATE, now, at="$.end")
        digest, lists = content_digest(envelope.body), region.state.desk.lists
        begun = case.state == CLEARED or region.books.holds(case.key)
        if begun and lists.get(case.key, digest) != digest:
            return region.refuse(envelope, ErrorCode.E_CLEARED, now, at="$.settlement_id")
        # From here the operation succeeds.
        lists[case.key] = digest
        return region.answer(envelope, Accepted(reference=case.key), now)

    def _case_settled(self, envelope: Envelope, body: SettlementList, visit: Visit) -> Case | None:
        for batch in visit.units:
            _, case = self._unit(institution_of(envelope), body.visit, batch)
            if case is not None and case.settlement_id == body.settlement_id:
                return case if case.state in LIVE else None
        return None


def _fixed(case: Case | None) -> ErrorCode | None:
    """Why a unit's attempt forbids changing what it settles."""
    if case is None:
        return None
    if case.state == INDOUBT:
        return ErrorCode.E_OUTSTANDING
    return ErrorCode.E_ALREADY_SETTLED if case.state in LIVE else None


def _main(diagnoses: list[Diagnosis]) -> str:
    """The main diagnosis: the first valid one by its number."""
    valid = sorted((one.order, one.code) for one in diagnoses if one.valid)
    return valid[0][1] if valid else ""


def _stay_row(key: str, visit: Visit) -> StayRow:
    institution, _, name = key.partition("/")
    return StayRow(
        institution=institution,
        visit=name,
        person_no=visit.person_no,
        insutype=visit.insutype,
        med_type=visit.med_type,
        begin=visit.begin,
        diagnosis=visit.diagnosis,
    )
