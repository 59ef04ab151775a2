"""A node of level 1 over MQTT: durable, with sequence and watermark; a program for the tests.

What it has received is in its file before it says so, and so is what it answers: killed at any
moment, it goes on from there. With the word `forgetful` it keeps nothing, and says it does.
"""

from __future__ import annotations

import json
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


def on_connect(client: Any, *_: Any) -> None:
    """Listen to everybody who speaks to this node."""
    client.subscribe("yidi/v1/+/insured-340600/+", qos=1)


def on_message(client: Any, _: Any, message: Any) -> None:
    """Answer, with the facts of a durable link."""
    asked = json.loads(message.payload)
    facts, peer = asked.pop("yidi"), message.topic.split("/")[2]
    if "infno" not in asked:
        return  # a bare watermark
    reply = answer(asked)
    if asked["infno"] == "init":
        reply["output"] |= {"level": 1}
    else:
        received[peer] = max(received.get(peer, 0), facts["sequence"])
        sent[peer] = sent.get(peer, 0) + 1
        reply["yidi"] = {
            "correlation_id": asked["msgid"], "sequence": sent[peer],
            "watermark": received[peer] + (5 if "boastful" in sys.argv else 0),
        }  # fmt: skip
        with file.open("a", encoding="utf-8") as journal:
            journal.write(json.dumps([asked, reply]) + "\n")
    properties = Properties(PacketTypes.PUBLISH)
    properties.ContentType = "application/json"
    if asked["infno"] == "init":
        properties.CorrelationData = message.properties.CorrelationData
    topic = message.properties.ResponseTopic
    client.publish(topic, json.dumps(reply), qos=1, properties=properties)


node = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
node.on_connect, node.on_message = on_connect, on_message
node.connect(str(url.hostname), int(url.port or 1883))
node.loop_forever()
