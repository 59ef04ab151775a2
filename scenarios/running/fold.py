"""What of one input counts as output: the bytes that a journal's block digests cover.

The runner, the replay of `verify` and the live host all count outputs through here, so that a
digest means the same everywhere. An output counts by what its node decided: hop, stamp, origin
and body; the link's numbers are the carrier's and stay out. What a hub only passes on counts by
hop and stamp, since the input that it passes on stands in the journal beside it.
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
    passed = None if given is None else given.origin_bytes
    for envelope in outputs:
        stamp, origin = envelope.stamp, envelope.origin_bytes
        head = envelope.hop.encode() if stamp is None else _encode((envelope.hop, stamp))
        note(head if origin is passed else head + origin + envelope.body)


def posting_bytes(posting: Posting) -> bytes:
    """What a posting counts as in a journal's digest."""
    return _encode(posting)
