"""A message that is not as it was sent: fields added, left out or set on its way.

Bodies are positional documents, so a field is found by its place in the body's type. A field
that nobody defined comes behind all that is known (`protocol.extras`). One that is left out is
nil, which for a required field is as good as absent; on the way to a node that is met in JSON the
edge leaves it out, since there absent and nil are not the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from yidi.protocol.bodies import body_type
from yidi.protocol.envelope import Envelope, seal
from yidi.protocol.errors import ErrorCode, ScenarioError
from yidi.protocol.extras import with_extras
from yidi.protocol.national import Field, twin_of
from yidi.scenarios.library.fault_sentences import Change

UNKNOWN_VALUE = "?"
"""What a field that nobody defined holds."""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[Any]).decode


def altered(envelope: Envelope, changes: Sequence[Change], *, at_edge: bool = False) -> Envelope:
    """The message with its changes made; the same object where there are none.

    Args:
        envelope: as it was sent.
        changes: what becomes of its body.
        at_edge: whether the hop ends where documents are JSON.

    Raises:
        ScenarioError: `E_REFERENCE`, the body has no such field.
        DecodeError: the value is none of that field.
    """
    if not changes:
        return envelope
    body = envelope.body
    fields = twin_of(body_type(envelope.origin.transaction, envelope.origin.kind)).fields
    for change in changes:
        body = _changed(body, change, fields, at_edge=at_edge)
    changed = seal(envelope.hop, envelope.origin, body, envelope.stamp)
    return msgspec.structs.replace(changed, link=envelope.link)


def _changed(body: bytes, change: Change, fields: tuple[Field, ...], *, at_edge: bool) -> bytes:
    if change.kind == "add":
        return with_extras(body, {change.field: UNKNOWN_VALUE})
    place = _place(fields, change.field)
    if change.kind == "omit" and at_edge:
        return with_extras(body, {change.field: None})
    values = _decode(body)
    values[place] = None if change.kind == "omit" else _read(fields[place], change)
    return _encode(values)


def _place(fields: tuple[Field, ...], name: str) -> int:
    for place, field in enumerate(fields):
        if field.national == name:
            return place
    known = ", ".join(field.national for field in fields)
    raise ScenarioError(ErrorCode.E_REFERENCE, want=known[:200], got=name)


def _read(field: Field, change: Change) -> Any:
    if field.form is None or field.many:
        raise ScenarioError(ErrorCode.E_REFERENCE, want="a field with one value", got=change.field)
    value = msgspec.convert(change.value, field.form.type, strict=False)
    return field.form.read(value, change.field)
