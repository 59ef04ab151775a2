"""The one place that chooses the hash: SHA-256, in the two widths the project uses.

Content digests (16 bytes) tell "same content" from "other content" under one key; whole
digests (64 hexadecimal digits) name scenarios, schemas and files in what people read.
SM3 would cost about six times as much and is kept for signatures.
"""

from __future__ import annotations

from hashlib import sha256

CONTENT_DIGEST_SIZE = 16


def content_digest(data: bytes) -> bytes:
    """Return the first 16 bytes of the SHA-256 of `data`."""
    return sha256(data).digest()[:CONTENT_DIGEST_SIZE]


def hex_digest(data: bytes) -> str:
    """Return the whole SHA-256 of `data` as 64 lower-case hexadecimal digits."""
    return sha256(data).hexdigest()
