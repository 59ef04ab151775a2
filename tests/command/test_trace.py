"""`yidi trace`: seven steps, one at a time, as a picture, as data."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.judging.harness import CASE_ID, Stage
from yidi.protocol import transactions as t
from yidi.scenarios.command import cli, runs
from yidi.scenarios.judging.judged_run import judged_run
from yidi.scenarios.library.loader import load

CJK = re.compile(r"[\u4e00-\u9fff]")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run with one visit, resent once."""
    stage = Stage()
    stage.visit()
    return stage.write(tmp_path_factory.mktemp("runs") / "stage-7")


def _yidi(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as leaving:
        cli.main(["trace", *words])
    out, err = capsys.readouterr()
    return int(leaving.value.code or 0), out, err


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_seven_steps_stand_in_order(run: Path, capsys, language: str):
    """Steps 0 to 7 once each, with their files and the settlement's messages between them."""
    code, out, _ = _yidi(capsys, str(run), CASE_ID, "--lang", language)
    assert code == 0
    assert re.findall(r"^\[(\d)\]", out, re.MULTILINE) == list("01234567")
    files = ("treatment_region.py", "runner.py", "core.py", "hub.py", "insured_region.py")
    assert all(name in out for name in files)
    assert ("会计日 2026-03-02" in out) == (language == "zh")
    assert "737.00" in out.partition("[5]")[2].partition("[6]")[0]


def test_english_says_nothing_in_chinese_but_names(run: Path, capsys):
    """With --lang en the only Chinese characters are those of names."""
    _, out, _ = _yidi(capsys, str(run), CASE_ID, "--lang", "en")
    assert not CJK.search(out.replace("测试甲", "").replace("示例医院", ""))


def test_step_prints_every_message_when_piped(run: Path, capsys):
    """Without a terminal --step waits for nobody and shows all messages with their states."""
    code, out, _ = _yidi(capsys, str(run), CASE_ID, "--step", "--lang", "zh")
    assert code == 0
    assert len(re.findall(r"^ +\d+  2026-", out, re.MULTILINE)) == 26
    assert "状态: 就医地 已结算 SETTLED" in out


def test_json_has_every_message_with_its_body(run: Path, capsys):
    """Numbers, addresses, national field names, explanations; stdout is JSON and nothing else."""
    code, out, _ = _yidi(capsys, str(run), CASE_ID, "--json", "--lang", "en")
    data = json.loads(out)
    assert code == 0
    assert [one["number"] for one in data["messages"]] == list(range(1, 27))
    last = data["messages"][-1]
    assert (last["step"], last["body"]["fund_pay_sumamt"]) == (7, "737.00")
    assert data["messages"][last["answers"] - 1]["kind"] == "request"


def test_without_a_case_the_cases_are_listed(run: Path, capsys):
    """`yidi trace RUN` names the cases that can be followed, as a table and as data."""
    _, out, _ = _yidi(capsys, str(run), "--lang", "en")
    assert CASE_ID in out
    assert "Huaibei, Anhui" in out
    _, out, _ = _yidi(capsys, str(run), "--json")
    assert json.loads(out)[0]["case"] == CASE_ID


def test_svg_is_written(run: Path, capsys, tmp_path: Path):
    """--svg writes the sequence diagram beside what is printed."""
    code, _, err = _yidi(capsys, str(run), CASE_ID, "--svg", str(tmp_path / "p.svg"))
    assert code == 0
    assert (tmp_path / "p.svg").read_text("utf-8").startswith("<svg")
    assert "p.svg" in err


def test_an_unknown_run_or_case_is_a_mistake_of_the_command_line(run: Path, capsys, monkeypatch):
    """Exit 2, the code, a did-you-mean, and nothing on stdout."""
    monkeypatch.chdir(run.parent.parent)
    monkeypatch.setattr(runs.run_folder, "__defaults__", (run.parent,))
    code, out, err = _yidi(capsys, "stage-8", CASE_ID)
    assert (code, out) == (2, "")
    assert "E_RUN_UNKNOWN" in err
    assert "stage-7" in err
    code, out, err = _yidi(capsys, str(run), "huaibei-vist")
    assert (code, out) == (2, "")
    assert f"did you mean {CASE_ID}" in err


def test_the_doubt_after_a_lost_answer_is_told(tmp_path: Path, capsys):
    """Resends, the time-out and the query stand on the path with their marks."""
    stage = Stage()
    stage.lost.add((t.OUTPATIENT_SETTLEMENT, 1, "treatment:310000"))
    stage.visit()
    stage.wait(120)
    _, out, _ = _yidi(capsys, str(stage.write(tmp_path)), CASE_ID, "--lang", "zh")
    for words in ("这一份丢了", "这是重发", "结果未知", "结算信息查询 5203"):
        assert words in out


@pytest.fixture(scope="module")
def refused(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run in which a case was refused before it had a case key."""
    folder = tmp_path_factory.mktemp("refused")
    judged_run(load("conform-wrong-region"), folder)
    return folder


def test_a_case_without_a_key_is_followed_to_the_counter(refused: Path, capsys):
    """It has no row; who and where are the scenario's, and every question ends at the counter."""
    code, out, _ = _yidi(capsys, str(refused), "taken-for", "--lang", "en")
    assert code == 0
    head = out.partition("\n")[0]
    assert "陆测试, insured in Lu'an, Anhui 341500, treated in Shanghai 310000" in head
    assert "cannot be folded" not in out
    assert "[1]" not in out
    assert "never came to a pre-settlement" in out
    told = json.loads(_yidi(capsys, str(refused), "taken-for", "--json")[1])["messages"]
    asked = [one["message_id"] for one in told if one["from"].startswith("institution:")]
    answered = [
        (one["answers"], one["kind"]) for one in told if one["to"].startswith("institution:")
    ]
    assert len(asked) == len(answered) == 3
    assert [kind for _, kind in answered] == ["rejection", "rejection", "result"]


def test_a_message_of_a_case_without_a_key_names_its_person(refused: Path, capsys):
    """Asked for by a message id alone, the case has a person, a place and its counter, too."""
    told = json.loads(_yidi(capsys, str(refused), "taken-for", "--json")[1])["messages"]
    code, out, _ = _yidi(capsys, str(refused), told[0]["message_id"], "--lang", "zh")
    assert code == 0
    assert "陆测试" in out.partition("\n")[0]
    assert "上海市测试第一医院" in out.partition("\n")[0]
    assert "不能由本程序重放" not in out


def test_cases_without_a_key_are_listed(refused: Path, capsys):
    """A list of the cases has those that were refused at once."""
    _, out, _ = _yidi(capsys, str(refused), "--json")
    assert [one["case"] for one in json.loads(out)] == ["own", "taken-for"]
