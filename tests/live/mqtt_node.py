"""A node of level 1 over MQTT: durable, with sequence and watermark; a program for the tests.

What it has received is in its file before it says so, and so is what it answers: killed at any
moment, it goes on from there. With the word `boastful` its watermarks say more than was sent.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

sys.path.insert(0, str(Path(__file__).parents[2] / "docs" / "examples"))
from node import answer

url, file = urlsplit(sys.argv[1]), Path(sys.argv[2])
sent: dict[str, int] = {}
received: dict[str, int] = {}
said: dict[str, dict[str, Any]] = {}
"""Message id → the answer, sequence and all: a repeat gets it again, under the same number."""


def remember(peer: str, asked: dict[str, Any], reply: dict[str, Any]) -> None:
    """Take over one exchange, now or from the file."""
    said[asked["msgid"]] = reply
    sent[peer] = reply["yidi"]["sequence"]
    received[peer] = max(received.get(peer, 0), reply["yidi"]["stored"])


if file.exists():
    for line in file.read_text("utf-8").splitlines():
        peer_, asked_, reply_ = json.loads(line)
        answer(asked_)  # the same inputs give the same memory
        remember(peer_, asked_, reply_)


def on_connect(client: Any, *_: Any) -> None:
    """Listen to everybody who speaks to this node."""
    client.subscribe("yidi/v1/+/insured-340600/+", qos=1)


def stored(peer: str, asked: dict[str, Any], sequence: int) -> dict[str, Any]:
    """The answer to a new request, once it is in the file."""
    reply = answer(asked)
    highest = max(received.get(peer, 0), sequence)
    reply["yidi"] = {
        "correlation_id": asked["msgid"], "sequence": sent.get(peer, 0) + 1,
        "watermark": highest + (5 if "boastful" in sys.argv else 0), "stored": highest,
    }  # fmt: skip
    with file.open("a", encoding="utf-8") as journal:
        journal.write(json.dumps([peer, asked, reply]) + "\n")
        journal.flush()
        os.fsync(journal.fileno())
    remember(peer, asked, reply)
    return reply


def on_message(client: Any, _: Any, message: Any) -> None:
    """Answer, with the facts of a durable link."""
    asked = json.loads(message.payload)
    facts, peer = asked.pop("yidi"), message.topic.split("/")[2]
    if "infno" not in asked:
        client.ack(message.mid, message.qos)
        return  # a bare watermark
    if asked["infno"] == "init":
        reply = answer(asked)
        reply["output"] |= {"level": 1}
    else:
        reply = said.get(asked["msgid"]) or stored(peer, asked, facts["sequence"])
    properties = Properties(PacketTypes.PUBLISH)
    properties.ContentType = "application/json"
    if asked["infno"] == "init":
        properties.CorrelationData = message.properties.CorrelationData
    topic = message.properties.ResponseTopic
    client.publish(topic, json.dumps(reply), qos=1, properties=properties)
    client.ack(message.mid, message.qos)


node = mqtt.Client(
    mqtt.CallbackAPIVersion.VERSION2, client_id="own-340600", protocol=mqtt.MQTTv5,
    manual_ack=True,
)  # fmt: skip
node.on_connect, node.on_message = on_connect, on_message
session = Properties(PacketTypes.CONNECT)
session.SessionExpiryInterval = 60
node.connect(str(url.hostname), int(url.port or 1883), clean_start=False, properties=session)
node.loop_forever()
