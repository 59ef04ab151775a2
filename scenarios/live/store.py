"""A live node's data directory: lock, incarnation, journal, snapshot; what a restart stands on.

The journal of inputs is the memory. On start the directory is locked for life, the incarnation
is counted up and synced, and what the journal holds after the last snapshot is folded into it:
a torn tail is cut (its whole records are applied and written anew), corruption in the middle is
refused with its place. A snapshot that cannot be used is told, and the whole journal is folded.
Then the node goes on; whatever it had not had answered is in its outbox and is sent again.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import msgspec

from yidi.protocol.errors import ErrorCode, StoredDataError
from yidi.protocol.instants import Instant
from yidi.protocol.journal import START, JournalWriter, Opening, Tip
from yidi.protocol.journal_reader import JournalReader
from yidi.scenarios.judging.journal_file import (
    JournalFile,
    create_journal,
    open_journal,
    open_journal_after,
    reopen_journal,
    replace_file,
    storage_error,
)
from yidi.scenarios.judging.refold import Refold
from yidi.scenarios.live.sessions import INCARNATION_MAX
from yidi.scenarios.live.snapshot import (
    SNAPSHOT,
    Snapshot,
    encode_snapshot,
    read_snapshot,
    restored,
    write_snapshot,
)
from yidi.scenarios.live.tuning import SNAPSHOT_EVERY

JOURNAL, LOCK, INCARNATION = "journal.bin", "lock", "incarnation"


class Recovered(msgspec.Struct, frozen=True, kw_only=True):
    """A node as it was."""

    node: Any
    last: Instant
    """The instant of its last input; the journal's start where there is none."""
    folded: int = 0
    """Inputs that had to be folded; what came before them was in the snapshot."""


