"""A run's report as sections of lines and tables, in one language, made from its bundle.

Nothing here prints: the command line shows the sections, with `rich` or without. Codes never
stand alone: a region has its name, an insurance type its own, a fund pay type its fund's.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import msgspec

from yidi.protocol.codes import labelled
from yidi.protocol.errors import ErrorCode, StoredDataError
from yidi.protocol.money import yuan_grouped
from yidi.protocol.regions import label
from yidi.scenarios.judging.check_titles import TITLES, idle_reason, title_of
from yidi.scenarios.judging.judged_run import RunReport
from yidi.scenarios.judging.rows import CaseRow, ClearingRow, DifferenceRow, Notice
from yidi.scenarios.judging.verdicts import CheckResult, Verdict

Row = TypeVar("Row", bound=msgspec.Struct)

STATES = {
    "NEW": ("新建", "new"),
    "PRESETTLED": ("已预结算", "pre-settled"),
    "INDOUBT": ("结果未知", "in doubt"),
    "SETTLED": ("已结算", "settled"),
    "REJECTED": ("被拒绝", "refused"),
    "REVERSED": ("已撤销或冲正", "taken back"),
    "CLEARED": ("已清算", "cleared"),
    "CONFIRMED": ("已确认", "confirmed"),
    "NOTIFIED": ("已通知", "notified"),
    "PAID": ("已支付", "paid"),
    "FAILED": ("支付失败", "payment failed"),
}
_NOTICES = {
    "payment": ("付款通知书", "payment notices"),
    "collection": ("收款通知书", "collection notices"),
    "prefund": ("预付金紧急调增通知书", "prefund top-up notices"),
    "yellow": ("预付金黄色预警", "yellow prefund alarms"),
    "red": ("预付金红色预警", "red prefund alarms"),
}
_VERDICTS = {"pass": ("通过", "PASS"), "fail": ("不通过", "FAIL"), "unknown": ("未知", "UNKNOWN")}


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """A title with lines, or with a table."""

    title: str
    lines: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    right: tuple[int, ...] = ()
    """Columns set flush right: numbers and amounts."""


class _Pair:
    """What the cases of an insured and a treatment region come to."""

    def __init__(self) -> None:
        self.cases = self.total_fen = self.fund_fen = self.account_fen = self.cash_fen = 0

    def add(self, row: CaseRow) -> None:
        self.cases += 1
        self.total_fen += row.total_fen
        self.fund_fen += row.fund_fen
        self.account_fen += row.account_fen
        self.cash_fen += row.cash_fen


def sections_of(folder: Path, report: RunReport, language: str) -> list[Section]:
    """The report of a bundle, verdict first.

    Raises:
        StoredDataError: `E_BUNDLE` where a file is missing or wrong.
    """
    zh = language == "zh"
    sections = [_headline(report, language), _cases(report, language)]
    sections += _pairs(folder, language)
    sections += _clearing(folder, language)
    sections += _notices(folder, language)
    sections += _flows(report, language)
    sections.append(_own_nodes(report, language))
    sections.append(_checks(report, language))
    sections += _failures(report, language)
    names = tuple(sorted(path.name for path in folder.iterdir()))
    where = Section(title="文件" if zh else "Files", lines=(str(folder), "  " + " ".join(names)))
    return [section for section in sections if section.lines or section.rows] + [where]


def verdict_text(verdict: str, language: str) -> str:
    """A verdict for people."""
    return _VERDICTS[verdict][language != "zh"]


def state_text(state: str, language: str) -> str:
    """A state of a case or batch for people: `已结算 SETTLED`."""
    named = STATES.get(state)
    return f"{named[language != 'zh']} {state}" if named else state


def yuan_text(fen: int) -> str:
    """An amount for people, in yuan."""
    return yuan_grouped(fen)


def _headline(report: RunReport, language: str) -> Section:
    zh = language == "zh"
    days = report.virtual_seconds // 86_400
    lines = [
        f"{'场景' if zh else 'scenario'}: {report.title[language]} [{report.scenario}]",
        f"{'种子' if zh else 'seed'}: {report.seed}",
        f"{'模拟天数' if zh else 'virtual days'}: {days}",
        f"{'报文' if zh else 'messages'}: {report.envelopes:,}",
        f"CPU: {report.cpu_seconds:.2f} s",
    ]
    made_up = report.illustrative[language]
    if made_up:
        lines.append(
            f"示意数据: {'；'.join(made_up)}" if zh else f"illustrative: {'; '.join(made_up)}"
        )
    if report.interrupted:
        lines.append("已中断，未到终点" if zh else "interrupted before its end")
    idle = "从未发生的故障" if zh else "a fault that never acted"
    lines += [f"{idle}: {fault}" for fault in report.idle_faults]
    verdict = verdict_text(report.verdict, language)
    return Section(title=f"{'结论' if zh else 'Verdict'}: {verdict}", lines=tuple(lines))


def _cases(report: RunReport, language: str) -> Section:
    zh = language == "zh"
    rows = [(state_text(state, language), str(count)) for state, count in report.cases.items()]
    if report.manual:
        rows.append(("全额自费，手工报销" if zh else "paid in full, claimed on paper",
                     str(report.manual)))  # fmt: skip
    return Section(
        title="案例（就医地）" if zh else "Cases (at the treatment region)",
        headers=("状态", "数量") if zh else ("state", "count"),
        rows=tuple(rows),
        right=(1,),
    )


def _own_nodes(report: RunReport, language: str) -> Section:
    """What somebody's own nodes were asked, and what our stand-ins answered for them."""
    zh = language == "zh"
    headers = ("自有节点", "接入", "已问", "已答", "拒绝", "未答", "由替身应答")
    if not zh:
        headers = ("own node", "over", "asked", "answered", "refused", "silent", "stood in for it")
    rows = []
    for one in report.externals:
        asked, answered, refused, stood_in = (
            str(sum(counts.values()))
            for counts in (one.asked, one.answered, one.refused, one.stood_in)
        )
        over = f"{one.carrier}, {'级别' if zh else 'level'} {one.level}"
        numbers = (asked, answered, refused, str(one.unanswered), stood_in)
        rows.append((one.address, over, *numbers))
    return Section(
        title="自有节点（以线路上的字节为准）" if zh else "Own nodes (as the wire shows them)",
        headers=headers,
        rows=tuple(rows),
        right=(2, 3, 4, 5, 6),
    )


