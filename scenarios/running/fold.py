"""What of one input counts as output: the bytes that a journal's block digests cover.

The runner, the replay of `verify` and the live host all count outputs through here, so that a
digest means the same everywhere. An output counts by what its node decided: hop, stamp, origin
and body; the link's numbers are the carrier's and stay out. What a node only passes on (a hub its
messages, a treatment region an answer's body) stays out too, since the input stands in the
journal beside it.
"""

from __future__ import annotations

import msgspec

from yidi.nodes.ledger import Posting
from yidi.protocol.envelope import Envelope

_encode = msgspec.msgpack.Encoder().encode


def output_parts(given: Envelope | None, output: Envelope) -> tuple[bytes, ...]:
    """What a message counts as in a journal's digest.

    Args:
        given: the input that caused it; None for a deadline.
        output: what the node sends.
    """
    origin, stamp = output.origin_bytes, output.stamp
    if given is not None and origin is given.origin_bytes:
        return (_encode((output.hop, stamp)),)
    head = _encode(output.hop) if stamp is None else _encode((output.hop, stamp))
    body = output.body
    if given is not None and body is given.body:
        return head, origin
    return head, origin, body


def posting_bytes(posting: Posting) -> bytes:
    """What a posting counts as in a journal's digest."""
    return _encode(posting)
