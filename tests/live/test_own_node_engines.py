"""Somebody's own node over MQTT and NATS: it connects to the run's engine by itself."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from tests.live.own_nodes import HUAIBEI, example_over
from tests.live.test_engines_agree import engine_url
from yidi.scenarios.judging.judged_run import judged_run
from yidi.scenarios.judging.verify import verify_run
from yidi.scenarios.library.loader import load
from yidi.scenarios.live.network import run_live

pytestmark = pytest.mark.slow


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
