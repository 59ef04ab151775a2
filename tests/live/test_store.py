"""A node's data directory: restart, torn tail, lock."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.town import PATIENT, Town
from yidi.nodes.insured_region import InsuredConfig, InsuredRegion, InsuredState
from yidi.protocol import messages as m
from yidi.protocol import transactions as t
from yidi.protocol.codec import encode
from yidi.protocol.envelope import Link, Origin, frame, seal, unframe
from yidi.protocol.errors import StoredDataError
from yidi.protocol.instants import Instant
from yidi.protocol.journal import Opening, RecordKind
from yidi.scenarios.live.store import JOURNAL, NodeStore

OPENING = Opening(
    seed=1, scenario_digest="s", rules_version="1", schema_digest="d",
    nodes=("insured:340600",), start=Town().now,
)  # fmt: skip


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


def lived(folder: Path, inputs: int) -> bytes:
    """Start a node on a folder, let it handle inputs, and return its memory as it ends."""
    node = fresh()
    with NodeStore(folder) as store:
        store.recover(node, OPENING)
        assert store.journal is not None
        for number in range(1, inputs + 1):
            raw = filing(number)
            store.journal.writer.append(RecordKind.ENVELOPE, 0, OPENING.start, raw)
            node.handle(unframe(raw), Instant(OPENING.start))
            store.commit()
    return node.snapshot()


def test_a_restarted_node_is_where_it_was(tmp_path: Path) -> None:
    """Folding the journal into a fresh node gives the same memory, byte for byte."""
    before = lived(tmp_path, 3)
    node = fresh()
    with NodeStore(tmp_path) as store:
        store.recover(node, OPENING)

        assert (store.incarnation, node.snapshot()) == (2, before)


def test_a_torn_tail_loses_only_what_was_never_acknowledged(tmp_path: Path) -> None:
    """Cutting the last bytes off loses the last record and nothing before it."""
    lived(tmp_path, 3)
    path = tmp_path / JOURNAL
    path.write_bytes(path.read_bytes()[:-5])
    node = fresh()
    with NodeStore(tmp_path) as store:
        store.recover(node, OPENING)

    assert len(node.state.persons[PATIENT].filings) == 2


def test_a_second_process_is_refused(tmp_path: Path) -> None:
    """Two hosts on one directory would be two memories: the second gets E_LOCKED."""
    with NodeStore(tmp_path), pytest.raises(StoredDataError, match="E_LOCKED"):
        NodeStore(tmp_path)


def test_another_networks_journal_is_refused(tmp_path: Path) -> None:
    """A journal of another scenario or other rules is not guessed at."""
    lived(tmp_path, 1)
    other = Opening(
        seed=1, scenario_digest="other", rules_version="1", schema_digest="d",
        nodes=OPENING.nodes, start=OPENING.start,
    )  # fmt: skip
    with NodeStore(tmp_path) as store, pytest.raises(StoredDataError, match="E_FORMAT"):
        store.recover(fresh(), other)
