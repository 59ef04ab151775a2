"""Claims for the benefit tests, and an oracle: the rules once more, in fractions, from the TOML.

The oracle shares no code with `yidi.nodes`: it reads the policy files as plain dictionaries and
follows the rules' text with exact fractions, rounding where the text says so.
"""

from __future__ import annotations

import tomllib
from fractions import Fraction
from importlib.resources import files
from math import floor

from hypothesis import strategies as st
from msgspec.structs import replace

from yidi.nodes.benefit import Claim, YearToDate
from yidi.nodes.policy import PolicyBook
from yidi.scenarios.library.policy_file import load_policies

BOOK: PolicyBook = load_policies()
FILINGS = (
    *("none", "resettled", "long_stay", "posted"),
    *("referral", "emergency", "other_temporary"),
)
TREATMENTS = ("310000", "320100", "340500", "340600", "630100", "660000", "650100", "110000")

AMOUNTS = st.integers(0, 200_000_00) | st.integers(0, 3_000_000_00)
YEARS = st.builds(
    YearToDate,
    stays=st.integers(0, 9),
    deductible_fen=st.integers(0, 1_500_00),
    hifp_fen=st.integers(0, 700_000_00),
    compliant_oop_fen=st.integers(0, 200_000_00),
    outpatient_fen=st.integers(0, 100_000_00),
)
CLAIMS = st.builds(
    Claim,
    insured=st.sampled_from([*BOOK.regions(), "999999"]),
    treatment=st.sampled_from(TREATMENTS),
    insutype=st.sampled_from(["310", "390"]),
    psn_type=st.sampled_from(["1101", "1201", "1501"]),
    med_type=st.sampled_from(["11", "13", "14", "21", "21", "21", "24", "41"]),
    hosp_lv=st.sampled_from(["1", "2", "3", "provincial"]),
    setl_date=st.sampled_from(["2026-03-16", "2024-01-01", "2023-12-31"]),
    total_fen=AMOUNTS,
    full_self_fen=st.integers(0, 50_000),
    over_limit_fen=st.integers(0, 50_000),
    prepay_fen=st.integers(0, 50_000),
    filing=st.sampled_from(FILINGS),
    account_used=st.booleans(),
    balance_fen=st.integers(0, 500_000),
    assistance=st.sampled_from([None, "low_income", "special_poor", "nobody"]),
    ytd=YEARS,
)
"""Claims of every kind, most of which are refused."""


def _paying() -> list[tuple[str, str, str, str]]:
    """(region, insurance type, visit type, level) of everything that a policy pays for."""
    visits = {"inpatient": ("21", "24"), "outpatient": ("11", "13", "41"), "chronic": ("14",)}
    return [
        (policy.region, policy.insutype, med_type, level)
        for policy in BOOK.policies
        for kind, med_types in visits.items()
        if getattr(policy, kind) is not None
        for med_type in med_types
        for level in getattr(policy, kind).ratio
    ]


def _payable(claim: Claim, visit: tuple[str, str, str, str], filing: str) -> Claim:
    region, insutype, med_type, level = visit
    return replace(
        claim,
        insured=region,
        insutype=insutype,
        med_type=med_type,
        hosp_lv=level,
        filing=filing,
        setl_date="2026-03-16",
        total_fen=claim.total_fen + claim.full_self_fen + claim.over_limit_fen + claim.prepay_fen,
    )


PAYABLE = st.builds(
    _payable, CLAIMS, st.sampled_from(_paying()), st.sampled_from(FILINGS).filter("none".__ne__)
)
"""Claims that are not refused."""


def _load() -> tuple[dict[tuple[str, str], dict], list[dict], dict]:
    policies, agreements, cut = {}, [], {}
    for entry in (files("yidi.scenarios.library") / "policies").iterdir():
        data = tomllib.loads(entry.read_text(encoding="utf-8"))
        for policy in data.get("policy", ()):
            policies[policy["region"], policy["insutype"]] = policy
        agreements += data.get("no_filing", [])
        cut = data.get("filing_cut_default", cut)
    return policies, agreements, cut


POLICIES, AGREEMENTS, DEFAULT_CUT = _load()


def _fen(text: str) -> int:
    return int(Fraction(text) * 100)


def _half_up(value: Fraction) -> int:
    return floor(value + Fraction(1, 2))


def _tiers(scheme: dict, oop: int) -> int:
    above, lower, total = max(0, oop - _fen(scheme["threshold"])), 0, Fraction(0)
    for bound, ratio in scheme["tiers"]:
        upper = _fen(bound) if bound else above
        total += max(0, min(above, upper) - lower) * Fraction(ratio, 10000)
        lower = upper
    return min(_half_up(total), _fen(scheme["cap"]))


