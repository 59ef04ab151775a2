"""`yidi conform ROLE CODE=URL`: the library's scenarios against somebody's own node.

Every scenario tagged `conform` in which the region plays the role is played with the node in its
place, and the node is judged rule by rule. With `--self` yidi's own node is judged, in virtual
time: what a report looks like, and that the scenarios are sound.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from yidi.scenarios.command.common import (
    SEED,
    ExitCode,
    Language,
    both,
    force_option,
    json_option,
    junit_option,
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
    from yidi.scenarios.live.conform import PromptOptions

LEVELS = ("protocol", "identities", "amounts")
"""As `library.requirements` has them, which is not imported for `--help`."""


class Node(NamedTuple):
    """The node under test, as the command line names it."""

    role: str
    code: str
    url: str
    """Empty: it is met on the engine, or it is ours."""
    ours: bool
    engine: str
    told: PromptOptions | None = None
    """How a platform that starts things itself is told what to do; None asks the node."""

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
@click.option(
    "--prompt",
    is_flag=True,
    help=both("节点自己发起：逐步提示", "The node starts things: say what."),
)
@click.option(
    "--hook", metavar="URL", default="", help=both("把提示发到此处", "POST every prompt here, too.")
)
@click.option(
    "--wait",
    type=click.FloatRange(1, 86_400),
    default=300,
    show_default=True,
    help=both("每步最多等几秒", "Seconds that the node may take for a prompted step."),
)
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    default=0,
    help=both("提示时网关的端口", "With --prompt: port of the gateway; 0 takes a free one."),
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
@force_option
@junit_option
@language_option
@json_option
def conform(  # noqa: PLR0917 - one parameter an option
    role: str,
    node: str,
    level: Level,
    engine: str,
    ours: bool,
    prompt: bool,
    hook: str,
    wait: float,
    port: int,
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
    if (ours or prompt or hook) and url:
        raise click.UsageError("--self and --prompt take no URL of a node")
    told = _told(role, hook, wait, port) if prompt or hook else None
    if told is not None and (ours or out is not None or seed is not None):
        raise click.UsageError("--prompt goes with neither --self, --out nor --seed")
    under_test = Node(role=role, code=code, url=url, ours=ours, engine=engine, told=told)
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
            play, run = _play(loaded, node, folder, seed, language)
            plays.append(play)
            played.append(_played(loaded, play, run))
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


def _told(role: str, hook: str, wait: float, port: int) -> PromptOptions:
    from yidi.scenarios.live.conform import PromptOptions

    if role != "treatment":
        raise click.UsageError("--prompt is for a treatment platform: others are asked")
    return PromptOptions(hook=hook, wait_seconds=wait, port=port)


def _play(
    loaded: LoadedScenario, node: Node, folder: Path | None, seed: int | None, language: Language
) -> tuple[Play, JudgedRun | None]:
    if node.told is not None:
        return _prompted(loaded, node.told, language), None
    if node.ours:
        from yidi.scenarios.judging.conform_play import play_virtual

        return play_virtual(loaded, f"{node.role}:{node.code}", folder, seed=seed)
    from yidi.scenarios.live.conform import play_live

    return play_live(loaded, node.external, folder, seed=seed, engine=node.engine)


def _prompted(loaded: LoadedScenario, told: PromptOptions, language: Language) -> Play:
    import asyncio

    from yidi.scenarios.live.conform import play_prompted
    from yidi.scenarios.live.prompts import Prompt

    def show(prompt: Prompt) -> None:
        if not prompt.number:
            say(f"  {prompt.gateway}  Bearer {prompt.token}")
        say(f"  {prompt.sentence[language]}")

    return asyncio.run(play_prompted(loaded, told, show))


def _played(loaded: LoadedScenario, play: Play, run: JudgedRun | None) -> Played:
    from yidi.scenarios.judging.conform_report import Played

    title = loaded.scenario.title
    return Played(
        name=play.scenario,
        title={"zh": title.zh, "en": title.en},
        messages=len(play.conversation.messages),
        run=str(run.report.verdict) if run is not None else "",
        wall_seconds=run.report.wall_seconds if run is not None else 0.0,
        folder=str(run.folder) if run is not None and run.folder is not None else "",
    )
