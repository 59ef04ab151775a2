"""Programs that a network needs beside it: where this machine has one, where it may listen."""

from __future__ import annotations

import os
import shutil
import socket
import sys
from contextlib import suppress
from pathlib import Path
from secrets import randbelow

_CLIENTS_FROM = Path("/proc/sys/net/ipv4/ip_local_port_range")
_FIRST, _LAST = 10_000, 32_767
"""Above what is well known, below what Linux gives to clients unless it is told otherwise."""
_TRIES = 1_000


def find_program(name: str) -> str | None:
    """A server beside this Python (the extra `cluster`), on the path, or where Debian keeps it."""
    places = [str(Path(sys.executable).parent), os.environ.get("PATH", ""), "/usr/sbin"]
    return shutil.which(name, path=os.pathsep.join(places))


def free_ports(count: int) -> list[int]:
    """Ports of this machine that nobody listens on now, all different.

    None of them is one that the system gives to clients by itself: while a server is away, any
    connection of anybody could else have its port, even one that was meant to reach it.
    """
    limit = min(_LAST, _clients_from() - 1)
    bound: list[socket.socket] = []
    for _ in range(_TRIES if limit > _FIRST else 0):
        if len(bound) == count:
            break
        with suppress(OSError):
            at = _FIRST + randbelow(limit - _FIRST)
            bound.append(socket.create_server(("127.0.0.1", at)))
    # Where there is no such range, or all of it is taken, the system chooses.
    bound += [socket.create_server(("127.0.0.1", 0)) for _ in range(count - len(bound))]
    ports: list[int] = [one.getsockname()[1] for one in bound]
    for one in bound:
        one.close()
    return ports


def _clients_from() -> int:
    """The first port that the system gives to clients."""
    with suppress(OSError, ValueError, IndexError):
        return int(_CLIENTS_FROM.read_text("ascii").split()[0])
    return _LAST + 1
