"""A node's data directory: restart, torn tail, snapshot, damage, lock."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.town import PATIENT, Town
from yidi.nodes.insured_region import InsuredConfig, InsuredRegion, InsuredState
from yidi.protocol import messages as m
from yidi.protocol import transactions as t
from yidi.protocol.codec import encode
from yidi.protocol.envelope import Link, Origin, frame, seal, unframe
from yidi.protocol.errors import StoredDataError
from yidi.protocol.instants import Instant
from yidi.protocol.journal import Opening, RecordKind
from yidi.scenarios.judging.journal_file import create_journal
from yidi.scenarios.live.snapshot import SNAPSHOT
from yidi.scenarios.live.store import INCARNATION, JOURNAL, NodeStore, Recovered

OPENING = Opening(
    seed=1, scenario_digest="s", rules_version="1", schema_digest="d",
    nodes=("insured:340600",), start=Town().now,
)  # fmt: skip
NEVER, ALWAYS = 1 << 40, 1
DAMAGE = r"E_JOURNAL_CORRUPT .* at=journal\.bin lsn=\d+ offset=\d+"


def fresh() -> InsuredRegion:
    """The insured region before it has heard anything."""
    town = Town()
    config = InsuredConfig(code="340600", policy_region="340600", hubs=("hub:100000",))
    return InsuredRegion(
        config, town.insured.book, InsuredState(persons=town.insured.state.persons)
    )


def filing(number: int) -> bytes:
    """A filing request as it comes over a link."""
    body = m.FilingRequest(
        person_no=PATIENT, insutype="310", category="long_stay", area="310000",
        valid_from="2026-03-02",
    )  # fmt: skip
    origin = Origin(
        t.FILING, 0, f"P34060000000{number:018d}", "", f"person:{PATIENT}", "insured:340600",
        "", "", "340600", 0, OPENING.start, 0, "",
    )  # fmt: skip
    envelope = seal("insured:340600", origin, encode(body))
    return frame(envelope, Link(f"person:{PATIENT}", "insured:340600", number, 0, OPENING.start))


def feed(store: NodeStore, node: Any, numbers: range) -> list[Any]:
    """Let a node handle inputs, each made durable; what it sent."""
    assert store.journal is not None
    sent = []
    for number in numbers:
        raw = filing(number)
        store.journal.writer.append(RecordKind.ENVELOPE, 0, OPENING.start, raw)
        sent += node.handle(unframe(raw), Instant(OPENING.start))
        store.commit()
    return sent


def killed(folder: Path, inputs: int, every: int = NEVER) -> bytes:
    """Start a node on a folder, feed it, and end as a crash would; its memory at that moment."""
    store = NodeStore(folder, every)
    node = store.recover(fresh(), OPENING).node
    feed(store, node, range(1, inputs + 1))
    store.close()
    memory: bytes = node.snapshot()
    return memory


def restarted(folder: Path, tell: Callable[[StoredDataError], object] | None = None) -> Recovered:
    """What is found on a folder."""
    store = NodeStore(folder, NEVER, tell)
    try:
        return store.recover(fresh(), OPENING)
    finally:
        store.close()


def test_a_restarted_node_is_where_it_was(tmp_path: Path) -> None:
    """Folding the journal into a fresh node gives the same memory, byte for byte."""
    before = killed(tmp_path, 3)
    found = restarted(tmp_path)

    assert (3, before) == (found.folded, found.node.snapshot())
    assert "2" == (tmp_path / INCARNATION).read_text("ascii")


@settings(max_examples=30)
@given(st.integers(0, 12), st.integers(1, 3_000), st.integers(0, 6))
def test_snapshot_and_rest_give_the_fold_of_all(inputs: int, every: int, more: int) -> None:
    """Whenever snapshots were taken: the same memory, and the same answers from then on."""
    with tempfile.TemporaryDirectory() as name:
        folder, whole = Path(name, "snapshots"), Path(name, "whole")
        assert killed(folder, inputs, every) == killed(whole, inputs)
        answers = []
        for place in (folder, whole):
            store = NodeStore(place, every)
            node = store.recover(fresh(), OPENING).node
            # Some were answered before the restart: they get the same answer again.
            sent = feed(store, node, range(max(1, inputs - 2), inputs + more + 1))
            answers.append((node.snapshot(), [(one.origin_bytes, one.body) for one in sent]))
            store.close()

        assert answers[0] == answers[1]


def test_a_restart_folds_only_what_came_after_the_snapshot(tmp_path: Path) -> None:
    """A node that was ended in order has nothing to fold; one that was killed has the rest."""
    with NodeStore(tmp_path) as store:
        feed(store, store.recover(fresh(), OPENING).node, range(1, 8))
    assert 0 == restarted(tmp_path).folded
    store = NodeStore(tmp_path, NEVER)
    node = store.recover(fresh(), OPENING).node
    feed(store, node, range(8, 11))
    store.close()
    found = restarted(tmp_path)

    assert (3, node.snapshot()) == (found.folded, found.node.snapshot())


@pytest.mark.parametrize("damage", ["flip", "cut", "empty", "rubbish"])
def test_a_snapshot_that_cannot_be_read_is_told_and_costs_a_fold(
    damage: str, tmp_path: Path
) -> None:
    """The journal has everything: the place is told, and the whole of it is folded."""
    before = killed(tmp_path, 5, ALWAYS)
    path = tmp_path / SNAPSHOT
    data = path.read_bytes()
    path.write_bytes({
        "flip": data[:60] + bytes([data[60] ^ 1]) + data[61:],
        "cut": data[:-1],
        "empty": b"",
        "rubbish": b"x" * len(data),
    }[damage])  # fmt: skip
    told: list[StoredDataError] = []
    found = restarted(tmp_path, told.append)

    assert (5, before) == (found.folded, found.node.snapshot())
    assert [SNAPSHOT] == [error.at.split()[0] for error in told]


def test_a_crash_while_a_snapshot_is_written_leaves_the_one_before(tmp_path: Path) -> None:
    """What was half written beside it is not looked at."""
    before = killed(tmp_path, 4, ALWAYS)
    (tmp_path / "snapshot.new").write_bytes(b"half")
    told: list[StoredDataError] = []
    found = restarted(tmp_path, told.append)

    assert ([], before) == (told, found.node.snapshot())
    assert found.folded < 4


def test_a_journal_that_lost_what_the_snapshot_had_is_refused(tmp_path: Path) -> None:
    """Synced data is gone (an older disk image): the place is told, nothing is cut."""
    with NodeStore(tmp_path) as store:
        feed(store, store.recover(fresh(), OPENING).node, range(1, 6))
    path = tmp_path / JOURNAL
    kept = path.read_bytes()[:-400]
    path.write_bytes(kept)
    with pytest.raises(StoredDataError, match=DAMAGE):
        restarted(tmp_path)

    assert kept == path.read_bytes()


def test_bit_rot_before_the_end_is_refused_with_its_place(tmp_path: Path) -> None:
    """A valid record after a bad one is no torn tail; the file stays as it is."""
    killed(tmp_path, 5)
    path = tmp_path / JOURNAL
    data = path.read_bytes()
    rotten = data[:300] + bytes([data[300] ^ 1]) + data[301:]
    path.write_bytes(rotten)
    with pytest.raises(StoredDataError, match=DAMAGE):
        restarted(tmp_path)

    assert rotten == path.read_bytes()


def test_a_torn_tail_loses_only_what_was_never_acknowledged(tmp_path: Path) -> None:
    """Cutting the last bytes off loses the last record and nothing before it."""
    killed(tmp_path, 3)
    path = tmp_path / JOURNAL
    path.write_bytes(path.read_bytes()[:-5])

    assert len(restarted(tmp_path).node.state.persons[PATIENT].filings) == 2


@pytest.mark.parametrize("kept", [0, 1, 95, 96, 120])
def test_a_node_killed_before_its_journal_was_begun_begins_it(kept: int, tmp_path: Path) -> None:
    """However much of the opening was written: nothing was acknowledged, it is written anew."""
    path = tmp_path / JOURNAL
    with create_journal(path, OPENING) as journal:
        journal.commit()
    path.write_bytes(path.read_bytes()[:kept])
    before = killed(tmp_path, 2)

    assert before == restarted(tmp_path).node.snapshot()


def test_recovering_again_and_again_changes_nothing(tmp_path: Path) -> None:
    """A crash during recovery is a recovery more: the same memory, the same journal."""
    before = killed(tmp_path, 4)
    journal = (tmp_path / JOURNAL).read_bytes()
    for _ in range(3):
        assert before == restarted(tmp_path).node.snapshot()

    assert journal == (tmp_path / JOURNAL).read_bytes()


def test_a_second_process_is_refused(tmp_path: Path) -> None:
    """Two hosts on one directory would be two memories: the second gets E_LOCKED."""
    with NodeStore(tmp_path), pytest.raises(StoredDataError, match="E_LOCKED"):
        NodeStore(tmp_path)


def test_another_networks_journal_is_refused(tmp_path: Path) -> None:
    """A journal of another scenario or other rules is not guessed at."""
    killed(tmp_path, 1)
    other = Opening(
        seed=1, scenario_digest="other", rules_version="1", schema_digest="d",
        nodes=OPENING.nodes, start=OPENING.start,
    )  # fmt: skip
    with NodeStore(tmp_path) as store, pytest.raises(StoredDataError, match="E_FORMAT"):
        store.recover(fresh(), other)


def test_a_count_of_starts_that_is_no_number_is_refused(tmp_path: Path) -> None:
    """An incarnation is not guessed: a number used twice would make frames look like copies."""
    (tmp_path / INCARNATION).write_text("many", "ascii")
    with pytest.raises(StoredDataError, match="E_FORMAT"):
        NodeStore(tmp_path)
