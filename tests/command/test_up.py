"""`yidi up`, `ps` and `down`: a network of processes that a client calls over HTTP."""

from __future__ import annotations

import json
import shlex
import stat
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from tests.broker.engines.servers import mosquitto
from yidi.scenarios.live.folder import read_network
from yidi.scenarios.live.updown import is_alive, read_processes

SCENARIO = "huaibei-outpatient-in-shanghai"


def yidi(*words: str) -> subprocess.CompletedProcess[str]:
    """Run the program to its end."""
    program = str(Path(sys.executable).parent / "yidi")
    return subprocess.run(
        [program, *words], check=False, capture_output=True, encoding="utf-8", timeout=180
    )


def call(curl: str) -> dict[str, object]:
    """Do what the curl line says."""
    words = shlex.split(curl.replace("\\\n", " "))
    url = next(word for word in words if word.startswith("http"))
    headers = dict(words[at + 1].split(": ", 1) for at, word in enumerate(words) if word == "-H")
    request = urllib.request.Request(url, words[words.index("-d") + 1].encode(), headers)
    with urllib.request.urlopen(request, timeout=120) as answer:
        return json.loads(answer.read())


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["embedded", "mqtt"])
def test_a_network_answers_within_seconds_of_its_start(engine: str, tmp_path: Path) -> None:
    """`up` prints credentials and port, the gateway answers a 1101, `down` leaves nothing."""
    server = None
    url = engine
    if engine == "mqtt":
        server = mosquitto(tmp_path)
        server.start()
        url = f"mqtt://127.0.0.1:{server.port}"
    folder = str(tmp_path / "network")
    try:
        tuned = ("--batch", "1", "--credit", "100")
        up = yidi("up", SCENARIO, "--network", folder, "--engine", url, "--json", *tuned)
        assert up.returncode == 0, up.stderr
        answer = call(json.loads(up.stdout)["curl"])
        alive = read_processes(Path(folder))
        logs = [stat.S_IMODE((Path(folder) / one.log).stat().st_mode) for one in alive]
        again = yidi("up", SCENARIO, "--network", folder)
        shown = yidi("ps", "--network", folder, "--json")
    finally:
        down = yidi("down", "--network", folder)
        if server is not None:
            server.stop()

    assert answer["infcode"] in (0, "0")
    assert {0o600} == set(logs), "the gateway's shows its token"
    tuning = read_network(Path(folder)).settings.tuning
    assert (1, 100) == (tuning.batch_frames_max, tuning.credit)
    assert all(row["alive"] for row in json.loads(shown.stdout))
    assert again.returncode == 4, "a network that is up is not started twice"
    assert down.stdout.startswith(str(len(alive)))
    assert not any(is_alive(one) for one in alive)


def test_what_a_network_offers_is_told_to_people(tmp_path: Path) -> None:
    """Without --json: where, who and a first call, in the reader's language."""
    folder = str(tmp_path / "network")
    try:
        up = yidi("up", SCENARIO, "--network", folder, "--lang", "zh")
    finally:
        yidi("down", "--network", folder)

    assert up.returncode == 0, up.stderr
    for words in ("国家接口网关  http://127.0.0.1:", "访问令牌", "甲类", "固定结果", "curl -sS"):
        assert words in up.stdout
