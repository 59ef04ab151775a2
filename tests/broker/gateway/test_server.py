"""The HTTP edge: bad-input H01 to H05, H08 to H12, H16, H18 and H20, each by its exact answer."""

from __future__ import annotations

import asyncio
import gzip
import json
import zlib
from typing import Any

import pytest

from tests.broker.gateway import net as n
from yidi.broker.gateway.inputs import CALL_SERVICE
from yidi.broker.gateway.server import BODY_BYTES_MAX
from yidi.protocol.envelope import Envelope
from yidi.protocol.errors import DeliveryTimeout
from yidi.protocol.messages import Rejection


async def refused(raw: bytes, **options: Any) -> tuple[int, str, n.Reply]:
    """Status and code of one request to a fresh gateway."""
    async with n.gateway(**options) as server:
        reply = await n.send(server, raw)
    return reply.status, reply.json["code"], reply


async def test_a_call_is_answered_in_an_envelope_to_the_letter() -> None:
    """infcode, 30 characters of inf_refmsgid, 17 of each time, output nodes."""
    async with n.gateway() as server:
        reply = await n.send(server, n.request(n.call()))

    answer = reply.json
    assert (200, 0) == (reply.status, answer["infcode"])
    assert answer["inf_refmsgid"].startswith("31000020260302100000")
    assert (30, 17, 17) == tuple(
        len(answer[name]) for name in ("inf_refmsgid", "refmsg_time", "respond_time")
    )
    assert "997483198005015987" == answer["output"]["baseinfo"]["certno"]
    assert "800.00" == answer["output"]["insuinfo"][0]["balc"]


async def test_h01_a_body_beyond_the_limit_by_its_length() -> None:
    """Refused by Content-Length alone, before anything is read."""
    raw = n.request(head={"Content-Length": str(BODY_BYTES_MAX + 1)})
    status, code, reply = await refused(raw)

    assert (413, "E_BODY_TOO_LARGE", BODY_BYTES_MAX) == (status, code, reply.json["limit"])


async def test_h01_a_body_beyond_the_limit_in_chunks() -> None:
    """Refused as soon as the chunks come to more than the limit."""
    head = {"Content-Length": None, "Transfer-Encoding": "chunked"}
    piece = b"x" * 65_536
    chunks = (b"%x\r\n" % len(piece) + piece + b"\r\n") * 17 + b"0\r\n\r\n"

    assert (413, "E_BODY_TOO_LARGE") == (await refused(n.request(head=head) + chunks))[:2]


@pytest.mark.parametrize("kind", [None, "application/xml", "multipart/form-data", "text/html"])
async def test_h02_only_json_and_plain_text(kind: str | None) -> None:
    """Another content type, or none, is 415."""
    raw = n.request(n.call(), head={"Content-Type": kind})

    assert (415, "E_CONTENT_TYPE") == (await refused(raw))[:2]


@pytest.mark.parametrize("kind", ["application/json; charset=UTF-8", "text/plain"])
async def test_h02_what_provinces_send_is_taken(kind: str) -> None:
    """JSON with a charset, and text/plain as in Guangdong and Hunan."""
    async with n.gateway() as server:
        assert (
            200 == (await n.send(server, n.request(n.call(), head={"Content-Type": kind}))).status
        )


@pytest.mark.parametrize(
    ("body", "at"),
    [(b'{"infno": }', "byte 10"), (b'{"infno":"1101"', "byte 15"), (b"[]x", "byte 2")],
)
async def test_h03_malformed_json_with_its_offset(body: bytes, at: str) -> None:
    """400 with the byte at which reading stopped."""
    status, code, reply = await refused(n.request(body))

    assert (400, "E_DECODE", at) == (status, code, reply.json["at"])


