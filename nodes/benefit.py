"""The benefit computation: what the insured region pays for one claim (BEN-01 to BEN-10).

One pass over integers, in the order of the rules; every amount is rounded half up to the fen
once. A refusal is a value (an `ErrorCode`), checked in the order policy, filing, scope.
`compute` is on the hot path of every settlement. `explain` runs the very same pass with a list
that collects a `Step` per rule, so that an explanation can never differ from the result.
The insured region's policy decides how much is paid; what is payable (the claim's four amounts)
was decided before by the treatment region's catalogue.
"""

from __future__ import annotations

from yidi.nodes import benefit_steps as steps
from yidi.nodes.benefit_steps import Step
from yidi.nodes.claim import Claim, Split, YearToDate, accumulator_change
from yidi.nodes.policy import (
    INPATIENT,
    OUTPATIENT,
    VISIT_KINDS,
    InpatientTerms,
    LargeAmount,
    Policy,
    PolicyBook,
    SeriousIllness,
    YearlyTerms,
)
from yidi.protocol.codes import DICTIONARIES, Fund, is_retired, pool_fund, pooled_fund
from yidi.protocol.errors import ErrorCode
from yidi.protocol.money import BASIS_POINTS, round_half_up, share

__all__ = [
    "Claim",
    "Split",
    "Step",
    "Trace",
    "YearToDate",
    "accumulator_change",
    "compute",
    "explain",
    "serious_total",
]

Trace = list[Step]

POOL_FUNDS = {code: str(pool_fund(pooled_fund(code))) for code in DICTIONARIES["insutype"]}
"""`insutype` to the `fund_pay_type` of its pooled fund, in the form that settlements show."""

OTHER_FUND = Fund.OTHER.value
LARGE_FUND = pool_fund(Fund.LARGE_EXPENSE)
SERIOUS_FUND = pool_fund(Fund.SERIOUS_ILLNESS)
ASSISTANCE_FUND = pool_fund(Fund.ASSISTANCE)


def compute(claim: Claim, book: PolicyBook, trace: Trace | None = None) -> Split | ErrorCode:
    """Split a claim by the policy in force on its settlement date.

    Returns:
        The split, or `E_NO_POLICY`, `E_NO_FILING`, `E_SCOPE`, in that order of checking.
    """
    policy = book.find(claim.insured, claim.insutype, claim.setl_date)
    kind = VISIT_KINDS.get(claim.med_type)
    if policy is None or kind is None:
        return ErrorCode.E_NO_POLICY
    terms: InpatientTerms | YearlyTerms | None
    if kind == OUTPATIENT:
        terms = policy.outpatient
    else:
        terms = policy.inpatient if kind == INPATIENT else policy.chronic
    if terms is None or claim.hosp_lv not in terms.ratio:
        return ErrorCode.E_NO_POLICY
    if isinstance(terms, InpatientTerms) and not _has_deductible(claim, terms):
        return ErrorCode.E_NO_POLICY
    # Exactly where a filing is needed, the kind of filing may cut the ratio.
    filed = book.needs_filing(claim.insured, claim.treatment, claim.med_type)
    if filed and claim.filing == "none":
        return ErrorCode.E_NO_FILING
    inscp = claim.total_fen - claim.full_self_fen - claim.over_limit_fen - claim.prepay_fen
    if inscp < 0:
        return ErrorCode.E_SCOPE
    # From here the computation succeeds.
    if trace is not None:
        trace.append(steps.scope(claim, inscp))
    if isinstance(terms, InpatientTerms):
        deductible = _stay_deductible(claim, terms, inscp, trace)
    else:
        deductible = _yearly_deductible(claim, terms, inscp, trace)
    ratio = _ratio(claim, policy, terms, book, filed, trace)
    return _pay(claim, policy, terms, (inscp, deductible, ratio), trace)


