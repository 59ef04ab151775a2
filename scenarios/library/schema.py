"""The scenario file as types: what `[[region]]`, `[[person]]`, `[[flow]]` and the rest may say.

One frozen struct per table, every unknown key refused. Names in TOML and in code are the same,
but for money (`balance` in yuan is `balance_fen` here), for `from` (`from_`), and for values
with a unit, which arrive here as integers (see `values`). What one field cannot know (that a
region is defined, that a window is not empty) is checked in `validation`.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from yidi.protocol.instants import Duration, Instant, start_of_day
from yidi.scenarios.library.cases import (
    Bilingual,
    Case,
    Expectation,
    Fields,
    FilingCategory,
    Item,
    Step,
    StepWord,
)
from yidi.scenarios.library.values import Fen, PerMillion, Seed, SignedSpan, Span, When

__all__ = [
    "ALL_MED_TYPES",
    "Arrivals",
    "Bilingual",
    "Bill",
    "Calendar",
    "Case",
    "CaseFilter",
    "Checks",
    "Clearing",
    "Expect",
    "Expectation",
    "Fault",
    "Fields",
    "FilingCategory",
    "Flow",
    "HeldFiling",
    "Institution",
    "Item",
    "Latency",
    "Level",
    "Link",
    "Mix",
    "PaymentFail",
    "Person",
    "Region",
    "Scenario",
    "Skip",
    "Step",
    "StepWord",
    "When",
    "YearToDate",
]

SCHEMA_VERSION = 1
DEFAULT_SEED = 1
"""Used where the file names no seed; printed with every run."""

ALL_MED_TYPES = ("11", "12", "13", "14", "15", "21", "22", "23", "24", "41", "51", "52", "53")
"""Business types an institution has opened unless it says otherwise. Source: domain 3.1."""

Level = Literal["1", "2", "3", "provincial"]
BasisPoints = Annotated[int, msgspec.Meta(ge=0, le=10_000)]
Weight = Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]


class Region(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A region that takes part; one code may play both roles."""

    code: str
    roles: tuple[Literal["insured", "treatment"], ...] = ("insured", "treatment")
    policy: str | None = None
    """Region whose policy applies (疏勒 653122 uses 653100); default its own."""
    population: int = 0
    population_source: str | None = None
    """Where the number comes from; without it the enrolment is illustrative."""
    bank_fen: Fen = msgspec.field(default=0, name="bank")
    """Opening balance of the pool."""
    prefund_fen: dict[str, Fen] = msgspec.field(default_factory=dict, name="prefund")
    """Opening prefund paid to each treatment province: `{"310000" = "200000000"}`."""
    clock_skew: SignedSpan = 0
    """Microseconds this region's clock is ahead of the hub's."""

    @property
    def policy_region(self) -> str:
        """The region whose policy applies."""
        return self.policy or self.code


