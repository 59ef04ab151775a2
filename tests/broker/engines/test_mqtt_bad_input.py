"""Table M of bad input, as far as it is the engine's: each against a real mosquitto.

M01, M02, M10, M11 and what the server itself refuses of M03 and M06 are in `test_secured_mqtt`.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket

import msgspec
import pytest
from paho.mqtt import publish
from paho.mqtt.client import CallbackAPIVersion, Client, MQTTv5
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from tests.broker.engines.contract import HUB, INSURED, Sink, attach, eventually
from tests.broker.test_core import NOW, TREATMENT, core, message
from yidi.broker.engines.batching import MESSAGE_BYTES_MAX, encode_batch
from yidi.broker.engines.topics import parse_topic, topic
from yidi.protocol.errors import ErrorCode, RemoteProtocolError

TOPIC = topic(HUB, INSURED, 0)
CONNECT = b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x3c\x00\x01x"
CONNACK = b"\x20\x02\x00\x00"
"""Of MQTT 3.1.1, written by hand."""
GOOD = encode_batch([b"frame"])


@pytest.fixture
def inject(mosquitto_server):
    """Publish as somebody else's client would."""

    async def inject(payload, name=TOPIC, **how):
        how = {"qos": 1, "protocol": MQTTv5, "port": mosquitto_server.port} | how
        await asyncio.to_thread(publish.single, name, payload, hostname="127.0.0.1", **how)

    return inject


async def test_m03_retained(mqtt, inject):
    """M03: a retained message is ignored and counted, whether it lay there or comes now."""
    await inject(b"poison", retain=True)
    insured, sink = await attach(mqtt, INSURED)
    await inject(b"poison", retain=True)
    await inject(GOOD)

    assert [b"frame"] == await sink.has(1)
    assert {ErrorCode.E_RETAINED: 2} == insured.counters.refused
    await inject(b"", retain=True)


async def test_m04_quality_of_service_zero(mqtt, inject):
    """M04: what was published at QoS 0 is refused, and the alarm says what is wanted."""
    insured, sink = await attach(mqtt, INSURED)
    await inject(GOOD, qos=0)
    await inject(GOOD)

    assert [b"frame"] == await sink.has(1)
    assert {ErrorCode.E_QOS: 1} == insured.counters.refused
    assert "want=>=1" in insured.counters.alarms[0].facts


@pytest.mark.parametrize(
    "name",
    ["", "yidi/v1", "yidi/v1//insured-340600/0", "yidi/v1/+/insured-340600/0", "yidi/v1/#",
     "yidi/v1/hub-1/insured-340600/0\0", "yidi/v1/hub-1/insured-340600/", TOPIC + "/x",
     "yidi/v2/hub-1/insured-340600/0", "a" * 65_535, "yidi/v1/医院/insured-340600/0"],
)  # fmt: skip
def test_m05_names_of_topics(name):
    """M05: wildcards, NUL, empty levels and endless names are no topic of ours."""
    with pytest.raises(RemoteProtocolError) as caught:
        parse_topic(name)
    assert ErrorCode.E_TOPIC is caught.value.code


async def test_m05_a_topic_with_an_empty_level(mqtt, inject):
    """M05: what reaches our subscription all the same is refused with E_TOPIC."""
    insured, sink = await attach(mqtt, INSURED)
    await inject(GOOD, "yidi/v1//insured-340600/0")
    await inject(GOOD, "yidi/v1/hub 1/insured-340600/x")
    await inject(GOOD)

    assert [b"frame"] == await sink.has(1)
    assert {ErrorCode.E_TOPIC: 2} == insured.counters.refused


async def test_m06_empty_and_too_large(mqtt, inject):
    """M06: nothing is E_FRAME_EMPTY, more than a batch can hold E_FRAME_TOO_LARGE."""
    insured, sink = await attach(mqtt, INSURED)
    await inject(b"")
    await inject(bytes(MESSAGE_BYTES_MAX + 1))
    await inject(GOOD)

    assert [b"frame"] == await sink.has(1)
    wanted = {ErrorCode.E_FRAME_EMPTY: 1, ErrorCode.E_FRAME_TOO_LARGE: 1}
    assert wanted == insured.counters.refused


