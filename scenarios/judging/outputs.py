"""Where a run's files go: folders that nothing is lost in, files that only their owner reads.

`--out DIR` is created with its parents. A folder that holds something is refused without
`--force`; with it, what an earlier run left there is removed first, and only that. Without
`--out` a run gets `runs/NAME-SEED/`, numbered when taken, and `runs/last` (a text file, so that
it works everywhere) names the run that was written last. Source: design 5, bad-input C03.
"""

from __future__ import annotations

import os
from hashlib import sha256
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import Self

from yidi.protocol.errors import ErrorCode, ScenarioError, StoredDataError
from yidi.scenarios.judging.journal_file import storage_error

RUNS, LAST = Path("runs"), "last"
BUNDLE_FILES = (
    "manifest.json",
    "scenario.toml",
    "policies.toml",
    "world.jsonl",
    "journal.bin",
    "cases.jsonl",
    "postings.jsonl",
    "clearing.jsonl",
    "wire.jsonl",
    "notices.jsonl",
    "differences.jsonl",
    "manual.jsonl",
    "result.json",
    "junit.xml",
    "report.html",
)
"""Every name that a bundle may have; `--force` removes these and nothing else."""
_BUFFER = 1 << 16


class OutFile:
    """A new file of a bundle, buffered, private, with its SHA-256; a context manager."""

    def __init__(self, path: Path) -> None:
        """Create the file.

        Raises:
            StoredDataError: `E_OUTPUT` if it exists or cannot be made, `E_STORAGE_FULL`.
        """
        self.path = path
        self.lines = 0
        """Pieces written, which are lines in a `.jsonl` file."""
        self._hash = sha256()
        self._held: list[bytes] = []
        self._size = 0
        try:
            self._file = FileIO(path, "xb", opener=_open_private)
        except OSError as error:
            raise storage_error(error, path) from error

    def write(self, data: bytes) -> None:
        """Append bytes.

        Raises:
            StoredDataError: `E_STORAGE_FULL`, `E_OUTPUT`.
        """
        self.lines += 1
        self._held.append(data)
        self._size += len(data)
        if self._size >= _BUFFER:
            self._flush()

    def close(self) -> None:
        """Write what is held, sync and close.

        Raises:
            StoredDataError: As for `write`.
        """
        if self._file.closed:
            return
        try:
            self._flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise storage_error(error, self.path) from error
        finally:
            self._file.close()

    @property
    def digest(self) -> str:
        """SHA-256 of everything written so far, hexadecimal."""
        hashed = self._hash.copy()
        hashed.update(b"".join(self._held))
        return hashed.hexdigest()

    def _flush(self) -> None:
        data = b"".join(self._held)
        self._held.clear()
        self._size = 0
        self._hash.update(data)
        rest = memoryview(data)
        try:
            while rest:  # an unbuffered write may take a part only
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            raise storage_error(error, self.path) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _open_private(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0), 0o600)


def write_file(path: Path, data: bytes) -> str:
    """Write a whole new file and return its SHA-256.

    Raises:
        StoredDataError: `E_OUTPUT`, `E_STORAGE_FULL`.
    """
    with OutFile(path) as file:
        file.write(data)
    return file.digest


# ---------------------------------------------------------------------- folders


def open_folder(wanted: Path, *, force: bool = False) -> Path:
    """Make a run's folder, parents too, or empty it of an earlier run's files with `force`.

    Raises:
        ScenarioError: `E_OUTPUT` where it is a file, or holds something and `force` is off.
        StoredDataError: `E_OUTPUT` where it cannot be made or written.
    """
    try:
        if wanted.exists() and not wanted.is_dir():
            raise ScenarioError(ErrorCode.E_OUTPUT, at=str(wanted), want="a folder", got="a file")
        _make(wanted)
        if any(wanted.iterdir()):
            if not force:
                want = "an empty folder, or --force"
                raise ScenarioError(ErrorCode.E_OUTPUT, at=str(wanted), want=want)
            for name in BUNDLE_FILES:
                (wanted / name).unlink(missing_ok=True)
        if not os.access(wanted, os.W_OK | os.X_OK):
            raise StoredDataError(ErrorCode.E_OUTPUT, at=str(wanted), got="not writable")
    except OSError as error:
        raise storage_error(error, wanted) from error
    return wanted


def default_folder(name: str, seed: int, runs: Path = RUNS) -> Path:
    """Make `runs/NAME-SEED`, or with `-2`, `-3` … where that is taken.

    Raises:
        StoredDataError: `E_OUTPUT` where it cannot be made.
    """
    number = 1
    while True:
        path = runs / (f"{name}-{seed}" if number == 1 else f"{name}-{seed}-{number}")
        try:
            _make(path.parent)
            path.mkdir(mode=0o700)
            return path
        except FileExistsError:
            number += 1
        except OSError as error:
            raise storage_error(error, path) from error


def point_last(folder: Path, runs: Path = RUNS) -> None:
    """Let `runs/last` name a folder; a place that cannot be written is passed over."""
    try:
        _make(runs)
        target = os.path.relpath(folder, runs)
        fresh = runs / f".{LAST}.{os.getpid()}"
        fresh.write_text(target + "\n", encoding="utf-8")
        fresh.replace(runs / LAST)
    except (OSError, ValueError):
        return


def find_run(text: str, runs: Path = RUNS) -> Path:
    """The folder of a RUN: a path, or `last`.

    Raises:
        StoredDataError: `E_RUN_UNKNOWN`.
    """
    path = Path(text)
    try:
        if text == LAST and not path.is_dir():
            named = (runs / LAST).read_text(encoding="utf-8").strip()
            path = Path(os.path.normpath(runs / named))
        if path.is_dir():
            return path
    except (OSError, ValueError):
        pass
    raise StoredDataError(ErrorCode.E_RUN_UNKNOWN, at=text, want="a run's folder, or `last`")


def _make(folder: Path) -> None:
    """Make a folder and its parents, each readable by its owner only."""
    missing: list[Path] = []
    while not folder.exists():
        missing.append(folder)
        folder = folder.parent
    for path in reversed(missing):
        path.mkdir(mode=0o700, exist_ok=True)
