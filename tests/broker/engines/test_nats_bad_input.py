"""Table N of bad input, as far as it is the engine's (N01 is in `test_secured_nats`)."""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path

import msgspec
import pytest

from tests.broker.engines.contract import FAST, HUB, INSURED, Sink, attach, eventually
from tests.broker.engines.servers import OLD_NATS, nats_servers
from yidi.broker.engines.base import engine_from_url
from yidi.broker.engines.batching import encode_batch
from yidi.broker.engines.topics import topic
from yidi.protocol.errors import ErrorCode, TransportError

nats = pytest.importorskip("nats", reason="nats-py is not installed: pip install 'yidi[cluster]'")
from yidi.broker.engines.jetstream import (  # noqa: E402 (it needs nats-py)
    describe,
    durability,
    stream_config,
)

SUBJECT = topic(HUB, INSURED, 0, ".")


async def test_n02_no_stream(unprepared):
    """N02: a node refuses to start where the stream is missing, and says what it wants."""
    hub = await unprepared.attach(HUB, Sink().receive)

    with pytest.raises(TransportError, match="E_STREAM_CONFIG") as caught:
        await hub.ready()
    assert "discard=new replicas=1" in caught.value.want
    assert "no stream" == caught.value.got


async def _add_stream(jetstream, config):
    """Make a stream; a server that still deletes another one may refuse for a moment."""
    for _ in range(20):
        try:
            await jetstream.add_stream(config)
        except nats.js.errors.ServerError:
            await asyncio.sleep(0.05)
        else:
            return


@pytest.mark.parametrize(
    ("differing", "want", "got"),
    [
        ({"retention": "limits"}, "retention=workqueue", "retention=limits"),
        ({"discard": "old", "discard_new_per_subject": False}, "discard=new", "discard=old"),
        ({"storage": "memory"}, "storage=file", "storage=memory"),
        ({"subjects": ["yidi.>"]}, "subjects=yidi.v1.>", "subjects=yidi.>"),
    ],
)
async def test_n02_another_stream(unprepared, jetstream, differing, want, got):
    """N02: a stream that could drop or double is refused with what differs."""
    await _add_stream(jetstream, stream_config(unprepared.options).evolve(**differing))
    hub = await unprepared.attach(HUB, Sink().receive)

    for refused in (hub.ready(), unprepared.prepare()):
        with pytest.raises(TransportError) as caught:
            await refused
        assert (ErrorCode.E_STREAM_CONFIG, want, got) == (
            caught.value.code, caught.value.want, caught.value.got,
        )  # fmt: skip


async def test_n02_a_stream_with_too_few_replicas(unprepared):
    """N02: a node that wants three copies refuses a stream that keeps one."""
    await unprepared.prepare()
    three = msgspec.structs.replace(unprepared.options, replicas=3)
    engine = engine_from_url(unprepared.url, three)
    hub = await engine.attach(HUB, Sink().receive)
    with pytest.raises(TransportError) as caught:
        await hub.ready()

    assert ErrorCode.E_STREAM_CONFIG is caught.value.code
    assert ("replicas=3", "replicas=1") == (caught.value.want, caught.value.got)
    await engine.close()


def test_n02_replicas():
    """N02: the number of replicas is part of what is compared."""
    three = stream_config(msgspec.structs.replace(FAST, replicas=3))

    assert describe(three) != describe(stream_config(FAST))


@pytest.mark.parametrize(
    ("version", "is_safe"),
    [("2.9.10", False), ("2.9.25", False), ("1.4.1", False), ("2.10.0", True), ("2.15.1", True),
     ("3.0.0", True), ("v2.11.4", True), ("", False), ("dev", False)],
)  # fmt: skip
def test_n03_the_version_tells_the_durability(version, is_safe):
    """N03: a server before 2.10 cannot sync each message: os-crash unsafe."""
    assert is_safe == (durability(version) != "os-crash unsafe")


@pytest.fixture
def old_server(tmp_path):
    """Debian's nats-server, 2.9.10."""
    if not Path(OLD_NATS).exists():
        pytest.skip("Debian's nats-server is not installed: apt-get install nats-server")
    said = subprocess.check_output([OLD_NATS, "--version"], encoding="utf-8")
    if "v2.9." not in said:
        pytest.skip(f"Debian's nats-server is no old one here: {said}")

    def made(sync):
        (server,) = nats_servers(tmp_path, sync=sync, program=OLD_NATS)
        return server

    return made


