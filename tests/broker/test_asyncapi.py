"""The AsyncAPI document: valid by the specification's own schema, and true of what is sent.

`tests/data/asyncapi-3.0.0.json` is that schema without its descriptions and examples.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.broker.captured import captured, plain
from tests.broker.gateway.test_openapi import references
from yidi.broker.asyncapi import asyncapi_document
from yidi.broker.engines.batching import BATCH_FRAMES_MAX
from yidi.broker.engines.topics import parse_topic, topic
from yidi.broker.external.documents import (
    answer_document,
    facts_of,
    request_document,
    write_document,
)
from yidi.protocol.transactions import TRANSACTIONS, Kind

SPECIFICATION = Path(__file__).parents[1] / "data" / "asyncapi-3.0.0.json"


@cache
def document() -> dict[str, Any]:
    """The document, as it is printed."""
    return json.loads(json.dumps(asyncapi_document()))


@cache
def validator(message: str) -> jsonschema.Draft7Validator:
    """What validates the payload of one message."""
    payload = document()["components"]["messages"][message]["payload"]
    return jsonschema.Draft7Validator({"components": document()["components"], "allOf": [payload]})


def test_the_document_is_valid() -> None:
    """No error by the specification's schema."""
    specification = json.loads(SPECIFICATION.read_text("utf-8"))
    jsonschema.Draft7Validator(specification).validate(document())


@pytest.mark.parametrize("spoiled", [{"asyncapi": "9"}, {"channels": {"mqtt": {"address": 7}}}])
def test_the_specification_would_refuse_another_one(spoiled: dict[str, Any]) -> None:
    """The validator really looks."""
    specification = json.loads(SPECIFICATION.read_text("utf-8"))

    assert not jsonschema.Draft7Validator(specification).is_valid({**document(), **spoiled})


def test_every_reference_leads_somewhere() -> None:
    """Channels, operations, messages and schemas."""
    for reference in references(document()):
        place: Any = document()
        for step in reference.removeprefix("#/").split("/"):
            place = place[step]
        assert place


@pytest.mark.parametrize(("server", "separator"), [("mqtt", "/"), ("nats", ".")])
def test_addresses_are_those_of_the_engines(server: str, separator: str) -> None:
    """The template, filled, is the topic that an engine publishes to."""
    address = document()["channels"][server]["address"]
    filled = address.format(sender="hub-100000", recipient="insured-340600", partition=3)

    assert topic("hub:100000", "insured:340600", 3, separator) == filled
    assert ("hub:100000", "insured:340600", 3) == parse_topic(filled, separator)


def test_every_transaction_has_a_request_and_an_answer() -> None:
    """Beside the native batch."""
    wanted = {f"{word}{row.code}" for row in TRANSACTIONS for word in ("request", "answer")}

    assert {"frames", *wanted} == set(document()["components"]["messages"])
    assert set(document()["channels"]["mqtt"]["messages"]) == {"frames", *wanted}


def test_captured_frames_are_batches() -> None:
    """As many as an engine puts into one publish, and no more."""
    frames = [plain(raw) for raw, _ in captured()[:BATCH_FRAMES_MAX]]
    validator("frames").validate(frames)

    assert not validator("frames").is_valid([])
    assert not validator("frames").is_valid([frames[0]] * (BATCH_FRAMES_MAX + 1))


def test_captured_messages_are_documents() -> None:
    """Each message as somebody's own node would get it."""
    seen = set()
    for _, envelope in captured():
        word = "request" if envelope.origin.kind == Kind.REQUEST else "answer"
        made = request_document(envelope) if word == "request" else answer_document(envelope)
        sent = json.loads(write_document(made, facts_of(envelope)))
        validator(f"{word}{envelope.origin.transaction}").validate(sent)
        seen.add(word)

    assert {"request", "answer"} == seen
