"""What of one input counts as output: the bytes that a journal's block digests cover.

The runner, the replay of `verify` and the live host all count outputs through here, so that a
digest means the same everywhere. An output counts by what its node decided: hop, stamp, origin
and body; the link's numbers are the carrier's and stay out. What a node only passes on (a hub its
messages, a treatment region an answer's body) stays out too, since the input stands in the
journal beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from yidi.nodes.ledger import Posting
from yidi.protocol.envelope import Envelope

_encode = msgspec.msgpack.Encoder().encode


def note_envelopes(
    note: Callable[[bytes], None], given: Envelope | None, outputs: Iterable[Envelope]
) -> None:
    """Count what an input caused into a journal's digest.

    Args:
        note: the writer's `note_output`.
        given: the input; None for a deadline.
        outputs: what the node sends for it.
    """
    passed, said = (None, None) if given is None else (given.origin_bytes, given.body)
    for envelope in outputs:
        origin, body, stamp = envelope.origin_bytes, envelope.body, envelope.stamp
        if origin is passed:
            note(_encode((envelope.hop, stamp)))
            continue
        note(_encode(envelope.hop) if stamp is None else _encode((envelope.hop, stamp)))
        note(origin)
        if body is not said:
            note(body)


def posting_bytes(posting: Posting) -> bytes:
    """What a posting counts as in a journal's digest."""
    return _encode(posting)
