"""Audits of what the insured regions paid: filings, pre-settlements, limits, accumulators.

The answers are judged, not the code that made them: each is decoded again and held against the
filings, the pre-settlement that the patient agreed to, the policy's limits and the world as it
was at the start.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from yidi.nodes.claim import YearToDate
from yidi.nodes.filing import EMERGENCY, NOT_REQUIRED, Filing, covers
from yidi.nodes.lifecycle import LIVE, Case
from yidi.nodes.observed import ObservedNode
from yidi.nodes.policy import PolicyBook
from yidi.nodes.visits import visit_key
from yidi.protocol.instants import Instant, day_of
from yidi.protocol.messages import SettlementResult
from yidi.scenarios.judging.event_checks import EventChecks
from yidi.scenarios.judging.rows import nodes_with
from yidi.scenarios.judging.verdicts import Tally, TallyBook
from yidi.scenarios.running.world import PersonRow, World

LARGE_FUND = "330100"
_results = msgspec.msgpack.Decoder(SettlementResult)
_MONEY = ("total_fen", "fund_fen", "account_fen", "cash_fen", "hospital_fen", "funds")
_ZERO = YearToDate()


def audit_benefit(
    nodes: Mapping[str, Any],
    checks: EventChecks,
    world: World | None,
    policies: PolicyBook | None,
) -> None:
    """INV-13, INV-14 and INV-15 over the insured regions as they stand."""
    persons = {row.person_no: row for row in world.persons} if world is not None else {}
    for region in nodes_with(nodes, "insured"):
        for case in region.state.cases.values():
            if case.state in LIVE and case.answer:
                answer = _results.decode(case.answer)
                _check_filing(nodes, region, case, answer, (checks.book, policies))
        _check_years(region, persons, (checks.book, policies))
    for region in nodes_with(nodes, "treatment"):
        _check_agreed(region, checks)


# ---------------------------------------------------------------------- INV-13


def _check_filing(
    nodes: Mapping[str, Any],
    region: Any,
    case: Case,
    answer: SettlementResult,
    ground: tuple[TallyBook, PolicyBook | None],
) -> None:
    """A live case rests on a filing that was valid at its start, or on a listed exemption."""
    if isinstance(region, ObservedNode) and not answer.filing:
        return  # which filing counted, only the own node knows
    book, policies = ground
    tally = book["INV-13"]
    tally.count += 1
    insured = region.config.policy_region
    if answer.filing == NOT_REQUIRED:
        if policies is not None and policies.needs_filing(insured, case.treatment, case.med_type):
            facts = f"{case.treatment} {case.med_type}: a filing is needed, none counted"
            tally.fail(facts, key=case.key, node=region.address)
        return
    if answer.filing == EMERGENCY:
        return
    first, last = _days_of(nodes, case)
    person = region.state.persons[case.person_no]
    if not any(_counts(filing, answer.filing, case, first, last) for filing in person.filings):
        facts = f"no valid filing {answer.filing!r} to {case.treatment} for {first}..{last}"
        tally.fail(facts, key=case.key, node=region.address)


def _counts(filing: Filing, category: str, case: Case, first: str, last: str) -> bool:
    """Whether a filing of that category covers the visit. One made before discharge counts."""
    latest = last if case.med_type[:1] == "2" else first
    return (
        filing.category == category
        and filing.insutype == case.insutype
        and filing.status in ("effective", "withdrawn")
        and covers(filing.area, case.treatment)
        and (not first or filing.valid_from <= latest)
        and (not first or not filing.valid_to or first <= filing.valid_to)
        and (not filing.withdrawn_from or not first or first < filing.withdrawn_from)
    )


def _days_of(nodes: Mapping[str, Any], case: Case) -> tuple[str, str]:
    """First and last day of a visit, from the treatment region's desk; empty where unknown."""
    region = nodes.get("treatment:" + case.treatment)
    if region is None:
        return "", ""
    visit = region.state.visits.get(visit_key(case.institution, case.visit))
    if visit is None:
        return "", ""
    first = day_of(Instant(visit.begin))
    return first, day_of(Instant(visit.end)) if visit.end else first


# ---------------------------------------------------------------------- INV-14


