"""`/metrics`: what it counts, that Prometheus can read it, and whom it does not name."""

from __future__ import annotations

import asyncio
import urllib.error
import urllib.request

from prometheus_client.parser import text_string_to_metric_families

from tests.broker.gateway import net as n
from tests.live.test_control import Desk, at_the_counter
from tests.live.test_gateway import VISIT
from yidi.scenarios.live.metrics_server import metrics_served


async def scraped(desk: Desk) -> tuple[str, dict[tuple[str, ...], float]]:
    """The text, and every sample by its name and labels in the order of their names."""
    request = n.request(
        b"", method="GET", path="/metrics", head={"Authorization": None, "Content-Type": None}
    )
    reply = await n.send(desk.served.server, request)
    assert 200 == reply.status
    text = reply.body.decode()
    families = list(text_string_to_metric_families(text))
    assert len({family.name for family in families}) == len(families), "one family a name"
    samples = {
        (one.name, *(one.labels[name] for name in sorted(one.labels))): one.value
        for family in families
        for one in family.samples
    }
    return text, samples


async def test_a_settlement_is_counted_at_every_node_and_at_the_counter() -> None:
    """Messages by transaction and kind, answers by outcome, the call's latency, the postings."""
    async with at_the_counter() as desk:
        await desk.admit_and_discharge()
        await desk.call("2304", {"data": desk.claim})
        text, found = await scraped(desk)

    nodes = ("treatment:310000", "hub:100000", "insured:340600")
    for node in nodes:
        assert 1 == found["yidi_messages_received_total", "2304", "request", node], node
    assert 1 == found["yidi_answers_total", "2304", "insured:340600", "ok"]
    assert 1 == found["yidi_call_seconds_count", "2304", "ok"]
    assert 3 == found["yidi_postings_total", "all"], "one posting at each of the three"
    assert found["yidi_turn_frames_count",] > 0
    assert 0 == found["yidi_outbox_pending", "treatment:310000"]
    for secret in (desk.psn_no, desk.cert["mdtrt_cert_no"], VISIT, n.TOKEN, n.HOSPITAL):
        assert secret not in text


async def test_refusals_waiting_messages_and_unknown_outcomes_are_counted() -> None:
    """E_BUSY of a node, E_AUTH of the edge, a held message, a call nobody answered."""
    async with at_the_counter() as desk:
        card = {"data": {**desk.cert, "psn_cert_type": "01"}}
        await desk.control("outcomes", {"outcome": "refuse", "region": "340600", "code": "E_BUSY"})
        await desk.raw("1101", card)
        await desk.control("outcomes", {"outcome": "hold", "region": "340600"})
        desk.served.desk.seconds = 0.2
        assert 504 == (await desk.raw("1101", card)).status
        await n.send(desk.served.server, n.request(n.call(), head={"Authorization": "Bearer no"}))
        _, found = await scraped(desk)

    assert 1 == found["yidi_answers_total", "1101", "insured:340600", "E_BUSY"]
    assert 1 == found["yidi_call_seconds_count", "1101", "E_BUSY"]
    assert 1 == found["yidi_call_seconds_count", "1101", "E_DELIVERY_TIMEOUT"]
    assert 1 == found["yidi_held_messages", "insured:340600"]
    assert 1 == found["yidi_http_refused_total", "E_AUTH"]


async def test_only_reading_is_served() -> None:
    """POST is 405 at the gateway; a node's server tells its numbers and its health."""
    async with at_the_counter() as desk:
        reply = await n.send(desk.served.server, n.request({}, path="/metrics"))
    well = [True, False]
    async with metrics_served(lambda: b"yidi 1\n", lambda: well.pop(0), "127.0.0.1", 0) as port:
        said = await asyncio.to_thread(fetched, port, "metrics")
        health = [await asyncio.to_thread(fetched, port, "healthz") for _ in range(2)]

    assert 405 == reply.status
    assert (200, b"yidi 1\n") == said
    assert [200, 503] == [status for status, _ in health]


def fetched(port: int, path: str) -> tuple[int, bytes]:
    """Status and body of a GET on loopback."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}", timeout=120) as reply:
            return reply.status, reply.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()
