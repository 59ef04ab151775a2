"""The same node over MQTT 5, with paho-mqtt (which yidi has anyway).

    python docs/examples/node_mqtt.py mqtt://127.0.0.1:1883
    yidi run huaibei-outpatient-in-shanghai --engine mqtt://127.0.0.1:1883 --external insured:340600
"""

import json
import sys
from urllib.parse import urlsplit

import paho.mqtt.client as mqtt
from node import answer
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties


def on_connect(client, userdata, flags, reason, properties):
    client.subscribe("yidi/v1/+/insured-340600/+", qos=1)  # from anybody, to this node


def on_message(client, userdata, message):
    properties = Properties(PacketTypes.PUBLISH)
    properties.ContentType = "application/json"
    properties.CorrelationData = message.properties.CorrelationData  # as it came
    reply = json.dumps(answer(json.loads(message.payload)))
    client.publish(message.properties.ResponseTopic, reply, qos=1, properties=properties)


broker = urlsplit(sys.argv[1] if len(sys.argv) > 1 else "mqtt://127.0.0.1:1883")
node = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
node.on_connect, node.on_message = on_connect, on_message
node.connect(broker.hostname, broker.port)
node.loop_forever()