def explain(claim: Claim, book: PolicyBook) -> tuple[Split | ErrorCode, Trace]:
    """The same computation with the steps it took; a refusal has none."""
    trace: Trace = []
    return compute(claim, book, trace), trace


def _has_deductible(claim: Claim, terms: InpatientTerms) -> bool:
    """Whether the deductible that applies here exists for the hospital's level."""
    if claim.insured[:2] != claim.treatment[:2]:
        if terms.deductible_percent is not None:
            return True
        if terms.deductible_out is not None:
            return claim.hosp_lv in terms.deductible_out
    return claim.hosp_lv in terms.deductible


def _stay_deductible(claim: Claim, terms: InpatientTerms, inscp: int, trace: Trace | None) -> int:
    """BEN-02. A percentage replaces table and reductions alike: it has a floor of its own."""
    away = claim.insured[:2] != claim.treatment[:2]
    percent = terms.deductible_percent
    if away and percent is not None:
        asked = share(claim.total_fen, percent.ratio_bp)
        nominal = min(max(asked, percent.floor_fen), percent.ceiling_fen)
        deductible = min(inscp, nominal)
        if trace is not None:
            found = (asked, nominal, deductible)
            trace.append(steps.percent_deductible(claim, percent, found))
        return deductible
    out = terms.deductible_out if away else None
    base = (terms.deductible if out is None else out)[claim.hosp_lv]
    lowered = base - terms.deductible_step_fen * claim.ytd.stays
    # A floor above the table's own amount must not raise it.
    nominal = max(lowered, min(base, terms.deductible_floor_fen))
    deductible = min(inscp, nominal)
    if trace is not None:
        table = "deductible" if out is None else "deductible_out"
        trace.append(steps.table_deductible(claim, table, (base, nominal, deductible)))
    return deductible


def _yearly_deductible(claim: Claim, terms: YearlyTerms, inscp: int, trace: Trace | None) -> int:
    """BEN-03: what is left of the year's deductible."""
    left = terms.deductible_fen - claim.ytd.deductible_fen
    deductible = min(inscp, left) if left > 0 else 0
    if trace is not None:
        trace.append(steps.yearly_deductible(claim, terms, deductible))
    return deductible


def _ratio(
    claim: Claim,
    policy: Policy,
    terms: InpatientTerms | YearlyTerms,
    book: PolicyBook,
    filed: bool,
    trace: Trace | None,
) -> int:
    """BEN-04: table, retired bonus, then the filing cut; within 0 and 10000 basis points."""
    table = terms.ratio[claim.hosp_lv]
    retired = terms.retired_bonus_bp and is_retired(claim.psn_type)
    whole = ratio = table + terms.retired_bonus_bp if retired else table
    cut = book.cut_of(policy) if filed else None
    points = cut.of(claim.filing) if cut is not None else None
    if cut is not None and points is not None:
        if cut.mode == "points":
            ratio = max(whole - points, 0)
        else:
            ratio = round_half_up(whole * points, BASIS_POINTS)
    ratio = min(ratio, BASIS_POINTS)
    if trace is not None:
        trace.append(steps.ratio(claim, book, cut, (table, whole, ratio)))
    return ratio