def _check_agreed(region: Any, checks: EventChecks) -> None:
    """A settlement is what was pre-settled last, or its answer says why not."""
    tally = checks.book["INV-14"]
    watch = checks.watches[region.address]
    for key, seen in watch.seen.items():
        case = region.state.cases.get(key)
        if case is None or not seen.pre or not case.answer or case.state not in LIVE:
            continue
        tally.count += 1
        agreed, settled = _results.decode(seen.pre), _results.decode(case.answer)
        changed = [name for name in _MONEY if getattr(agreed, name) != getattr(settled, name)]
        if changed and not settled.differs:
            facts = f"{', '.join(changed)} changed without a word"
            tally.fail(facts, key=key, node=region.address)


# ---------------------------------------------------------------------- INV-15


def _check_years(
    region: Any,
    persons: Mapping[str, PersonRow],
    ground: tuple[TallyBook, PolicyBook | None],
) -> None:
    """Accumulators are the start plus the live cases; yearly limits hold; so do accounts."""
    book, policies = ground
    tally = book["INV-15"]
    changes: dict[tuple[str, str], YearToDate] = {}
    spent: dict[str, int] = {}
    for case in region.state.cases.values():
        if case.state in LIVE and case.change is not None:
            place = (case.person_no, case.benefit_year)
            changes[place] = changes.get(place, _ZERO).plus(case.change)
            spent[case.person_no] = spent.get(case.person_no, 0) + case.account_fen
    for (person_no, year), change in sorted(changes.items()):
        tally.count += 1
        row, person = persons.get(person_no), region.state.persons[person_no]
        if row is not None:
            begun = row.ytd if year == _first_year(person, row) else _ZERO
            _check_fold(tally, region, person, year, begun.plus(change))
            if person.balance_fen != row.balance_fen - spent[person_no]:
                facts = f"account {person.balance_fen}, began {row.balance_fen}, spent "
                tally.fail(f"{facts}{spent[person_no]}", key=person_no, node=region.address)
        if policies is not None and _goes_by_policy(region):
            before = row.ytd if row is not None else _ZERO
            _check_limits(tally, region, person, year, (policies, before))


def _goes_by_policy(region: Any) -> bool:
    """Whether limits are a region's to keep here: not where amounts are judged by identities."""
    return not isinstance(region, ObservedNode) or region.observed.amounts


def _first_year(person: Any, row: PersonRow) -> str:
    """The year that the world's accumulators are of: the one the person began with."""
    return next(iter(person.years)) if row.ytd != _ZERO or person.years else ""


def _check_fold(tally: Tally, region: Any, person: Any, year: str, fold: YearToDate) -> None:
    if person.years.get(year, _ZERO) != fold:
        facts = f"{year}: {person.years.get(year)} is not the fold {fold}"
        tally.fail(facts, key=person.person_no, node=region.address)


def _check_limits(
    tally: Tally, region: Any, person: Any, year: str, ground: tuple[PolicyBook, YearToDate]
) -> None:
    policies, before = ground
    used = person.years[year]
    caps = dict(_caps(policies, region.config.policy_region, person.insutype, year))
    for name, cap_fen in caps.items():
        # Who began the year beyond a limit is paid nothing more, and stays there.
        if getattr(used, name) > max(cap_fen, getattr(before, name)):
            facts = f"{year}: {name} {getattr(used, name)} beyond the limit {cap_fen}"
            tally.fail(facts, key=person.person_no, node=region.address)


def _caps(policies: PolicyBook, region: str, insutype: str, year: str) -> Iterator[tuple[str, int]]:
    """The widest yearly limit of each accumulator among the policy versions of a year."""
    versions = [
        policy
        for policy in policies.policies
        if (policy.region, policy.insutype) == (region, insutype)
        and policy.valid_from <= f"{year}-12-31"
        and (policy.valid_to is None or policy.valid_to >= f"{year}-01-01")
    ]
    stays = [one.annual_cap_fen for policy in versions
             for one in (policy.inpatient, policy.chronic) if one is not None]  # fmt: skip
    visits = [one.outpatient.annual_cap_fen for one in versions if one.outpatient is not None]
    if stays:
        yield "hifp_fen", max(stays)
    if visits:
        yield "outpatient_fen", max(visits)
