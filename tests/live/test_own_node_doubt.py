"""Answers that come early, late, twice, or never; and a node that is killed in between."""

from __future__ import annotations

import json
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.live.own_nodes import own_node, process
from tests.live.test_engines_agree import engine_url
from tests.live.test_own_node import perfect
from tests.live.visits import many_visits
from tests.nodes.test_observed import ask, claim
from yidi.broker.external.documents import Facts, write_document
from yidi.nodes.observed import OUTSIDE, Observed
from yidi.protocol.envelope import unframe
from yidi.scenarios.judging.judged_run import RunReport, judged_run
from yidi.scenarios.judging.verify import verify_run
from yidi.scenarios.judging.wire import TIMEOUT, WireEntry, WireLog
from yidi.scenarios.live.externals import External
from yidi.scenarios.live.network import run_live
from yidi.scenarios.live.own_node import OwnNode
from yidi.scenarios.live.own_reading import Arrived

NODE = "insured:340600"


class Bench:
    """An own node without a network: what it is sent, what it delivers, what is noted."""

    def __init__(self, *, level: int = 0) -> None:
        self.sent: list[Any] = []
        self.frames: list[bytes] = []
        self.entries: list[WireEntry] = []
        external = External(address=NODE)
        observed = Observed(address=NODE, serves=("2207",), level=level, carrier="mqtt")
        wire = WireLog(lambda: 1_000_000, self.entries.append)
        self.own = OwnNode(external, observed, wire, self.frames.append, self)

    def send(self, own: OwnNode, parcel: Any) -> None:
        self.sent.append(parcel)
        own.note_sent(parcel, write_document(parcel.document, parcel.facts), {})

    def ask(self, serial: int = 1) -> str:
        request = ask("2207", claim(), serial)
        self.own.send(request.relayed(OUTSIDE + "hub:100000", request.stamp))
        return request.origin.message_id

    def answer(self, correlation: str, **facts: Any) -> None:
        info = {"medfee_sumamt": "1000.00", "fund_pay_sumamt": "0.00", "acct_pay": "0.00",
                "psn_cash_pay": "1000.00", "setl_id": "N1"}  # fmt: skip
        document = {"infcode": 0, "output": {"setlinfo": info, "setldetail": []}}
        said = Facts(correlation_id=correlation, **facts)
        self.own.take(Arrived(data=write_document(document, said), peer="hub:100000"))


async def test_an_answer_before_its_request_is_kept_and_told() -> None:
    """It is on the wire byte for byte before anybody expects it, and answers nothing."""
    bench = Bench()
    bench.answer("T31000000000202603160000000001")
    message_id = bench.ask()

    early = bench.entries[0]
    assert (message_id, "in") == (early.correlation, early.direction)
    assert early.problem.startswith("E_UNMATCHED")
    assert json.loads(early.raw())["output"]["setlinfo"]["setl_id"] == "N1"
    assert [] == bench.frames


async def test_an_answer_within_the_request_is_never_missed() -> None:
    """A node that answers before the sending has returned is heard: who waits is set up first."""
    bench = Bench()
    send = bench.send

    def at_once(own: OwnNode, parcel: Any) -> None:
        send(own, parcel)
        bench.answer(parcel.message_id)

    bench.send = at_once  # type: ignore[method-assign]
    message_id = bench.ask()

    assert [message_id] == [unframe(raw).origin.correlation_id for raw in bench.frames]
    assert not bench.own.busy


async def test_a_late_answer_is_still_read() -> None:
    """The time-out is told; what comes after it is an answer all the same."""
    bench = Bench()
    message_id = bench.ask()
    bench.own.give_up(message_id, TIMEOUT)  # as the timer does
    assert not bench.own.busy
    bench.answer(message_id)

    assert ["", "timeout", ""] == [entry.problem for entry in bench.entries]
    assert 1 == len(bench.frames)


async def test_a_second_answer_is_noted_and_goes_no_further() -> None:
    """An engine may deliver twice."""
    bench = Bench()
    message_id = bench.ask()
    bench.answer(message_id)
    bench.answer(message_id)

    assert 1 == len(bench.frames)
    assert bench.entries[-1].problem.startswith("E_UNMATCHED")