def test_n03_an_old_server_refuses_its_configuration(old_server):
    """N03: 2.9.10 does not start where `sync_interval: always` is asked of it, and says why."""
    with pytest.raises(AssertionError, match='unknown field "sync_interval"'):
        old_server("always").start()


async def test_n03_an_old_server_is_told(old_server):
    """N03: over 2.9.10 a node works, states that a crash may lose messages, and raises an alarm."""
    server, alarms = old_server(""), []
    server.start()
    try:
        engine = engine_from_url(f"nats://127.0.0.1:{server.port}", FAST)
        await engine.prepare()
        hub, at_hub = await attach(engine, HUB, alarm=alarms.append)
        insured, _ = await attach(engine, INSURED)
        insured.send(HUB, 0, b"frame")

        assert [b"frame"] == await at_hub.has(1)
        assert "os-crash unsafe" == hub.durability
        assert [ErrorCode.E_STREAM_CONFIG] == [alarm.code for alarm in alarms]
        assert "os-crash unsafe: server 2.9 " in alarms[0].facts
        await engine.close()
    finally:
        server.stop()


async def test_n03_a_node_states_it(jet):
    """N03: what a confirmed message survives can be read off the attachment."""
    hub, _ = await attach(jet, HUB)

    assert "os-crash safe with sync_interval: always" == hub.durability


async def test_n04_a_deleted_consumer(jet, jetstream):
    """N04: a consumer that is deleted under us is made again, with an alarm; nothing is lost."""
    hub, _ = await attach(jet, HUB)
    insured, sink = await attach(jet, INSURED)

    await jetstream.delete_consumer(jet.options.network, insured.name)
    hub.send(INSURED, 0, b"frame")

    assert [b"frame"] == await sink.has(1)
    assert {ErrorCode.E_STREAM_CONFIG: 1} == insured.counters.refused


async def test_n04_delivered_too_often(unprepared, jetstream):
    """N04: what no process survives becomes a dead letter with an alarm, and leaves the stream."""
    options = msgspec.structs.replace(unprepared.options, deliveries_max=2, redeliver_after=200_000)
    engine = engine_from_url(unprepared.url, options)
    await engine.prepare()
    hub, _ = await attach(engine, HUB)
    hub.send(INSURED, 0, b"deadly")
    for _ in range(2):
        insured, sink = await attach(engine, INSURED)
        sink.gate.clear()
        await eventually(lambda insured=insured: insured.counters.frames_received)
        await insured.abort()
    last, at_last = await attach(engine, INSURED)
    await eventually(lambda: last.counters.refused)

    assert [] == at_last.frames
    assert {ErrorCode.E_DEAD_LETTER: 1} == last.counters.refused
    assert 0 == (await jetstream.stream_info(options.network)).state.messages
    await engine.close()


async def test_n05_the_message_id_of_the_transport(jet, nats_server):
    """N05: with or without Nats-Msg-Id, or with a forged one, the transport takes it."""
    _, sink = await attach(jet, INSURED)
    client = await nats.connect(f"nats://127.0.0.1:{nats_server.port}")
    stream = client.jetstream()
    for number, headers in enumerate((None, {"Nats-Msg-Id": "a"}, {"Nats-Msg-Id": "forged"})):
        await stream.publish(SUBJECT, encode_batch([b"%d" % number]), headers=headers)
    await client.close()

    assert [b"0", b"1", b"2"] == await sink.has(3)


async def test_a_full_stream_refuses_what_is_new(jet, jetstream):
    """discard=new: what does not fit is dropped here, counted, and told once; nothing old goes."""
    hub, _ = await attach(jet, HUB)
    config = stream_config(jet.options).evolve(max_msgs_per_subject=2)
    await jetstream.update_stream(config)
    for number in range(5):
        hub.send(INSURED, 0, b"%d" % number)
        await hub.drain()

    assert (2, 3) == (hub.counters.frames_sent, hub.counters.dropped)
    assert [ErrorCode.E_BUSY] == [alarm.code for alarm in hub.counters.alarms]
    _, sink = await attach(jet, INSURED)
    assert [b"0", b"1"] == await sink.has(2)
