"""The bundle: everything that is enough to check a run again without us. Source: design 5.

A `Bundle` is opened before the run, takes the journal's blocks and the postings while it goes
on, and is finished with the rows that the final states fold to. `manifest.json` names every
file with its SHA-256 and is written last but for reports, so that a bundle without it was
broken off.
"""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import msgspec

from yidi.nodes.ledger import Posting
from yidi.nodes.observed import Observed
from yidi.nodes.policy import PolicyBook
from yidi.protocol.errors import StoredDataError
from yidi.scenarios.judging.outputs import OutFile, write_file
from yidi.scenarios.judging.rows import (
    CaseRow,
    clearing_rows,
    difference_rows,
    line_of,
    notice_rows,
    posting_row,
)
from yidi.scenarios.judging.wire import WireEntry, wire_line
from yidi.scenarios.library.policy_writer import dump_policies
from yidi.scenarios.running.flows import ManualRow
from yidi.scenarios.running.run import RULES_VERSION, RunResult
from yidi.scenarios.running.world import World, write_world

MANIFEST_SCHEMA = 1
WIRE = "wire.jsonl"
_VERSIONED = ("yidi", "msgspec")


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """manifest.json."""

    schema: int
    scenario: str
    scenario_digest: str
    """SHA-256 of scenario.toml; the journal's opening names it, too."""
    seed: int
    start: int
    """Instant at which the run began, microseconds since 1970 UTC."""
    versions: dict[str, str]
    rules_version: str
    machine: dict[str, Any]
    journal_hash: str
    books_hash: str
    files: dict[str, str]
    """File → SHA-256, for every file that was there before this one."""
    observed: tuple[Observed, ...] = ()
    """Nodes that were somebody's own."""


class ManualOut(msgspec.Struct, frozen=True, kw_only=True):
    """A row of manual.jsonl: paid in full, claimed on paper."""

    institution: str
    visit: str
    case_id: str | None
    psn_no: str
    treatment: str
    insured: str
    med_type: str
    total_fen: int
    day: str | None
    reason: str
    flow: str | None


class Bundle:
    """A run's folder while the run is written into it."""

    def __init__(self, folder: Path) -> None:
        """Open journal and postings in an empty folder.

        Raises:
            StoredDataError: `E_OUTPUT`, `E_STORAGE_FULL`, here and in every method.
        """
        self.folder = folder
        self.digests: dict[str, str] = {}
        self._journal = OutFile(folder / "journal.bin")
        try:
            self._postings = OutFile(folder / "postings.jsonl")
        except StoredDataError:
            self._journal.close()
            raise
        self.take_block: Callable[[bytes], None] = self._journal.write
        self._wire: OutFile | None = None

    def take_posting(self, node: str, posting: Posting) -> None:
        """A node has booked."""
        self._postings.write(line_of(posting_row(node, posting)))

    def take_wire(self, entry: WireEntry) -> None:
        """A message to or from somebody's own node; the file is there once there is one."""
        if self._wire is None:
            self._wire = OutFile(self.folder / WIRE)
        self._wire.write(wire_line(entry))

    @property
    def _streams(self) -> list[OutFile]:
        return [self._journal, self._postings, *([self._wire] if self._wire else [])]

    def close_streams(self) -> None:
        """The run is over: journal, postings and wire are whole on the disk."""
        for file in self._streams:
            file.close()
            self.digests[file.path.name] = file.digest

    def abandon(self) -> None:
        """Close what is open after a failure; what was written stays as evidence.

        A run that never began leaves no folder behind that a later one would take for a run.
        """
        for file in self._streams:
            with suppress(OSError, StoredDataError):  # what went wrong first is being told
                file.close()
                if not file.path.stat().st_size:
                    file.path.unlink()
        with suppress(OSError):
            self.folder.rmdir()

    def write_setting(self, text: str, book: PolicyBook, world: World) -> None:
        """scenario.toml, policies.toml and world.jsonl: what the run was set up with."""
        self._whole("scenario.toml", text.encode())
        self._whole("policies.toml", policies_text(book, world).encode())
        self._lines("world.jsonl", write_world(world))

    def write_rows(self, nodes: dict[str, Any], cases: Iterable[CaseRow]) -> None:
        """cases.jsonl, clearing.jsonl, notices.jsonl and differences.jsonl."""
        self._lines("cases.jsonl", map(line_of, cases))
        self._lines("clearing.jsonl", map(line_of, clearing_rows(nodes)))
        self._lines("notices.jsonl", map(line_of, notice_rows(nodes)))
        self._lines("differences.jsonl", map(line_of, difference_rows(nodes)))

    def write_manual(self, rows: Iterable[ManualRow]) -> int:
        """manual.jsonl, where anybody paid in full; returns how many did."""
        lines = manual_lines(rows)
        if lines:
            self._lines("manual.jsonl", lines)
        return len(lines)

    def write_json(self, name: str, value: object) -> None:
        """A JSON file for people and programs, indented."""
        self._whole(name, msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n")

    def write_text(self, name: str, text: str) -> None:
        """A text file, such as junit.xml."""
        self._whole(name, text.encode())

    def write_manifest(self, result: RunResult, books_hash: str) -> None:
        """manifest.json: what this bundle is, and the SHA-256 of every file so far."""
        self.write_json(
            "manifest.json",
            Manifest(
                schema=MANIFEST_SCHEMA,
                scenario=result.loaded.scenario.name,
                scenario_digest=result.loaded.digest,
                seed=result.seed,
                start=result.start,
                versions=_versions(),
                rules_version=RULES_VERSION,
                machine=_machine(),
                journal_hash=result.journal_hash,
                books_hash=books_hash,
                files=dict(sorted(self.digests.items())),
                observed=result.observed,
            ),
        )

    def _whole(self, name: str, data: bytes) -> None:
        self.digests[name] = write_file(self.folder / name, data)

    def _lines(self, name: str, lines: Iterable[bytes]) -> None:
        with OutFile(self.folder / name) as file:
            for line in lines:
                file.write(line)
        self.digests[name] = file.digest


def policies_text(book: PolicyBook, world: World) -> str:
    """What policies.toml holds: the policies of the regions that take part."""
    return dump_policies(book, {region.policy_region for region in world.regions})


def manual_lines(rows: Iterable[ManualRow]) -> list[bytes]:
    """The lines of manual.jsonl."""
    return [line_of(_manual(row)) for row in rows]


def _manual(row: ManualRow) -> ManualOut:
    return ManualOut(
        institution=row.institution,
        visit=row.visit,
        case_id=row.case_id or None,
        psn_no=row.psn_no,
        treatment=row.treatment,
        insured=row.insured,
        med_type=row.med_type,
        total_fen=row.total_fen,
        day=row.day or None,
        reason=row.reason,
        flow=row.flow or None,
    )


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in _VERSIONED:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "unknown"
    return found


def _machine() -> dict[str, Any]:
    """What may matter for speed; nothing that names the machine or its owner."""
    return {
        "system": platform.system(),
        "machine": platform.machine(),
        "implementation": sys.implementation.name,
        "cpus": os.cpu_count() or 1,
    }
