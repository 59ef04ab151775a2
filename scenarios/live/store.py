"""A live node's data directory: lock, incarnation, journal; what a restart stands on.

The journal of inputs is the memory. On start the directory is locked for life, the incarnation
is counted up and synced, and the journal is folded into a fresh node: a torn tail is cut (its
whole records are applied and written anew), corruption in the middle is refused with its place.
Then the node goes on; whatever it had not had answered is in its outbox and is sent again.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from yidi.protocol.errors import ErrorCode, StoredDataError
from yidi.protocol.instants import Instant
from yidi.protocol.journal import Opening
from yidi.scenarios.judging.journal_file import (
    JournalFile,
    create_journal,
    open_journal,
    reopen_journal,
    storage_error,
)
from yidi.scenarios.judging.refold import Refold
from yidi.scenarios.live.sessions import INCARNATION_MAX

JOURNAL, LOCK, INCARNATION = "journal.bin", "lock", "incarnation"


class NodeStore:
    """One node's directory, locked while this object is open.

    Raises:
        StoredDataError: `E_LOCKED` with the holder's pid, `E_OUTPUT`.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = _locked(folder / LOCK)
        except OSError as error:
            raise storage_error(error, folder) from error
        self.incarnation = self._count_up()
        self.journal: JournalFile | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def recover(self, node: Any, opening: Opening) -> Instant:
        """Bring a fresh node to where its journal ends, and open the journal to go on.

        Args:
            node: as it is set up, with nothing handled yet.
            opening: what a new journal begins with, and an old one must agree with.

        Returns:
            The instant of the last input; the opening's start where there is none.

        Raises:
            StoredDataError: `E_JOURNAL_CORRUPT`, `E_FORMAT` (other rules or another world).
        """
        path = self.folder / JOURNAL
        if not path.exists():
            self.journal = create_journal(path, opening)
            return opening.start
        reader = open_journal(path, strict=False)
        _check_same(reader.opening, opening)
        fold = Refold({node.address: node}, opening.nodes)
        last = opening.start
        for block in reader.blocks():
            for record in block.records if block.whole else ():
                last = Instant(max(last, record.now))
                fold.apply(record, _ignore)
        self.journal = reopen_journal(path, reader)
        # Whole records of a torn block are inputs like any other: written, then applied.
        writer = self.journal.writer
        for record in reader.unsealed:
            last = Instant(max(last, record.now))
            writer.append(record.kind, record.node, record.now, record.payload)
            fold.apply(record, writer.note_output)
        self.journal.commit()
        return last

    def commit(self) -> None:
        """Make everything appended so far durable."""
        assert self.journal is not None
        self.journal.commit()

    def close(self) -> None:
        """Close the journal without sealing it, and let go of the lock."""
        if self.journal is not None:
            self.journal.close()
        self._lock.close()

    def _count_up(self) -> int:
        """This start's number: one more than the last one's, synced before anything is sent."""
        path = self.folder / INCARNATION
        number = int(path.read_text("ascii")) + 1 if path.exists() else 1
        if number >= INCARNATION_MAX:
            raise StoredDataError(ErrorCode.E_FORMAT, at=str(path), limit=INCARNATION_MAX)
        draft = path.with_suffix(".new")
        with draft.open("w", encoding="ascii") as file:
            file.write(str(number))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
        return number


def _ignore(output: bytes) -> None:
    """Outputs of the past were sent, or their requests will be repeated."""


def _check_same(kept: Opening, ours: Opening) -> None:
    for name in ("rules_version", "schema_digest", "scenario_digest", "nodes"):
        if getattr(kept, name) != getattr(ours, name):
            raise StoredDataError(
                ErrorCode.E_FORMAT, at=JOURNAL, want=f"{name} of this network",
                got=str(getattr(kept, name)),
            )  # fmt: skip


def _locked(path: Path) -> IO[str]:
    """Hold a file for life; the lock goes with the process, however it ends."""
    file = path.open("a+", encoding="ascii")
    try:
        if sys.platform == "win32":
            import msvcrt  # noqa: PLC0415 - exists on Windows only

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl  # noqa: PLC0415 - exists where Windows is not

            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.seek(0)
        holder = file.read(20).strip()
        file.close()
        raise StoredDataError(
            ErrorCode.E_LOCKED, at=str(path.parent.name), got=f"pid={holder}"
        ) from error
    file.seek(0)
    file.truncate()
    file.write(str(os.getpid()))
    file.flush()
    return file
