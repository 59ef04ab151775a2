"""The codec floor: what encoding and decoding alone cost, in the best form.

For each of the corpus's messages the origin encodes link, origin and body; the hub decodes link
and origin and encodes link and stamp (and decodes the body where it books); the destination
decodes all. Same types and same bytes as the flow, and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import msgspec

from yidi.protocol.bodies import body_type
from yidi.protocol.envelope import VERSION, Frame, Link, Origin, Stamp
from yidi.scenarios.load.corpus import Corpus

_LINKS = (Link("treatment:310000", "hub:yrd", 4_711, 4_700, 1_772_420_400_000_000),
          Link("hub:yrd", "insured:340600", 4_711, 4_700, 1_772_420_400_020_000))  # fmt: skip
_STAMP = Stamp("2026-03-02", 123_456, "hub:yrd")


class _Message(NamedTuple):
    origin: Origin
    body: msgspec.Struct
    open_body: Callable[[bytes], object]
    is_booked: bool


class Floor:
    """The floor over one corpus."""

    def __init__(self, corpus: Corpus) -> None:
        self._messages = [
            _Message(
                *one.opened(),
                msgspec.msgpack.Decoder(body_type(one.transaction, one.kind)).decode,
                one.is_booked,
            )
            for one in corpus.messages
        ]
        self.envelopes_per_settlement = 2 * len(self._messages)
        booked = sum(message.is_booked for message in self._messages)
        self.operations_per_settlement = 9 * len(self._messages) + booked
        """Encodings and decodings: three at the origin, three at the hub, three where it ends."""

    def run(self, settlements: int) -> int:
        """Do the codec work of so many settlements; returns the bytes that went over links."""
        encode = msgspec.msgpack.Encoder().encode
        open_frame = msgspec.msgpack.Decoder(Frame).decode
        open_origin = msgspec.msgpack.Decoder(Origin).decode
        first, second = _LINKS
        messages, stamp, total = self._messages, _STAMP, 0
        for _ in range(settlements):
            for origin, body, open_body, is_booked in messages:
                sent = encode(Frame(VERSION, first, encode(origin), None, encode(body)))
                relayed = open_frame(sent)
                open_origin(relayed.origin)
                if is_booked:
                    open_body(relayed.body)
                passed = encode(Frame(VERSION, second, relayed.origin, stamp, relayed.body))
                arrived = open_frame(passed)
                open_origin(arrived.origin)
                open_body(arrived.body)
                total += len(sent) + len(passed)
        return total