@pytest.mark.parametrize("body", [b"[]", b"7", b'"1101"', b"null"])
async def test_h03_json_that_is_no_object(body: bytes) -> None:
    """400 as well: there is no envelope to answer in."""
    assert (400, "E_DECODE") == (await refused(n.request(body)))[:2]


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"])
async def test_h04_h18_another_method(method: str) -> None:
    """405 with Allow; no CORS header, whoever asks."""
    raw = n.request(method=method, head={"Origin": "https://elsewhere.example"})
    async with n.gateway() as server:
        reply = await n.send(server, raw)

    assert (405, "POST") == (reply.status, reply.headers["allow"])
    assert not [name for name in reply.headers if name.startswith("access-control")]


@pytest.mark.parametrize(
    "path",
    ["/", "/other", CALL_SERVICE + "/", "/" + CALL_SERVICE, CALL_SERVICE + "/1101/x",
     CALL_SERVICE.replace("fsi/", "fsi//"), "/fsi/api/../api/rsfComIfsService/callService",
     CALL_SERVICE.replace("callS", "call%53"), CALL_SERVICE + "/%2e%2e"],
)  # fmt: skip
async def test_h04_an_unknown_route(path: str) -> None:
    """Trailing and double slashes, dots and escapes are other routes: 404."""
    assert (404, "E_ROUTE") == (await refused(n.request(n.call(), path=path)))[:2]


@pytest.mark.parametrize(
    "value", [None, "", "Bearer", "Bearer wrong-token-wrong-token", f"Basic {n.TOKEN}",
              f"Bearer {n.OLD_TOKEN}", "Bearer " + "x" * 4_000],
)  # fmt: skip
async def test_h05_no_token_a_bad_one_or_an_expired_one(value: str | None) -> None:
    """401, the same for all of them."""
    status, code, reply = await refused(n.request(n.call(), head={"Authorization": value}))

    assert (401, "E_AUTH", "Bearer") == (status, code, reply.headers["www-authenticate"])


async def test_h05_a_token_of_another_region() -> None:
    """403 before anything is asked."""
    net = n.Net()
    raw = n.request(n.call(), head={"Authorization": f"Bearer {n.SHANGHAI_TOKEN}"})
    async with n.gateway(net) as server:
        reply = await n.send(server, raw)

    assert (403, "E_FORBIDDEN", []) == (reply.status, reply.json["code"], net.asked)


@pytest.mark.parametrize("msgid", [None, "", "1", "x" * 30, "H31010100002202603021000000001"])
async def test_h08_a_missing_or_wrong_message_id(msgid: str | None) -> None:
    """A business error: infcode -1, and nothing was asked."""
    net = n.Net()
    async with n.gateway(net) as server:
        answer = (await n.send(server, n.request(n.call(msgid=msgid)))).json

    assert -1 == answer["infcode"]
    assert answer["err_msg"].split()[0] in ("E_MISSING_FIELD", "E_KEY_FORMAT")
    assert "at=$.msgid" in answer["err_msg"]
    assert [] == net.asked


@pytest.mark.parametrize("sent", [b"POST ", n.request(n.call())[:-40]], ids=["head", "body"])
async def test_h09_a_slow_client_is_cut_off_and_others_are_served(sent: bytes) -> None:
    """A head or body that does not come is not waited for."""
    async with n.gateway(head_seconds=0.2, body_seconds=0.2) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(sent)
        assert 200 == (await n.send(server, n.request(n.call()))).status
        got = await asyncio.wait_for(reader.read(), 60)
        writer.close()

    assert not got or b"E_REQUEST_TIMEOUT" in got


@pytest.mark.parametrize("start", [b"", n.request(n.call())[:-60]], ids=["head", "body"])
async def test_h09_a_byte_now_and_then_buys_no_time(start: bytes) -> None:
    """A head or body that trickles is cut off at the same deadline as one that does not come."""
    trickle = iter(n.request(n.call())[len(start) :])
    async with n.gateway(head_seconds=0.4, body_seconds=0.4) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(start)
        reading = asyncio.create_task(reader.read())
        for byte in trickle:
            if reading.done():
                break
            writer.write(bytes([byte]))
            await asyncio.wait({reading}, timeout=0.1)
        writer.close()
        got = await reading

    assert next(trickle, None) is not None, "it could say all it had"
    assert not got or b"E_REQUEST_TIMEOUT" in got


