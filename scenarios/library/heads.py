"""The built-in scenarios: their names, and what a list shows of them.

A head is what stands before the first table of a file, so that `yidi list` reads no more than
it shows and imports none of the checks.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

import msgspec

from yidi.protocol.errors import ErrorCode, ScenarioError
from yidi.scenarios.library.cases import Bilingual
from yidi.scenarios.library.toml_lines import Document, decode, parse_toml, read_text, suggest

FIRST = "yangtze-delta-month"
"""The scenario of `make demo`; it heads every list."""

_HERE = Path(__file__).parent
LESSON = ".lesson"
_OTHERS = ("requirements",)
"""Files beside the scenarios that are none."""


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """What a list shows of a scenario."""

    name: str
    title: Bilingual
    tags: tuple[str, ...] = ()
    requirements: tuple[str, ...] = ()


def library_names() -> list[str]:
    """The built-in scenarios, the first one first, the others by name."""
    names = sorted(
        file.stem
        for file in _HERE.glob("*.toml")
        if not file.stem.endswith(LESSON) and file.stem not in _OTHERS
    )
    return sorted(names, key=lambda name: name != FIRST)


def library_heads() -> list[Head]:
    """Name, title, tags and requirements of every built-in scenario, in the order of the list."""
    return [read_head(str(_HERE / f"{name}.toml")) for name in library_names()]


def read_head(path: str) -> Head:
    """Only what stands before the first table of a file."""
    text = read_text(path)
    cut = text.find("\n[")
    try:
        data = tomllib.loads(text[:cut] if cut >= 0 else text)
    except ValueError:  # a bracket at the start of a line of a long string
        data = parse_toml(text, path).data
    wanted = {key: data[key] for key in Head.__struct_fields__ if key in data}
    return decode(Document(text, path, wanted), Head)


def resolve(path_or_name: str) -> str:
    """The path of a file or of a built-in scenario.

    Raises:
        ScenarioError: `E_SCENARIO_FILE`, with the nearest name when it looks like a name.
    """
    if _is_name(path_or_name):
        names = library_names()
        if path_or_name in names:
            return str(_HERE / f"{path_or_name}.toml")
        if not Path(path_or_name).exists():
            near = suggest(path_or_name, names)
            want = near if near.startswith("did you mean") else "a file, or a name of `yidi list`"
            raise ScenarioError(ErrorCode.E_SCENARIO_FILE, at=path_or_name, want=want)
    return path_or_name


def _is_name(text: str) -> bool:
    return "/" not in text and "\\" not in text and not text.endswith(".toml")