def _pairs(folder: Path, language: str) -> Iterator[Section]:
    """Money of the cases that stand, by insured and treatment region."""
    zh = language == "zh"
    pairs: dict[tuple[str, str], _Pair] = {}
    for row in read_rows(folder / "cases.jsonl", CaseRow):
        if row.node.startswith("treatment:") and row.state in ("SETTLED", "CLEARED"):
            pairs.setdefault((row.insured, row.treatment), _Pair()).add(row)
    headers = ("参保地", "就医地", "笔数", "总费用", "基金支付", "个人账户", "个人现金")
    if not zh:
        headers = ("insured in", "treated in", "cases", "total", "funds", "account", "cash")
    yield Section(
        title="有效结算（元）" if zh else "Settlements that stand (yuan)",
        headers=headers,
        rows=tuple(
            (
                label(insured, language), label(treatment, language), str(pair.cases),
                yuan_text(pair.total_fen), yuan_text(pair.fund_fen), yuan_text(pair.account_fen),
                yuan_text(pair.cash_fen),
            )
            for (insured, treatment), pair in sorted(pairs.items())
        ),
        right=(2, 3, 4, 5, 6),
    )  # fmt: skip


def _clearing(folder: Path, language: str) -> Iterator[Section]:
    zh = language == "zh"
    headers = ("期间", "付款方", "收款方", "险种", "平台", "笔数", "应付（元）", "状态")
    if not zh:
        headers = ("month", "payer", "payee", "scheme", "hub", "cases", "payable (yuan)", "state")
    yield Section(
        title="清算表" if zh else "Clearing",
        headers=headers,
        rows=tuple(
            (
                row.period, label(row.payer, language), label(row.payee, language),
                labelled("insutype", row.insutype, language), _hub(row.hub, language),
                str(row.count), yuan_text(row.payable_fen), state_text(row.state, language),
            )
            for row in read_rows(folder / "clearing.jsonl", ClearingRow)
        ),
        right=(5, 6),
    )  # fmt: skip


def _hub(address: str, language: str) -> str:
    names = {"hub:100000": ("国家平台", "national"), "hub:yrd": ("长三角", "Yangtze Delta")}
    return names.get(address, (address, address))[language != "zh"]


