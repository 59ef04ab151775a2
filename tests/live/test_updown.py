"""Processes of a network are known by number and start."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from yidi.scenarios.live import updown
from yidi.scenarios.live.updown import PROCESSES, Started, end_network, is_alive


@pytest.fixture
def stranger() -> Iterator[subprocess.Popen[bytes]]:
    """A program that has nothing to do with us but the language."""
    command = [sys.executable, "-c", "import time; print(flush=True); time.sleep(600)"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as running:
        assert running.stdout is not None
        running.stdout.readline()
        yield running
        running.kill()


def remembered(folder: Path, pid: int, began: str) -> Started:
    """A network's folder that remembers one process."""
    one = Started(name="hub:100000", pid=pid, log="logs/hub-100000.log", began=began)
    (folder / PROCESSES).write_bytes(msgspec.json.encode([one]))
    return one


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="the system tells no start")
def test_a_number_that_somebody_else_has_now_is_not_signalled(
    tmp_path: Path, stranger: subprocess.Popen[bytes]
) -> None:
    """The network's process has ended, and another Python program got its number."""
    one = remembered(tmp_path, stranger.pid, "another boot 1")

    assert not is_alive(one)
    assert [] == end_network(tmp_path)
    assert stranger.poll() is None


def test_the_process_that_was_started_is_ended(
    tmp_path: Path, stranger: subprocess.Popen[bytes]
) -> None:
    """With number and start as they were, it is ours."""
    one = remembered(tmp_path, stranger.pid, updown._began(stranger.pid))

    assert is_alive(one)
    assert [one] == end_network(tmp_path)
    assert not is_alive(one)
