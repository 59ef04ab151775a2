"""Who is insured: the scenario's own persons, and pools of synthetic ones for its flows.

No person here exists. Names are a Heavenly Stem, 模 (model) and a number; identity numbers are
valid in form but of a region that no province has (`protocol.identity`). Each flow has its own
pool, drawn from a stream of its own region and name, so that adding a region, a flow or a
scripted person leaves every other person as they were.
"""

from __future__ import annotations

from random import Random
from typing import Literal
from zlib import crc32

import msgspec

from yidi.protocol.identity import FEMALE, MALE, SEQUENCES_MAX, synthetic_identity
from yidi.scenarios.library.cases import FilingCategory
from yidi.scenarios.library.schema import Flow, HeldFiling, Person, Scenario, YearToDate
from yidi.scenarios.running.streams import Quantiles, Streams, Weighted, below, between, chance

STEMS = "甲乙丙丁戊己庚辛壬癸"
NUMERALS = "零一二三四五六七八九"
SERIALS = 1_000_000
"""Blocks of person numbers in a region, and numbers in a block: six digits each."""
SCRIPTED_BLOCK = "000000"

_AGES_EMPLOYEE = Quantiles(46, 66, 82, 95)
_AGES_RESIDENT = Quantiles(52, 72, 85, 98)
_BALANCES_FEN = Quantiles(120_000, 500_000, 1_500_000, 4_000_000)
"""Personal accounts of employees; illustrative."""
_SHARED_ACCOUNT_PER_MILLION = 100_000
"""One in ten shares the household of the person before; illustrative."""
_CHRONIC = Weighted(
    {
        "M03900": 38,
        "M01600": 27,
        "M04600": 10,
        "M00500": 8,
        "M05300": 5,
        "M06900": 4,
        "M07800": 3,
        "M08300": 2,
        "M00200": 2,
        "M07200": 1,
    }
)
"""The ten cross-region diseases; the weights are illustrative. Source: domain 3.5."""
_RETIREMENT_AGE = 60
_DEFAULT_YEAR = 2026


Category = FilingCategory | Literal["none"]


class Insured(msgspec.Struct, frozen=True, kw_only=True):
    """One insured person as a region enrols them."""

    psn_no: str
    """Number by which the network knows the person."""
    certno: str
    """Identity number; synthetic."""
    name: str
    region: str
    insutype: str
    psn_type: str
    birth: str
    sex: str
    """Dictionary `gend`: 1 male, 2 female."""
    household: str
    """Person number of the account's holder."""
    balance_fen: int = 0
    assistance: str | None = None
    chronic: tuple[str, ...] = ()
    status: str = "normal"
    suspended_from: str | None = None
    ytd: YearToDate = YearToDate()
    filings: tuple[HeldFiling, ...] = ()
    scenario_id: str | None = None
    """Id of a scripted `[[person]]`."""
    flow: str | None = None
    """Name of the flow whose pool the person belongs to."""
    category: Category = "none"
    """How a pool's person has filed; `emergency`: by the marker on each visit."""


class People(msgspec.Struct, frozen=True, kw_only=True):
    """Everybody of one run."""

    scripted: dict[str, Insured]
    """Scenario id → person."""
    pools: dict[str, tuple[Insured, ...]]
    """Flow name → its persons."""

    def everybody(self) -> list[Insured]:
        """All persons: scripted ones first, then pool by pool, in the order of the file."""
        return [
            *self.scripted.values(),
            *(person for pool in self.pools.values() for person in pool),
        ]

    def of_region(self, region: str) -> list[Insured]:
        """The persons insured in a region, in the order of `everybody`."""
        return [person for person in self.everybody() if person.region == region]


def build_people(scenario: Scenario, streams: Streams) -> People:
    """Build everybody of a scenario; the same seed gives the same persons."""
    numbers = _Numbers()
    scripted = scripted_people(scenario, numbers)
    year = _DEFAULT_YEAR if scenario.start == "now" else int(scenario.start[:4])
    pools = {flow.name: _pool(flow, year, numbers, streams) for flow in scenario.flow}
    return People(scripted=scripted, pools=pools)


def scripted_people(scenario: Scenario, numbers: _Numbers | None = None) -> dict[str, Insured]:
    """The persons that a scenario names, by their id in it; no chance is in them."""
    numbers = numbers or _Numbers()
    scripted = {person.id: _scripted(person, numbers) for person in scenario.person}
    _join_households(scenario.person, scripted)
    return scripted


