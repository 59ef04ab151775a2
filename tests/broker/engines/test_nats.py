"""The NATS engine keeps the contract against a real server, and on a cluster of three."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from tests.broker.engines.contract import (
    FAST,
    HUB,
    INSURED,
    EngineContract,
    attach,
    eventually,
    numbered,
)
from tests.broker.engines.servers import nats_servers
from yidi.broker.engines.base import engine_from_url


@pytest.fixture
def engine(jet):
    """The engine under the contract."""
    return jet


class TestNats(EngineContract):
    """The contract, over JetStream."""


# --- One server that ends -----------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["stopped", "killed", "wiped"])
async def test_what_was_not_delivered_can_be_sent_anew(tmp_path, ending):
    """BF1 to BF3: whatever the server forgot, resending it after the restart delivers all."""
    (server,) = nats_servers(tmp_path)
    server.start()
    own = engine_from_url(f"nats://127.0.0.1:{server.port}", FAST)
    await own.prepare()
    hub, _ = await attach(own, HUB)
    insured, at_insured = await attach(own, INSURED)
    for frame in numbered(300):
        hub.send(INSURED, 0, frame)
    await asyncio.sleep(0)
    server.stop(kill=ending != "stopped")
    if ending == "wiped":
        server.wipe()
    await eventually(lambda: not hub.connected and not insured.connected)
    for frame in numbered(600)[300:]:
        hub.send(INSURED, 0, frame)
    server.start()
    await eventually(lambda: hub.connected and insured.connected)
    for missing in set(numbered(600)) - set(at_insured.frames):
        hub.send(INSURED, 0, missing)

    await at_insured.until(lambda: set(numbered(600)) == set(at_insured.frames))
    await own.close()
    server.stop()


# --- Three servers ------------------------------------------------------------------------------


R3 = msgspec.structs.replace(FAST, replicas=3)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """Three servers that know each other."""
    servers = nats_servers(tmp_path_factory.mktemp("cluster"), 3)
    for server in servers:
        server.start()
    yield servers
    for server in servers:
        server.stop()


@pytest.fixture
async def replicated(cluster):
    """An engine on all three, its stream held three times."""
    addresses = ",".join(f"127.0.0.1:{server.port}" for server in cluster)
    engine = engine_from_url(f"nats://{addresses}", R3)
    await engine.prepare()
    yield engine
    await engine.close()


async def test_a_cluster_delivers(replicated):
    """2,000 frames both ways over a stream with three replicas arrive in order."""
    hub, at_hub = await attach(replicated, HUB)
    insured, at_insured = await attach(replicated, INSURED)
    for frame in numbered(2_000):
        hub.send(INSURED, 0, frame)
        insured.send(HUB, 0, frame)

    assert numbered(2_000) == await at_hub.has(2_000)
    assert numbered(2_000) == await at_insured.has(2_000)


async def test_a_killed_leader_loses_nothing(replicated, cluster):
    """BF4: frames sent while the stream's leader dies all arrive, through its successor."""
    import nats

    hub, _ = await attach(replicated, "hub:yrd")
    _, at_insured = await attach(replicated, "insured:320500")
    client = await nats.connect(f"nats://127.0.0.1:{cluster[0].port}")
    leader = (await client.jsm().stream_info(R3.network)).cluster.leader
    await client.close()
    killed = cluster[int(leader[1:])]
    for number, frame in enumerate(numbered(1_000)):
        hub.send("insured:320500", 0, frame)
        if number == 500:
            killed.stop(kill=True)
        if number % 20 == 0:
            await asyncio.sleep(0)

    await at_insured.until(lambda: set(numbered(1_000)) == set(at_insured.frames))
    killed.start()
