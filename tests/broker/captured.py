"""Messages as a run really sent them, and validators for the documents that describe them."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import msgspec

from yidi.broker.schemas import json_schema
from yidi.protocol.envelope import Envelope, unframe
from yidi.protocol.journal import RecordKind
from yidi.protocol.journal_reader import iterate_records
from yidi.scenarios.library.loader import load
from yidi.scenarios.running.run import RunHooks, run_virtual

RUNS = (str(Path(__file__).parents[1] / "golden" / "bad-weather.toml"), "timeout-query-reversal")
OF_ONE_KIND = 4
"""Messages of one transaction and kind that are looked at; thousands would say no more."""


@cache
def captured() -> tuple[tuple[bytes, Envelope], ...]:
    """Frames of runs with refusals, reversals and clearing, some of every kind."""
    found: dict[tuple[str, int], list[tuple[bytes, Envelope]]] = {}
    for raw in _frames():
        envelope = unframe(raw)
        same = found.setdefault((envelope.origin.transaction, envelope.origin.kind), [])
        if len(same) < OF_ONE_KIND:
            same.append((raw, envelope))
    return tuple(one for same in found.values() for one in same)


def _frames() -> Iterator[bytes]:
    for name in RUNS:
        blocks: list[bytes] = []
        run_virtual(load(name), hooks=RunHooks(sink=blocks.append))
        for record in iterate_records(blocks):
            if record.kind == RecordKind.ENVELOPE:
                yield record.payload


def plain(data: bytes) -> Any:
    """A MessagePack document as JSON has it: byte strings as Base64."""
    return _plain(msgspec.msgpack.decode(data))


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return [_plain(one) for one in value] if isinstance(value, list) else value


@cache
def validator(name: str) -> jsonschema.Draft202012Validator:
    """What validates one type of the JSON Schema document."""
    schema = {**json_schema(), "$ref": f"#/$defs/{name}"}
    return jsonschema.Draft202012Validator(schema)
