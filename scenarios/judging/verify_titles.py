"""What each check of `yidi verify` is called, by layer."""

from __future__ import annotations

from yidi.scenarios.judging.check_titles import title_of

VERIFY_TITLES: dict[str, tuple[str, str]] = {
    "FILES": ("文件齐全，与清单相符", "every file is there and is what the manifest names"),
    "JOURNAL": ("日志完整，哈希相符", "the journal is whole and has the hash that is told of it"),
    "ROWS-CASES": ("案例行自身成立", "the rows of cases hold by themselves"),
    "ROWS-POSTINGS": ("记账行自身成立，与案例相符", "the postings hold and agree with the cases"),
    "ROWS-CLEARING": ("清算行等于案例之和", "the clearing rows are the sums of their cases"),
    "ROWS-NOTICES": ("通知书与清算行相符", "the notices agree with the clearing rows"),
    "ROWS-RESULT": ("结论中的合计可由行重算", "the totals of the result follow from the rows"),
    "ANSWERS-CASES": (
        "案例与日志中的应答相符",
        "the cases are what the answers in the journal say",
    ),
    "ANSWERS-POSTINGS": ("记账与日志中的应答相符", "the postings are what the answers imply"),
    "ANSWERS-CLEARING": ("清算与日志中的报文相符", "the clearing is what its messages say"),
    "ANSWERS-NOTICES": ("通知书与日志中的报文相符", "the notices are what the messages say"),
    "WIRE-FILE": (
        "自有节点的原文与日志、结论相符",
        "the wire of own nodes agrees with journal and result",
    ),
    "REPLAY-WORLD": ("由场景与种子得到同样的人员与地区", "scenario and seed give the same world"),
    "REPLAY-OUTPUTS": ("重放的输出与日志摘要相符", "the replay gives the recorded outputs"),
    "REPLAY-CASES": ("重放得到同样的案例", "the replay gives the same cases"),
    "REPLAY-POSTINGS": ("重放得到同样的记账", "the replay gives the same postings"),
    "REPLAY-CLEARING": ("重放得到同样的清算", "the replay gives the same clearing"),
    "REPLAY-NOTICES": ("重放得到同样的通知书", "the replay gives the same notices"),
    "REPLAY-DIFFERENCES": ("重放得到同样的对账差异", "the replay gives the same differences"),
    "REPLAY-RESULT": ("再运行一次得到同样的结论", "the run made again comes to the same result"),
}


def verify_title(check: str, language: str) -> str:
    """A check's title; invariants have theirs."""
    named = VERIFY_TITLES.get(check)
    if named is not None:
        return named[language != "zh"]
    return title_of(check, language)
