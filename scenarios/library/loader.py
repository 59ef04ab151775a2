"""From a path or a built-in name to a checked scenario.

Loading parses, applies `--set`, refuses another schema version before anything else is looked
at, decodes, and validates. `library_heads` reads only what stands before the first table of
each built-in file, so that `yidi list` does not pay for whole scenarios.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from yidi.protocol.errors import ErrorCode, ScenarioError
from yidi.scenarios.library.cases import Bilingual
from yidi.scenarios.library.schema import SCHEMA_VERSION, Scenario
from yidi.scenarios.library.settings import apply_settings, write_toml
from yidi.scenarios.library.toml_lines import (
    Document,
    decode,
    parse_toml,
    read_text,
    suggest,
    text_of,
)
from yidi.scenarios.library.validation import check_texts, validate

FIRST = "yangtze-delta-month"
"""The scenario of `make demo`; it heads every list."""

_HERE = Path(__file__).parent
_LESSON = ".lesson"


class LoadedScenario(msgspec.Struct, frozen=True, kw_only=True):
    """A checked scenario and what it was read from."""

    scenario: Scenario
    path: str
    """File it came from, as it was named."""
    text: str
    """As run: the file's text, or with `--set` the changed document."""
    digest: str
    """SHA-256 of `text`, hexadecimal."""

    @property
    def folder(self) -> Path:
        """Where relative policy paths begin."""
        return Path(self.path).parent


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """What a list shows of a scenario."""

    name: str
    title: Bilingual
    tags: tuple[str, ...] = ()
    requirements: tuple[str, ...] = ()


def load(path_or_name: str, settings: Sequence[str] = ()) -> LoadedScenario:
    """Load a file, or a built-in scenario by its name.

    Args:
        path_or_name: a path; or a name without `/` and `.toml`.
        settings: `PATH=VALUE` pairs of `--set`.

    Raises:
        ScenarioError: what is wrong, at `file:line:key`.
    """
    path = resolve(path_or_name)
    return load_text(read_text(path), path, settings)


def load_text(text: str, path: str, settings: Sequence[str] = ()) -> LoadedScenario:
    """Load a scenario from its text; `path` names it in errors."""
    document = parse_toml(text, path)
    if settings:
        document.data = apply_settings(document.data, settings)
        text = write_toml(document.data)
    return LoadedScenario(
        scenario=checked(document),
        path=path,
        text=text,
        digest=hashlib.sha256(text.encode()).hexdigest(),
    )


def load_bytes(raw: bytes, path: str) -> LoadedScenario:
    """Load a scenario from bytes (standard input, a bundle)."""
    return load_text(text_of(raw, path), path)


def checked(document: Document) -> Scenario:
    """Decode and validate a parsed document."""
    version = document.data.get("schema")
    if version is not None and (type(version) is not int or version != SCHEMA_VERSION):
        want = f"supported={SCHEMA_VERSION}"
        raise document.error(ErrorCode.E_SCENARIO_VERSION, ("schema",), want=want, got=version)
    check_texts(document)
    scenario = decode(document, Scenario)
    validate(scenario, document)
    return scenario


def library_names() -> list[str]:
    """The built-in scenarios, the first one first, the others by name."""
    names = sorted(
        file.stem
        for file in _HERE.glob("*.toml")
        if not file.stem.endswith(_LESSON) and not file.stem.startswith("_")
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
            raise ScenarioError(
                ErrorCode.E_SCENARIO_FILE,
                at=path_or_name,
                want=suggest(path_or_name, names) if names else "a file",
            )
    return path_or_name


def lesson_path(path: str) -> Path | None:
    """The trainer's narration beside a scenario, `NAME.lesson.toml`, where there is one."""
    lesson = Path(path).with_suffix(f"{_LESSON}.toml")
    return lesson if lesson.is_file() else None


def policy_paths(loaded: LoadedScenario) -> Iterable[Path]:
    """The policy files a scenario names, relative to its own file."""
    return (loaded.folder / name for name in loaded.scenario.policies)


def _is_name(text: str) -> bool:
    return "/" not in text and "\\" not in text and not text.endswith(".toml")