def _notices(folder: Path, language: str) -> Iterator[Section]:
    """How many notices went out, each prefund alarm, and the differences of the daily books."""
    zh = language == "zh"
    counts: dict[str, int] = {}
    lines: list[str] = []
    for row in read_rows(folder / "notices.jsonl", Notice):
        counts[row.kind] = counts.get(row.kind, 0) + 1
        if row.kind in ("yellow", "red"):
            share = f"{yuan_text(row.amount_fen)} / {yuan_text(row.granted_fen)}"
            where = f"{label(row.payer, language)} → {label(row.payee, language)}"
            lines.append(f"{_NOTICES[row.kind][not zh]} {row.period}: {where}, {share}")
    named = [f"{_NOTICES.get(kind, (kind, kind))[not zh]} {count}"
             for kind, count in sorted(counts.items())]  # fmt: skip
    if named:
        lines.insert(0, ", ".join(named))
    kinds: dict[str, int] = {}
    for found in read_rows(folder / "differences.jsonl", DifferenceRow):
        kinds[found.kind] = kinds.get(found.kind, 0) + 1
    for kind, count in sorted(kinds.items()):
        lines.append(f"{labelled('difference', kind, language)}: {count}")
    title = "通知书、预警与对账差异" if zh else "Notices, alarms and differences"
    yield Section(title=title, lines=tuple(lines))


def _flows(report: RunReport, language: str) -> Iterator[Section]:
    zh = language == "zh"
    headers = ("流量", "到达", "结算", "撤销", "手工报销")
    if not zh:
        headers = ("flow", "arrived", "settled", "cancelled", "on paper")
    columns = ("arrived", "settled", "cancelled", "manual")
    yield Section(
        title="背景流量" if zh else "Background traffic",
        headers=headers,
        rows=tuple(
            (name, *(str(counts.get(column, 0)) for column in columns))
            for name, counts in report.flows.items()
        ),
        right=(1, 2, 3, 4),
    )


def _checks(report: RunReport, language: str) -> Section:
    zh = language == "zh"
    return Section(
        title="检查" if zh else "Checks",
        headers=("编号", "内容", "结论", "次数") if zh else ("id", "what", "verdict", "count"),
        rows=tuple(
            (
                row.id,
                title_of(row.id, language),
                verdict_text(row.verdict, language) if row.count or row.verdict != "pass" else "-",
                str(row.count)
                if row.count
                else f"0（{_reason(row, language)}）"
                if zh
                else f"0 ({_reason(row, language)})",
            )
            for row in report.checks
        ),
    )


def _reason(row: CheckResult, language: str) -> str:
    """Why a check counted nothing; the table's sentence in the reader's language."""
    if row.id in TITLES and row.reason == idle_reason(row.id):
        return idle_reason(row.id, language)
    return row.reason


def _failures(report: RunReport, language: str) -> Iterator[Section]:
    """Each failed check: what, where, how often, and the line that shows it again."""
    zh = language == "zh"
    for row in report.checks:
        if row.verdict is Verdict.PASS:
            continue
        lines = [row.reason] if row.reason else []
        first = row.first_violation
        if first is not None:
            lines.append(first.facts)
            pairs = (
                ("业务键" if zh else "key", first.key),
                ("节点" if zh else "node", first.node),
                ("报文" if zh else "messages", " ".join(first.message_ids)),
                ("日志序号" if zh else "journal lsn", "" if first.lsn is None else str(first.lsn)),
                ("重放" if zh else "replay", first.replay),
                ("共" if zh else "violations", str(row.violations)),
            )
            lines += [f"{name}: {value}" for name, value in pairs if value]
        title = f"{row.id} {title_of(row.id, language)}: {verdict_text(row.verdict, language)}"
        yield Section(title=title, lines=tuple(lines))


def read_report(folder: Path) -> RunReport:
    """result.json of a bundle.

    Raises:
        StoredDataError: `E_BUNDLE`.
    """
    path = folder / "result.json"
    try:
        return msgspec.json.decode(path.read_bytes(), type=RunReport)
    except (OSError, msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise StoredDataError(ErrorCode.E_BUNDLE, at=path.name, got=str(error)[:200]) from error


def read_rows(path: Path, kind: type[Row]) -> Iterator[Row]:
    """The rows of a `.jsonl` file, one at a time.

    Raises:
        StoredDataError: `E_BUNDLE` with the line's number.
    """
    decoder = msgspec.json.Decoder(kind)
    number = 0
    try:
        with path.open("rb") as file:
            for line in file:
                number += 1
                yield decoder.decode(line)
    except (OSError, msgspec.MsgspecError, ValueError, RecursionError) as error:
        at = f"{path.name}:{number}" if number else path.name
        raise StoredDataError(ErrorCode.E_BUNDLE, at=at, got=str(error)[:200]) from error
