"""The insured region's filing desk: takes filings, decides, and keeps the hub's library current.

A person's app or window (`filing`) and a referring hospital (2501) file; an operator approves,
refuses, suspends or resumes. Every change is uploaded to the hubs until they acknowledge it, so
that a treatment region may learn of it late but never not at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from yidi.nodes.filing import LONG_STAY_KINDS, Filing, end_of_validity
from yidi.nodes.outbox import About, Pending
from yidi.nodes.policy import in_pooling_area
from yidi.protocol import transactions as t
from yidi.protocol.bodies import open_body
from yidi.protocol.codec import encode
from yidi.protocol.envelope import Envelope
from yidi.protocol.errors import ErrorCode, RemoteProtocolError
from yidi.protocol.instants import Instant, day_of, parse_date
from yidi.protocol.messages import (
    Accepted,
    FilingDecision,
    FilingRequest,
    FilingResult,
    FilingUpload,
    FilingWithdrawal,
    InsuranceStatus,
)

if TYPE_CHECKING:
    from yidi.nodes.insured_region import InsuredRegion

CATEGORIES = (*LONG_STAY_KINDS, "referral", "other_temporary")
"""What can be filed; an emergency is deemed filed and needs none."""


class FilingDesk:
    """Filing and insurance status of one insured region."""

    def __init__(self, region: InsuredRegion) -> None:
        self.region = region
        region.requests[t.FILING] = self._on_filing
        region.requests[t.REFERRAL_FILING] = self._on_filing
        region.requests[t.FILING_DECISION] = self._on_decision
        region.requests[t.FILING_WITHDRAWAL] = self._on_withdrawal
        region.requests[t.INSURANCE_STATUS] = self._on_status
        region.results[t.FILING_UPLOAD] = self._on_uploaded

    def _on_filing(self, envelope: Envelope, body: FilingRequest, now: Instant) -> list[Envelope]:
        region = self.region
        if (again := region.first_answer(envelope, now)) is not None:
            return again
        problem = self._problem(envelope, body)
        if problem is not None:
            return region.refuse(envelope, problem, now)
        # From here the operation succeeds.
        person = region.state.persons[body.person_no]
        region.state.sequence += 1
        valid_from = body.valid_from or day_of(now)
        filing = Filing(
            filing_id=f"F{region.code}{region.state.sequence:08d}",
            insutype=body.insutype,
            category=body.category,
            area=body.area,
            valid_from=valid_from,
            valid_to=end_of_validity(body.category, valid_from, body.valid_to),
            status="effective" if body.commitment else "submitted",
            submitted_at=now,
            diagnosis=body.diagnosis,
        )
        person.filings.append(filing)
        region.state.filing_owners[filing.filing_id] = body.person_no
        return self._answer(envelope, filing, now) + self.upload(body.person_no, filing, now)

    def _problem(self, envelope: Envelope, body: FilingRequest) -> ErrorCode | None:
        region = self.region
        person = region.state.persons.get(body.person_no)
        if person is None or person.insutype != body.insutype:
            return ErrorCode.E_PERSON_UNKNOWN
        if body.category not in CATEGORIES:
            return ErrorCode.E_CODE
        try:
            for day in (body.valid_from, body.valid_to):
                if day:
                    parse_date(day)
        except RemoteProtocolError as error:
            return error.code
        if body.valid_to and body.valid_to < (body.valid_from or body.valid_to):
            return ErrorCode.E_DATE
        if in_pooling_area(region.config.policy_region, body.area):
            return ErrorCode.E_FILING_NOT_NEEDED
        referred = body.category == "referral"
        if referred and not region.on_referral_list(body.insutype, body.diagnosis, body.valid_from):
            return ErrorCode.E_REFERRAL_LIST
        return None

    def _on_decision(
        self, envelope: Envelope, body: FilingDecision, now: Instant
    ) -> list[Envelope]:
        region = self.region
        if envelope.origin.sender != f"operator:{region.code}":
            return region.refuse(envelope, ErrorCode.E_ROLE, now)
        found = self._find(body.filing_id)
        if found is None:
            return region.refuse(envelope, ErrorCode.E_NO_FILING, now)
        person_no, filing = found
        wanted = "effective" if body.approve else "refused"
        if filing.status != "submitted":
            if filing.status == wanted:
                return self._answer(envelope, filing, now)
            return region.refuse(envelope, ErrorCode.E_KEY_REUSED, now)
        # From here the operation succeeds.
        filing.status = wanted
        return self._answer(envelope, filing, now) + self.upload(person_no, filing, now)

    def _on_withdrawal(
        self, envelope: Envelope, body: FilingWithdrawal, now: Instant
    ) -> list[Envelope]:
        region = self.region
        found = self._find(body.filing_id)
        if found is None or found[0] != body.person_no:
            return region.refuse(envelope, ErrorCode.E_NO_FILING, now)
        filing = found[1]
        # From here the operation succeeds.
        filing.withdrawn_from = body.from_day
        filing.status = "withdrawn" if filing.withdrawn_from <= filing.valid_from else filing.status
        return self._answer(envelope, filing, now) + self.upload(found[0], filing, now)

    def _find(self, filing_id: str) -> tuple[str, Filing] | None:
        person_no = self.region.state.filing_owners.get(filing_id)
        if person_no is None:
            return None
        person = self.region.state.persons[person_no]
        return next((person_no, one) for one in person.filings if one.filing_id == filing_id)

    def _answer(self, envelope: Envelope, filing: Filing, now: Instant) -> list[Envelope]:
        body = FilingResult(
            filing_id=filing.filing_id,
            status=filing.status,
            valid_from=filing.valid_from,
            valid_to=filing.valid_to,
        )
        self.region.remember(envelope.origin.message_id, envelope.body, 1, encode(body))
        return self.region.answer(envelope, body, now)

    def upload(self, person_no: str, filing: Filing, now: Instant) -> list[Envelope]:
        """Tell the hubs how a filing stands; resent until they have it."""
        region = self.region
        body = FilingUpload(
            person_no=person_no,
            insured=region.code,
            insutype=filing.insutype,
            filing=filing.view(),
        )
        return [
            region.send(hub, t.FILING_UPLOAD, body, now, About(insured=region.code))
            for hub in region.config.hubs
        ]

    def _on_uploaded(self, envelope: Envelope, pending: Pending, now: Instant) -> list[Envelope]:
        open_body(envelope)
        self.region.outbox.take(pending.origin.message_id)
        return []

    def _on_status(self, envelope: Envelope, body: InsuranceStatus, now: Instant) -> list[Envelope]:
        region = self.region
        if envelope.origin.sender != f"operator:{region.code}":
            return region.refuse(envelope, ErrorCode.E_ROLE, now)
        person = region.state.persons.get(body.person_no)
        if person is None or person.insutype != body.insutype:
            return region.refuse(envelope, ErrorCode.E_PERSON_UNKNOWN, now)
        if body.status not in ("1", "2"):
            return region.refuse(envelope, ErrorCode.E_CODE, now, at="$.status")
        # From here the operation succeeds.
        person.status = body.status
        person.suspended_from = body.from_day if body.status == "2" else ""
        return region.answer(envelope, Accepted(reference=body.person_no), now)
