"""The NATS engine keeps the contract against a real server with JetStream."""

from __future__ import annotations

import pytest

from tests.broker.engines.contract import FAST, EngineContract
from tests.broker.engines.servers import nats_servers
from yidi.broker.engines.base import engine_from_url


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A nats-server for this module."""
    (server,) = nats_servers(tmp_path_factory.mktemp("nats"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
async def engine(server):
    """The engine; the stream is made anew for each test."""
    import nats

    client = await nats.connect(f"nats://127.0.0.1:{server.port}")
    manager = client.jsm()
    for info in await manager.streams_info():
        await manager.delete_stream(info.config.name)
    await client.close()
    engine = engine_from_url(f"nats://127.0.0.1:{server.port}", FAST)
    await engine.prepare()
    yield engine
    await engine.close()


class TestNats(EngineContract):
    """The contract, over JetStream."""
