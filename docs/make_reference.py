"""Writes the pages of docs/ that repeat what the code knows: errors, requirements, checks, states.

    make docs

Each page is made from one table of the code (and, for the checks, from `checks.toml` beside this
file), so it cannot say anything else than the program. A test compares the files with what this
module would write.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable
from pathlib import Path

from yidi.nodes.lifecycle import TRANSITIONS, CaseState
from yidi.protocol.error_codes import ERRORS
from yidi.protocol.transactions import TRANSACTIONS, Manner
from yidi.scenarios.judging.check_titles import OWN_TITLES, TITLES, CheckTitle
from yidi.scenarios.judging.verify_titles import VERIFY_TITLES
from yidi.scenarios.library.loader import library_names, load
from yidi.scenarios.library.requirements import load_requirements

DOCS = Path(__file__).parent
NOTE = "<!-- Written by `make docs`; change the table it comes from, not this page. -->"


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    lines = [list(head)]
    lines.append(["---"] * len(lines[0]))
    lines += [[cell.replace("|", "\\|") for cell in row] for row in rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _page(title: str, *parts: str) -> str:
    return "\n\n".join((f"# {title}", NOTE, *parts)) + "\n"


# ---------------------------------------------------------------------------- errors

_ERRORS_ABOUT = """\
Every code that a message, a file or a command can be answered with, from
[`protocol/error_codes.py`](../protocol/error_codes.py). No public catalogue of numbers exists (the
national interface knows 0, -1 and 9), so the numbers are our own.

**Definite** (确定): the operation certainly did not take effect. **Not definite** (不确定): the outcome is
open; whoever gets the code asks (5203) or reverses (2601), and never tries anew under another key.

报文、文件和命令可能得到的全部错误码，来自 `protocol/error_codes.py`。国家接口没有公开的错误编号（只有 0、-1、9），编号为自行
设计。**确定**：操作肯定没有生效。**不确定**：结果未知，收到者应查询（5203）或冲正（2601），不得换号重做。

