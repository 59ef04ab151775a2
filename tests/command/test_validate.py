"""`yidi validate`: every file is checked; what is wrong stands on stderr with its place."""

from __future__ import annotations

import json

import pytest

from tests.library.samples import TINY, TINY_PATH
from yidi.scenarios.command.validate import validate


@pytest.fixture
def broken(tmp_path):
    """A scenario with a misspelt key."""
    path = tmp_path / "broken.toml"
    path.write_text(TINY.replace("birth =", "brith ="), "utf-8")
    return path


def _validate(*words):
    return validate.main([*map(str, words)], standalone_mode=False)


def test_a_file_that_holds_is_said_to_hold(capsys):
    """Exit code 0."""
    assert 0 == _validate(TINY_PATH, "--lang", "en")
    assert f"{TINY_PATH}: holds (tiny, One outpatient visit)\n" == capsys.readouterr().out


def test_a_file_after_a_broken_one_is_checked_too(broken, capsys):
    """Exit code 2, the error with file:line:key on stderr."""
    assert 2 == _validate(broken, TINY_PATH)
    said = capsys.readouterr()

    assert said.err.startswith("E_UNKNOWN_KEY ")
    assert f"{broken}:37:person[0].brith" in said.err
    assert 'did you mean "birth"?' in said.err
    assert str(TINY_PATH) in said.out


def test_json_is_one_object_a_file(broken, capsys):
    """With the error object where there is one."""
    assert 2 == _validate(broken, TINY_PATH, "--json")
    bad, good = json.loads(capsys.readouterr().out)

    assert ("E_UNKNOWN_KEY", None) == (bad["problem"]["code"], bad["name"])
    assert (None, "tiny") == (good["problem"], good["name"])


def test_a_setting_is_checked_with_the_file(capsys):
    """`--set` is what `run` would take."""
    assert 0 == _validate(TINY_PATH, "--set", "seed=9")
    assert 2 == _validate(TINY_PATH, "--set", "seed=-9")
    assert "E_SEED" in capsys.readouterr().err


def test_the_policies_a_scenario_names_are_checked(tmp_path, capsys):
    """A missing or wrong policy file is the scenario's mistake."""
    path = tmp_path / "story.toml"
    path.write_text(TINY.replace("seed = 7", 'seed = 7\npolicies = ["own.toml"]'), "utf-8")

    assert 2 == _validate(path)
    assert "own.toml" in capsys.readouterr().err
