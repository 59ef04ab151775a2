"""`yidi up --secure`: a network of processes behind a real server that knows each of them."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.x509 import load_pem_x509_certificate

from tests.broker.engines.servers import need_program
from tests.command.test_up import call, yidi
from yidi.protocol.errors import TransportError
from yidi.scenarios.library.loader import load
from yidi.scenarios.live import secured
from yidi.scenarios.live.folder import create_network, read_network
from yidi.scenarios.live.programs import free_ports
from yidi.scenarios.live.secured import make_secured, server_commands
from yidi.scenarios.live.updown import is_alive, read_processes, start_network
from yidi.scenarios.running.run import assemble

SCENARIO = "huaibei-outpatient-in-shanghai"
NODES = ["hub:100000", "insured:340600"]


def files_of(folder: Path) -> Iterator[Path]:
    """Every file below a folder."""
    return (path for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize(
    ("url", "servers"),
    [
        ("mqtts://localhost:8883", ["mosquitto"]),
        ("tls://localhost:4222,localhost:4223,localhost:4224",
         ["nats-server-1", "nats-server-2", "nats-server-3"]),
    ],
)  # fmt: skip
def test_what_is_written(tmp_path: Path, url: str, servers: list[str]) -> None:
    """Secrets and server files are their owner's alone; the authority's key is nowhere."""
    make_secured(tmp_path, NODES, url)

    assert {0o600} == {stat.S_IMODE(path.stat().st_mode) for path in files_of(tmp_path)}
    assert servers == sorted(path.stem for path in tmp_path.glob("servers/*[ort123].conf"))
    keys = [path for path in files_of(tmp_path) if b"PRIVATE KEY" in path.read_bytes()]
    nodes = len(NODES) + 1 + url.startswith("tls:")  # the desk, and the stream's admin
    assert nodes + 1 == len(keys)
    authority = (tmp_path / "secrets" / "authority.pem").read_bytes()
    assert b"PRIVATE" not in authority
    subject = load_pem_x509_certificate(authority).subject.rfc4514_string()
    assert "DEV yidi" in subject
    assert "not for production" in subject


@pytest.mark.parametrize(
    "url", ["embedded", "mqtt://localhost:1883", "mqtts://a:1,b:2", "mqtts://user:word@localhost:1",
            "tls://localhost:99999", "tls://"],
)  # fmt: skip
def test_what_cannot_be_secured(tmp_path: Path, url: str) -> None:
    """An engine without a server of its own, and one that is none, is E_ENGINE, nothing written."""
    with pytest.raises(TransportError, match="E_ENGINE") as caught:
        make_secured(tmp_path, NODES, url)

    assert "word" not in str(caught.value)
    assert [] == list(files_of(tmp_path))


def test_a_second_making_leaves_no_half_of_the_first(tmp_path: Path) -> None:
    """What an attempt left that never became a network is replaced as a whole."""
    make_secured(tmp_path, NODES, "mqtts://localhost:8883")
    first = (tmp_path / "secrets" / "authority.pem").read_bytes()
    make_secured(tmp_path, NODES[:1], "mqtts://localhost:8883")

    assert first != (tmp_path / "secrets" / "authority.pem").read_bytes()
    assert not (tmp_path / "secrets" / "insured-340600").exists()


def test_a_server_that_is_not_installed_is_not_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error names the command that would start it; no process is left."""
    monkeypatch.setattr(secured, "find_program", lambda _: None)
    loaded = load(SCENARIO, ["signatures=true"])
    cast, url = assemble(loaded), f"mqtts://localhost:{free_ports(1)[0]}"
    make_secured(tmp_path / "network", cast.nodes, url)
    network = create_network(tmp_path / "network", loaded, cast, url, 1_000)
    with pytest.raises(TransportError, match=r"want=mosquitto -c .*mosquitto\.conf"):
        start_network(network, 0)

    assert [] == read_processes(network.folder)
    assert network.settings.secure


def test_an_open_network_is_not_secured_afterwards(tmp_path: Path) -> None:
    """A folder that holds a network without certificates is refused with --secure."""
    loaded = load(SCENARIO)
    create_network(tmp_path / "network", loaded, assemble(loaded), "embedded", 1_000)
    said = yidi("up", SCENARIO, "--secure", "--network", str(tmp_path / "network"), "--lang", "en")

    assert 4 == said.returncode
    assert "E_OUTPUT" in said.stderr


