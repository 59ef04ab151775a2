"""`yidi conform ROLE CODE=URL`: the library's scenarios against somebody's own node.

Every scenario tagged `conform` in which the region plays the role is played with the node in its
place, and the node is judged rule by rule. With `--self` yidi's own node is judged, in virtual
time: what a report looks like, and that the scenarios are sound.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from yidi.scenarios.command.common import (
    SEED,
    ExitCode,
    Language,
    both,
    json_option,
    language_option,
    print_json,
    say,
    verb,
)

if TYPE_CHECKING:
    from yidi.scenarios.judging.conform_report import ConformReport, Played
    from yidi.scenarios.judging.conformance import Play
    from yidi.scenarios.judging.judged_run import JudgedRun
    from yidi.scenarios.library.loader import LoadedScenario
    from yidi.scenarios.library.requirements import Level

LEVELS = ("protocol", "identities", "amounts")
"""As `library.requirements` has them, which is not imported for `--help`."""


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """The node under test, as the command line names it."""

    role: str
    code: str
    url: str
    """Empty: it is met on the engine, or it is ours."""
    ours: bool
    engine: str

    @property
    def external(self) -> str:
        """As `--external` names it."""
        return f"{self.role}:{self.code}" + (f"={self.url}" if self.url else "")


@verb("conform", "检查自有节点是否合规。", "Hold somebody's own node against the rules.")
@click.argument("role", type=click.Choice(["insured", "treatment"]))
@click.argument("node", metavar="CODE[=URL]")
@click.option(
    "--level",
    type=click.Choice(LEVELS),
    default="identities",
    show_default=True,
    help=both("判定到哪一级", "How far to judge: messages; sums too; the policy's amounts too."),
)
@click.option(
    "--engine",
    metavar="URL",
    default="embedded",
    help=both(
        "没有 URL 的节点所在的引擎",
        "Where a node without URL is: mqtt://host:port, nats://host:port.",
    ),
)
@click.option(
    "--self", "ours", is_flag=True, help=both("检查 yidi 自己的节点", "Judge yidi's own node.")
)
@click.option("--seed", type=SEED, help=both("随机种子", "Seed; default the scenarios' own."))
@click.option(
    "-k",
    "expression",
    metavar="EXPR",
    help=both("只用匹配的场景", "Only scenarios that match: words, and, or, not."),
)
@click.option(
    "--out",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help=both("保存每次运行的结果", "Keep each run's files here, in a folder of its own."),
)
@click.option(
    "--force", is_flag=True, help=both("覆盖先前的结果", "Replace an earlier run's files.")
)
@click.option(
    "--junitxml",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help=both("另写一份 JUnit XML", "Write JUnit XML here, too."),
)
@language_option
@json_option
def conform(  # noqa: PLR0917 - one parameter an option
    role: str,
    node: str,
    level: Level,
    engine: str,
    ours: bool,
    seed: int | None,
    expression: str | None,
    out: Path | None,
    force: bool,
    junitxml: Path | None,
    language: Language,
    as_json: bool,
) -> ExitCode:
    """Play every scenario with the node, and judge it rule by rule."""
    from yidi.scenarios.judging.conform_report import conform_junit, report_lines
    from yidi.scenarios.judging.verdicts import Verdict

    code, _, url = node.partition("=")
    if ours and url:
        raise click.UsageError("--self judges yidi's own node, which has no URL")
    under_test = Node(role=role, code=code, url=url, ours=ours, engine=engine)
    scenarios = _selected(under_test, expression)
    runs = list(zip(scenarios, _folders(scenarios, out, force), strict=True))
    report = _judged(under_test, level, runs, seed, language)
    if junitxml is not None:
        junitxml.parent.mkdir(parents=True, exist_ok=True)
        junitxml.write_text(conform_junit(report), encoding="utf-8")
    if as_json:
        print_json(report)
    else:
        for line in report_lines(report, language):
            print(line)
    if report.interrupted:
        return ExitCode.INTERRUPTED
    return ExitCode.OK if report.verdict is Verdict.PASS else ExitCode.FAILED


def _judged(
    node: Node,
    level: Level,
    scenarios: Iterable[tuple[LoadedScenario, Path | None]],
    seed: int | None,
    language: Language,
) -> ConformReport:
    """Play the scenarios one after the other; what was played before an interruption counts."""
    from yidi.scenarios.judging.conform_report import report_of
    from yidi.scenarios.judging.conformance import judge

    plays: list[Play] = []
    played: list[Played] = []
    interrupted = False
    try:
        for loaded, folder in scenarios:
            say(loaded.scenario.title.text(language))
            play, run = _play(loaded, node, folder, seed)
            plays.append(play)
            played.append(_played(play, run))
    except KeyboardInterrupt:
        interrupted = True
    who = (node.role, node.code, node.url)
    return report_of(who, level, judge(node.role, level, plays), played, interrupted=interrupted)


def _selected(node: Node, expression: str | None) -> list[LoadedScenario]:
    from yidi.scenarios.command.selection import parse_selection
    from yidi.scenarios.judging.conform_play import conform_scenarios

    found = conform_scenarios(node.role, node.code)
    if expression is None:
        return found
    matches = parse_selection(expression)
    return [one for one in found if matches([one.scenario.name, *one.scenario.tags])]


def _folders(scenarios: list[LoadedScenario], out: Path | None, force: bool) -> list[Path | None]:
    from yidi.scenarios.judging.outputs import open_folder

    if out is None:
        return [None] * len(scenarios)
    open_folder(out, force=force)
    return [open_folder(out / one.scenario.name, force=force) for one in scenarios]


def _play(
    loaded: LoadedScenario, node: Node, folder: Path | None, seed: int | None
) -> tuple[Play, JudgedRun]:
    if node.ours:
        from yidi.scenarios.judging.conform_play import play_virtual

        return play_virtual(loaded, f"{node.role}:{node.code}", folder, seed=seed)
    from yidi.scenarios.live.conform import play_live

    return play_live(loaded, node.external, folder, seed=seed, engine=node.engine)


def _played(play: Play, run: JudgedRun) -> Played:
    from yidi.scenarios.judging.conform_report import Played

    return Played(
        name=play.scenario,
        title=run.report.title,
        messages=len(play.conversation.messages),
        run=str(run.report.verdict),
        wall_seconds=run.report.wall_seconds,
        folder=str(run.folder) if run.folder is not None else "",
    )
