"""Message servers of one's own, for a measurement: on free loopback ports, ended by their ids.

Mosquitto keeps its messages as it does by default, with TCP_NODELAY set; NATS stores in files and
syncs as it does by default. Neither is anybody's memory: nodes have their journals.
"""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from yidi.protocol.errors import ErrorCode, TransportError
from yidi.scenarios.live.programs import find_program, free_ports

STARTS_WITHIN = 60.0
REPLICAS = 3
HOW = {
    "mosquitto": "apt-get install mosquitto",
    "nats-server": "pip install 'yidi[cluster]'",
}
_MOSQUITTO = """\
listener {port} 127.0.0.1
allow_anonymous true
set_tcp_nodelay true
persistence true
persistence_location {store}/
max_queued_messages 0
max_queued_bytes 0
message_size_limit 1048576
max_packet_size 1310720
"""
_NATS = """\
listen: 127.0.0.1:{port}
server_name: n{number}
jetstream {{ store_dir: "{store}" }}
"""
_CLUSTER = """\
cluster {{ name: yidi, listen: 127.0.0.1:{port}, routes: [{routes}] }}
"""


class Running(msgspec.Struct, frozen=True, kw_only=True):
    """Servers that answer."""

    url: str
    """As an engine's."""
    pids: tuple[int, ...]


def has_nats() -> bool:
    """Whether the extra `cluster` is here: the client and the server."""
    return find_program("nats-server") is not None and find_spec("nats") is not None


@contextmanager
def mosquitto() -> Iterator[Running]:
    """A new mosquitto with an empty store.

    Raises:
        TransportError: `E_ENGINE`: it is not installed, or does not answer.
    """
    program = _program("mosquitto")
    with TemporaryDirectory(prefix="yidi-mosquitto-") as folder, ExitStack() as stack:
        port, home = free_ports(1)[0], Path(folder)
        text = _MOSQUITTO.format(port=port, store=home)
        # As root it gives up its rights, and would not find its store.
        user = "user root\n" if hasattr(os, "geteuid") and os.geteuid() == 0 else ""
        (home / "mosquitto.conf").write_text(text + user, "utf-8")
        command = [program, "-c", str(home / "mosquitto.conf")]
        pid = stack.enter_context(_server(command, port, home))
        yield Running(url=f"mqtt://127.0.0.1:{port}", pids=(pid,))


@contextmanager
def nats(count: int) -> Iterator[Running]:
    """So many new NATS servers with JetStream, a cluster if more than one.

    Raises:
        TransportError: `E_ENGINE`: it is not installed, or does not answer.
    """
    program = _program("nats-server")
    with TemporaryDirectory(prefix="yidi-nats-") as folder, ExitStack() as stack:
        ports, pids = free_ports(2 * count), []
        routes = ", ".join(f"nats://127.0.0.1:{port}" for port in ports[count:])
        for number in range(count):
            home = Path(folder) / f"n{number}"
            home.mkdir()
            text = _NATS.format(port=ports[number], number=number, store=home / "store")
            if count > 1:
                text += _CLUSTER.format(port=ports[count + number], routes=routes)
            (home / "nats.conf").write_text(text, "utf-8")
            command = [program, "-c", str(home / "nats.conf")]
            pids.append(stack.enter_context(_server(command, ports[number], home)))
        hosts = ",".join(f"127.0.0.1:{port}" for port in ports[:count])
        yield Running(url=f"nats://{hosts}", pids=tuple(pids))


def _program(name: str) -> str:
    found = find_program(name)
    if found is None:
        raise TransportError(ErrorCode.E_ENGINE, at=name, want=HOW[name], got="not installed")
    return found


@contextmanager
def _server(command: list[str], port: int, home: Path) -> Iterator[int]:
    """One process, from when its port answers; its id."""
    with (home / "server.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)  # noqa: S603 - no shell
    try:
        _wait_for(process, port, home / "server.log")
        yield process.pid
    finally:
        process.terminate()
        try:
            process.wait(STARTS_WITHIN)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_for(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    ends = time.monotonic() + STARTS_WITHIN
    while process.poll() is None and time.monotonic() < ends:
        with suppress(OSError):
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        time.sleep(0.01)
    said = log.read_text("utf-8", "replace").strip().splitlines()[-1:]
    raise TransportError(
        ErrorCode.E_ENGINE, at=f"127.0.0.1:{port}", got=said[0] if said else "no answer"
    )
