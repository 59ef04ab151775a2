"""Loading: from a path, a text, bytes; with a digest that names the text."""

from __future__ import annotations

import hashlib

import pytest

from tests.library.samples import TINY, TINY_PATH
from yidi.scenarios.library.loader import (
    lesson_path,
    library_names,
    load,
    load_bytes,
    load_text,
    policy_paths,
)


def test_a_file_is_loaded_with_its_text_and_digest():
    """The digest is of the text as it was run."""
    loaded = load(str(TINY_PATH))

    assert (TINY, str(TINY_PATH)) == (loaded.text, loaded.path)
    assert hashlib.sha256(TINY.encode()).hexdigest() == loaded.digest
    assert load_bytes(TINY.encode(), "x").scenario == loaded.scenario


def test_policy_files_stand_beside_the_scenario(tmp_path):
    """A relative path begins at the scenario's folder."""
    text = TINY.replace("seed = 7", 'seed = 7\npolicies = ["own.toml"]')
    loaded = load_text(text, str(tmp_path / "story.toml"))

    assert [tmp_path / "own.toml"] == list(policy_paths(loaded))


def test_a_lesson_stands_beside_its_scenario(tmp_path):
    """Where there is none, there is none."""
    path = tmp_path / "story.toml"

    assert lesson_path(str(path)) is None
    (tmp_path / "story.lesson.toml").write_text("", "utf-8")
    assert tmp_path / "story.lesson.toml" == lesson_path(str(path))


@pytest.mark.parametrize("name", library_names() or [None])
def test_every_built_in_scenario_holds(name):
    """What ships loads, and is named like its file."""
    if name is not None:
        assert name == load(name).scenario.name
