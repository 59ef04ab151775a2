# ruff: noqa: INP001 - an example that stands alone, for readers who have nothing of yidi
"""Checks a yidi journal and counts what is in it, with nothing but Python's own library.

    python read_journal.py journal.bin

It follows docs/journal.md step by step: header, CRC, records, hash chain. Exit code 0 if the
file is whole, 4 if it is not. Payloads are left as they are; the opening and closing records and
the envelopes are MessagePack.
"""

import hashlib
import struct
import sys
import zlib
from collections import Counter
from collections.abc import Iterator
from typing import BinaryIO

HEADER = struct.Struct(">4sB3xIQII32s32sI")
RECORD = struct.Struct(">IBHq")
KINDS = {1: "opening", 2: "envelope", 3: "deadline", 4: "snapshot", 5: "closing"}


class Damage(Exception):
    """The file is not a whole journal."""


def expect(holds: bool, what: str) -> None:
    """Stop reading with a word on what is wrong."""
    if not holds:
        raise Damage(what)


def read_block(file: BinaryIO, number: int, lsn: int, previous: bytes) -> tuple[bytes, bytes]:
    """Read and check one block: its records and its hash; two empty strings at the end."""
    head = file.read(HEADER.size)
    if not head:
        return b"", b""
    expect(len(head) == HEADER.size, "torn block header")
    magic, version, its_number, first_lsn, _, length, _, digest, crc = HEADER.unpack(head)
    expect(magic == b"YIDJ", "wrong magic")
    expect(version == 1, f"version {version}, want 1")
    expect(length <= 262_144 + 19, "block too large")
    expect(zlib.crc32(head[:92]) == crc, "header CRC")
    expect((its_number, first_lsn) == (number, lsn), "block out of order")
    records = file.read(length)
    expect(len(records) == length, "torn block")
    expect(hashlib.sha256(previous + head[:60] + records).digest() == digest, "hash chain")
    return records, digest


def read_records(records: bytes) -> Iterator[tuple[str, int, int, bytes]]:
    """Yield a block's records: kind, node index, instant in microseconds, payload."""
    start = 0
    while start < len(records):
        size, kind, node, instant = RECORD.unpack_from(records, start)
        end = start + RECORD.size + size
        crc = int.from_bytes(records[end : end + 4], "big")
        expect(zlib.crc32(records[start:end]) == crc, "record CRC")
        yield KINDS.get(kind, f"kind {kind}"), node, instant, records[end - size : end]
        start = end + 4


def summary(file: BinaryIO) -> str:
    """Read a whole journal, one block in memory at a time, and say what it holds."""
    counts: Counter[str] = Counter()
    number, lsn, digest, last = 0, 0, bytes(32), ""
    while True:
        records, next_digest = read_block(file, number, lsn, digest)
        if not next_digest:
            break
        digest = next_digest
        for last, _node, _instant, _payload in read_records(records):
            counts[last] += 1
            lsn += 1
        number += 1
    expect(counts["opening"] == 1, "no opening record")
    expect(last == "closing", "no closing record")
    lines = [f"{name} {count}" for name, count in sorted(counts.items())]
    return "\n".join([*lines, f"blocks {number}", f"records {lsn}", f"journal_hash {digest.hex()}"])


def main() -> int:
    """Read the file named on the command line."""
    with open(sys.argv[1], "rb") as file:  # noqa: PTH123 - shorter for one file
        try:
            said = summary(file)
        except Damage as damage:
            sys.stderr.write(f"{sys.argv[1]}: {damage}\n")
            return 4
    sys.stdout.write(said + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
