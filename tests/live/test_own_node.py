"""Somebody's own node in a live run, over HTTP: judged by the wire, never by its word."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.live.own_nodes import HUAIBEI, example, own_node
from tests.live.visits import many_visits
from yidi.protocol.errors import ErrorCode, StoredDataError
from yidi.scenarios.judging.judged_run import JudgedRun, RunReport, judged_run
from yidi.scenarios.judging.verify import verify_run
from yidi.scenarios.judging.wire import WireEntry
from yidi.scenarios.library.loader import LoadedScenario, load
from yidi.scenarios.live.network import run_live
from yidi.scenarios.running.run import RunHooks


def run_with(folder: Path, *externals: str, loaded: LoadedScenario | None = None) -> JudgedRun:
    """A judged live run with own nodes; without a scenario, of two visits on one day."""
    loaded = loaded or many_visits(folder, 2, 10)
    (folder / "run").mkdir()
    return judged_run(loaded, folder / "run", host=partial(run_live, externals=externals))


def rows(folder: Path, name: str) -> list[dict[str, Any]]:
    """The rows of a file of a bundle."""
    return [json.loads(line) for line in (folder / "run" / name).read_text("utf-8").splitlines()]


def verdicts(report: RunReport, prefix: str = "OBS-") -> dict[str, str]:
    """Check → verdict."""
    return {row.id: str(row.verdict) for row in report.checks if row.id.startswith(prefix)}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["node.py", "node.js"])
def test_an_example_settles_to_the_fen_and_its_bundle_verifies(tmp_path: Path, name: str) -> None:
    """Both examples answer a whole visit as the policy has it, and verify agrees."""
    with example(name) as url:
        judged = run_with(tmp_path, f"insured:340600={url}", loaded=load(HUAIBEI))

    report = judged.report
    assert report.verdict == "pass", [c for c in report.checks if c.verdict != "pass"]
    assert {"OBS-1", "OBS-2", "OBS-4", "OBS-5", "OBS-7"} <= verdicts(report).keys()
    assert verify_run(tmp_path / "run").verdict == "pass"


def perfect(asked: dict[str, Any], headers: dict[str, str]) -> dict[str, Any]:
    """Pays half of the bill; settles once per message id."""
    if asked["infno"] == "init":
        return {"infcode": 0, "output": {"serves": ["2206", "2207"]}}
    claim = asked["input"]["data"]
    total = int(claim["medfee_sumamt"].replace(".", ""))
    fund, cash = total // 2, total - total // 2
    info = {
        "medfee_sumamt": claim["medfee_sumamt"], "fund_pay_sumamt": f"{fund / 100:.2f}",
        "acct_pay": "0.00", "psn_cash_pay": f"{cash / 100:.2f}",
    }  # fmt: skip
    if asked["infno"] == "2207":
        info["setl_id"] = "S" + asked["msgid"][-20:]
    detail = [{"fund_pay_type": "310100", "fund_payamt": info["fund_pay_sumamt"]}]
    return {"infcode": 0, "output": {"setlinfo": info, "setldetail": detail}}


def test_its_rows_are_observed_and_its_postings_are_not_ours(tmp_path: Path) -> None:
    """Rows say `observed`, no posting is written, and what the inside holds is not seen."""
    with own_node(perfect) as url:
        report = run_with(tmp_path, f"insured:340600={url}#amounts=off").report

    sources = {row["node"]: row["source"] for row in rows(tmp_path, "cases.jsonl")}
    posted = {row["node"] for row in rows(tmp_path, "postings.jsonl")}
    filing = next(row for row in report.checks if row.id == "INV-13")
    assert sources["insured:340600"] == "observed"
    assert sources["treatment:310000"] == "simulated"
    assert "insured:340600" not in posted
    assert (str(filing.verdict), filing.unseen) == ("unknown", ["insured:340600"])


def test_every_byte_is_on_the_wire_with_its_time(tmp_path: Path) -> None:
    """wire.jsonl holds requests and answers as they were sent, in order, the handshake first."""
    with own_node(perfect) as url:
        run_with(tmp_path, f"insured:340600={url}#amounts=off")
    lines = (tmp_path / "run" / "wire.jsonl").read_bytes().splitlines()
    entries = [msgspec.json.decode(line, type=WireEntry) for line in lines]

    assert [entry.number for entry in entries] == list(range(1, len(entries) + 1))
    assert [entry.transaction for entry in entries[:3]] == ["init", "init", "2206"]
    asked = json.loads(entries[2].raw())
    answer = next(entry for entry in entries if entry.correlation == asked["msgid"])
    assert entries[2].elapsed_us <= answer.elapsed_us


def test_a_token_goes_to_the_node_and_is_kept_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the environment, as a bearer token; the bundle does not know it."""
    monkeypatch.setenv("YIDI_EXTERNAL_TOKEN", "a-token-of-this-test")
    seen: list[str] = []

    def note(asked: dict[str, Any], headers: dict[str, str]) -> Any:
        seen.append(headers["Authorization"])
        return perfect(asked, headers)

    with own_node(note) as url:
        run_with(tmp_path, f"insured:340600={url}#amounts=off")

    files = [path.read_bytes() for path in (tmp_path / "run").iterdir()]
    assert {"Bearer a-token-of-this-test"} == set(seen)
    assert not any(b"a-token-of-this-test" in data for data in files)


