"""The world at the start of a run: regions, institutions, catalogues, persons with their filings.

Everything a node is set up with stands here as plain rows, so that a bundle's `world.jsonl`
together with its policies is enough to build the same nodes again (`nodes_of_world`). One JSON
object a line; `row` says which kind it is: first the settings, then regions, institutions,
catalogue items and persons, each in code order.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from zlib import crc32

import msgspec

from yidi.nodes.claim import YearToDate
from yidi.nodes.filing import end_of_validity
from yidi.protocol.errors import ErrorCode, StoredDataError
from yidi.protocol.instants import Instant, day_of
from yidi.scenarios.library.schema import Calendar, PaymentFail, Scenario
from yidi.scenarios.running.institutions import Institutions
from yidi.scenarios.running.people import Insured, People

WORLD_SCHEMA = 1
_E4 = 10_000
"""Fen to millionths of a yuan."""


class Settings(msgspec.Struct, frozen=True, kw_only=True, tag_field="row", tag="settings"):
    """What holds for the whole world."""

    schema: int = WORLD_SCHEMA
    start: int
    """Instant at which the run begins."""
    start_day: str
    exchanges: tuple[str, ...]
    periods: tuple[str, ...] = ()
    account: str = "spot"
    calendar: Calendar = Calendar()
    payment_fail: tuple[PaymentFail, ...] = ()
    clears: bool = False
    """Whether the scenario asks for clearing."""


class RegionRow(msgspec.Struct, frozen=True, kw_only=True, tag_field="row", tag="region"):
    """A region, in one role or both."""

    code: str
    roles: tuple[str, ...]
    policy_region: str
    bank_fen: int = 0
    prefund_fen: dict[str, int] = {}
    """Treatment province → what this region's province has placed there."""
    clock_skew: int = 0
    """Microseconds its clock is ahead of the hub's."""


class InstitutionRow(msgspec.Struct, frozen=True, kw_only=True, tag_field="row", tag="institution"):
    """A hospital or pharmacy."""

    code: str
    name: str
    region: str
    level: str
    opened: tuple[str, ...]


class CatalogueRow(msgspec.Struct, frozen=True, kw_only=True, tag_field="row", tag="item"):
    """How a treatment region pays for an item."""

    region: str
    code: str
    grade: str
    prepay_bp: int = 0
    ceiling_e6: int = 0


class FilingRow(msgspec.Struct, frozen=True, kw_only=True):
    """A filing that is effective at the start."""

    category: str
    area: str
    valid_from: str
    valid_to: str


class PersonRow(msgspec.Struct, frozen=True, kw_only=True, tag_field="row", tag="person"):
    """An insured person; synthetic."""

    person_no: str
    certificate_no: str
    name: str
    region: str
    insutype: str
    psn_type: str
    birth: str
    sex: str
    partition_key: int
    balance_fen: int = 0
    assistance: str = ""
    chronic: tuple[str, ...] = ()
    suspended: bool = False
    suspended_from: str = ""
    ytd: YearToDate = YearToDate()
    filings: tuple[FilingRow, ...] = ()


class World(msgspec.Struct, frozen=True, kw_only=True):
    """A whole world; every tuple is in code order."""

    settings: Settings
    regions: tuple[RegionRow, ...]
    institutions: tuple[InstitutionRow, ...]
    items: tuple[CatalogueRow, ...]
    persons: tuple[PersonRow, ...]

    def with_role(self, role: str) -> list[RegionRow]:
        """The regions that play `insured` or `treatment`."""
        return [region for region in self.regions if role in region.roles]


_Row = Settings | RegionRow | InstitutionRow | CatalogueRow | PersonRow
_decoder: msgspec.json.Decoder[_Row] = msgspec.json.Decoder(_Row)


def world_of(
    scenario: Scenario, people: People, institutions: Institutions, start: Instant
) -> World:
    """The world that a scenario describes, with the people drawn for it."""
    clearing = scenario.clearing
    start_day = day_of(start)
    settings = Settings(start=start, start_day=start_day, exchanges=scenario.exchanges)
    if clearing is not None:
        settings = Settings(
            start=start,
            start_day=start_day,
            exchanges=scenario.exchanges,
            periods=clearing.periods,
            account=clearing.account,
            calendar=clearing.calendar,
            payment_fail=clearing.payment_fail,
            clears=True,
        )
    regions = [
        RegionRow(
            code=region.code,
            roles=tuple(sorted(region.roles)),
            policy_region=region.policy_region,
            bank_fen=region.bank_fen,
            prefund_fen=dict(sorted(region.prefund_fen.items())),
            clock_skew=region.clock_skew,
        )
        for region in scenario.region
    ]
    places = [
        InstitutionRow(
            code=place.code, name=place.name, region=place.region, level=place.level,
            opened=place.opened,
        )
        for place in institutions.all
    ]  # fmt: skip
    persons = (person_row(person, start_day) for person in people.everybody())
    return World(
        settings=settings,
        regions=tuple(sorted(regions, key=lambda one: one.code)),
        institutions=tuple(sorted(places, key=lambda one: one.code)),
        items=tuple(_items(scenario)),
        persons=tuple(sorted(persons, key=lambda one: one.person_no)),
    )


