"""How `yidi ctl` reaches a live network: over HTTP, `/_yidi/` of its gateway on this machine."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from yidi.protocol.errors import ErrorCode, RemoteProtocolError, TransportError

DEFAULT_URL = "http://127.0.0.1:8080"
ANSWERS_WITHIN = 40.0
"""Real seconds: a command to every node of a network whose nodes are away, and some."""


class Gateway:
    """A gateway, by its address.

    Args:
        url: `http://127.0.0.1:PORT`; empty to find it.
        folder: a network's folder, whose gateway has left its address there.
    """

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url.rstrip("/") or _left_in(folder) or DEFAULT_URL

    def get(self, path: str, **query: str) -> Any:
        """Read something; raises as `post`."""
        asked = urlencode({name: value for name, value in query.items() if value})
        return self._call(f"{quote(path)}?{asked}" if asked else quote(path), None)

    def post(self, path: str, order: dict[str, Any]) -> Any:
        """Order something; fields that are empty are left out.

        Raises:
            RemoteProtocolError: it was refused; the code is the gateway's or the node's.
            TransportError: nobody listens there, or nothing came in time.
        """
        given = {name: value for name, value in order.items() if value not in ("", None, [], ())}
        return self._call(quote(path), json.dumps(given).encode())

    def _call(self, path: str, data: bytes | None) -> Any:
        headers = {"Content-Type": "application/json"} if data is not None else {}
        request = urllib.request.Request(f"{self.url}/_yidi/{path}", data, headers)  # noqa: S310 - http
        # A proxy of the environment has no business on loopback.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=ANSWERS_WITHIN) as answer:
                return json.loads(answer.read())
        except urllib.error.HTTPError as error:
            raise _refusal(error) from None
        except (OSError, ValueError) as error:
            why = str(getattr(error, "reason", error))
            raise TransportError(ErrorCode.E_CONTROL, at=self.url, got=why) from None


def _left_in(folder: Path) -> str:
    """The address that a network's gateway has written into its folder."""
    from yidi.scenarios.live.address import read_address

    return read_address(folder)


def _refusal(error: urllib.error.HTTPError) -> Exception:
    try:
        told = json.loads(error.read())
        code, at, limit = ErrorCode(told["code"]), str(told["at"]), told.get("limit")
    except (ValueError, KeyError, TypeError):
        return TransportError(ErrorCode.E_CONTROL, at=error.url, got=f"HTTP {error.code}")
    said = str(told.get("sentence", ""))
    want = said.partition("(want ")[2].rstrip(")")
    if code is ErrorCode.E_DELIVERY_TIMEOUT:
        return TransportError(code, at=at)
    return RemoteProtocolError(code, at=at, want=want, limit=limit)
