"""The rules that scenarios exercise: what each id in `requirements` stands for.

`requirements.toml` beside this module holds one sentence per rule in both languages and where
it comes from, so that no id has to stand alone where a person reads.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Literal

import msgspec

from yidi.protocol.errors import ErrorCode, ScenarioError
from yidi.scenarios.library.toml_lines import decode_toml, read_text

Level = Literal["protocol", "identities", "amounts"]
LEVELS: tuple[Level, ...] = ("protocol", "identities", "amounts")
"""Each holds what the ones before it hold."""

_FILE = Path(__file__).with_name("requirements.toml")


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One rule of the trade, or of this project."""

    id: str
    """Such as BEN-03."""
    zh: str
    en: str
    source: str
    """Where it comes from; `design` for this project's own."""
    level: Level | None = None
    """From which level on a node of somebody else is judged by it; None: a node alone cannot be."""
    roles: tuple[Literal["insured", "treatment"], ...] = ()
    """Whose rule it is."""

    def text(self, language: str) -> str:
        """The sentence in `zh` or `en`."""
        return self.zh if language == "zh" else self.en


class _Rules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    rule: tuple[Rule, ...]


@cache
def load_requirements() -> dict[str, Rule]:
    """Every rule by its id, in the order of the file.

    Raises:
        ScenarioError: the file is wrong, or an id stands in it twice (`E_NAME`).
    """
    rules: dict[str, Rule] = {}
    for rule in decode_toml(read_text(str(_FILE)), _Rules, str(_FILE)).rule:
        if rule.id in rules:
            raise ScenarioError(ErrorCode.E_NAME, at=str(_FILE), got=rule.id)
        rules[rule.id] = rule
    return rules