class _Numbers:
    """Person numbers and identity numbers, each given once."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def numbered(self, prefix: str, name: str) -> str:
        """A prefix and six digits made of a name, or the next that are free."""
        wanted = crc32(name.encode())
        while (number := f"{prefix}{wanted % SERIALS:06d}") in self._taken:
            wanted += 1
        self._taken.add(number)
        return number

    def identity(self, birth: str, sequence: int, sex: str) -> str:
        """An identity number that nobody else of this run has."""
        while (number := synthetic_identity(birth, sequence % SEQUENCES_MAX, sex)) in self._taken:
            sequence += 1
        self._taken.add(number)
        return number


def _scripted(person: Person, numbers: _Numbers) -> Insured:
    psn_no = numbers.numbered(person.region + SCRIPTED_BLOCK, person.id)
    sex = MALE if person.sex == "male" else FEMALE
    return Insured(
        psn_no=psn_no,
        certno=numbers.identity(person.birth, crc32(psn_no.encode()), sex),
        name=person.name,
        region=person.region,
        insutype=person.insutype,
        psn_type=person.psn_type,
        birth=person.birth,
        sex=sex,
        household=psn_no,
        balance_fen=person.balance_fen,
        assistance=person.assistance,
        chronic=person.chronic,
        status=person.status,
        suspended_from=person.suspended_from,
        ytd=person.ytd,
        filings=person.filings,
        scenario_id=person.id,
    )


def _join_households(persons: tuple[Person, ...], scripted: dict[str, Insured]) -> None:
    """Who names a household shares the account of the first who names it."""
    holders: dict[str, str] = {}
    for person in persons:
        if person.household is not None:
            insured = scripted[person.id]
            holder = holders.setdefault(person.household, insured.psn_no)
            scripted[person.id] = msgspec.structs.replace(insured, household=holder)


def _pool(flow: Flow, year: int, numbers: _Numbers, streams: Streams) -> tuple[Insured, ...]:
    stream = streams.stream("people", f"{flow.from_}/{flow.name}")
    block = numbers.numbered(flow.from_, flow.name)
    schemes, categories = Weighted(flow.mix.insutype), Weighted(flow.mix.filing)
    pool: list[Insured] = []
    for index in range(flow.people):
        drawn = _Drawn(stream, schemes, categories, year)
        psn_no = f"{block}{index:06d}"
        before = pool[-1] if pool and pool[-1].insutype == drawn.insutype else None
        shares = drawn.shares and before is not None
        pool.append(
            Insured(
                psn_no=psn_no,
                certno=numbers.identity(drawn.birth, crc32(psn_no.encode()), drawn.sex),
                name=drawn.stem + "模" + "".join(NUMERALS[int(digit)] for digit in str(index)),
                region=flow.from_,
                insutype=drawn.insutype,
                psn_type=drawn.psn_type,
                birth=drawn.birth,
                sex=drawn.sex,
                household=before.household if shares and before is not None else psn_no,
                balance_fen=drawn.balance_fen,
                chronic=(drawn.disease,) if flow.visit == "chronic" else (),
                filings=_held(drawn.category, flow.to),
                flow=flow.name,
                category=drawn.category,
            )
        )
    return tuple(pool)


class _Drawn:
    """All draws of one person, always the same number of them and in the same order."""

    def __init__(
        self, stream: Random, schemes: Weighted[str], categories: Weighted[Category], year: int
    ) -> None:
        self.insutype = schemes.draw(stream)
        self.category = categories.draw(stream)
        employee = self.insutype == "310"
        age = (_AGES_EMPLOYEE if employee else _AGES_RESIDENT).draw(stream)
        # Nobody insured as an employee is a child.
        age = max(age, 22) if employee else age
        self.birth = f"{year - age - 1}-{between(stream, 1, 12):02d}-{between(stream, 1, 28):02d}"
        self.sex = MALE if below(stream, 2) else FEMALE
        self.stem = STEMS[below(stream, len(STEMS))]
        balance = _BALANCES_FEN.draw(stream)
        self.balance_fen = balance if employee else 0
        self.disease = _CHRONIC.draw(stream)
        self.shares = chance(stream, _SHARED_ACCOUNT_PER_MILLION)
        self.psn_type = _psn_type(employee, age)


def _psn_type(employee: bool, age: int) -> str:
    """Employees are at work or retired, residents adults. Source: domain 3.1."""
    if employee:
        return "1201" if age >= _RETIREMENT_AGE else "1101"
    return "1501"


def _held(category: Category, area: str) -> tuple[HeldFiling, ...]:
    """The filing of a pool's person; the emergency marker and none need none."""
    if category == "none" or category == "emergency":  # noqa: PLR1714 - narrows the type
        return ()
    return (HeldFiling(category=category, area=area),)
