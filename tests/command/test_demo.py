"""`yidi demo`: what happened to one patient, told from a real run."""

from __future__ import annotations

from pathlib import Path

import pytest

from yidi.scenarios.command import cli, demo
from yidi.scenarios.judging.chain import read_chain
from yidi.scenarios.judging.explain import Narrator
from yidi.scenarios.judging.judged_run import judged_run
from yidi.scenarios.judging.party_names import read_names
from yidi.scenarios.library.loader import library_names, load

STORY = "huaibei-outpatient-in-shanghai"


def test_the_month_is_in_the_library():
    """The demo's scenario is there, and comes first in the list."""
    assert next(iter(library_names())) == demo.MONTH


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_demo_tells_a_run_from_one_patient_to_the_clearing(
    tmp_path: Path, capsys, monkeypatch, language: str
):
    """Verdict, story with its split, clearing, notices, checks, and where the files are."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(demo, "MONTH", STORY)
    with pytest.raises(SystemExit) as leaving:
        cli.main(["demo", "--lang", language])
    out, err = capsys.readouterr()
    assert leaving.value.code == 0
    zh = language == "zh"
    order = ["结论", "一个病人的经过", "清算表", "检查", "report.html"] if zh else [
        "Verdict", "What happened to one patient", "Clearing", "Checks", "report.html"]  # fmt: skip
    places = [out.index(word) for word in order]
    assert places == sorted(places)
    assert "285.00" in out
    assert "█" in out
    assert "正在运行" in err or "running" in err
    assert (tmp_path / "runs" / f"{STORY}-1" / "report.html").is_file()
    assert (tmp_path / "runs" / "last").is_file()


def test_the_story_is_short_and_ends_with_the_transfer(tmp_path: Path):
    """The settlement hop by hop, the rest at the counter only, the provinces' transfer last."""
    judged_run(load(STORY), tmp_path)
    narrator = Narrator(read_chain(tmp_path, "visit"), read_names(tmp_path), "en")
    lines = demo.story_lines(narrator)
    assert len(lines) < 100
    assert "transfers 435.00 yuan" in lines[-1]
    bars = [line for line in lines if "█" in line]
    assert ["285.00", "915.00", "150.00", "150.00"] == [line.split()[-1] for line in bars]