class Latency(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A quantile table of delays in microseconds, interpolated in integers."""

    p50: Span
    p90: Span
    p99: Span
    max: Span


class Link(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How messages travel between addresses that match; the first matching link counts."""

    from_: str = msgspec.field(default="*", name="from")
    """`treatment:310000`, `hub:*` or `*`."""
    to: str = "*"
    latency: Latency | None = None
    loss: PerMillion = 0
    duplicate: PerMillion = 0


class YearToDate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Accumulators of the benefit year at the scenario's start; names of `yidi quote`."""

    stays: Annotated[int, msgspec.Meta(ge=0, le=365)] = 0
    deductible_fen: Fen = msgspec.field(default=0, name="deductible")
    hifp_pay_fen: Fen = msgspec.field(default=0, name="hifp_pay")
    compliant_oop_fen: Fen = msgspec.field(default=0, name="compliant_oop")
    outpatient_pay_fen: Fen = msgspec.field(default=0, name="outpatient_pay")


class HeldFiling(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A remote filing already effective at the start."""

    category: FilingCategory
    area: str
    from_: str | None = msgspec.field(default=None, name="from")
    """First valid day; default the scenario's first day."""
    to: str | None = None
    """Last valid day; default: none for long-stay kinds, six months for temporary ones."""


class Person(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An insured person; synthetic."""

    id: str
    name: str
    region: str
    insutype: str = "310"
    psn_type: str = "1101"
    birth: str = "1970-01-01"
    sex: Literal["male", "female"] = "female"
    balance_fen: Fen = msgspec.field(default=0, name="balance")
    """Personal account."""
    assistance: str | None = None
    """Category of medical assistance (救助)."""
    chronic: tuple[str, ...] = ()
    """National codes of chronic diseases the person is registered for."""
    household: str | None = None
    """Persons with the same household share an account; default one's own."""
    status: Literal["normal", "suspended"] = "normal"
    suspended_from: str | None = None
    ytd: YearToDate = YearToDate()
    filings: tuple[HeldFiling, ...] = ()


class Institution(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A hospital (H…) or pharmacy (P…)."""

    code: str
    name: str
    region: str
    level: Level = "3"
    opened: tuple[str, ...] = ALL_MED_TYPES
    """med_types opened for cross-region settlement."""


class Arrivals(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An open model: patients come whether or not the network keeps up."""

    process: Literal["constant", "poisson", "ramp", "hospital-day"] = "poisson"
    per_day: int
    per_day_end: int | None = None
    """For `ramp`: the rate at the end."""
    count: int | None = None
    """At most so many arrivals in all."""


class Mix(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Integer weights by which each visit is drawn."""

    insutype: dict[str, Weight] = msgspec.field(default_factory=lambda: {"310": 70, "390": 30})
    level: dict[Level, Weight] = msgspec.field(default_factory=lambda: {"1": 20, "2": 30, "3": 50})
    filing: dict[FilingCategory | Literal["none"], Weight] = msgspec.field(
        default_factory=lambda: {"long_stay": 100}
    )


class Bill(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A quantile table of bills, written in yuan."""

    p50_fen: Fen = msgspec.field(name="p50")
    p90_fen: Fen = msgspec.field(name="p90")
    p99_fen: Fen = msgspec.field(name="p99")
    max_fen: Fen = msgspec.field(name="max")


class Flow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Background traffic of one kind from one insured to one treatment region."""

    name: str
    from_: str = msgspec.field(name="from")
    """Insured region."""
    to: str
    """Treatment region."""
    visit: Literal["outpatient", "chronic", "inpatient", "pharmacy"] = "outpatient"
    arrivals: Arrivals
    starts: Span = 0
    """Offset of the first possible arrival."""
    ends: Span | None = None
    """Offset after which none comes; default the scenario's duration."""
    mix: Mix = Mix()
    items: tuple[int, int] = (1, 5)
    """Least and most fee lines."""
    bill: Bill
    in_scope_bp: tuple[BasisPoints, BasisPoints] = (8_500, 10_000)
    """Least and greatest share of the bill inside the policy's scope."""
    account_bp: BasisPoints = 0
    """Share of visits paying from the personal account."""
    cancel_bp: BasisPoints = 0
    """Share of settlements cancelled the next day."""
    people: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 200
    """Size of the pool of synthetic persons."""


class Fault(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One fault, in one sentence of business words."""

    do: str
    """*lose the 2nd settlement answer from 340600 to 310000 on day 3*."""
    from_: Span | None = msgspec.field(default=None, name="from")
    until: Span | None = None


class CaseFilter(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Rows of cases.jsonl at the treatment region; what is not named matches all."""

    treatment: str | None = None
    insured: str | None = None
    insutype: str | None = None
    med_type: str | None = None
    institution: str | None = None
    state: str | None = None


CaseState = Literal["NEW", "PRESETTLED", "SETTLED", "REJECTED", "REVERSED", "CLEARED", "MANUAL"]


class Expect(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the run must come to, by scripted case or by filter."""

    case: str | None = None
    filter: CaseFilter | None = None
    outcome: CaseState | None = None
    """State at the end of the run; MANUAL: paid in full, to be claimed on paper."""
    code: str | None = None
    count: int | None = None
    at_least: int | None = None
    at_most: int | None = None
    fields: dict[str, str] = {}
    """Column of cases.jsonl or national field name → value as text."""


class Skip(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A check left out, and why."""

    id: str
    reason: str


class Checks(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which checks judge the run; default all that apply."""

    skip: tuple[Skip, ...] = ()
    only: tuple[str, ...] = ()


class Calendar(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Days of the month after the clearing period, and working days. Source: domain 5."""

    declare_day: Annotated[int, msgspec.Meta(ge=1, le=28)] = 20
    generate_day: Annotated[int, msgspec.Meta(ge=1, le=28)] = 21
    confirm_day: Annotated[int, msgspec.Meta(ge=1, le=28)] = 25
    to_finance_wd: Annotated[int, msgspec.Meta(ge=0, le=60)] = 5
    transfer_wd: Annotated[int, msgspec.Meta(ge=0, le=60)] = 10
    feedback_wd: Annotated[int, msgspec.Meta(ge=0, le=60)] = 5
    max_defer_months: Annotated[int, msgspec.Meta(ge=0, le=12)] = 2


class PaymentFail(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A payment that fails at finance so many times before it succeeds."""

    payer: str
    payee: str
    period: str | None = None
    times: Annotated[int, msgspec.Meta(ge=1, le=10)] = 1


class Clearing(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The monthly clearing that the run waits for."""

    periods: tuple[str, ...] = ()
    mode: Literal["gross"] = "gross"
    account: Literal["spot", "cleared"] = "spot"
    """Personal-account money: paid on the spot, or cleared too."""
    calendar: Calendar = Calendar()
    payment_fail: tuple[PaymentFail, ...] = ()


class Scenario(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A whole scenario file."""

    schema: int
    name: str
    title: Bilingual
    story: Bilingual
    source: str
    """Document and passage the story comes from, quoted."""
    tags: tuple[str, ...] = ()
    requirements: tuple[str, ...] = ()
    """Rule ids this scenario exercises, such as BEN-03."""
    illustrative: tuple[Bilingual | str, ...] = ()
    """Which numbers are made up; a plain text stands in both languages."""
    seed: Seed = DEFAULT_SEED
    start: str = "2026-03-01"
    """First day, or `now` (live runs only)."""
    duration: Span
    """Microseconds in which arrivals happen; the run then goes on until nothing is pending."""
    exchanges: tuple[Literal["national", "yangtze-delta"], ...] = ("national",)
    policies: tuple[str, ...] = ()
    """Policy files, relative to this one; default the built-in policies."""
    region: tuple[Region, ...] = ()
    link: tuple[Link, ...] = ()
    person: tuple[Person, ...] = ()
    institution: tuple[Institution, ...] = ()
    case: tuple[Case, ...] = ()
    flow: tuple[Flow, ...] = ()
    fault: tuple[Fault, ...] = ()
    expect: tuple[Expect, ...] = ()
    checks: Checks = Checks()
    signatures: bool = False
    """Whether every message is signed and verified: HMAC-SM3, and SM2 for documents."""
    thresholds: dict[str, tuple[str, ...]] = {}
    """`"latency{stage=settlement}" = ["p(99)<500ms"]`; see `thresholds`."""
    clearing: Clearing | None = None

    def start_instant(self, now: Instant | None = None) -> Instant:
        """Midnight (China) of the first day; `now` is what `start = "now"` stands for."""
        if self.start != "now":
            return start_of_day(self.start)
        if now is None:
            raise ValueError('start = "now" is for live runs only')
        return now

    def made_up(self, language: str) -> list[str]:
        """Which numbers are made up, in `zh` or `en`."""
        return [one if isinstance(one, str) else one.text(language) for one in self.illustrative]

    @property
    def span(self) -> Duration:
        """The duration as a `Duration`."""
        return Duration(self.duration)
