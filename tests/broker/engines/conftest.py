"""Servers and engines that more than one module uses."""

from __future__ import annotations

import itertools

import msgspec
import pytest

from tests.broker.engines.contract import FAST
from tests.broker.engines.servers import mosquitto, nats_servers
from yidi.broker.engines.base import engine_from_url

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def mosquitto_server(tmp_path_factory):
    """One mosquitto for all tests that do not stop it."""
    server = mosquitto(tmp_path_factory.mktemp("mosquitto"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
async def mqtt(mosquitto_server):
    """The MQTT engine; the server's store is wiped before each test, since sessions live on."""
    mosquitto_server.stop()
    mosquitto_server.wipe()
    mosquitto_server.start()
    engine = engine_from_url(f"mqtt://127.0.0.1:{mosquitto_server.port}", FAST)
    yield engine
    await engine.close()


@pytest.fixture(scope="session")
def nats_server(tmp_path_factory):
    """One nats-server for all tests that do not stop it."""
    (server,) = nats_servers(tmp_path_factory.mktemp("nats"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
async def jetstream(nats_server):
    """A client's JetStream manager on a server without any stream."""
    import nats

    client = await nats.connect(f"nats://127.0.0.1:{nats_server.port}")
    manager = client.jsm()
    for info in await manager.streams_info():
        await manager.delete_stream(info.config.name)
    yield manager
    await client.close()


@pytest.fixture
async def unprepared(nats_server, jetstream):
    """The NATS engine before its stream is made."""
    # A name of its own: a server may still be busy with the deleted stream of the test before.
    options = msgspec.structs.replace(FAST, network=f"net{next(_numbers)}")
    engine = engine_from_url(f"nats://127.0.0.1:{nats_server.port}", options)
    yield engine
    await engine.close()


@pytest.fixture
async def jet(unprepared):
    """The NATS engine with a new stream."""
    await unprepared.prepare()
    return unprepared
