from __future__ import annotations

import errno
import os
import stat
import tracemalloc
from pathlib import Path

import pytest

from tests.journal_samples import OPENING, small_blocks, write_inputs
from yidi.protocol.errors import ErrorCode, StoredDataError
from yidi.protocol.instants import Instant
from yidi.protocol.journal import BLOCK_HEADER_SIZE, JournalWriter, decode_block_header
from yidi.protocol.journal_reader import JournalDamage
from yidi.scenarios.judging.journal_file import (
    Keep,
    create_journal,
    open_journal,
    read_chunks,
    reopen_journal,
)

FULL_DISK = Path("/dev/full")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a test's journal goes."""
    return tmp_path / "journal.bin"


def test_written_file_reads_back(path: Path) -> None:
    """A sealed file verifies, and its hash is the one that sealing returned."""
    with create_journal(path, OPENING) as journal:
        write_inputs(journal.writer, 0, 1_000, size=300)
        journal_hash = journal.seal(Instant(OPENING.start + 5_000))
    reader = open_journal(path)
    records = list(reader.records())

    assert 1_002 == len(records)
    assert journal_hash == reader.journal_hash
    assert OPENING == reader.opening


def test_file_is_what_the_writer_gave(path: Path) -> None:
    """The file adds nothing to the blocks, whether they were synced one by one or not."""
    journal = create_journal(path, OPENING)
    for block in range(3):
        write_inputs(journal.writer, block * 4, 4)
        if block < 2:
            journal.commit()
    journal.seal(Instant(OPENING.start + 1_000))

    assert b"".join(small_blocks()) == path.read_bytes()


def test_file_is_private(path: Path) -> None:
    """What patients' messages are in is readable by its owner only, whatever the umask."""
    before = os.umask(0)
    try:
        create_journal(path, OPENING).close()
    finally:
        os.umask(before)

    assert 0o600 == stat.S_IMODE(path.stat().st_mode)


def test_existing_file_is_not_overwritten(path: Path) -> None:
    """A journal is never written over another."""
    path.write_bytes(b"precious")
    with pytest.raises(StoredDataError, match="E_OUTPUT"):
        create_journal(path, OPENING)

    assert b"precious" == path.read_bytes()


def test_interrupted_run_leaves_a_valid_journal(path: Path) -> None:
    """Leaving without sealing writes all records, and no closing record."""
    with pytest.raises(KeyboardInterrupt):
        _interrupted_run(path)
    reader = open_journal(path, strict=False)

    assert 6 == len(list(reader.records()))
    assert (None, None) == (reader.closing, reader.torn)
    with pytest.raises(JournalDamage, match="no closing record"):
        list(open_journal(path).records())


def _interrupted_run(path: Path) -> None:
    with create_journal(path, OPENING) as journal:
        write_inputs(journal.writer, 0, 5)
        raise KeyboardInterrupt


def test_reopened_after_a_crash(path: Path) -> None:
    """A torn journal goes on from its whole blocks, the kept inputs appended anew."""
    whole = b"".join(small_blocks())
    path.write_bytes(whole[:-70])
    reader = open_journal(path, strict=False)
    before = list(reader.records())
    with reopen_journal(path, reader) as journal:
        for record in reader.unsealed:
            journal.writer.append(record.kind, record.node, record.now, record.payload)
        journal.seal()
    after = list(open_journal(path).records())

    assert reader.torn is not None
    assert before == after[:-1]


def test_reopened_when_nothing_was_torn(path: Path) -> None:
    """A journal that was only not sealed goes on as it is."""
    path.write_bytes(b"".join(small_blocks(sealed=False)))
    reader = open_journal(path, strict=False)
    list(reader.records())
    reopen_journal(path, reader).seal(Instant(OPENING.start + 1_000))

    assert 14 == len(list(open_journal(path).records()))
    assert small_blocks(sealed=False)[0] == path.read_bytes()[: len(small_blocks()[0])]


