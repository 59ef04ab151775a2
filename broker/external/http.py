"""HTTP to somebody's own node and from it: one POST, one answer, and every way of having none.

What comes back is bytes, a status and how long it took; whether they mean anything is decided
elsewhere. An answer that does not come in time, a connection that breaks, a body beyond the
limit and any status but 200 leave the outcome unknown. Redirects are not followed and nothing is
ever sent twice by itself: a repeat is the network's business.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import aiohttp
import msgspec
from aiohttp import web

from yidi.protocol.json_scan import JSON_BYTES_MAX

CONNECTIONS_MAX = 256
"""Requests under way at one own node; more wait."""
FACT_HEADERS: dict[str, str] = {
    "sender": "Yidi-Sender",
    "recipient": "Yidi-Recipient",
    "correlation_id": "Yidi-Correlation-Id",
    "case_key": "Yidi-Case-Key",
    "day": "Yidi-Day",
    "deadline": "Yidi-Deadline",
    "partition_key": "Yidi-Partition-Key",
    "trace_id": "Yidi-Trace-Id",
    "sequence": "Yidi-Sequence",
    "watermark": "Yidi-Watermark",
}
"""A document's facts as headers."""


class HttpReply(msgspec.Struct, frozen=True, kw_only=True):
    """What a POST came to."""

    status: int = 0
    """0 where there was no answer."""
    content_type: str = ""
    headers: dict[str, str] = {}
    body: bytes = b""
    problem: str = ""
    """`timeout`, or what broke; empty where a whole answer came."""


Answering = Callable[[str, bytes, Mapping[str, str]], Awaitable["HttpAnswer"]]
"""Takes path, body and headers of a POST."""


class HttpAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What an own node's POST is answered with."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = {}


class HttpDoor:
    """Where own nodes post what they ask of the network: a free port on loopback.

    Args:
        answering: answers; it never raises for what came.
    """

    def __init__(self, answering: Answering) -> None:
        self._answering = answering
        self._runner: web.ServerRunner | None = None
        self.url = ""
        """Without a path; empty until it is open."""

    async def open(self) -> None:
        """Begin to listen.

        Raises:
            OSError: no port can be had.
        """
        self._runner = web.ServerRunner(web.Server(self._handle))
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.method != "POST":
            return web.Response(status=405, headers={"Allow": "POST"})
        body = await _read(request.content)
        if len(body) > JSON_BYTES_MAX:
            return web.Response(status=413)
        answer = await self._answering(request.path, body, dict(request.headers))
        return web.Response(status=answer.status, body=answer.body, headers=answer.headers)

    async def close(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None


class HttpClient:
    """Connections to own nodes; one of it for a run.

    Args:
        token: sent to all of them as a bearer token, and never shown; empty for none.
    """

    def __init__(self, token: str = "") -> None:
        self._session: aiohttp.ClientSession | None = None
        self._secret = {"Authorization": f"Bearer {token}"} if token else {}

    async def post(
        self, url: str, data: bytes, headers: Mapping[str, str], within: float
    ) -> HttpReply:
        """Send a document and wait for its answer.

        Args:
            url: where to.
            data: the document.
            headers: its facts and content type.
            within: real seconds for everything.
        """
        if self._session is None:
            connector = aiohttp.TCPConnector(limit=CONNECTIONS_MAX)
            self._session = aiohttp.ClientSession(connector=connector, cookie_jar=None)
        try:
            async with (
                asyncio.timeout(within),
                self._session.post(
                    url, data=data, headers={**headers, **self._secret}, allow_redirects=False
                ) as response,
            ):
                body = await _read(response.content)
        except TimeoutError:
            return HttpReply(problem="timeout")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return HttpReply(problem=f"connection: {type(error).__name__} {error}"[:200])
        large = len(body) > JSON_BYTES_MAX
        return HttpReply(
            status=response.status,
            content_type=response.headers.get("Content-Type", ""),
            headers=dict(response.headers),
            body=body,
            problem=f"more than {JSON_BYTES_MAX} bytes" if large else "",
        )

    async def close(self) -> None:
        """Close every connection."""
        if self._session is not None:
            await self._session.close()
            self._session = None


async def _read(content: aiohttp.StreamReader) -> bytes:
    """A whole body, or one byte more than is allowed."""
    body = b""
    while len(body) <= JSON_BYTES_MAX and not content.at_eof():
        body += await content.read(JSON_BYTES_MAX + 1 - len(body))
    return body
