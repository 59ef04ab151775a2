"""The way to an own node over HTTP, and every way in which nothing comes back."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.live.own_nodes import own_node
from yidi.broker.external.http import HttpClient
from yidi.protocol.json_scan import JSON_BYTES_MAX
from yidi.scenarios.live.programs import free_ports


@pytest.fixture
async def client() -> AsyncIterator[HttpClient]:
    """A client, closed at the end."""
    made = HttpClient()
    yield made
    await made.close()


async def test_a_whole_answer_comes_with_status_and_bytes(client: HttpClient) -> None:
    """What was sent back is handed on untouched."""
    with own_node(lambda asked, headers: (200, b'{"infcode": 0}')) as url:
        reply = await client.post(url, b"{}", {"Yidi-Case-Key": "A1"}, 5)

    assert (200, b'{"infcode": 0}', "") == (reply.status, reply.body, reply.problem)


async def test_headers_arrive(client: HttpClient) -> None:
    """The facts travel as headers."""
    seen: list[str] = []

    def note(asked: object, headers: dict[str, str]) -> tuple[int, bytes]:
        seen.append(headers["Yidi-Case-Key"])
        return 200, b"{}"

    with own_node(note) as url:
        await client.post(url, b"{}", {"Yidi-Case-Key": "A1"}, 5)

    assert ["A1"] == seen


@pytest.mark.parametrize("status", [302, 404, 500, 504])
async def test_any_other_status_is_told(client: HttpClient, status: int) -> None:
    """A redirect is not followed."""
    with own_node(lambda asked, headers: (status, b"")) as url:
        reply = await client.post(url, b"{}", {}, 5)

    assert status == reply.status


async def test_nobody_there(client: HttpClient) -> None:
    """A refused connection is a problem, not an exception."""
    reply = await client.post(f"http://127.0.0.1:{free_ports(1)[0]}/", b"{}", {}, 5)

    assert (0, True) == (reply.status, reply.problem.startswith("connection"))


async def test_silence_is_a_time_out(client: HttpClient) -> None:
    """The whole exchange has one limit."""
    import asyncio

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    reply = await client.post(f"http://127.0.0.1:{port}/", b"{}", {}, 0.05)
    await client.close()
    server.close()
    await server.wait_closed()

    assert (0, "timeout") == (reply.status, reply.problem)


async def test_an_endless_body_is_cut(client: HttpClient) -> None:
    """A body beyond the limit of any document is not read to its end."""
    with own_node(lambda asked, headers: (200, b"x" * (JSON_BYTES_MAX + 10))) as url:
        reply = await client.post(url, b"{}", {}, 10)

    assert "more than" in reply.problem
