"""From a path or a built-in name to a checked scenario.

Loading parses, applies `--set`, refuses another schema version before anything else is looked
at, decodes, and validates.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from yidi.protocol.errors import ErrorCode
from yidi.scenarios.library.heads import LESSON, library_heads, library_names, resolve
from yidi.scenarios.library.schema import SCHEMA_VERSION, Scenario
from yidi.scenarios.library.settings import apply_settings, write_toml
from yidi.scenarios.library.toml_lines import (
    Document,
    decode,
    parse_toml,
    read_text,
    text_of,
)
from yidi.scenarios.library.validation import check_texts, validate

__all__ = [
    "LoadedScenario",
    "checked",
    "lesson_path",
    "library_heads",
    "library_names",
    "load",
    "load_bytes",
    "load_text",
    "policy_paths",
    "resolve",
]


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
    scenario = checked(document)
    if settings:
        text = write_toml(document.data)
    return LoadedScenario(
        scenario=scenario,
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


def lesson_path(path: str) -> Path | None:
    """The trainer's narration beside a scenario, `NAME.lesson.toml`, where there is one."""
    lesson = Path(path).with_suffix(f"{LESSON}.toml")
    return lesson if lesson.is_file() else None


def policy_paths(loaded: LoadedScenario) -> Iterable[Path]:
    """The policy files a scenario names, relative to its own file."""
    return (loaded.folder / name for name in loaded.scenario.policies)
