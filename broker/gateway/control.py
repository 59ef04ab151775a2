"""Who may reach `/_yidi/`: somebody on this machine, and no web page of others.

The surface is for testing only and has no token: it listens where the gateway listens, but takes
calls from loopback alone. A page in a browser on the same machine is on loopback, too, so `Host`
must name this machine and `Origin`, where there is one, this very server; a body must be JSON,
which no page can send elsewhere without asking first. Source: bad-input K03, K07, H16.
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address
from typing import Protocol

import msgspec

CONTROL_PREFIX = "/_yidi/"
_LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")


class ControlReply(msgspec.Struct, frozen=True):
    """What `/_yidi/` answers."""

    status: int
    body: bytes


class Control(Protocol):
    """What stands behind `/_yidi/`."""

    async def serve(
        self, method: str, path: str, query: Mapping[str, str], data: bytes
    ) -> ControlReply | None:
        """Answer a call; None where there is no such route.

        Args:
            method: GET or POST.
            path: below `/_yidi/`.
            query: what follows the question mark.
            data: the body of a POST.
        """
        ...


def is_on_this_machine(peer: str | None) -> bool:
    """Whether a connection comes over loopback."""
    try:
        return ip_address(peer or "").is_loopback
    except ValueError:
        return False


def is_own_page(host: str, headers: Mapping[str, str]) -> bool:
    """Whether a request was made by no page, or by one of this server.

    Args:
        host: the `Host` header, with its port.
        headers: case-insensitive.
    """
    origin = headers.get("Origin")
    if origin is not None and origin.lower() != f"http://{host.lower()}":
        return False
    return headers.get("Sec-Fetch-Site", "none") in ("none", "same-origin")


def names_this_machine(host: str) -> bool:
    """Whether a `Host` header names loopback, with or without a port."""
    name, colon, port = host.lower().rpartition(":")
    return (name if colon and port.isdigit() else host.lower()) in _LOOPBACK_NAMES
