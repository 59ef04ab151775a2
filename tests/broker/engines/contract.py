"""What every engine must do, run against each of the three by a subclass with its fixture."""

from __future__ import annotations

import asyncio

import pytest

from yidi.broker.engines.base import Document, EngineOptions
from yidi.protocol.envelope import FRAME_BYTES_MAX
from yidi.protocol.errors import (
    DecodeError,
    ErrorCode,
    LocalProtocolError,
    TransportError,
)
from yidi.protocol.instants import MILLISECOND, SECOND

HUB, INSURED, TREATMENT = "hub:100000", "insured:340600", "treatment:310000"
WAIT_MAX = 60
FAST = EngineOptions(
    backoff_first=10 * MILLISECOND,
    backoff_max=100 * MILLISECOND,
    redeliver_after=1 * SECOND,
)


class Sink:
    """A receiver that keeps what it gets, and lets a test wait for it."""

    def __init__(self):
        self.frames, self.calls, self.documents = [], [], []
        self.gate = asyncio.Event()
        self.gate.set()
        self._more = asyncio.Condition()

    async def receive(self, frames):
        await self.gate.wait()
        async with self._more:
            self.frames += frames
            self.calls.append(len(frames))
            self._more.notify_all()

    async def receive_document(self, document):
        async with self._more:
            self.documents.append(document)
            self._more.notify_all()

    async def until(self, holds):
        async with self._more:
            await asyncio.wait_for(self._more.wait_for(holds), WAIT_MAX)

    async def has(self, count):
        await self.until(lambda: len(self.frames) >= count)
        return self.frames


async def attach(engine, address, sink=None, **more):
    """An attachment that is connected, and its sink."""
    sink = sink or Sink()
    attachment = await engine.attach(address, sink.receive, **more)
    await asyncio.wait_for(attachment.ready(), WAIT_MAX)
    return attachment, sink


async def eventually(holds):
    """Wait for what no event tells: counters, and what a server does in its own time."""
    async with asyncio.timeout(WAIT_MAX):
        while not holds():  # noqa: ASYNC110 (there is no event)
            await asyncio.sleep(0.002)


def numbered(count):
    """So many frames, all different."""
    return [b"frame %d" % number for number in range(count)]


