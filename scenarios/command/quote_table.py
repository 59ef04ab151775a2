"""A quote for people: who and where, the amounts, each step in words, and where numbers come from.

What is illustrative is marked in the sentence of its step and again in the list of sources.
"""

from __future__ import annotations

from collections.abc import Mapping

from yidi.nodes.benefit import Claim
from yidi.nodes.policy import ILLUSTRATIVE
from yidi.protocol.codes import label, labelled
from yidi.protocol.regions import label as region_label
from yidi.scenarios.command.common import Language, print_table, printable

ROWS: tuple[tuple[str, str, str], ...] = (
    ("medfee_sumamt", "医疗费总额", "Bill"),
    ("inscp_scp_amt", "符合政策范围", "In scope"),
    ("act_pay_dedc", "起付线", "Deductible"),
    ("pool_prop_selfpay", "统筹支付比例", "Pooled ratio"),
    ("hifp_pay", "统筹基金", "Pooled fund"),
    ("hifob_pay", "职工大额", "Large amount"),
    ("hifmi_pay", "居民大病", "Serious illness"),
    ("cvlserv_pay", "公务员补助", "Civil servants"),
    ("maf_pay", "医疗救助", "Assistance"),
    ("fund_pay_sumamt", "基金支付合计", "Funds in all"),
    ("psn_part_amt", "个人负担", "Borne by the person"),
    ("acct_pay", "个人账户", "Personal account"),
    ("psn_cash_pay", "个人现金", "Cash"),
    ("hosp_part_amt", "医院负担", "Borne by the hospital"),
)
"""Output field, Chinese, English, in the order of the computation."""


def claim_title(claim: Claim, language: Language) -> str:
    """Whose claim, from where to where: every code with its name."""
    parts = [
        f"{region_label(claim.insured, language)} → {region_label(claim.treatment, language)}",
        labelled("insutype", claim.insutype, language),
        labelled("psn_type", claim.psn_type, language),
        labelled("med_type", claim.med_type, language),
        label("hosp_lv", claim.hosp_lv, language),
        label("filing", claim.filing, language),
        claim.setl_date,
    ]
    return ("，" if language == "zh" else ", ").join(parts)


def print_split(
    claim: Claim | None,
    result: Mapping[str, object],
    language: Language,
    *,
    number: int | None,
) -> None:
    """Print one split or refusal; `number` counts the claims of a list from 1."""
    zh = language == "zh"
    heading = "" if number is None else f"#{number}  "
    if claim is not None:
        heading += claim_title(claim, language)
    if heading:
        print(printable(heading.rstrip()))
    if "code" in result:
        colon = "：" if zh else ": "
        print(printable(f"{result['code']} {result['at']}{colon}{result['sentence']}"))
    else:
        _print_amounts(claim, result, zh=zh)
        _print_steps(result, zh=zh)
    if "warn_msg" in result:
        print(printable(f"{'注意' if zh else 'Note'}: {result['warn_msg']}"))
    if number is not None:
        print()


def _print_amounts(claim: Claim | None, result: Mapping[str, object], *, zh: bool) -> None:
    headers = ("项目", "元", "字段") if zh else ("Item", "Yuan", "Field")
    shown = dict(result)
    if claim is not None:
        shown["medfee_sumamt"] = f"{claim.total_fen // 100}.{claim.total_fen % 100:02d}"
    rows = [(name_zh if zh else name_en, shown[key], key) for key, name_zh, name_en in ROWS]
    print_table(headers, rows, right=(1,))


def _print_steps(result: Mapping[str, object], *, zh: bool) -> None:
    steps = result["steps"]
    assert isinstance(steps, list)
    print("\n" + ("计算步骤" if zh else "Steps"))
    print_table(
        ("规则", "说明") if zh else ("Rule", "What happened"),
        [(step["rule"], step["sentence"]) for step in steps],
    )
    sources: dict[str, str] = {}
    for step in steps:
        sources |= step["provenance"]
    if not sources:
        return
    print("\n" + ("参数出处" if zh else "Where the parameters come from"))
    headers = ("参数", "出处") if zh else ("Parameter", "Source")
    print_table(headers, [(path, _origin(origin, zh=zh)) for path, origin in sources.items()])


def _origin(origin: str, *, zh: bool) -> str:
    if zh and origin.startswith(ILLUSTRATIVE):
        return "示意（为培训编造）" + origin.removeprefix(ILLUSTRATIVE)
    return origin
