"""The rules behind the ids: each stands once, in a form that scenario files accept."""

from __future__ import annotations

import pytest

from yidi.protocol.errors import ErrorCode, ScenarioError
from yidi.scenarios.library import requirements
from yidi.scenarios.library.requirements import load_requirements

FAMILIES = ["BEN", "CAT", "FIL", "SET", "REV", "EXC", "REC", "CLR", "PRE", "MSG"]


def test_rules_are_numbered_without_gaps() -> None:
    """Within a family the numbers run from 01."""
    numbers: dict[str, list[int]] = {}
    for rule in load_requirements():
        family, _, number = rule.partition("-")
        numbers.setdefault(family, []).append(int(number))
    assert list(numbers) == FAMILIES
    assert all(found == list(range(1, len(found) + 1)) for found in numbers.values())


def test_a_rule_speaks_both_languages() -> None:
    """The sentence comes in the language asked for."""
    rule = load_requirements()["SET-08"]
    assert "65" in rule.text("zh")
    assert rule.text("zh") != rule.text("en")


def test_an_id_stands_once(tmp_path, monkeypatch) -> None:
    """A file with the same id twice is refused by name."""
    row = '[[rule]]\nid = "BEN-01"\nzh = "一"\nen = "one"\nsource = "test"\n'
    path = tmp_path / "requirements.toml"
    path.write_text(row + row, "utf-8")
    monkeypatch.setattr(requirements, "_FILE", path)
    with pytest.raises(ScenarioError) as caught:
        load_requirements.__wrapped__()
    assert (caught.value.code, caught.value.got) == (ErrorCode.E_NAME, "BEN-01")
