"""`yidi verify`: whether a run's files are what they say, from these files alone.

Three layers, each able to find what the one before cannot: the rows' arithmetic; the rows
against the answers in the journal, by an auditor that shares no code with the nodes; the whole
run again. Before them come the files themselves: all there, with the hashes that manifest and
result tell of them. A journal that cannot be read whole ends it all (exit code 4).
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec

from yidi.nodes.observed import Observed
from yidi.protocol.envelope import unframe
from yidi.protocol.errors import ErrorCode, RemoteProtocolError, StoredDataError
from yidi.protocol.journal import Opening, RecordKind
from yidi.protocol.journal_reader import JournalReader
from yidi.scenarios.judging.bundle import MANIFEST_SCHEMA, Manifest
from yidi.scenarios.judging.journal_file import open_journal, read_chunks
from yidi.scenarios.judging.judged_run import RESULT_SCHEMA
from yidi.scenarios.judging.rows import CaseRow
from yidi.scenarios.judging.verdicts import CheckResult, Tally, TallyBook, Verdict, overall
from yidi.scenarios.judging.verify_answers import Auditor
from yidi.scenarios.judging.verify_replay import Replay, other_rules, read_setting
from yidi.scenarios.judging.verify_rerun import check_rerun
from yidi.scenarios.judging.verify_rows import RowFacts, check_rows, read_lines
from yidi.scenarios.judging.verify_titles import VERIFY_TITLES
from yidi.scenarios.judging.verify_wire import OutsideInputs, check_wire

ROW_FILES = (
    "cases.jsonl",
    "postings.jsonl",
    "clearing.jsonl",
    "notices.jsonl",
    "differences.jsonl",
)
NEEDED = ("manifest.json", "scenario.toml", "policies.toml", "world.jsonl", *ROW_FILES,
          "result.json")  # fmt: skip
_DERIVED = ("junit.xml", "report.html")
"""For people and CI; nothing follows from them."""


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What result.json says that follows from the other files."""

    schema: int
    scenario: str
    seed: int
    verdict: Verdict
    cases: dict[str, int]
    rows: int
    postings: int
    journal_hash: str
    books_hash: str
    money: dict[str, int]
    cleared_fen: int
    checks: list[CheckResult]
    interrupted: bool = False


class VerifyReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a verification came to."""

    schema: int = 1
    folder: str
    verdict: Verdict
    journal_hash: str
    records: int
    """Records of the journal."""
    checks: list[CheckResult]
    reason: str = ""
    """Why the verdict is unknown, where it is."""


def verify_run(folder: Path, journal: Path | None = None) -> VerifyReport:
    """Verify a bundle.

    Args:
        folder: the run's folder.
        journal: another journal than the folder's.

    Raises:
        StoredDataError: the journal cannot be read whole (`E_JOURNAL_CORRUPT` and the like, with
            lsn and offset), or is not there (`E_BUNDLE`).
    """
    book = TallyBook()
    path = journal or folder / "journal.bin"
    told = _read(folder, "result.json", Told, book["FILES"])
    manifest = _read(folder, "manifest.json", Manifest, book["FILES"])
    interrupted = told is not None and told.interrupted
    observed = manifest.observed if manifest is not None else ()
    auditor, inputs = Auditor(), OutsideInputs()
    reader = _read_journal(path, auditor, inputs)
    _check_files(folder, manifest, book["FILES"])
    _check_journal(reader, manifest, told, folder, book["JOURNAL"])
    reason = ""
    try:
        facts = _check_layers(folder, auditor, book, interrupted)
        if told is not None:
            _check_result(told, manifest, facts, book["ROWS-RESULT"])
            check_wire(folder, observed, inputs, told.checks, book)
        reason = _replay(folder, path, reader, book, (interrupted, observed))
    except StoredDataError as error:
        book["FILES"].fail(error.text("en"), node=error.at)
    checks = [tally.result() for tally in book.tallies.values() if _is_told(tally)]
    return VerifyReport(
        folder=str(folder),
        verdict=overall(checks),
        journal_hash=reader.journal_hash,
        records=reader.tip.lsn,
        checks=sorted(checks, key=_order),
        reason=reason,
    )


def _is_told(tally: Tally) -> bool:
    """Invariants that had nothing to look at are left out; the layers never are."""
    return tally.id in VERIFY_TITLES or bool(tally.count or tally.violations)


def _order(row: CheckResult) -> tuple[int, str]:
    names = list(VERIFY_TITLES)
    return (names.index(row.id), "") if row.id in VERIFY_TITLES else (len(names), row.id)


def _read(folder: Path, name: str, kind: type[Any], tally: Tally) -> Any:
    """A JSON file of the bundle; None, counted as a failure, where it is missing or wrong."""
    tally.count += 1
    try:
        return msgspec.json.decode((folder / name).read_bytes(), type=kind)
    except (OSError, msgspec.MsgspecError, ValueError, RecursionError) as error:
        facts = getattr(error, "strerror", None) or str(error)
        tally.fail(f"{name}: {facts}", node=name)
        return None


def _read_journal(path: Path, auditor: Auditor, inputs: OutsideInputs) -> JournalReader:
    """Read the whole journal, strictly, in constant memory but for what the auditor keeps."""
    if not path.exists():
        raise StoredDataError(ErrorCode.E_BUNDLE, at=path.name, got="no such file")
    reader = open_journal(path)
    order = reader.opening.nodes
    for record in reader.records():
        if record.kind is RecordKind.ENVELOPE:
            try:
                envelope = unframe(record.payload)
            except RemoteProtocolError:
                continue  # refused when it came, too
            inputs.feed(order[record.node], envelope)
            auditor.feed(record.lsn, order[record.node], envelope)
        elif record.kind is RecordKind.DEADLINE:
            auditor.feed_deadline(order[record.node], record.now)
    return reader


# ---------------------------------------------------------------------- files


def _check_files(folder: Path, manifest: Manifest | None, tally: Tally) -> None:
    for name in NEEDED:
        tally.count += 1
        if not (folder / name).is_file():
            tally.fail(f"{name}: no such file", node=name)
    named = manifest.files if manifest is not None else {}
    for name in (*NEEDED[1:], "journal.bin"):
        if manifest is not None and name not in named:
            tally.fail(f"{name}: the manifest does not name it", node=name)
    for name, digest in named.items():
        path = folder / name
        if name in _DERIVED or Path(name).name != name or not path.is_file():
            continue
        tally.count += 1
        if _digest(path) != digest:
            tally.fail(f"{name}: not the SHA-256 of the manifest", node=name)
    strays = ("journal", "cases", "postings", "clearing")
    for path in sorted(folder.iterdir()):
        if path.name.startswith(strays) and path.name not in (*NEEDED, "journal.bin"):
            tally.fail(f"{path.name}: no file of a bundle", node=path.name)


def _digest(path: Path) -> str:
    hashed = sha256()
    for chunk in read_chunks(path):
        hashed.update(chunk)
    return hashed.hexdigest()


def _check_journal(
    reader: JournalReader, manifest: Manifest | None, told: Told | None, folder: Path, tally: Tally
) -> None:
    """Manifest, result and scenario are those of this journal."""
    tally.count += reader.tip.lsn
    found = reader.journal_hash
    for name, said in (("manifest.json", manifest), ("result.json", told)):
        if said is None:
            continue
        if said.journal_hash != found:
            tally.fail(f"{name} says {said.journal_hash}, it is {found}", node=name)
        if said.seed != reader.opening.seed:
            tally.fail(f"{name} says seed {said.seed}, it is {reader.opening.seed}", node=name)
    scenario = folder / "scenario.toml"
    if scenario.is_file() and _digest(scenario) != reader.opening.scenario_digest:
        tally.fail("scenario.toml is not the scenario of this journal", node="scenario.toml")
    if manifest is not None:
        _check_manifest(manifest, told, reader.opening, tally)


def _check_manifest(manifest: Manifest, told: Told | None, opening: Opening, tally: Tally) -> None:
    """What the manifest says of the run is what the journal's opening and the result say."""
    pairs: list[tuple[str, object, object]] = [
        ("schema", manifest.schema, MANIFEST_SCHEMA),
        ("rules_version", manifest.rules_version, opening.rules_version),
        ("scenario_digest", manifest.scenario_digest, opening.scenario_digest),
        ("start", manifest.start, opening.start),
    ]
    if told is not None:
        pairs += [
            ("scenario", manifest.scenario, told.scenario),
            ("result's schema", told.schema, RESULT_SCHEMA),
        ]
    for name, said, wanted in pairs:
        if said != wanted:
            tally.fail(f"manifest.json: {name} is {said}, not {wanted}", node="manifest.json")


