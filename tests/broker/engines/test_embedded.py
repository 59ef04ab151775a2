"""The embedded engine keeps the contract, and its own promises."""

from __future__ import annotations

import msgspec
import pytest

from tests.broker.engines.contract import FAST, HUB, INSURED, EngineContract, attach
from yidi.broker.engines.base import engine_from_url
from yidi.protocol.errors import ErrorCode


@pytest.fixture
async def engine():
    """An engine of its own for each test."""
    engine = engine_from_url("embedded", FAST)
    yield engine
    await engine.close()


class TestEmbedded(EngineContract):
    """The contract, in process."""


async def test_a_full_mailbox_drops_what_outboxes_still_hold():
    """Beyond its bytes a mailbox takes nothing more; the sender is told once and counts."""
    engine = engine_from_url("embedded", msgspec.structs.replace(FAST, queue_bytes_max=1_000))
    hub, _ = await attach(engine, HUB)
    insured, _ = await attach(engine, INSURED)
    await insured.close()

    for _ in range(3):
        for _ in range(64):
            hub.send(INSURED, 0, bytes(20))
        await hub.drain()

    assert (50, 142) == (hub.counters.frames_sent, hub.counters.dropped)
    assert [ErrorCode.E_BUSY] == [alarm.code for alarm in hub.counters.alarms]
    await engine.close()
