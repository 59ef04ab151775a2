"""What a served network has besides its scenario, for whoever tests a live network.

Persons and institutions whose outcome is always the same, and a catalogue with something in it.
Every insured region of a served network has one person of each kind, and every treatment region
one institution; virtual runs and `run --live` have none of them. A refusal and a used-up cap are
real: the insurance is suspended, the year's pool is spent, the business is not opened. What is
slow, silent or lost is ordered in front of the node (`nodes.control`), for settlements alone, so
that eligibility, fees and queries of the same person answer as always.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from yidi.nodes.claim import YearToDate
from yidi.nodes.policy import Policy, PolicyBook
from yidi.protocol import transactions as t
from yidi.protocol.identity import MALE, synthetic_identity
from yidi.protocol.instants import SECOND
from yidi.protocol.messages_control import NextOutcome, Outcome
from yidi.scenarios.running.bills import ITEMS
from yidi.scenarios.running.world import (
    CatalogueRow,
    FilingRow,
    InstitutionRow,
    PersonRow,
    World,
    partition_key,
)

Two = tuple[str, str]
"""Chinese and English."""

PERSON_BLOCK = "999999"
"""The block of person numbers that no flow is given."""
INSTITUTION_SERIAL = 99_000
SLOW_FOR = 5 * SECOND
FILINGS_MAX = 40
_BIRTH = "1999-09-09"
_BALANCE_FEN = 100_000
_SCHEMES = {"310": "1101", "390": "1501"}
"""Insurance type and its most common person type; the first that has a policy."""


class Fixed(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of test person or institution."""

    number: int
    word: str
    name: str
    """Chinese, as all names of the network are."""
    meaning: Two
    order: Outcome | None = None
    """What is ordered at its node; None where the outcome comes about by itself."""


PERSONS: tuple[Fixed, ...] = (
    Fixed(number=1, word="refused", name="模拟停保", meaning=(
        "参保暂停：预结算与结算被拒绝 E_INSURANCE_SUSPENDED",
        "insurance suspended: refused with E_INSURANCE_SUSPENDED")),
    Fixed(number=2, word="slow", name="模拟缓答", order="slow", meaning=(
        "结算 5 秒后才有应答", "a settlement is answered after 5 seconds")),
    Fixed(number=3, word="times_out", name="模拟超时", order="ignore", meaning=(
        "结算没有应答，也没有生效：504", "a settlement is not answered and not done: 504")),
    Fixed(number=4, word="answer_lost", name="模拟失答", order="lose", meaning=(
        "结算已生效而应答丢失：504，之后 5203 可查到",
        "a settlement is done and its answer lost: 504, and 5203 finds it")),
    Fixed(number=5, word="over_cap", name="模拟封顶", meaning=(
        "年度封顶线已用完：统筹基金支付为 0", "the year's cap is used up: the pool pays nothing")),
)  # fmt: skip
INSTITUTIONS: tuple[Fixed, ...] = (
    Fixed(number=1, word="refused", name="虚构医院（未开通）", meaning=(
        "未开通跨省联网：E_BUSINESS_NOT_OPENED", "nothing is opened: E_BUSINESS_NOT_OPENED")),
    Fixed(number=2, word="slow", name="虚构医院（缓答）", order="slow", meaning=(
        "结算 5 秒后才有应答", "a settlement is answered after 5 seconds")),
    Fixed(number=3, word="times_out", name="虚构医院（不答）", order="ignore", meaning=(
        "结算没有应答，也没有生效：504", "a settlement is not answered and not done: 504")),
)  # fmt: skip
_ALL_OPENED = ("11", "13", "14", "21", "22", "23", "24")


def with_fixed_cast(world: World, book: PolicyBook) -> World:
    """The same world with a test person or institution of every kind in every region.

    And with items that every treatment region pays for: most scenarios name none, and at a counter
    of such a region every fee would be outside the catalogue.
    """
    taken = {row.certificate_no for row in world.persons}
    persons = [*world.persons, *_persons(world, book, taken)]
    places = [*world.institutions, *_institutions(world)]
    return msgspec.structs.replace(
        world,
        persons=tuple(sorted(persons, key=lambda row: row.person_no)),
        institutions=tuple(sorted(places, key=lambda row: row.code)),
        items=tuple(sorted(_items(world), key=lambda row: (row.region, row.code))),
    )


def fixed_person(person_no: str) -> Fixed | None:
    """What a person's number says of their outcome; None for everybody else."""
    return _by_number(PERSONS, person_no[12:]) if person_no[6:12] == PERSON_BLOCK else None


def fixed_institution(code: str) -> Fixed | None:
    """The same of an institution."""
    serial = code[7:]
    if not serial.isdigit() or code[:1] != "H":
        return None
    return _by_number(INSTITUTIONS, str(int(serial) - INSTITUTION_SERIAL))


