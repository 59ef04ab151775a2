"""An own treatment platform, hub and province over HTTP: nodes that ask, too."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from tests.live.own_nodes import HUAIBEI, own_node
from tests.live.visits import many_visits
from yidi.scenarios.judging.judged_run import RunReport, judged_run
from yidi.scenarios.judging.verify import verify_run
from yidi.scenarios.library.loader import LoadedScenario, load
from yidi.scenarios.live.network import run_live

Answer = Callable[[dict[str, Any], dict[str, str]], Any]
FACTS = ("Yidi-Recipient", "Yidi-Case-Key", "Yidi-Day", "Yidi-Deadline", "Yidi-Trace-Id")


class Forwarder:
    """A platform or hub: asks the network in its turn, and gives back what it is answered."""

    def __init__(self, serves: list[str], *, renumbers: bool) -> None:
        self.serves, self.renumbers = serves, renumbers
        self.network = ""
        self.asked: list[dict[str, Any]] = []
        self.change: Callable[[dict[str, Any]], dict[str, Any]] = lambda answer: answer

    def __call__(self, request: dict[str, Any], headers: dict[str, str]) -> Any:
        if request["infno"] == "init":
            self.network = request["input"]["data"]["network"]
            return {"infcode": 0, "output": {"serves": self.serves}}
        self.asked.append(request)
        sent = dict(request)
        facts = {} if self.renumbers else {name: headers[name] for name in FACTS if name in headers}
        if self.renumbers:  # a platform has message ids of its own
            sent["msgid"] = "P" + request["msgid"][1:]
        post = Request(self.network, json.dumps(sent).encode(),
                       {"Content-Type": "application/json", **facts})  # fmt: skip
        with urlopen(post, timeout=120) as response:
            return self.change(json.load(response))


def played(folder: Path, loaded: LoadedScenario, *externals: str) -> RunReport:
    """A judged run, verified where it passes."""
    run = folder / "run"
    run.mkdir()
    report = judged_run(loaded, run, host=partial(run_live, externals=externals)).report
    if report.verdict == "pass":
        found = verify_run(run)
        assert found.verdict == "pass", [c for c in found.checks if c.verdict != "pass"]
    return report


def failed(report: RunReport) -> list[Any]:
    """What did not pass."""
    return [(c.id, c.first_violation) for c in report.checks if c.verdict == "fail"]


def test_a_treatment_platform_settles_under_ids_of_its_own(tmp_path: Path) -> None:
    """Institutions ask it, it asks the network; its books are ours to follow, day close and all."""
    platform = Forwarder(["2206", "2207"], renumbers=True)
    with own_node(platform) as url:
        report = played(tmp_path, load(HUAIBEI), f"treatment:310000={url}")

    assert [] == failed(report)
    assert report.verdict == "pass"
    assert {"CLEARED": 2} == report.cases
    assert 4 == len(platform.asked)


def test_what_a_platform_refuses_by_itself_was_never_asked(tmp_path: Path) -> None:
    """The case is refused at the counter and nowhere else."""

    def refuse(request: dict[str, Any], headers: dict[str, str]) -> Any:
        if request["infno"] == "init":
            return {"infcode": 0, "output": {"serves": ["2206", "2207"]}}
        return {"infcode": -1, "err_msg": "E_BUSINESS_NOT_OPENED"}

    with own_node(refuse) as url:
        report = played(tmp_path, many_visits(tmp_path, 1, 10), f"treatment:310000={url}")

    assert {"REJECTED": 2} == report.cases, "the settlement was a second attempt"
    assert {"STEP-c0"} >= {name for name, _ in failed(report)}


def test_a_hub_relays_and_the_books_agree(tmp_path: Path) -> None:
    """It forwards what it is handed, with the day it was told, and gives back what it got."""
    hub = Forwarder(["2206", "2207"], renumbers=False)
    with own_node(hub) as url:
        report = played(tmp_path, load(HUAIBEI), f"hub:yrd={url}")

    assert [] == failed(report)
    assert {"CLEARED": 2} == report.cases
    assert 4 == len(hub.asked)


def test_a_hub_that_changes_an_answer_is_found_out(tmp_path: Path) -> None:
    """What it only relays is not its to change."""

    def dearer(answer: dict[str, Any]) -> dict[str, Any]:
        info = answer["output"].get("setlinfo", {})
        if info.get("setl_id"):
            info["setl_id"] = "S-OF-THE-HUB"
        return answer

    hub = Forwarder(["2207"], renumbers=False)
    hub.change = dearer
    with own_node(hub) as url:
        report = played(tmp_path, many_visits(tmp_path, 1, 10), f"hub:100000={url}")

    assert "OBS-7" in {name for name, _ in failed(report)}


def test_both_roles_stand_at_one_address(tmp_path: Path) -> None:
    """One installation answers as the insured region and forwards as the platform."""
    platform = Forwarder(["2206", "2207"], renumbers=True)

    def both(request: dict[str, Any], headers: dict[str, str]) -> Any:
        if headers["Yidi-Recipient"].startswith("insured:") and request["infno"] != "init":
            claim = request["input"]["data"]
            info = {"medfee_sumamt": claim["medfee_sumamt"], "fund_pay_sumamt": "0.00",
                    "acct_pay": "0.00", "psn_cash_pay": claim["medfee_sumamt"],
                    "setl_id": "N1" if request["infno"] == "2207" else ""}  # fmt: skip
            return {"infcode": 0, "output": {"setlinfo": info, "setldetail": []}}
        if request["infno"] == "init" and headers["Yidi-Recipient"].startswith("insured:"):
            return {"infcode": 0, "output": {"serves": ["2206", "2207"]}}
        return platform(request, headers)

    with own_node(both) as url:
        externals = (f"treatment:310000={url}", f"insured:34*={url}#amounts=off")
        report = played(tmp_path, many_visits(tmp_path, 1, 10), *externals)

    assert [] == failed(report)
    assert ["insured:340600", "treatment:310000"] == [one.address for one in report.externals]


@pytest.mark.slow
def test_a_province_confirms_its_clearing_tables(tmp_path: Path) -> None:
    """It answers tables and notices; what follows from them, our stand-in does for it."""

    def province(request: dict[str, Any], headers: dict[str, str]) -> Any:
        return {"infcode": 0, "output": {}}

    with own_node(province) as url:
        report = played(tmp_path, load(HUAIBEI), f"province:340000={url}")

    assert [] == failed(report)
    assert report.externals[0].answered.keys() >= {"C30", "C50"}
    assert {"CLEARED": 2} == report.cases


def test_who_posts_nonsense_is_told_what_was_wrong(tmp_path: Path) -> None:
    """A request that cannot be read is refused in the national form, and is on the wire."""
    told: list[dict[str, Any]] = []

    network: list[str] = []

    def clumsy(request: dict[str, Any], headers: dict[str, str]) -> Any:
        if request["infno"] == "init":
            network.append(request["input"]["data"]["network"])
            return {"infcode": 0, "output": {"serves": ["2206"]}}
        for body in (b"{}", b"[", b'{"infno": "9999"}', b'{"infno": "2207", "msgid": "short"}'):
            with urlopen(Request(network[0], body), timeout=120) as response:
                told.append(json.load(response))
        return {"infcode": -1, "err_msg": "E_BUSINESS_NOT_OPENED"}

    with own_node(clumsy) as url:
        report = played(tmp_path, many_visits(tmp_path, 1, 10), f"treatment:310000={url}")

    words = ["E_MISSING_FIELD", "E_DECODE", "E_INFNO_UNKNOWN", "E_KEY_FORMAT"]
    assert [-1] * 4 == [answer["infcode"] for answer in told]
    assert words == [answer["err_msg"].split()[0] for answer in told]
    assert "OBS-1" in {name for name, _ in failed(report)}
