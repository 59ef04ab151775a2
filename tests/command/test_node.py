"""`yidi node`: one node in its own process, over a real mosquitto, with `/metrics` beside it."""

from __future__ import annotations

import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.broker.engines.servers import mosquitto
from yidi.scenarios.library.loader import load
from yidi.scenarios.live.folder import create_network
from yidi.scenarios.running.run import assemble

TINY = str(Path(__file__).parents[1] / "data" / "tiny.toml")
PROGRAM = [sys.executable, "-m", "yidi.scenarios.command.cli"]


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A network over a mosquitto that runs."""
    server = mosquitto(tmp_path)
    server.start()
    loaded = load(TINY)
    url = f"mqtt://127.0.0.1:{server.port}"
    create_network(tmp_path / "network", loaded, assemble(loaded), url, 1_000)
    yield tmp_path / "network"
    server.stop()


def test_a_node_tells_its_numbers(folder: Path) -> None:
    """It says where, serves them, and ends well at SIGTERM; a taken port is exit code 3."""
    words = ["node", "hub", "100000", "--network", str(folder), "--metrics-port"]
    process = subprocess.Popen([*PROGRAM, *words, "0"], stderr=subprocess.PIPE, encoding="utf-8")
    try:
        assert process.stderr is not None
        where = process.stderr.readline().split()
        assert process.stderr.readline().startswith("hub:100000 start 1")
        text = urllib.request.urlopen(f"http://{where[1]}/metrics", timeout=120).read().decode()
        port = where[1].partition(":")[2]
        other = ["node", "insured", "340600", "--network", str(folder), "--metrics-port", port]
        taken = subprocess.run(
            [*PROGRAM, *other], check=False, capture_output=True, encoding="utf-8", timeout=120
        )
    finally:
        process.terminate()
        ended = process.wait(60)
        process.stderr.close()

    assert "/metrics" == where[0]
    assert 'yidi_connected{node="hub:100000"}' in text
    assert "process_cpu_seconds_total" in text
    assert (3, True) == (taken.returncode, taken.stderr.startswith("E_PORT_IN_USE"))
    assert 0 == ended


def test_a_node_that_the_network_does_not_have(folder: Path) -> None:
    """One line with the nodes that there are; no traceback."""
    words = ["node", "hub", "999999", "--network", str(folder), "--lang", "en"]
    done = subprocess.run(
        [*PROGRAM, *words], check=False, capture_output=True, encoding="utf-8", timeout=120
    )

    assert done.returncode
    assert done.stderr.startswith("E_REGION")
    assert "hub:100000" in done.stderr


def test_a_damaged_data_directory_is_told(folder: Path) -> None:
    """A snapshot that cannot be read: said, and the journal is folded; a journal: exit code 4."""
    home = folder / "nodes" / "hub-100000"
    words = [*PROGRAM, "node", "hub", "100000", "--network", str(folder), "--lang", "zh"]

    def lived(lines: int) -> tuple[int, list[str]]:
        """Start the node, end it once it serves; its exit code and what it said."""
        process = subprocess.Popen(words, stderr=subprocess.PIPE, encoding="utf-8")
        assert process.stderr is not None
        said = [process.stderr.readline() for _ in range(lines)]
        process.terminate()
        said += process.stderr.readlines()
        process.stderr.close()
        return process.wait(60), said

    assert (0, 1) == (lived(1)[0], len(list(home.glob("journal.bin"))))
    (home / "snapshot.bin").write_bytes(b"no snapshot")
    code, said = lived(2)
    assert (0, "E_FRAME_MAGIC", "hub:100000 start 2") == (
        code, said[0].split()[0], " ".join(said[1].split()[:3]).rstrip(",")
    )  # fmt: skip
    journal = home / "journal.bin"
    journal.write_bytes(journal.read_bytes()[:200] + b"rot" + journal.read_bytes()[203:])
    (home / "snapshot.bin").unlink()
    refused = subprocess.run(words, check=False, capture_output=True, encoding="utf-8", timeout=120)
    assert (4, 1) == (refused.returncode, len(refused.stderr.splitlines()))
    assert refused.stderr.startswith("E_JOURNAL_CORRUPT")
    assert "offset=" in refused.stderr
