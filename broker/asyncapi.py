"""What goes over the engines, as AsyncAPI 3.0: MQTT topics, NATS subjects, both forms of messages.

One address per pair of parties and partition, so that a server can grant each node only its own.
Nodes of ours publish batches of native frames; somebody's own node may speak JSON documents
instead, one a publish, under its correlation id. Schemas are those of `schemas`, written as the
tuples of draft 07 that AsyncAPI reads.
"""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

import msgspec

from yidi.broker.engines.batching import BATCH_FRAMES_MAX, CONTENT_TYPE
from yidi.broker.engines.topics import topic
from yidi.broker.external.documents import FACTS, JSON, SETTLING, Facts
from yidi.broker.gateway.envelope import ENVELOPE
from yidi.broker.schemas import TITLE, definitions
from yidi.protocol.bodies import body_type
from yidi.protocol.national import twin_of
from yidi.protocol.transactions import TRANSACTIONS, Kind, Transaction

_REFERENCE = "#/components/schemas/{name}"
_ABOUT = (
    "Messages of the network behind cross-region direct settlement. A publish of our own nodes "
    "holds up to 64 frames; each frame is [version, link, origin, stamp, body], and origin and "
    "body are MessagePack documents of their own. The leg between a province and the nation has "
    "no public specification: this is our own design, unstable until 1.0."
)
_PARTIES = "role-code of the {which}: hub-100000, insured-340600, treatment-310000"


def asyncapi_document() -> dict[str, Any]:
    """The whole document."""
    messages = {"frames": _frames(), **_documents()}
    here = {name: {"$ref": f"#/components/messages/{name}"} for name in messages}
    separators = {"mqtt": "/", "nats": "."}
    return {
        "asyncapi": "3.0.0",
        "info": {"title": TITLE, "version": version("yidi"), "description": _ABOUT},
        "defaultContentType": CONTENT_TYPE,
        "servers": {
            "mqtt": {"host": "127.0.0.1:1883", "protocol": "mqtt", "protocolVersion": "5.0"},
            "nats": {"host": "127.0.0.1:4222", "protocol": "nats"},
        },
        "channels": {
            name: _channel(name, separator, here) for name, separator in separators.items()
        },
        "operations": {
            f"{action}-{name}": {
                "action": action,
                "channel": {"$ref": f"#/channels/{name}"},
                "summary": _OPERATIONS[action],
            }
            for name in separators
            for action in _OPERATIONS
        },
        "components": {
            "messages": messages,
            "schemas": {
                "Batch": _BATCH,
                **{name: _draft_07(one) for name, one in definitions(_REFERENCE).items()},
                **_facts_schema(),
            },
            "parameters": {
                "sender": {"description": _PARTIES.format(which="sender")},
                "recipient": {"description": _PARTIES.format(which="recipient")},
                "partition": {"description": "0 to 65535; 0 where a node has no partitions."},
            },
        },
    }


_OPERATIONS = {
    "send": "A node publishes under its own name as sender; QoS 1, never retained.",
    "receive": "A node takes what is addressed to it, from anybody.",
}
_BATCH = {
    "title": "Batch",
    "description": "Frames for one destination; in MessagePack each is a byte string.",
    "type": "array",
    "minItems": 1,
    "maxItems": BATCH_FRAMES_MAX,
    "items": {"$ref": _REFERENCE.format(name="Frame")},
}


def _channel(server: str, separator: str, messages: dict[str, Any]) -> dict[str, Any]:
    names = ("sender", "recipient", "partition")
    sender, recipient = "{sender}", "{recipient}"
    address = topic(sender, recipient, 0, separator)
    return {
        "address": address[: -len("0")] + "{partition}",
        "servers": [{"$ref": f"#/servers/{server}"}],
        "parameters": {name: {"$ref": f"#/components/parameters/{name}"} for name in names},
        "messages": messages,
    }


def _facts_schema() -> dict[str, Any]:
    _, found = msgspec.json.schema_components([Facts], ref_template=_REFERENCE)
    return {name: _draft_07(one) for name, one in found.items()}


def _frames() -> dict[str, Any]:
    return {
        "name": "frames",
        "title": "原生报文 native frames",
        "contentType": CONTENT_TYPE,
        "payload": {"$ref": _REFERENCE.format(name="Batch")},
    }


# --- JSON documents -----------------------------------------------------------------------------


def _documents() -> dict[str, Any]:
    """The request and the answer of every transaction, as somebody's own node sees them."""
    found: dict[str, Any] = {}
    for row in TRANSACTIONS:
        for word, schema, correlation in (
            ("request", _request(row), "/msgid"),
            ("answer", _answer(row), f"/{FACTS}/correlation_id"),
        ):
            found[f"{word}{row.code}"] = {
                "name": f"{word}{row.code}",
                "title": f"{row.zh} {row.code} {_DIRECTIONS[word]}",
                "contentType": JSON,
                "correlationId": {"location": f"$message.payload#{correlation}"},
                "payload": schema,
            }
    return found


_DIRECTIONS = {"request": "请求 request", "answer": "应答 answer"}
_FACTS = {"$ref": _REFERENCE.format(name=Facts.__name__)}


def _request(row: Transaction) -> dict[str, Any]:
    parameters = {one.name: {"type": "string", "maxLength": one.length} for one in ENVELOPE}
    parameters["infno"] = {"const": row.code}
    return {
        "type": "object",
        "required": ["infno", "msgid", "input"],
        "properties": {**parameters, "input": _nodes(row, Kind.REQUEST, "data"), FACTS: _FACTS},
    }


def _answer(row: Transaction) -> dict[str, Any]:
    """An answer; what the request said already need not be said again, so nothing is required."""
    node = "setlinfo" if row.code in SETTLING else "data"
    return {
        "type": "object",
        "required": ["infcode"],
        "properties": {
            "infcode": {"enum": [0, -1, "0", "-1"]},
            "inf_refmsgid": {"type": "string"},
            "err_msg": {"type": "string"},
            "output": _nodes(row, Kind.RESULT, node),
            FACTS: _FACTS,
        },
    }


def _nodes(row: Transaction, kind: Kind, node: str) -> dict[str, Any]:
    """A body as nodes: its scalars in one object, its lists beside it."""
    twin = twin_of(body_type(row.code, kind))
    whole = _draft_07(definitions(_REFERENCE)[twin.type.__name__])
    names = [field.national for field in twin.fields if not field.many]
    scalars = {name: whole["properties"][name] for name in names}
    lists = {name: one for name, one in whole["properties"].items() if name not in scalars}
    inner: dict[str, Any] = {"type": "object", "properties": scalars}
    if kind is Kind.REQUEST:
        inner["required"] = [name for name in whole.get("required", []) if name in scalars]
    return {"type": "object", "properties": {node: inner, **lists}}


def _draft_07(schema: Any) -> Any:
    """A schema of 2020-12 as AsyncAPI reads it: tuples are `items` there."""
    if isinstance(schema, list):
        return [_draft_07(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    found = {name: _draft_07(one) for name, one in schema.items()}
    if "prefixItems" in found:
        found["items"] = found.pop("prefixItems")
    return found
