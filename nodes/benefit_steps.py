"""The explanation of a split: one `Step` per rule, built from numbers already computed.

Nothing is computed here. `benefit.compute` hands over what it just found, when somebody asked
for an explanation; a `Step` names its rule, which case of the rule it was, its numbers, and the
paths of the policy's parameters that were used, so that a view can show where each comes from.
The sentences live in the views, in two languages.
"""

from __future__ import annotations

import msgspec

from yidi.nodes.claim import Claim, Split
from yidi.nodes.policy import (
    OUTPATIENT,
    VISIT_KINDS,
    DeductiblePercent,
    FilingCut,
    InpatientTerms,
    LargeAmount,
    Policy,
    PolicyBook,
    SeriousIllness,
    YearlyTerms,
    in_pooling_area,
)
from yidi.protocol.codes import is_retired

Numbers = dict[str, int | str]


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One rule as it was applied."""

    rule: str
    """`BEN-01` … `BEN-10`."""
    case: str
    """Which branch of the rule; a view picks its sentence by rule and case."""
    numbers: Numbers
    """Keys ending `_fen` are fen, `_bp` basis points, others as they are."""
    parameters: tuple[str, ...] = ()
    """Paths of the policy's numbers that were used (`inpatient.ratio.3`), for provenance."""


def scope(claim: Claim, inscp: int) -> Step:
    """BEN-01: what is in scope."""
    return Step(
        rule="BEN-01",
        case="scope",
        numbers={
            "medfee_sumamt_fen": claim.total_fen,
            "fulamt_ownpay_amt_fen": claim.full_self_fen,
            "overlmt_selfpay_fen": claim.over_limit_fen,
            "preselfpay_amt_fen": claim.prepay_fen,
            "inscp_scp_amt_fen": inscp,
        },
    )


def table_deductible(claim: Claim, table: str, found: tuple[int, int, int]) -> Step:
    """BEN-02 by table, from (the table's amount, after earlier stays, what this claim pays)."""
    base, nominal, deductible = found
    used: tuple[str, ...] = (f"inpatient.{table}.{claim.hosp_lv}",)
    if nominal < base:
        used += ("inpatient.deductible_step", "inpatient.deductible_floor")
    return Step(
        rule="BEN-02",
        case=table + ("_lowered" if nominal < base else ""),
        numbers={
            "hosp_lv": claim.hosp_lv,
            "table_fen": base,
            "stays": claim.ytd.stays,
            "nominal_fen": nominal,
            "act_pay_dedc_fen": deductible,
        },
        parameters=used,
    )


def percent_deductible(
    claim: Claim, percent: DeductiblePercent, found: tuple[int, int, int]
) -> Step:
    """BEN-02 by share of the bill, from (the share, within bounds, what this claim pays)."""
    asked, nominal, deductible = found
    return Step(
        rule="BEN-02",
        case="deductible_percent",
        numbers={
            "medfee_sumamt_fen": claim.total_fen,
            "percent_bp": percent.ratio_bp,
            "share_fen": asked,
            "floor_fen": percent.floor_fen,
            "ceiling_fen": percent.ceiling_fen,
            "nominal_fen": nominal,
            "act_pay_dedc_fen": deductible,
        },
        parameters=tuple(
            f"inpatient.deductible_percent.{key}" for key in ("bp", "floor", "ceiling")
        ),
    )


def yearly_deductible(claim: Claim, terms: YearlyTerms, deductible: int) -> Step:
    """BEN-03: what is left of the year's deductible."""
    path = f"{VISIT_KINDS[claim.med_type]}.deductible"
    return Step(
        rule="BEN-03",
        case="yearly",
        numbers={
            "deductible_fen": terms.deductible_fen,
            "ytd_deductible_fen": claim.ytd.deductible_fen,
            "act_pay_dedc_fen": deductible,
        },
        parameters=(path, f"{path}@{claim.hosp_lv}"),
    )


def ratio(
    claim: Claim, book: PolicyBook, cut: FilingCut | None, found: tuple[int, int, int]
) -> Step:
    """BEN-04, from (the table's ratio, with the retired bonus, after the cut)."""
    table, whole, final = found
    kind = VISIT_KINDS[claim.med_type]
    used: tuple[str, ...] = (f"{kind}.ratio.{claim.hosp_lv}",)
    numbers: Numbers = {"hosp_lv": claim.hosp_lv, "filing": claim.filing, "table_bp": table}
    if whole != table:
        used += (f"{kind}.retired_bonus",)
        numbers["retired_bonus_bp"] = whole - table
    points = cut.of(claim.filing) if cut is not None else None
    agreement = book.agreement(claim.insured, claim.treatment, claim.med_type)
    if cut is not None and points is not None:
        case: str = cut.mode
        numbers["cut_bp"] = points
        used += (f"filing_cut.{claim.filing}",)
    elif in_pooling_area(claim.insured, claim.treatment):
        case = "pooling_area"
    elif agreement is not None:
        case = "no_filing"
        numbers["agreement"] = agreement.name
        used += (f"no_filing.{agreement.name}",)
    else:
        case = "long_stay"
    numbers["pool_prop_selfpay_bp"] = final
    return Step(rule="BEN-04", case=case, numbers=numbers, parameters=used)