class EngineContract:
    """A subclass gives the fixture `engine`, an engine that is prepared."""

    async def test_frames_go_both_ways(self, engine):
        """What one sends the other receives, and the other way round."""
        hub, at_hub = await attach(engine, HUB)
        insured, at_insured = await attach(engine, INSURED)

        hub.send(INSURED, 0, b"request")
        insured.send(HUB, 0, b"answer")

        assert [b"request"] == await at_insured.has(1)
        assert [b"answer"] == await at_hub.has(1)

    async def test_order_holds_per_sender_and_recipient(self, engine):
        """While nothing breaks, frames of one pair arrive in the order they were sent."""
        hub, _ = await attach(engine, HUB)
        _, at_insured = await attach(engine, INSURED)
        frames = numbered(3_000)

        for first in range(0, 3_000, 100):
            for frame in frames[first : first + 100]:
                hub.send(INSURED, 0, frame)
            await asyncio.sleep(0)

        assert frames == await at_insured.has(3_000)

    async def test_one_turn_is_one_publish(self, engine):
        """What is bound for one destination in one turn of the event loop leaves together."""
        hub, _ = await attach(engine, HUB)
        _, at_insured = await attach(engine, INSURED)

        for frame in numbered(64):
            hub.send(INSURED, 0, frame)
        await at_insured.has(64)
        await hub.drain()

        assert (1, 64) == (hub.counters.batches_sent, hub.counters.frames_sent)
        assert [0, 0, 0, 0, 0, 0, 1] == hub.counters.sizes

    async def test_a_lone_frame_waits_for_no_other(self, engine):
        """A single frame is published by itself at the end of its turn."""
        hub, _ = await attach(engine, HUB)
        _, at_insured = await attach(engine, INSURED)

        for count, frame in enumerate(numbered(3), start=1):
            hub.send(INSURED, 0, frame)
            await at_insured.has(count)
        await hub.drain()

        assert [3, 0, 0, 0, 0, 0, 0] == hub.counters.sizes

    async def test_the_largest_frame_passes(self, engine):
        """262,144 bytes go through, between small ones, unharmed."""
        hub, _ = await attach(engine, HUB)
        _, at_insured = await attach(engine, INSURED)
        frames = [b"before", bytes(range(256)) * (FRAME_BYTES_MAX // 256), b"after"]

        for frame in frames:
            hub.send(INSURED, 0, frame)

        assert frames == await at_insured.has(3)

    async def test_ten_thousand_frames_all_arrive(self, engine):
        """From two senders at once to one recipient, none is missing and none comes twice."""
        hub, _ = await attach(engine, HUB)
        treatment, _ = await attach(engine, TREATMENT)
        _, at_insured = await attach(engine, INSURED)
        frames = numbered(10_000)

        for even, odd in zip(frames[::2], frames[1::2], strict=True):
            hub.send(INSURED, 0, even)
            treatment.send(INSURED, 0, odd)

        assert sorted(frames) == sorted(await at_insured.has(10_000))

    async def test_a_slow_receiver_holds_nobody_up(self, engine):
        """While one recipient does not take its frames, another gets its own; then all arrive."""
        hub, _ = await attach(engine, HUB)
        _, at_insured = await attach(engine, INSURED)
        _, at_treatment = await attach(engine, TREATMENT)
        at_insured.gate.clear()

        for frame in numbered(5_000):
            hub.send(INSURED, 0, frame)
        hub.send(TREATMENT, 0, b"mine")
        await at_treatment.has(1)
        assert [] == at_insured.frames
        at_insured.gate.set()

        assert set(numbered(5_000)) == set(await at_insured.has(5_000))

    async def test_waiting_frames_are_handed_over_together(self, engine):
        """What arrives while the receiver is busy comes in one call: one sync covers it."""
        hub, _ = await attach(engine, HUB)
        insured, at_insured = await attach(engine, INSURED)
        at_insured.gate.clear()

        for frame in numbered(640):
            hub.send(INSURED, 0, frame)
        await eventually(lambda: insured.counters.frames_received == 640)
        at_insured.gate.set()
        await at_insured.has(640)

        assert len(at_insured.calls) < 10

    async def test_partitions_are_places_of_their_own(self, engine):
        """A partition gets its frames only; who names none gets those of all."""
        first, at_first = await attach(engine, f"{INSURED}/1")
        _, at_second = await attach(engine, f"{INSURED}/2")
        hub, at_hub = await attach(engine, HUB)

        hub.send(INSURED, 1, b"one")
        hub.send(f"{INSURED}/2", 0, b"two")
        first.send(HUB, 7, b"seven")

        assert [b"one"] == await at_first.has(1)
        assert [b"two"] == await at_second.has(1)
        assert [b"seven"] == await at_hub.has(1)

    async def test_what_came_while_away_is_there_on_return(self, engine):
        """A node that was here before finds what was sent in its absence."""
        hub, _ = await attach(engine, HUB)
        insured, _ = await attach(engine, INSURED)
        await insured.close()

        for frame in numbered(10):
            hub.send(INSURED, 0, frame)
        await hub.drain()
        _, at_insured = await attach(engine, INSURED)

        assert numbered(10) == await at_insured.has(10)

    async def test_what_was_not_durable_comes_again(self, engine):
        """A crash before `receive` returned loses nothing: the next attachment gets it."""
        hub, _ = await attach(engine, HUB)
        insured, at_insured = await attach(engine, INSURED)
        at_insured.gate.clear()
        hub.send(INSURED, 0, b"precious")
        await eventually(lambda: insured.counters.frames_received)

        await insured.abort()
        _, at_next = await attach(engine, INSURED)

        assert [] == at_insured.frames
        assert [b"precious"] == await at_next.has(1)

    async def test_what_is_queued_before_the_connection_is_kept(self, engine):
        """Frames sent right after attaching leave, in order, once the connection stands."""
        _, at_insured = await attach(engine, INSURED)
        hub = await engine.attach(HUB, Sink().receive)
        for frame in numbered(500):
            hub.send(INSURED, 0, frame)

        assert numbered(500) == await at_insured.has(500)

    async def test_closing_sends_what_is_queued(self, engine):
        """`close` returns when the queue is empty; nothing is left behind."""
        _, at_insured = await attach(engine, INSURED)
        hub, _ = await attach(engine, HUB)
        for frame in numbered(1_000):
            hub.send(INSURED, 0, frame)

        await hub.close()

        assert 0 == hub.pending
        assert numbered(1_000) == await at_insured.has(1_000)
        await hub.ended()

    async def test_a_failed_delivery_is_tried_again(self, engine):
        """A receiver that cannot take a frame now gets it once more."""
        sink, failures = Sink(), [OSError("full"), DecodeError(ErrorCode.E_DECODE)]

        async def receive(frames):
            if failures:
                raise failures.pop()
            await sink.receive(frames)

        hub, _ = await attach(engine, HUB)
        insured = await engine.attach(INSURED, receive)
        await insured.ready()
        hub.send(INSURED, 0, b"again")

        assert [b"again"] == await sink.has(1)
        assert {} == insured.counters.refused

    async def test_a_poisoned_frame_becomes_a_dead_letter_alone(self, engine):
        """After some tries a frame is set aside with an alarm, and its neighbours are taken."""
        sink, alarms = Sink(), []

        async def receive(frames):
            if b"poison" in frames:
                raise DecodeError(ErrorCode.E_DECODE)
            await sink.receive(frames)

        hub, _ = await attach(engine, HUB)
        insured = await engine.attach(INSURED, receive, alarm=alarms.append)
        await insured.ready()
        for frame in (b"one", b"poison", b"two"):
            hub.send(INSURED, 0, frame)

        assert [b"one", b"two"] == await sink.has(2)
        assert [ErrorCode.E_DEAD_LETTER] == [alarm.code for alarm in alarms]

    async def test_a_bug_of_the_receiver_ends_the_attachment(self, engine):
        """An error that is no refusal is raised where the host waits, not swallowed."""

        async def receive(frames):
            raise KeyError(frames[0])

        hub, _ = await attach(engine, HUB)
        insured = await engine.attach(INSURED, receive)
        await insured.ready()
        hub.send(INSURED, 0, b"surprise")

        with pytest.raises(KeyError, match="surprise"):
            await asyncio.wait_for(insured.ended(), WAIT_MAX)

    async def test_a_document_keeps_its_correlation(self, engine):
        """What is no frame arrives alone with sender, content type and correlation data."""
        hub, at_hub = await attach(engine, HUB)
        sink = Sink()
        await attach(engine, INSURED, sink, receive_document=sink.receive_document)
        sent = Document(
            sender=HUB, recipient=INSURED, content=b'{"infno": "2304"}', correlation=b"H1-\x00"
        )

        hub.send(INSURED, 0, b"frame")
        hub.post(sent)
        await sink.until(lambda: sink.documents)

        assert [sent] == sink.documents
        assert [b"frame"] == await sink.has(1)
        assert [] == at_hub.documents

    async def test_a_document_for_a_node_of_ours_is_refused(self, engine):
        """A node that takes frames only ignores a document and goes on."""
        hub, _ = await attach(engine, HUB)
        insured, at_insured = await attach(engine, INSURED)

        hub.post(Document(sender=HUB, recipient=INSURED, content=b"{}"))
        hub.send(INSURED, 0, b"frame")

        assert [b"frame"] == await at_insured.has(1)
        assert {ErrorCode.E_DECODE: 1} == insured.counters.refused

    async def test_a_second_process_takes_the_session(self, engine):
        """The first attachment under an address ends with an alarm, and receives no more."""
        hub, _ = await attach(engine, HUB)
        first, at_first = await attach(engine, INSURED)
        _, at_second = await attach(engine, INSURED)

        with pytest.raises(TransportError, match="E_SESSION_TAKEN"):
            await asyncio.wait_for(first.ended(), WAIT_MAX)
        hub.send(INSURED, 0, b"once")

        assert [b"once"] == await at_second.has(1)
        assert [] == at_first.frames
        assert 1 == first.counters.refused[ErrorCode.E_SESSION_TAKEN]

    @pytest.mark.parametrize(
        "recipient",
        ["", "hub", "hub:", "hub:#", "hub:+", "hub:1 2", "hub:a\0", "hub:a/b", "hub:*", "hub:>",
         "hub:a.b", "hub:1/65536", "hub:1/-1", "hub:" + "x" * 65_535, "institution:医院"],
    )  # fmt: skip
    async def test_a_name_that_is_no_address_is_refused(self, engine, recipient):
        """Wildcards, control characters, empty levels and endless names: E_TOPIC, at once."""
        hub, _ = await attach(engine, HUB)

        with pytest.raises(LocalProtocolError, match="E_TOPIC"):
            hub.send(recipient, 0, b"frame")
        with pytest.raises(LocalProtocolError, match="E_TOPIC"):
            await engine.attach(recipient, Sink().receive)

    async def test_a_frame_that_nobody_would_take_is_refused(self, engine):
        """Empty and oversized frames are the caller's mistake, told before anything is queued."""
        hub, _ = await attach(engine, HUB)

        with pytest.raises(LocalProtocolError, match="E_FRAME_EMPTY"):
            hub.send(INSURED, 0, b"")
        with pytest.raises(LocalProtocolError, match="E_FRAME_TOO_LARGE"):
            hub.send(INSURED, 0, bytes(FRAME_BYTES_MAX + 1))
        assert 0 == hub.pending
