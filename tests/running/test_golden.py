"""One seed, one journal: the golden scenarios come out as they always did (INV-39)."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from tests.golden.renew import GOLDEN, hashes
from yidi.scenarios.judging.judged_run import judged_run
from yidi.scenarios.library.loader import load

KEPT = json.loads((GOLDEN / "hashes.json").read_text("utf-8"))
RENEW = "something a run hears or says has changed; if on purpose, see tests/golden/README.md"
PROGRAM = "from yidi.scenarios.command.cli import main; main()"
BARE = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


@pytest.mark.parametrize("name", sorted(KEPT))
def test_a_golden_scenario_comes_out_as_ever(name):
    """Journal and books of a kept scenario have the kept hashes."""
    assert KEPT[name] == hashes(name), RENEW


@pytest.mark.parametrize("hash_seed", ["0", "1", "random"])
def test_neither_hash_seed_nor_locale_moves_a_run(hash_seed, tmp_path):
    """A process of its own, in a bare locale, under any PYTHONHASHSEED: the same journal."""
    paths = [str(GOLDEN / f"{name}.toml") for name in KEPT]
    arguments = [sys.executable, "-c", PROGRAM, "run", *paths, "--json", "--out", str(tmp_path)]
    environment = {**os.environ, **BARE, "PYTHONHASHSEED": hash_seed}
    done = subprocess.run(arguments, env=environment, capture_output=True, check=True)

    assert [KEPT[name] for name in KEPT] == [
        {"journal": run["journal_hash"], "books": run["books_hash"]}
        for run in json.loads(done.stdout)
    ]


@pytest.mark.parametrize("name", sorted(KEPT))
def test_another_seed_is_another_journal(name):
    """The hash is that of this seed and no other's: it covers what was drawn."""
    report = judged_run(load(str(GOLDEN / f"{name}.toml")), seed=12345).report

    assert KEPT[name]["journal"] != report.journal_hash
