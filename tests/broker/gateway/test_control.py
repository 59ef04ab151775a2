"""Who reaches `/_yidi/`: this machine, and no page of others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tests.broker.gateway import net as n
from yidi.broker.gateway.control import (
    ControlReply,
    is_on_this_machine,
    is_own_page,
    names_this_machine,
)


class Echo:
    """Stands for the control of a live network."""

    async def serve(
        self, method: str, path: str, query: Mapping[str, str], data: bytes
    ) -> ControlReply | None:
        return ControlReply(200, b'"done"') if path == "known" else None


async def answered(path: str = "known", *, method: str = "POST", **head: str | None) -> n.Reply:
    """The answer to a call whose headers a test changes."""
    async with n.gateway() as server:
        server.control = Echo()
        headers: dict[str, Any] = {"Host": f"127.0.0.1:{server.port}", "Authorization": None}
        named = {name.replace("_", "-"): value for name, value in head.items()}
        request = n.request({}, method=method, path=f"/_yidi/{path}", head={**headers, **named})
        return await n.send(server, request)


@pytest.mark.parametrize(
    ("head", "status", "code"),
    [
        ({}, 200, ""),
        ({"Origin": "http://evil.example"}, 403, "E_ORIGIN"),
        ({"Origin": "null"}, 403, "E_ORIGIN"),
        ({"Origin": "http://127.0.0.1:1"}, 403, "E_ORIGIN"),
        ({"Sec-Fetch-Site": "cross-site"}, 403, "E_ORIGIN"),
        ({"Sec-Fetch-Site": "same-origin"}, 200, ""),
        ({"Host": "evil.example"}, 400, "E_HOST"),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415, "E_CONTENT_TYPE"),
        ({"Content-Type": None}, 415, "E_CONTENT_TYPE"),
    ],
)  # fmt: skip
async def test_only_this_machine_and_no_page_of_others(
    head: dict[str, str | None], status: int, code: str
) -> None:
    """Foreign Host, Origin, or a form: refused by code before anything is done."""
    reply = await answered(**head)

    assert status == reply.status
    assert (reply.json == "done") if not code else (code == reply.json["code"])


async def test_no_such_route_and_no_such_method() -> None:
    """404 and 405, as anywhere on the gateway."""
    assert (404, "E_ROUTE") == _code(await answered("unknown"))
    assert (405, "E_METHOD") == _code(await answered(method="PUT"))


async def test_where_it_is_switched_off_it_does_not_exist() -> None:
    """404, with or without a token."""
    async with n.gateway() as server:
        reply = await n.send(server, n.request({}, path="/_yidi/known"))

    assert (404, "E_ROUTE") == _code(reply)


@pytest.mark.parametrize(
    ("peer", "here"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("10.0.0.7", False),
     ("172.18.0.1", False), ("::ffff:10.0.0.7", False), ("", False), (None, False)],
)  # fmt: skip
def test_loopback_is_this_machine(peer: str | None, here: bool) -> None:
    """Whatever comes over another interface is somebody else."""
    assert here == is_on_this_machine(peer)


def test_an_own_page_has_this_very_origin() -> None:
    """Scheme, name and port; no Origin means no page."""
    assert is_own_page("localhost:8080", {})
    assert is_own_page("localhost:8080", {"Origin": "http://LOCALHOST:8080"})
    assert not is_own_page("localhost:8080", {"Origin": "https://localhost:8080"})


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:80", "[::1]:8080", "LOCALHOST:1"])
def test_a_host_header_may_name_this_machine(host: str) -> None:
    """With and without a port; anything else may not."""
    assert names_this_machine(host)
    assert not names_this_machine(f"x{host}")
    assert not names_this_machine("")


def _code(reply: n.Reply) -> tuple[int, str]:
    return reply.status, reply.json["code"]
