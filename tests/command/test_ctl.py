"""`yidi ctl` against networks that `yidi up` has started, in one process and in many."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.broker.engines.servers import mosquitto
from tests.command.test_up import call, yidi
from yidi.protocol.envelope import unframe
from yidi.protocol.journal import RecordKind
from yidi.scenarios.judging.journal_file import open_journal
from yidi.scenarios.live.programs import free_ports

SMALL, DEMO = "huaibei-outpatient-in-shanghai", "yangtze-delta-month"


class Town:
    """A network that is up, at noon."""

    def __init__(self, folder: Path, name: str, engine: str) -> None:
        self.folder = folder
        self.words = [name, "--network", str(folder), "--engine", engine]
        self.facts: dict[str, Any] = {}

    def up(self) -> None:
        """Start it, or go on with it."""
        done = yidi("up", *self.words, "--clock", "12:00", "--allow-chaos", "--json")
        assert 0 == done.returncode, done.stderr
        self.facts = json.loads(done.stdout)

    def ctl(self, *words: str) -> Any:
        """What a command answers."""
        done = yidi("ctl", *words, "--network", str(self.folder), "--json")
        assert 0 == done.returncode, done.stderr
        return json.loads(done.stdout)

    def refused(self, *words: str) -> str:
        """The line of a command that is refused."""
        done = yidi("ctl", *words, "--network", str(self.folder), "--lang", "en")
        assert 2 == done.returncode, done.stdout
        return done.stderr.strip()

    def journalled(self, node: str) -> Counter[str]:
        """How often each transaction stands in a node's journal."""
        path = self.folder / "nodes" / node.replace(":", "-") / "journal.bin"
        return Counter(
            unframe(record.payload).origin.transaction
            for record in open_journal(path, strict=False).records()
            if record.kind is RecordKind.ENVELOPE
        )


@contextmanager
def town(folder: Path, name: str, engine: str) -> Iterator[Town]:
    """A network, ended whatever happens; `mqtt` brings a mosquitto of its own."""
    server = mosquitto(folder) if engine == "mqtt" else None
    if server is not None:
        server.start()
        engine = f"mqtt://127.0.0.1:{server.port}"
    one = Town(folder / "network", name, engine)
    try:
        yield one
    finally:
        yidi("down", "--network", str(one.folder))
        if server is not None:
            server.stop()


@pytest.mark.slow
@pytest.mark.parametrize(("name", "engine"), [(DEMO, "embedded"), (SMALL, "mqtt")])
def test_the_day_is_closed_at_noon_and_the_statements_appear(
    name: str, engine: str, tmp_path: Path
) -> None:
    """Credentials, port and a 1101; then day close by hand; it is all in the journals."""
    with town(tmp_path, name, engine) as net:
        net.up()
        answer = call(net.facts["curl"])
        closed = net.ctl("close", "--hub", "hub:100000")
        statements = net.ctl("statements", "--day", closed[0]["day"])
        status = net.ctl("status")
        journal = net.journalled("hub:100000")

    assert 0 == answer["infcode"]
    assert net.facts["token"]
    assert net.facts["port"]
    assert "12:0" == closed[0]["clock"][11:15]
    nodes = [one["node"] for one in status["nodes"]]
    regions = [one for one in nodes if one.startswith(("insured:", "treatment:"))]
    assert regions == [row["region"] for row in statements]
    assert all(row["level"] for row in statements)
    assert (1, len(regions)) == (journal["D10"], journal["D20"])
    today = next(one["day"] for one in status["nodes"] if one["node"] == "hub:100000")
    assert closed[0]["day"] < today


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["embedded", "mqtt"])
def test_orders_and_waiting_messages_outlive_a_restart(engine: str, tmp_path: Path) -> None:
    """Held before `down`, listed after `up`, approved; a refusal is ordered, given once, found."""
    with town(tmp_path, SMALL, engine) as net:
        net.up()
        added = net.ctl("person", "340600", "模测试", "--filed", "310000", "--balance", "10.00")
        person = added["psn_no"]
        net.ctl("next", "refuse", "--region", "340600", "--code", "E_INSURANCE_SUSPENDED")
        net.ctl("next", "hold", "--person", person, "--times", "0")
        before = net.ctl("status")
        assert 0 == yidi("down", "--network", str(net.folder)).returncode
        net.up()
        after = net.ctl("status")
        told = call(net.facts["curl"])
        again = call(net.facts["curl"].replace('0001", "mdtrt', '0002", "mdtrt'))
        chain = net.ctl("messages", msgid_of(net.facts["curl"]))
        net.ctl("reset", person)
        gone = net.refused("approve", "M" * 30)

    rules = {one["node"]: one["rules"] for one in before["nodes"]}
    assert rules == {one["node"]: one["rules"] for one in after["nodes"]}
    assert ["refuse", "hold"] == [one["outcome"] for one in rules["insured:340600"]][-2:]
    assert str(told["err_msg"]).startswith("E_INSURANCE_SUSPENDED")
    assert 0 == again["infcode"]
    legs = [(row["sender"].split(":")[0], row["recipient"].split(":")[0]) for row in chain]
    assert [
        ("institution", "treatment"), ("treatment", "hub"), ("hub", "insured"),
        ("insured", "hub"), ("hub", "treatment"), ("treatment", "institution"),
    ] == legs  # fmt: skip
    assert "E_INSURANCE_SUSPENDED" == chain[-1]["code"]
    assert gone.startswith("E_NOT_PENDING")


def test_a_network_keeps_the_word_it_was_made_with(tmp_path: Path) -> None:
    """--allow-chaos over a network that was made without it is refused, and starts nothing."""
    words = ["up", SMALL, "--network", str(tmp_path / "network"), "--lang", "en"]
    made = yidi(*words, "--prepare")
    done = yidi(*words, "--allow-chaos")

    assert (0, 4) == (made.returncode, done.returncode)
    assert done.stderr.startswith("E_OUTPUT")
    assert "--allow-chaos" in done.stderr


def msgid_of(curl: str) -> str:
    """The msgid in a curl line."""
    return curl.partition('"msgid": "')[2][:30]


def test_a_gateway_that_is_not_there_is_said_in_one_line() -> None:
    """E_CONTROL with the address, exit code 3, in the language asked for."""
    url = f"http://127.0.0.1:{free_ports(1)[0]}"
    for language, words in (("en", "cannot be reached"), ("zh", "无法连接")):
        done = yidi("ctl", "status", "--url", url, "--lang", language)

        assert 3 == done.returncode
        assert done.stderr.startswith("E_CONTROL")
        assert words in done.stderr
        assert url in done.stderr
        assert not done.stdout


@pytest.mark.parametrize(
    "words", [["next", "explode"], ["next", "slow", "--seconds", "nan"], ["refuse"], ["close", "x"]]
)
def test_a_wrong_command_line_is_a_usage_error(words: list[str]) -> None:
    """Exit code 2, nothing on stdout, no traceback; nobody is asked."""
    done = yidi("ctl", *words)

    assert (2, "") == (done.returncode, done.stdout)
    assert "Traceback" not in done.stderr
