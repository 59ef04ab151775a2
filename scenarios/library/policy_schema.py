"""The policy file as types: what `[[policy]]` and its sections may hold, and nothing else.

These mirror `yidi.nodes.policy` with yuan and dates as people write them; `policy_file` turns
one into the other. A level table is keyed by hospital level, a tier is written
`[upper bound above the threshold, ratio]` with an empty bound for the last one.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from yidi.protocol.codes import check_code
from yidi.protocol.errors import ErrorCode, ScenarioError, YidiError
from yidi.protocol.instants import parse_date
from yidi.protocol.regions import check_region
from yidi.scenarios.library.values import Fen, annotated, yuan_reader

Level = Literal["1", "2", "3", "provincial"]
Ratio = Annotated[int, msgspec.Meta(ge=0, le=10_000)]
"""Basis points."""

NAME_MAX = 60

Text = Annotated[str, msgspec.Meta(min_length=1, max_length=400)]
Prefix = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{2}\Z")]


def _day_reader(value: object) -> object:
    """Reader of an ISO date, in quotes or as a TOML date."""
    try:
        return parse_date(str(value))
    except YidiError:
        raise ScenarioError(ErrorCode.E_DATE, want='"2024-01-01"', got=str(value)) from None


def _region_reader(value: object) -> object:
    try:
        return check_region(str(value))
    except YidiError as error:
        raise ScenarioError(error.code, want="a region code", got=str(value)) from None


def _name_reader(value: object) -> object:
    """Reader of a name: nothing in it may move a cursor or turn a line around."""
    if isinstance(value, str) and 0 < len(value) <= NAME_MAX and value.isprintable():
        return value
    want = f"visible characters, at most {NAME_MAX}"
    raise ScenarioError(ErrorCode.E_NAME, want=want, got=ascii(value))


def _insutype_reader(value: object) -> object:
    try:
        return check_code("insutype", str(value))
    except YidiError as error:
        raise ScenarioError(error.code, want=error.want, got=error.got) from None


def _tier_reader(value: object) -> object:
    """Reader of `["50000.00", 6000]`; `["", 8000]` has no bound."""
    if not isinstance(value, list) or len(value) != 2:
        want = '[upper bound in yuan or "", ratio]'
        raise ScenarioError(ErrorCode.E_TYPE, want=want, got=str(value))
    upper, ratio = value
    return {"upper": None if upper == "" else yuan_reader(upper), "ratio": ratio}


Day = Annotated[str, annotated(_day_reader)]
Region = Annotated[str, annotated(_region_reader)]
Name = Annotated[str, annotated(_name_reader)]
Insutype = Annotated[str, annotated(_insutype_reader)]


class TierEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One step of the serious-illness scale, fen and basis points."""

    upper: int | None
    ratio: Ratio


class PercentEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`deductible_percent`."""

    bp: Ratio
    floor: Fen
    ceiling: Fen


class InpatientEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[policy.inpatient]`."""

    deductible: dict[Level, Fen]
    ratio: dict[Level, Ratio]
    annual_cap: Fen
    deductible_out: dict[Level, Fen] | None = None
    deductible_percent: PercentEntry | None = None
    deductible_step: Fen = 0
    deductible_floor: Fen = 0
    retired_bonus: Ratio = 0


class YearlyEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[policy.outpatient]` and `[policy.chronic]`."""

    deductible: Fen
    ratio: dict[Level, Ratio]
    annual_cap: Fen
    retired_bonus: Ratio = 0


class CappedEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[policy.large]` and each category of `[policy.assistance]`; the cap is per claim."""

    ratio: Ratio
    cap: Fen


class SeriousEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[policy.serious_illness]`."""

    threshold: Fen
    tiers: tuple[Annotated[TierEntry, annotated(_tier_reader)], ...]
    cap: Fen
    oop_excludes_deductible: bool = False


class CutEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[policy.filing_cut]` and `[filing_cut_default]`."""

    mode: Literal["points", "multiplier"]
    referral: Ratio
    emergency: Ratio
    other_temporary: Ratio
    source: str = ""


class PolicyEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[[policy]]`: one region, one insurance type, from one date."""

    region: Region
    name: Name
    insutype: Insutype
    valid_from: Day
    valid_to: Day | None = None
    source: str = ""
    inpatient: InpatientEntry | None = None
    outpatient: YearlyEntry | None = None
    chronic: YearlyEntry | None = None
    large: CappedEntry | None = None
    serious_illness: SeriousEntry | None = None
    assistance: dict[Text, CappedEntry] = {}
    filing_cut: CutEntry | None = None
    referral_list: tuple[Text, ...] = ()
    provenance: dict[Text, Text] = {}


class NoFilingEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[[no_filing]]`: visits that need no filing, by agreement."""

    name: Name
    insured: tuple[Prefix, ...]
    treatment: tuple[Prefix, ...]
    med_type: tuple[Text, ...]
    source: str = ""
    provenance: str = ""


class PolicyFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A whole policy file."""

    schema: Literal[1]
    policy: tuple[PolicyEntry, ...] = ()
    no_filing: tuple[NoFilingEntry, ...] = ()
    filing_cut_default: CutEntry | None = None
