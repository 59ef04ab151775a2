"""JSON Schema of everything that is said: native frames and bodies, national twins, calls.

The definitions are made from the types that read and write the messages, so a document that
describes them cannot say anything else. A native message is MessagePack, positional: its schema
is that of the array it decodes to, byte strings as Base64. Arrays may have more items than a
schema names, since messages are append-only.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import msgspec

from yidi.broker.gateway.openapi import call_types
from yidi.protocol.bodies import body_type
from yidi.protocol.envelope import Frame, Link, Origin, Stamp
from yidi.protocol.national import all_twins, twin_of
from yidi.protocol.transactions import TRANSACTIONS, Kind

TITLE = "yidi: messages of the network, and calls of the national interface"
_WORDS = {Kind.REQUEST: "request", Kind.RESULT: "result", Kind.REJECTION: "rejection"}
_OUTER = (Frame, Link, Origin, Stamp)


def native_types() -> tuple[type[msgspec.Struct], ...]:
    """Every body of the catalogue, each once, in catalogue order."""
    bodies = [body_type(row.code, kind) for row in TRANSACTIONS for kind in Kind]
    return tuple(dict.fromkeys(bodies))


@lru_cache(maxsize=2)
def definitions(template: str) -> dict[str, Any]:
    """The schema of every type by its name.

    Args:
        template: how a reference is written, with `{name}`.
    """
    types: Iterable[Any] = [*_OUTER, *native_types(), *(twin.type for twin in all_twins())]
    _, found = msgspec.json.schema_components([*types, *call_types()], ref_template=template)
    return found


def json_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of frames, bodies, their JSON twins and the calls of the gateway."""
    template = "#/$defs/{name}"
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": TITLE,
        "$defs": definitions(template),
        "x-transactions": {
            row.code: {
                word: {
                    "native": template.format(name=body_type(row.code, kind).__name__),
                    "json": template.format(name=twin_of(body_type(row.code, kind)).type.__name__),
                }
                for kind, word in _WORDS.items()
            }
            for row in TRANSACTIONS
        },
    }
