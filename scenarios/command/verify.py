"""`yidi verify RUN`: every invariant again, from the run's files alone.

Exit code 0 when everything holds; 1 when a file does not follow from the journal, a check
fails, or the replay is unknown; 4 when the journal cannot be read whole. RUN may also be a
journal file: then its folder is the run's.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from yidi.scenarios.command.common import (
    ExitCode,
    Language,
    json_option,
    language_option,
    print_json,
    verb,
)

if TYPE_CHECKING:
    from yidi.scenarios.judging.report import Section
    from yidi.scenarios.judging.verify import VerifyReport


@verb(
    "verify",
    "凭结果文件重新核对：行的算术、行与日志应答、完整重放。",
    "Check a run again from its files alone: arithmetic, answers, replay.",
)
@click.argument("run", metavar="RUN")
@language_option
@json_option
def verify(run: str, language: Language, as_json: bool) -> ExitCode:
    """Verify one run."""
    from yidi.scenarios.command.show_report import show_sections
    from yidi.scenarios.judging.verify import verify_run

    folder, journal = _place(run)
    report = verify_run(folder, journal)
    if as_json:
        print_json(report)
    else:
        show_sections(_sections(report, language))
    return ExitCode.OK if report.verdict == "pass" else ExitCode.FAILED


def _place(run: str) -> tuple[Path, Path | None]:
    """The folder that is meant, and the journal where one was named."""
    from yidi.scenarios.command.runs import run_folder

    path = Path(run)
    if path.is_file():
        return path.parent, path
    # A folder is taken as it is: that its journal is missing is what there is to say of it.
    return path if path.is_dir() else run_folder(run), None


def _sections(report: VerifyReport, language: Language) -> list[Section]:
    from yidi.scenarios.judging.report import Section, verdict_text
    from yidi.scenarios.judging.verify_titles import verify_title

    zh = language == "zh"
    head = [
        f"{'日志' if zh else 'journal'}: {report.journal_hash}",
        f"{'记录' if zh else 'records'}: {report.records:,}",
        f"{'文件' if zh else 'files'}: {report.folder}",
    ]
    if report.reason:
        head.append(f"{'重放未知' if zh else 'replay unknown'}: {report.reason}")
    verdict = verdict_text(report.verdict, language)
    sections = [
        Section(title=f"{'核对' if zh else 'Verification'}: {verdict}", lines=tuple(head)),
        Section(
            title="检查" if zh else "Checks",
            headers=("编号", "内容", "结论", "次数") if zh else ("id", "what", "verdict", "count"),
            rows=tuple(
                (
                    row.id,
                    verify_title(row.id, language),
                    verdict_text(row.verdict, language) if row.count else "-",
                    f"{row.count:,}",
                )
                for row in report.checks
            ),
            right=(3,),
        ),
    ]
    for row in report.checks:
        first = row.first_violation
        if first is not None:
            lines = [first.facts, f"{'共' if zh else 'violations'}: {row.violations}"]
            lsn = "" if first.lsn is None else str(first.lsn)
            named = (
                ("key", "业务键", first.key),
                ("node", "节点", first.node),
                ("journal lsn", "日志序号", lsn),
            )
            lines += [
                f"{one if not zh else other}: {value}" for one, other, value in named if value
            ]
            title = f"{row.id} {verify_title(row.id, language)}"
            sections.append(Section(title=title, lines=tuple(lines)))
    return sections