async def test_what_a_durable_node_has_stored_is_not_sent_again() -> None:
    """A repeat goes out until the watermark covers it: from then on the node owes the answer."""
    bench = Bench(level=1)
    first, second = bench.ask(1), bench.ask(2)
    bench.answer(first, sequence=1, watermark=1)
    bench.ask(2)
    repeated = len(bench.sent)
    bench.own.take(Arrived(data=write_document({}, Facts(watermark=3)), peer="hub:100000"))
    bench.ask(2)

    assert (3, 3) == (repeated, len(bench.sent))
    assert [1, 2, 3] == [parcel.facts.sequence for parcel in bench.sent]
    assert [first, second, second] == [parcel.message_id for parcel in bench.sent]


def played(folder: Path, *externals: str, engine: str = "embedded", visits: int = 1) -> RunReport:
    """A judged run of so many visits."""
    run = folder / "run"
    run.mkdir()
    host = partial(run_live, engine=engine, externals=externals)
    return judged_run(many_visits(folder, visits, 10), run, host=host).report


def test_silence_leaves_the_verdict_unknown(tmp_path: Path) -> None:
    """Nobody knows what became of a settlement that was not answered; it is reversed."""

    def silent(asked: dict[str, Any], headers: dict[str, str]) -> Any:
        return (504, b"") if asked["infno"] == "2207" else perfect(asked, headers)

    with own_node(silent) as url:
        report = played(tmp_path, f"{NODE}={url}#amounts=off&answer=1")

    answered = next(row for row in report.checks if row.id == "OBS-2")
    assert "unknown" == str(answered.verdict)
    assert report.externals[0].unanswered == 1
    assert {"REVERSED": 1} == report.cases


def test_a_repeat_after_an_http_failure_is_answered(tmp_path: Path) -> None:
    """HTTP 503 says nothing of the outcome: the region sends the same again, and settles once."""
    asked: list[str] = []

    def once_away(request: dict[str, Any], headers: dict[str, str]) -> Any:
        if request["infno"] == "2207":
            asked.append(request["msgid"])
            if len(asked) == 1:
                return (503, b"")
        said = perfect(request, headers)
        if request["infno"] == "2207":
            said["output"]["setlinfo"]["setl_id"] = f"N{len(asked)}"
        return said

    with own_node(once_away) as url:
        report = played(tmp_path, f"{NODE}={url}#amounts=off")

    assert 2 == len(asked), "the region has sent it again after five seconds"
    assert {"SETTLED": 1} == report.cases
    assert "pass" == str(next(row for row in report.checks if row.id == "OBS-7").verdict)


@pytest.mark.slow
def test_a_durable_node_is_killed_and_goes_on(tmp_path: Path) -> None:
    """SIGKILL while it is asked: it starts again, and every visit is settled once."""
    script = [sys.executable, str(Path(__file__).parent / "mqtt_node.py")]
    file = tmp_path / "node.jsonl"
    with engine_url("mosquitto", tmp_path) as url:
        command = [*script, url, str(file), "durable"]
        with process(*command) as first:
            import threading

            def kill() -> None:
                while not file.exists() or file.read_text("utf-8").count("\n") < 4:
                    time.sleep(0.01)
                first.kill()

            killer = threading.Thread(target=kill)
            killer.start()
            again = threading.Thread(target=_start_again, args=(killer, command, tmp_path))
            again.start()
            report = played(tmp_path, f"{NODE}#amounts=off", engine=url, visits=20)
            (tmp_path / "over").touch()
            again.join()

    assert {"SETTLED": 20} == report.cases, report.cases
    assert [] == [row.id for row in report.checks if str(row.verdict) == "fail"]
    assert verify_run(tmp_path / "run").verdict == "pass"
    wire = (tmp_path / "run" / "wire.jsonl").read_bytes().splitlines()
    assert all(msgspec.json.decode(line, type=WireEntry) for line in wire)


def _start_again(killer: Any, command: list[str], folder: Path) -> None:
    killer.join()
    with process(*command):
        while not (folder / "over").exists():
            time.sleep(0.05)
