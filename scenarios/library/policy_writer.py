"""Policies written back as TOML, so that a bundle holds the policies it was run with.

What is written is read back by `policy_file.load_policies_text` as an equal book. Optional
numbers that are at their default of nothing are left out.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

import msgspec

from yidi.nodes.policy import (
    FilingCut,
    InpatientTerms,
    Policy,
    PolicyBook,
    SeriousIllness,
    YearlyTerms,
)
from yidi.protocol.money import yuan

Value = str | int | bool | list[str]


def dump_policies(book: PolicyBook, regions: Collection[str] | None = None) -> str:
    """The book as one TOML text, all of it or the policies of some regions."""
    lines = ["# Benefit policies as used by a run. Money is yuan, ratios are basis points.", ""]
    lines += ["schema = 1", "", "[filing_cut_default]", *_cut(book.filing_cut_default)]
    lines.append(_line("source", book.filing_cut_source))
    for agreement in book.no_filing:
        lines += ["", "[[no_filing]]"]
        for name in agreement.__struct_fields__:
            value = getattr(agreement, name)
            lines.append(_line(name, list(value) if isinstance(value, tuple) else value))
    for policy in book.policies:
        if regions is None or policy.region in regions:
            lines += _policy(policy)
    return "\n".join(lines) + "\n"


def _policy(policy: Policy) -> Iterator[str]:
    yield from ("", "[[policy]]")
    for name in ("region", "name", "insutype", "valid_from", "valid_to", "source"):
        value = getattr(policy, name)
        if value is not None:
            yield _line(name, value)
    if policy.referral_list:
        yield _line("referral_list", list(policy.referral_list))
    if policy.inpatient is not None:
        yield from ("", "[policy.inpatient]", *_inpatient(policy.inpatient))
    for kind, terms in (("outpatient", policy.outpatient), ("chronic", policy.chronic)):
        if terms is not None:
            yield from ("", f"[policy.{kind}]", f'deductible = "{yuan(terms.deductible_fen)}"')
            yield from _ratios(terms)
    if policy.large is not None:
        cap = yuan(policy.large.cap_fen)
        yield from ("", "[policy.large]", f"ratio = {policy.large.ratio_bp}", f'cap = "{cap}"')
    if policy.filing_cut is not None:
        yield from ("", "[policy.filing_cut]", *_cut(policy.filing_cut))
    if policy.serious_illness is not None:
        yield from ("", "[policy.serious_illness]", *_serious(policy.serious_illness))
    if policy.assistance:
        yield from ("", "[policy.assistance]")
        for category, rule in policy.assistance.items():
            cap = yuan(rule.cap_fen)
            yield f'{_quoted(category)} = {{ ratio = {rule.ratio_bp}, cap = "{cap}" }}'
    if policy.provenance:
        yield from ("", "[policy.provenance]")
        for path, origin in policy.provenance.items():
            yield f"{_quoted(path)} = {_quoted(origin)}"


def _inpatient(terms: InpatientTerms) -> Iterator[str]:
    yield f"deductible = {_money_table(terms.deductible)}"
    if terms.deductible_out is not None:
        yield f"deductible_out = {_money_table(terms.deductible_out)}"
    if terms.deductible_step_fen:
        yield _line("deductible_step", yuan(terms.deductible_step_fen))
    if terms.deductible_floor_fen:
        yield _line("deductible_floor", yuan(terms.deductible_floor_fen))
    percent = terms.deductible_percent
    if percent is not None:
        bounds = f'floor = "{yuan(percent.floor_fen)}", ceiling = "{yuan(percent.ceiling_fen)}"'
        yield f"deductible_percent = {{ bp = {percent.ratio_bp}, {bounds} }}"
    yield from _ratios(terms)


def _ratios(terms: InpatientTerms | YearlyTerms) -> Iterator[str]:
    ratios = ", ".join(f"{_quoted(level)} = {ratio}" for level, ratio in terms.ratio.items())
    yield f"ratio = {{ {ratios} }}"
    if terms.retired_bonus_bp:
        yield _line("retired_bonus", terms.retired_bonus_bp)
    yield _line("annual_cap", yuan(terms.annual_cap_fen))


def _serious(scheme: SeriousIllness) -> Iterator[str]:
    yield _line("threshold", yuan(scheme.threshold_fen))
    tiers = ", ".join(
        f'["{"" if tier.upper_fen is None else yuan(tier.upper_fen)}", {tier.ratio_bp}]'
        for tier in scheme.tiers
    )
    yield f"tiers = [{tiers}]"
    yield _line("cap", yuan(scheme.cap_fen))
    yield _line("oop_excludes_deductible", scheme.oop_excludes_deductible)


def _cut(cut: FilingCut) -> Iterator[str]:
    for name in cut.__struct_fields__:
        yield _line(name, getattr(cut, name))


def _money_table(table: Mapping[str, int]) -> str:
    cells = ", ".join(f'{_quoted(level)} = "{yuan(fen)}"' for level, fen in table.items())
    return f"{{ {cells} }}"


def _line(key: str, value: Value) -> str:
    return f"{key} = {msgspec.json.encode(value).decode()}"


def _quoted(text: str) -> str:
    # A JSON string is a TOML basic string, escapes included.
    return msgspec.json.encode(text).decode()
