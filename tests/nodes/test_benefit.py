from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.nodes.benefit_cases import AMOUNTS, BOOK, CLAIMS, FILINGS, PAYABLE, oracle
from yidi.nodes.benefit import (
    Claim,
    Split,
    YearToDate,
    accumulator_change,
    compute,
    explain,
    serious_total,
)
from yidi.nodes.policy import (
    DeductiblePercent,
    FilingCut,
    InpatientTerms,
    Policy,
    PolicyBook,
    SeriousIllness,
    Tier,
)
from yidi.protocol.errors import ErrorCode

STAY = Claim(
    insured="340500",
    treatment="310000",
    insutype="310",
    psn_type="1101",
    med_type="21",
    hosp_lv="3",
    setl_date="2026-03-16",
    filing="long_stay",
    total_fen=25_000_00,
)
RESIDENT = replace(STAY, insutype="390", psn_type="1501")
PERCENT = DeductiblePercent(ratio_bp=2000, floor_fen=0, ceiling_fen=10**9)


def split_of(claim: Claim, book: PolicyBook = BOOK) -> Split:
    """The split of a claim that is not refused."""
    split = compute(claim, book)
    assert isinstance(split, Split)
    return split


@given(CLAIMS | PAYABLE)
def test_agrees_with_the_rules_written_a_second_time(claim):
    """Every amount, and every refusal, is what the rules' text gives in exact fractions."""
    expected = oracle(claim)

    found = compute(claim, BOOK)

    if isinstance(expected, str):
        assert expected == found
    else:
        assert isinstance(found, Split)
        assert expected == {name: getattr(found, name) for name in expected}


@given(PAYABLE)
def test_parts_sum_to_the_bill_and_none_is_negative(claim):
    """Fund, account, cash and hospital share make up the bill; no amount is below zero."""
    split = split_of(claim)

    parts = (split.fund_fen, split.account_fen, split.cash_fen, split.hospital_fen)
    assert split.total_fen == sum(parts)
    assert split.fund_fen == sum(fen for _, fen in split.funds)
    assert all(fen > 0 for _, fen in split.funds)
    assert all(value >= 0 for value in _amounts(split))
    assert 0 <= split.ratio_bp <= 10_000


def _amounts(split):
    return [getattr(split, name) for name in split.__struct_fields__ if name.endswith("_fen")]


@given(PAYABLE, AMOUNTS)
def test_a_larger_bill_in_scope_never_gets_less(claim, more):
    """All else equal, more in scope never lowers the funds, beyond a fen per rounded amount."""
    larger = split_of(replace(claim, total_fen=claim.total_fen + more))
    smaller = split_of(claim)

    assert larger.hifp_fen >= smaller.hifp_fen
    assert larger.fund_fen >= smaller.fund_fen - 4


@given(PAYABLE)
def test_caps_are_never_exceeded(claim):
    """Pool, large amount, serious illness and assistance stay within their caps."""
    split = split_of(claim)
    policy = BOOK.find(claim.insured, claim.insutype, claim.setl_date)
    terms = {"2": policy.inpatient, "14": policy.chronic}.get(
        claim.med_type if claim.med_type == "14" else claim.med_type[0], policy.outpatient
    )

    outpatient = terms is policy.outpatient
    paid = claim.ytd.outpatient_fen if outpatient else claim.ytd.hifp_fen
    assert split.hifp_fen <= max(0, terms.annual_cap_fen - paid)
    assert split.hifob_fen <= (policy.large.cap_fen if policy.large else 0)
    assert split.hifmi_fen <= (policy.serious_illness.cap_fen if policy.serious_illness else 0)
    assert split.maf_fen <= max((a.cap_fen for a in policy.assistance.values()), default=0)


