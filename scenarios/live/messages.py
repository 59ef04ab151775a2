"""What was said in a live network, out of its journals: the messages of a case, daily statements.

Each node's journal has what arrived there, and no two have the same arrival; what left the nodes
for clients is no input of anybody, so the gateway keeps the last answers it passed on. Journals
are read as they stand, while their nodes go on writing.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import msgspec

from yidi.protocol import transactions as t
from yidi.protocol.envelope import Envelope, unframe
from yidi.protocol.errors import DecodeError
from yidi.protocol.instants import Instant, local_text
from yidi.protocol.journal import RecordKind
from yidi.protocol.journal_reader import JournalReader
from yidi.protocol.messages import Rejection
from yidi.protocol.messages_clearing import (
    DailyStatement,
    DailyStatementResult,
    GroupTotals,
)
from yidi.protocol.money import yuan
from yidi.protocol.transactions import Kind
from yidi.scenarios.judging.chain_find import body_of
from yidi.scenarios.judging.journal_file import CHUNK_SIZE, open_journal
from yidi.scenarios.live.store import JOURNAL

ROWS_MAX = 2_000
"""Messages that one answer lists: more than any case has."""
_NAMED = ("visit", "settlement_id", "original_id", "original_message_id")
"""Fields of bodies by which people know a case: mdtrt_id, setl_id and those of an undoing."""

Arrival = tuple[Instant, Envelope]
Readers = Callable[[], Iterable[JournalReader]]


class MessageRow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One message on one leg."""

    at: str
    """When it arrived, by the network's clock."""
    sender: str
    """Who handed it over."""
    recipient: str
    """Where it arrived."""
    infno: str
    zh: str
    en: str
    kind: str
    msgid: str
    answers: str = ""
    """msgid of the request that it answers."""
    key: str = ""
    day: str = ""
    """Accounting day stamped by the hub."""
    code: str = ""
    """Of a refusal."""


class StatementRow(msgspec.Struct, frozen=True, kw_only=True):
    """A day's statement between a hub and one region."""

    day: str
    hub: str
    region: str
    asked_at: str
    count: int
    """Effects in the hub's books of that day for the region."""
    fund: str
    """Paid by funds, yuan, the hub's books."""
    own_count: int | None
    """The region's own; None until it has answered."""
    own_fund: str | None
    level: bool | None
    """Whether every group is equal."""


class Spool:
    """The journal of a network that keeps none: a file without a name, gone with the process."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - to the end

    def write(self, block: bytes) -> None:
        """Keep a block."""
        rest = memoryview(block)
        while rest:
            rest = rest[self._file.write(rest) :]

    def readers(self) -> Iterator[JournalReader]:
        """A reader of the finished blocks."""
        if os.fstat(self._file.fileno()).st_size:
            yield JournalReader(self._chunks())

    def _chunks(self) -> Iterator[bytes]:
        at = 0
        while chunk := os.pread(self._file.fileno(), CHUNK_SIZE, at):
            at += len(chunk)
            yield chunk

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()


def readers_of(folders: Iterable[Path]) -> Iterator[JournalReader]:
    """Readers of the journals of nodes' data directories; a node that never ran has none."""
    for folder in folders:
        path = folder / JOURNAL
        if path.is_file() and path.stat().st_size:
            yield open_journal(path, strict=False)


