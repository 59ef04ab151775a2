"""The steps of a benefit computation as sentences, in Chinese and English.

A sentence is picked by a step's rule and case and filled with the step's own numbers; nothing
is computed here. Every step also says where the policy's numbers come from, and is marked when
one of them is illustrative, that is, made up for training.
"""

from __future__ import annotations

from typing import Literal

from yidi.nodes.benefit import Claim, Step
from yidi.nodes.policy import ILLUSTRATIVE, PolicyBook
from yidi.protocol.codes import label
from yidi.protocol.money import ratio_text, yuan, yuan_grouped

Language = Literal["zh", "en"]

MARK = {"zh": "（含示意参数）", "en": " (illustrative parameters)"}

ASSISTANCE = {
    "special_poor": ("特困人员", "the destitute"),
    "low_income": ("低收入人口", "people of low income"),
}
"""Categories of assistance as people call them; another category is shown as it is written."""

_LOWERED_ZH = "本年已住院 {stays} 次，起付线由 {table} 降为 {nominal}，本次支付 {act_pay_dedc}。"
_LOWERED_EN = (
    "After {stays} earlier stays this year the deductible falls from {table} to {nominal}; "
    "this claim pays {act_pay_dedc}."
)
_UNCUT_ZH = "{hosp_lv}支付比例 {table}{retired}，{why}，不降低：{pool_prop_selfpay}。"
_UNCUT_EN = "The ratio at {hosp_lv} is {table}{retired}; {why}, so it stays {pool_prop_selfpay}."

