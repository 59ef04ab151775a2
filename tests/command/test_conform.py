"""`yidi conform` as a shell sees it, held against yidi's own node."""

from __future__ import annotations

import json
import os
import subprocess
import sysconfig
from pathlib import Path
from xml.etree import ElementTree as ET

YIDI = str(Path(sysconfig.get_path("scripts")) / "yidi")
QUIET = {"PATH": os.environ["PATH"], "LANG": "en_US.UTF-8"}


def conform(*words):
    """Run `yidi conform`."""
    return subprocess.run(
        [YIDI, "conform", *map(str, words)], env=QUIET, capture_output=True, timeout=120, text=True,
        check=False,
    )  # fmt: skip


def test_our_own_node_conforms(tmp_path):
    """Exit code 0, a line a rule in the reader's language, JUnit and the runs beside it."""
    junit, out = tmp_path / "deep" / "junit.xml", tmp_path / "out"
    files = ("--junitxml", junit, "--out", out)
    done = conform("insured", "340600", "--self", "-k", "conform-key", *files, "--lang", "en")

    assert 0 == done.returncode, done.stderr
    assert "✓ SET-12" in done.stdout
    assert "conforms: " in done.stdout
    assert "0" == ET.parse(junit).getroot()[0].get("failures")
    assert (out / "conform-key-reused" / "journal.bin").exists()


def test_json_is_the_report():
    """Nothing else on stdout; levels are as asked."""
    done = conform(
        "insured", "340600", "--self", "-k", "conform-to-the-fen", "--json", "--level", "amounts"
    )
    report = json.loads(done.stdout)
    rows = {row["id"]: row for row in report["requirements"]}

    assert ("pass", "amounts", 0) == (report["verdict"], report["level"], done.returncode)
    assert "pass" == rows["BEN-05"]["verdict"]
    assert ["conform-to-the-fen"] == [one["name"] for one in report["scenarios"]]


def test_what_reaches_nothing_is_a_failure():
    """Exit code 1: nothing was checked."""
    done = conform("insured", "340600", "--self", "-k", "nothing-is-called-so", "--lang", "en")

    assert 1 == done.returncode
    assert "nothing was reached" in done.stdout


def test_a_region_without_scenarios_is_a_mistake():
    """Exit code 2, with the regions that have some."""
    done = conform("insured", "110000")

    assert (2, "") == (done.returncode, done.stdout)
    assert "E_REGION" in done.stderr
    assert "340600" in done.stderr