@pytest.mark.parametrize(
    "head",
    [
        b"".join(b"X-%d: 1\r\n" % i for i in range(10_000)),
        b"X-Long: " + b"x" * 65_536 + b"\r\n",
        b"X-Fold: a\r\n b\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"Content-Length: 7\r\n",
        b"No colon\r\n",
    ],
    ids=["10000", "64KiB", "obs-fold", "CL+TE", "CL twice", "no colon"],
)
async def test_h10_a_malformed_head(head: bytes) -> None:
    """400 in our form, and the connection is closed: `send` reads to its end."""
    first, _, rest = n.request(n.call(), head={"Connection": None}).partition(b"\r\n")

    assert (400, "E_HTTP") == (await refused(first + b"\r\n" + head + rest))[:2]


async def test_h10_bare_line_feeds() -> None:
    """400: another server might see other borders."""
    raw = n.request(n.call()).replace(b"\r\n", b"\n")

    assert (400, "E_HTTP") == (await refused(raw))[:2]


@pytest.mark.parametrize("name", ["gzip", "deflate"])
async def test_h11_a_bomb(name: str) -> None:
    """413 once it has grown beyond the limit; it is never written out."""
    pack = gzip.compress if name == "gzip" else zlib.compress
    raw = n.request(pack(b" " * 50_000_000), head={"Content-Encoding": name})

    status, code, reply = await refused(raw)
    assert (413, "E_DECOMPRESS_LIMIT", BODY_BYTES_MAX) == (status, code, reply.json["limit"])


async def test_w27_a_body_of_the_limit_is_not_a_bomb() -> None:
    """A packed call that comes to exactly the limit is read; one byte more is not."""
    document = json.dumps(n.call()).encode()
    for spare, wanted in ((0, 200), (1, 413)):
        data = document + b" " * (BODY_BYTES_MAX - len(document) + spare)
        raw = n.request(gzip.compress(data), head={"Content-Encoding": "gzip"})
        async with n.gateway() as server:
            assert wanted == (await n.send(server, raw)).status


async def test_h11_gzip_is_taken_and_br_is_not() -> None:
    """What is honest is read; what nobody can bound is 415."""
    packed = gzip.compress(json.dumps(n.call()).encode())
    async with n.gateway() as server:
        taken = await n.send(server, n.request(packed, head={"Content-Encoding": "gzip"}))
        other = await n.send(server, n.request(packed, head={"Content-Encoding": "br"}))

    assert (200, 415) == (taken.status, other.status)


async def test_h12_a_flood_from_one_peer() -> None:
    """429 with retry_after, in the body and as a header."""
    async with n.gateway(rate=1, burst=3) as server:
        replies = [await n.send(server, n.request(n.call(serial=i))) for i in range(1, 6)]

    assert [200, 200, 200, 429, 429] == [reply.status for reply in replies]
    last = replies[-1]
    assert ("E_RATE", 1, "1") == (
        last.json["code"], last.json["retry_after"], last.headers["retry-after"],
    )  # fmt: skip


async def test_h12_h16_a_forwarded_address_is_not_believed() -> None:
    """A new X-Forwarded-For with each request is the same peer all the same."""
    heads = [{"X-Forwarded-For": f"10.0.0.{i}", "Forwarded": f"for=10.0.0.{i}"} for i in range(5)]
    async with n.gateway(rate=1, burst=3) as server:
        replies = [
            await n.send(server, n.request(n.call(serial=i), head=head))
            for i, head in enumerate(heads, 1)
        ]

    assert [200, 200, 200, 429, 429] == [reply.status for reply in replies]


async def test_h16_no_host_at_all() -> None:
    """HTTP/1.1 requires one: 400 before our own look at it."""
    assert (400, "E_HTTP") == (await refused(n.request(n.call(), head={"Host": None})))[:2]


@pytest.mark.parametrize("host", ["elsewhere.example", "127.0.0.1.example", "a, b", ""])
async def test_h16_a_spoofed_host(host: str) -> None:
    """400; a forwarded one is not looked at."""
    raw = n.request(n.call(), head={"Host": host, "X-Forwarded-Host": "127.0.0.1"})

    assert (400, "E_HOST") == (await refused(raw))[:2]


