"""The page's tables: the clearing table as people print it, notices, checks, made-up numbers.

Plain HTML in both languages at once; the page's language decides which one shows. Every value
that came from a file is escaped here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from yidi.protocol.chinese_money import chinese_capitals, english_words
from yidi.protocol.codes import label as code_name
from yidi.protocol.codes import labelled, national_fund
from yidi.protocol.errors import ErrorCode, StoredDataError
from yidi.protocol.money import yuan_grouped
from yidi.protocol.regions import label
from yidi.scenarios.judging.check_titles import TITLES
from yidi.scenarios.judging.rows import ClearingRow, Notice
from yidi.scenarios.library.schema import Scenario

NOTICES_MAX = 60
"""Notices listed; a month of the whole country has some 2,000."""
_Row = TypeVar("_Row", bound=msgspec.Struct)
_COLUMNS = (
    ("付方（参保省）", "payer"),
    ("收方（就医省）", "payee"),
    ("人次", "cases"),
    ("医疗费总额", "total fee"),
    ("职工统筹", "employees"),
    ("居民统筹", "residents"),
    ("大病与大额", "serious illness"),
    ("医疗救助", "assistance"),
    ("其他基金", "other funds"),
    ("个人账户", "account"),
    ("审核调整", "adjusted"),
    ("应付金额", "payable"),
    ("状态", "state"),
)
_FUND_COLUMNS = {"310100": 0, "390100": 1, "330100": 2, "390200": 2, "610100": 3}
_UNTITLED = {
    "STEP": ("案例 {} 的每一步都如预期", "every step of case {} is as expected"),
    "EXPECT": ("第 {} 条预期成立", "expectation {} holds"),
    "THRESHOLD": ("阈值 {}", "threshold {}"),
}
_KINDS = {
    "payment": ("付款通知书", "Payment notice"),
    "collection": ("收款通知书", "Collection notice"),
    "yellow": ("预付金黄色预警", "Prefund: yellow warning"),
    "red": ("预付金红色预警", "Prefund: red warning"),
    "prefund": ("预付金额度紧急调增通知书", "Prefund top-up notice"),
}


def read_rows(path: Path, kind: type[_Row]) -> list[_Row]:
    """The rows of a JSON-lines file; none where it is missing.

    Raises:
        StoredDataError: `E_BUNDLE`.
    """
    if not path.is_file():
        return []
    try:
        return [msgspec.json.decode(line, type=kind) for line in path.read_bytes().splitlines()]
    except msgspec.MsgspecError as error:
        raise StoredDataError(ErrorCode.E_BUNDLE, at=path.name, got=str(error)) from error


def two(zh: str, en: str) -> str:
    """A text in both languages, escaped."""
    return f'<span lang="zh">{escape(zh)}</span><span lang="en">{escape(en)}</span>'


def two_lines(zh: str, en: str) -> str:
    """Chinese in both languages, as the form has it, and English below it for its readers."""
    return f'{escape(zh)}<span lang="en"><br>{escape(en)}</span>'


def place(code: str) -> str:
    """A place in both languages."""
    return two(label(code, "zh"), label(code, "en"))


def named(dictionary: str, code: str) -> str:
    """A code with its name in both languages."""
    return two(labelled(dictionary, code, "zh"), labelled(dictionary, code, "en"))


def table(
    columns: Sequence[tuple[str, str]],
    rows: Sequence[Sequence[str]],
    right: int,
    *,
    total: bool = False,
) -> str:
    """A table whose columns from `right` on are amounts; cells are HTML already.

    Args:
        columns: heads, Chinese and English.
        rows: cells of each row.
        right: the first column of amounts.
        total: whether the last row is a sum.
    """
    heads = "".join(f'<th scope="col">{two(*column)}</th>' for column in columns)
    last = len(rows) - 1 if total else -1
    body = "".join(
        ('<tr class="total">' if place == last else "<tr>")
        + "".join(
            f'<td class="{"amount" if number >= right else ""}">{cell}</td>'
            for number, cell in enumerate(row)
        )
        + "</tr>"
        for place, row in enumerate(rows)
    )
    whole = f"<thead><tr>{heads}</tr></thead><tbody>{body}</tbody>"
    return f'<div class="scroll"><table>{whole}</table></div>'


def clearing_tables(rows: Sequence[ClearingRow]) -> str:
    """全国跨省异地就医费用清算表: one table per period and hub, schemes added up per pair."""
    if not rows:
        return f"<p>{two('本次运行没有关闭的清算批次。', 'No clearing batch was closed.')}</p>"
    parts = []
    for kind in sorted({_table_of(row) for row in rows}):
        mine = [row for row in rows if _table_of(row) == kind]
        unit = two("单位：元", "in yuan")
        lines = [_clearing_line(pair, mine) for pair in sorted({(r.payer, r.payee) for r in mine})]
        lines.append(_clearing_cells(two("合计", "total"), "", mine))
        summed = table(_COLUMNS, lines, 2, total=True)
        parts.append(f"<h3>{_caption(*kind)} <small>{unit}</small></h3>{summed}")
    return "".join(parts)


def _table_of(row: ClearingRow) -> tuple[str, bool, str]:
    """Which table a row stands in: its month, whether it stays in the province, its hub."""
    return row.period, row.payer == row.payee, row.hub


def _caption(period: str, is_inside: bool, hub: str) -> str:
    delta = hub.endswith("yrd")
    zh, en = ("长三角", "Delta") if delta else ("全国", "National")
    if is_inside:
        return two(f"省内异地就医费用清算表（{zh}平台）　{period}",
                   f"In-province clearing table ({en} hub), {period}")  # fmt: skip
    return two(
        f"{zh}跨省异地就医费用清算表　{period}", f"{en} cross-province clearing table, {period}"
    )


def _clearing_line(pair: tuple[str, str], rows: Sequence[ClearingRow]) -> list[str]:
    mine = [row for row in rows if (row.payer, row.payee) == pair]
    return _clearing_cells(place(pair[0]), place(pair[1]), mine)


def _clearing_cells(payer: str, payee: str, rows: Sequence[ClearingRow]) -> list[str]:
    funds = [0] * 5
    for row in rows:
        for code, fen in row.funds.items():
            funds[_FUND_COLUMNS.get(national_fund(code), 4)] += fen
    sums = [
        sum(row.total_fen for row in rows),
        *funds,
        sum(row.account_fen for row in rows),
        sum(row.adjust_fen for row in rows),
        sum(row.payable_fen for row in rows),
    ]
    states = sorted({row.state for row in rows})
    state = "".join(f"<div>{named('clearing_state', one)}</div>" for one in states)
    count = f"{sum(row.count for row in rows):,}"
    return [payer, payee, count, *map(yuan_grouped, sums), state if payee else ""]


def notices(rows: Sequence[Notice]) -> str:
    """One payment and one collection notice in full, the rest in a table."""
    if not rows:
        return f"<p>{two('本次运行没有通知书。', 'No notice was issued.')}</p>"
    shown = [next((row for row in rows if row.kind == kind), None) for kind in _KINDS]
    cards = "".join(_card(row) for row in shown if row is not None)
    columns = (
        ("通知书", "notice"), ("种类", "kind"), ("付方", "payer"), ("收方", "payee"),
        ("期间", "period"), ("限期", "due"), ("金额（元）", "amount (yuan)"),
    )  # fmt: skip
    lines = [
        [
            escape(row.notice),
            two(*_KINDS.get(row.kind, (row.kind, row.kind))),
            place(row.payer),
            place(row.payee),
            escape(row.period or ""),
            escape(row.due_day or ""),
            yuan_grouped(row.amount_fen),
        ]
        for row in rows[:NOTICES_MAX]
    ]
    rest = len(rows) - NOTICES_MAX
    more = (
        f"<p>{two(f'另有 {rest} 份未列出。', f'{rest} more are not listed.')}</p>"
        if rest > 0
        else ""
    )
    whole = two(f"全部 {len(rows)} 份通知", f"all {len(rows)} notices")
    listed = f"<details><summary>{whole}</summary>{table(columns, lines, 6)}{more}</details>"
    return f'<div class="cards">{cards}</div>{listed}'


def _card(row: Notice) -> str:
    """A notice as a letter: serial, period, payer, payee, figures, words, due date."""
    zh, en = _KINDS[row.kind]
    scheme = code_name("insutype", row.insutype, "zh") if row.insutype else ""
    scheme_en = code_name("insutype", row.insutype, "en") if row.insutype else ""
    figures = yuan_grouped(row.amount_fen)
    used = row.kind in ("yellow", "red")
    name = ("已用金额", "used") if used else ("金额（小写）", "amount in figures")
    fields: list[tuple[str, str]] = [
        (two("编号", "serial"), escape(row.notice)),
        (two("清算期间", "period"), escape(row.period or "—")),
        (two("付方", "payer"), place(row.payer)),
        (two("收方", "payee"), place(row.payee)),
        (two("险种", "scheme"), two(scheme or "—", scheme_en or "—")),
        (two(*name), f"<strong>¥ {figures}</strong>"),
        (
            two("金额（大写）", "amount in words"),
            two_lines(chinese_capitals(row.amount_fen), english_words(row.amount_fen)),
        ),
    ]
    if row.granted_fen:
        fields.append((two("预付金额度", "prefund granted"), f"¥ {yuan_grouped(row.granted_fen)}"))
    if row.due_day:
        fields.append((two("付清期限", "due"), escape(row.due_day)))
    lines = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in fields)
    issued = f"{row.day or ''}"
    stamp = two("模拟 示意", "simulated")
    return (
        f'<article class="card {escape(row.kind)}"><h3>{two(zh, en)}</h3><dl>{lines}</dl>'
        f'<p class="issued">{escape(issued)}</p><p class="stamp">{stamp}</p></article>'
    )


def checks(result: dict[str, Any]) -> str:
    """Every check with its count, failures first."""
    rows = [row for row in result.get("checks", []) if isinstance(row, dict)]
    order = {"fail": 0, "unknown": 1, "pass": 2}
    rows.sort(key=lambda row: order.get(str(row.get("verdict")), 3))
    columns = (
        ("结论", "verdict"), ("检查", "check"), ("说明", "what it says"), ("次数", "count"),
    )  # fmt: skip
    lines = [
        [
            verdict_badge(str(row.get("verdict", "unknown"))),
            escape(str(row.get("id", ""))),
            _check_text(row),
            f"{int(row.get('count') or 0):,}",
        ]
        for row in rows
    ]
    return table(columns, lines, 3)


def _check_text(row: dict[str, Any]) -> str:
    name = str(row.get("id", ""))
    title = row.get("title") or {}
    zh, en = str(title.get("zh", "")), str(title.get("en", ""))
    if not zh:
        kind, _, what = name.partition("-")
        zh, en = (text.format(what) for text in _UNTITLED.get(kind, ("", "")))
    text = two(zh, en)
    reason = str(row.get("reason") or "")
    known = TITLES.get(name)
    if reason and known is not None and reason == known.idle_en:
        text += f' <small class="reason">{two(known.idle_zh, reason)}</small>'
    elif reason:
        text += f' <small class="reason">{escape(reason)}</small>'
    first = row.get("first_violation")
    if isinstance(first, dict):
        ids = ", ".join(map(str, first.get("message_ids") or ()))
        facts = f"{first.get('key', '')} {first.get('node', '')} {first.get('facts', '')} {ids}"
        text += f'<div class="violation">{escape(facts)}</div>'
    return text


def verdict_badge(verdict: str) -> str:
    """A verdict as a badge; the word stands beside the colour."""
    words = {"pass": ("通过", "pass"), "fail": ("不通过", "fail"), "unknown": ("未知", "unknown")}
    zh, en = words.get(verdict, (verdict, verdict))
    kind = verdict if verdict in words else "unknown"
    return f'<span class="badge {kind}">{two(zh, en)}</span>'


def made_up(scenario: Scenario | None) -> str:
    """The numbers that are made up for training."""
    always = two(
        "人员、机构与身份证号均为虚构；清算日历、预付金规则没有公开规范，按通行理解设定。",
        "Persons, institutions and identity numbers are made up; calendar and prefund rules have "
        "no public specification and are set as commonly understood.",
    )
    chinese, english = [scenario.made_up(one) if scenario else [] for one in ("zh", "en")]
    items = "".join(f"<li>{two(*line)}</li>" for line in zip(chinese, english, strict=True))
    return f"<ul><li>{always}</li>{items}</ul>"
