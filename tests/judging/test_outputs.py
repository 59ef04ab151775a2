from __future__ import annotations

import stat
from pathlib import Path

import pytest

from yidi.protocol.errors import ScenarioError, StoredDataError
from yidi.scenarios.judging.outputs import (
    OutFile,
    default_folder,
    find_run,
    open_folder,
    point_last,
    write_file,
)


def test_a_folder_is_made_with_its_parents(tmp_path):
    """Missing folders are made, each for its owner only."""
    made = open_folder(tmp_path / "a" / "b")
    assert made.is_dir()
    assert {stat.S_IMODE(path.stat().st_mode) for path in (made, made.parent)} == {0o700}


def test_a_file_is_no_folder(tmp_path):
    """A file where the folder should be is refused, and stays as it was."""
    place = tmp_path / "file"
    place.write_text("mine", "utf-8")
    for force in (False, True):
        with pytest.raises(ScenarioError, match="E_OUTPUT"):
            open_folder(place, force=force)
    assert place.read_text("utf-8") == "mine"


def test_a_folder_that_holds_something_needs_force(tmp_path):
    """With --force an earlier run's files go, and nothing else."""
    for name in ("cases.jsonl", "notes.txt"):
        (tmp_path / name).write_text("x", "utf-8")
    with pytest.raises(ScenarioError, match="--force"):
        open_folder(tmp_path)
    assert len(list(tmp_path.iterdir())) == 2
    open_folder(tmp_path, force=True)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_a_place_that_cannot_be_written_is_stored_data(tmp_path):
    """Below a file nothing can be made: exit code 4's kind of error."""
    (tmp_path / "file").write_text("x", "utf-8")
    with pytest.raises(StoredDataError, match="E_OUTPUT"):
        open_folder(tmp_path / "file" / "below")


def test_a_taken_default_is_numbered(tmp_path):
    """runs/NAME-SEED, then -2, then -3."""
    names = [default_folder("tiny", 7, tmp_path / "runs").name for _ in range(3)]
    assert names == ["tiny-7", "tiny-7-2", "tiny-7-3"]


def test_last_is_the_run_that_was_written_last(tmp_path):
    """`last` follows the pointer, also to a folder elsewhere; a path is itself."""
    runs = tmp_path / "runs"
    first, second = open_folder(tmp_path / "one"), default_folder("tiny", 1, runs)
    for folder in (first, second):
        point_last(folder, runs)
        assert find_run("last", runs).samefile(folder)
    assert find_run(str(first), runs) == first


@pytest.mark.parametrize("name", ["last", "nowhere", "\0"])
def test_a_run_that_is_not_there_is_said_so(tmp_path, name):
    """E_RUN_UNKNOWN, whatever was asked for."""
    with pytest.raises(StoredDataError, match="E_RUN_UNKNOWN"):
        find_run(name, tmp_path / "runs")


def test_a_pointer_that_cannot_be_written_is_passed_over(tmp_path):
    """The run is written already; `last` is a convenience."""
    (tmp_path / "runs").write_text("a file", "utf-8")
    point_last(tmp_path, tmp_path / "runs")
    assert (tmp_path / "runs").read_text("utf-8") == "a file"


def test_a_file_hashes_what_it_writes(tmp_path):
    """The digest is that of the bytes on the disk, however they were cut."""
    from hashlib import sha256

    with OutFile(tmp_path / "x") as file:
        for piece in (b"a" * 70_000, b"", b"b"):
            file.write(piece)
        assert file.digest == sha256(b"a" * 70_000 + b"b").hexdigest()
    assert (tmp_path / "x").read_bytes() == b"a" * 70_000 + b"b"
    assert write_file(tmp_path / "y", b"z") == sha256(b"z").hexdigest()


def test_a_link_is_not_followed(tmp_path):
    """A planted symbolic link is not written through."""
    target = tmp_path / "target"
    target.write_text("mine", "utf-8")
    (tmp_path / "x").symlink_to(target)
    with pytest.raises(StoredDataError):
        OutFile(tmp_path / "x")
    assert target.read_text("utf-8") == "mine"


def test_a_full_disk_is_said_so(tmp_path):
    """Writing to a full device is E_STORAGE_FULL."""
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    from io import FileIO

    file = OutFile(tmp_path / "x")
    file._file.close()
    file._file = FileIO("/dev/full", "wb")
    file.write(b"x")
    with pytest.raises(StoredDataError, match="E_STORAGE_FULL"):
        file.close()
