"""Entries of the wire log as messages of a conversation: what the bytes said, and no more."""

from __future__ import annotations

from typing import Any

from yidi.broker.external.documents import HANDSHAKE, read_document
from yidi.protocol.errors import ErrorCode, RemoteProtocolError
from yidi.scenarios.judging.conversation import (
    NOTHING,
    REJECTION,
    REQUEST,
    Fields,
    Message,
)
from yidi.scenarios.judging.wire import OUT, WireEntry


def message_of_entry(entry: WireEntry) -> Message | None:
    """What passed; None for the handshake, which no rule is about."""
    if entry.transaction == HANDSHAKE:
        return None
    document = _document(entry)
    is_request = entry.kind == REQUEST
    flat = _flat(document.get("input" if is_request else "output"))
    return Message(
        at=entry.at,
        to_node=entry.direction == OUT,
        transaction=entry.transaction,
        kind=entry.kind,
        message_id=entry.message_id,
        correlation=entry.correlation,
        key=entry.case_key,
        fields=flat if entry.kind != NOTHING else {},
        code=_code(str(document.get("err_msg") or "")) if entry.kind == REJECTION else "",
        problem=entry.problem if entry.kind == NOTHING else "",
    )


def _document(entry: WireEntry) -> dict[str, Any]:
    if not (entry.text or entry.base64):
        return {}
    try:
        return read_document(entry.raw(), entry.content_type)
    except RemoteProtocolError:
        return {}


def _flat(nodes: object) -> Fields:
    """Scalars of all nodes in one, lists by their names."""
    if not isinstance(nodes, dict):
        return {}
    flat: Fields = {}
    for name, value in nodes.items():
        flat |= value if isinstance(value, dict) else {name: value}
    return {name: value for name, value in flat.items() if value is not None}


def _code(words: str) -> str:
    first = words.strip().partition(" ")[0]
    return first if first in ErrorCode.__members__ else ErrorCode.E_REFUSED