def _deductible(claim: Claim, terms: dict, inscp: int, *, away: bool) -> int | None:
    if not isinstance(terms["deductible"], dict):
        return min(inscp, max(0, _fen(terms["deductible"]) - claim.ytd.deductible_fen))
    percent = terms.get("deductible_percent")
    if away and percent:
        share = _half_up(Fraction(claim.total_fen * percent["bp"], 10000))
        low, high = _fen(percent["floor"]), _fen(percent["ceiling"])
        return min(inscp, max(low, min(high, share)))
    table = terms["deductible_out"] if away and "deductible_out" in terms else terms["deductible"]
    if claim.hosp_lv not in table:
        return None
    full = _fen(table[claim.hosp_lv])
    if "deductible_step" not in terms:
        return min(inscp, full)
    lowered = full - claim.ytd.stays * _fen(terms["deductible_step"])
    return min(inscp, max(lowered, _fen(terms["deductible_floor"])))


def _ratio(claim: Claim, policy: dict, terms: dict, *, cut: bool) -> Fraction:
    ratio = Fraction(terms["ratio"][claim.hosp_lv])
    if claim.psn_type.startswith("12"):
        ratio += terms.get("retired_bonus", 0)
    rule = policy.get("filing_cut", DEFAULT_CUT)
    if cut and claim.filing in ("referral", "emergency", "other_temporary"):
        number = rule[claim.filing]
        by_points = rule["mode"] == "points"
        ratio = ratio - number if by_points else Fraction(_half_up(ratio * number / 10000))
    return ratio / 10000


def oracle(claim: Claim) -> str | dict[str, int]:
    """The amounts of a claim in fen, or the code it is refused with."""
    policy = POLICIES.get((claim.insured, claim.insutype))
    stay, chronic = claim.med_type[0] == "2", claim.med_type == "14"
    visit = "inpatient" if stay else "chronic" if chronic else "outpatient"
    if policy is None or claim.setl_date < policy["valid_from"] or visit not in policy:
        return "E_NO_POLICY"
    terms = policy[visit]
    away = claim.insured[:2] != claim.treatment[:2]
    inscp = claim.total_fen - claim.full_self_fen - claim.over_limit_fen - claim.prepay_fen
    deductible = _deductible(claim, terms, inscp, away=away)
    if deductible is None or claim.hosp_lv not in terms["ratio"]:
        return "E_NO_POLICY"
    pool = claim.insured[:2] if claim.insured.endswith("0000") else claim.insured
    needed = not claim.treatment.startswith(pool) and not any(
        claim.insured[:2] in one["insured"]
        and claim.treatment[:2] in one["treatment"]
        and claim.med_type in one["med_type"]
        for one in AGREEMENTS
    )
    if needed and claim.filing == "none":
        return "E_NO_FILING"
    if inscp < 0:
        return "E_SCOPE"
    ratio = _ratio(claim, policy, terms, cut=needed)
    asked = _half_up((inscp - deductible) * ratio)
    paid = claim.ytd.outpatient_fen if visit == "outpatient" else claim.ytd.hifp_fen
    hifp = min(asked, max(0, _fen(terms["annual_cap"]) - paid))
    hifob = hifmi = maf = 0
    if visit != "outpatient" and "large" in policy:
        excess = _half_up((asked - hifp) / ratio)
        top = _half_up(Fraction(excess * policy["large"]["ratio"], 10000))
        hifob = min(top, _fen(policy["large"]["cap"]), inscp - hifp)
    if visit != "outpatient" and "serious_illness" in policy:
        scheme, before = policy["serious_illness"], claim.ytd.compliant_oop_fen
        oop = inscp - hifp - (deductible if scheme["oop_excludes_deductible"] else 0)
        hifmi = _tiers(scheme, before + oop) - _tiers(scheme, before)
    help_ = policy.get("assistance", {}).get(claim.assistance)
    if help_ is not None:
        rest = max(0, inscp - hifp - hifob - hifmi)
        maf = min(_half_up(Fraction(rest * help_["ratio"], 10000)), _fen(help_["cap"]))
    fund = hifp + hifob + hifmi + maf
    account = min(claim.balance_fen, claim.total_fen - fund) if claim.account_used else 0
    return {
        "inscp_fen": inscp,
        "deductible_fen": deductible,
        "ratio_bp": int(ratio * 10000),
        "hifp_fen": hifp,
        "hifob_fen": hifob,
        "hifmi_fen": hifmi,
        "maf_fen": maf,
        "fund_fen": fund,
        "psn_part_fen": claim.total_fen - fund,
        "account_fen": account,
        "cash_fen": claim.total_fen - fund - account,
    }