def _pay(
    claim: Claim,
    policy: Policy,
    terms: InpatientTerms | YearlyTerms,
    base: tuple[int, int, int],
    trace: Trace | None,
) -> Split:
    """BEN-05 to BEN-10, from (in scope, deductible, ratio)."""
    inscp, deductible, ratio = base
    stay_or_chronic = VISIT_KINDS[claim.med_type] != OUTPATIENT
    paid = claim.ytd.hifp_fen if stay_or_chronic else claim.ytd.outpatient_fen
    uncapped = share(inscp - deductible, ratio)
    hifp = min(uncapped, max(0, terms.annual_cap_fen - paid))
    if trace is not None:
        trace.append(steps.pool(claim, terms, base, (uncapped, hifp)))
    hifob = hifmi = oop = maf = 0
    if stay_or_chronic:
        if policy.large is not None:
            hifob = _large(policy.large, (inscp, ratio, uncapped, hifp), trace)
        if policy.serious_illness is not None:
            scheme = policy.serious_illness
            oop = inscp - hifp - (deductible if scheme.oop_excludes_deductible else 0)
            hifmi = _serious(scheme, claim.ytd.compliant_oop_fen, oop, trace)
    if claim.assistance is not None:
        maf = _assistance(claim, policy, max(0, inscp - hifp - hifob - hifmi), trace)
    fund = hifp + hifob + hifmi + maf
    psn_part = claim.total_fen - fund
    account = min(claim.balance_fen, psn_part) if claim.account_used else 0
    split = Split(
        total_fen=claim.total_fen,
        inscp_fen=inscp,
        deductible_fen=deductible,
        ratio_bp=ratio,
        hifp_fen=hifp,
        hifob_fen=hifob,
        hifmi_fen=hifmi,
        maf_fen=maf,
        fund_fen=fund,
        psn_part_fen=psn_part,
        account_fen=account,
        cash_fen=psn_part - account,
        compliant_oop_fen=oop,
        funds=_funds(claim.insutype, hifp, hifob, hifmi, maf),
    )
    if trace is not None:
        trace.extend(steps.closing(claim, split))
    return split


def _funds(
    insutype: str, hifp: int, hifob: int, hifmi: int, maf: int
) -> tuple[tuple[str, int], ...]:
    """The funds that pay, in the order of the rules, without zero amounts."""
    pool = POOL_FUNDS.get(insutype, OTHER_FUND)
    if not (hifob or hifmi or maf):
        return ((pool, hifp),) if hifp else ()
    every = ((pool, hifp), (LARGE_FUND, hifob), (SERIOUS_FUND, hifmi), (ASSISTANCE_FUND, maf))
    return tuple(one for one in every if one[1])


def _large(large: LargeAmount, pool: tuple[int, int, int, int], trace: Trace | None) -> int:
    """BEN-06, from (in scope, ratio, pooled pay before the cap, pooled pay)."""
    inscp, ratio, uncapped, hifp = pool
    cut_off = uncapped - hifp
    excess = round_half_up(cut_off * BASIS_POINTS, ratio) if cut_off else 0
    hifob = min(share(excess, large.ratio_bp), large.cap_fen, inscp - hifp)
    if trace is not None:
        trace.append(steps.large(large, (cut_off, excess, hifob)))
    return hifob


def _serious(scheme: SeriousIllness, before: int, oop: int, trace: Trace | None) -> int:
    """BEN-07: the difference of two tier sums, each rounded and capped."""
    sums = serious_total(scheme, before), serious_total(scheme, before + oop)
    if trace is not None:
        trace.append(steps.serious(scheme, before, oop, sums))
    return sums[1] - sums[0]


def serious_total(scheme: SeriousIllness, oop_fen: int) -> int:
    """T(x): what serious illness pays in a year for compliant out-of-pocket x, in fen."""
    above = oop_fen - scheme.threshold_fen
    if above <= 0:
        return 0
    scaled = lower = 0
    for tier in scheme.tiers:
        upper = above if tier.upper_fen is None else min(above, tier.upper_fen)
        scaled += (upper - lower) * tier.ratio_bp
        if upper == above:
            break
        lower = upper
    return min(round_half_up(scaled, BASIS_POINTS), scheme.cap_fen)


def _assistance(claim: Claim, policy: Policy, rest: int, trace: Trace | None) -> int:
    """BEN-08; a category that the region does not list pays nothing."""
    rule = policy.assistance.get(claim.assistance or "")
    maf = 0 if rule is None else min(share(rest, rule.ratio_bp), rule.cap_fen)
    if trace is not None:
        trace.append(steps.assistance(claim, policy, rest, maf))
    return maf