# ---------------------------------------------------------------------- the layers


def _check_layers(folder: Path, auditor: Auditor, book: TallyBook, interrupted: bool) -> RowFacts:
    """Rows by themselves, then against the answers."""
    world, _ = read_setting(folder)
    cleared = world.settings.account == "cleared"
    facts = check_rows(folder, book, account_cleared=cleared, interrupted=interrupted)
    if not interrupted:
        auditor.check(facts, _cases(folder), book)
    else:
        for name in ("CASES", "POSTINGS", "CLEARING", "NOTICES"):
            book[f"ANSWERS-{name}"].reason = "the run was interrupted"
    return facts


def _cases(folder: Path) -> Iterator[CaseRow]:
    """The rows of cases.jsonl once more; what is wrong with them was told before."""
    for _, row in read_lines(folder, "cases.jsonl", CaseRow, Tally("again")):
        yield row


def _check_result(told: Told, manifest: Manifest | None, facts: RowFacts, tally: Tally) -> None:
    """Counts, sums and hashes of result.json, from the rows."""
    totals = facts.totals
    pairs: list[tuple[str, object, object]] = [
        ("cases", dict(sorted(told.cases.items())), dict(sorted(totals.states.items()))),
        ("rows", told.rows, totals.rows),
        ("postings", told.postings, facts.postings),
        ("money", told.money, totals.money),
        ("books_hash", told.books_hash, totals.books_hash),
        ("cleared_fen", told.cleared_fen,
         sum(row.payable_fen for row in facts.clearing.values())),
    ]  # fmt: skip
    if manifest is not None:
        pairs.append(("manifest's books_hash", manifest.books_hash, totals.books_hash))
    for name, said, found in pairs:
        tally.count += 1
        if said != found:
            tally.fail(f"{name}: says {said}, the rows come to {found}", node="result.json")


def _replay(
    folder: Path,
    path: Path,
    reader: JournalReader,
    book: TallyBook,
    run: tuple[bool, tuple[Observed, ...]],
) -> str:
    """The third layer; returns why it is unknown, where it is.

    `run` says whether it was interrupted, and which nodes were somebody's own.
    """
    interrupted, observed = run
    reason = other_rules(reader.opening)
    if reason:
        for name in VERIFY_TITLES:
            if name.startswith("REPLAY-"):
                book[name].unknown = reason
        return reason
    visits = {
        (row.institution, row.visit): row.case_id
        for row in _cases(folder)
        if row.case_id is not None
    }
    replay = Replay(folder, path, book, observed)
    replay.run(interrupted=interrupted, case_ids=visits)
    policies = replay.policies
    del replay  # its nodes are as large as those of the run that follows
    if not any(tally.violations for tally in book.tallies.values()):
        check_rerun(folder, policies, book)
    return ""