async def test_m06_a_huge_payload(mqtt, inject, mosquitto_server):
    """M06: 256 MB are cut off by the server's limit before they are sent, and reach nobody."""
    insured, sink = await attach(mqtt, INSURED)
    reader, writer = await asyncio.open_connection("127.0.0.1", mosquitto_server.port)
    name = TOPIC.encode()
    writer.write(CONNECT + b"\x32\xff\xff\xff\x7f" + len(name).to_bytes(2, "big") + name)
    writer.write(bytes(2_000_000))

    with contextlib.suppress(ConnectionError):
        assert CONNACK == await reader.read()
    writer.close()
    await inject(GOOD)
    assert [b"frame"] == await sink.has(1)
    assert {} == insured.counters.refused


async def test_m07_the_same_client_twice(mqtt):
    """M07: the first process is disconnected with an alarm; what it held takes effect once."""
    alarms = []
    hub, _ = await attach(mqtt, HUB)
    first, at_first = await attach(mqtt, INSURED, alarm=alarms.append)
    at_first.gate.clear()
    hub.send(INSURED, 0, b"frame")
    await eventually(lambda: first.counters.frames_received)
    _, at_second = await attach(mqtt, INSURED)
    await eventually(lambda: alarms and alarms[-1].code is ErrorCode.E_SESSION_TAKEN)
    at_first.gate.set()

    assert [b"frame"] == await at_second.has(1)
    assert [] == at_first.frames


async def test_m08_duplicates(mqtt, mosquitto_server):
    """M08: a copy with the DUP flag and one without both come, and have one effect."""
    node, taken, sink = core(), [], Sink()
    _, raw = node.send(TREATMENT, message(), NOW)

    async def receive(frames):
        taken.extend(filter(None, (node.receive(frame, NOW) for frame in frames)))
        await sink.receive(frames)

    hub = await mqtt.attach(HUB, receive)
    await hub.ready()
    name = topic(TREATMENT, HUB, 0).encode()
    with socket.create_connection(("127.0.0.1", mosquitto_server.port)) as line:
        line.sendall(CONNECT)
        body = len(name).to_bytes(2, "big") + name + b"\x00\x01" + encode_batch([raw])
        length = bytes([len(body) % 128 | 0x80, len(body) // 128])
        for head in (b"\x32", b"\x3a", b"\x32"):  # QoS 1; the second with DUP
            line.sendall(head + length + body)
        await sink.has(3)

    assert 1 == len(taken)
    assert 2 == node.totals()["copies"]


def _publish(port, payload, properties):
    client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTv5)
    client.connect("127.0.0.1", port)
    client.loop_start()
    client.publish(TOPIC, payload, qos=1, properties=properties).wait_for_publish(10)
    client.disconnect()
    client.loop_stop()


async def test_m09_forged_properties(mqtt, mosquitto_server):
    """M09: where to answer, and to what, is said inside the frame; properties change nothing."""
    insured, at_insured = await attach(mqtt, INSURED)
    _, at_hub = await attach(mqtt, HUB)
    _, at_liar = await attach(mqtt, "treatment:999999")
    forged = Properties(PacketTypes.PUBLISH)
    forged.ResponseTopic = topic(INSURED, "treatment:999999", 0)
    forged.CorrelationData = b"forged"
    forged.UserProperty = [("yidi", "9")]
    await asyncio.to_thread(_publish, mosquitto_server.port, GOOD, forged)
    await at_insured.has(1)
    insured.send(HUB, 0, b"answer")

    assert [b"frame"] == at_insured.frames
    assert [b"answer"] == await at_hub.has(1)
    assert [] == at_liar.frames
    assert {} == insured.counters.refused


async def test_what_is_no_batch(mqtt, inject):
    """Rubbish, empty lists, nested lists and too many frames are refused; the next one passes."""
    insured, sink = await attach(mqtt, INSURED)
    for value in ([], [[b"x"]], ["text"], [b""], {b"a": 1}, [b"x"] * 65):
        await inject(msgspec.msgpack.encode(value))
    await inject(b"\xdd\xff\xff\xff\xff")
    await inject(GOOD)

    assert [b"frame"] == await sink.has(1)
    assert 7 == sum(insured.counters.refused.values())
