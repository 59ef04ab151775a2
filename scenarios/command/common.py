"""What every verb shares: exit codes, the options `--lang` and `--json`, and how results are shown.

A verb is a function decorated with `verb`; it prints its result to stdout, says what it is
doing on stderr, and returns an `ExitCode` (or None for 0). It raises `YidiError`s and lets
`cli.main` turn them into one line and an exit code. Whatever a person reads exists in Chinese
and English; help shows both, results only the language that was asked for.
"""

from __future__ import annotations

import os
import sys
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from enum import IntEnum
from pathlib import Path
from typing import Any, Literal, TypeVar

import click
import msgspec
from rich_click import RichCommand

Language = Literal["zh", "en"]
_Callback = TypeVar("_Callback", bound=Callable[..., Any])

SEED_MAX = 2**64 - 1
_NOT_SHOWN = ("Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp")


class ExitCode(IntEnum):
    """How a verb ends, for scripts and CI. Source: design 5."""

    OK = 0
    """All checks hold."""
    FAILED = 1
    """A check, expectation or threshold failed, the verdict is unknown, or nothing was checked."""
    USAGE = 2
    """The command line, or a scenario or input file, is wrong."""
    UNAVAILABLE = 3
    """An engine or a port could not be had."""
    STORAGE = 4
    """Stored data is corrupt, locked, full or unwritable."""
    INTERNAL = 5
    """A bug of ours."""
    INTERRUPTED = 130
    """Stopped by Ctrl-C or SIGTERM."""
    CLOSED_PIPE = 141
    """Nobody reads our output any more."""


def both(zh: str, en: str) -> str:
    """Help text in both languages, on one line."""
    return f"{zh} · {en}"


HELP_OPTION = click.help_option(
    "-h", "--help", help=both("显示帮助", "Show this message and exit.")
)


def language_of(arguments: Sequence[str], environment: Mapping[str, str]) -> Language:
    """The language asked for: the last `--lang`, else the locale's, else Chinese."""
    for index in reversed(range(len(arguments))):
        word, _, value = arguments[index].partition("=")
        if word == "--lang":
            chosen = value or "".join(arguments[index + 1 : index + 2])
            if chosen in ("zh", "en"):
                return "zh" if chosen == "zh" else "en"
    locale = next(
        (environment[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if environment.get(name)),
        "",
    )
    return "en" if locale.lower().startswith("en") else "zh"


def _chosen_language(context: click.Context, _: click.Parameter, value: str | None) -> str:
    """The verb's own `--lang`, else the one given before the verb, else the locale's."""
    above = context.parent.params.get("language") if context.parent is not None else None
    return value or above or language_of((), os.environ)


def force_option(function: _Callback) -> _Callback:
    """Add `--force`; the callback gets `force: bool`."""
    return click.option(
        "--force", is_flag=True, help=both("覆盖先前的结果", "Replace an earlier run's files.")
    )(function)


def junit_option(function: _Callback) -> _Callback:
    """Add `--junitxml FILE`; the callback gets `junitxml: Path | None`."""
    return click.option(
        "--junitxml",
        metavar="FILE",
        type=click.Path(path_type=Path),
        help=both("另写一份 JUnit XML", "Write JUnit XML here, too."),
    )(function)


def language_option(function: _Callback) -> _Callback:
    """Add `--lang zh|en`; the callback gets `language: Language`."""
    return click.option(
        "--lang",
        "language",
        type=click.Choice(["zh", "en"]),
        callback=_chosen_language,
        is_eager=True,
        help=both("语言", "Language of the output; default from LANG, else zh."),
    )(function)


def json_option(function: _Callback) -> _Callback:
    """Add `--json`; the callback gets `as_json: bool`."""
    return click.option(
        "--json", "as_json", is_flag=True, help=both("输出 JSON", "Print JSON and nothing else.")
    )(function)


def verb(name: str, zh: str, en: str) -> Callable[[Callable[..., ExitCode | None]], RichCommand]:
    """Make a function the command of a verb; `zh` and `en` are what `--help` says of it."""

    def decorate(function: Callable[..., ExitCode | None]) -> RichCommand:
        command = click.command(name, cls=RichCommand, help=f"{zh}\n\n{en}")
        return command(HELP_OPTION(function))

    return decorate


class Seed(click.ParamType[int]):
    """A whole number from 0 to 2**64 - 1."""

    name = "seed"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        """Read the number; refuse signs, underscores and digits that are not ASCII."""
        text = str(value)
        if not (text.isascii() and text.isdigit() and len(text) <= 20 and int(text) <= SEED_MAX):
            self.fail(f"E_SEED {printable(text[:64])!r}: want 0..{SEED_MAX}", param, ctx)
        return int(text)


SEED = Seed()


# --- Output -------------------------------------------------------------------------------------


def print_json(value: object) -> None:
    """Print one JSON document to stdout, indented, text as it is."""
    print(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def say(text: str) -> None:
    """Tell what is going on, on stderr; a stderr that is closed or full stops nothing."""
    if sys.stderr is not None:
        with suppress(OSError):
            print(printable(text), file=sys.stderr, flush=True)


def printable(text: str) -> str:
    """The text with control, direction and line separator characters shown as escapes.

    A name from a file can then neither move the cursor nor turn the line around.
    """
    return "".join(
        character
        if character in "\n\t" or unicodedata.category(character) not in _NOT_SHOWN
        else character.encode("unicode_escape", "surrogatepass").decode("ascii")
        for character in text
    )


def width(text: str) -> int:
    """The columns a text takes on a terminal, where a Chinese character takes two."""
    return sum(
        2 if unicodedata.east_asian_width(character) in "WF" else 1
        for character in text
        if not unicodedata.combining(character)
    )


def print_table(
    headers: Sequence[str], rows: Iterable[Sequence[object]], *, right: Sequence[int] = ()
) -> None:
    """Print aligned columns to stdout, on terminals and in pipes alike, never cut.

    Args:
        headers: One a column.
        rows: Cells, shown with `str`.
        right: Indices of the columns that are set flush right, such as amounts.
    """
    cells = [[printable(str(cell)) for cell in row] for row in (headers, *rows)]
    widths = [max(map(width, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        parts = [
            " " * (room - width(cell)) + cell if i in right else cell + " " * (room - width(cell))
            for i, (cell, room) in enumerate(zip(row, widths, strict=True))
        ]
        print("  ".join(parts).rstrip())