def test_sealed_journal_is_not_gone_on_with(path: Path) -> None:
    """Adding to a run that ended well is our bug."""
    path.write_bytes(b"".join(small_blocks()))
    reader = open_journal(path)
    list(reader.records())

    with pytest.raises(AssertionError, match="sealed"):
        reopen_journal(path, reader)


def test_digests_only(path: Path) -> None:
    """Where digests are kept, the file is the block headers, and the hash the same."""
    journal = create_journal(path, OPENING, keep=Keep.DIGESTS)
    write_inputs(journal.writer, 0, 1_000, size=300)
    journal_hash = journal.seal()
    data = path.read_bytes()
    headers = [
        decode_block_header(data[start : start + BLOCK_HEADER_SIZE])
        for start in range(0, len(data), BLOCK_HEADER_SIZE)
    ]

    assert journal.writer.tip.blocks == len(headers) > 2
    assert journal_hash == headers[-1].digest.hex()


def test_missing_file(path: Path) -> None:
    """A journal that is not there is named, not traced back."""
    with pytest.raises(StoredDataError, match=r"E_BUNDLE.*journal\.bin") as caught:
        open_journal(path)

    assert ErrorCode.E_BUNDLE == caught.value.code


def test_missing_directory(path: Path) -> None:
    """A place that is not there cannot be written to."""
    with pytest.raises(StoredDataError, match="E_OUTPUT"):
        create_journal(path / "deeper", OPENING)
    path.write_bytes(b"".join(small_blocks(sealed=False)))
    reader = open_journal(path, strict=False)
    list(reader.records())
    path.unlink()
    with pytest.raises(StoredDataError, match="E_OUTPUT"):
        reopen_journal(path, reader)


@pytest.mark.skipif(not FULL_DISK.exists(), reason="this system has no /dev/full")
def test_full_disk(path: Path) -> None:
    """A full disk is said so, and nothing is written to the file afterwards."""
    journal = create_journal(path, OPENING)
    full = os.open(FULL_DISK, os.O_WRONLY)
    os.dup2(full, journal._file.fileno())
    os.close(full)
    with pytest.raises(StoredDataError, match="E_STORAGE_FULL"):
        journal.commit()

    write_inputs(journal.writer, 0, 1)
    with pytest.raises(StoredDataError, match="an earlier write or sync failed"):
        journal.commit()
    journal.close()
    assert b"" == path.read_bytes()


def test_failed_sync_is_final(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a sync that failed, no later sync is believed."""
    journal = create_journal(path, OPENING)
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", _failing_sync)
        with pytest.raises(StoredDataError, match="E_OUTPUT"):
            journal.commit()

    with pytest.raises(StoredDataError, match="an earlier write or sync failed"):
        journal.commit()
    journal.close()


def _failing_sync(descriptor: int) -> None:
    raise OSError(errno.EIO, "Input/output error", descriptor)


def test_memory_is_constant(path: Path) -> None:
    """Writing and reading twelve megabytes takes less than two."""
    tracemalloc.start()
    with create_journal(path, OPENING) as journal:
        payload = bytes(6_000)
        for number in range(2_000):
            journal.writer.append(2, 0, Instant(number), payload)
            journal.writer.note_output(payload)
        journal.seal()
    count = sum(1 for _ in open_journal(path).records())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert 2_002 == count
    assert peak < 2 * 1024 * 1024


def test_foreign_file_is_refused_at_its_first_bytes(path: Path) -> None:
    """Of a foreign file, however long, only the first piece is read."""
    with path.open("wb") as file:
        file.truncate(10 * 1024**3)

    with pytest.raises(JournalDamage, match="E_FRAME_MAGIC"):
        open_journal(path)


def test_chunks_are_the_file(path: Path) -> None:
    """Reading in pieces loses nothing."""
    writer = JournalWriter(None, OPENING)
    data = writer.seal().encode() * 10_000
    path.write_bytes(data)

    assert data == b"".join(read_chunks(path))
