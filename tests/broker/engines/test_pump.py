"""The way out on its own, over an engine whose confirmations a test gives by hand."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from tests.broker.engines.contract import FAST, HUB, INSURED, Sink, eventually, numbered
from yidi.broker.engines.inbox import Callbacks
from yidi.broker.engines.pump import PumpedAttachment
from yidi.protocol.errors import (
    ConnectionLost,
    DeliveryTimeout,
    ErrorCode,
    LocalProtocolError,
)


class ByHand(PumpedAttachment):
    """An attachment that publishes nowhere, and confirms when it is told."""

    def __init__(self, **options):
        callbacks = Callbacks(receive=Sink().receive)
        super().__init__(HUB, callbacks, msgspec.structs.replace(FAST, **options))
        self.batches, self.answers = [], []
        self._start()
        self._set_connected()

    async def _run(self):
        await asyncio.Event().wait()

    async def _publish(self, batch):
        answer = asyncio.get_running_loop().create_future()
        self.batches.append(batch)
        self.answers.append(answer)
        error = await answer
        if error is not None:
            raise error

    def send_all(self, frames):
        for frame in frames:
            self.send(INSURED, 0, frame)

    async def turns(self, count=4):
        for _ in range(count):
            await asyncio.sleep(0)


@pytest.fixture
async def pump():
    """One that ends with the test."""
    made = []

    def make(**options):
        made.append(ByHand(**options))
        return made[-1]

    yield make
    for attachment in made:
        await attachment.abort()


async def test_batches_grow_while_the_window_is_full(pump):
    """With all publishes unconfirmed, what comes waits and leaves in one larger batch."""
    hub = pump(window=2)
    for frame in numbered(10):
        hub.send_all([frame])
        await hub.turns()
    assert [1, 1] == [len(batch.items) for batch in hub.batches]

    hub.answers[0].set_result(None)
    await hub.turns()

    assert [1, 1, 8] == [len(batch.items) for batch in hub.batches]
    assert (1, 9) == (hub.counters.frames_sent, hub.pending)


async def test_a_lost_connection_puts_the_unconfirmed_back_in_order(pump):
    """All that was under way is published again, before what came later, in its old order."""
    hub = pump(batch_frames_max=2, window=2)
    hub.send_all(numbered(6))
    await hub.turns()
    hub._set_disconnected()
    hub.send_all([b"later"])
    assert 7 == hub.pending
    hub._set_connected()
    for place in range(2, 6):
        await hub.turns()
        hub.answers[place].set_result(None)
    await hub.turns()

    again = [item for batch in hub.batches[2:] for item in batch.items]
    assert [*numbered(6), b"later"] == again
    assert (0, 4) == (hub.pending, hub.counters.repeated)


@pytest.mark.parametrize("error", [DeliveryTimeout(), ConnectionLost()])
async def test_what_is_not_confirmed_is_sent_again(pump, error):
    """A publish that fails goes back to the queue and out again, and is counted."""
    hub = pump()
    hub.send_all([b"frame"])
    await hub.turns()
    hub.answers[0].set_result(error)
    await eventually(lambda: len(hub.answers) == 2)
    hub.answers[1].set_result(None)
    await hub.drain()

    assert {error.code: 1} == hub.counters.refused
    assert (1, 1) == (hub.counters.repeated, hub.counters.frames_sent)


async def test_what_the_engine_refuses_is_dropped(pump):
    """A refusal for good is counted and told once; the outbox still holds the frame."""
    hub = pump()
    for place in range(3):
        hub.send_all([b"frame"])
        await hub.turns()
        hub.answers[place].set_result(LocalProtocolError(ErrorCode.E_BUSY))
        await hub.drain()

    assert (0, 3) == (hub.counters.frames_sent, hub.counters.dropped)
    assert {ErrorCode.E_BUSY: 3} == hub.counters.refused
    assert 1 == len(hub.counters.alarms)


async def test_a_full_queue_takes_nothing_more(pump):
    """BF6: beyond its bytes frames are dropped and counted, and `send` does not wait."""
    hub = pump(queue_bytes_max=100, window=1)
    hub.send_all([bytes(40)] * 5)

    assert (3, 2) == (hub.pending, hub.counters.dropped)


async def test_waiting_on_a_closed_attachment_tells(pump):
    """Whoever drains what can no longer leave is told so, rather than left to wait."""
    hub = pump()
    hub.send_all([b"frame"])
    waiting = asyncio.create_task(hub.drain())
    await hub.turns()
    await hub.abort()

    with pytest.raises(ConnectionLost, match="closed"):
        await waiting
    await hub.ended()