def pool(
    claim: Claim,
    terms: InpatientTerms | YearlyTerms,
    base: tuple[int, int, int],
    found: tuple[int, int],
) -> Step:
    """BEN-05, from (in scope, deductible, ratio) and (pay before the cap, pay)."""
    inscp, deductible, ratio_bp = base
    uncapped, hifp = found
    kind = VISIT_KINDS[claim.med_type]
    used: tuple[str, ...] = (f"{kind}.annual_cap",)
    if is_retired(claim.psn_type):
        used += (f"{kind}.annual_cap@retired",)
    return Step(
        rule="BEN-05",
        case="whole" if hifp == uncapped else "capped",
        numbers={
            "inscp_scp_amt_fen": inscp,
            "act_pay_dedc_fen": deductible,
            "pool_prop_selfpay_bp": ratio_bp,
            "uncapped_fen": uncapped,
            "annual_cap_fen": terms.annual_cap_fen,
            "ytd_fen": claim.ytd.outpatient_fen if kind == OUTPATIENT else claim.ytd.hifp_fen,
            "hifp_pay_fen": hifp,
        },
        parameters=used,
    )


def large(scheme: LargeAmount, found: tuple[int, int, int]) -> Step:
    """BEN-06, from (pooled pay cut off, the base it stands for, what 大额 pays)."""
    cut_off, excess, hifob = found
    return Step(
        rule="BEN-06",
        case="above_cap" if cut_off else "below_cap",
        numbers={
            "cut_off_fen": cut_off,
            "excess_fen": excess,
            "large_bp": scheme.ratio_bp,
            "large_cap_fen": scheme.cap_fen,
            "hifob_pay_fen": hifob,
        },
        parameters=("large.ratio", "large.cap") if cut_off else (),
    )


def serious(scheme: SeriousIllness, before: int, oop: int, sums: tuple[int, int]) -> Step:
    """BEN-07, from the year's out-of-pocket, this claim's, and the two tier sums."""
    earlier, later = sums
    reached = before + oop > scheme.threshold_fen
    tiers = [f"serious_illness.tiers.{index}" for index in range(len(scheme.tiers))]
    return Step(
        rule="BEN-07",
        case="reached" if reached else "not_reached",
        numbers={
            "oop_fen": oop,
            "ytd_compliant_oop_fen": before,
            "threshold_fen": scheme.threshold_fen,
            "tiers_before_fen": earlier,
            "tiers_after_fen": later,
            "serious_illness_cap_fen": scheme.cap_fen,
            "hifmi_pay_fen": later - earlier,
        },
        parameters=(
            "serious_illness.threshold",
            *([*tiers, "serious_illness.cap"] if reached else ()),
        ),
    )


def assistance(claim: Claim, policy: Policy, rest: int, maf: int) -> Step:
    """BEN-08, from what is in scope and unpaid, and what is granted of it."""
    category = claim.assistance or ""
    rule = policy.assistance.get(category)
    numbers: Numbers = {"assistance": category, "rest_fen": rest, "maf_pay_fen": maf}
    if rule is None:
        return Step(rule="BEN-08", case="unlisted", numbers=numbers)
    numbers |= {"assistance_bp": rule.ratio_bp, "assistance_cap_fen": rule.cap_fen}
    used = (f"assistance.{category}.ratio", f"assistance.{category}.cap")
    return Step(rule="BEN-08", case="listed", numbers=numbers, parameters=used)


def closing(claim: Claim, split: Split) -> list[Step]:
    """BEN-09 and BEN-10: totals and the personal account."""
    totals = Step(
        rule="BEN-09",
        case="totals",
        numbers={
            "hifp_pay_fen": split.hifp_fen,
            "hifob_pay_fen": split.hifob_fen,
            "hifmi_pay_fen": split.hifmi_fen,
            "cvlserv_pay_fen": split.cvlserv_fen,
            "maf_pay_fen": split.maf_fen,
            "fund_pay_sumamt_fen": split.fund_fen,
            "medfee_sumamt_fen": split.total_fen,
            "hosp_part_amt_fen": split.hospital_fen,
            "psn_part_amt_fen": split.psn_part_fen,
        },
    )
    account = Step(
        rule="BEN-10",
        case="used" if claim.account_used else "not_used",
        numbers={
            "psn_part_amt_fen": split.psn_part_fen,
            "balc_fen": claim.balance_fen,
            "acct_pay_fen": split.account_fen,
            "psn_cash_pay_fen": split.cash_fen,
        },
    )
    return [totals, account]
