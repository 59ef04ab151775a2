"""`yidi conform` as a shell sees it, held against yidi's own node."""

from __future__ import annotations

import json
import os
import subprocess
import sysconfig
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.live.own_nodes import example, own_node
from tests.live.platforms import platform
from tests.live.test_conform import Region

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


def test_a_code_of_no_region_is_a_mistake():
    """Exit code 2, and what a code looks like."""
    done = conform("insured", "990000", "--self")

    assert (2, "") == (done.returncode, done.stdout)
    assert "E_REGION" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("name", ["node.py", "node.js"])
def test_both_examples_conform(name):
    """All scenarios against one process, at the default level: nothing is broken."""
    with example(name) as url:
        done = conform("insured", f"340600={url}", "--json")
    report = json.loads(done.stdout)
    rows = {row["id"]: row["verdict"] for row in report["requirements"]}

    assert (0, "pass", 0) == (done.returncode, report["verdict"], report["failed"]), done.stderr
    assert {"pass"} == {rows[rule] for rule in ("MSG-02", "MSG-03", "SET-02", "SET-12", "BEN-09")}
    assert "not_reached" == rows["REV-06"]


def test_a_node_that_settles_twice_is_found_out(tmp_path):
    """Exit code 1 with the requirement's id, in words and in JUnit."""
    junit = tmp_path / "junit.xml"
    with own_node(Region("settles twice")) as url:
        done = conform("insured", f"340600={url}", "-k", "same-message", "--junitxml", junit)
    failed = [case.get("name")[:6] for case in ET.parse(junit).iter("testcase")
              if case.find("failure") is not None]  # fmt: skip

    assert 1 == done.returncode
    assert ["SET-02"] == failed
    assert "✗ SET-02" in done.stdout
    assert "outpatient settlement 2207" in done.stdout


def test_a_node_that_is_not_there_is_told():
    """Exit code 3, not a verdict."""
    done = conform("insured", "340600=http://127.0.0.1:9/#wait=0.1", "-k", "conform-key")

    assert (3, "") == (done.returncode, done.stdout)
    assert "E_ENGINE" in done.stderr


def test_a_platform_is_told_what_to_do():
    """Prompts go to the hook and to stderr; what it does at the gateway is judged."""
    with platform() as hook:
        done = conform("treatment", "310000", "--hook", hook, "-k", "conform-key", "--lang", "en")

    assert 0 == done.returncode, done.stderr
    assert "✓ SET-10" in done.stdout
    assert "settle 2207" in done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("insured", "340600=http://127.0.0.1:9/", "--self"),
        ("insured", "340600", "--prompt"),
        ("treatment", "310000=http://127.0.0.1:9/", "--prompt"),
        ("treatment", "310000", "--prompt", "--seed", "1"),
    ],
)
def test_options_that_do_not_go_together_are_usage(words):
    """Exit code 2."""
    assert 2 == conform(*words).returncode


def test_what_was_played_before_an_interruption_is_told():
    """SIGTERM: exit code 130, after the report; nothing is passed that was not seen."""
    with own_node(Region()) as url:
        words = [YIDI, "conform", "insured", f"340600={url}", "--lang", "en"]
        running = subprocess.Popen(words, env=QUIET, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True)  # fmt: skip
        for line in running.stderr:
            if "the same key" in line:
                break
        running.terminate()
        said, _ = running.communicate(timeout=120)

    assert 130 == running.returncode
    assert "unknown: " in said
    assert "✓ BEN-09" in said
