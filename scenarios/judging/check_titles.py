"""What each check is called, and why it may have had nothing to look at.

One row a check, in both languages: the title that reports print beside its id, and the sentence
that stands in for a count of 0. Source: faults-and-invariants, section 3.
"""

from __future__ import annotations

from typing import NamedTuple


class CheckTitle(NamedTuple):
    """A check in words."""

    zh: str
    en: str
    idle_zh: str
    idle_en: str


_NO_CASE = ("没有结算", "nothing was settled")
_NO_UNDO = ("没有撤销或冲正", "nothing was cancelled or reversed")
_NO_REVERSAL = ("没有冲正", "nothing was reversed")
_NO_CLEARING = ("没有关闭的清算批次", "no clearing batch was closed")
_NO_TRANSFER = ("财政账户没有收付", "no money moved between finance accounts")
_NO_PREFUND = ("没有预付金变动", "no prefund moved")
_NO_DELIVERY = ("没有报文", "no message was delivered")


def _row(zh: str, en: str, idle: tuple[str, str]) -> CheckTitle:
    return CheckTitle(zh, en, *idle)


_NO_OWN = ("没有自有节点", "no node was somebody's own")

OWN_TITLES: dict[str, CheckTitle] = {
    "OBS-1": _row("应答可读", "every answer can be read", _NO_OWN),
    "OBS-2": _row("请求都有应答", "every request was answered, under its own id", _NO_OWN),
    "OBS-3": _row(
        "同一请求同一应答",
        "the same request gets the same answer",
        ("没有请求被重复", "no request was repeated"),
    ),
    "OBS-4": _row("金额恒等式成立", "the amounts of every answer add up", _NO_CASE),
    "OBS-5": _row("金额与政策一致", "the amounts are those of the policy", _NO_CASE),
    "OBS-6": _row(
        "链路序号与水位",
        "sequences and watermarks of a durable node",
        ("没有一级节点", "no own node is of level 1"),
    ),
    "OBS-7": _row("每案至多生效一次", "a case takes effect at most once", _NO_CASE),
}
"""The checks of somebody's own node; told where there is one."""

TITLES: dict[str, CheckTitle] = {
    "INV-01": _row("费用拆分平", "the parts of every bill add up", _NO_CASE),
    "INV-02": _row("每笔记账借贷平", "every posting sums to zero", _NO_CASE),
    "INV-03": _row(
        "两地账差都有在途报文解释", "every difference of two books is explained", _NO_CASE
    ),
    "INV-04": _row("资金只移动不增减", "money moves and is never made", _NO_TRANSFER),
    "INV-05": _row("三方对账平", "the three books agree by day and scheme", _NO_CASE),
    "INV-06": _row(
        "告知医院的就是账上的", "what the hospital was told is what is booked", _NO_CASE
    ),
    "INV-07": _row("每笔至多生效一次", "every effect happens at most once", _NO_CASE),
    "INV-08": _row(
        "重复请求得到同一应答",
        "a repeat gets the first answer again",
        ("没有重复的应答", "no answer was repeated"),
    ),
    "INV-09": _row(
        "同键不同内容被拒",
        "a key used again with other content is refused",
        ("没有同键不同内容的请求", "no key was used with other content"),
    ),
    "INV-10": _row("一个结算单元至多一笔有效", "a settlement unit is live at most once", _NO_CASE),
    "INV-11": _row(
        "三方结果一致",
        "all three nodes agree on every outcome",
        ("没有业务键", "there was no case"),
    ),
    "INV-12": _row(
        "状态只按表变迁", "states change by the table only", ("没有状态变化", "no state changed")
    ),
    "INV-13": _row("有效备案或明示豁免", "every live case has a filing or an exemption", _NO_CASE),
    "INV-14": _row(
        "与预结算一致或说明差异",
        "a settlement equals its pre-settlement or says why",
        ("没有预结算过的结算", "nothing that settled had been pre-settled"),
    ),
    "INV-15": _row("封顶线与累计正确", "limits hold and accumulators are a fold", _NO_CASE),
    "INV-16": _row("待遇计算可重算", "every benefit computes to the same fen again", _NO_CASE),
    "INV-17": _row(
        "撤销与原记账逐笔相反", "an undoing mirrors its settlement leg by leg", _NO_UNDO
    ),
    "INV-18": _row(
        "先到的冲正挡住迟到的结算",
        "a reversed key never settles later",
        ("没有先到的冲正", "no reversal came before its original"),
    ),
    "INV-19": _row("冲正都有回音", "every reversal was answered", _NO_REVERSAL),
    "INV-20": _row(
        "已清算的不撤销",
        "nothing cleared is taken back",
        ("没有撤销、冲正或调整", "nothing was taken back or adjusted"),
    ),
    "INV-21": _row(
        "预付金不为负", "no prefund is below zero", ("没有预付金", "there is no prefund")
    ),
    "INV-22": _row(
        "预付金余额是流水之和",
        "a prefund is the fold of its postings",
        ("没有预付金", "there is no prefund"),
    ),
    "INV-23": _row("预警线各报一次", "each alarm line is reported once a period", _NO_CLEARING),
    "INV-24": _row("预付金变动都有凭据", "every change of a prefund names its notice", _NO_PREFUND),
    "INV-25": _row("每案至多清算一次", "a case is cleared at most once", _NO_CLEARING),
    "INV-26": _row("批次与期间只增不改", "batches and periods only go forward", _NO_CLEARING),
    "INV-27": _row(
        "清算表与通知书金额一致", "tables, notices and cases have the same sums", _NO_CLEARING
    ),
    "INV-28": _row("会计日三方相同", "the accounting day is the same everywhere", _NO_CASE),
    "INV-29": _row("只清算对平的", "only reconciled money is cleared", _NO_CLEARING),
    "INV-34": _row(
        "日志折叠等于状态",
        "the journal folds to the nodes' state",
        ("没有日志", "there was no journal"),
    ),
    "INV-36": _row("链路序号有序不重", "link sequences are ordered and never repeat", _NO_DELIVERY),
    "INV-37": _row(
        "队列有界，超限明告", "queues are bounded and nothing is dropped silently", _NO_DELIVERY
    ),
    "INV-38": _row("时间不倒流", "no node's time goes back", _NO_DELIVERY),
    "INV-39": _row(
        "同种子同日志",
        "the same inputs give the same journal hash",
        ("没有日志", "there was no journal"),
    ),
    "INV-42": _row(
        "每项检查都真的查过",
        "every check looked at something or says why not",
        ("没有检查", "there were no checks"),
    ),
}
"""The checks of the network itself; a scenario's own expectations come on top."""


def title_of(check: str, language: str) -> str:
    """A check's title; an expectation's id speaks for itself."""
    row = TITLES.get(check) or OWN_TITLES.get(check)
    if row is None:
        kind, _, rest = check.partition("-")
        name = {"STEP": ("步骤", "step"), "EXPECT": ("预期", "expectation"),
                "THRESHOLD": ("门限", "threshold")}.get(kind, ("检查", "check"))  # fmt: skip
        return f"{name[0] if language == 'zh' else name[1]} {rest}"
    return row.zh if language == "zh" else row.en


def idle_reason(check: str, language: str = "en") -> str:
    """Why a check with a count of 0 had nothing to look at."""
    row = TITLES.get(check) or OWN_TITLES.get(check)
    if row is None:
        return "没有可查的内容" if language == "zh" else "there was nothing to look at"
    return row.idle_zh if language == "zh" else row.idle_en
