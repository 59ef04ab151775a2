from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.journal_samples import small_blocks
from yidi.protocol.instants import Instant
from yidi.protocol.journal import JournalWriter, Opening, RecordKind
from yidi.protocol.journal_reader import iterate_records

DOCS = Path(__file__).parents[2] / "docs"
READER = DOCS / "examples" / "read_journal.py"


def documented_bytes(page: str) -> bytes:
    """The worked example of a page; each row's offset is checked on the way."""
    text = (DOCS / page).read_text("utf-8").split("```hex\n")[1].split("```")[0]
    data = b""
    for line in text.splitlines():
        offset, row = line.split(";")[0].split(maxsplit=1)
        assert len(data) == int(offset, 16), line
        data += bytes.fromhex(row)
    return data


def written_example() -> tuple[bytes, str]:
    """The same journal from the writer, and its hash."""
    blocks: list[bytes] = []
    opening = Opening(
        seed=7,
        scenario_digest="s",
        rules_version="1",
        schema_digest="m",
        nodes=("hub:100000", "insured:340600"),
        start=Instant(1_773_619_200_000_000),
    )
    writer = JournalWriter(blocks.append, opening)
    writer.append(RecordKind.ENVELOPE, 1, Instant(1_773_619_200_250_000), b"hello")
    writer.note_output(b"world")
    writer.append(RecordKind.DEADLINE, 0, Instant(1_773_619_201_000_000), b"")
    journal_hash = writer.seal(Instant(1_773_619_202_000_000))
    return b"".join(blocks), journal_hash


def run_reader(path: Path) -> subprocess.CompletedProcess[str]:
    """Run the example reader, out of reach of our packages."""
    return subprocess.run(
        [sys.executable, "-I", "-S", READER, path],
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


@pytest.mark.parametrize("page", ["journal.md", "journal.zh-CN.md"])
def test_worked_example_is_what_the_writer_writes(page: str) -> None:
    """The documented bytes are the writer's, and the documented hash is theirs."""
    data, journal_hash = written_example()

    assert data == documented_bytes(page)
    assert journal_hash in (DOCS / page).read_text("utf-8")


def test_example_reader_says_what_the_page_says(tmp_path: Path) -> None:
    """The reader's output on the worked example stands in the page."""
    path = tmp_path / "journal.bin"
    path.write_bytes(documented_bytes("journal.md"))
    done = run_reader(path)

    assert (0, "") == (done.returncode, done.stderr)
    assert f"read_journal.py journal.bin\n{done.stdout}```" in (DOCS / "journal.md").read_text(
        "utf-8"
    )


def test_example_reader_agrees_with_ours(tmp_path: Path) -> None:
    """Two readers that share no code count the same records in several blocks."""
    path = tmp_path / "journal.bin"
    path.write_bytes(b"".join(small_blocks()))
    count = len(list(iterate_records(small_blocks())))

    assert f"blocks 3\nrecords {count}\n" in run_reader(path).stdout


def test_example_reader_refuses_damage(tmp_path: Path) -> None:
    """The example reader finds a changed bit and a torn tail too."""
    data = bytearray(b"".join(small_blocks()))
    path = tmp_path / "journal.bin"
    path.write_bytes(data[:-1])
    torn = run_reader(path)
    data[130] ^= 1
    path.write_bytes(data)
    changed = run_reader(path)

    assert (4, 4) == (torn.returncode, changed.returncode)
    assert "torn block" in torn.stderr
    assert "hash chain" in changed.stderr
