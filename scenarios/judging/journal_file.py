"""Journals in files: written block by block, read in pieces, never held in memory whole.

A `JournalFile` owns the file and its writer. A virtual run appends and seals; a live node also
calls `commit`, which finishes the block and syncs it before any output leaves. After a crash the
journal is read in recovery mode, and `reopen_journal` cuts the torn tail off and goes on where
the whole blocks end. A file that could not be synced is not written to again: the system may have
dropped the pages and would call the next sync a success.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import suppress
from enum import StrEnum
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import Self

from yidi.protocol.errors import ErrorCode, StoredDataError
from yidi.protocol.instants import Instant
from yidi.protocol.journal import BLOCK_HEADER_SIZE, START, JournalWriter, Opening, Tip
from yidi.protocol.journal_reader import JournalReader

CHUNK_SIZE = 1 << 18
"""Bytes read at a time: a few blocks; more does not read faster."""


class Keep(StrEnum):
    """How much of a journal is kept in the file."""

    FULL = "full"
    DIGESTS = "digests"
    """The 96-byte block headers only: enough to find where two runs part, not to replay."""


class JournalFile:
    """A journal being written; a context manager that closes without sealing.

    Append through `writer`; errors of the file come out of `writer.append`, `commit`, `seal`.
    """

    def __init__(
        self, path: Path, file: FileIO, opening: Opening, tip: Tip = START, keep: Keep = Keep.FULL
    ) -> None:
        self.path = path
        self._file = file
        self._keep = keep
        self._failed = False
        self.writer = JournalWriter(self._write, opening, tip)

    def commit(self) -> None:
        """Finish the block and sync it to the disk.

        Raises:
            StoredDataError: `E_STORAGE_FULL`, `E_OUTPUT`; the file takes nothing more.
        """
        self.writer.flush()
        self._sync()

    def seal(self, now: Instant | None = None) -> str:
        """Write the closing record, sync, close the file, and return the journal hash.

        Raises:
            StoredDataError: As for `commit`.
        """
        journal_hash = self.writer.seal(now)
        self._sync()
        self._file.close()
        return journal_hash

    def close(self) -> None:
        """Write what is finished and unfinished, without a closing record, and close the file.

        Raises:
            StoredDataError: As for `commit`.
        """
        if self._file.closed:
            return
        try:
            if not self._failed:
                self.commit()
        finally:
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _write(self, block: bytes) -> None:
        self._refuse_if_failed()
        rest = memoryview(block if self._keep is Keep.FULL else block[:BLOCK_HEADER_SIZE])
        try:
            while rest:  # an unbuffered write may take a part only
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            self._failed = True
            raise storage_error(error, self.path) from error

    def _sync(self) -> None:
        self._refuse_if_failed()
        try:
            os.fsync(self._file.fileno())
        except OSError as error:
            self._failed = True
            raise storage_error(error, self.path) from error

    def _refuse_if_failed(self) -> None:
        if self._failed:
            raise StoredDataError(
                ErrorCode.E_OUTPUT, at=self.path.name, got="an earlier write or sync failed"
            )


def create_journal(path: Path, opening: Opening, keep: Keep = Keep.FULL) -> JournalFile:
    """Begin a journal in a new file, readable by its owner only.

    Raises:
        StoredDataError: `E_OUTPUT` if the file exists or cannot be made, `E_STORAGE_FULL`.
    """
    try:
        file = FileIO(path, "xb", opener=_open_private)
        _sync_directory(path.parent)
    except OSError as error:
        raise storage_error(error, path) from error
    return JournalFile(path, file, opening, keep=keep)


def reopen_journal(path: Path, reader: JournalReader) -> JournalFile:
    """Go on with a journal that `reader` has read to its end; the torn tail is cut off.

    The kept records of the tail (`reader.unsealed`) are not in the file any more: the caller
    applies and appends them as it does new inputs, so that their outputs are noted again.

    Raises:
        StoredDataError: `E_OUTPUT`, `E_STORAGE_FULL`.
    """
    assert reader.closing is None, "a sealed journal is not gone on with"
    try:
        file = FileIO(path, "r+b")
        file.truncate(reader.tip.offset)
        file.seek(reader.tip.offset)
    except OSError as error:
        raise storage_error(error, path) from error
    return JournalFile(path, file, reader.opening, reader.tip)


def replace_file(path: Path, data: bytes) -> None:
    """Put a small whole file in the place of what has its name, durably or not at all.

    Raises:
        StoredDataError: `E_OUTPUT`, `E_STORAGE_FULL`; what was there is there still.
    """
    draft = path.with_suffix(".new")
    try:
        with FileIO(draft, "wb", opener=_open_private) as file:
            rest = memoryview(data)
            while rest:
                rest = rest[file.write(rest) :]
            os.fsync(file.fileno())
        draft.replace(path)
        _sync_directory(path.parent)
    except OSError as error:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        raise storage_error(error, path) from error


def read_chunks(path: Path, offset: int = 0) -> Iterator[bytes]:
    """Yield a file's bytes in pieces, from an offset on.

    Raises:
        StoredDataError: `E_BUNDLE` if it cannot be read.
    """
    try:
        with FileIO(path, "rb") as file:
            file.seek(offset)
            while chunk := file.read(CHUNK_SIZE):
                yield chunk
    except OSError as error:
        raise StoredDataError(
            ErrorCode.E_BUNDLE, at=path.name, got=error.strerror or type(error).__name__
        ) from error


def open_journal(path: Path, *, strict: bool = True) -> JournalReader:
    """Read a journal's first block and return the reader for the rest.

    Args:
        path: The file.
        strict: As `verify` reads: a torn tail or a missing closing record is an error.

    Raises:
        JournalDamage: As for `JournalReader.blocks`.
        StoredDataError: `E_BUNDLE` if the file cannot be read.
    """
    return JournalReader(read_chunks(path), strict=strict, name=path.name)


def open_journal_after(path: Path, opening: Opening, tip: Tip) -> JournalReader:
    """A reader, in recovery mode, of what stands after a tip that is known to be in the file.

    Raises:
        JournalDamage: `E_JOURNAL_CORRUPT`, also where the file ends before the tip.
        StoredDataError: `E_BUNDLE` if the file cannot be read.
    """
    chunks = read_chunks(path, tip.offset)
    reader = JournalReader(chunks, name=path.name, after=(opening, tip))
    size = path.stat().st_size
    if size < tip.offset:
        raise reader.damage(f"the file ends at {size}", tip.lsn, tip.offset)
    return reader


def storage_error(error: OSError, path: Path) -> StoredDataError:
    """Say in our words what the system said of a file that is written."""
    full = error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))
    code = ErrorCode.E_STORAGE_FULL if full else ErrorCode.E_OUTPUT
    return StoredDataError(code, at=path.name, got=error.strerror or type(error).__name__)


def _open_private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _sync_directory(directory: Path) -> None:
    """Make a new file's name as durable as its content (Windows does so by itself)."""
    if os.name == "nt":
        return
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