class Hospital:
    """A hospital's counter before a network that is up."""

    def __init__(self, shown: dict[str, Any]) -> None:
        self.shown, self.serial = shown, 10
        self.person = shown["people"][0]

    def call(self, infno: str, key: str, data: Any) -> Any:
        """The output of a call that must go well."""
        self.serial += 1
        said = self.shown["curl"].replace('"infno": "1101"', f'"infno": "{infno}"')
        before, document = said.split("-d '", 1)
        asked = json.loads(document.rstrip("'"))
        asked["input"] = {key: data}
        asked["msgid"] = f"{asked['msgid'][:-4]}{self.serial:04d}"
        answer = call(f"{before}-d '{json.dumps(asked)}'")
        assert 0 == answer["infcode"], answer
        return answer["output"]

    def settle(self) -> dict[str, Any]:
        """1101, 2201, 2204, 2206 and 2207: a visit from door to door."""
        psn_no, certno = self.person["psn_no"], self.person["certno"]
        card = {"psn_no": psn_no, "mdtrt_cert_type": "02", "mdtrt_cert_no": certno}
        self.call("1101", "data", {**card, "psn_cert_type": "01"})
        visit = self.call("2201", "data", {
            **card, "insutype": "310", "begntime": "2026-03-02 00:00:00", "ipt_otp_no": "MZ1",
            "atddr_no": "D1", "dr_name": "王", "caty": "A03",
        })["data"]["mdtrt_id"]  # fmt: skip
        self.call("2204", "feedetail", [{
            "feedetl_sn": "1", "mdtrt_id": visit, "psn_no": psn_no, "chrg_bchno": "B1",
            "fee_ocur_time": "2026-03-02 00:00:00", "medins_list_codg": "L1",
            "med_list_codg": "001102000010000-110200001", "det_item_fee_sumamt": "500.00",
            "cnt": 1, "pric": 500,
        }])  # fmt: skip
        claim = {
            **card, "medfee_sumamt": "500.00", "psn_setlway": "01", "mdtrt_id": visit,
            "insutype": "310", "acct_used_flag": "0", "med_type": "11", "chrg_bchno": "B1",
        }  # fmt: skip
        before = self.call("2206", "data", claim)["setlinfo"]
        after = self.call("2207", "data", claim)["setlinfo"]
        assert before["fund_pay_sumamt"] == after["fund_pay_sumamt"]
        return dict(after)


def secrets_in(folder: Path) -> list[bytes]:
    """Everything of a network that nobody may see: passwords, private keys, keys of rings."""
    found = []
    for path in files_of(folder / "secrets"):
        content = path.read_bytes()
        if path.name == "login":
            found.append(content.strip().partition(b":")[2])
        elif path.name == "key.pem":
            found.append(content.splitlines()[1])
        elif path.name == "keys.json":
            ring = json.loads(content)
            found += [ring["private"].encode(), *(key.encode() for key in ring["makes"].values())]
    return found


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["mosquitto", "nats", "nats-cluster"])
def test_a_secured_network_settles_a_case(tmp_path: Path, engine: str) -> None:
    """All nodes come up behind the secured server and settle; no secret shows anywhere."""
    need_program(
        "mosquitto" if engine == "mosquitto" else "nats-server", "apt-get install mosquitto"
    )
    ports = free_ports(3 if engine == "nats-cluster" else 1)
    hosts = ",".join(f"127.0.0.1:{port}" for port in ports)
    url = f"mqtts://{hosts}" if engine == "mosquitto" else f"tls://{hosts}"
    folder = tmp_path / "network"
    try:
        up = yidi("up", SCENARIO, "--secure", "--network", str(folder), "--engine", url, "--json")
        assert up.returncode == 0, up.stderr
        settled = Hospital(json.loads(up.stdout)).settle()
        processes = read_processes(folder)
        said = [
            Path(f"/proc/{one.pid}/{name}").read_bytes()
            for one in processes
            for name in ("cmdline", "environ")
        ]
    finally:
        down = yidi("down", "--network", str(folder))

    assert "0.00" != settled["fund_pay_sumamt"]
    assert "500.00" == settled["medfee_sumamt"]
    assert len(processes) == 7 + len(ports)
    assert not any(is_alive(one) for one in processes), down.stderr
    secret = secrets_in(folder)
    said += [up.stdout.encode(), up.stderr.encode()]
    said += [path.read_bytes() for path in files_of(folder) if "secrets" not in path.parts]
    assert len(secret) > 30
    assert [] == [one for one in secret if any(one in content for content in said)]


def test_its_commands_name_files_only(tmp_path: Path) -> None:
    """What starts a server is its program and a file: nothing that a list of processes may tell."""
    loaded = load(SCENARIO, ["signatures=true"])
    cast = assemble(loaded)
    make_secured(tmp_path / "network", cast.nodes, "mqtts://localhost:8883")
    create_network(tmp_path / "network", loaded, cast, "mqtts://localhost:8883", 1_000)
    (command,) = server_commands(read_network(tmp_path / "network"))

    assert ["-c", str(tmp_path / "network" / "servers" / "mosquitto.conf")] == command.words[1:]