class MessageLog:
    """Finds messages.

    Args:
        readers: opens the journals of all nodes.
        heard: the latest answers to clients.
    """

    def __init__(self, readers: Readers, heard: Iterable[Arrival]) -> None:
        self._readers = readers
        self._heard = list(heard)

    def chain(self, name: str) -> list[MessageRow]:
        """The messages of a case by case key, msgid, setl_id or mdtrt_id, in order of arrival."""
        found = _Found(name)
        for _, envelope in self._arrivals(name.encode()):
            found.learn(envelope)
        for visit in list(found.visits):
            for _, envelope in self._arrivals(visit[1].encode()):
                found.learn(envelope)
        arrived = [one for one in self._arrivals() if found.has(one[1])]
        return [_row(at, one) for at, one in sorted(arrived, key=lambda one: one[0])[:ROWS_MAX]]

    def statements(self, day: str = "") -> list[StatementRow]:
        """The daily statements of a day, or of all days, and how the regions answered."""
        asked: dict[str, Arrival] = {}
        answers: dict[str, DailyStatementResult] = {}
        for at, envelope in self._arrivals():
            if envelope.origin.transaction != t.DAILY_STATEMENT:
                continue
            body = body_of(envelope)
            if isinstance(body, DailyStatement) and day in ("", body.day):
                asked.setdefault(envelope.origin.message_id, (at, envelope))
            elif isinstance(body, DailyStatementResult):
                answers.setdefault(envelope.origin.correlation_id, body)
        rows = [_statement(one, answers.get(message_id)) for message_id, one in asked.items()]
        return sorted(rows, key=lambda row: (row.day, row.hub, row.region))

    def _arrivals(self, needle: bytes = b"") -> Iterator[Arrival]:
        """What arrived anywhere; with a needle, only what carries it somewhere."""
        for reader in self._readers():
            for record in reader.records():
                if record.kind is RecordKind.ENVELOPE and needle in record.payload:
                    try:
                        yield record.now, unframe(record.payload)
                    except DecodeError:
                        continue  # refused when it came
        for at, envelope in self._heard:
            if needle in envelope.origin_bytes or needle in envelope.body:
                yield at, envelope


class _Found:
    """What makes the messages of one case recognisable."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.keys: set[str] = set()
        self.traces: set[str] = set()
        self.visits: set[tuple[str, str]] = set()

    def learn(self, envelope: Envelope) -> None:
        """Take from a message that carries the name, or the visit, what its relatives share."""
        origin, body = envelope.origin, body_of(envelope)
        visit = (_institution(envelope, body), str(getattr(body, "visit", "")))
        named = (origin.message_id, origin.correlation_id, origin.case_key, origin.trace_id)
        in_body = self.name in [getattr(body, field, None) for field in _NAMED]
        if self.name not in named and not in_body and visit not in self.visits:
            return
        self.traces.add(origin.trace_id)
        if origin.case_key:
            self.keys.add(origin.case_key)
        if visit[1]:
            self.visits.add(visit)

    def has(self, envelope: Envelope) -> bool:
        """Whether a message belongs to the case."""
        origin = envelope.origin
        return origin.case_key in self.keys or origin.trace_id in self.traces


def _institution(envelope: Envelope, body: msgspec.Struct | None) -> str:
    return str(getattr(body, "institution", "")) or envelope.origin.sender.partition(":")[2]


def _row(at: Instant, envelope: Envelope) -> MessageRow:
    origin, link, stamp = envelope.origin, envelope.link, envelope.stamp
    body = body_of(envelope) if origin.kind == Kind.REJECTION else None
    row = t.CATALOGUE[origin.transaction]
    return MessageRow(
        at=local_text(at),
        sender=link.sender if link is not None else origin.sender,
        recipient=link.recipient if link is not None else origin.recipient,
        infno=row.code,
        zh=row.zh,
        en=row.en,
        kind=Kind(origin.kind).name.lower(),
        msgid=origin.message_id,
        answers=origin.correlation_id,
        key=origin.case_key,
        day=stamp.day if stamp is not None else "",
        code=body.code if isinstance(body, Rejection) else "",
    )


def _statement(asked: Arrival, answer: DailyStatementResult | None) -> StatementRow:
    at, envelope = asked
    body = body_of(envelope)
    assert isinstance(body, DailyStatement)
    mine, theirs = body.groups, None if answer is None else answer.groups
    return StatementRow(
        day=body.day,
        hub=envelope.origin.sender,
        region=envelope.origin.recipient,
        asked_at=local_text(at),
        count=sum(group.count for group in mine),
        fund=yuan(sum(group.fund_fen for group in mine)),
        own_count=None if theirs is None else sum(group.count for group in theirs),
        own_fund=None if theirs is None else yuan(sum(group.fund_fen for group in theirs)),
        level=None if theirs is None else _sorted(mine) == _sorted(theirs),
    )


def _sorted(groups: list[GroupTotals]) -> list[GroupTotals]:
    return sorted(groups, key=lambda one: (one.treatment, one.insured, one.insutype))
