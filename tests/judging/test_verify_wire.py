"""verify finds whatever was changed on the wire, in the result, or left out."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.live.own_nodes import own_node
from tests.live.test_own_node import perfect
from tests.live.visits import many_visits
from yidi.scenarios.judging.judged_run import judged_run
from yidi.scenarios.judging.verify import verify_run
from yidi.scenarios.live.network import run_live


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of a run with an own node."""
    folder = tmp_path_factory.mktemp("wire")
    (folder / "run").mkdir()
    with own_node(perfect) as url:
        externals = (f"insured:340600={url}#amounts=off",)
        host = partial(run_live, externals=externals)
        judged_run(many_visits(folder, 2, 10), folder / "run", host=host)
    return folder / "run"


def changed(whole: Path, folder: Path, name: str, change: Callable[[Any], Any]) -> set[str]:
    """The checks that fail once a file is changed, that of the file's own hash aside."""
    copy = folder / "copy"
    shutil.copytree(whole, copy)
    path = copy / name
    if name.endswith(".jsonl"):
        rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
        lines = [json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in change(rows)]
        path.write_text("".join(line + "\n" for line in lines), "utf-8")
    else:
        path.write_text(json.dumps(change(json.loads(path.read_text("utf-8")))), "utf-8")
    report = verify_run(copy)
    assert report.verdict == "fail"
    return {row.id for row in report.checks if row.verdict == "fail"} - {"FILES"}


def test_the_bundle_holds_as_it_is(whole: Path) -> None:
    """And the wire was looked at."""
    report = verify_run(whole)

    assert "pass" == report.verdict
    assert next(row for row in report.checks if row.id == "WIRE-FILE").count > 0


def _without_an_answer(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    at = next(i for i, row in enumerate(rows) if row["kind"] == "result" and row["case_key"])
    return rows[:at] + rows[at + 1 :]


def _other_amounts(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    for row in rows:
        if row["kind"] == "result" and row["case_key"]:
            row["text"] = row["text"].replace('"acct_pay": "0.00"', '"acct_pay": "1.00"')
    return rows


def _of_a_stranger(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    rows[-1]["node"] = "insured:320500"
    return rows


@pytest.mark.parametrize("change", [_without_an_answer, _other_amounts, _of_a_stranger])
def test_a_changed_wire_is_found(whole: Path, tmp_path: Path, change: Any) -> None:
    """Against the journal, the result, and itself."""
    assert "WIRE-FILE" in changed(whole, tmp_path, "wire.jsonl", change)


def test_a_result_that_praises_is_found(whole: Path, tmp_path: Path) -> None:
    """What result.json says of the wire must follow from it."""

    def praise(result: dict[str, Any]) -> dict[str, Any]:
        row = next(one for one in result["checks"] if one["id"] == "OBS-4")
        row["count"] += 1
        return result

    assert "WIRE-FILE" in changed(whole, tmp_path, "result.json", praise)


def test_a_bundle_without_its_wire_is_no_bundle(whole: Path, tmp_path: Path) -> None:
    """The manifest says that a node was somebody's own."""
    copy = tmp_path / "copy"
    shutil.copytree(whole, copy)
    (copy / "wire.jsonl").unlink()

    report = verify_run(copy)

    assert "fail" == report.verdict
