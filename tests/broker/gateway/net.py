"""A gateway over a network that says what a test wants, and bytes to throw at it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from yidi.broker.gateway.calls import Calls
from yidi.broker.gateway.guards import Credentials, client
from yidi.broker.gateway.inputs import CALL_SERVICE
from yidi.broker.gateway.openapi import openapi_document
from yidi.broker.gateway.server import GatewayServer, ServerOptions
from yidi.broker.gateway.signing import Signatures
from yidi.protocol.codec import encode
from yidi.protocol.envelope import Envelope, Origin, seal
from yidi.protocol.instants import Instant, parse_datetime
from yidi.protocol.messages import EligibilityResult, Insurance

TOKEN = "a-token-of-twenty-chars"
SHANGHAI_TOKEN = "a-token-for-shanghai-only"
OLD_TOKEN = "a-token-that-has-expired"
HOSPITAL = "H31010100001"
ANSWER = EligibilityResult(
    person_no="340600000000000001", name="林测试", certificate_no="997483198005015987", sex="2",
    birth="1980-05-01", filings=[], chronic=[], partition_key=7,
    insurances=[
        Insurance(insutype="310", psn_type="1101", status="1", balance_fen=80_000, insured="340600")
    ],
)  # fmt: skip

Ask = Callable[[Envelope], Awaitable[Envelope]]


class Net:
    """Stands for the desk of a live host."""

    def __init__(self, ask: Ask | None = None) -> None:
        self.asked: list[Envelope] = []
        self._ask = ask

    def now(self) -> Instant:
        return parse_datetime("2026-03-02 10:00:00")

    async def ask(self, envelope: Envelope) -> Envelope:
        self.asked.append(envelope)
        return await self._ask(envelope) if self._ask else answered(envelope, ANSWER)


def answered(request: Envelope, body: Any, kind: int = 1) -> Envelope:
    """An answer to a request."""
    asked = request.origin
    origin = Origin(
        asked.transaction, kind, "T" * 30, asked.message_id, asked.recipient, asked.sender, "",
        asked.treatment, asked.insured, 0, 0, 0, asked.trace_id,
    )  # fmt: skip
    return seal(asked.sender, origin, encode(body))


def call(infno: str = "1101", serial: int = 1, **changes: Any) -> dict[str, Any]:
    """A request's document; a change of None leaves the field out."""
    document = {
        "infno": infno,
        "msgid": f"{HOSPITAL}20260302100000{serial:04d}",
        "mdtrtarea_admvs": "310000",
        "insuplc_admdvs": "340600",
        "recer_sys_code": "YBXT",
        "infver": "V1.0",
        "opter_type": "1",
        "opter": "001",
        "opter_name": "收费员",
        "inf_time": "2026-03-02 10:00:00",
        "fixmedins_code": HOSPITAL,
        "fixmedins_name": "上海市测试第一医院",
        "input": {
            "data": {
                "mdtrt_cert_type": "02",
                "mdtrt_cert_no": "997483198005015987",
                "psn_cert_type": "01",
            }
        },
    }
    document.update(changes)
    return {name: value for name, value in document.items() if value is not None}


@asynccontextmanager
async def gateway(net: Net | None = None, **options: Any) -> AsyncIterator[GatewayServer]:
    """A gateway that listens on a free port."""
    clients = (
        client("all", TOKEN),
        client("shanghai", SHANGHAI_TOKEN, ("320000*",)),
        client("old", OLD_TOKEN, until="2020-01-01"),
    )
    calls = Calls(
        net or Net(), {}, b"secret", strict=options.pop("strict", False),
        signatures=options.pop("signatures", Signatures()),
    )  # fmt: skip
    server = GatewayServer(
        calls,
        Credentials(options.pop("clients", clients)),
        today=lambda: "2026-03-02",
        describe=openapi_document,
        options=ServerOptions(**options),
    )
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


def request(
    body: bytes | dict[str, Any] | None = None, *, method: str = "POST", path: str = CALL_SERVICE,
    head: dict[str, str | None] | None = None, version: str = "1.1",
) -> bytes:  # fmt: skip
    """A request's bytes; a header of None is left out."""
    content = json.dumps(body).encode() if isinstance(body, dict) else body or b""
    headers: dict[str, str | None] = {
        "Host": "127.0.0.1",
        "Authorization": f"Bearer {TOKEN}",
        "Content-Type": "application/json",
        "Content-Length": str(len(content)),
        "Connection": "close",
        **(head or {}),
    }
    lines = [f"{name}: {value}" for name, value in headers.items() if value is not None]
    return f"{method} {path} HTTP/{version}\r\n".encode() + (
        "\r\n".join(lines).encode() + b"\r\n\r\n" + content
    )


class Reply:
    """What came back."""

    def __init__(self, raw: bytes) -> None:
        head, _, self.body = raw.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        self.status = int(first.split()[1]) if first else 0
        self.headers = {
            name.lower(): value for name, _, value in (line.partition(": ") for line in lines)
        }

    @property
    def json(self) -> Any:
        return json.loads(self.body)


async def send(server: GatewayServer, raw: bytes) -> Reply:
    """Send bytes and read until the connection is closed."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(raw)
    got = await asyncio.wait_for(reader.read(), 20)
    writer.close()
    return Reply(got)
