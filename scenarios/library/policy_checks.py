"""What a policy file may not say, and what it may say but a person should know.

Refused: what no computation could follow (bounds that fall, versions that overlap, provenance
of a number that is not there). Warned of: cuts beyond the national ceilings of 10 and 20 points,
a level that has a ratio but no deductible, a number without provenance.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Literal

from yidi.nodes.policy import FilingCut, Policy, PolicyBook
from yidi.protocol.errors import ErrorCode
from yidi.protocol.money import BASIS_POINTS
from yidi.scenarios.library.policy_schema import PolicyEntry, SeriousEntry
from yidi.scenarios.library.toml_lines import Document, suggest

CEILINGS = {"referral": 1000, "emergency": 1000, "other_temporary": 2000}
"""The most that a filing category may cost, in basis points. Source: S18, domain 2.6."""


def overlap(one: Policy, other: Policy) -> bool:
    """Whether two versions are in force on one day."""
    return (other.valid_to is None or one.valid_from <= other.valid_to) and (
        one.valid_to is None or other.valid_from <= one.valid_to
    )


def check_entry(document: Document, entry: PolicyEntry, index: int) -> None:
    """Refuse what no computation could follow.

    Raises:
        ScenarioError: `E_RANGE`, or `E_UNKNOWN_KEY` for provenance of nothing.
    """
    for keys, want in _mistakes(entry):
        raise document.error(ErrorCode.E_RANGE, ("policy", index, *keys), want=want)
    known = list(number_paths(entry))
    for path in entry.provenance:
        bare = path.partition("@")[0]
        if not any(one == bare or one.startswith(bare + ".") for one in known):
            place = ("policy", index, "provenance", path)
            want = suggest(path, known)
            raise document.error(ErrorCode.E_UNKNOWN_KEY, place, want=want, got=path)


def _mistakes(entry: PolicyEntry) -> Iterator[tuple[tuple[str, ...], str]]:
    """Key and what is wanted there, for each thing out of range."""
    if entry.valid_to is not None and entry.valid_to < entry.valid_from:
        yield ("valid_to",), "a day not before valid_from"
    if entry.large is not None and entry.serious_illness is not None:
        # Both would pay the same part of the bill.
        yield ("serious_illness",), "large (employees) or serious_illness (residents), not both"
    percent = None if entry.inpatient is None else entry.inpatient.deductible_percent
    if percent is not None and percent.floor > percent.ceiling:
        yield ("inpatient", "deductible_percent"), "a ceiling not below the floor"
    if entry.serious_illness is not None and not _rising(entry.serious_illness):
        yield ("serious_illness", "tiers"), 'upper bounds that rise; only the last may be ""'


def _rising(entry: SeriousEntry) -> bool:
    if not entry.tiers or any(tier.upper is None for tier in entry.tiers[:-1]):
        return False
    bounds = [0, *(tier.upper for tier in entry.tiers if tier.upper is not None)]
    return all(earlier < later for earlier, later in pairwise(bounds))


def number_paths(entry: PolicyEntry | Policy) -> Iterator[str]:
    """The paths of a policy's numbers, as `provenance` names them."""
    stay = entry.inpatient
    if stay is not None:
        yield from (f"inpatient.deductible.{level}" for level in stay.deductible)
        yield from (f"inpatient.deductible_out.{level}" for level in stay.deductible_out or ())
        if stay.deductible_percent is not None:
            yield from (f"inpatient.deductible_percent.{k}" for k in ("bp", "floor", "ceiling"))
        yield from ("inpatient.deductible_step", "inpatient.deductible_floor")
    for kind in ("inpatient", "outpatient", "chronic"):
        section = getattr(entry, kind)
        if section is not None:
            if kind != "inpatient":
                yield f"{kind}.deductible"
            yield from (f"{kind}.ratio.{level}" for level in section.ratio)
            yield from (f"{kind}.retired_bonus", f"{kind}.annual_cap")
    if entry.large is not None:
        yield from ("large.ratio", "large.cap")
    if entry.filing_cut is not None:
        yield from (f"filing_cut.{category}" for category in CEILINGS)
    if entry.serious_illness is not None:
        yield "serious_illness.threshold"
        count = len(entry.serious_illness.tiers)
        yield from (f"serious_illness.tiers.{index}" for index in range(count))
        yield "serious_illness.cap"
    for category in entry.assistance:
        yield from (f"assistance.{category}.ratio", f"assistance.{category}.cap")
    if entry.referral_list:
        yield "referral_list"


# --- Warnings ----------------------------------------------------------------------------------


def policy_warnings(book: PolicyBook, language: Literal["zh", "en"] = "zh") -> list[str]:
    """One line for everything a person should know before trusting these policies."""
    lines = []
    for policy in book.policies:
        who = f"{policy.name} {policy.region} {policy.insutype}"
        for zh, en in _warnings(policy, book.cut_of(policy)):
            lines.append(f"{who}：{zh}" if language == "zh" else f"{who}: {en}")
    return lines


def _warnings(policy: Policy, cut: FilingCut) -> Iterator[tuple[str, str]]:
    for category, ceiling in CEILINGS.items():
        points = _points(policy, cut, category)
        if points > ceiling:
            asked, most = f"{points // 100}.{points % 100:02d}", ceiling // 100
            yield (
                f"{category} 降低 {asked} 个百分点，超过国家上限 {most} 个百分点",
                f"{category} costs {asked} points; the national ceiling is {most}",
            )
    stay = policy.inpatient
    for level in stay.ratio if stay is not None else ():
        if stay is not None and level not in stay.deductible:
            yield (
                f"住院 {level} 级有支付比例而无起付线，将按 E_NO_POLICY 拒绝",
                f"inpatient level {level} has a ratio but no deductible: E_NO_POLICY",
            )
    if not policy.source:
        for path in number_paths(policy):
            if not policy.provenance_of(path) and _is_set(policy, path):
                yield f"{path} 未注明出处", f"{path} has no provenance"


def _points(policy: Policy, cut: FilingCut, category: str) -> int:
    """The most that a cut takes off any ratio of the policy, in basis points."""
    number = cut.of(category)
    if number is None or cut.mode == "points":
        return number or 0
    sections = (policy.inpatient, policy.outpatient, policy.chronic)
    highest = max(
        (max(one.ratio.values(), default=0) + one.retired_bonus_bp for one in sections if one),
        default=0,
    )
    return min(highest, BASIS_POINTS) * (BASIS_POINTS - number) // BASIS_POINTS


def _is_set(policy: Policy, path: str) -> bool:
    """Whether an optional number is more than its default of nothing."""
    kind, _, name = path.partition(".")
    defaults = {
        "deductible_step": "deductible_step_fen",
        "deductible_floor": "deductible_floor_fen",
        "retired_bonus": "retired_bonus_bp",
    }
    return name not in defaults or bool(getattr(getattr(policy, kind), defaults[name]))
