from __future__ import annotations

import json
import shutil

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.judging.runs import TINY, bundle_in
from yidi.protocol.errors import StoredDataError
from yidi.protocol.journal_reader import JournalDamage
from yidi.scenarios.judging.outputs import BUNDLE_FILES
from yidi.scenarios.judging.verify import verify_run

MONEY = ("total_fen", "fund_fen", "account_fen", "cash_fen", "hospital_fen")
FEW = settings(max_examples=12, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """One bundle that the tests of this module spoil and restore."""
    folder = tmp_path_factory.mktemp("kept")
    whole = bundle_in(folder)
    return whole, folder / "spoiled"


@pytest.fixture
def spoil(kept):
    """A fresh copy of the bundle in the same place, and its path."""

    def fresh():
        whole, spoiled = kept
        shutil.rmtree(spoiled, ignore_errors=True)
        shutil.copytree(whole, spoiled)
        return spoiled

    return fresh


def failed(folder):
    """Ids of what fails, without the manifest's own hashes: a forger mends these too."""
    report = verify_run(folder)
    return {row.id for row in report.checks if row.verdict == "fail"} - {"FILES", "ROWS-RESULT"}


def rows_of(folder, name):
    """The rows of a file."""
    return [json.loads(line) for line in (folder / name).read_text("utf-8").splitlines()]


def write_rows(folder, name, rows):
    """Write rows back as the bundle writes them."""
    text = "".join(json.dumps(r, ensure_ascii=False, separators=(",", ":")) + "\n" for r in rows)
    (folder / name).write_text(text, "utf-8")


def test_an_honest_bundle_passes_every_layer(spoil):
    """Files, rows, answers and replay of an untouched bundle hold, each having counted."""
    report = verify_run(spoil())
    assert report.verdict == "pass"
    assert {row.id for row in report.checks if not row.count} == set()
    assert len([row for row in report.checks if row.id.startswith("INV-")]) > 25


@FEW
@given(data=st.data())
def test_one_changed_byte_of_the_journal_is_found(spoil, data):
    """Any byte of the journal, changed in any way, makes it unreadable, at a named place."""
    folder = spoil()
    journal = bytearray((folder / "journal.bin").read_bytes())
    place = data.draw(st.integers(0, len(journal) - 1))
    journal[place] ^= data.draw(st.integers(1, 255))
    (folder / "journal.bin").write_bytes(journal)
    with pytest.raises(JournalDamage, match="lsn="):
        verify_run(folder)


@FEW
@given(data=st.data())
def test_a_journal_cut_short_is_found(spoil, data):
    """A journal cut at any byte cannot be read whole, an empty one neither."""
    folder = spoil()
    journal = (folder / "journal.bin").read_bytes()
    (folder / "journal.bin").write_bytes(journal[: data.draw(st.integers(0, len(journal) - 1))])
    with pytest.raises(JournalDamage):
        verify_run(folder)


@FEW
@given(data=st.data())
def test_one_fen_of_a_case_is_found_without_any_replay(spoil, data):
    """One fen more or less in cases.jsonl is found by the rows or by the answers alone."""
    folder = spoil()
    rows = rows_of(folder, "cases.jsonl")
    row = rows[data.draw(st.integers(0, len(rows) - 1))]
    row[data.draw(st.sampled_from(MONEY))] += data.draw(st.sampled_from((1, -1)))
    write_rows(folder, "cases.jsonl", rows)
    found = failed(folder)
    assert found & {"ROWS-CASES", "ANSWERS-CASES"}
    assert "REPLAY-CASES" in found


@FEW
@given(data=st.data())
def test_a_forged_split_at_all_three_nodes_is_found(spoil, data):
    """A fen moved from funds to cash at every node, so that the rows agree, is still found."""
    folder = spoil()
    rows = rows_of(folder, "cases.jsonl")
    live = [row for row in rows if row["fund_fen"]]
    key = live[data.draw(st.integers(0, len(live) - 1))]["key"]
    for row in rows:
        if row["key"] == key and row["fund_fen"]:
            row["fund_fen"] -= 1
            row["cash_fen"] += 1
            row["funds"][next(iter(row["funds"]))] -= 1
    write_rows(folder, "cases.jsonl", rows)
    assert {"ANSWERS-CASES", "REPLAY-CASES"} <= failed(folder)


@FEW
@given(data=st.data())
def test_one_fen_of_a_posting_is_found_without_any_replay(spoil, data):
    """A fen shifted between two legs of a case's posting is found by the rows alone."""
    folder = spoil()
    rows = rows_of(folder, "postings.jsonl")
    some = [row for row in rows if row["legs"] and row["kind"] in ("SETTLE", "CANCEL")]
    legs = some[data.draw(st.integers(0, len(some) - 1))]["legs"]
    legs[0][1] += 1
    legs[-1][1] -= 1
    write_rows(folder, "postings.jsonl", rows)
    assert {"ROWS-POSTINGS", "REPLAY-POSTINGS"} <= failed(folder)


@FEW
@given(data=st.data())
def test_one_fen_of_a_clearing_row_is_found_without_any_replay(spoil, data):
    """A fen more in any column of a clearing row is found by the rows and by the tables."""
    folder = spoil()
    rows = rows_of(folder, "clearing.jsonl")
    row = rows[data.draw(st.integers(0, len(rows) - 1))]
    column = data.draw(st.sampled_from(("total_fen", "fund_fen", "account_fen", "adjust_fen")))
    row[column] += 1
    if column != "total_fen":
        row["payable_fen"] += 1  # so that the row itself adds up
    write_rows(folder, "clearing.jsonl", rows)
    assert {"ANSWERS-CLEARING", "REPLAY-CLEARING"} <= failed(folder)


def test_a_posting_left_out_or_doubled_is_found(spoil):
    """A posting that is missing, and one that stands twice."""
    folder = spoil()
    rows = rows_of(folder, "postings.jsonl")
    write_rows(folder, "postings.jsonl", rows[:5] + rows[6:])
    assert {"ROWS-POSTINGS", "REPLAY-POSTINGS"} <= failed(folder)
    write_rows(folder, "postings.jsonl", [*rows, rows[-1]])
    assert {"ROWS-POSTINGS", "REPLAY-POSTINGS"} <= failed(folder)


def test_a_case_left_out_is_found(spoil):
    """Without its three rows a case is still in the answers."""
    folder = spoil()
    rows = rows_of(folder, "cases.jsonl")
    write_rows(folder, "cases.jsonl", [row for row in rows if row["key"] != rows[0]["key"]])
    assert {"ANSWERS-CASES", "REPLAY-CASES"} <= failed(folder)


def test_a_notice_of_another_sum_is_found(spoil):
    """A notice's amount, in figures and words too, is held against its message."""
    folder = spoil()
    rows = rows_of(folder, "notices.jsonl")
    rows[0]["amount_fen"] += 1
    write_rows(folder, "notices.jsonl", rows)
    assert {"ROWS-NOTICES", "ANSWERS-NOTICES", "REPLAY-NOTICES"} <= failed(folder)


@pytest.mark.parametrize("name", ["books_hash", "journal_hash", "seed", "rows", "cleared_fen"])
def test_a_result_that_does_not_follow_is_found(spoil, name):
    """Hashes, seed and totals of result.json are those of the other files."""
    folder = spoil()
    result = json.loads((folder / "result.json").read_text("utf-8"))
    result[name] = 1 if isinstance(result[name], int) else "0" * 64
    (folder / "result.json").write_text(json.dumps(result), "utf-8")
    report = verify_run(folder)
    bad = {row.id for row in report.checks if row.verdict == "fail"}
    assert bad & {"ROWS-RESULT", "JOURNAL"}


def test_another_scenario_or_world_is_found(spoil):
    """The scenario is that of the opening record; another world folds to other books."""
    folder = spoil()
    with (folder / "scenario.toml").open("ab") as scenario:
        scenario.write(b"# x\n")
    assert "JOURNAL" in failed(folder)
    folder = spoil()
    world = (folder / "world.jsonl").read_text("utf-8").replace('"balance_fen":', '"balance_fen":1')
    (folder / "world.jsonl").write_text(world, "utf-8")
    assert {"REPLAY-OUTPUTS", "REPLAY-WORLD"} <= failed(folder)
    folder = spoil()
    idle = (folder / "world.jsonl").read_text("utf-8").splitlines()[-1]
    world = (folder / "world.jsonl").read_text("utf-8").replace(idle, idle.replace("模", "型"))
    (folder / "world.jsonl").write_text(world, "utf-8")
    assert "REPLAY-WORLD" in failed(folder)


@pytest.mark.parametrize(
    "name", [n for n in BUNDLE_FILES if n.endswith((".jsonl", ".json", ".toml"))]
)
def test_a_missing_file_is_found(spoil, name):
    """Every file that a bundle must have is missed by name; wire and manual need not be."""
    folder = spoil()
    (folder / name).unlink(missing_ok=True)
    report = verify_run(folder)
    needed = name not in ("wire.jsonl", "manual.jsonl")
    first = {row.id: row for row in report.checks}["FILES"].first_violation
    assert (first is not None and name in first.facts) == needed


def test_a_missing_or_foreign_journal_cannot_be_read(spoil):
    """No journal, an empty one, and one that is none are refused with their codes."""
    folder = spoil()
    for content, code in ((b"", "E_FRAME_EMPTY"), (b"PK\x03\x04" + bytes(200), "E_FRAME_MAGIC")):
        (folder / "journal.bin").write_bytes(content)
        with pytest.raises(StoredDataError, match=code):
            verify_run(folder)
    (folder / "journal.bin").unlink()
    with pytest.raises(StoredDataError, match="E_BUNDLE"):
        verify_run(folder)


def test_other_rules_leave_the_replay_unknown(spoil, monkeypatch):
    """Under another rules version nothing is recomputed: the verdict is unknown, with a reason."""
    monkeypatch.setattr("yidi.scenarios.judging.verify_replay.RULES_VERSION", "999")
    report = verify_run(spoil())
    assert report.verdict == "unknown"
    assert "999" in report.reason


def test_a_run_without_money_verifies(tmp_path):
    """A scenario without clearing has empty files, and they are looked at all the same."""
    report = verify_run(bundle_in(tmp_path, TINY, ()))
    assert report.verdict == "pass"
    assert {row.id: row for row in report.checks}["ROWS-CLEARING"].reason
