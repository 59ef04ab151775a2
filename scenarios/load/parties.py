"""Processes that are spoken with in lines of JSON: those of a measured network, and the baseline's.

A process says when it is ready and when it is done, with what it has to tell; orders go to its
standard input, and SIGTERM ends it. What it says on standard error is shown where it fails.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

import msgspec

from yidi.protocol.errors import ErrorCode, TransportError
from yidi.scenarios.load.load_report import Batches

ENDS_WITHIN = 30.0


class Said(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A line of a process, ours or the baseline's."""

    say: str
    """`ready`, `loaded` or `done`."""
    settled: int = 0
    """In this party's own books."""
    fund_fen: int = 0
    steady: int = 0
    """Settled in the steady window."""
    lone_us: list[int] = []
    batches: Batches | None = None
    commits: int = 0
    cpu_seconds: float = 0.0
    """Of the process, since it was ready."""


_said = msgspec.json.Decoder(Said)


def say(said: Said) -> None:
    """Say a line to whoever started this process."""
    print(msgspec.json.encode(said).decode(), flush=True)  # noqa: T201 - how it is heard


class Party:
    """A process that is spoken with in lines."""

    def __init__(self, process: subprocess.Popen[bytes], errors: IO[bytes]) -> None:
        self.process = process
        self._errors = errors

    def order(self, word: str, answer: str) -> Said:
        """Tell it to go on, and wait until it has."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{word}\n".encode())
        self.process.stdin.flush()
        return self.hear(answer)

    def hear(self, word: str) -> Said:
        """The next line, which must be this one.

        Raises:
            TransportError: `E_ENGINE`: it ended, with the last line of what it said.
        """
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            self._errors.seek(0)
            last = self._errors.read().decode("utf-8", "replace").strip().splitlines()[-1:]
            got = last[0] if last else "it ended"
            raise TransportError(ErrorCode.E_ENGINE, want=word, got=got)
        said = _said.decode(line)
        assert said.say == word, f"heard {said.say}, expected {word}"
        return said

    def end(self) -> Said:
        """Tell it to stop, and take its books."""
        self.process.terminate()
        return self.hear("done")


@contextmanager
def party(command: list[str]) -> Iterator[Party]:
    """A process for as long as the block lasts."""
    with TemporaryFile() as errors:
        process = subprocess.Popen(  # noqa: S603 - our own programs, no shell
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors
        )
        with process:
            try:
                yield Party(process, errors)
                process.terminate()
                process.wait(ENDS_WITHIN)
            finally:
                if process.poll() is None:
                    process.kill()


def cpu_seconds_of(pids: tuple[int, ...]) -> float | None:
    """CPU that these processes have used so far; None where the system does not tell."""
    ticks = 0
    try:
        for pid in pids:
            # Fields 14 and 15; the name in field 2 may hold blanks. Source: proc_pid_stat(5).
            fields = Path(f"/proc/{pid}/stat").read_text("ascii", "replace").rpartition(")")[2]
            ticks += sum(int(field) for field in fields.split()[11:13])
    except (OSError, ValueError):
        return None
    return ticks / os.sysconf("SC_CLK_TCK")
