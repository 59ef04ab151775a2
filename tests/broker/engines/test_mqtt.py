"""The MQTT engine keeps the contract against a real mosquitto, and refuses what is no frame."""

from __future__ import annotations

import pytest

from tests.broker.engines.contract import FAST, EngineContract
from tests.broker.engines.servers import mosquitto
from yidi.broker.engines.base import engine_from_url


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A mosquitto for this module."""
    server = mosquitto(tmp_path_factory.mktemp("mosquitto"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
async def engine(server):
    """The engine; the server's store is wiped before each test, since sessions live on."""
    server.stop()
    server.wipe()
    server.start()
    engine = engine_from_url(f"mqtt://127.0.0.1:{server.port}", FAST)
    yield engine
    await engine.close()


class TestMqtt(EngineContract):
    """The contract, over mosquitto."""
