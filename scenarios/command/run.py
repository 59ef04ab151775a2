"""`yidi run NAME|FILE…`: run scenarios in virtual time, judge them, write their bundles.

All scenarios are loaded and all folders made before the first one runs, so that a mistake in
the last argument costs nothing. Ctrl-C or SIGTERM ends the run before its next instant: the
journal is sealed, the report is written, and the exit code is 130; a second one leaves at once.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import click

from yidi.protocol.errors import ErrorCode, ScenarioError
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
    from yidi.scenarios.judging.judged_run import JudgedRun
    from yidi.scenarios.library.loader import LoadedScenario
    from yidi.scenarios.running.run import RunResult
    from yidi.scenarios.running.runner import Progress, Runner


@verb("run", "运行场景并给出结论。", "Run scenarios and judge them.")
@click.argument("names", metavar="NAME|FILE...", nargs=-1, required=True)
@click.option("--seed", type=SEED, help=both("随机种子", "Seed; default the scenario's own."))
@click.option(
    "--set",
    "settings",
    metavar="PATH=VALUE",
    multiple=True,
    help=both("改动场景中的一个值", "Change one value: flow[0].arrivals.per_day=10."),
)
@click.option(
    "--out",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help=both("结果目录，默认 runs/名称-种子", "Folder of the results; default runs/NAME-SEED."),
)
@force_option
@junit_option
@click.option(
    "--html",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help=both("另写一份网页报告", "Write the HTML page here, too."),
)
@click.option(
    "-k",
    "expression",
    metavar="EXPR",
    help=both("只运行匹配的场景或案例", "Only scenarios or cases that match: words, and, or, not."),
)
@click.option(
    "-x", "exit_first", is_flag=True, help=both("首个失败即停", "Stop at the first failure.")
)
@click.option(
    "--live", is_flag=True, help=both("实时运行", "Run live: async nodes over an engine.")
)
@click.option(
    "--engine",
    metavar="URL",
    default="",
    help=both(
        "实时运行的引擎", "With --live: embedded (default), mqtt://host:port, nats://host:port."
    ),
)
@click.option(
    "--time-scale",
    metavar="X",
    type=click.FloatRange(0.001, 10_000),
    help=both(
        "时间倍速；缺省跳过空闲", "With --live: speed of the clock; default skips idle time."
    ),
)
@click.option(
    "--external",
    "externals",
    metavar="ROLE:CODE[=URL]",
    multiple=True,
    help=both(
        "自有节点；无 URL 则经引擎接入，代码可用前缀 34*",
        "Somebody's own node, live: insured:34*=http://HOST:PORT/PATH; no URL: over the engine.",
    ),
)
@language_option
@json_option
def run(  # noqa: PLR0917 - one parameter an option
    names: tuple[str, ...],
    seed: int | None,
    settings: tuple[str, ...],
    out: Path | None,
    force: bool,
    junitxml: Path | None,
    html: Path | None,
    expression: str | None,
    exit_first: bool,
    live: bool,
    engine: str,
    time_scale: float | None,
    externals: tuple[str, ...],
    language: Language,
    as_json: bool,
) -> ExitCode:
    """Run, judge, write and report every scenario."""
    live = live or bool(externals)
    host = _host(live, engine, time_scale, externals)
    scenarios = _selected(names, settings, expression, live=live)
    if not scenarios:
        say("没有匹配的场景或案例" if language == "zh" else "nothing matches: nothing was checked")
        return ExitCode.FAILED
    folders = _folders(scenarios, seed, out, force)
    options = _replay_options(settings, expression)
    if live:
        options += ["--live", *([f"--engine {engine}"] if engine else [])]
        options += [f"--external {_quoted(one)}" for one in externals]
    for one in externals:
        words = "等待自有节点" if language == "zh" else "waiting for your own node"
        say(f"{words} {one.partition('=')[0].partition('#')[0]}")
    stopper = _Stopper()
    done: list[JudgedRun] = []
    with stopper.listening():
        for loaded, folder in zip(scenarios, folders, strict=True):
            judged = _run_one(loaded, folder, (seed, options, stopper, host), language)
            done.append(judged)
            if not as_json:
                _show(judged, language)
            if stopper.wanted or (exit_first and judged.report.verdict != "pass"):
                break
        _take_away(folders[len(done) :])
        _write_extras(done, junitxml, html, language)
    if as_json:
        _print_json(done, single=len(names) == 1)
    if stopper.wanted:
        return ExitCode.INTERRUPTED
    passed = all(one.report.verdict == "pass" for one in done)
    return ExitCode.OK if passed else ExitCode.FAILED


def _host(
    live: bool, engine: str, time_scale: float | None, externals: tuple[str, ...]
) -> Callable[..., RunResult]:
    """What runs the scenarios: virtual time, or a live engine."""
    if not live:
        if engine or time_scale is not None:
            raise click.UsageError("--engine and --time-scale go with --live")
        from yidi.scenarios.running.run import run_virtual

        return run_virtual
    from functools import partial

    from yidi.scenarios.live.network import run_live

    scale = None if time_scale is None else round(time_scale * 1_000)
    return partial(run_live, engine=engine or "embedded", scale=scale, externals=externals)


def _selected(
    names: tuple[str, ...], settings: tuple[str, ...], expression: str | None, *, live: bool
) -> list[LoadedScenario]:
    from yidi.scenarios.command.selection import parse_selection, select
    from yidi.scenarios.library.loader import load, policy_paths
    from yidi.scenarios.library.policy_file import load_policies

    matches = parse_selection(expression) if expression is not None else None
    scenarios = [load(name, settings) for name in names]
    for one in scenarios:
        # What can be wrong is found before any folder is made.
        if one.scenario.start == "now" and not live:
            want = 'a date: only live runs can start "now"'
            raise ScenarioError(ErrorCode.E_DATE, at=f"{one.path}:start", want=want, got="now")
        load_policies([str(path) for path in policy_paths(one)])
    if matches is None:
        return scenarios
    return [kept for one in scenarios if (kept := select(one, matches)) is not None]


def _folders(
    scenarios: list[LoadedScenario], seed: int | None, out: Path | None, force: bool
) -> list[Path]:
    from yidi.scenarios.judging.outputs import default_folder, open_folder

    if out is None:
        return [
            default_folder(one.scenario.name, one.scenario.seed if seed is None else seed)
            for one in scenarios
        ]
    if len(scenarios) == 1:
        return [open_folder(out, force=force)]
    open_folder(out, force=force)
    taken: dict[str, int] = {}
    folders: list[Path] = []
    for one in scenarios:
        name = one.scenario.name
        taken[name] = number = taken.get(name, 0) + 1
        folders.append(
            open_folder(out / (name if number == 1 else f"{name}-{number}"), force=force)
        )
    return folders


def _take_away(folders: list[Path]) -> None:
    """Remove the folders of runs that never began; they are empty."""
    for folder in folders:
        with suppress(OSError):
            folder.rmdir()


def _replay_options(settings: tuple[str, ...], expression: str | None) -> list[str]:
    options = [f"--set {_quoted(setting)}" for setting in settings]
    return options + ([f"-k {_quoted(expression)}"] if expression else [])


def _quoted(text: str) -> str:
    from shlex import quote

    return quote(text)


def _run_one(
    loaded: LoadedScenario,
    folder: Path,
    how: tuple[int | None, list[str], _Stopper, Callable[..., RunResult]],
    language: Language,
) -> JudgedRun:
    from yidi.scenarios.judging.judged_run import judged_run
    from yidi.scenarios.judging.outputs import point_last

    seed, options, stopper, host = how
    scenario = loaded.scenario
    actual = scenario.seed if seed is None else seed
    words = ("运行", "种子") if language == "zh" else ("running", "seed")
    title = scenario.title.text(language)
    say(f"{words[0]} {title} [{scenario.name}], {words[1]} {actual}")
    replay = " ".join(["yidi run", _quoted(_named(loaded)), f"--seed {actual}", *options])
    judged = judged_run(
        loaded, folder, seed=seed, progress=_progress(language), built=stopper.take,
        replay=replay, host=host,
    )  # fmt: skip
    # The bundle says everything from here on; a month's nodes need not wait for its page.
    stopper.let_go()
    judged.result.let_go()
    _write_page(folder, folder / "report.html", language)
    point_last(folder)
    return judged


def _named(loaded: LoadedScenario) -> str:
    """A built-in scenario by its name, a file by its path."""
    from yidi.scenarios.library.loader import resolve

    name = loaded.scenario.name
    try:
        built_in = resolve(name) == loaded.path
    except ScenarioError:
        built_in = False
    return name if built_in else loaded.path


class _Stopper:
    """The first SIGINT or SIGTERM stops the run under way, the second interrupts at once."""

    def __init__(self) -> None:
        self.wanted = False
        self._runner: Runner | None = None

    def take(self, runner: Runner) -> None:
        """Stop this runner when the time comes; at once, if it has come already."""
        self._runner = runner
        if self.wanted:
            runner.stop()

    def let_go(self) -> None:
        """The run is over: forget its runner, and all that it holds."""
        self._runner = None

    def _on_signal(self, _signal: int, _frame: FrameType | None) -> None:
        if self.wanted:
            raise KeyboardInterrupt
        self.wanted = True
        if self._runner is not None:
            self._runner.stop()

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Listen while inside, and leave the handlers as they were."""
        numbers = (signal.SIGINT, signal.SIGTERM)
        before = {number: signal.signal(number, self._on_signal) for number in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _progress(language: Language) -> Callable[[Progress], None]:
    from yidi.protocol.instants import day_of

    def tell(progress: Progress) -> None:
        if sys.stderr.isatty():
            word = "报文" if language == "zh" else "messages"
            line = f"\r  {day_of(progress.now)}  {progress.deliveries:,} {word} "
            print(line, end="", file=sys.stderr, flush=True)

    return tell


def _show(judged: JudgedRun, language: Language) -> None:
    from yidi.scenarios.command.show_report import show_sections
    from yidi.scenarios.judging.report import sections_of

    assert judged.folder is not None
    if sys.stderr.isatty():
        print(file=sys.stderr)
    show_sections(sections_of(judged.folder, judged.report, language))


def _write_extras(
    done: list[JudgedRun], junitxml: Path | None, html: Path | None, language: Language
) -> None:
    if junitxml is not None:
        from yidi.scenarios.judging.junit import merged, suite_of

        suites = [suite_of(one.report, one.result.driver.outcomes()) for one in done]
        _write(junitxml, merged(suites))
    for number, one in enumerate(done, 1):
        if html is not None and one.folder is not None:
            path = html if len(done) == 1 else html.with_stem(f"{html.stem}-{number}")
            path.parent.mkdir(parents=True, exist_ok=True)
            _write_page(one.folder, path, language)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _write_page(folder: Path, path: Path, language: Language) -> None:
    """The page to look at and to project."""
    from yidi.scenarios.judging.page import write_page

    write_page(folder, path, language)


def _print_json(done: list[JudgedRun], *, single: bool) -> None:
    import msgspec

    objects = [{**msgspec.to_builtins(one.report), "folder": str(one.folder)} for one in done]
    print_json(objects[0] if single else objects)
