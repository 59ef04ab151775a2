"""What each message of the corpus costs: bytes on the wire, and encoding and decoding its body.

The map form is the same message with its field names written out, as JSON-like MessagePack
would send it; positional documents are held against it. Prices are medians over the rounds.
"""

from __future__ import annotations

from collections.abc import Callable
from statistics import median
from time import process_time

import msgspec

from yidi.protocol.bodies import body_type
from yidi.scenarios.load import corpus as corpora
from yidi.scenarios.load.floor import Floor
from yidi.scenarios.load.measure import Machine, describe_machine

REPEATS = 2_000
"""Of one operation in one round: about a millisecond, well above the clock's grain."""


class MessageCost(msgspec.Struct, frozen=True, kw_only=True):
    """One message."""

    transaction: str
    kind: int
    origin_bytes: int
    body_bytes: int
    map_bytes: int
    """Of origin and body together, written as maps."""
    encode_ns: int
    """The body, per CPU time."""
    decode_ns: int


class CodecReport(msgspec.Struct, frozen=True, kw_only=True):
    """What `yidi bench codec` came to."""

    messages: list[MessageCost]
    wire_share: float
    """Positional bytes of all messages over those of the map form."""
    floor_per_cpu_second: float
    rounds: int
    machine: Machine


def measure_codec(*, rounds: int = 9, settlements: int = 1_000) -> CodecReport:
    """Price every message of the corpus, and the floor.

    Raises:
        AssertionError: a message does not come out of the codec as it went in.
    """
    corpus = corpora.load()
    floor = Floor(corpus)
    speeds = []
    for _ in range(rounds):
        started = process_time()
        floor.run(settlements)
        speeds.append(settlements / (process_time() - started))
    rows = [_price(message, rounds) for message in corpus.messages]
    whole = sum(row.map_bytes for row in rows)
    return CodecReport(
        messages=rows,
        wire_share=round(sum(row.origin_bytes + row.body_bytes for row in rows) / whole, 3),
        floor_per_cpu_second=round(median(speeds), 1),
        rounds=rounds,
        machine=describe_machine(),
    )


def _price(message: corpora.Recorded, rounds: int) -> MessageCost:
    origin, body = message.opened()
    encode = msgspec.msgpack.Encoder().encode
    decode = msgspec.msgpack.Decoder(body_type(message.transaction, message.kind)).decode
    data = message.body
    assert encode(body) == data, f"{message.transaction}: encoded otherwise than recorded"
    assert decode(data) == body, f"{message.transaction}: decoded otherwise than encoded"
    return MessageCost(
        transaction=message.transaction,
        kind=message.kind,
        origin_bytes=len(message.origin),
        body_bytes=len(data),
        map_bytes=len(encode(as_map(origin))) + len(encode(as_map(body))),
        encode_ns=_nanoseconds(lambda: encode(body), rounds),
        decode_ns=_nanoseconds(lambda: decode(data), rounds),
    )


def _nanoseconds(operation: Callable[[], object], rounds: int) -> int:
    times = []
    for _ in range(rounds):
        started = process_time()
        for _ in range(REPEATS):
            operation()
        times.append((process_time() - started) / REPEATS)
    return round(median(times) * 1e9)


def as_map(value: object) -> object:
    """A message as maps from field name to value, all the way down."""
    if isinstance(value, msgspec.Struct):
        return {name: as_map(getattr(value, name)) for name in value.__struct_fields__}
    return [as_map(one) for one in value] if isinstance(value, list) else value