async def test_h18_http_1_0_and_a_hundred_pipelined_requests() -> None:
    """Both are served; a hundred answers come in order."""
    one = n.request(n.call(), head={"Connection": None})
    last = n.request(n.call())
    async with n.gateway() as server:
        old = await n.send(server, n.request(n.call(), version="1.0"))
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(one * 99 + last)
        got = await asyncio.wait_for(reader.read(), 20)
        writer.close()

    assert 200 == old.status
    assert 100 == got.count(b'"infcode":0')


async def test_h20_shutting_down_refuses_the_new_and_finishes_what_is_under_way() -> None:
    """503 on a connection that stands; the call before it gets its answer."""
    release, arrived = asyncio.Event(), asyncio.Event()

    async def slowly(envelope: Envelope) -> Envelope:
        arrived.set()
        await release.wait()
        return n.answered(envelope, n.ANSWER)

    async with n.gateway(n.Net(slowly)) as server:
        first = asyncio.create_task(n.send(server, n.request(n.call())))
        await arrived.wait()
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        stopping = asyncio.create_task(server.stop())
        await asyncio.sleep(0)
        writer.write(n.request(n.call(serial=2)))
        second = n.Reply(await asyncio.wait_for(reader.read(), 60))
        writer.close()
        release.set()
        await stopping

    assert (503, "E_SHUTTING_DOWN") == (second.status, second.json["code"])
    assert 0 == (await first).json["infcode"]


async def test_h20_what_does_not_end_in_time_is_unknown_and_never_refused() -> None:
    """The connection ends without an answer: the client asks or reverses, as after a time-out."""
    arrived, never = asyncio.Event(), asyncio.Event()

    async def silent(envelope: Envelope) -> Envelope:
        arrived.set()
        await never.wait()
        raise AssertionError("nobody set it")

    async with n.gateway(n.Net(silent), grace_seconds=0.1) as server:
        call = asyncio.create_task(n.send(server, n.request(n.call())))
        await arrived.wait()
        await server.stop()
        reply = await call

    assert reply.status in (0, 504)
    assert b"" == reply.body


@pytest.mark.parametrize("code", ["E_TIMEOUT", "E_IN_DOUBT", "E_INTERNAL", "E_NEVER_HEARD_OF"])
async def test_what_is_not_definite_is_504_and_empty(code: str) -> None:
    """infcode -1 would be read as a definite failure."""

    async def doubtful(envelope: Envelope) -> Envelope:
        return n.answered(envelope, Rejection(code=code), 2)

    async with n.gateway(n.Net(doubtful)) as server:
        reply = await n.send(server, n.request(n.call()))

    assert (504, b"") == (reply.status, reply.body)


async def test_no_answer_in_time_is_504_and_empty() -> None:
    """So is silence."""

    async def silent(envelope: Envelope) -> Envelope:
        raise DeliveryTimeout(got=envelope.origin.message_id)

    async with n.gateway(n.Net(silent)) as server:
        reply = await n.send(server, n.request(n.call()))

    assert (504, b"") == (reply.status, reply.body)


async def test_a_bug_of_ours_is_500_without_a_traceback() -> None:
    """The client learns that it was not them, and nothing else."""

    async def broken(envelope: Envelope) -> Envelope:
        raise KeyError("secret")

    async with n.gateway(n.Net(broken)) as server:
        reply = await n.send(server, n.request(n.call()))

    assert (500, "E_INTERNAL") == (reply.status, reply.json["code"])
    assert b"secret" not in reply.body


async def test_the_openapi_document_is_served() -> None:
    """Without a token, by GET only."""
    async with n.gateway() as server:
        got = await n.send(server, n.request(method="GET", path="/openapi.json"))
        other = await n.send(server, n.request(path="/openapi.json"))

    assert "3.1.0" == got.json["openapi"]
    assert (405, "GET") == (other.status, other.headers["allow"])
