"""The MQTT engine keeps the contract against a real mosquitto, and survives its ends."""

from __future__ import annotations

import asyncio

import pytest
from paho.mqtt import subscribe
from paho.mqtt.client import MQTTv5

from tests.broker.engines.contract import (
    FAST,
    HUB,
    INSURED,
    WAIT_MAX,
    EngineContract,
    Sink,
    attach,
    eventually,
    numbered,
)
from tests.broker.engines.servers import mosquitto
from yidi.broker.engines.base import engine_from_url
from yidi.broker.engines.batching import CONTENT_TYPE
from yidi.protocol.errors import ErrorCode

# User `hub`, password `secret`, as mosquitto_passwd writes it.
PASSWORDS = (
    "hub:$7$101$xNaow41PcRC0O53C$6zNzVj7e49K08+ftvRtiyMDrGr2eM+K52820"
    "L9ROHQXmQa4HJiDAZzLKMHVNkmxCeHrzAcM3FNxBIuwLIRybpw==\n"
)


@pytest.fixture
def engine(mqtt):
    """The engine under the contract."""
    return mqtt


class TestMqtt(EngineContract):
    """The contract, over mosquitto."""


@pytest.fixture
def server(tmp_path):
    """A mosquitto that a test may stop, kill and rob of its store."""
    server = mosquitto(tmp_path)
    server.start()
    yield server
    server.stop()


@pytest.fixture
async def own(server):
    """An engine on it."""
    engine = engine_from_url(f"mqtt://127.0.0.1:{server.port}", FAST)
    yield engine
    await engine.close()


@pytest.mark.parametrize("ending", ["stopped", "killed", "wiped"])
async def test_what_was_not_delivered_can_be_sent_anew(own, server, ending):
    """BF1 to BF3: whatever the server forgot, resending it after the restart delivers all."""
    hub, _ = await attach(own, HUB)
    insured, at_insured = await attach(own, INSURED)
    for frame in numbered(300):
        hub.send(INSURED, 0, frame)
    await asyncio.sleep(0)
    server.stop(kill=ending != "stopped")
    if ending == "wiped":
        server.wipe()
    for frame in numbered(600)[300:]:
        hub.send(INSURED, 0, frame)
    server.start()
    await eventually(lambda: hub.connected and insured.connected)

    for missing in set(numbered(600)) - set(at_insured.frames):
        hub.send(INSURED, 0, missing)

    await at_insured.until(lambda: set(numbered(600)) == set(at_insured.frames))
    assert 1 <= hub.counters.reconnects


async def test_what_is_queued_while_the_server_is_away_is_sent(own, server):
    """Frames that find no server wait in the attachment, and are all published once it is back."""
    _, at_insured = await attach(own, INSURED)
    hub, _ = await attach(own, HUB)
    server.stop()
    await eventually(lambda: not hub.connected)
    for frame in numbered(200):
        hub.send(INSURED, 0, frame)
    assert 200 == hub.pending
    server.start()
    await asyncio.wait_for(hub.drain(), WAIT_MAX)

    assert 200 == hub.counters.frames_sent
    assert numbered(200) == await at_insured.has(200)


async def test_a_node_starts_without_a_server(own, server):
    """BF10: attaching succeeds while nobody answers; frames wait, and one alarm says why."""
    server.stop()
    hub = await own.attach(HUB, Sink().receive)
    hub.send(INSURED, 0, b"early")
    await eventually(lambda: hub.counters.refused.get(ErrorCode.E_CONNECTION, 0) >= 3)

    assert [ErrorCode.E_CONNECTION] == [alarm.code for alarm in hub.counters.alarms]
    assert (False, 1) == (hub.connected, hub.pending)
    server.start()
    await asyncio.wait_for(hub.drain(), WAIT_MAX)


async def test_a_password_comes_from_the_environment(tmp_path, monkeypatch):
    """A server that wants a password gets the one of YIDI_ENGINE_PASSWORD; a URL holds none."""
    (tmp_path / "passwords").write_text(PASSWORDS, "utf-8")
    server = mosquitto(tmp_path, f"password_file {tmp_path / 'passwords'}", anonymous="false")
    server.start()
    monkeypatch.setenv("YIDI_ENGINE_USER", "hub")
    monkeypatch.setenv("YIDI_ENGINE_PASSWORD", "secret")
    engine = engine_from_url(f"mqtt://127.0.0.1:{server.port}", FAST)
    try:
        await attach(engine, HUB)
    finally:
        await engine.close()
        server.stop()


async def test_a_publish_says_what_it_is(mqtt, mosquitto_server):
    """Response topic, correlation data, expiry, content type and version are properties."""
    hub, _ = await attach(mqtt, f"{HUB}/3")
    name = "yidi/v1/hub-100000/insured-340600/7"
    how = {"qos": 1, "hostname": "127.0.0.1", "port": mosquitto_server.port, "protocol": MQTTv5}
    listening = asyncio.create_task(asyncio.to_thread(subscribe.simple, name, **how))
    while not listening.done():  # until it has subscribed
        hub.send(INSURED, 7, b"frame")
        await asyncio.sleep(0.01)

    said = (await listening).properties
    assert CONTENT_TYPE == said.ContentType
    assert "yidi/v1/insured-340600/hub-100000/3" == said.ResponseTopic
    assert 86_400 >= said.MessageExpiryInterval > 86_000
    assert said.CorrelationData.isdigit()
    assert [("yidi", "1")] == said.UserProperty
