"""`yidi run` as a shell sees it: folders, files, exit codes, signals."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sysconfig
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

YIDI = str(Path(sysconfig.get_path("scripts")) / "yidi")
QUIET = {"PATH": os.environ["PATH"], "LANG": "en_US.UTF-8"}
DATA = Path(__file__).parents[1] / "data"
TINY, STORM = str(DATA / "tiny.toml"), str(DATA / "storm.toml")


@pytest.fixture
def yidi(tmp_path):
    """Run the installed script in an empty folder."""

    def run(*words, **environment):
        return subprocess.run(
            [YIDI, *map(str, words)], cwd=tmp_path, env=QUIET | environment, capture_output=True,
            timeout=120, check=False,
        )  # fmt: skip

    return run


def test_a_run_goes_to_a_folder_of_its_own(yidi, tmp_path):
    """runs/NAME-SEED, numbered when taken; `runs/last` names the last; the path is printed."""
    first, second = yidi("run", TINY), yidi("run", TINY)
    assert (first.returncode, second.returncode) == (0, 0), first.stderr
    names = {path.name for path in (tmp_path / "runs").iterdir()}
    assert names == {"tiny-7", "tiny-7-2", "last"}
    assert (tmp_path / "runs" / "last").read_text("utf-8") == "tiny-7-2\n"
    assert b"runs/tiny-7-2" in second.stdout
    assert b"Verdict: PASS" in second.stdout
    assert first.stderr.startswith(b"running One outpatient visit [tiny], seed 7")


def test_c10_files_are_private_under_any_umask(yidi, tmp_path):
    """C10: 0600 and 0700, without HOME."""
    before = os.umask(0)
    try:
        yidi("run", TINY, "--out", "out/deep")
    finally:
        os.umask(before)
    folder = tmp_path / "out" / "deep"
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_c03_nothing_is_overwritten_without_force(yidi, tmp_path):
    """C03: a file, and a folder that holds something, are exit code 2 and stay as they are."""
    (tmp_path / "file").write_text("mine", "utf-8")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").write_text("mine", "utf-8")
    for place in ("file", "full"):
        done = yidi("run", TINY, "--out", place)
        assert (done.returncode, done.stdout) == (2, b"")
        assert done.stderr.startswith(b"E_OUTPUT")
    assert yidi("run", TINY, "--out", "full", "--force").returncode == 0
    assert (tmp_path / "full" / "notes.txt").read_text("utf-8") == "mine"
    assert yidi("run", TINY, "--out", "file/below").returncode == 4


@pytest.mark.parametrize(
    "words",
    [(TINY, "nowhere.toml"), (TINY, "--set", "start=now"), (TINY, "--set", 'policies=["x"]')],
)
def test_what_is_wrong_is_found_before_anything_is_made(yidi, tmp_path, words):
    """A missing scenario or policy file, or a start for live runs only, leaves nothing behind."""
    done = yidi("run", *words)
    assert (done.returncode, done.stdout) == (2, b"")
    assert list(tmp_path.iterdir()) == []


def test_several_scenarios_get_a_folder_each(yidi, tmp_path):
    """--out DIR/NAME, one JUnit document, one JSON list."""
    done = yidi("run", TINY, STORM, "--set", "duration=1d", "--out", "out", "--json", "--junitxml",
                "reports/junit.xml")  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"tiny", "storm"}
    assert [one["scenario"] for one in json.loads(done.stdout)] == ["tiny", "storm"]
    suites = ET.parse(tmp_path / "reports" / "junit.xml").getroot()
    assert [suite.get("name") for suite in suites] == ["tiny", "storm"]


def test_several_scenarios_want_an_empty_folder_too(yidi, tmp_path):
    """C03: a folder that holds something else is not filled with runs unless forced."""
    (tmp_path / "notes.txt").write_text("mine", "utf-8")
    for force, code in (((), 2), (("--force",), 0)):
        done = yidi("run", TINY, TINY, "--out", tmp_path, *force)

        assert code == done.returncode
        assert force == () or (tmp_path / "tiny-2" / "result.json").is_file()
    assert "mine" == (tmp_path / "notes.txt").read_text("utf-8")


def test_what_did_not_run_after_a_failure_has_no_folder(yidi, tmp_path):
    """-x ends at the first failure; runs that never began leave nothing."""
    failing = tmp_path / "failing.toml"
    text = Path(TINY).read_text("utf-8").replace('name = "tiny"', 'name = "failing"')
    failing.write_text(text.replace('outcome = "SETTLED"', 'outcome = "REVERSED"'), "utf-8")
    done = yidi("run", failing, TINY, "-x", "--out", tmp_path / "out")

    assert 1 == done.returncode
    assert ["failing"] == [path.name for path in (tmp_path / "out").iterdir()]


def test_json_is_the_result_and_nothing_else(yidi, tmp_path):
    """stdout is one object; what is going on is on stderr."""
    result = json.loads(yidi("run", TINY, "--json", "--out", "out").stdout)
    written = json.loads((tmp_path / "out" / "result.json").read_text("utf-8"))
    assert result.pop("folder") == "out"
    assert result == written


def test_a_failed_expectation_is_exit_code_1(yidi, tmp_path):
    """The failure is told with the line that shows it again; -x runs no other scenario."""
    bad = tmp_path / "bad.toml"
    text = (DATA / "tiny.toml").read_text("utf-8")
    bad.write_text(text.replace('outcome = "SETTLED"', 'outcome = "REVERSED"'), "utf-8")
    done = yidi("run", bad, TINY, "--out", "out", "-x")
    assert done.returncode == 1
    assert b"EXPECT-1" in done.stdout
    assert b"replay: yidi run " in done.stdout
    assert not (tmp_path / "out" / "tiny-2" / "result.json").exists()
    assert yidi("run", bad, TINY, "--out", "out2").returncode == 1
    assert (tmp_path / "out2" / "tiny-2" / "result.json").exists()


def test_the_seed_changes_the_journal_and_set_the_scenario(yidi):
    """--seed gives another hash; --set another scenario digest; neither moves the verdict."""
    runs = [
        json.loads(yidi("run", TINY, "--json", *more).stdout)
        for more in ((), ("--seed", 8), ("--set", "person[0].balance=1.00"))
    ]
    assert len({run["journal_hash"] for run in runs}) == 3
    assert [run["seed"] for run in runs] == [7, 8, 7]
    assert runs[2]["replay"].endswith("--set 'person[0].balance=1.00'")


def test_what_matches_nothing_was_not_checked(yidi, tmp_path):
    """-k that selects nothing is exit code 1 and writes nothing."""
    done = yidi("run", TINY, "-k", "not tiny and nowhere")
    assert done.returncode == 1
    assert b"nothing was checked" in done.stderr
    assert list(tmp_path.iterdir()) == []
    assert yidi("run", TINY, "-k", "visit-1 or nowhere").returncode == 0
    assert yidi("run", TINY, "-k", "(broken").returncode == 2


def test_c07_a_narrow_bare_terminal_is_enough(yidi):
    """C07: 20 columns, LANG=C, ASCII: every cell on its own line, in UTF-8."""
    done = yidi("run", TINY, LANG="C", PYTHONIOENCODING="ascii", COLUMNS="20", NO_COLOR="1")
    assert (done.returncode, b"\x1b" in done.stdout) == (0, False)
    assert "  编号: INV-01\n" in done.stdout.decode()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_c06_an_interrupted_run_is_reported_and_its_journal_whole(tmp_path, number):
    """C06: the report is written, the journal can be verified, and the exit code is 130."""
    words = [YIDI, "run", STORM, "--set", "flow[0].arrivals.per_day=4000", "--out", "out"]
    process = subprocess.Popen(
        words, cwd=tmp_path, env=QUIET, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stderr.readline().startswith(b"running")
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=120)
    assert process.returncode == 130, stderr
    assert b"interrupted" in stdout
    result = json.loads((tmp_path / "out" / "result.json").read_text("utf-8"))
    assert (result["verdict"], result["interrupted"]) == ("unknown", True)
    from yidi.scenarios.judging.verify import verify_run

    assert verify_run(tmp_path / "out").verdict != "fail"
