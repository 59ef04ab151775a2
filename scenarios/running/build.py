"""From a world to its nodes: two hubs at most, the provinces, the regions in their roles.

The order is fixed (sorted by address): a journal names a node by its index in it. The same
world and policy book give the same nodes, which is what `verify` and the replay stand on.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from yidi.nodes.catalogue import CatalogueItem
from yidi.nodes.clearing_plan import ClearingCalendar, ClearingPlan
from yidi.nodes.exchange import DELTA_HUB, NATIONAL_HUB, DeltaAgreement
from yidi.nodes.filing import Filing
from yidi.nodes.hub import Hub, HubConfig, HubState
from yidi.nodes.insured_region import InsuredConfig, InsuredRegion, InsuredState, Person
from yidi.nodes.observed import Observed
from yidi.nodes.observing import observed_node
from yidi.nodes.policy import PolicyBook
from yidi.nodes.province import PaymentFailure, Province, ProvincePlan
from yidi.nodes.treatment_region import InstitutionConfig, TreatmentConfig, TreatmentRegion
from yidi.protocol.messages import FilingView
from yidi.protocol.regions import is_delta, province_of
from yidi.scenarios.running.world import PersonRow, RegionRow, World

DELTA = "yangtze-delta"
"""Name of the Delta exchange in scenario files, and the beginning of its agreements' names."""


def nodes_of_world(
    world: World, book: PolicyBook, observed: Collection[Observed] = ()
) -> dict[str, Any]:
    """Every node of a world, sorted by address; those that are not ours as they are observed."""
    hubs = hubs_of(world)
    delta = delta_agreement(book) if DELTA_HUB in hubs else None
    nodes: list[Any] = [
        *(_treatment(world, region, delta) for region in world.with_role("treatment")),
        *(_insured(world, region, book, hubs) for region in world.with_role("insured")),
        *(_province(world, code) for code in _provinces(world)),
    ]
    filings = _views(nodes)
    nodes += [_hub(world, address, filings) for address in hubs]
    built = {node.address: node for node in sorted(nodes, key=lambda one: str(one.address))}
    observe(built, observed)
    return built


def observe(nodes: dict[str, Any], observed: Iterable[Observed]) -> None:
    """Put somebody's own nodes in the places of ours, which stand in behind them."""
    for one in observed:
        nodes[one.address] = observed_node(nodes[one.address], one)


def hubs_of(world: World) -> tuple[str, ...]:
    """The hubs of a world; the national one always, the Delta's where the scenario lists it."""
    both = DELTA in world.settings.exchanges
    return (NATIONAL_HUB, DELTA_HUB) if both else (NATIONAL_HUB,)


def skews_of(world: World) -> dict[str, int]:
    """Address → microseconds its clock is ahead, for the regions whose clock is off."""
    return {
        f"{role}:{region.code}": region.clock_skew
        for region in world.regions
        for role in region.roles
        if region.clock_skew
    }


def delta_agreement(book: PolicyBook) -> DeltaAgreement:
    """What the Delta exchange takes: the pairs and visits of the Delta's agreements."""
    agreements = [one for one in book.no_filing if one.name.startswith(DELTA)]
    provinces = sorted({prefix for one in agreements for prefix in one.insured})
    med_types = sorted({med_type for one in agreements for med_type in one.med_type})
    return DeltaAgreement(provinces=tuple(provinces), med_types=tuple(med_types))


def _treatment(world: World, region: RegionRow, delta: DeltaAgreement | None) -> TreatmentRegion:
    institutions = {
        place.code: InstitutionConfig(
            code=place.code, name=place.name, level=place.level, opened=frozenset(place.opened)
        )
        for place in world.institutions
        if place.region == region.code
    }
    catalogue = {
        item.code: CatalogueItem(item.grade, item.prepay_bp, item.ceiling_e6)
        for item in world.items
        if item.region == region.code
    }
    config = TreatmentConfig(
        code=region.code, institutions=institutions, catalogue=catalogue, delta=delta
    )
    return TreatmentRegion(config)


