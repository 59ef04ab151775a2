"""The console script `yidi`: one table of verbs, each imported when it runs.

`yidi --help` lists the table and pays for nothing else; a verb whose module does not exist yet
is not listed. `main` is the only place where an error becomes an exit code (`endings`).
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple, NoReturn

import click
from rich_click import RichCommand, RichGroup, RichHelpConfiguration

from yidi.scenarios.command.common import (
    HELP_OPTION,
    Language,
    both,
    language_of,
    language_option,
)
from yidi.scenarios.command.endings import silence_stdout, tell

HELP_COLUMNS_MIN, HELP_COLUMNS_MAX = 60, 100
"""Narrower, the names of options would be cut; wider, lines are hard to follow."""


class Verb(NamedTuple):
    """One row of the table: where a verb lives, and what it does."""

    target: str
    """`module:function` below yidi.scenarios.command."""
    zh: str
    en: str


VERBS: dict[str, Verb] = {
    "demo": Verb("demo:demo", "一个月的异地结算，一分钟看完", "A month of settlement in a minute."),
    "run": Verb("run:run", "运行场景并给出结论", "Run scenarios and judge them."),
    "list": Verb("list_:list_", "列出自带的场景", "List the scenarios that come with yidi."),
    "show": Verb("show:show", "说明一个场景", "Explain a scenario."),
    "validate": Verb("validate:validate", "检查场景文件", "Check scenario files."),
    "quote": Verb("quote:quote", "按政策试算一笔费用", "Split one claim by its policy."),
    "trace": Verb("trace:trace", "逐条解释一个案例的报文", "Explain one case message by message."),
    "verify": Verb(
        "verify:verify", "凭结果文件重新核对", "Check a run again from its files alone."
    ),
    "conform": Verb(
        "conform:conform", "检查自有节点是否合规", "Hold somebody's own node against the rules."
    ),
    "bench": Verb("bench:bench", "测量吞吐与延迟", "Measure throughput and latency."),
    "up": Verb("up:up", "启动多进程网络", "Start a network as local processes."),
    "down": Verb("up:down", "停止多进程网络", "End a network of local processes."),
    "ps": Verb("up:ps", "列出网络的进程", "List a network's processes."),
    "node": Verb("node:node", "运行实时网络的一个节点", "Run one node of a live network."),
    "serve": Verb("serve:serve", "启动国家接口网关", "Serve a network behind the gateway."),
    "ctl": Verb("ctl:ctl", "控制实时网络（仅供测试）", "Control a live network; for testing only."),
    "schema": Verb("schema:schema", "输出接口描述", "Print the OpenAPI or JSON Schema."),
    "doctor": Verb("doctor:doctor", "检查本机环境", "Say what this machine has and lacks."),
}


class LazyVerb(RichCommand):
    """A verb that is listed by its row and imported when it is called."""

    def __init__(self, name: str, row: Verb) -> None:
        super().__init__(name=name, short_help=both(row.zh, row.en), help=both(row.zh, row.en))
        self.row = row

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        """Import the verb; its own command parses the arguments and is invoked."""
        module, function = self.row.target.split(":")
        command: click.Command = getattr(import_module(_module(module)), function)
        return command.make_context(info_name, args, parent=parent, **extra)


class Verbs(RichGroup):
    """The group of all verbs that are there."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The verbs in the order of the table; one that is not built yet does not appear."""
        return [name for name, row in VERBS.items() if find_spec(_module(row.target))]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The verb's row, without importing its module."""
        if cmd_name not in self.list_commands(ctx):
            return None
        return LazyVerb(cmd_name, VERBS[cmd_name])


def _module(target: str) -> str:
    return "yidi.scenarios.command." + target.partition(":")[0]


@click.group(
    cls=Verbs,
    help="yidi（异地）：模拟跨省异地就医直接结算的报文网络。\n\n"
    "Simulates the network behind China's cross-region settlement of medical insurance.",
)
@click.version_option(
    package_name="yidi",
    message="%(prog)s %(version)s",
    help=both("显示版本", "Show the version and exit."),
)
@HELP_OPTION
@language_option
def cli(language: Language) -> None:
    """Hold the verbs; their own `--lang` falls back to the one given here."""


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and leave with one of `ExitCode`."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    _prepare_process()
    try:
        code = _perform(words)
        sys.stdout.flush()
    except BaseException as error:  # noqa: BLE001 - the one place where every error ends
        code = tell(error, language_of(words, os.environ))
        silence_stdout()
    sys.exit(code)


def _prepare_process() -> None:
    """Set what holds for every verb: UTF-8, private files, SIGTERM as Ctrl-C."""
    if sys.stdout is None:  # `yidi … >&-`: nobody wants to read it
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - to the end
    for stream in (sys.stdout, sys.stderr):
        # LANG=C must not stop a Chinese name; what cannot be shown is escaped.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    # Cases are about persons, even invented ones: nobody else needs to read the files.
    os.umask(os.umask(0o077) | 0o077)
    signal.signal(signal.SIGTERM, _interrupt)


def _interrupt(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def _perform(words: list[str]) -> int:
    """Parse and invoke; the exit code of the verb."""
    if instruction := os.environ.get("_YIDI_COMPLETE"):
        from click.shell_completion import shell_complete

        return shell_complete(cli, {}, "yidi", "_YIDI_COMPLETE", instruction)
    try:
        with cli.make_context("yidi", words, rich_help_config=_help_style()) as context:
            return int(cli.invoke(context) or 0)
    except click.exceptions.Exit as leaving:  # --help and --version
        return leaving.exit_code


def _help_style() -> RichHelpConfiguration:
    columns = shutil.get_terminal_size().columns
    return RichHelpConfiguration(
        width=min(max(columns, HELP_COLUMNS_MIN), HELP_COLUMNS_MAX),
        options_panel_title=both("选项", "Options"),
        commands_panel_title=both("命令", "Commands"),
        arguments_panel_title=both("参数", "Arguments"),
    )


if __name__ == "__main__":
    main()
