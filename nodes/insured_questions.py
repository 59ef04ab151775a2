"""What the insured region is asked of a person, and told of fee lines taken back.

1101 says who somebody is, 2001 what would stand in the way of a visit; 5206 and 5301 read the
books. 2205 and 2302 take lines out of a unit that the region holds for the settlement to be checked
against; what is not there is not missed, so that a repeat is harmless. Source: interface (c).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec

from yidi.nodes.base import Handler
from yidi.nodes.claim import YearToDate
from yidi.nodes.filing import NONE, Attendance, counting
from yidi.nodes.insured_state import Person
from yidi.nodes.policy import VISIT_KINDS
from yidi.nodes.visits import unit_key
from yidi.protocol import transactions as t
from yidi.protocol.codec import encode
from yidi.protocol.envelope import Envelope
from yidi.protocol.errors import ErrorCode
from yidi.protocol.instants import Instant
from yidi.protocol.messages import (
    Accepted,
    BenefitCheckRequest,
    BenefitCheckResult,
    EligibilityRequest,
    EligibilityResult,
    Insurance,
)
from yidi.protocol.messages_institution import (
    Accumulator,
    AccumulatorQuery,
    AccumulatorResult,
    ChronicQuery,
    ChronicResult,
    FeeWithdrawal,
)

if TYPE_CHECKING:
    from yidi.nodes.insured_region import InsuredRegion


Answer = Callable[[Envelope, Person, Any], msgspec.Struct | ErrorCode]
"""What a question about a person comes to: an answer, or why there is none."""


class Questions:
    """The part of an insured region that answers what is not about a settlement."""

    def __init__(self, region: InsuredRegion) -> None:
        self.region = region
        self._certificates: dict[str, str] = {}
        region.requests[t.ELIGIBILITY] = self._about_person(self._eligibility)
        region.requests[t.BENEFIT_CHECK] = self._about_person(self._benefit_check)
        region.requests[t.ACCUMULATOR_QUERY] = self._about_person(_accumulators)
        region.requests[t.CHRONIC_QUERY] = self._about_person(_chronic)
        for transaction in t.FEE_WITHDRAWALS:
            region.requests[transaction] = self._on_withdrawal

    # ------------------------------------------------------------- about a person

    def _about_person(self, answer: Answer) -> Handler:
        """A handler that answers a message id once, and only of somebody who is insured here."""

        def handle(envelope: Envelope, body: Any, now: Instant) -> list[Envelope]:
            region = self.region
            if (again := region.first_answer(envelope, now)) is not None:
                return again
            person = self._find(body.person_no, getattr(body, "certificate_no", ""))
            said = ErrorCode.E_PERSON_UNKNOWN if person is None else answer(envelope, person, body)
            if isinstance(said, ErrorCode):
                return region.refuse(envelope, said, now)
            return region.say(envelope, encode(said), now)

        return handle

    def _find(self, person_no: str, certificate_no: str) -> Person | None:
        """By number or, as at a counter, by certificate; the index is derived, never saved."""
        persons = self.region.state.persons
        if person_no:
            return persons.get(person_no)
        if len(self._certificates) != len(persons):
            self._certificates = {one.certificate_no: one.person_no for one in persons.values()}
        return persons.get(self._certificates.get(certificate_no, ""))

    def forget_certificates(self) -> None:
        """Make the index of certificates anew: a person has changed."""
        self._certificates = {}

    def _eligibility(
        self, envelope: Envelope, person: Person, body: EligibilityRequest
    ) -> EligibilityResult | ErrorCode:
        """1101: who it is and how insured, with the filings for where the question comes from."""
        if body.certificate_no not in ("", person.certificate_no) or (
            body.name not in ("", person.name)
        ):
            return ErrorCode.E_PERSON_MISMATCH
        insurance = Insurance(
            insutype=person.insutype,
            psn_type=person.psn_type,
            status=person.status,
            balance_fen=person.balance_fen,
            insured=self.region.code,
            suspended_from=person.suspended_from,
        )
        treatment = envelope.origin.treatment
        return EligibilityResult(
            person_no=person.person_no,
            name=person.name,
            certificate_no=person.certificate_no,
            sex=person.sex,
            birth=person.birth,
            insurances=[insurance],
            filings=[
                filing.view() for filing in person.filings if filing.area[:2] == treatment[:2]
            ],
            chronic=person.chronic,
            partition_key=person.partition_key,
        )

    def _benefit_check(
        self, envelope: Envelope, person: Person, body: BenefitCheckRequest
    ) -> BenefitCheckResult:
        """2001: everything that would stand in the way, not only the first."""
        book, policy_region = self.region.book, self.region.config.policy_region
        found: list[str] = []
        if person.insutype != body.insutype:
            found.append(ErrorCode.E_PERSON_UNKNOWN)
        if person.is_suspended(body.begin):
            found.append(ErrorCode.E_INSURANCE_SUSPENDED)
        policy = book.find(policy_region, body.insutype, body.begin)
        kind = VISIT_KINDS.get(body.med_type)
        if policy is None or kind is None or getattr(policy, kind) is None:
            found.append(ErrorCode.E_NO_POLICY)
        visit = Attendance(
            policy_region, envelope.origin.treatment, body.insutype, body.med_type,
            body.emergency, body.begin, body.begin,
        )  # fmt: skip
        filing, why = counting(person.filings, book, visit)
        if filing == NONE:
            found.append(why)
        chronic = person.chronic_problem(body.med_type, body.disease)
        if chronic is not None:
            found.append(chronic)
        return BenefitCheckResult(
            person_no=body.person_no,
            eligible=not found,
            filing="" if filing == NONE else filing,
            hindrances=found,
        )

    # ------------------------------------------------------------- fee lines taken back

    def _on_withdrawal(
        self, envelope: Envelope, body: FeeWithdrawal, now: Instant
    ) -> list[Envelope]:
        region = self.region
        if (again := region.first_answer(envelope, now)) is not None:
            return again
        places = [unit_key(body.institution, body.visit, batch) for batch in body.batches]
        if any(place in region.state.live_units for place in places):
            return region.refuse(envelope, ErrorCode.E_ALREADY_SETTLED, now)
        # From here the operation succeeds.
        for place in places:
            unit = region.state.units.get(place)
            if unit is not None:
                region.state.units[place] = unit.without(frozenset(body.line_nos))
        return region.say(envelope, encode(Accepted(reference=body.visit)), now)


def _accumulators(_: Envelope, person: Person, body: AccumulatorQuery) -> AccumulatorResult:
    """5206: the year asked for, or all of them."""
    years = [
        _accumulator(person.insutype, year, sums)
        for year, sums in sorted(person.years.items())
        if body.period[:4] in ("", year)
    ]
    return AccumulatorResult(person_no=body.person_no, years=years)


def _chronic(_: Envelope, person: Person, body: ChronicQuery) -> ChronicResult:
    """5301: the chronic diseases that the person is registered for."""
    return ChronicResult(person_no=body.person_no, chronic=person.chronic)


def _accumulator(insutype: str, year: str, sums: YearToDate) -> Accumulator:
    return Accumulator(
        insutype=insutype,
        year=year,
        stays=sums.stays,
        deductible_fen=sums.deductible_fen,
        pool_fen=sums.hifp_fen,
        own_fen=sums.compliant_oop_fen,
        outpatient_fen=sums.outpatient_fen,
    )
