"""Where each key of a TOML text stands, and how deep the text is nested.

`tomllib` gives values without places, and recurses as deep as its input; this scanner reads
the same text as flat tokens. It bounds the depth before `tomllib` runs, and, when an error has
to be placed, it maps every key's path (`("region", 2, "code")`) to its line. It is no parser:
it expects that `tomllib` accepts the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from yidi.protocol.errors import ErrorCode, ScenarioError

DEPTH_MAX = 16
"""Nested brackets, or parts of one dotted key. The schema itself needs seven."""

Path = tuple[str | int, ...]
"""A place in the document; integers are positions in arrays."""

_TOKEN = re.compile(
    r'(?P<string>"""(?:\\.|[^\\])*?"{3,5}|'
    r"'''.*?'{3,5}|"
    r'"(?:\\.|[^"\\\n])*"|'
    r"'[^'\n]*')"
    r"|(?P<newline>\n)|(?P<skip>[ \t\r]+|#[^\n]*)|(?P<mark>[\[\]{}=,.])"
    r"""|(?P<bare>[^\s#\[\]{}=,."']+|.)""",
    re.DOTALL,
)


def tokens(text: str) -> Iterator[tuple[str, str, int]]:
    """Every token as (kind, text, line from 1), blanks and comments left out."""
    line = 1
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup or "bare"
        if kind != "skip":
            yield kind, match[0], line
        if kind in ("newline", "string"):
            line += match[0].count("\n")


def check_depth(text: str, path: str) -> None:
    """Refuse a text nested deeper than `DEPTH_MAX`, before anything recurses on it.

    Raises:
        ScenarioError: `E_SCENARIO_DEPTH`, at the line where the limit is passed.
    """
    depth = dots = 0
    for kind, piece, line in tokens(text):
        if kind == "mark":
            depth += (piece in "[{") - (piece in "]}")
        dots = dots + 1 if piece == "." else dots if kind in ("bare", "string") else 0
        if depth > DEPTH_MAX or dots >= DEPTH_MAX:
            raise ScenarioError(ErrorCode.E_SCENARIO_DEPTH, at=f"{path}:{line}", limit=DEPTH_MAX)


def line_index(text: str) -> dict[Path, int]:
    """The line of every key, table and array element of a text that `tomllib` accepts."""
    return _Index(text).lines


class _Index:
    """One pass over the tokens, statement by statement."""

    def __init__(self, text: str) -> None:
        self.tokens = [*tokens(text), ("newline", "\n", 0)]
        self.place = 0
        self.lines: dict[Path, int] = {}
        self.arrays: dict[Path, int] = {}
        """Array of tables → how many of its tables were opened."""
        table: Path = ()
        while self.place < len(self.tokens):
            kind, piece, _ = self.tokens[self.place]
            if kind == "newline":
                self.place += 1
            elif piece == "[":
                table = self._header()
            else:
                self._pair(table)

    def _peek(self) -> str:
        return self.tokens[self.place][1] if self.place < len(self.tokens) else "\n"

    def _parts(self) -> tuple[list[str], int]:
        """A dotted key and its line; the next token is what follows it."""
        parts: list[str] = []
        line = self.tokens[self.place][2]
        while self.place < len(self.tokens):
            kind, piece, _ = self.tokens[self.place]
            if kind in ("bare", "string"):
                parts.append(piece.strip("\"'") if kind == "string" else piece)
            elif piece != ".":
                break
            self.place += 1
        return parts, line

    def _header(self) -> Path:
        many = self.tokens[self.place + 1][1] == "["
        self.place += 2 if many else 1
        parts, line = self._parts()
        self.place += 2 if many else 1
        path: Path = ()
        for position, part in enumerate(parts):
            path = (*path, part)
            if many and position == len(parts) - 1:
                self.lines.setdefault(path, line)
                self.arrays[path] = self.arrays.get(path, 0) + 1
            if path in self.arrays:
                path = (*path, self.arrays[path] - 1)
            self.lines.setdefault(path, line)
        return path

    def _pair(self, table: Path) -> None:
        parts, line = self._parts()
        path = table
        for part in parts:
            path = (*path, part)
            self.lines.setdefault(path, line)
        self.place += 1  # the "="
        self._value(path)

    def _value(self, path: Path) -> None:
        opening = self._peek()
        if opening in ("[", "{"):
            self.place += 1
            self._members(path, opening)
            return
        while self._peek() not in (",", "]", "}", "\n"):
            self.place += 1

    def _members(self, path: Path, opening: str) -> None:
        count = 0
        while self.place < len(self.tokens):
            _, piece, line = self.tokens[self.place]
            if piece in ("]", "}"):
                self.place += 1
                return
            if piece in (",", "\n"):
                self.place += 1
            elif opening == "{":
                self._pair(path)
            else:
                self.lines.setdefault((*path, count), line)
                self._value((*path, count))
                count += 1
