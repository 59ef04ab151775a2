"""`yidi run --external`: exit codes, and what a person reads."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.live.own_nodes import own_node
from tests.live.test_own_node import perfect
from tests.live.visits import many_visits
from yidi.scenarios.command import cli


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of `yidi run`."""
    with pytest.raises(SystemExit) as leaving:
        cli.main(["run", *words])
    said = capsys.readouterr()
    return int(leaving.value.code or 0), said.out, said.err


def scenario(folder: Path) -> str:
    """Two visits, as a file."""
    many_visits(folder, 2, 10)
    return str(folder / "many-visits.toml")


def test_a_run_with_an_own_node_says_what_it_was_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Who is waited for, and a table of what was asked, answered, and answered in its place."""
    out = str(tmp_path / "out")
    with own_node(perfect) as url:
        option = f"insured:340600={url}#amounts=off"
        code, said, waited = run(
            capsys, scenario(tmp_path), "--external", option, "--out", out, "--lang", "en"
        )

    assert 0 == code, said
    assert "waiting for your own node insured:340600" in waited
    assert "Own nodes (as the wire shows them)" in said
    assert "insured:340600" in said


def test_the_same_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`externals` of the result."""
    out = str(tmp_path / "out")
    with own_node(perfect) as url:
        option = f"insured:340600={url}#amounts=off"
        code, said, _ = run(
            capsys, scenario(tmp_path), "--external", option, "--out", out, "--json"
        )

    told = json.loads(said)["externals"][0]
    assert (0, "insured:340600", {"2206": 2, "2207": 2}) == (code, told["address"], told["asked"])


@pytest.mark.parametrize(
    ("option", "code", "words"),
    [
        ("insured:320500=http://127.0.0.1:1/", 2, "E_REGION"),
        ("insured:340600", 2, "E_ENGINE"),
        ("340600", 2, "E_EXPRESSION"),
        ("insured:340600=http://127.0.0.1:1/#wait=0.2", 3, "E_ENGINE"),
    ],
)
def test_what_cannot_be(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str, code: int, words: str
) -> None:
    """2 for a wrong option, 3 for a node that is not there."""
    out = str(tmp_path / "out")
    found, _, said = run(capsys, scenario(tmp_path), "--external", option, "--out", out)

    assert (code, True) == (found, words in said), said