class NodeStore:
    """One node's directory, locked while this object is open.

    Args:
        folder: where it is.
        snapshot_every: bytes of journal after which the memory is written out; from then on as
            many as twice a snapshot's size, so that snapshots never cost more than the journal.
        tell: told what went wrong with a snapshot, which hinders nothing.

    Raises:
        StoredDataError: `E_LOCKED` with the holder's pid, `E_OUTPUT`.
    """

    def __init__(
        self,
        folder: Path,
        snapshot_every: int = SNAPSHOT_EVERY,
        tell: Callable[[StoredDataError], object] | None = None,
    ) -> None:
        self.folder = folder
        self.snapshot_every = snapshot_every
        self._tell = tell or _ignore
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = _locked(folder / LOCK)
        except OSError as error:
            raise storage_error(error, folder) from error
        try:
            self.incarnation = count_up(folder)
        except StoredDataError:
            self._lock.close()
            raise
        self.journal: JournalFile | None = None
        self.snapshots = 0
        """How many were written in this life."""
        self._node: Any = None
        self._opening: Opening
        self._last_snapshot = 0
        """Offset of the journal that the last one covers."""
        self._snapshot_size = 0
        self._writing: Future[None] | None = None
        self._writer = ThreadPoolExecutor(1, "snapshot")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # After an error the memory may be half changed; only what the journal says is certain.
        if kind is None and self.journal is not None:
            self.commit()
            if self.journal.writer.tip.offset > self._last_snapshot:
                self.snapshot()
        self.close()

    def recover(self, node: Any, opening: Opening) -> Recovered:
        """Bring a fresh node to where its journal ends, and open the journal to go on.

        Args:
            node: as it is set up, with nothing handled yet.
            opening: what a new journal begins with, and an old one must agree with.

        Raises:
            StoredDataError: `E_JOURNAL_CORRUPT`, `E_FORMAT` (other rules or another world).
        """
        path = self.folder / JOURNAL
        self._opening = opening
        if is_stillborn(path, opening):
            path.unlink(missing_ok=True)
            self.journal = create_journal(path, opening)
            self.journal.commit()
            self._node = node
            return Recovered(node=node, last=opening.start)
        found = self._usable_snapshot(opening)
        if found is None:
            tip, last, reader = START, opening.start, open_journal(path, strict=False)
        else:
            node = restored(node, found.memory)
            tip, last = found.tip, found.last
            reader = open_journal_after(path, found.opening, tip)
        _check_same(reader.opening, opening, JOURNAL)
        self._node, self._last_snapshot = node, tip.offset
        fold = Refold({node.address: node}, opening.nodes)
        for block in reader.blocks():
            for record in block.records if block.whole else ():
                last = Instant(max(last, record.now))
                fold.apply(record, _ignore)
        self.journal = reopen_journal(path, reader)
        last = self._apply_unsealed(reader, fold, last)
        self.journal.commit()
        return Recovered(node=node, last=last, folded=fold.applied)

    def _usable_snapshot(self, opening: Opening) -> Snapshot | None:
        """The snapshot, if there is one that can be read and is of this network."""
        try:
            found = read_snapshot(self.folder / SNAPSHOT)
            if found is not None:
                _check_same(found.opening, opening, SNAPSHOT)
        except StoredDataError as error:
            self._tell(error)
            return None
        return found

    def _apply_unsealed(self, reader: JournalReader, fold: Refold, last: Instant) -> Instant:
        """Whole records of a torn block are inputs like any other: written, then applied."""
        assert self.journal is not None
        writer = self.journal.writer
        for record in reader.unsealed:
            last = Instant(max(last, record.now))
            writer.append(record.kind, record.node, record.now, record.payload)
            fold.apply(record, writer.note_output)
        return last

    def commit(self) -> None:
        """Make everything appended so far durable; now and then write the memory out, too.

        Between this call and its return the node must handle nothing: the memory that is written
        is the one that the journal ends with.

        Raises:
            StoredDataError: `E_STORAGE_FULL`, `E_OUTPUT`.
        """
        assert self.journal is not None
        self.journal.commit()
        grown = self.journal.writer.tip.offset - self._last_snapshot
        if grown >= max(self.snapshot_every, 2 * self._snapshot_size) and not self._is_writing:
            self.snapshot()

    @property
    def _is_writing(self) -> bool:
        return self._writing is not None and not self._writing.done()

    def snapshot(self) -> Future[None]:
        """Take the memory as it is after a commit; it is written while the node goes on.

        What cannot be written leaves the snapshot before it: a longer fold, and nothing lost.
        """
        assert self.journal is not None
        tip: Tip = self.journal.writer.tip
        memory: bytes = self._node.snapshot()
        last = Instant(self._node.state.now or self._opening.start)
        found = Snapshot(opening=self._opening, tip=tip, last=last, memory=memory)
        self._last_snapshot, self._snapshot_size = tip.offset, len(memory)
        self._writing = self._writer.submit(self._write, found)
        return self._writing

    def _write(self, snapshot: Snapshot) -> None:
        try:
            write_snapshot(self.folder / SNAPSHOT, encode_snapshot(snapshot))
        except StoredDataError as error:
            self._tell(error)
        else:
            self.snapshots += 1

    def close(self) -> None:
        """Close the journal without sealing it, and let go of the lock."""
        try:
            if self.journal is not None:
                self.journal.close()
        finally:
            self._writer.shutdown()
            self._lock.close()


def _ignore(_: object) -> None:
    """Outputs of the past were sent, or their requests will be repeated."""


def count_up(folder: Path) -> int:
    """This start's number: one more than the last one's, durable before anything is sent.

    Raises:
        StoredDataError: `E_FORMAT`, `E_OUTPUT`, `E_STORAGE_FULL`.
    """
    path = folder / INCARNATION
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        number = int(path.read_text("ascii")) + 1 if path.exists() else 1
    except OSError as error:
        raise storage_error(error, path) from error
    except ValueError as error:
        raise StoredDataError(ErrorCode.E_FORMAT, at=str(path), want="a number") from error
    if number >= INCARNATION_MAX:
        raise StoredDataError(ErrorCode.E_FORMAT, at=str(path), limit=INCARNATION_MAX)
    replace_file(path, str(number).encode("ascii"))
    return number


def is_stillborn(path: Path, opening: Opening) -> bool:
    """Whether a journal was never begun: its opening had not been written whole."""
    if not path.exists():
        return True
    blocks: list[bytes] = []
    JournalWriter(blocks.append, opening).flush()
    first = b"".join(blocks)
    with path.open("rb") as file:
        begun = file.read(len(first))
    return len(begun) < len(first) and first.startswith(begun)


def _check_same(kept: Opening, ours: Opening, name: str) -> None:
    for field in ("rules_version", "schema_digest", "scenario_digest", "nodes"):
        if getattr(kept, field) != getattr(ours, field):
            raise StoredDataError(
                ErrorCode.E_FORMAT, at=name, want=f"{field} of this network",
                got=str(getattr(kept, field)),
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