@given(CLAIMS | PAYABLE, st.integers(0, 10_000))
def test_a_fee_line_in_two_pieces_changes_nothing(claim, cut):
    """A line that carries its four amounts may be split: only the sums reach the computation."""
    names = ("total_fen", "full_self_fen", "over_limit_fen", "prepay_fen")
    first = {name: getattr(claim, name) * cut // 10_000 for name in names}
    second = {name: getattr(claim, name) - first[name] for name in names}

    summed = replace(claim, **{name: first[name] + second[name] for name in names})

    assert compute(claim, BOOK) == compute(summed, BOOK)


@given(CLAIMS | PAYABLE)
def test_the_explanation_is_of_the_same_computation(claim):
    """`explain` gives the very result of `compute`, with steps in the order of the rules."""
    result, steps = explain(claim, BOOK)

    rules = [step.rule for step in steps]
    assert compute(claim, BOOK) == result
    assert sorted(rules) == rules
    assert bool(steps) is isinstance(result, Split)


@given(CLAIMS | PAYABLE)
def test_the_filing_does_not_matter_inside_the_pooling_area(claim):
    """At home every filing, even none, gives the same split."""
    home = replace(claim, treatment=claim.insured)

    answers = [compute(replace(home, filing=filing), BOOK) for filing in FILINGS]

    assert all(answer == answers[0] for answer in answers)


@given(CLAIMS)
def test_refusals_come_in_their_order(claim):
    """With nothing in scope and no filing, policy is asked first, then filing, then scope."""
    wrong = replace(claim, filing="none", full_self_fen=claim.total_fen + 1)

    answer = compute(wrong, BOOK)

    if isinstance(compute(replace(claim, filing="long_stay"), BOOK), Split):
        needs = BOOK.needs_filing(claim.insured, claim.treatment, claim.med_type)
        assert answer == (ErrorCode.E_NO_FILING if needs else ErrorCode.E_SCOPE)
    else:
        assert answer in (ErrorCode.E_NO_POLICY, ErrorCode.E_NO_FILING, ErrorCode.E_SCOPE)
    assert compute(replace(wrong, setl_date="2023-12-31"), BOOK) == ErrorCode.E_NO_POLICY


@given(PAYABLE)
def test_a_cancellation_takes_back_what_a_settlement_added(claim):
    """Adding a change and taking it away leaves the year as it was."""
    split = split_of(claim)
    change = accumulator_change(claim, split)

    assert claim.ytd == claim.ytd.plus(change).minus(change)


@given(st.lists(AMOUNTS, min_size=1, max_size=6))
def test_serious_illness_of_a_year_does_not_depend_on_how_it_is_divided(bills):
    """The payments of successive stays add up to T of the year's out-of-pocket."""
    ytd, paid = YearToDate(), 0
    for bill in bills:
        claim = replace(RESIDENT, total_fen=bill, ytd=ytd)
        split = split_of(claim)
        ytd, paid = ytd.plus(accumulator_change(claim, split)), paid + split.hifmi_fen

    scheme = BOOK.find("340500", "390", "2026-03-16").serious_illness
    assert serious_total(scheme, ytd.compliant_oop_fen) == paid
    assert ytd.stays == len(bills)
    assert ytd.hifp_fen <= 300_000_00


@given(st.lists(st.integers(0, 5_000_00), min_size=1, max_size=8))
def test_outpatient_visits_share_one_deductible_and_one_cap(bills):
    """Over a year the deductible is paid once, and the pool never beyond its outpatient cap."""
    visit = replace(STAY, med_type="11", hosp_lv="2")
    ytd = YearToDate()
    for bill in bills:
        claim = replace(visit, total_fen=bill, ytd=ytd)
        ytd = ytd.plus(accumulator_change(claim, split_of(claim)))

    assert min(sum(bills), 400_00) == ytd.deductible_fen
    assert ytd.outpatient_fen <= 2_000_00
    assert (ytd.stays, ytd.hifp_fen, ytd.compliant_oop_fen) == (0, 0, 0)


def test_each_payer_is_named_by_its_fund():
    """Pool, large amount, serious illness and assistance are listed as settlements show them."""
    employee = split_of(replace(STAY, total_fen=480_000_00, ytd=YearToDate(hifp_fen=50_000_00)))
    resident = split_of(replace(RESIDENT, total_fen=60_000_00, assistance="low_income"))

    assert (("310101", 250_000_00), ("330101", 181_460_00)) == employee.funds
    assert ["390101", "390201", "610101"] == [fund for fund, _ in resident.funds]
    assert () == split_of(replace(STAY, total_fen=0)).funds


def test_an_exhausted_cap_pays_nothing_and_hands_over_to_the_large_amount():
    """Pay recorded beyond the cap leaves no room, not a negative one."""
    split = split_of(replace(STAY, ytd=YearToDate(hifp_fen=300_000_01)))

    assert 0 == split.hifp_fen
    assert 21_960_00 == split.hifob_fen


def test_earlier_stays_lower_the_deductible_down_to_its_floor():
    """马鞍山 takes 100 off for each earlier stay, but never goes below 200."""
    found = [split_of(replace(STAY, ytd=YearToDate(stays=n))).deductible_fen for n in range(6)]

    assert [600_00, 500_00, 400_00, 300_00, 200_00, 200_00] == found


def test_the_percentage_applies_out_of_province_only():
    """合肥 asks its table in Anhui, a share of the bill elsewhere, within floor and ceiling."""
    near = replace(RESIDENT, insured="340100", treatment="340500")
    far = replace(near, treatment="310000")

    assert 700_00 == split_of(near).deductible_fen
    assert 5_000_00 == split_of(far).deductible_fen
    assert 10_000_00 == split_of(replace(far, total_fen=90_000_00)).deductible_fen
    assert 1_500_00 == split_of(replace(far, total_fen=1_500_00)).deductible_fen


def test_another_city_of_the_province_is_cut_like_another_province():
    """A city's pooling area is its own code; only a code ending in 0000 pools the province."""
    cut = replace(STAY, filing="other_temporary")

    assert 7000 == split_of(replace(cut, treatment="340600")).ratio_bp
    assert 9000 == split_of(replace(cut, treatment="340500")).ratio_bp


def test_only_the_emergency_marker_makes_an_emergency():
    """Visit types 13 and 24 without the marker count as unfiled; with it they are cut."""
    unmarked = replace(STAY, med_type="24", filing="none")

    assert ErrorCode.E_NO_FILING == compute(unmarked, BOOK)
    assert 8000 == split_of(replace(unmarked, filing="emergency")).ratio_bp


def test_an_agreement_frees_from_filing_and_from_the_cut():
    """Outpatient inside the Delta needs no filing, and a temporary filing costs nothing."""
    visit = replace(STAY, med_type="11", hosp_lv="2")

    assert 5000 == split_of(replace(visit, filing="none")).ratio_bp
    assert 5000 == split_of(replace(visit, filing="other_temporary")).ratio_bp
    assert ErrorCode.E_NO_FILING == compute(replace(visit, filing="none", med_type="13"), BOOK)


@given(st.integers(0, 10_000), st.integers(0, 10_000), st.sampled_from(["points", "multiplier"]))
@example(9000, 10_000, "points")
@example(9900, 0, "points")
@example(8333, 9999, "multiplier")
def test_the_ratio_stays_between_nothing_and_the_whole(ratio, number, mode):
    """Bonus and cut together never leave 0..10000; a multiplied ratio is rounded half up."""
    cut = FilingCut(mode=mode, referral=number, emergency=0, other_temporary=0)
    terms = InpatientTerms(
        deductible={"3": 0}, ratio={"3": ratio}, annual_cap_fen=10**9, retired_bonus_bp=300
    )
    policy = Policy(
        region="340500",
        name="x",
        insutype="310",
        valid_from="2024-01-01",
        inpatient=terms,
        filing_cut=cut,
    )
    claim = replace(STAY, psn_type="1201", filing="referral")

    whole = ratio + 300
    cut_ratio = whole - number if mode == "points" else (whole * number + 5_000) // 10_000
    assert min(max(cut_ratio, 0), 10_000) == split_of(claim, PolicyBook([policy])).ratio_bp


@pytest.mark.parametrize(
    ("terms", "treatment", "refused"),
    [
        ({"deductible": {"2": 0}}, "340500", True),
        ({"deductible": {"3": 0}, "deductible_out": {"2": 0}}, "310000", True),
        ({"deductible": {"3": 0}, "deductible_out": {"2": 0}}, "340600", False),
        ({"deductible": {}, "deductible_percent": PERCENT}, "310000", False),
        ({"deductible": {}, "deductible_percent": PERCENT}, "340600", True),
    ],
)
def test_the_table_that_applies_must_hold_the_level(terms, treatment, refused):
    """A level without a deductible where the claim needs one is E_NO_POLICY."""
    whole = InpatientTerms(ratio={"3": 9000}, annual_cap_fen=10**9, **terms)
    policy = Policy(
        region="340500", name="x", insutype="310", valid_from="2024-01-01", inpatient=whole
    )

    found = compute(replace(STAY, treatment=treatment), PolicyBook([policy]))

    assert refused is (found == ErrorCode.E_NO_POLICY)


def test_tiers_that_all_have_a_bound_pay_nothing_above_the_last():
    """Out-of-pocket above the last bound adds nothing."""
    tiers = (Tier(upper_fen=100, ratio_bp=5000), Tier(upper_fen=300, ratio_bp=10_000))
    scheme = SeriousIllness(threshold_fen=1000, tiers=tiers, cap_fen=10**9)

    paid = [serious_total(scheme, oop) for oop in (0, 1000, 1001, 1100, 1299, 1300, 9999)]

    assert [0, 0, 1, 50, 249, 250, 250] == paid
