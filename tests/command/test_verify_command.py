"""`yidi verify` as a shell sees it."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sysconfig
from pathlib import Path

import pytest

from tests.judging.runs import TINY, bundle_in

YIDI = str(Path(sysconfig.get_path("scripts")) / "yidi")
QUIET = {"PATH": os.environ["PATH"], "LANG": "en_US.UTF-8"}


@pytest.fixture
def run(tmp_path):
    """A bundle to be verified."""
    return bundle_in(tmp_path, TINY, ())


def verify(*words, **options):
    """Run `yidi verify`."""
    return subprocess.run(
        [YIDI, "verify", *map(str, words)], env=QUIET, capture_output=True, timeout=120,
        check=False, **options,
    )  # fmt: skip


def test_an_honest_run_holds(run):
    """Exit code 0; every layer is told, in the reader's language."""
    done = verify(run)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"Verification: PASS" in done.stdout
    for layer in (b"ROWS-CASES", b"ANSWERS-CASES", b"REPLAY-CASES", b"INV-01"):
        assert layer in done.stdout
    assert "核对: 通过" in verify(run, "--lang", "zh").stdout.decode()


def test_json_names_what_failed_and_where(run):
    """A changed amount is exit code 1 with the row's key and node."""
    rows = (run / "cases.jsonl").read_text("utf-8")
    (run / "cases.jsonl").write_text(
        rows.replace('"cash_fen":10000', '"cash_fen":10001', 1), "utf-8"
    )
    done = verify(run, "--json")
    report = json.loads(done.stdout)
    assert (done.returncode, report["verdict"]) == (1, "fail")
    failed = {row["id"]: row["first_violation"] for row in report["checks"]
              if row["verdict"] == "fail"}  # fmt: skip
    assert set(failed) >= {"FILES", "ROWS-CASES", "ANSWERS-CASES", "REPLAY-CASES"}
    assert failed["ROWS-CASES"]["node"] == "treatment:310000"


@pytest.mark.parametrize(
    ("spoil", "code", "wanted"),
    [
        (lambda data: b"", 4, b"E_FRAME_EMPTY"),
        (lambda data: b"%PDF-1.7" + data, 4, b"E_FRAME_MAGIC"),
        (lambda data: data[:-1], 4, b"E_JOURNAL_CORRUPT"),
        (lambda data: data + b"x", 4, b"E_JOURNAL_CORRUPT"),
        (lambda data: data[:500] + b"\xff" + data[501:], 4, b"lsn="),
    ],
)
def test_c08_a_journal_that_cannot_be_read_is_exit_code_4(run, spoil, code, wanted):
    """C08: empty, foreign, cut short, longer, changed: one line with code, lsn and offset."""
    journal = run / "journal.bin"
    journal.write_bytes(spoil(journal.read_bytes()))
    for place in (run, journal):
        done = verify(place)
        assert (done.returncode, done.stdout) == (code, b"")
        assert wanted in done.stderr
        assert done.stderr.count(b"\n") == 1


def test_c08_a_huge_foreign_file_costs_no_memory(run):
    """C08: ten gigabytes of zeroes are refused at the first block, within 300 MB."""
    with (run / "journal.bin").open("wb") as file:
        file.truncate(10 * 2**30)
    limit = 600 * 2**20

    def bounded():
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))

    done = verify(run, preexec_fn=bounded)
    assert (done.returncode, done.stdout) == (4, b"")
    assert b"E_FRAME_MAGIC" in done.stderr


def test_a_run_that_is_not_there(tmp_path):
    """An unknown name is a mistake on the command line; a folder without a journal is not."""
    done = verify("nowhere", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"E_RUN_UNKNOWN" in done.stderr
    done = verify(tmp_path)
    assert done.returncode == 4
    assert b"E_BUNDLE" in done.stderr


def test_a_missing_file_is_exit_code_1(run):
    """Without postings.jsonl the run is not what it says, and the file is named."""
    (run / "postings.jsonl").unlink()
    done = verify(run)
    assert done.returncode == 1
    assert b"postings.jsonl: no such file" in done.stdout
