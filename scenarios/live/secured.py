"""A network whose engine is secured: certificates, passwords and server files, made by one call.

`secrets/` holds what each owner needs to be let in (`keys`), `servers/` what mosquitto or the NATS
servers need to let it in. Both are written before `network.json` is, so that a folder which says
it is secured has all of it. The servers are started where they are installed, and only there.
"""

from __future__ import annotations

import asyncio
import getpass
import os
import secrets
import shutil
import socket
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from yidi.broker.engines.base import EngineOptions
from yidi.broker.engines.server_files import (
    ADMIN,
    Login,
    Member,
    Place,
    dynamic_security,
    mosquitto_conf,
    nats_conf,
)
from yidi.protocol.authentication import DESK, owner_of
from yidi.protocol.errors import ErrorCode, TransportError
from yidi.scenarios.live.certificates import Authority, Issued
from yidi.scenarios.live.engines import engine_of
from yidi.scenarios.live.folder import Network
from yidi.scenarios.live.keys import (
    AUTHORITY,
    CERTIFICATE,
    KEY,
    LOGIN,
    secrets_folder,
    write_private,
)
from yidi.scenarios.live.programs import find_program, free_ports

PLUGIN = "mosquitto_dynamic_security.so"
PASSWORD_BYTES, SALT_BYTES = 24, 12
_LIBRARIES = ("/usr/lib", "/usr/lib64", "/usr/local/lib", "/opt/homebrew/lib")
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_NETWORK = EngineOptions().network


class ServerCommand(msgspec.Struct, frozen=True, kw_only=True):
    """How one server of a secured network is started."""

    name: str
    """`mosquitto`, or `nats-server-1`."""
    host: str
    port: int
    configuration: str

    @property
    def program(self) -> str:
        """The server's program, as it is called."""
        return self.name.rstrip("-0123456789")

    @property
    def words(self) -> list[str]:
        """The command line, with nothing secret in it."""
        return [find_program(self.program) or self.program, "-c", self.configuration]

    def check(self) -> None:
        """Whether we can start it.

        Raises:
            TransportError: `E_ENGINE`: it is not installed, or another machine's to start; the
                command that starts it is named.
        """
        if self.host not in _LOOPBACK or find_program(self.program) is None:
            raise TransportError(
                ErrorCode.E_ENGINE,
                at=f"{self.host}:{self.port}",
                want=" ".join(self.words),
                got="nobody listens",
            )

    def answers(self) -> bool:
        """Whether somebody listens there."""
        try:
            socket.create_connection((self.host, self.port), 1).close()
        except OSError:
            return False
        return True


def make_secured(folder: Path, addresses: Iterable[str], url: str) -> None:
    """Write secrets and server files of a network that does not exist yet.

    Args:
        folder: of the network.
        addresses: of its nodes; the desk comes with them.
        url: of its engine, `mqtts://host:port` or `tls://host:port[,host:port…]`.

    Raises:
        TransportError: `E_ENGINE`: another engine, which has no server to be secured; or the
            extra `secure` is not installed.
    """
    places = _places(folder, url)
    for leftover in ("secrets", "servers"):  # of an attempt that did not come to its end
        shutil.rmtree(folder / leftover, ignore_errors=True)
    authority = Authority(_NETWORK)
    owners = sorted({DESK, *map(owner_of, addresses)})
    for owner in [*owners, *([] if url.startswith("mqtts:") else [ADMIN])]:
        home = secrets_folder(folder, owner)
        _write_issued(home, authority.issue(home.name))
    hosts = dict.fromkeys([*_LOOPBACK, *(place.host for place in places)])
    _write_issued(folder / "servers", authority.issue("server", hosts))
    if url.startswith("mqtts:"):
        _write_mosquitto(folder, owners, places[0])
    else:
        _write_nats(folder, owners, places)
    # Last: its presence says that all of it is there.
    write_private(folder / "secrets" / AUTHORITY, authority.certificate)


