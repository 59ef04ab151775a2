"""`yidi serve` as a shell sees it: the calls of its page, a taken port, signals, the schema."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from yidi.protocol.signatures import hmac_sm3

YIDI = str(Path(sysconfig.get_path("scripts")) / "yidi")
ROOT = Path(__file__).parents[2]
TOKEN = "a-token-for-this-page"
ENVIRONMENT = {"PATH": os.environ["PATH"], "LANG": "en_US.UTF-8", "no_proxy": "*"}
KEY = bytes(range(32))
PAGES = ("gateway.md", "gateway.zh-CN.md")


def blocks(page: str) -> list[str]:
    """The shell blocks of a page."""
    return re.findall(r"```sh\n(.*?)```", (ROOT / "docs" / page).read_text("utf-8"), re.DOTALL)


@contextmanager
def serving(
    *words: str, scope: str = "H31010100001"
) -> Iterator[tuple[dict[str, Any], subprocess.Popen[str]]]:
    """The network of the page, on a free port: what it says of itself, and its process."""
    process = subprocess.Popen(
        [YIDI, "serve", "referral-cut", "--port", "0", "--json", *words],
        env=ENVIRONMENT | {"YIDI_GATEWAY_CREDENTIALS": f"counter {TOKEN} {scope}"},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8",
    )  # fmt: skip
    text = ""
    while not text.endswith("\n}\n"):
        line = process.stdout.readline()
        assert line, process.stderr.read()
        text += line
    yield json.loads(text), process
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    process.communicate(timeout=120)


@pytest.fixture
def served():
    """The network of the page."""
    with serving() as found:
        yield found


def shell(script: str, port: int) -> str:
    """Run a block against the port that was taken."""
    done = subprocess.run(
        ["bash", "-eu"], input=script.replace(":8080", f":{port}"),
        env=ENVIRONMENT, capture_output=True, encoding="utf-8", timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def answers(text: str) -> list[dict[str, object]]:
    """The answers that curl printed, one after the other."""
    decoder, found = json.JSONDecoder(), []
    while text := text.strip():
        answer, end = decoder.raw_decode(text)
        found.append(answer)
        text = text[end:]
    return found


def test_the_calls_of_the_page_work_as_written(served):
    """A 1101, then a stay to its settlement, pasted into a shell; then Ctrl-C."""
    facts, process = served
    _, one, stay = blocks(PAGES[0])
    found = answers(shell(one, facts["port"])) + answers(shell(stay, facts["port"]))

    assert [0] * 6 == [answer["infcode"] for answer in found], found
    settled = found[-1]["output"]["setlinfo"]
    assert settled["setl_id"]
    assert settled["medfee_sumamt"] == "25000.00"
    # (25,000 - 600) x 80 %: the item of the page is in the catalogue of every served network.
    assert settled["fund_pay_sumamt"] == "19520.00"
    assert found[-2]["output"]["setlinfo"]["fund_pay_sumamt"] == settled["fund_pay_sumamt"]
    pasted = shell(f"TOKEN={TOKEN}\n{facts['curl']}", facts["port"])
    assert answers(pasted)[0]["infcode"] == 0
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130


def test_calls_are_signed_where_it_is_asked_for():
    """A call without `cainfo` is refused; one signed as the page says is taken."""
    scope = f"* sm3={KEY.hex()}"
    with serving("--signatures", "enforce", "--cainfo", "envelope", scope=scope) as (facts, _):
        curl = facts["curl"].replace("$TOKEN", TOKEN)
        refused = answers(shell(curl, facts["port"]))[0]
        head, _, data = curl.partition("-d '")
        call = json.loads(data.rstrip("'")) | {"signtype": "SM3"}
        plain = "&".join(f"{name}={call[name]}" for name in sorted(call) if name != "input")
        call["cainfo"] = hmac_sm3(KEY, plain.encode()).hex().upper()
        signed = f"{head}-d '{json.dumps(call, ensure_ascii=False)}'"
        taken = answers(shell(signed, facts["port"]))[0]

    assert (-1, "E_SIG_MISSING") == (refused["infcode"], refused["err_msg"].split()[0])
    assert 0 == taken["infcode"], taken


def test_a_taken_port_is_exit_3(served):
    """E_PORT_IN_USE with the port's number."""
    port = str(served[0]["port"])
    done = subprocess.run(
        [YIDI, "serve", "referral-cut", "--port", port],
        env=ENVIRONMENT, capture_output=True, encoding="utf-8", timeout=120, check=False,
    )  # fmt: skip

    assert done.returncode == 3
    assert "E_PORT_IN_USE" in done.stderr
    assert port in done.stderr


def test_both_pages_show_the_same_commands():
    """What a test runs of one page holds for the other."""
    assert blocks(PAGES[0]) == blocks(PAGES[1])


@pytest.mark.parametrize("words", [["--time-scale", "0"], ["--time-scale", "x"], ["--port", "-1"]])
def test_impossible_options_are_usage_errors(words):
    """Exit 2, before anything starts."""
    done = subprocess.run(
        [YIDI, "serve", *words], env=ENVIRONMENT, capture_output=True, check=False
    )

    assert done.returncode == 2


@pytest.mark.parametrize(
    ("kind", "key"), [("openapi", "paths"), ("json", "$defs"), ("asyncapi", "channels")]
)
def test_the_schema_is_printed(kind, key):
    """As JSON and nothing else."""
    done = subprocess.run(
        [YIDI, "schema", kind], env=ENVIRONMENT, capture_output=True, check=True, timeout=120
    )

    assert json.loads(done.stdout)[key]