def _insured(
    world: World, region: RegionRow, book: PolicyBook, hubs: tuple[str, ...]
) -> InsuredRegion:
    config = InsuredConfig(
        code=region.code,
        policy_region=region.policy_region,
        hubs=tuple(hub for hub in hubs if hub != DELTA_HUB or is_delta(region.code)),
    )
    state = InsuredState()
    year = world.settings.start_day[:4]
    for row in world.persons:
        if row.region == region.code:
            state.persons[row.person_no] = _person(row, year, state)
    return InsuredRegion(config, book, state)


def _person(row: PersonRow, year: str, state: InsuredState) -> Person:
    filings = []
    for held in row.filings:
        state.sequence += 1
        filing_id = f"F{row.region}{state.sequence:08d}"
        state.filing_owners[filing_id] = row.person_no
        filings.append(
            Filing(
                filing_id=filing_id,
                insutype=row.insutype,
                category=held.category,
                area=held.area,
                valid_from=held.valid_from,
                valid_to=held.valid_to,
                status="effective",
            )
        )
    return Person(
        person_no=row.person_no,
        name=row.name,
        certificate_no=row.certificate_no,
        sex=row.sex,
        birth=row.birth,
        insutype=row.insutype,
        psn_type=row.psn_type,
        status="2" if row.suspended else "1",
        suspended_from=row.suspended_from,
        balance_fen=row.balance_fen,
        assistance=row.assistance,
        chronic=list(row.chronic),
        partition_key=row.partition_key,
        years={year: row.ytd},
        filings=filings,
    )


def _views(nodes: list[Any]) -> dict[str, dict[str, FilingView]]:
    """The hubs' filing library at the start: what the insured regions hold."""
    return {
        f"{node.code}/{person.person_no}": {one.filing_id: one.view() for one in person.filings}
        for node in nodes
        if isinstance(node, InsuredRegion)
        for person in node.state.persons.values()
        if person.filings
    }


def _provinces(world: World) -> list[str]:
    return sorted({province_of(region.code) for region in world.regions})


def _calendar(world: World) -> ClearingCalendar:
    told = world.settings.calendar
    return ClearingCalendar(
        declare_day=told.declare_day,
        generate_day=told.generate_day,
        confirm_day=told.confirm_day,
        to_finance_wd=told.to_finance_wd,
        transfer_wd=told.transfer_wd,
        feedback_wd=told.feedback_wd,
        max_defer_months=told.max_defer_months,
    )


def _prefunds(world: World) -> dict[tuple[str, str], int]:
    """Opening prefunds by (payer province, payee province)."""
    sums: dict[tuple[str, str], int] = {}
    for region in world.regions:
        for payee, fen in region.prefund_fen.items():
            pair = (province_of(region.code), payee)
            sums[pair] = sums.get(pair, 0) + fen
    return dict(sorted(sums.items()))


def _province(world: World, code: str) -> Province:
    banks = [one.bank_fen for one in world.regions if province_of(one.code) == code]
    failures = tuple(
        PaymentFailure(payee=fail.payee, period=fail.period or "", times=fail.times)
        for fail in world.settings.payment_fail
        if fail.payer == code
    )
    plan = ProvincePlan(
        code=code,
        bank_fen=sum(banks) or None,
        prefunds={payer: fen for (payer, payee), fen in _prefunds(world).items() if payee == code},
        calendar=_calendar(world),
        payment_failures=failures,
    )
    return Province(plan)


def _hub(world: World, address: str, filings: dict[str, dict[str, FilingView]]) -> Hub:
    is_national = address == NATIONAL_HUB
    codes = {
        role: tuple(
            region.code for region in world.with_role(role) if is_national or is_delta(region.code)
        )
        for role in ("treatment", "insured")
    }
    settings = world.settings
    plan = ClearingPlan(
        opening_day=settings.start_day,
        treatment=codes["treatment"],
        insured=codes["insured"],
        periods=settings.periods,
        account=settings.account,
        calendar=_calendar(world),
        # Prefund is held per pair of provinces, whichever the hub; the national one watches it.
        prefunds=_prefunds(world) if is_national else {},
        tag="" if is_national else address.partition(":")[2],
    )
    config = HubConfig(code=address.partition(":")[2], plan=plan)
    state = HubState()
    state.filings = {
        place: dict(views) for place, views in filings.items() if is_national or is_delta(place)
    }
    return Hub(config, state)
