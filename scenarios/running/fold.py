"""One step of the fold: apply an input to a node, and what of it counts as output.

The runner, the replay of `verify` and the live host all step nodes through here or do exactly
this, so that a journal's output digests mean the same everywhere. An output counts by what its
node decided: hop, origin, stamp and body; the link's numbers are the carrier's and stay out.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from yidi.nodes.ledger import Posting
from yidi.protocol.envelope import Envelope

_encode = msgspec.msgpack.Encoder().encode


def note_envelope(note: Callable[[bytes], None], envelope: Envelope) -> None:
    """Count one output into a journal's digest; `note` is the writer's `note_output`."""
    note(envelope.hop.encode())
    note(envelope.origin_bytes)
    stamp = envelope.stamp
    if stamp is not None:
        note(_encode(stamp))
    note(envelope.body)


def posting_bytes(posting: Posting) -> bytes:
    """What a posting counts as in a journal's digest."""
    return _encode(posting)
