from __future__ import annotations

from yidi.broker.engines.base import EngineOptions
from yidi.broker.engines.embedded import EmbeddedEngine
from yidi.scenarios.load.near import NearEngine


async def test_those_who_are_here_reach_each_other_without_the_engine_outside():
    """What is for somebody else goes out, and comes in from there."""
    outside = EmbeddedEngine(EngineOptions())
    engine = NearEngine(outside)
    heard = {name: [] for name in ("treatment:310000", "operator:desk", "hub:yrd")}

    def receiver(name):
        async def receive(frames):
            heard[name] += frames

        return receive

    await engine.prepare()
    region = await engine.attach("treatment:310000", receiver("treatment:310000"))
    desk = await engine.attach("operator:desk", receiver("operator:desk"))
    hub = await outside.attach("hub:yrd", receiver("hub:yrd"))
    await region.ready()
    desk.send("treatment:310000", 0, b"from the desk")
    region.send("hub:yrd", 0, b"from the region")
    hub.send("treatment:310000", 0, b"from the hub")
    for attachment in (desk, region, hub):
        await attachment.drain()
    await engine.close()

    assert {b"from the desk", b"from the hub"} == set(heard["treatment:310000"])
    assert [b"from the region"] == heard["hub:yrd"]
    assert (0, 1) == (desk.counters.frames_sent, region.counters.frames_sent)
