"""`yidi demo`: a month of cross-region settlement, run and told, with a page to project.

It runs the library's month, says what happened to one person message by message, and then what
the month came to: pairs of regions, clearing table, notices and alarms, checks with their
counts. The bundle and the page stay, and the last lines say where.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from yidi.scenarios.command.common import (
    ExitCode,
    Language,
    language_option,
    printable,
    say,
    verb,
)

if TYPE_CHECKING:
    from yidi.scenarios.judging.explain import Narrator
    from yidi.scenarios.judging.judged_run import JudgedRun
    from yidi.scenarios.running.runner import Progress

MONTH = "yangtze-delta-month"
PAGE = "report.html"
BAR_COLUMNS = 48


@verb(
    "demo",
    "运行长三角的一个月：一个病人的每条报文、全月的清算表、通知书和检查，外加一页可放映的网页。",
    "Run a month in the Yangtze Delta: one patient message by message, the month's clearing "
    "tables, notices and checks, and a page to project.",
)
@language_option
def demo(language: Language) -> ExitCode:
    """Run the month and tell it."""
    from yidi.scenarios.command.show_report import show_sections
    from yidi.scenarios.judging.report import sections_of

    judged = _run(language)
    assert judged.folder is not None
    sections = sections_of(judged.folder, judged.report, language)
    show_sections(sections[:1])
    name = _tell_story(judged.folder, language)
    print()
    show_sections(sections[1:])
    _tell_next(judged.folder, name, language)
    return ExitCode.OK if judged.report.verdict == "pass" else ExitCode.FAILED


def _run(language: Language) -> JudgedRun:
    """Run the month into a fresh folder below runs/, with its page."""
    from yidi.scenarios.judging.judged_run import judged_run
    from yidi.scenarios.judging.outputs import default_folder, point_last
    from yidi.scenarios.judging.page import write_page
    from yidi.scenarios.library.loader import load

    loaded = load(MONTH)
    scenario = loaded.scenario
    title = scenario.title.text(language)
    say(f"正在运行：{title}" if language == "zh" else f"running: {title}")
    folder = default_folder(scenario.name, scenario.seed)
    judged = judged_run(loaded, folder, progress=_progress(language))
    if sys.stderr.isatty():
        print(file=sys.stderr)
    say("正在写网页" if language == "zh" else "writing the page")
    write_page(folder, folder / PAGE, language)
    point_last(folder)
    return judged


def _progress(language: Language) -> Any:
    from yidi.protocol.instants import day_of

    word = "条报文" if language == "zh" else "messages"

    def tell(progress: Progress) -> None:
        end = "\r" if sys.stderr.isatty() else "\n"
        line = f"  {day_of(progress.now)}  {progress.deliveries:>9,} {word}"
        print(line, end=end, file=sys.stderr, flush=True)

    return tell


def _tell_story(folder: Path, language: Language) -> str:
    """One scripted case: what was said, and who pays what; returns its id."""
    from yidi.scenarios.command.trace import head_lines
    from yidi.scenarios.judging.chain import read_chain
    from yidi.scenarios.judging.chain_find import read_cases
    from yidi.scenarios.judging.explain import Narrator
    from yidi.scenarios.judging.party_names import read_names

    name = next((row.case_id for row in read_cases(folder) if row.case_id), None)
    if name is None:
        return "CASE"
    narrator = Narrator(read_chain(folder, name), read_names(folder), language)
    title = "一个病人的经过" if language == "zh" else "What happened to one patient"
    print(f"\n{title}")
    for line in head_lines(narrator):
        print(printable(f"  {line}"))
    for line in story_lines(narrator):
        print(printable(line))
    return name


def story_lines(narrator: Narrator) -> list[str]:
    """A case for a first reader: each question and answer once, the settlement hop by hop."""
    from yidi.protocol.instants import local_text
    from yidi.scenarios.judging.tour import AFTER, steps_along

    chain, steps = narrator.chain, steps_along(narrator.chain)
    lines: list[str] = []
    for index, hop in enumerate(chain.hops):
        if not 0 <= steps[index] < AFTER and not _is_told_briefly(hop):
            continue
        told = narrator.explain(index)
        lines.append(f"  {local_text(hop.at)}  {told.title}")
        lines.append(f"      {told.what}")
        if 0 <= steps[index] < AFTER:
            lines.append(f"      {'钱' if narrator.language == 'zh' else 'money'}: {told.money}")
        if told.mark:
            lines.append(f"      ※ {told.mark}")
        result = _split_of(narrator, index)
        lines += [f"      {line}" for line in result]
    return lines


def _is_told_briefly(hop: Any) -> bool:
    """Outside the path: what the counter asked and was told, and how clearing went."""
    counter = hop.sender.startswith("institution:") or hop.outside
    agency = hop.transaction in ("C40", "C50", "C70", "P10", "P20") and hop.kind == 0
    return bool(counter or agency or hop.origin is None)


def _split_of(narrator: Narrator, index: int) -> list[str]:
    """Who pays, as a bar of characters, under what the counter is told."""
    from yidi.protocol.messages import SettlementResult
    from yidi.protocol.money import yuan_grouped
    from yidi.scenarios.judging.explain_facts import fund_name

    hop = narrator.chain.hops[index]
    body, language = hop.body, narrator.language
    if not (isinstance(body, SettlementResult) and hop.outside and body.settlement_id):
        return []
    zh = language == "zh"
    parts = [(fund_name(pay.fund_pay_type, language), pay.fund_fen) for pay in body.funds]
    parts += [
        ("个人账户" if zh else "personal account", body.account_fen),
        ("患者现金" if zh else "cash from the patient", body.cash_fen),
        ("医院负担" if zh else "the hospital", body.hospital_fen),
    ]
    return [
        f"{'█' * max(1, BAR_COLUMNS * fen // max(body.total_fen, 1))} {name} {yuan_grouped(fen)}"
        for name, fen in parts
        if fen
    ]


def _tell_next(folder: Path, name: str, language: Language) -> None:
    """Where everything lies, and what to look at next."""
    zh = language == "zh"
    page = folder / PAGE
    lines = (
        f"网页（可放映，断网可开）：{page}" if zh else f"page to project, works offline: {page}",
        f"结果目录：{folder}" if zh else f"everything else: {folder}",
        f"{'接着看：' if zh else 'next: '}yidi trace last {name} --step",
        "再核对一遍：yidi verify last" if zh else "check it again: yidi verify last",
    )
    print()
    for line in lines:
        print(printable(line))