SENTENCES: dict[tuple[str, str], tuple[str, str]] = {
    ("BEN-01", "scope"): (
        (
            "总费用 {medfee_sumamt}，减去全自费 {fulamt_ownpay_amt}、超限价 {overlmt_selfpay}、"
            "先行自付 {preselfpay_amt}，符合政策范围 {inscp_scp_amt}。"
        ),
        (
            "Of {medfee_sumamt} billed, {fulamt_ownpay_amt} is outside the catalogue, "
            "{overlmt_selfpay} above price limits and {preselfpay_amt} paid first: "
            "{inscp_scp_amt} is in scope."
        ),
    ),
    ("BEN-02", "deductible"): (
        "{hosp_lv}住院起付线 {table}，本次支付 {act_pay_dedc}。",
        "The deductible of a stay at {hosp_lv} is {table}; this claim pays {act_pay_dedc}.",
    ),
    ("BEN-02", "deductible_out"): (
        "跨省就医，{hosp_lv}住院起付线 {table}，本次支付 {act_pay_dedc}。",
        (
            "In another province the deductible at {hosp_lv} is {table}; "
            "this claim pays {act_pay_dedc}."
        ),
    ),
    ("BEN-02", "deductible_lowered"): (_LOWERED_ZH, _LOWERED_EN),
    ("BEN-02", "deductible_out_lowered"): (_LOWERED_ZH, _LOWERED_EN),
    ("BEN-02", "deductible_percent"): (
        (
            "跨省就医，起付线为总费用的 {percent}（{share}），不低于 {floor}、不高于 {ceiling}："
            "{nominal}，本次支付 {act_pay_dedc}。"
        ),
        (
            "In another province the deductible is {percent} of the bill ({share}), between "
            "{floor} and {ceiling}: {nominal}; this claim pays {act_pay_dedc}."
        ),
    ),
    ("BEN-03", "yearly"): (
        "年度起付线 {deductible}，本年已付 {ytd_deductible}，本次支付 {act_pay_dedc}。",
        (
            "Of the yearly deductible of {deductible}, {ytd_deductible} was paid before; "
            "this claim pays {act_pay_dedc}."
        ),
    ),
    ("BEN-04", "points"): (
        ("{hosp_lv}支付比例 {table}{retired}，{filing}降低 {cut} 个百分点：{pool_prop_selfpay}。"),
        (
            "The ratio at {hosp_lv} is {table}{retired}; {filing} takes off {cut} points: "
            "{pool_prop_selfpay}."
        ),
    ),
    ("BEN-04", "multiplier"): (
        "{hosp_lv}支付比例 {table}{retired}，{filing}乘以 {cut}：{pool_prop_selfpay}。",
        (
            "The ratio at {hosp_lv} is {table}{retired}; {filing} multiplies it by {cut}: "
            "{pool_prop_selfpay}."
        ),
    ),
    ("BEN-04", "long_stay"): (
        _UNCUT_ZH.replace("{why}", "{filing}"),
        _UNCUT_EN.replace("{why}", "the filing is of a long-stay kind ({filing})"),
    ),
    ("BEN-04", "pooling_area"): (
        _UNCUT_ZH.replace("{why}", "就医地在统筹区内"),
        _UNCUT_EN.replace("{why}", "the place of treatment is inside the pooling area"),
    ),
    ("BEN-04", "no_filing"): (
        _UNCUT_ZH.replace("{why}", "按协议 {agreement} 无需备案"),
        _UNCUT_EN.replace("{why}", "agreement {agreement} needs no filing"),
    ),
    ("BEN-05", "whole"): (
        (
            "（{inscp_scp_amt} − {act_pay_dedc}）× {pool_prop_selfpay}，统筹基金支付 {hifp_pay}；"
            "年度限额 {annual_cap}，本年已付 {ytd}。"
        ),
        (
            "({inscp_scp_amt} − {act_pay_dedc}) × {pool_prop_selfpay}: the pooled fund pays "
            "{hifp_pay}; the year's cap is {annual_cap}, paid before {ytd}."
        ),
    ),
    ("BEN-05", "capped"): (
        (
            "（{inscp_scp_amt} − {act_pay_dedc}）× {pool_prop_selfpay} = {uncapped}，年度限额 "
            "{annual_cap}、本年已付 {ytd}，统筹基金只付 {hifp_pay}。"
        ),
        (
            "({inscp_scp_amt} − {act_pay_dedc}) × {pool_prop_selfpay} = {uncapped}, but the year's "
            "cap is {annual_cap} and {ytd} was paid before: the pooled fund pays {hifp_pay}."
        ),
    ),
    ("BEN-06", "above_cap"): (
        (
            "统筹被限额截去 {cut_off}，对应费用 {excess}，大额按 {large} 支付，单笔上限 "
            "{large_cap}：{hifob_pay}。"
        ),
        (
            "The cap cut off {cut_off}, which stands for {excess} of the bill; the large-amount "
            "scheme pays {large} of it, at most {large_cap}: {hifob_pay}."
        ),
    ),
    ("BEN-06", "below_cap"): (
        "统筹未超年度限额，大额不支付。",
        "The pool's cap was not reached: the large-amount scheme pays nothing.",
    ),
    ("BEN-07", "reached"): (
        (
            "本次合规自付 {oop}，本年此前 {ytd_compliant_oop}，起付标准 {threshold}；分段累计由 "
            "{tiers_before} 到 {tiers_after}，大病保险支付 {hifmi_pay}。"
        ),
        (
            "Compliant out-of-pocket is {oop} after {ytd_compliant_oop} this year, threshold "
            "{threshold}; the tiers rise from {tiers_before} to {tiers_after}: serious-illness "
            "insurance pays {hifmi_pay}."
        ),
    ),
    ("BEN-07", "not_reached"): (
        "本次合规自付 {oop}，本年此前 {ytd_compliant_oop}，未超大病起付标准 {threshold}。",
        (
            "Compliant out-of-pocket is {oop} after {ytd_compliant_oop} this year: the threshold "
            "of {threshold} is not passed."
        ),
    ),
    ("BEN-08", "listed"): (
        (
            "政策范围内剩余 {rest}，{assistance} 救助 {assistance_ratio}，单笔上限 "
            "{assistance_cap}：{maf_pay}。"
        ),
        (
            "Of the {rest} left in scope, assistance for {assistance} pays {assistance_ratio}, at "
            "most {assistance_cap}: {maf_pay}."
        ),
    ),
    ("BEN-08", "unlisted"): (
        "参保地救助未列 {assistance}，不支付。",
        "The region's assistance does not list {assistance}: it pays nothing.",
    ),
    ("BEN-09", "totals"): (
        (
            "基金合计：统筹 {hifp_pay} + 大额 {hifob_pay} + 大病 {hifmi_pay} + 公务员 "
            "{cvlserv_pay} + 救助 {maf_pay} = {fund_pay_sumamt}；个人负担 {psn_part_amt}，"
            "医院负担 {hosp_part_amt}。"
        ),
        (
            "Funds: pooled {hifp_pay} + large {hifob_pay} + serious illness {hifmi_pay} + civil "
            "servants {cvlserv_pay} + assistance {maf_pay} = {fund_pay_sumamt}; the person bears "
            "{psn_part_amt}, the hospital {hosp_part_amt}."
        ),
    ),
    ("BEN-10", "used"): (
        "个人账户余额 {balc}，支付 {acct_pay}；现金 {psn_cash_pay}。",
        "The personal account holds {balc} and pays {acct_pay}; cash {psn_cash_pay}.",
    ),
    ("BEN-10", "not_used"): (
        "不使用个人账户；现金 {psn_cash_pay}。",
        "The personal account is not used; cash {psn_cash_pay}.",
    ),
}
"""(rule, case) to the sentence in Chinese and English."""


