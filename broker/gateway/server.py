"""The HTTP edge: what is refused before a call is looked at, and how answers leave.

In order: shutting down, Host, route, method, rate of the peer, token, rate of the client,
content type, body (bounded in size and in time), then the call itself. Transport errors are 4xx
with the error object; business errors are HTTP 200 with infcode -1; an unknown outcome is 504
with an empty body. There is no CORS, no forwarded address is believed, and nothing that came is
echoed. Only this module needs aiohttp.
"""

from __future__ import annotations

import asyncio
import logging
import zlib
from collections import Counter
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import msgspec
from aiohttp import HttpVersion10, web
from aiohttp.web_protocol import RequestHandler

from yidi.broker.gateway.calls import Calls, Doubt, Forbidden, Sent
from yidi.broker.gateway.control import (
    CONTROL_PREFIX,
    Control,
    is_on_this_machine,
    is_own_page,
    names_this_machine,
)
from yidi.broker.gateway.guards import Buckets, Client, Credentials
from yidi.broker.gateway.inputs import BY_PATH, CALL_SERVICE
from yidi.protocol.errors import DecodeError, ErrorCode, sentence

BODY_BYTES_MAX = 1_048_576
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
OPENAPI_PATH = "/openapi.json"
METRICS_PATH = "/metrics"
METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_CONTENT_TYPES = ("application/json", "text/plain")
_INFNO_MAX = 6
_log = logging.getLogger("yidi.gateway")
_encode = msgspec.json.Encoder().encode

STATUS: dict[ErrorCode, int] = {
    ErrorCode.E_HTTP: 400,
    ErrorCode.E_HOST: 400,
    ErrorCode.E_AUTH: 401,
    ErrorCode.E_FORBIDDEN: 403,
    ErrorCode.E_ORIGIN: 403,
    ErrorCode.E_ROUTE: 404,
    ErrorCode.E_METHOD: 405,
    ErrorCode.E_REQUEST_TIMEOUT: 408,
    ErrorCode.E_BODY_TOO_LARGE: 413,
    ErrorCode.E_DECOMPRESS_LIMIT: 413,
    ErrorCode.E_CONTENT_TYPE: 415,
    ErrorCode.E_RATE: 429,
    ErrorCode.E_INTERNAL: 500,
    ErrorCode.E_SHUTTING_DOWN: 503,
}
_CLOSING = frozenset(
    {"E_HTTP", "E_HOST", "E_REQUEST_TIMEOUT", "E_BODY_TOO_LARGE", "E_SHUTTING_DOWN", "E_INTERNAL"}
)
"""After these the connection ends: the rest of the request is not read."""


class ServerOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How the edge listens and what it allows."""

    host: str = "127.0.0.1"
    port: int = 0
    """0 takes a free one."""
    names: tuple[str, ...] = LOOPBACK
    """Values of `Host`, without port, that are accepted."""
    rate: int = 200
    """Calls a second of one client, and of one peer."""
    burst: int = 400
    head_seconds: float = 10.0
    """Until the head of a request has come, and between requests."""
    body_seconds: float = 10.0
    grace_seconds: float = 30.0
    """For calls under way when the gateway stops."""


class Refusal(Exception):
    """A transport error."""

    def __init__(self, code: ErrorCode, *, limit: int | None = None, at: str = "$") -> None:
        self.code = code
        self.limit = limit
        self.at = at
        super().__init__(code)


class HttpProblem(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The error object of a transport error."""

    code: str
    at: str
    sentence: str
    limit: int | None = None
    retry_after: int | None = None


