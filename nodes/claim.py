"""What goes into the benefit computation, and what comes out: claim, year to date, split.

A `Claim` carries the amounts that the treatment region's catalogue produced; a `Split` says who
pays them. `accumulator_change` is the one place that says what a settled split adds to the
person's year, and so what BEN-02, 03, 05 and 07 will read next time. Money is integer fen.
"""

from __future__ import annotations

import msgspec

from yidi.nodes.policy import CHRONIC, INPATIENT, VISIT_KINDS


class YearToDate(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A person's accumulators of the year before this claim; also a change to them."""

    stays: int = 0
    deductible_fen: int = 0
    """Yearly deductible already paid, outpatient and chronic."""
    hifp_fen: int = 0
    """Pooled pay of stays and chronic visits."""
    compliant_oop_fen: int = 0
    """Compliant out-of-pocket of stays and chronic visits (serious illness)."""
    outpatient_fen: int = 0
    """Pooled pay of ordinary outpatient visits."""

    def plus(self, change: YearToDate) -> YearToDate:
        """The accumulators after a change; a settlement does this."""
        return YearToDate(
            stays=self.stays + change.stays,
            deductible_fen=self.deductible_fen + change.deductible_fen,
            hifp_fen=self.hifp_fen + change.hifp_fen,
            compliant_oop_fen=self.compliant_oop_fen + change.compliant_oop_fen,
            outpatient_fen=self.outpatient_fen + change.outpatient_fen,
        )

    def minus(self, change: YearToDate) -> YearToDate:
        """The accumulators with a change taken back; a cancellation does this."""
        return YearToDate(
            stays=self.stays - change.stays,
            deductible_fen=self.deductible_fen - change.deductible_fen,
            hifp_fen=self.hifp_fen - change.hifp_fen,
            compliant_oop_fen=self.compliant_oop_fen - change.compliant_oop_fen,
            outpatient_fen=self.outpatient_fen - change.outpatient_fen,
        )


NEW_YEAR = YearToDate()


class Claim(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One claim as the insured region sees it; amounts are fen ≥ 0, codes are checked."""

    insured: str
    treatment: str
    insutype: str
    psn_type: str
    med_type: str
    hosp_lv: str
    """`1`, `2`, `3` or `provincial`."""
    setl_date: str
    """ISO date; decides which policy version applies."""
    total_fen: int
    full_self_fen: int = 0
    over_limit_fen: int = 0
    prepay_fen: int = 0
    filing: str = "none"
    account_used: bool = False
    balance_fen: int = 0
    assistance: str | None = None
    ytd: YearToDate = NEW_YEAR
    dise_codg: str | None = None


class Split(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Who pays what; `total = fund + account + cash + hospital`, every term ≥ 0, in fen."""

    total_fen: int
    inscp_fen: int
    """`inscp_scp_amt`: what is in scope."""
    deductible_fen: int
    """`act_pay_dedc`."""
    ratio_bp: int
    """`pool_prop_selfpay`."""
    hifp_fen: int
    hifob_fen: int
    hifmi_fen: int
    maf_fen: int
    fund_fen: int
    """`fund_pay_sumamt`."""
    psn_part_fen: int
    account_fen: int
    """`acct_pay`."""
    cash_fen: int
    """`psn_cash_pay`."""
    compliant_oop_fen: int
    """What this claim adds to the year's compliant out-of-pocket; 0 without serious illness."""
    funds: tuple[tuple[str, int], ...]
    """(fund_pay_type, fen), zero amounts left out; they add up to `fund_fen`."""
    cvlserv_fen: int = 0
    hospital_fen: int = 0
    """`hosp_part_amt`."""


def accumulator_change(claim: Claim, split: Split) -> YearToDate:
    """What a settled split adds to the person's year, as BEN-02, 03, 05 and 07 read it."""
    kind = VISIT_KINDS[claim.med_type]
    if kind == INPATIENT:
        return YearToDate(
            stays=1, hifp_fen=split.hifp_fen, compliant_oop_fen=split.compliant_oop_fen
        )
    if kind == CHRONIC:
        return YearToDate(
            deductible_fen=split.deductible_fen,
            hifp_fen=split.hifp_fen,
            compliant_oop_fen=split.compliant_oop_fen,
        )
    return YearToDate(deductible_fen=split.deductible_fen, outpatient_fen=split.hifp_fen)