def person_row(person: Insured, start_day: str) -> PersonRow:
    """A person as their region enrols them on the first day."""
    return PersonRow(
        person_no=person.psn_no,
        certificate_no=person.certno,
        name=person.name,
        region=person.region,
        insutype=person.insutype,
        psn_type=person.psn_type,
        birth=person.birth,
        sex=person.sex,
        partition_key=partition_key(person.household),
        balance_fen=person.balance_fen,
        assistance=person.assistance or "",
        chronic=person.chronic,
        suspended=person.status == "suspended",
        suspended_from=person.suspended_from or (start_day if person.status != "normal" else ""),
        ytd=YearToDate(
            stays=person.ytd.stays,
            deductible_fen=person.ytd.deductible_fen,
            hifp_fen=person.ytd.hifp_pay_fen,
            compliant_oop_fen=person.ytd.compliant_oop_fen,
            outpatient_fen=person.ytd.outpatient_pay_fen,
        ),
        filings=tuple(_filings(person, start_day)),
    )


def partition_key(household: str) -> int:
    """The 16-bit hash by which insured region and hub are partitioned."""
    return crc32(household.encode()) & 0xFFFF


def _filings(person: Insured, start_day: str) -> Iterator[FilingRow]:
    for held in person.filings:
        if held.category == "emergency":
            continue  # deemed filed by the marker of each visit: there is nothing to hold
        valid_from = held.from_ or start_day
        yield FilingRow(
            category=held.category,
            area=held.area,
            valid_from=valid_from,
            valid_to=end_of_validity(held.category, valid_from, held.to or ""),
        )


def _items(scenario: Scenario) -> list[CatalogueRow]:
    """The catalogue of each treatment region: what its scripted bills say of their items.

    An item of which nothing is said is 甲 (01). The first step that names an item decides.
    """
    regions = {place.code: place.region for place in scenario.institution}
    rows: dict[tuple[str, str], CatalogueRow] = {}
    for case in scenario.case:
        region = regions[case.institution]
        for step in case.step:
            for item in step.fields.items:
                row = CatalogueRow(
                    region=region,
                    code=item.code,
                    grade=item.grade or ("02" if item.self_pay_bp else "01"),
                    prepay_bp=item.self_pay_bp or 0,
                    ceiling_e6=(item.ceiling_fen or 0) * _E4,
                )
                rows.setdefault((region, item.code), row)
    return [rows[pair] for pair in sorted(rows)]


def write_world(world: World) -> Iterator[bytes]:
    """The lines of `world.jsonl`, each with its newline."""
    encode = msgspec.json.Encoder().encode
    yield encode(world.settings) + b"\n"
    groups: tuple[Iterable[_Row], ...] = (
        world.regions, world.institutions, world.items, world.persons,
    )  # fmt: skip
    for rows in groups:
        for row in rows:
            yield encode(row) + b"\n"


def read_world(lines: Iterable[bytes]) -> World:
    """Read `world.jsonl` back.

    Raises:
        StoredDataError: `E_BUNDLE` with the line's number; `E_FORMAT` for another schema.
    """
    settings: Settings | None = None
    regions: list[RegionRow] = []
    institutions: list[InstitutionRow] = []
    items: list[CatalogueRow] = []
    persons: list[PersonRow] = []
    for number, line in enumerate(lines, 1):
        match _read_row(line, number):
            case Settings() as row:
                settings = row
            case RegionRow() as row:
                regions.append(row)
            case InstitutionRow() as row:
                institutions.append(row)
            case CatalogueRow() as row:
                items.append(row)
            case PersonRow() as row:
                persons.append(row)
    if settings is None:
        raise StoredDataError(ErrorCode.E_BUNDLE, at="world.jsonl", want="a row of settings")
    if settings.schema != WORLD_SCHEMA:
        got = f"schema {settings.schema}"
        raise StoredDataError(ErrorCode.E_FORMAT, at="world.jsonl", got=got)
    return World(
        settings=settings,
        regions=tuple(regions),
        institutions=tuple(institutions),
        items=tuple(items),
        persons=tuple(persons),
    )


def _read_row(line: bytes, number: int) -> _Row:
    try:
        return _decoder.decode(line)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        at = f"world.jsonl:{number}"
        raise StoredDataError(ErrorCode.E_BUNDLE, at=at, got=str(error)) from error