def prepare_secured(network: Network) -> None:
    """Make what no node of a secured network may make: the stream of NATS servers.

    Raises:
        TransportError: `E_ENGINE`, `E_STREAM_CONFIG`.
    """
    settings = network.settings
    if settings.engine.startswith("tls:"):
        engine = engine_of(settings.engine, settings.tuning, network.secrets(ADMIN))
        asyncio.run(engine.prepare())


def server_commands(network: Network) -> list[ServerCommand]:
    """The servers of a secured network."""
    folder, url = network.folder, network.settings.engine
    return [
        ServerCommand(
            name=name, host=host, port=port,
            configuration=str((folder / "servers" / f"{name}.conf").resolve()),
        )
        for name, (host, port) in zip(_names(url), _endpoints(url), strict=True)
    ]  # fmt: skip


def _names(url: str) -> list[str]:
    count = len(_endpoints(url))
    if url.startswith("mqtts:"):
        return ["mosquitto"] * count
    return [f"nats-server-{number + 1}" for number in range(count)]


def _endpoints(url: str) -> list[tuple[str, int]]:
    scheme, _, rest = url.partition("://")
    hosts = rest.strip("/").split(",")
    if scheme not in ("mqtts", "tls") or (scheme == "mqtts" and len(hosts) > 1):
        want = "mqtts://host:port or tls://host:port[,host:port]"
        raise TransportError(ErrorCode.E_ENGINE, want=want, got=url)
    found = []
    for one in hosts:
        parts = urlsplit(f"//{one}")
        try:
            port = parts.port or (8883 if scheme == "mqtts" else 4222)
        except ValueError:
            port = 0
        if not parts.hostname or not port or parts.username is not None:
            raise TransportError(ErrorCode.E_ENGINE, want="host:port", got=parts.hostname or "")
        found.append((parts.hostname, port))
    return found


def _places(folder: Path, url: str) -> list[Place]:
    home = (folder / "servers").resolve()
    return [
        Place(
            host=host, port=port, store=str(home / f"store-{number + 1}"),
            ca_file=str(home.parent / "secrets" / AUTHORITY),
            certificate_file=str(home / CERTIFICATE), key_file=str(home / KEY),
        )
        for number, (host, port) in enumerate(_endpoints(url))
    ]  # fmt: skip


def _write_issued(folder: Path, issued: Issued) -> None:
    write_private(folder / CERTIFICATE, issued.certificate)
    write_private(folder / KEY, issued.key)


def _write_mosquitto(folder: Path, owners: list[str], place: Place) -> None:
    logins = [
        Login(
            address=owner, password=secrets.token_urlsafe(PASSWORD_BYTES),
            salt=secrets.token_bytes(SALT_BYTES),
        )
        for owner in owners
    ]  # fmt: skip
    for login in logins:
        home = secrets_folder(folder, login.address)
        write_private(home / LOGIN, f"{home.name}:{login.password}\n".encode())
    servers = (folder / "servers").resolve()
    file = servers / "dynamic-security.json"
    write_private(file, dynamic_security(_NETWORK, logins))
    Path(place.store).mkdir(mode=0o700)
    user = getpass.getuser() if hasattr(os, "geteuid") and os.geteuid() == 0 else ""
    text = mosquitto_conf(place, plugin=_find_plugin(), logins=str(file), user=user)
    write_private(servers / "mosquitto.conf", text.encode())


def _find_plugin() -> str:
    """The dynamic-security plugin; its name alone where it is not on this machine."""
    for library in _LIBRARIES:
        for pattern in (PLUGIN, f"*/{PLUGIN}"):
            for found in sorted(Path(library).glob(pattern)):
                return str(found)
    return PLUGIN


def _write_nats(folder: Path, owners: list[str], places: list[Place]) -> None:
    members = [
        Member(name=f"nats-server-{number + 1}", host=place.host, port=port)
        for number, (place, port) in enumerate(zip(places, free_ports(len(places)), strict=True))
    ]
    for number, place in enumerate(places):
        text = nats_conf(place, _NETWORK, owners, members, number)
        write_private(folder / "servers" / f"{members[number].name}.conf", text.encode())
