"""Which case is meant: found by any of the names that people know it by.

`cases.jsonl` knows case id, case key, visit and person; a message id or settlement id is looked
for in the journal. A visit is the unit that is followed: with all its keys, from its first
message on. What was paid in full has a row in `manual.jsonl` only, and is found all the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import TypeVar

import msgspec

from yidi.protocol.bodies import open_body
from yidi.protocol.envelope import Envelope, unframe
from yidi.protocol.errors import DecodeError, ErrorCode, ScenarioError, StoredDataError
from yidi.protocol.journal import RecordKind
from yidi.scenarios.judging.chain_match import Selection
from yidi.scenarios.judging.journal_file import open_journal
from yidi.scenarios.judging.rows import CaseRow
from yidi.scenarios.judging.scripted_cases import read_scenario, scripted_cases

JOURNAL, CASES, MANUAL = "journal.bin", "cases.jsonl", "manual.jsonl"
ID_LENGTH_MIN = 8
"""A shorter text is no id of ours, and would be found in any message."""
_NAMES = ("case_id", "key", "visit", "psn_no")
"""Columns that name a case, the most telling first."""
_KNOWN_MAX = 20_000
"""Names kept for a did-you-mean."""
_Row = TypeVar("_Row", bound=msgspec.Struct)


class _ManualRow(msgspec.Struct, frozen=True, kw_only=True):
    """A visit that was paid in full: it has messages, and no case in the books."""

    institution: str
    visit: str
    case_id: str | None = None
    psn_no: str = ""
    treatment: str = ""
    insured: str = ""
    med_type: str = ""
    total_fen: int = 0


def read_cases(bundle: Path) -> Iterator[CaseRow]:
    """The rows of `cases.jsonl`; none where the file is missing.

    Raises:
        StoredDataError: `E_BUNDLE` with the line's number.
    """
    yield from _read_rows(bundle / CASES, CaseRow)


def read_visits(bundle: Path) -> Iterator[CaseRow]:
    """The rows of `cases.jsonl`, then one for each visit that was paid in full (`manual.jsonl`).

    Raises:
        StoredDataError: `E_BUNDLE` with the line's number.
    """
    yield from read_cases(bundle)
    for row in _read_rows(bundle / MANUAL, _ManualRow):
        yield CaseRow(
            node=f"treatment:{row.treatment}", key="", institution=row.institution,
            visit=row.visit, serial="", case_id=row.case_id, psn_no=row.psn_no,
            treatment=row.treatment, insured=row.insured, insutype="", med_type=row.med_type,
            total_fen=row.total_fen, fund_fen=0, funds={}, account_fen=0,
            cash_fen=row.total_fen, hospital_fen=0, state="MANUAL", day=None, period=None,
            batch=None, digest="",
        )  # fmt: skip


def _read_rows(path: Path, kind: type[_Row]) -> Iterator[_Row]:
    if not path.is_file():
        return
    decode = msgspec.json.Decoder(kind).decode
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            try:
                yield decode(line)
            except (msgspec.MsgspecError, UnicodeDecodeError) as error:
                at = f"{path.name}:{number}"
                raise StoredDataError(ErrorCode.E_BUNDLE, at=at, got=str(error)) from error


def find_case(bundle: Path, name: str) -> Selection:
    """Find a case by id, case key, visit, person, message id or settlement id.

    Raises:
        ScenarioError: `E_CASE_UNKNOWN`, with the nearest name.
        StoredDataError: the bundle cannot be read.
    """
    found: dict[str, CaseRow] = {}
    known: dict[str, bool] = {}
    for row in read_visits(bundle):
        for field in _NAMES:
            if getattr(row, field) == name:
                found[field] = row
        if len(known) < _KNOWN_MAX:
            known |= dict.fromkeys(
                [text for text in (row.case_id, row.key, row.visit) if text], True
            )
    for field in _NAMES:
        if field in found:
            best = found[field]
            return selection_of(_rows_of(bundle, best.key, (best.institution, best.visit)), name)
    scripted = scripted_cases(read_scenario(bundle))
    if name in scripted:
        return scripted[name]  # refused before it had a key: its messages are there
    key, trace, place = _named_in_journal(bundle, name)
    if not trace:
        known |= dict.fromkeys(scripted, True)
        near = get_close_matches(name, known, n=1, cutoff=0.5)
        hint = f"CASE, did you mean {near[0]}?" if near else "CASE"
        raise ScenarioError(ErrorCode.E_CASE_UNKNOWN, at=hint, got=name)
    rows = _rows_of(bundle, key, place)
    return selection_of(rows, name) if rows else Selection(name=name, traces=(trace,))


def _rows_of(bundle: Path, key: str, place: tuple[str, str]) -> list[CaseRow]:
    """The rows of a visit, or of a key that has none."""
    return [
        row
        for row in read_visits(bundle)
        if (key and row.key == key) or (row.visit and (row.institution, row.visit) == place)
    ]


def selection_of(rows: Sequence[CaseRow], name: str) -> Selection:
    """What a visit's rows say about which messages belong to it."""
    last = rows[-1]
    hubs = [row.node for row in rows if row.node.startswith("hub:")]
    return Selection(
        name=name,
        case_id=next((row.case_id for row in rows if row.case_id), ""),
        keys=tuple(dict.fromkeys(row.key for row in rows if row.key)),
        person_no=last.psn_no,
        institution=last.institution,
        visit=last.visit,
        treatment=last.treatment,
        insured=last.insured,
        hub=hubs[-1] if hubs else "",
    )


def _named_in_journal(bundle: Path, name: str) -> tuple[str, str, tuple[str, str]]:
    """Case key, trace, and (institution, visit) of the messages that carry a name.

    The first message that carries it gives the trace; the key or visit may come with a later one.
    """
    needle, trace = name.encode(), ""
    nobody = ("", "?")
    if len(needle) < ID_LENGTH_MIN:
        return "", "", nobody
    for record in open_journal(bundle / JOURNAL, strict=False).records():
        if record.kind is not RecordKind.ENVELOPE:
            continue
        if needle not in record.payload and (not trace or trace.encode() not in record.payload):
            continue
        envelope = unframe(record.payload)
        origin = envelope.origin
        named = (origin.message_id, origin.correlation_id, origin.case_key, origin.trace_id)
        if not trace and (name in named or name in _texts_of(record.payload)):
            trace = origin.trace_id
        if trace and origin.trace_id == trace:
            visit = getattr(body_of(envelope), "visit", "")
            if origin.case_key or visit:
                institution = getattr(body_of(envelope), "institution", "")
                code = institution or origin.sender.partition(":")[2]
                return origin.case_key, trace, (code, visit) if visit else nobody
    return "", trace, nobody


def _texts_of(raw: bytes) -> Iterator[str]:
    """Every short text in a message's body, nested documents included."""
    waiting: list[object] = [unframe(raw).body]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            yield value
        elif isinstance(value, list):
            waiting += value
        elif isinstance(value, bytes) and len(value) > 32:
            try:
                waiting.append(msgspec.msgpack.decode(value))
            except (msgspec.MsgspecError, ValueError):
                continue


def body_of(envelope: Envelope) -> msgspec.Struct | None:
    """A message's decoded body; None where it is not what it should be."""
    try:
        return open_body(envelope)
    except DecodeError:
        return None