def step_sentence(step: Step, language: Language, *, illustrative: bool = False) -> str:
    """One step as a sentence, marked when one of its parameters is illustrative."""
    template = SENTENCES[step.rule, step.case][0 if language == "zh" else 1]
    words = {"retired": ""}
    for key, value in step.numbers.items():
        name, value_text = _word(key, value, language)
        words[name] = value_text
    if "retired_bonus" in words:
        bonus = words["retired_bonus"]
        words["retired"] = f"、退休增 {bonus}" if language == "zh" else f" plus {bonus} (retired)"
    if step.case == "points":
        words["cut"] = words["cut"].removesuffix("%")
    return template.format_map(words) + (MARK[language] if illustrative else "")


def step_numbers(step: Step) -> dict[str, int | str]:
    """A step's numbers as JSON gives them: yuan and ratios as strings, counts as integers."""
    shown: dict[str, int | str] = {}
    for key, value in step.numbers.items():
        if key.endswith("_fen"):
            shown[key.removesuffix("_fen")] = yuan(int(value))
        elif key.endswith("_bp"):
            shown[_ratio_name(key)] = ratio_text(int(value))
        else:
            shown[key] = value
    return shown


def step_provenance(step: Step, claim: Claim, book: PolicyBook) -> dict[str, str]:
    """Where each of the policy's numbers that a step used comes from."""
    policy = book.find(claim.insured, claim.insutype, claim.setl_date)
    found: dict[str, str] = {}
    for path in step.parameters:
        kind, _, rest = path.partition(".")
        if kind == "no_filing":
            agreement = book.agreement(claim.insured, claim.treatment, claim.med_type)
            if agreement is not None:
                found[f"no_filing.{rest}"] = agreement.provenance or agreement.source
        elif kind == "filing_cut" and policy is not None and policy.filing_cut is None:
            found[f"filing_cut_default.{rest}"] = book.filing_cut_source
        elif policy is not None and ("@" not in path or path in policy.provenance):
            found[path] = policy.provenance_of(path)
    return found


def is_illustrative(provenance: dict[str, str]) -> bool:
    """Whether one of these numbers is made up for training."""
    return any(origin.startswith(ILLUSTRATIVE) for origin in provenance.values())


def percent(ratio_bp: int) -> str:
    """Basis points for people: `8500` → `85%`, `5850` → `58.5%`."""
    whole, rest = divmod(ratio_bp, 100)
    return f"{whole}.{rest:02d}".rstrip("0").rstrip(".") + "%"


def _ratio_name(key: str) -> str:
    name = key.removesuffix("_bp")
    return "assistance_ratio" if name == "assistance" else name


def _word(key: str, value: int | str, language: Language) -> tuple[str, str]:
    if key.endswith("_fen"):
        return key.removesuffix("_fen"), yuan_grouped(int(value))
    if key.endswith("_bp"):
        return _ratio_name(key), percent(int(value))
    if key in ("hosp_lv", "filing"):
        named = label(key, str(value), language)
        if language == "en":
            named = named[:1].lower() + named[1:]
        return key, f"{named}医院" if key == "hosp_lv" and language == "zh" else named
    if key == "assistance" and value in ASSISTANCE:
        return key, ASSISTANCE[str(value)][0 if language == "zh" else 1]
    return key, str(value)