def fixed_people(world: World) -> list[tuple[PersonRow, Fixed]]:
    """The test persons of a world and what becomes of their settlements."""
    found = ((row, fixed_person(row.person_no)) for row in world.persons)
    return [(row, kind) for row, kind in found if kind is not None]


def fixed_places(world: World) -> list[tuple[InstitutionRow, Fixed]]:
    """The test institutions of a world."""
    found = ((row, fixed_institution(row.code)) for row in world.institutions)
    return [(row, kind) for row, kind in found if kind is not None]


def fixed_rows(world: World, language: str) -> list[dict[str, str]]:
    """Everybody of the test cast as people read it; all are made up, so nothing is masked."""
    zh = language == "zh"
    rows = [
        {"code": row.person_no, "certno": row.certificate_no, "name": row.name,
         "region": row.region, "outcome": kind.meaning[0 if zh else 1]}
        for row, kind in fixed_people(world)
    ]  # fmt: skip
    return rows + [
        {"code": place.code, "certno": "", "name": place.name, "region": place.region,
         "outcome": kind.meaning[0 if zh else 1]}
        for place, kind in fixed_places(world)
    ]  # fmt: skip


def standing_orders(world: World) -> dict[str, list[NextOutcome]]:
    """Node → what is ordered there, for ever."""
    orders: dict[str, list[NextOutcome]] = {}
    for row, kind in fixed_people(world):
        if kind.order is not None:
            order = _order(kind.order, person_no=row.person_no)
            orders.setdefault(f"insured:{row.region}", []).append(order)
    for place, kind in fixed_places(world):
        if kind.order is not None:
            order = _order(kind.order, institution=place.code)
            orders.setdefault(f"treatment:{place.region}", []).append(order)
    return orders


def _order(outcome: Outcome, **whose: str) -> NextOutcome:
    delay = SLOW_FOR if outcome == "slow" else 0
    settling = sorted(t.SETTLEMENTS)
    return NextOutcome(outcome=outcome, delay=delay, times=0, transactions=settling, **whose)


def _by_number(kinds: Iterable[Fixed], digits: str) -> Fixed | None:
    if not digits.isdigit():
        return None
    return next((kind for kind in kinds if kind.number == int(digits)), None)


def _persons(world: World, book: PolicyBook, taken: set[str]) -> Iterator[PersonRow]:
    areas = [region.code for region in world.with_role("treatment")][:FILINGS_MAX]
    start_day = world.settings.start_day
    filings = tuple(
        FilingRow(category="long_stay", area=area, valid_from=start_day, valid_to="")
        for area in areas
    )
    sequence = 0
    for region in world.with_role("insured"):
        policies = {
            scheme: found
            for scheme in _SCHEMES
            if (found := book.find(region.policy_region, scheme, start_day)) is not None
        }
        for kind in PERSONS if policies else ():
            scheme, policy = next(iter(policies.items()))
            while (certno := synthetic_identity(_BIRTH, sequence, MALE)) in taken:
                sequence += 1
            taken.add(certno)
            number = f"{region.code}{PERSON_BLOCK}{kind.number:06d}"
            row = PersonRow(
                person_no=number, certificate_no=certno, name=kind.name, region=region.code,
                insutype=scheme, psn_type=_SCHEMES[scheme], birth=_BIRTH, sex=MALE,
                partition_key=partition_key(number), balance_fen=_BALANCE_FEN, filings=filings,
            )  # fmt: skip
            yield _as_fixed(row, kind, policy, start_day)


def _as_fixed(row: PersonRow, kind: Fixed, policy: Policy, start_day: str) -> PersonRow:
    """A person for whom the outcome comes about by itself, where it is not ordered."""
    if kind.word == "refused":
        return msgspec.structs.replace(row, suspended=True, suspended_from=start_day)
    if kind.word == "over_cap":
        stays, visits = policy.inpatient, policy.outpatient or policy.chronic
        spent = YearToDate(
            hifp_fen=stays.annual_cap_fen if stays is not None else 0,
            outpatient_fen=visits.annual_cap_fen if visits is not None else 0,
        )
        return msgspec.structs.replace(row, ytd=spent)
    return row


def _items(world: World) -> list[CatalogueRow]:
    """The world's items, and those of flows as 甲 where a region does not know them."""
    rows = {(row.region, row.code): row for row in world.items}
    for region in world.with_role("treatment"):
        for code in ITEMS:
            row = CatalogueRow(region=region.code, code=code, grade="01")
            rows.setdefault((row.region, row.code), row)
    return list(rows.values())


def _institutions(world: World) -> Iterator[InstitutionRow]:
    for region in world.with_role("treatment"):
        for kind in INSTITUTIONS:
            yield InstitutionRow(
                code=f"H{region.code}{INSTITUTION_SERIAL + kind.number}",
                name=kind.name,
                region=region.code,
                level="3",
                opened=() if kind.word == "refused" else _ALL_OPENED,
            )
