"""Somebody's own node over MQTT and NATS: it connects to the run's engine by itself."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

import msgspec
import pytest

from tests.live.own_nodes import HUAIBEI, example_over, process
from tests.live.test_engines_agree import engine_url
from tests.live.visits import many_visits
from yidi.scenarios.judging.judged_run import RunReport, judged_run
from yidi.scenarios.judging.verify import verify_run
from yidi.scenarios.judging.wire import WireEntry
from yidi.scenarios.library.loader import load
from yidi.scenarios.live.network import run_live

pytestmark = pytest.mark.slow


def played(folder: Path, url: str, *externals: str) -> tuple[list[WireEntry], RunReport]:
    """Two visits with a node on the run's engine, and a verified bundle."""
    run = folder / "run"
    run.mkdir()
    host = partial(run_live, engine=url, externals=externals or ("insured:340600#amounts=off",))
    report = judged_run(many_visits(folder, 2, 10), run, host=host).report
    # What clients of a live run saw cannot be made again, so a failure is no more than told.
    assert verify_run(run).verdict == ("pass" if report.verdict == "pass" else "unknown")
    lines = (run / "wire.jsonl").read_bytes().splitlines()
    return [msgspec.json.decode(line, type=WireEntry) for line in lines], report


@pytest.mark.parametrize("name", ["node_mqtt.py", "node_mqtt.js"])
def test_an_example_settles_to_the_fen_over_mosquitto(tmp_path: Path, name: str) -> None:
    """JSON documents on the topics of the node, correlation data as it came."""
    folder = tmp_path / "run"
    folder.mkdir()
    with engine_url("mosquitto", tmp_path) as url, example_over(url, name):
        host = partial(run_live, engine=url, externals=("insured:340600",))
        report = judged_run(load(HUAIBEI), folder, host=host).report

    assert report.verdict == "pass", [c for c in report.checks if c.verdict == "fail"]
    assert report.externals[0].carrier == "mqtt"
    assert verify_run(folder).verdict == "pass"


def test_messagepack_over_nats(tmp_path: Path) -> None:
    """A node that says so in its answer to the handshake gets MessagePack, and answers in it."""
    script = str(Path(__file__).parent / "nats_node.py")
    with engine_url("nats cluster", tmp_path) as url, process(sys.executable, script, url):
        wire, report = played(tmp_path, url)

    assert report.verdict == "pass", [c for c in report.checks if c.verdict == "fail"]
    assert report.externals[0].carrier == "nats"
    assert {"application/msgpack"} == {
        entry.content_type for entry in wire if entry.transaction != "init"
    }


@pytest.mark.parametrize(("word", "verdict"), [("honest", "pass"), ("boastful", "fail")])
def test_a_durable_node_is_held_to_its_watermarks(tmp_path: Path, word: str, verdict: str) -> None:
    """Level 1: sequences count up by one, and nobody has stored what was not sent."""
    command = [sys.executable, str(Path(__file__).parent / "mqtt_node.py")]
    file = str(tmp_path / "node.jsonl")
    with engine_url("mosquitto", tmp_path) as url, process(*command, url, file, word):
        wire, report = played(tmp_path, url)

    links = next(row for row in report.checks if row.id == "OBS-6")
    assert (verdict, True) == (str(links.verdict), links.count > 0)
    assert report.externals[0].level == 1
    asked = [e for e in wire if e.direction == "out" and e.transaction != "init"]
    numbers = [entry.sequence for entry in asked if entry.sequence]
    assert list(range(1, len(numbers) + 1)) == numbers
    assert any(not entry.sequence and entry.watermark for entry in asked), "told by itself"
