"""A network of local processes: start them, see them, end them.

`network.json` and the data directories belong to the network (`folder`); `processes.json`
beside them remembers which process is which and when it started, so that a number the system
has given to somebody else since is never signalled. With the embedded engine the whole network
is one process, the gateway's.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import msgspec

from yidi.protocol.errors import ErrorCode, StoredDataError, TransportError
from yidi.scenarios.live.folder import Network

PROCESSES, GATEWAY = "processes.json", "gateway"
_SERVERS = ("mosquitto", "nats-server")
"""Servers of a secured network, which are ended after everything else."""
STARTS_WITHIN = 60.0
"""Real seconds in which a process has to say that it serves; one that ended is told at once."""
ENDS_WITHIN = 15.0


class Started(msgspec.Struct, frozen=True, kw_only=True):
    """One process of the network."""

    name: str
    """Address of its node, or `gateway`."""
    pid: int
    log: str
    """What it says, as a path inside the folder."""
    began: str = ""
    """When it was started, as `_began` has it."""


def start_network(network: Network, port: int, language: str = "zh") -> list[Started]:
    """Start a process for every node and one for the gateway; all of them serve on return.

    What the gateway offers stands in its log, as JSON with texts in that language.

    Raises:
        StoredDataError: `E_LOCKED` where the network is up already.
        TransportError: `E_ENGINE`, a process did not come up; those that did are ended.
    """
    if any(is_alive(one) for one in read_processes(network.folder)):
        raise StoredDataError(ErrorCode.E_LOCKED, at=str(network.folder), got="it is up")
    started = _start_servers(network) if network.settings.secure else []
    names = [] if network.settings.engine == "embedded" else list(network.nodes())
    where = ["--network", str(network.folder)]
    commands = {name: ["node", *name.split(":"), *where] for name in names}
    commands[GATEWAY] = ["serve", *where, "--port", str(port), "--json", "--lang", language]
    ours = [sys.executable, "-m", "yidi.scenarios.command.cli"]
    nodes = [_start(network.folder, name, ours + words) for name, words in commands.items()]
    started += nodes
    _write(network.folder, started)
    try:
        for one in nodes:
            _wait_until_it_serves(network.folder, one)
    except TransportError:
        end_network(network.folder)
        raise
    return started


def _start_servers(network: Network) -> list[Started]:
    """Start the servers of a secured network that nobody has started yet.

    Raises:
        TransportError: `E_ENGINE`: one is not installed, is another machine's to start, or did not
            come up; the command that starts it is named.
    """
    # What makes certificates and server files is loaded where they are used.
    from yidi.scenarios.live.secured import prepare_secured, server_commands  # noqa: PLC0415

    commands = [one for one in server_commands(network) if not one.answers()]
    for command in commands:
        command.check()
    started = [_start(network.folder, one.name, one.words) for one in commands]
    _write(network.folder, started)
    try:
        for one, command in zip(started, commands, strict=True):
            _wait_until(command.answers, network.folder, one)
        prepare_secured(network)
    except TransportError:
        end_network(network.folder)
        raise
    return started


def _start(folder: Path, name: str, program: list[str]) -> Started:
    log = f"logs/{name.replace(':', '-')}.log"
    (folder / "logs").mkdir(mode=0o700, exist_ok=True)
    # A gateway shows its token there.
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_NOFOLLOW", 0)
    with os.fdopen(os.open(folder / log, flags, 0o600), "wb") as said:
        process = subprocess.Popen(  # noqa: S603 - our own program or a server, no shell
            program, stdin=subprocess.DEVNULL, stdout=said, stderr=said, start_new_session=True
        )
    return Started(name=name, pid=process.pid, log=log, began=_began(process.pid))


def _wait_until_it_serves(folder: Path, one: Started) -> None:
    word = b'"curl"' if one.name == GATEWAY else one.name.encode()
    _wait_until(lambda: word in (folder / one.log).read_bytes(), folder, one)


def _wait_until(serves: Callable[[], bool], folder: Path, one: Started) -> None:
    ends = time.monotonic() + STARTS_WITHIN
    while not serves():
        if not is_alive(one) or time.monotonic() > ends:
            said = (folder / one.log).read_text("utf-8", "replace")
            last = said.strip().splitlines()[-1:]
            raise TransportError(
                ErrorCode.E_ENGINE, at=one.name, got=last[0] if last else "it said nothing"
            )
        time.sleep(0.05)


def read_processes(folder: Path) -> list[Started]:
    """What was started, whether or not it still runs."""
    with suppress(FileNotFoundError):
        return msgspec.json.decode((folder / PROCESSES).read_bytes(), type=list[Started])
    return []


def _write(folder: Path, started: list[Started]) -> None:
    (folder / PROCESSES).write_bytes(msgspec.json.encode(started))


def is_alive(one: Started) -> bool:
    """Whether the process runs and is the one that was started."""
    with suppress(ChildProcessError):
        os.waitpid(one.pid, os.WNOHANG)
    try:
        os.kill(one.pid, 0)
    except OSError:
        return False
    return _began(one.pid) == one.began


def _began(pid: int) -> str:
    """When a process was started: a boot of this machine, and clock ticks since.

    No other process ever has number and start in common with it. Empty where it has ended, or the
    system does not tell: then the number has to do.
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
        stat = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
    except OSError:
        return ""
    # Behind the program's name, which may hold anything: state, then numbers. Source: proc(5).
    state, *numbers = stat.rpartition(")")[2].split()
    return "" if state == "Z" else f"{boot} {numbers[18]}"


def end_network(folder: Path) -> list[Started]:
    """End every process by SIGTERM, by SIGKILL what will not; returns those that were alive."""
    alive = [one for one in read_processes(folder) if is_alive(one)]
    servers = [one for one in alive if one.name.startswith(_SERVERS)]
    # Servers last: what the others still have to say goes through them.
    _end([one for one in alive if one not in servers])
    _end(servers)
    _write(folder, [])
    return alive


def _end(alive: list[Started]) -> None:
    for one in alive:
        os.kill(one.pid, signal.SIGTERM)
    ends = time.monotonic() + ENDS_WITHIN
    for one in alive:
        while is_alive(one) and time.monotonic() < ends:
            time.sleep(0.05)
        if is_alive(one):
            os.kill(one.pid, signal.SIGKILL)
