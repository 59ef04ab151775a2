"""`yidi list`: JSON for programs, a table for people, quick for both."""

from __future__ import annotations

import json
import resource

import pytest

from tests.command.test_cli import yidi
from tests.library.samples import TINY
from yidi.scenarios.command.list_ import list_
from yidi.scenarios.library import heads


@pytest.fixture(autouse=True)
def library(tmp_path, monkeypatch):
    """Two scenarios of our own."""
    for name in ("alpha", heads.FIRST):
        (tmp_path / f"{name}.toml").write_text(TINY.replace('"tiny"', f'"{name}"'), "utf-8")
    monkeypatch.setattr(heads, "_HERE", tmp_path)


def test_json_is_a_list_of_objects(capsys):
    """name, title, tags and requirements, the demo's scenario first."""
    list_.main(["--json"], standalone_mode=False)
    listed = json.loads(capsys.readouterr().out)

    assert [heads.FIRST, "alpha"] == [entry["name"] for entry in listed]
    assert {"name", "title", "tags", "requirements"} <= set(listed[0])
    assert {"zh": "一次门诊", "en": "One outpatient visit"} == listed[0]["title"]


@pytest.mark.parametrize(("lang", "title"), [("zh", "一次门诊"), ("en", "One outpatient visit")])
def test_a_table_in_the_readers_language(capsys, lang, title):
    """One row a scenario, with its title."""
    list_.main(["--lang", lang], standalone_mode=False)

    assert 2 == capsys.readouterr().out.count(title)


def test_an_empty_library_is_said(tmp_path, monkeypatch, capsys):
    """Nothing to list is no error, and no empty table."""
    monkeypatch.setattr(heads, "_HERE", tmp_path / "none")
    list_.main(["--lang", "en"], standalone_mode=False)
    said = capsys.readouterr()

    assert ("", "There are no built-in scenarios.\n") == (said.out, said.err)


def test_list_costs_less_than_300_milliseconds():
    """CPU of the whole process, the interpreter's start included."""

    def spent():
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return usage.ru_utime + usage.ru_stime

    times = []
    for _ in range(3):
        before = spent()
        assert 0 == yidi("list", "--json").returncode
        times.append(spent() - before)

    assert min(times) < 0.3
