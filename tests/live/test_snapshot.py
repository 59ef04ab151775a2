"""Snapshots of every kind of node, taken anywhere in a run."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yidi.nodes.insured_region import InsuredRegion
from yidi.protocol.errors import StoredDataError
from yidi.protocol.instants import Instant
from yidi.protocol.journal import START, Opening
from yidi.protocol.journal_reader import JournalReader, Record
from yidi.scenarios.judging.refold import Refold
from yidi.scenarios.library.loader import load
from yidi.scenarios.live.folder import controlled
from yidi.scenarios.live.snapshot import (
    MAGIC,
    Snapshot,
    encode_snapshot,
    read_snapshot,
    restored,
    write_snapshot,
)
from yidi.scenarios.running.build import nodes_of_world
from yidi.scenarios.running.run import RunHooks, RunResult, run_virtual

TINY = str(Path(__file__).parents[1] / "data" / "tiny.toml")


@cache
def run() -> tuple[RunResult, Opening, list[Record]]:
    """A run to its last payment, and all its inputs."""
    blocks: list[bytes] = []
    result = run_virtual(load(TINY), hooks=RunHooks(sink=blocks.append))
    reader = JournalReader(blocks)
    return result, reader.opening, list(reader.records())


def fold(nodes: dict[str, Any], records: list[Record]) -> list[bytes]:
    """Apply inputs; what counts of the outputs."""
    outputs: list[bytes] = []
    folding = Refold(nodes, run()[1].nodes)
    for record in records:
        folding.apply(record, outputs.append)
    return outputs


@pytest.mark.parametrize("hosted", [nodes_of_world, lambda *world: controlled(*world, chaos=True)])
@given(part=st.floats(0, 1))
def test_a_restored_node_goes_on_as_the_one_that_was_never_stopped(
    hosted: Any, part: float
) -> None:
    """All four roles: memory out, memory in, then the same outputs and the same end."""
    result, _, records = run()
    cut = int(part * len(records))
    before = hosted(result.world, result.book)
    fold(before, records[:cut])
    fresh = hosted(result.world, result.book)
    after = {name: restored(fresh[name], node.snapshot()) for name, node in before.items()}

    assert {"hub", "insured", "province", "treatment"} == {name.split(":")[0] for name in after}
    assert fold(before, records[cut:]) == fold(after, records[cut:])
    for name, node in after.items():
        assert node.snapshot() == before[name].snapshot() == result.nodes[name].snapshot()


def test_a_file_comes_back_as_it_was_written(tmp_path: Path) -> None:
    """Written over the one before, and read again."""
    path = tmp_path / "snapshot.bin"
    assert read_snapshot(path) is None
    for memory in (b"first", b"second"):
        snapshot = Snapshot(opening=run()[1], tip=START, last=Instant(7), memory=memory)
        write_snapshot(path, encode_snapshot(snapshot))

        assert snapshot == read_snapshot(path)
    assert [path] == list(tmp_path.iterdir())


@given(st.data())
def test_a_damaged_file_is_refused(data: st.DataObject) -> None:
    """Any byte changed or missing: an error of stored data, never a memory."""
    whole = encode_snapshot(Snapshot(opening=run()[1], tip=START, last=Instant(7), memory=b"m"))
    at = data.draw(st.integers(0, len(whole) - 1))
    flipped = bytearray(whole)
    flipped[at] ^= 1 << data.draw(st.integers(0, 7))
    for damaged in (bytes(flipped), whole[:at]):
        with pytest.raises(StoredDataError):
            read_snapshot(_File(damaged))  # type: ignore[arg-type]


def test_another_roles_memory_is_refused() -> None:
    """A file that says what no snapshot says costs an error, not a wrong node."""
    result, _, _ = run()
    region = next(node for node in result.nodes.values() if isinstance(node, InsuredRegion))
    with pytest.raises(StoredDataError, match="E_FORMAT"):
        restored(region, MAGIC)


class _File:
    """A path whose file holds given bytes."""

    name = "snapshot.bin"

    def __init__(self, data: bytes) -> None:
        self.data = data

    def read_bytes(self) -> bytes:
        """All of it."""
        return self.data
