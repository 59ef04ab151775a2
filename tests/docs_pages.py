"""The pages of the project as data: headings, links, code, commands, tables."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])

NOT_RUN: dict[str, str] = {
    "make ": "the target exists; what it runs is tested by itself",
    ". .venv/bin/activate": "tests run in it",
    "yidi demo": "run once, in full, by a test of its own",
    "yidi bench": "takes a minute; its own tests run it small",
    "yidi serve": "a server; its own tests start and stop it",
    "yidi node": "a server; its own tests start and stop it",
    "yidi ctl": "needs a network that runs; its own tests start one",
    "docker": "no Docker engine ran here; tests/test_compose.py has the commands",
    "yidi down": "ends what the line before has started",
    "yidi ps": "looks at what the line before has started",
    "yidi up": "servers; their own tests start and stop them",
    "yidi run huaibei-outpatient-in-shanghai --live --engine": "needs a broker on the machine",
    "yidi conform insured 340600=": "needs somebody's node; its own tests start one",
    "yidi conform insured 340600 --engine": "needs a broker, and somebody's node on it",
    "yidi conform treatment": "needs somebody's platform; its own tests bring one",
    "mosquitto": "a server of others",
    "export ": "set for a server in another window",
    "curl": "needs the gateway that runs in another window; its own tests call it",
}
"""Beginnings of shell lines that the test of the pages does not run, and why."""

OWN_TESTS = ("gateway.", "protocol.")
"""Pages whose shell blocks are run by tests of their own: tests/command/test_serve.py and
tests/live/test_protocol_page.py."""

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"!?\[[^\]]*\]\(([^()\s]+)\)")
_EXITS = re.compile(r"\s+#.*?(?:exits|返回) (\d+).*$")


def chinese_of(page: Path) -> Path:
    """The Chinese page beside an English one."""
    return page.with_name(f"{page.stem}.zh-CN.md")


ENGLISH = [page for page in PAGES if chinese_of(page) in PAGES]
"""Pages that exist in both languages, by their English one."""


def blocks(page: Path, language: str) -> list[str]:
    """The fenced blocks of a language."""
    found = _FENCE.findall(page.read_text("utf-8"))
    return [text for name, text in found if name == language]


def prose(page: Path) -> str:
    """The page without its fenced blocks."""
    return _FENCE.sub("", page.read_text("utf-8"))


def commands(page: Path) -> list[tuple[int, str]]:
    """Commands of the shell blocks without their comments, and the exit code each should have."""
    found: list[tuple[int, str]] = []
    words = ""
    for line in "".join(blocks(page, "sh")).replace("\\\n", " ").splitlines():
        exits = _EXITS.search(line)
        words = f"{words}\n{line}" if words else re.sub(r"(?:^|\s+)#\s.*$", "", line).strip()
        if words and _is_whole(words):
            found.append((int(exits[1]) if exits else 0, words))
            words = ""
    return found


def _is_whole(words: str) -> bool:
    """Whether no quotation is open: a text in quotes may go over several lines."""
    try:
        shlex.split(words)
    except ValueError:
        return False
    return True


def inline_code(page: Path) -> list[str]:
    """What stands in code marks, in order."""
    return re.findall(r"`([^`\n]+)`", prose(page))


def links(page: Path) -> list[str]:
    """The targets of relative links and pictures."""
    found = _LINK.findall(prose(page))
    return [target for target in found if not re.match(r"[a-z]+:", target)]


def headings(page: Path) -> list[tuple[int, str]]:
    """Depth and title of every heading."""
    found = re.findall(r"^(#+) (.+)$", prose(page), re.MULTILINE)
    return [(len(marks), title.strip()) for marks, title in found]


def slug(title: str) -> str:
    """The anchor that a heading gets."""
    kept = re.sub(r"[^\w\- ]", "", title.lower())
    return kept.replace(" ", "-")


def code_by_heading(page: Path) -> list[list[str]]:
    """For each heading, what stands in code marks below it."""
    parts = re.split(r"^#+ .+$", prose(page), flags=re.MULTILINE)[1:]
    return [re.findall(r"`([^`\n]+)`", part) for part in parts]


def tables_by_heading(page: Path) -> list[list[list[list[str]]]]:
    """For each heading, its tables; for each table, the cells of its rows without the head."""
    parts = re.split(r"^#+ .+$", prose(page), flags=re.MULTILINE)[1:]
    return [[_rows(text) for text in _tables(part)] for part in parts]


def _tables(part: str) -> list[str]:
    return re.findall(r"(?:^\|.*\|$\n?)+", part, re.MULTILINE)


def _rows(table: str) -> list[list[str]]:
    lines = [line.strip()[1:-1] for line in table.strip().splitlines()]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)] for line in lines[2:]]
