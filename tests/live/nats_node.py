"""The example node over NATS, in MessagePack: a program for the tests.

It subscribes to its subjects as any client does; the stream has a copy of what it is sent, and
keeps what it answers until the network has it.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import msgspec
import nats

sys.path.insert(0, str(Path(__file__).parents[2] / "docs" / "examples"))
from node import answer

JSON, MSGPACK = "application/json", "application/msgpack"


async def main(url: str) -> None:
    """Answer until ended."""
    places = url.removeprefix("nats://").split(",")
    client = await nats.connect([f"nats://{place}" for place in places])

    async def on_message(message: Any) -> None:
        packed = message.headers["Content-Type"] == MSGPACK
        decode = msgspec.msgpack.decode if packed else msgspec.json.decode
        reply = answer(decode(message.data))
        if "serves" in reply.get("output", {}):
            reply["output"]["format"] = "msgpack"
        _, _, sender, recipient, partition = message.subject.split(".")
        data = msgspec.msgpack.encode(reply) if packed else msgspec.json.encode(reply)
        headers = {
            "Content-Type": message.headers["Content-Type"],
            "Correlation-Data": message.headers["Correlation-Data"],
        }
        await client.publish(f"yidi.v1.{recipient}.{sender}.{partition}", data, headers=headers)

    await client.subscribe("yidi.v1.*.insured-340600.*", cb=on_message)
    await asyncio.Event().wait()


asyncio.run(main(sys.argv[1]))
