"""Secrets of a network's folder: `secrets/ROLE-CODE/`, one directory a node, for its owner alone.

Every process reads its own directory and no other. `keys.json` is its keyring; what else a
secured network has (`secured`) lies beside it. Nothing of it stands in `network.json`, a journal,
a log or on a command line.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable
from pathlib import Path

import msgspec

from yidi.broker.engines.credentials import read_private
from yidi.broker.engines.topics import level
from yidi.protocol.authentication import Keyring, make_keyrings, owner_of
from yidi.protocol.errors import ErrorCode, StoredDataError

KEYS = "keys.json"
AUTHORITY = "authority.pem"
"""In `secrets/` itself: the certificate that all others are verified by. No secret."""
CERTIFICATE, KEY, LOGIN = "certificate.pem", "key.pem", "login"
"""Of one owner, in a secured network; the login is `user:password`."""
SECRET_BYTES = 32
KEYRING_BYTES_MAX = 1 << 20
"""Keys with a few thousand neighbours."""


def secrets_folder(network: Path, address: str) -> Path:
    """Where the secrets of an owner lie."""
    return network / "secrets" / level(owner_of(address))


def write_private(path: Path, content: bytes) -> None:
    """Write a new file for its owner alone, whatever the umask, and never over another one."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
    with os.fdopen(os.open(path, flags, 0o600), "wb") as file:
        file.write(content)


def write_keyrings(network: Path, addresses: Iterable[str]) -> None:
    """Make keys for all owners of a network, and write each its own.

    Raises:
        MissingAlgorithm: SM3 or SM2 is missing on this machine.
    """
    rings = make_keyrings(map(owner_of, addresses), secrets.token_bytes(SECRET_BYTES))
    for owner, ring in rings.items():
        write_private(secrets_folder(network, owner) / KEYS, msgspec.json.encode(ring))


def read_keyring(network: Path, address: str) -> Keyring:
    """The keys of one owner.

    Raises:
        StoredDataError: `E_BUNDLE`: they are no keyring.
        TransportError: `E_ENGINE`: they cannot be read, or others can read them, too.
    """
    path = secrets_folder(network, address) / KEYS
    try:
        return msgspec.json.decode(read_private(path, KEYRING_BYTES_MAX), type=Keyring)
    except msgspec.MsgspecError as error:
        # What it says might be a key: only its kind is told.
        raise StoredDataError(ErrorCode.E_BUNDLE, at=str(path), want="a keyring") from error