class GatewayServer:
    """The national gateway on one port.

    Args:
        calls: what answers.
        credentials: who may call.
        today: the calendar day by a real clock, for credentials that expire.
        describe: makes the OpenAPI document.
        options: see `ServerOptions`.
    """

    def __init__(
        self,
        calls: Calls,
        credentials: Credentials,
        *,
        today: Callable[[], str],
        describe: Callable[[], bytes],
        options: ServerOptions | None = None,
    ) -> None:
        self.calls = calls
        self.credentials = credentials
        self.options = options or ServerOptions()
        self.port = 0
        self.control: Control | None = None
        """What stands behind `/_yidi/`; None where that is switched off."""
        self.metrics: Callable[[], bytes] | None = None
        """What `/metrics` says; None where nobody counts."""
        self.refused: Counter[str] = Counter()
        self.answered = 0
        self.in_flight = 0
        self.closing = False
        self._today = today
        self._describe = describe
        self._peers = Buckets(self.options.rate, self.options.burst)
        self._clients = Buckets(self.options.rate, self.options.burst)
        self._quiet = asyncio.Event()
        self._runner: web.ServerRunner | None = None

    # ------------------------------------------------------------------ life

    async def start(self) -> None:
        """Listen.

        Raises:
            OSError: the port cannot be had.
        """
        options = self.options
        server = _Server(
            self._handle,
            keepalive_timeout=options.head_seconds,
            lingering_time=1.0,
            auto_decompress=False,
            access_log=None,
            logger=_log,
        )
        self._runner = web.ServerRunner(server, shutdown_timeout=1.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, options.host, options.port)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Refuse new calls, let those under way end, and close."""
        self.closing = True
        self._quiet.clear()
        if self.in_flight:
            try:
                await asyncio.wait_for(self._quiet.wait(), self.options.grace_seconds)
            except TimeoutError:
                _log.warning("stopped with %d calls under way", self.in_flight)
        if self._runner is not None:
            await self._runner.cleanup()

    # ------------------------------------------------------------------ a request

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        self.in_flight += 1
        try:
            return await self._served(request)
        except Refusal as refusal:
            return self._refuse(request, refusal)
        except DecodeError as error:
            return self._tell(request, error.problem(), 400)
        except Doubt:
            return web.Response(status=504)
        except Forbidden:
            return self._refuse(request, Refusal(ErrorCode.E_FORBIDDEN, at="$.fixmedins_code"))
        except (ConnectionError, asyncio.CancelledError):
            raise
        except Exception:  # noqa: BLE001 - whatever it is, the client is told in our form
            _log.exception("an error of our own")
            return self._refuse(request, Refusal(ErrorCode.E_INTERNAL))
        finally:
            self.in_flight -= 1
            if not self.in_flight:
                self._quiet.set()

    async def _served(self, request: web.BaseRequest) -> web.StreamResponse:
        if self.closing:
            raise Refusal(ErrorCode.E_SHUTTING_DOWN)
        self._check_host(request)
        path = request.raw_path.partition("?")[0]
        if path == OPENAPI_PATH:
            _check_method(request, "GET")
            return _json(self._describe(), 200)
        if path == METRICS_PATH and self.metrics is not None:
            _check_method(request, "GET")
            return web.Response(body=self.metrics(), headers={"Content-Type": METRICS_TYPE})
        if path.startswith(CONTROL_PREFIX):
            return await self._controlled(request, path.removeprefix(CONTROL_PREFIX))
        expected = _expected(path)
        _check_method(request, "POST")
        self._check_rate(self._peers, request.remote or "")
        client = self.credentials.find(request.headers.get("Authorization", ""), self._today())
        if client is None:
            raise Refusal(ErrorCode.E_AUTH)
        self._check_rate(self._clients, client.name)
        data = await self._body(request)
        answer = await self._answer(data, expected, client)
        self.answered += 1
        return _file(answer) if answer.filename else _json(answer.body, 200)

    async def _answer(self, data: bytes, expected: str, client: Client) -> Sent:
        return await self.calls.answer(data, expected, client)

    async def _controlled(self, request: web.BaseRequest, path: str) -> web.StreamResponse:
        """`/_yidi/`, for testing only; to whoever may not reach it, it does not exist."""
        if self.control is None or not is_on_this_machine(request.remote):
            raise Refusal(ErrorCode.E_ROUTE)
        host = request.headers.get("Host", "")
        if not names_this_machine(host):
            raise Refusal(ErrorCode.E_HOST)
        if not is_own_page(host, request.headers):
            raise Refusal(ErrorCode.E_ORIGIN)
        if request.method != "GET":
            _check_method(request, "POST")
        data = b"" if request.method == "GET" else await self._body(request)
        reply = await self.control.serve(request.method, path, request.query, data)
        if reply is None:
            raise Refusal(ErrorCode.E_ROUTE)
        return _json(reply.body, reply.status)

    def _check_host(self, request: web.BaseRequest) -> None:
        named = request.headers.getall("Host", [])
        if not named and request.version == HttpVersion10:
            return
        name, colon, port = named[0].lower().rpartition(":") if named else ("", "", "")
        if not colon or not port.isdigit():
            name = named[0].lower() if named else ""
        if len(named) != 1 or name not in self.options.names:
            raise Refusal(ErrorCode.E_HOST)

    def _check_rate(self, buckets: Buckets, name: str) -> None:
        wait = buckets.wait(name, int(asyncio.get_running_loop().time() * 1_000_000))
        if wait:
            raise Refusal(ErrorCode.E_RATE, limit=wait)

    async def _body(self, request: web.BaseRequest) -> bytes:
        """The body, decompressed; bounded before and after."""
        if request.content_type not in _CONTENT_TYPES or "Content-Type" not in request.headers:
            raise Refusal(ErrorCode.E_CONTENT_TYPE)
        if (request.charset or "utf-8").lower() not in ("utf-8", "utf8"):
            raise Refusal(ErrorCode.E_CONTENT_TYPE)
        encoding = request.headers.get("Content-Encoding", "identity").lower()
        if encoding not in ("identity", "gzip", "deflate"):
            raise Refusal(ErrorCode.E_CONTENT_TYPE)
        if (request.content_length or 0) > BODY_BYTES_MAX:
            raise Refusal(ErrorCode.E_BODY_TOO_LARGE, limit=BODY_BYTES_MAX)
        data = bytearray()
        try:
            async with asyncio.timeout(self.options.body_seconds):
                async for piece in request.content.iter_any():
                    data += piece
                    if len(data) > BODY_BYTES_MAX:
                        raise Refusal(ErrorCode.E_BODY_TOO_LARGE, limit=BODY_BYTES_MAX)
        except TimeoutError:
            raise Refusal(ErrorCode.E_REQUEST_TIMEOUT) from None
        except web.RequestPayloadError:
            raise Refusal(ErrorCode.E_HTTP) from None
        return bytes(data) if encoding == "identity" else _decompressed(bytes(data))

    # ------------------------------------------------------------------ refusals

    def _refuse(self, request: web.BaseRequest, refusal: Refusal) -> web.Response:
        code = refusal.code
        rated = code is ErrorCode.E_RATE
        problem = HttpProblem(
            code=code,
            at=refusal.at,
            sentence=sentence(code),
            limit=self.options.rate if rated else refusal.limit,
            retry_after=refusal.limit if rated else None,
        )
        response = self._tell(request, problem, STATUS[code])
        if rated:
            response.headers["Retry-After"] = str(refusal.limit)
        if code is ErrorCode.E_AUTH:
            response.headers["WWW-Authenticate"] = "Bearer"
        if code is ErrorCode.E_METHOD:
            response.headers["Allow"] = refusal.at
            response.body = _encode(HttpProblem(code=code, at="$", sentence=sentence(code)))
        if code in _CLOSING:
            response.force_close()
        return response

    def _tell(self, request: web.BaseRequest, problem: Any, status: int) -> web.Response:
        self.refused[problem.code] += 1
        count = self.refused[problem.code]
        if not count & (count - 1):  # the first, second, fourth …: a flood fills no log
            _log.warning("%s peer=%s count=%d", problem.code, request.remote, count)
        return _json(_encode(problem), status)


class _Handler(RequestHandler):
    """aiohttp's connection, whose own errors have our form and echo nothing."""

    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what was no HTTP."""
        code = ErrorCode.E_HTTP if status < 500 else ErrorCode.E_INTERNAL
        problem = HttpProblem(code=code, at="$", sentence=sentence(code))
        response = _json(_encode(problem), status)
        response.force_close()
        return response


class _Server(web.Server):
    def __init__(self, handler: Any, **options: Any) -> None:
        super().__init__(handler, **options)
        self._options = options

    def __call__(self) -> RequestHandler:
        return _Handler(self, loop=self._loop, **self._options)


def _expected(path: str) -> str:
    """The transaction that a path names; empty where the body does.

    Raises:
        Refusal: `E_ROUTE`.
    """
    if path == CALL_SERVICE:
        return ""
    call = BY_PATH.get(path)
    if call is not None:
        return call.infno
    base, _, infno = path.rpartition("/")
    if base == CALL_SERVICE and infno.isalnum() and infno.isascii() and len(infno) <= _INFNO_MAX:
        return infno
    raise Refusal(ErrorCode.E_ROUTE)


def _check_method(request: web.BaseRequest, method: str) -> None:
    if request.method != method:
        raise Refusal(ErrorCode.E_METHOD, at=method)


def _decompressed(data: bytes) -> bytes:
    worker = zlib.decompressobj(wbits=47)
    try:
        plain = worker.decompress(data, BODY_BYTES_MAX + 1)
    except zlib.error:
        raise DecodeError(ErrorCode.E_DECODE, at="byte 0", want="gzip or deflate") from None
    if len(plain) > BODY_BYTES_MAX:
        raise Refusal(ErrorCode.E_DECOMPRESS_LIMIT, limit=BODY_BYTES_MAX)
    if not worker.eof or worker.unused_data:
        raise DecodeError(ErrorCode.E_DECODE, at=f"byte {len(data)}", want="one whole stream")
    return plain


_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


def _json(body: bytes, status: int) -> web.Response:
    return web.Response(
        body=body, status=status, headers=_HEADERS, content_type="application/json", charset="utf-8"
    )


def _file(sent: Sent) -> web.Response:
    named = f"attachment; filename*=UTF-8''{quote(sent.filename, safe='')}"
    headers = {**_HEADERS, "Content-Disposition": named}
    return web.Response(body=sent.body, headers=headers, content_type="application/octet-stream")
