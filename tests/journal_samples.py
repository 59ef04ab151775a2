"""Small journals for the tests of the journal's format, reader and files."""

from __future__ import annotations

from yidi.protocol.instants import Instant
from yidi.protocol.journal import JournalWriter, Opening, RecordKind

OPENING = Opening(
    seed=7,
    scenario_digest="5ca1ab1e",
    rules_version="1",
    schema_digest="0ddba11",
    nodes=("treatment:310000", "hub:100000", "insured:340600"),
    start=Instant(1_773_619_200_000_000),
)


def write_inputs(writer: JournalWriter, first: int, count: int, size: int = 8) -> None:
    """Append `count` inputs, every fourth a deadline, each with an output."""
    for number in range(first, first + count):
        deadline = number % 4 == 3
        kind = RecordKind.DEADLINE if deadline else RecordKind.ENVELOPE
        payload = b"" if deadline else bytes([number % 251]) * size
        writer.append(kind, number % 3, Instant(OPENING.start + number), payload)
        writer.note_output(b"answer %d" % number)


def small_blocks(*, sealed: bool = True) -> list[bytes]:
    """Three blocks of a few records each; the last one holds the closing record."""
    blocks: list[bytes] = []
    writer = JournalWriter(blocks.append, OPENING)
    for block in range(3):
        write_inputs(writer, block * 4, 4)
        if block < 2:
            writer.flush()
    if sealed:
        writer.seal(Instant(OPENING.start + 1_000))
    else:
        writer.flush()
    return blocks
