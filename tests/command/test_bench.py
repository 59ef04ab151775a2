"""`yidi bench`: a tiny measurement; what it prints, and how it ends when it is void."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from yidi.scenarios.command.bench import FORMS, bench
from yidi.scenarios.command.common import ExitCode
from yidi.scenarios.load import flow

TINY = ["--rounds", "2", "--settlements", "2", "--in-flight", "2"]


def run(capsys, *words):
    """Run the verb in this process; its exit code and what it printed."""
    code = bench.main([*words], standalone_mode=False)
    return code, capsys.readouterr()


def test_flow_is_the_default_and_prints_json(capsys):
    """The figures that programs read are there under their names."""
    code, said = run(capsys, *TINY, "--json", "--seed", "3")
    report = json.loads(said.out)

    assert ExitCode.OK == code
    assert {
        "settlements_per_cpu_second", "floor_per_cpu_second", "ratio_to_codec_floor",
        "envelopes_per_settlement", "rounds", "machine", "journal_hash",
    } <= set(report)  # fmt: skip
    assert (16, 2, 3) == (report["envelopes_per_settlement"], report["rounds"], report["seed"])
    assert {"machine", "python", "commit", "corpus"} <= set(report["machine"])


@pytest.mark.parametrize(("lang", "word"), [("zh", "流程 / 下限"), ("en", "flow / floor")])
def test_flow_for_people(capsys, lang, word):
    """Codec operations, envelopes and cases stand together, in the reader's language."""
    code, said = run(capsys, "flow", *TINY, "--lang", lang)

    assert (ExitCode.OK, True) == (code, word in said.out)
    assert "Python" in said.out.splitlines()[0]


def test_codec_prices_every_message(capsys):
    """Eight rows and the share of the map form."""
    code, said = run(capsys, "codec", "--rounds", "1", "--settlements", "1", "--lang", "en")

    assert ExitCode.OK == code
    assert 8 == sum(line[:4].isdigit() for line in said.out.splitlines())
    assert "of the map form" in said.out


@pytest.fixture
def load(tmp_path):
    """A tiny load of the example, whose settlements may take as long as they like."""
    text = Path("docs/examples/load.toml").read_text("utf-8")
    assert "p(99)<10s" in text
    scenario = tmp_path / "load.toml"
    scenario.write_text(text.replace("p(99)<10s", "p(99)<1h"), "utf-8")
    return ["load", str(scenario), "--rate", "20", "--duration", "1"]


@pytest.mark.parametrize(
    ("lang", "words", "told"),
    [("zh", ("整次就诊", "成立"), "到达 20"), ("en", ("visit", "holds"), "arrived 20")],
)
def test_load_prints_latency_by_stage(capsys, load, lang, words, told):
    """Stages, generator and validity, in the reader's language; progress goes to stderr."""
    code, said = run(capsys, *load, "--lang", lang)

    assert ExitCode.OK == code
    assert all(word in said.out for word in words)
    assert told in said.err


def test_load_prints_json(capsys, load):
    """The same for programs, with nothing but JSON on stdout."""
    code, said = run(capsys, *load, "--json", "--seed", "9", "--warm-up", "0")
    report = json.loads(said.out)

    assert (ExitCode.OK, 9, 20) == (code, report["seed"], report["settled"])
    assert {"lateness", "cpu_share", "alone", "was_bottleneck"} == set(report["generator"])


def test_load_wants_a_scenario_and_nothing_else_does():
    """The form decides whether a name is expected."""
    assert 2 == CliRunner().invoke(bench, ["load"]).exit_code
    assert 2 == CliRunner().invoke(bench, ["flow", "docs/examples/load.toml"]).exit_code


def test_a_void_measurement_fails(capsys, monkeypatch):
    """An assertion that fails is exit code 1 and one line, not a figure."""
    monkeypatch.setattr(flow, "SETTLED", "NEW")
    code, said = run(capsys, *TINY, "--lang", "en")

    assert (ExitCode.FAILED, "") == (code, said.out)
    assert said.err.startswith("the measurement is void: ")


def test_only_forms_that_are_there_are_offered():
    """Another form is a usage error, and `--help` names those that work."""
    help_text = CliRunner().invoke(bench, ["--help"]).output

    assert all(form in help_text for form in FORMS)
    assert 2 == CliRunner().invoke(bench, ["knee"]).exit_code
