"""The versioned corpus: the eight messages of one settlement, byte for byte.

Floor and flow run over the same messages, and the corpus lies in the repository, so that a
fatter message cannot make the ratio between them look better: the flow is refused when its
envelopes are not those of the corpus. A change of a message type makes a new version of the
file (`write`); figures of different versions are not compared.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from yidi.protocol.bodies import body_type
from yidi.protocol.envelope import Envelope, Origin
from yidi.protocol.transactions import CATALOGUE, MONEY_ANSWERS

VERSION = 1
PATH = Path(__file__).with_name(f"corpus-{VERSION}.json")


class Recorded(msgspec.Struct, frozen=True, kw_only=True):
    """One message of the flow between treatment and insured region, as it was sent."""

    transaction: str
    kind: int
    origin: bytes
    body: bytes

    @property
    def word(self) -> str:
        """Which of the flow's four exchanges it belongs to."""
        return CATALOGUE[self.transaction].word

    @property
    def is_booked(self) -> bool:
        """Whether the hub opens its body."""
        return self.kind == 1 and self.transaction in MONEY_ANSWERS

    def opened(self) -> tuple[Origin, msgspec.Struct]:
        """Origin and body as structs."""
        body = msgspec.msgpack.decode(self.body, type=body_type(self.transaction, self.kind))
        return msgspec.msgpack.decode(self.origin, type=Origin), body


class Corpus(msgspec.Struct, frozen=True, kw_only=True):
    """All of it."""

    version: int
    messages: list[Recorded]

    @property
    def bytes_per_settlement(self) -> int:
        """Origin and body bytes of the eight messages."""
        return sum(len(one.origin) + len(one.body) for one in self.messages)


def load() -> Corpus:
    """The corpus of this version of the code."""
    return msgspec.json.decode(PATH.read_bytes(), type=Corpus)


def record(envelopes: list[Envelope]) -> Corpus:
    """A corpus from the eight envelopes of one settlement, in the order they were sent."""
    return Corpus(
        version=VERSION,
        messages=[
            Recorded(
                transaction=one.origin.transaction,
                kind=one.origin.kind,
                origin=one.origin_bytes,
                body=one.body,
            )
            for one in envelopes
        ],
    )


def write(corpus: Corpus) -> None:
    """Replace the file; for a new version only."""
    PATH.write_bytes(msgspec.json.format(msgspec.json.encode(corpus), indent=1) + b"\n")
