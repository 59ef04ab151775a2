"""What of one input counts as output: the bytes that a journal's block digests cover.

The runner, the replay of `verify` and the live host all count outputs through here, so that a
digest means the same everywhere. An output counts by what its node decided: hop, stamp, origin
and body; the link's numbers are the carrier's and stay out. What a hub only relays counts by hop
and stamp, since origin and body stand in the journal beside it, as the input.
"""

from __future__ import annotations

import msgspec

from yidi.nodes.ledger import Posting
from yidi.protocol.envelope import Envelope

_encode = msgspec.msgpack.Encoder().encode


def output_bytes(given: Envelope | None, output: Envelope) -> bytes:
    """What a message counts as in a journal's digest.

    Args:
        given: the input that caused it; None for a deadline.
        output: what the node sends.
    """
    origin = output.origin_bytes
    if given is not None and origin is given.origin_bytes:
        return _encode((output.hop, output.stamp))
    return _encode((output.hop, output.stamp, origin, output.body))


def posting_bytes(posting: Posting) -> bytes:
    """What a posting counts as in a journal's digest."""
    return _encode(posting)
