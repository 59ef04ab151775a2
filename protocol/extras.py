"""What stands in a body behind all that its type defines, as a newer version's fields would.

Bodies are positional and append-only, so whoever knows fewer fields reads over what comes last.
A map there says by name what it is, so that an edge that speaks JSON can write it: a name with a
text is a field that nobody defined; a name with nil is a defined field that the edge leaves out,
while those who read the native form have it still. Only deliberate mistakes make such bodies.
"""

from __future__ import annotations

from typing import Any

import msgspec

from yidi.protocol.bodies import body_type
from yidi.protocol.national import twin_of
from yidi.protocol.transactions import Kind

Extras = dict[str, str | None]

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[Any]).decode


def with_extras(body: bytes, extras: Extras) -> bytes:
    """A body with more behind it.

    Raises:
        msgspec.DecodeError: the body is no positional document.
    """
    return _encode([*_decode(body), extras])


def extras_of(body: bytes, transaction: str, kind: int = Kind.REQUEST) -> Extras:
    """What `with_extras` put there; nothing where the body is anything else."""
    known = len(twin_of(body_type(transaction, kind)).fields)
    try:
        values = _decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return {}
    extras: Extras = {}
    for value in values[known:]:
        if isinstance(value, dict):
            extras |= {
                str(name): None if said is None else str(said) for name, said in value.items()
            }
    return extras
