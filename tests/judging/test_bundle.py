from __future__ import annotations

import json
import stat
from hashlib import sha256

import pytest

from tests.judging.runs import FEW, STORM, TINY, bundle_in
from yidi.protocol.digests import hex_digest
from yidi.protocol.errors import StoredDataError
from yidi.scenarios.judging.bundle import Bundle
from yidi.scenarios.judging.judged_run import judged_run
from yidi.scenarios.judging.outputs import BUNDLE_FILES, open_folder
from yidi.scenarios.judging.rows import books_hash
from yidi.scenarios.judging.verify_rows import read_lines
from yidi.scenarios.library.loader import load

CASE_COLUMNS = (
    *("node", "key", "institution", "visit", "serial", "case_id", "psn_no", "treatment"),
    *("insured", "insutype", "med_type", "total_fen", "fund_fen", "funds", "account_fen"),
    *("cash_fen", "hospital_fen", "state", "day", "period", "batch", "digest", "source"),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A bundle of three days and their clearing."""
    return bundle_in(tmp_path_factory.mktemp("bundle"))


def rows_of(folder, name):
    """The rows of a `.jsonl` file."""
    return [json.loads(line) for line in (folder / name).read_text("utf-8").splitlines()]


def test_every_file_is_there_and_private(folder):
    """All files of the design but wire.jsonl, readable by their owner only."""
    names = {path.name for path in folder.iterdir()}
    assert names == set(BUNDLE_FILES) - {"wire.jsonl", "report.html"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}


def test_every_jsonl_file_is_written_even_when_empty(tmp_path):
    """A scenario without clearing, notices or differences has empty files for them."""
    folder = bundle_in(tmp_path, TINY, ())
    for name in ("clearing.jsonl", "notices.jsonl", "differences.jsonl"):
        assert (folder / name).read_bytes() == b""
    assert not (folder / "manual.jsonl").exists()


def test_the_manifest_names_every_file_by_its_hash(folder):
    """Schema, hashes and versions; the scenario's digest is that of the file."""
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    assert manifest["schema"] == 1
    assert manifest["scenario_digest"] == hex_digest((folder / "scenario.toml").read_bytes())
    for name, digest in manifest["files"].items():
        assert digest == sha256((folder / name).read_bytes()).hexdigest()
    assert {"python", "yidi", "msgspec"} <= set(manifest["versions"])


def test_a_case_has_one_row_at_each_of_its_nodes(folder):
    """Three rows a key, in one order: treatment region, the one hub, insured region."""
    rows = rows_of(folder, "cases.jsonl")
    assert all(tuple(row) == CASE_COLUMNS for row in rows)
    by_key = {}
    for row in rows:
        by_key.setdefault(row["key"], []).append(row["node"].partition(":")[0])
    assert set(map(tuple, by_key.values())) == {("treatment", "hub", "insured")}
    assert list(by_key) == sorted(by_key)


def test_the_hubs_rows_name_the_case_as_its_region_does(folder):
    """The hub opens no request; what names a case to people is the treatment region's."""
    names = ("institution", "visit", "serial", "psn_no", "insutype", "med_type")
    by_key = {}
    for row in rows_of(folder, "cases.jsonl"):
        by_key.setdefault(row["key"], set()).add(tuple(row[name] for name in names))
    assert {len(named) for named in by_key.values()} == {1}
    assert not any("" in name for named in by_key.values() for name in named)


def test_what_was_never_stamped_or_cleared_is_null(folder):
    """A refused case has no day; only cleared ones have period and batch."""
    for row in rows_of(folder, "cases.jsonl"):
        assert (row["day"] is None) == (row["state"] in ("REJECTED", "NEW", "PRESETTLED"))
        cleared = row["state"] == "CLEARED"
        assert ((row["period"], row["batch"]) != (None, None)) == cleared
        assert row["case_id"] is None


def test_a_scripted_case_is_named(tmp_path):
    """`case_id` is that of the `[[case]]` at every node."""
    rows = rows_of(bundle_in(tmp_path, TINY, ()), "cases.jsonl")
    assert {row["case_id"] for row in rows} == {"visit-1"}


def test_postings_are_numbered_and_balance(folder):
    """Each node counts its postings from 1, and every posting's legs sum to 0."""
    last = {}
    for row in rows_of(folder, "postings.jsonl"):
        assert tuple(row) == ("node", "seq", "key", "kind", "legs")
        assert row["seq"] == last.get(row["node"], 0) + 1
        assert sum(fen for _, fen in row["legs"]) == 0
        last[row["node"]] = row["seq"]


def test_the_books_hash_is_that_of_its_description(folder):
    """Over the sorted treatment rows; the same for another order of rows."""
    from yidi.scenarios.judging.rows import CaseRow
    from yidi.scenarios.judging.verdicts import Tally

    rows = [row for _, row in read_lines(folder, "cases.jsonl", CaseRow, Tally("x"))]
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    assert books_hash(rows) == books_hash(reversed(rows)) == manifest["books_hash"]


def test_the_same_seed_gives_the_same_bundle(folder, tmp_path):
    """Everything but the seconds in result.json is equal, byte for byte."""
    again = open_folder(tmp_path / "again")
    judged_run(load(STORM, FEW), again)
    for path in folder.iterdir():
        if path.name not in ("result.json", "manifest.json", "junit.xml"):
            assert path.read_bytes() == (again / path.name).read_bytes(), path.name


def test_the_result_says_what_it_stands_on(folder):
    """Verdict, checks with counts or reasons, cases by state, hashes, seconds, money."""
    result = json.loads((folder / "result.json").read_text("utf-8"))
    assert (result["schema"], result["verdict"]) == (1, "pass")
    for row in result["checks"]:
        assert set(row) >= {"id", "verdict", "count", "reason", "first_violation"}
        assert row["count"] > 0 or row["reason"]
    treatment = [r for r in rows_of(folder, "cases.jsonl") if r["node"].startswith("treatment")]
    assert sum(result["cases"].values()) == len(treatment)
    live = [row for row in treatment if row["state"] in ("SETTLED", "CLEARED")]
    assert result["money"]["fund_fen"] == sum(row["fund_fen"] for row in live)


def test_a_run_without_a_folder_writes_nothing(tmp_path):
    """The same verdict without files; checks of the journal say why they looked at nothing."""
    judged = judged_run(load(TINY))
    rows = {row.id: row for row in judged.report.checks}
    assert (judged.report.verdict, judged.folder) == ("pass", None)
    assert (rows["INV-34"].count, rows["INV-34"].reason) == (0, "there was no journal")
    assert list(tmp_path.iterdir()) == []


def test_a_stopped_run_is_written_and_unknown(tmp_path):
    """Stopped before its second instant: the journal is sealed, the verdict unknown."""
    from yidi.scenarios.judging.verify import verify_run

    stopped = open_folder(tmp_path / "stopped")
    judged = judged_run(load(STORM, FEW), stopped, built=lambda runner: runner.stop())
    assert (judged.report.verdict, judged.report.interrupted) == ("unknown", True)
    assert verify_run(stopped).verdict in ("pass", "unknown")


def test_a_run_that_never_began_leaves_no_folder(tmp_path):
    """What nothing was written to is taken away; a file that holds something stays."""
    for written in (False, True):
        bundle = Bundle(open_folder(tmp_path / "run"))
        if written:
            bundle.take_block(b"x")
        bundle.abandon()

        assert written == (tmp_path / "run").exists()
    assert ["journal.bin"] == [path.name for path in (tmp_path / "run").iterdir()]


def test_a_file_in_the_way_is_not_overwritten(tmp_path):
    """A bundle creates its files; one that is there is an error, and stays as it is."""
    (tmp_path / "postings.jsonl").write_text("mine", "utf-8")
    with pytest.raises(StoredDataError, match="E_OUTPUT"):
        judged_run(load(TINY), tmp_path)
    assert (tmp_path / "postings.jsonl").read_text("utf-8") == "mine"
