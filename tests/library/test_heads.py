"""Built-in scenarios: their order, and heads without the rest."""

from __future__ import annotations

import pytest

from tests.library.samples import TINY, TINY_PATH
from yidi.protocol.errors import ErrorCode, ScenarioError
from yidi.scenarios.library import heads
from yidi.scenarios.library.heads import FIRST, Head, library_names, read_head, resolve


@pytest.fixture
def library(tmp_path, monkeypatch):
    """A library of three scenarios and a lesson."""
    for name in ("alpha", FIRST, "zeta"):
        (tmp_path / f"{name}.toml").write_text(TINY.replace('"tiny"', f'"{name}"'), "utf-8")
    (tmp_path / "alpha.lesson.toml").write_text("", "utf-8")
    monkeypatch.setattr(heads, "_HERE", tmp_path)
    return tmp_path


def test_the_demo_comes_first(library):
    """The others follow by name; a lesson is no scenario."""
    assert [FIRST, "alpha", "zeta"] == library_names()
    assert [FIRST, "alpha", "zeta"] == [head.name for head in heads.library_heads()]


def test_a_name_finds_its_file(library):
    """A path is taken as it is."""
    assert str(library / "alpha.toml") == resolve("alpha")
    assert "somewhere/alpha.toml" == resolve("somewhere/alpha.toml")


def test_a_misspelt_name_is_answered_with_the_nearest(library):
    """E_SCENARIO_FILE, did you mean."""
    with pytest.raises(ScenarioError) as caught:
        resolve("alfa")

    assert ErrorCode.E_SCENARIO_FILE == caught.value.code
    assert 'did you mean "alpha"?' == caught.value.want


def test_a_name_like_no_other_is_told_where_names_are(library):
    """What a library of any size has is listed by `yidi list`."""
    with pytest.raises(ScenarioError) as caught:
        resolve("zzzzzz")

    assert "a file, or a name of `yidi list`" == caught.value.want


@pytest.mark.parametrize("story", ["", '\nlong = """\n[not a table]\n"""'])
def test_a_head_is_what_stands_before_the_first_table(tmp_path, story):
    """Also where a long text has a line that looks like a table."""
    path = tmp_path / "x.toml"
    path.write_text(TINY.replace("seed = 7", f"seed = 7{story}"), "utf-8")
    head = read_head(str(path))

    assert read_head(str(TINY_PATH)) == head
    assert ("tiny", ("test",), ("BEN-03",)) == (head.name, head.tags, head.requirements)
    assert isinstance(head, Head)
