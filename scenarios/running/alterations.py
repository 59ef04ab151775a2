"""A message that is not as it was sent: fields added, left out or set on its way.

Bodies are positional documents, so a field is found by its place in the body's type. What nobody
defined comes behind all that is known, as a newer version's field would, and brings its name
along (`extras_of`), so that an edge that speaks JSON can write it there. A field that is left
out is nil; for a required one that is as good as absent.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from yidi.protocol.bodies import body_type
from yidi.protocol.envelope import Envelope, seal
from yidi.protocol.errors import ErrorCode, ScenarioError
from yidi.protocol.national import Field, twin_of
from yidi.protocol.transactions import Kind
from yidi.scenarios.library.fault_sentences import Change

UNKNOWN_VALUE = "?"
"""What a field that nobody defined holds."""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[Any]).decode


def altered(envelope: Envelope, changes: Iterable[Change]) -> Envelope:
    """The message with its changes made; the same object where there are none.

    Raises:
        ScenarioError: `E_REFERENCE`, the body has no such field; `E_AMOUNT` and the like, the
            value is none of that field.
    """
    changes = tuple(changes)
    if not changes:
        return envelope
    fields = twin_of(body_type(envelope.origin.transaction, envelope.origin.kind)).fields
    values = _decode(envelope.body)
    for change in changes:
        if change.kind == "add":
            values.append({change.field: UNKNOWN_VALUE})
            continue
        place = _place(fields, change.field)
        values[place] = None if change.kind == "omit" else _read(fields[place], change)
    changed = seal(envelope.hop, envelope.origin, _encode(values), envelope.stamp)
    return msgspec.structs.replace(changed, link=envelope.link)


def extras_of(body: bytes, transaction: str, kind: int = Kind.REQUEST) -> dict[str, str]:
    """The fields behind all that a body's type defines, as `altered` adds them."""
    known = len(twin_of(body_type(transaction, kind)).fields)
    try:
        values = _decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return {}
    extras: dict[str, str] = {}
    for value in values[known:]:
        if isinstance(value, dict):
            extras |= {str(name): str(said) for name, said in value.items()}
    return extras


def omitted_of(body: bytes, transaction: str, kind: int = Kind.REQUEST) -> list[str]:
    """The national names of fields that were left out on the way."""
    fields = twin_of(body_type(transaction, kind)).fields
    try:
        values = _decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return []
    return [field.national for field, value in zip(fields, values, strict=False) if value is None]


def _place(fields: tuple[Field, ...], name: str) -> int:
    for place, field in enumerate(fields):
        if field.national == name:
            return place
    known = ", ".join(field.national for field in fields)
    raise ScenarioError(ErrorCode.E_REFERENCE, want=known[:200], got=name)


def _read(field: Field, change: Change) -> Any:
    if field.form is None or field.many:
        raise ScenarioError(ErrorCode.E_REFERENCE, want="a field with one value", got=change.field)
    return field.form.read(
        msgspec.convert(change.value, field.form.type, strict=False), change.field
    )
