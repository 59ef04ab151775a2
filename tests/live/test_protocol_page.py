"""docs/protocol.md: its commands work as written, and its documents are what is really sent."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.broker.engines.servers import need_program
from tests.docs_pages import DOCS, ROOT, blocks
from tests.live.own_nodes import HUAIBEI, example, own_node, process, wait_until_open
from tests.live.test_engines_agree import engine_url
from yidi.broker.external.documents import read_answer, read_document, read_request
from yidi.protocol.envelope import Link, frame, unframe
from yidi.protocol.instants import Instant
from yidi.protocol.messages import SettlementResult
from yidi.scenarios.library.loader import load
from yidi.scenarios.live.network import run_live
from yidi.scenarios.live.programs import free_ports
from yidi.scenarios.running.run import RunHooks

PAGES = ("protocol.md", "protocol.zh-CN.md")


def test_both_pages_show_the_same_commands_and_documents() -> None:
    """A reader of either language copies the same."""
    for language in ("sh", "json"):
        assert blocks(DOCS / PAGES[0], language) == blocks(DOCS / PAGES[1], language)


def test_the_request_of_the_page_is_the_one_that_is_sent() -> None:
    """Field by field, with the values of the first settlement of the scenario."""
    shown = json.loads(blocks(DOCS / PAGES[0], "json")[0])
    wire: list[Any] = []
    with example("node.py") as url:
        run_live(load(HUAIBEI), externals=(f"insured:340600={url}",),
                 hooks=RunHooks(wire=wire.append))  # fmt: skip
    sent = next(json.loads(one.raw()) for one in wire
                if (one.direction, one.transaction) == ("out", "2207"))  # fmt: skip

    assert sent["input"].keys() == shown["input"].keys()
    assert sent["input"]["data"] == shown["input"]["data"]
    assert {name: sent[name] for name in shown if name != "input"} == {
        name: value for name, value in shown.items() if name != "input"
    }


def test_the_answer_of_the_page_is_read() -> None:
    """As a settlement of 285 yuan from the fund."""
    asked, answer, _ = blocks(DOCS / PAGES[0], "json")
    facts = read_document(asked.encode())
    request = read_request(facts, _no_facts(), "treatment:310000", Instant(1))
    request = unframe(frame(request, Link("hub:yrd", "insured:340600", 1, 0, 1)))

    body = read_answer(read_document(answer.encode()), request).body

    assert isinstance(body, SettlementResult)
    assert (28_500, "N000000001", "visit") == (body.fund_fen, body.settlement_id, body.visit)


def _no_facts() -> Any:
    from yidi.broker.external.documents import Facts

    return Facts()


def shell(text: str, folder: Path, **ports: int) -> tuple[list[str], dict[str, str]]:
    """A block as a command of bash, with free ports in the place of those shown."""
    for shown, port in ports.items():
        text = re.sub(rf"\b{shown.removeprefix('p')}\b", str(port), text)
    text = text.replace("docs/examples", str(ROOT / "docs" / "examples"))
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return ["bash", "-c", text], {**os.environ, "PATH": path, "LANG": "C.UTF-8"}


@pytest.mark.slow
def test_the_first_lines_of_the_page_pass(tmp_path: Path) -> None:
    """The example in the background, then a run that judges it."""
    port = free_ports(1)[0]
    start, run = blocks(DOCS / PAGES[0], "sh")[0].strip().splitlines()
    command, env = shell("exec " + start.removesuffix("&"), tmp_path, p9000=port)
    with process(*command, env=env) as running:
        wait_until_open(port, running)
        command, env = shell(run, tmp_path, p9000=port)
        done = subprocess.run(command, cwd=tmp_path, env=env, check=False, capture_output=True)

    assert 0 == done.returncode, done.stdout.decode() + done.stderr.decode()


@pytest.mark.slow
def test_mosquitto_sub_and_mosquitto_pub_are_a_node(tmp_path: Path) -> None:
    """Four lines of shell refuse every pre-settlement, and the network hears it."""
    need_program("mosquitto_sub", "apt-get install mosquitto-clients")
    _, node, window = blocks(DOCS / PAGES[0], "sh")
    run, watch = window.strip().splitlines()
    with engine_url("mosquitto", tmp_path) as url:
        port = int(url.rpartition(":")[2])
        command, env = shell(node, tmp_path, p1883=port)
        look, _ = shell("exec " + watch, tmp_path, p1883=port)
        with process(*command, env=env, group=True), process(*look, env=env) as seen:
            command, env = shell(run, tmp_path, p1883=port)
            done = subprocess.run(command, cwd=tmp_path, env=env, check=False, capture_output=True)
            assert seen.stdout is not None
            shown = seen.stdout.read().decode().splitlines()

    said = done.stdout.decode() + done.stderr.decode()
    assert 1 == done.returncode, said
    assert "E_NO_FILING" in said
    assert ["init", "2206"] == [json.loads(line)["infno"] for line in shown]


def test_who_does_not_know_the_handshake_is_there_all_the_same(tmp_path: Path) -> None:
    """Any answer will do: then everything with a national number is asked."""
    asked: list[str] = []

    def stranger(request: dict[str, Any], headers: dict[str, str]) -> Any:
        asked.append(request["infno"])
        return {"infcode": -1, "err_msg": "不支持"}

    with own_node(stranger) as url:
        run_live(load(HUAIBEI), externals=(f"insured:340600={url}",))

    assert ["init", "1101"] == asked[:2]
