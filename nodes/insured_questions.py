"""What the insured region is asked beside eligibility, and told of fee lines taken back.

5206 and 5301 read its books. 2205 and 2302 take lines out of a unit that it holds for the
settlement to be checked against; what is not there is not missed, so that a repeat is harmless.
Source: interface (c).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from yidi.nodes.claim import YearToDate
from yidi.nodes.visits import unit_key
from yidi.protocol import transactions as t
from yidi.protocol.codec import encode
from yidi.protocol.envelope import Envelope
from yidi.protocol.errors import ErrorCode
from yidi.protocol.instants import Instant
from yidi.protocol.messages import Accepted
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


class Questions:
    """The part of an insured region that answers what is not about a settlement."""

    def __init__(self, region: InsuredRegion) -> None:
        self.region = region
        region.requests[t.ACCUMULATOR_QUERY] = self._on_accumulators
        region.requests[t.CHRONIC_QUERY] = self._on_chronic
        for transaction in t.FEE_WITHDRAWALS:
            region.requests[transaction] = self._on_withdrawal

    def _on_accumulators(
        self, envelope: Envelope, body: AccumulatorQuery, now: Instant
    ) -> list[Envelope]:
        region = self.region
        if (again := region.first_answer(envelope, now)) is not None:
            return again
        person = region.state.persons.get(body.person_no)
        if person is None:
            return region.refuse(envelope, ErrorCode.E_PERSON_UNKNOWN, now)
        years = [
            _accumulator(person.insutype, year, sums)
            for year, sums in sorted(person.years.items())
            if body.period[:4] in ("", year)
        ]
        result = AccumulatorResult(person_no=body.person_no, years=years)
        return region.say(envelope, encode(result), now)

    def _on_chronic(self, envelope: Envelope, body: ChronicQuery, now: Instant) -> list[Envelope]:
        region = self.region
        if (again := region.first_answer(envelope, now)) is not None:
            return again
        person = region.state.persons.get(body.person_no)
        if person is None:
            return region.refuse(envelope, ErrorCode.E_PERSON_UNKNOWN, now)
        result = ChronicResult(person_no=body.person_no, chronic=person.chronic)
        return region.say(envelope, encode(result), now)

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