*Source*: `bad-input W06` and the like are rows of the list of bad inputs that the tests follow (look for
the row's name in `tests/`); `faults`, `domain`, `interface` and `design` name chapters of the material
yidi was planned from, which is not part of this repository. 出处列中的 `bad-input` 行号可在 `tests/` 中查到对应测试；
其余为规划材料的章节，不在本仓库内。"""

_FAMILIES = (
    ("1", "Form of messages · 报文格式"),
    ("2", "Business · 业务"),
    ("3", "Scenario and policy files · 场景与政策文件"),
    ("4", "Stored data, engines, surroundings · 存储、引擎与环境"),
)


def errors() -> str:
    """docs/errors.md."""
    parts = [_ERRORS_ABOUT]
    for digit, heading in _FAMILIES:
        rows = [
            (str(row.number), f"`{row.code}`", row.zh, row.en,
             "yes · 是" if row.definite else "**no · 否**", row.source)
            for row in ERRORS
            if str(row.number)[0] == digit
        ]  # fmt: skip
        head = ("number", "code", "中文", "English", "definite", "source")
        parts += [f"## {heading}", _table(head, rows)]
    return _page("Error codes · 错误码", *parts)


# ---------------------------------------------------------------------------- requirements

_RULES_ABOUT = """\
The rules that scenario files name under `requirements`, from
[`scenarios/library/requirements.toml`](../scenarios/library/requirements.toml), and the scenarios that
exercise each. Tags of sources are explained in [policies.md](policies.md); *design* is our own rule for
what no public document settles. *conform*: from which level on `yidi conform` judges a node of which role by
the rule.

场景文件 `requirements` 所列的规则，以及用到每条规则的场景。来源标记见 [policies.zh-CN.md](policies.zh-CN.md)；
*design* 表示公开文件没有规定、由本项目自定。*conform*：`yidi conform` 从哪一级起、对哪种角色按该规则判定。"""


def requirements() -> str:
    """docs/requirements.md."""
    used: dict[str, list[str]] = {}
    for name in library_names():
        for rule in load(name).scenario.requirements:
            used.setdefault(rule, []).append(name)
    parts = [_RULES_ABOUT]
    families: dict[str, list[tuple[str, ...]]] = {}
    for rule in load_requirements().values():
        names = ", ".join(used.get(rule.id, ["-"]))
        judged = f"{rule.level}: {', '.join(rule.roles)}" if rule.level else "-"
        row = (rule.id, rule.zh, rule.en, rule.source, judged, names)
        families.setdefault(rule.id.partition("-")[0], []).append(row)
    for family, rows in families.items():
        head = ("id", "中文", "English", "source", "conform", "scenarios · 场景")
        parts += [f"## {family}", _table(head, rows)]
    return _page("Requirements · 规则", *parts)


# ---------------------------------------------------------------------------- checks

_CHECKS_ABOUT = """\
What a run is judged by. Each check says *pass*, *fail* or *unknown* and how often it looked; a check that
had nothing to look at says why, and a run in which nothing was looked at has failed. The first column is
what `yidi run` and `yidi verify` print, and the test case in `junit.xml`.

一次运行凭这些检查得出结论。每项检查给出通过、失败或未知，以及查看的次数；没有可查内容的会说明原因，什么都没有查的运行判为失败。
第一列即 `yidi run`、`yidi verify` 和 `junit.xml` 中的名称。"""

_OWN_ABOUT = """\
| id | 中文 | English |
| --- | --- | --- |
| `STEP-case` | 脚本案例的每一步都得到故事所写的应答 | every step of a scripted case came to what the story expects |
| `EXPECT-n` | 场景文件第 n 个 `[[expect]]` 成立 | the n-th `[[expect]]` of the scenario file holds |
| `THRESHOLD-n` | `[thresholds]` 中第 n 个表达式成立 | the n-th expression of `[thresholds]` holds |"""


def checks() -> str:
    """docs/checks.md."""
    meanings = tomllib.loads((DOCS / "checks.toml").read_text("utf-8"))
    head = (
        "id",
        "中文",
        "English",
        "what is looked at",
        "查看什么",
        "when it has nothing to look at",
    )

    def rows(titles: dict[str, CheckTitle]) -> list[tuple[str, ...]]:
        return [
            (row_id, row.zh, row.en, meanings[row_id]["en"], meanings[row_id]["zh"],
             f"{row.idle_en} · {row.idle_zh}")
            for row_id, row in titles.items()
        ]  # fmt: skip

    verify = ((row_id, zh, en) for row_id, (zh, en) in VERIFY_TITLES.items())
    return _page(
        "Checks · 检查",
        _CHECKS_ABOUT,
        "## The network's own · 网络自身",
        "Leave one out with `[[checks.skip]]` and a reason; run some alone with `checks.only`. "
        "省略某项须在 `[[checks.skip]]` 写明理由；只跑某几项用 `checks.only`。",
        _table(head, rows(TITLES)),
        "## Of somebody's own node · 自有节点",
        "Where `--external` puts one into a run; by the bytes in wire.jsonl and the inputs in the journal. "
        "用 `--external` 接入自有节点时；依据 wire.jsonl 的字节与日志的输入。",
        _table(head, rows(OWN_TITLES)),
        "## The scenario's own · 场景自身",
        _OWN_ABOUT,
        "## Of `yidi verify` · `yidi verify` 另有",
        "From the files of a run alone; then the network's own checks once more, on the replay. "
        "仅凭结果文件；重放时再跑一遍网络自身的检查。",
        _table(("id", "中文", "English"), verify),
    )


# ---------------------------------------------------------------------------- life cycle

_STATES_ABOUT = """\
Where a case may go at each node, from `TRANSITIONS` in [`nodes/lifecycle.py`](../nodes/lifecycle.py). No
node makes a step that is not in its table (INV-12). Only the treatment region is ever in doubt: hub and
insured region know what happened, or have not heard of it.

案件在各节点的状态变迁，来自 `nodes/lifecycle.py` 的 `TRANSITIONS`。节点不做表外的变迁（INV-12）。只有就医地会有“结果未知”：
平台与参保地要么知道发生了什么，要么还没有听说。"""

_STATE_WORDS = {
    "NEW": ("a key was minted or heard of", "已有业务键"),
    "PRESETTLED": ("a trial was answered; no money has moved", "已预结算，未动资金"),
    "INDOUBT": ("sent, and the answer has not come: ask, then reverse", "已发出，未得应答：先查询，再冲正"),
    "SETTLED": ("settled; the money counts", "已结算，计入账目"),
    "REJECTED": ("refused for good; a new attempt takes a new key", "已拒绝；再试须用新键"),
    "REVERSED": ("cancelled or reversed; leaves only when the cancellation itself is reversed",
                 "已撤销或冲正；仅当撤销本身被冲正时恢复"),
    "CLEARED": ("in a closed batch; corrected only by an adjustment", "已清算；只能以调整更正"),
}  # fmt: skip

_ROLE_TITLES = {
    ("treatment",): "Treatment region · 就医地",
    ("hub", "insured"): "Hub and insured region · 平台与参保地",
}


def lifecycle() -> str:
    """docs/lifecycle.md."""
    states = [(f"`{state}`", *_STATE_WORDS[state][::-1]) for state in CaseState]
    parts = [_STATES_ABOUT, _table(("state", "中文", "English"), states)]
    for roles, heading in _ROLE_TITLES.items():
        steps = TRANSITIONS[roles[0]]
        assert all(TRANSITIONS[role] == steps for role in roles)
        rows = [
            (f"`{state}`", *("●" if after in afters else "" for after in CaseState))
            for state, afters in steps.items()
        ]
        head = ("from \\ to", *(f"`{state}`" for state in CaseState))
        arrows = [
            f"    {state} --> {after}"
            for state, afters in steps.items()
            for after in CaseState
            if after in afters
        ]
        diagram = "\n".join(("```mermaid", "stateDiagram-v2", "    [*] --> NEW", *arrows, "```"))
        parts += [f"## {heading}", _table(head, rows), diagram]
    return _page("The life cycle of a case · 案件的状态", *parts)


# ---------------------------------------------------------------------------- transactions

_TRANSACTIONS_ABOUT = """\
Every transaction that has a flow here, from [`protocol/transactions.py`](../protocol/transactions.py).
The *word* is what scenario files and fault sentences use. Four digits are the national platform's number;
a letter marks our own design, because the leg between a province and the nation is nowhere published.

本项目实现的全部交易，来自 `protocol/transactions.py`。*word* 为场景文件与故障语句所用的词。四位数字为国家平台的交易编号；
带字母的为自行设计：省与国家之间的一段没有公开规范。

| how it repeats | 中文 | English |
| --- | --- | --- |
| effect | 同一业务键至多生效一次，重复得到同一应答 | at most once per key; a repeat gets the first answer, byte for byte |
| repeatable | 同一报文号同一应答，新报文号重新计算 | the same message id gets the same answer, a new one is computed afresh |
| local | 只在一个地区与其机构或操作员之间 | between one region and its institutions or operators |"""


def transactions() -> str:
    """docs/transactions.md."""
    national = [row for row in TRANSACTIONS if row.code.isdigit()]
    own = [row for row in TRANSACTIONS if not row.code.isdigit()]
    assert {row.manner for row in TRANSACTIONS} == set(Manner)
    parts = [_TRANSACTIONS_ABOUT]
    for heading, rows in (
        ("Numbers of the national platform · 国家平台编号", national),
        ("Our own design · 自行设计", own),
    ):
        cells = ((row.code, f"`{row.word}`", row.zh, row.en, row.manner.value) for row in rows)
        head = ("number", "word", "中文", "English", "repeats")
        parts += [f"## {heading}", _table(head, cells)]
    return _page("Transactions · 交易", *parts)


PAGES: dict[str, Callable[[], str]] = {
    "errors.md": errors,
    "requirements.md": requirements,
    "checks.md": checks,
    "lifecycle.md": lifecycle,
    "transactions.md": transactions,
}
"""File name in docs/ → what stands in it."""

if __name__ == "__main__":
    for name, make in PAGES.items():
        (DOCS / name).write_text(make(), "utf-8")
