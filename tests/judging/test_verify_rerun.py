from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

import pytest

from tests.judging.runs import FEW, STORM, TINY, bundle_in
from yidi.scenarios.judging.judged_run import judged_run
from yidi.scenarios.judging.outputs import open_folder
from yidi.scenarios.judging.verify import verify_run
from yidi.scenarios.library.loader import load_bytes

SCENARIO = Path(TINY).read_text("utf-8")


def forged(folder, name, change):
    """Change a file and mend its hash in the manifest, as a careful forger would."""
    path = folder / name
    path.write_text(change(path.read_text("utf-8")), "utf-8")
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    if name in manifest["files"]:
        manifest["files"][name] = sha256(path.read_bytes()).hexdigest()
        (folder / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    return folder


def results(folder):
    """Check → its result."""
    return {row.id: row for row in verify_run(folder).checks}


def saying(**values):
    """Change these fields of a JSON object."""
    return lambda text: json.dumps(json.loads(text) | values)


def test_an_honest_result_follows(tmp_path):
    """Every count comes out again, and the scenario's own checks are among what was verified."""
    found = results(bundle_in(tmp_path, TINY, ()))

    assert ("pass", "pass", "pass") == tuple(
        found[name].verdict for name in ("REPLAY-RESULT", "STEP-visit-1", "EXPECT-1")
    )


@pytest.mark.parametrize(
    "values",
    [{"verdict": "fail"}, {"checks": []}, {"envelopes": 3}, {"manual": 9}, {"refused": {"E_X": 1}},
     {"virtual_seconds": 1}, {"title": {"zh": "x", "en": "x"}}, {"scenario": "other"}],
    ids=lambda values: next(iter(values)),
)  # fmt: skip
def test_a_forged_result_is_found(tmp_path, values):
    """What result.json says beyond the rows is held against the run made again."""
    folder = forged(bundle_in(tmp_path, TINY, ()), "result.json", saying(**values))

    assert "fail" == verify_run(folder).verdict


@pytest.mark.parametrize(
    "values", [{"schema": 9}, {"scenario_digest": "0"}, {"start": 5}, {"scenario": "other"}],
    ids=lambda values: next(iter(values)),
)  # fmt: skip
def test_a_forged_manifest_is_found(tmp_path, values):
    """The manifest's names of the run are those of journal and result."""
    folder = forged(bundle_in(tmp_path, TINY, ()), "manifest.json", saying(**values))

    assert "fail" == results(folder)["JOURNAL"].verdict


def test_a_check_that_is_told_otherwise_is_found(tmp_path):
    """A count, or a verdict with all that follows from it, that did not come out so."""
    folder = bundle_in(tmp_path, TINY, ())
    checks = json.loads((folder / "result.json").read_text("utf-8"))["checks"]
    checks[0]["count"] += 1

    found = results(forged(folder, "result.json", saying(checks=checks)))
    assert "INV-01: count" in found["REPLAY-RESULT"].first_violation.facts


def test_policies_are_as_they_are_written(tmp_path):
    """Not a letter of policies.toml is loose, though no journal names it."""
    folder = forged(bundle_in(tmp_path, TINY, ()), "policies.toml", lambda text: text + "# x\n")

    assert "policies.toml" == results(folder)["REPLAY-RESULT"].first_violation.node


def test_who_paid_in_full_is_found_again(tmp_path):
    """One fen, or a row left out, in the file that no node knows of."""
    folder = bundle_in(tmp_path, STORM, FEW)
    assert (folder / "manual.jsonl").read_text("utf-8")

    found = results(forged(folder, "manual.jsonl", lambda text: text.partition("\n")[2]))
    assert "manual.jsonl" == results(folder)["REPLAY-RESULT"].first_violation.node
    assert "fail" == found["REPLAY-RESULT"].verdict


def test_a_failed_expectation_stays_failed(tmp_path):
    """A run that was honest about its failure verifies as one: the check fails again."""
    text = SCENARIO.replace('outcome = "SETTLED"', 'outcome = "REJECTED"')
    folder = open_folder(tmp_path / "run")
    assert "fail" == judged_run(load_bytes(text.encode(), "tiny.toml"), folder).report.verdict

    found = results(folder)
    assert ("pass", "fail") == (found["REPLAY-RESULT"].verdict, found["EXPECT-1"].verdict)


def test_a_run_in_which_nobody_came_fails_and_verifies_as_failed(tmp_path):
    """INV-42: day closings and empty accounts alone are no check of anything."""
    text = SCENARIO.partition("[[person]]")[0]
    folder = open_folder(tmp_path / "run")
    report = judged_run(load_bytes(text.encode(), "empty.toml"), folder).report

    assert ["INV-42"] == [row.id for row in report.checks if row.verdict == "fail"]
    found = results(folder)
    assert ("pass", "fail") == (found["REPLAY-RESULT"].verdict, found["INV-42"].verdict)
