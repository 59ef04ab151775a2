"""Verify, third layer: the whole run again from world, policies and journal.

Fresh nodes are built from the bundle's own world and policies, every recorded input is applied
to them under the same per-event checks, each block's digest of outputs is compared, and every
row is written again and compared byte for byte. Only the rules version that wrote a journal may
fold it: under another one the verdict is unknown.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from typing import Any

from yidi.nodes.ledger import Posting
from yidi.nodes.observed import Observed, ObservedNode
from yidi.protocol.bodies import schema_text
from yidi.protocol.digests import hex_digest
from yidi.protocol.envelope import VERSION
from yidi.protocol.errors import ErrorCode, ScenarioError, StoredDataError
from yidi.protocol.journal import Opening
from yidi.scenarios.judging.audit_benefit import audit_benefit
from yidi.scenarios.judging.audit_books import audit_books
from yidi.scenarios.judging.audit_clearing import audit_clearing
from yidi.scenarios.judging.audit_run import audit_differences
from yidi.scenarios.judging.event_checks import EventChecks
from yidi.scenarios.judging.journal_file import open_journal
from yidi.scenarios.judging.observed_audit import audit_observed
from yidi.scenarios.judging.refold import Refold
from yidi.scenarios.judging.rows import (
    CaseRow,
    case_rows,
    clearing_rows,
    difference_rows,
    line_of,
    notice_rows,
    posting_row,
)
from yidi.scenarios.judging.verdicts import Tally, TallyBook
from yidi.scenarios.library.loader import load_bytes
from yidi.scenarios.library.policy_file import load_policies_text
from yidi.scenarios.running.build import nodes_of_world
from yidi.scenarios.running.institutions import build_institutions
from yidi.scenarios.running.people import build_people
from yidi.scenarios.running.run import RULES_VERSION
from yidi.scenarios.running.streams import Streams
from yidi.scenarios.running.world import World, read_world, world_of, write_world


def other_rules(opening: Opening) -> str:
    """Why a journal cannot be folded here; empty where it can."""
    if opening.rules_version != RULES_VERSION:
        return f"written by rules version {opening.rules_version}, here is {RULES_VERSION}"
    if opening.schema_digest != hex_digest(b"%d\n" % VERSION + schema_text()):
        return "written with another message schema"
    return ""


def read_setting(folder: Path) -> tuple[World, str]:
    """The bundle's world, and the text of its policies.

    Raises:
        StoredDataError: `E_BUNDLE` where one is missing or wrong.
    """
    name = "world.jsonl"
    try:
        with (folder / name).open("rb") as file:
            world = read_world(file)
        name = "policies.toml"
        return world, (folder / name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        facts = getattr(error, "strerror", None) or type(error).__name__
        raise StoredDataError(ErrorCode.E_BUNDLE, at=name, got=facts) from error


class Replay:
    """One replay of a bundle."""

    def __init__(
        self, folder: Path, journal: Path, book: TallyBook, observed: tuple[Observed, ...] = ()
    ) -> None:
        """Build the nodes; those that were somebody's own as they are observed.

        Raises:
            StoredDataError: `E_BUNDLE`, or as the journal's reader.
        """
        self.folder, self.journal, self.book = folder, journal, book
        self.world, policies = read_setting(folder)
        try:
            self.policies = load_policies_text(policies, "policies.toml")
        except ScenarioError as error:
            raise StoredDataError(
                ErrorCode.E_BUNDLE, at="policies.toml", got=str(error)[:200]
            ) from error
        self.nodes = nodes_of_world(self.world, self.policies, observed)
        self.checks = EventChecks(self.nodes, book)

    def run(self, *, interrupted: bool, case_ids: dict[tuple[str, str], str]) -> None:
        """Fold, compare and audit; results go to the book.

        Args:
            interrupted: the run was broken off, so that quiescence is not asked of it.
            case_ids: scripted case by institution and visit, which no node knows.
        """
        outputs = self.book["REPLAY-OUTPUTS"]
        reader = open_journal(self.journal, strict=not interrupted)
        if set(reader.opening.nodes) != set(self.nodes):
            outputs.fail(f"world has {sorted(self.nodes)}, journal {list(reader.opening.nodes)}")
            return
        self._compare_world(reader.opening)
        postings = _Compared(self.folder / "postings.jsonl", self.book["REPLAY-POSTINGS"])
        fold = Refold(self.nodes, reader.opening.nodes)

        def on_posting(address: str, posting: Posting) -> None:
            node = self.nodes[address]
            if not isinstance(node, ObservedNode):
                postings.compare(line_of(posting_row(address, posting)), posting.key, address)
            self.checks.on_posting(node, posting, _case_of(node, posting.key))

        fold.on_posting, fold.on_delivery = on_posting, self.checks.on_delivery
        for difference in fold.blocks(reader):
            outputs.fail(f"block {difference.block}: {difference.facts}", lsn=difference.lsn)
        outputs.count += fold.applied
        self.book["INV-34"].count += fold.applied
        postings.finish()
        self._compare_rows(case_ids)
        self._audit(interrupted)

    def _compare_world(self, opening: Opening) -> None:
        """The world is drawn again from the scenario as run, by the seed of the opening."""
        tally = self.book["REPLAY-WORLD"]
        try:
            scenario = load_bytes(_bytes(self.folder / "scenario.toml"), "scenario.toml").scenario
        except ScenarioError as error:
            tally.fail(str(error)[:200], node="scenario.toml")
            return
        if scenario.start == "now":
            tally.reason = "a live run begins at an instant that the scenario does not name"
            return
        people = build_people(scenario, Streams(opening.seed))
        world = world_of(scenario, people, build_institutions(scenario), opening.start)
        file = _Compared(self.folder / "world.jsonl", tally)
        for line in write_world(world):
            file.compare(line, "", "world.jsonl")
        file.finish()

    def _compare_rows(self, case_ids: dict[tuple[str, str], str]) -> None:
        nodes = self.nodes
        rows: dict[str, Iterator[Any]] = {
            "CASES": case_rows(nodes, lambda place, visit: case_ids.get((place, visit))),
            "CLEARING": iter(clearing_rows(nodes)),
            "NOTICES": iter(notice_rows(nodes)),
            "DIFFERENCES": iter(difference_rows(nodes)),
        }
        for name, made in rows.items():
            file = _Compared(self.folder / f"{name.lower()}.jsonl", self.book[f"REPLAY-{name}"])
            for row in made:
                key = str(getattr(row, "key", "") or getattr(row, "batch", "") or "")
                node = row.node if isinstance(row, CaseRow) else str(getattr(row, "hub", ""))
                file.compare(line_of(row), key, node)
            file.finish()

    def _audit(self, interrupted: bool) -> None:
        """Every invariant again, over the states that the fold came to."""
        self.checks.finish()
        if not interrupted:
            audit_books(self.nodes, self.checks)
            audit_differences(self.nodes, self.book)
            audit_clearing(self.nodes, self.book)
            audit_observed(self.nodes, self.book)
        audit_benefit(self.nodes, self.checks, self.world, self.policies)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise StoredDataError(
            ErrorCode.E_BUNDLE, at=path.name, got=error.strerror or type(error).__name__
        ) from error


def _case_of(node: Any, key: str) -> Any:
    cases = getattr(node.state, "cases", None)
    return cases.get(key) if cases is not None else None


class _Compared:
    """A file of rows held against the rows that a replay makes, line by line."""

    def __init__(self, path: Path, tally: Tally) -> None:
        self.name = path.name
        self.tally = tally
        self.number = 0
        try:
            self._lines = iter(path.open("rb"))
        except OSError as error:
            raise StoredDataError(
                ErrorCode.E_BUNDLE, at=path.name, got=error.strerror or type(error).__name__
            ) from error

    def compare(self, made: bytes, key: str, node: str) -> None:
        """Hold the next line against a row."""
        self.number += 1
        self.tally.count += 1
        line = next(self._lines, None)
        if line != made:
            said = "is missing" if line is None else f"differs: {_part(line, made)}"
            self.tally.fail(f"{self.name}:{self.number} {said}", key=key, node=node)

    def finish(self) -> None:
        """Nothing may follow after the last row."""
        self.tally.count += 1  # also an empty file was looked at
        rest = sum(1 for _ in self._lines)
        self._lines.close()  # type: ignore[attr-defined]
        if rest:
            self.tally.fail(f"{self.name}: {rest} lines more than the replay makes")


def _part(found: bytes, made: bytes) -> str:
    """Where two lines part, with a little of both."""
    at = next(
        (i for i, pair in enumerate(zip_longest(found, made)) if pair[0] != pair[1]), len(made)
    )
    start = max(0, at - 30)
    cut = slice(start, at + 20)
    said = (found[cut].decode(errors="replace"), made[cut].decode(errors="replace"))
    return f"{said[0]!r} for {said[1]!r}"
