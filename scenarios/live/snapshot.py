"""A live node's snapshot: its whole memory at a place of its journal, in one file.

Saved answers are part of the memory, so nothing that was answered is computed again. The file is
replaced as a whole: written beside, synced, renamed, and the folder synced, so that a crash
leaves the old one or the new one. It is a shortcut and no record: the journal is kept from its
beginning, and a snapshot that cannot be read, or is of something else, costs a whole fold.
"""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec

from yidi.nodes.base import NodeState
from yidi.nodes.control import ControlledNode
from yidi.nodes.hub import Hub
from yidi.nodes.insured_region import InsuredRegion
from yidi.nodes.province import Province
from yidi.nodes.treatment_region import TreatmentRegion
from yidi.protocol.errors import ErrorCode, StoredDataError
from yidi.protocol.instants import Instant
from yidi.protocol.journal import Opening, Tip
from yidi.scenarios.judging.journal_file import replace_file

SNAPSHOT = "snapshot.bin"
MAGIC = b"YIDS\x01"
_HEAD = len(MAGIC) + sha256().digest_size


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """What the file holds, after its magic and the SHA-256 of the rest."""

    opening: Opening
    """Of the journal it belongs to."""
    tip: Tip
    """Where in the journal: everything before it is in the memory, nothing after it."""
    last: Instant
    """The instant of the last input before the tip."""
    memory: bytes
    """`Node.snapshot()`."""


_decoder = msgspec.msgpack.Decoder(Snapshot)


def encode_snapshot(snapshot: Snapshot) -> bytes:
    """The bytes of the file."""
    document = msgspec.msgpack.encode(snapshot)
    return MAGIC + sha256(document).digest() + document


def write_snapshot(path: Path, data: bytes) -> None:
    """Put an encoded snapshot in the place of the one before.

    Raises:
        StoredDataError: `E_STORAGE_FULL`, `E_OUTPUT`; the one before is still there.
    """
    replace_file(path, data)


def read_snapshot(path: Path) -> Snapshot | None:
    """The snapshot in a file; None where there is no file.

    Raises:
        StoredDataError: `E_FRAME_MAGIC`, `E_FRAME_CRC`, `E_FORMAT` with the place, `E_BUNDLE`.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoredDataError(
            ErrorCode.E_BUNDLE, at=path.name, got=error.strerror or type(error).__name__
        ) from error
    if not data.startswith(MAGIC):
        raise StoredDataError(
            ErrorCode.E_FRAME_MAGIC, at=f"{path.name} offset=0", want=MAGIC.hex(),
            got=data[: len(MAGIC)].hex(),
        )  # fmt: skip
    document = data[_HEAD:]
    if sha256(document).digest() != data[len(MAGIC) : _HEAD]:
        raise StoredDataError(
            ErrorCode.E_FRAME_CRC, at=f"{path.name} offset={_HEAD}", got=f"{len(document)} bytes"
        )
    try:
        return _decoder.decode(document)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise StoredDataError(ErrorCode.E_FORMAT, at=path.name, got=str(error)) from error


def restored(node: Any, memory: bytes) -> Any:
    """The same node with another memory; what it was set up with stays.

    Raises:
        StoredDataError: `E_FORMAT`: the memory is none of this role.
    """
    if isinstance(node, ControlledNode):
        node.node = restored(node.node, memory)
        return node
    try:
        state = msgspec.msgpack.decode(memory, type=type(node).state_type)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise StoredDataError(ErrorCode.E_FORMAT, at=SNAPSHOT, got=str(error)) from error
    return _remade(node, state)


def _remade(node: Any, state: NodeState) -> Any:
    kind: Any = type(node)
    if isinstance(node, InsuredRegion):
        return kind(node.config, node.book, state)
    if isinstance(node, Province):
        return kind(node.plan, state)
    assert isinstance(node, Hub | TreatmentRegion)
    return kind(node.config, state)