def test_a_wire_that_cannot_be_kept_ends_the_run(tmp_path: Path) -> None:
    """A full disk is told, whoever was writing when it filled up."""
    noted: list[WireEntry] = []

    def fill_up(entry: WireEntry) -> None:
        noted.append(entry)
        if len(noted) > 4:
            raise StoredDataError(ErrorCode.E_STORAGE_FULL, at="wire.jsonl")

    with own_node(perfect) as url, pytest.raises(StoredDataError, match="E_STORAGE_FULL"):
        run_live(
            many_visits(tmp_path, 2, 10),
            externals=(f"insured:340600={url}",),
            hooks=RunHooks(wire=fill_up),
        )


def test_what_it_does_not_serve_our_stand_in_answers_and_says_so(tmp_path: Path) -> None:
    """A node that serves two transactions gets through a whole visit."""
    with own_node(perfect) as url:
        report = run_with(tmp_path, f"insured:340600={url}#amounts=off").report

    told = report.externals[0]
    assert told.serves == ["2206", "2207"]
    assert told.asked == {"2206": 2, "2207": 2}
    assert {"2204", "D20"} <= told.stood_in.keys()


def test_amounts_are_held_against_the_policy_of_its_region(tmp_path: Path) -> None:
    """Half of the bill is not what the policy says: OBS-5 fails, the identities hold."""
    with own_node(perfect) as url:
        report = run_with(tmp_path, f"insured:340600={url}").report

    assert verdicts(report)["OBS-5"] == "fail"
    assert verdicts(report)["OBS-4"] == "pass"
    assert report.verdict == "fail"


def test_without_a_policy_amounts_are_judged_by_their_identities(tmp_path: Path) -> None:
    """Whatever a region of ours could not compute, an own node may answer."""
    many_visits(tmp_path, 1, 10)
    elsewhere = tmp_path / "elsewhere.toml"
    text = (tmp_path / "many-visits.toml").read_text("utf-8").replace("340600", "370100")
    elsewhere.write_text(text, "utf-8")
    with own_node(perfect) as url:
        report = run_with(tmp_path, f"insured:370100={url}", loaded=load(str(elsewhere))).report

    amounts = next(row for row in report.checks if row.id == "OBS-5")
    assert ("pass", 0, "there is no policy for its region") == (
        str(amounts.verdict), amounts.count, amounts.reason,
    )  # fmt: skip
    assert report.verdict == "pass"
    assert verify_run(tmp_path / "run").verdict == "pass"


def test_amounts_that_do_not_add_up_fail_whatever_the_policy(tmp_path: Path) -> None:
    """A bill of more than its parts is told by the identities."""

    def wrong(asked: dict[str, Any], headers: dict[str, str]) -> dict[str, Any]:
        said = perfect(asked, headers)
        if asked["infno"] == "2206":
            said["output"]["setlinfo"]["psn_cash_pay"] = "0.01"
        return said

    with own_node(wrong) as url:
        report = run_with(tmp_path, f"insured:340600={url}#amounts=off").report

    assert verdicts(report)["OBS-4"] == "fail"


def test_an_amount_that_cannot_be_read_is_no_answer(tmp_path: Path) -> None:
    """Bytes that mean nothing fail OBS-1 and leave the request unanswered."""

    def wrong(asked: dict[str, Any], headers: dict[str, str]) -> dict[str, Any]:
        said = perfect(asked, headers)
        if asked["infno"] == "2206":
            said["output"]["setlinfo"]["acct_pay"] = "none"
        return said

    with own_node(wrong) as url:
        report = run_with(tmp_path, f"insured:340600={url}#amounts=off&answer=1").report

    first = next(row for row in report.checks if row.id == "OBS-1")
    assert first.first_violation is not None
    assert "E_AMOUNT" in first.first_violation.facts
