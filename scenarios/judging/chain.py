"""The messages of one case, out of a run's journal.

A journal holds what arrived at nodes. That is the conversation but for two kinds of message:
what a node said to somebody outside (an institution, a person, an operator), and what was sent
and never came. Both are outputs, and outputs are folds of inputs: `chain_fold` replays the
regions of the case for them. Each message on each leg is one `Hop`; a deadline that fired for
the case is one, too. What the bundle says of cases (`cases.jsonl`) finds a case by any of the
names that people know it by.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

import msgspec

from yidi.protocol.bodies import open_body
from yidi.protocol.envelope import Envelope, Origin, unframe
from yidi.protocol.errors import DecodeError, ErrorCode, ScenarioError, StoredDataError
from yidi.protocol.instants import DAY, Instant
from yidi.protocol.journal import RecordKind
from yidi.protocol.transactions import Kind
from yidi.scenarios.judging.chain_fold import fold_nodes
from yidi.scenarios.judging.chain_match import (
    OF_A_VISIT,
    OF_THE_COUNTER,
    Matcher,
    Selection,
)
from yidi.scenarios.judging.journal_file import open_journal
from yidi.scenarios.judging.rows import CaseRow

JOURNAL, CASES, MANUAL = "journal.bin", "cases.jsonl", "manual.jsonl"


_Row = TypeVar("_Row", bound=msgspec.Struct)


class Mark(StrEnum):
    """What is particular about one sending of a message."""

    FIRST = ""
    RESEND = "resend"
    """The sender had no answer in time and sent the same message again."""
    DUPLICATE = "duplicate"
    """The same sending arrived twice."""
    REPEATED = "repeated"
    """The first answer's body once more, for a request that came again."""
    LOST = "lost"
    """It was sent and never arrived."""


class Hop(msgspec.Struct, frozen=True, kw_only=True):
    """One message on one leg, or a deadline that fired (then `origin` is None)."""

    lsn: int
    """The journal's record of its arrival; of its cause, where the arrival is not journalled."""
    at: Instant
    """When it arrived, by the recipient's clock; when it was sent, if that is all we know."""
    sent_at: Instant
    sender: str
    recipient: str
    origin: Origin | None = None
    body: msgspec.Struct | None = None
    day: str = ""
    """The accounting day that the hub stamped; empty before the hub."""
    sequence: int = 0
    """The hub's number of the exchange."""
    mark: Mark = Mark.FIRST
    outside: bool = False
    """It left the nodes: the answer at a counter, found by folding."""
    request: int = -1
    """Index of the request's last sending on this leg that this answers; -1 for none."""
    causes: tuple[str, ...] = ()
    """Of a deadline: transactions that it made the node send."""

    @property
    def transaction(self) -> str:
        """The transaction's number; empty for a deadline."""
        return self.origin.transaction if self.origin is not None else ""

    @property
    def kind(self) -> int:
        """Request, result or rejection; -1 for a deadline."""
        return self.origin.kind if self.origin is not None else -1


class Chain(msgspec.Struct, frozen=True, kw_only=True):
    """One case from its filing to its clearing, in the order in which things happened."""

    selection: Selection
    hops: tuple[Hop, ...]
    rows: tuple[CaseRow, ...]
    """How the case stands in each node's books, the newest key last."""
    folded: bool
    """Whether what left the nodes could be found; False where the run cannot be replayed."""


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
    rows = list(read_visits(bundle))
    for field in ("case_id", "key", "visit", "psn_no"):
        found = [row for row in rows if getattr(row, field) == name]
        if found:
            visit = (found[-1].institution, found[-1].visit)
            whole = [row for row in rows if (row.institution, row.visit) == visit]
            return selection_of(whole if visit[1] else found, name)
    key, trace = _key_in_journal(bundle, name)
    if not trace:
        raise ScenarioError(ErrorCode.E_CASE_UNKNOWN, at=_nearest(name, rows), got=name)
    found = [row for row in rows if row.key == key]
    return selection_of(found, name) if found else Selection(name=name, keys=(), traces=(trace,))


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


def _nearest(name: str, rows: Iterable[CaseRow]) -> str:
    known = dict.fromkeys(
        text for row in rows for text in (row.case_id, row.key, row.visit) if text
    )
    near = get_close_matches(name, known, n=1, cutoff=0.5)
    return f"CASE, did you mean {near[0]}?" if near else "CASE"


def _key_in_journal(bundle: Path, name: str) -> tuple[str, str]:
    """Case key and trace of the first message that carries a name; two empty texts if none."""
    needle = name.encode()
    if len(needle) < 8:  # shorter is no id of ours, and would be found anywhere
        return "", ""
    for record in open_journal(bundle / JOURNAL, strict=False).records():
        if record.kind is RecordKind.ENVELOPE and needle in record.payload:
            origin = unframe(record.payload).origin
            named = (origin.message_id, origin.correlation_id, origin.case_key, origin.trace_id)
            if name in named or name in _texts_of(record.payload):
                return origin.case_key, origin.trace_id
    return "", ""


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


# --- Reading the journal ------------------------------------------------------------------------


def read_chain(bundle: Path, name: str) -> Chain:
    """The messages of one case.

    Raises:
        ScenarioError: `E_CASE_UNKNOWN`.
        StoredDataError: the bundle cannot be read.
    """
    return read_chains(bundle, [find_case(bundle, name)])[0]


def read_chains(bundle: Path, selections: Sequence[Selection]) -> list[Chain]:
    """The messages of several cases, in two passes over the journal for all of them.

    Raises:
        StoredDataError: the bundle cannot be read.
    """
    matcher = Matcher(selections)
    for record in open_journal(bundle / JOURNAL, strict=False).records():
        if record.kind is RecordKind.ENVELOPE:
            matcher.learn(_unframed(record.payload))
    collected: list[list[tuple[tuple[int, int], Hop]]] = [[] for _ in selections]
    reader = open_journal(bundle / JOURNAL, strict=False)
    fold = fold_nodes(bundle, matcher.addresses())
    for record in reader.records():
        if record.kind not in (RecordKind.ENVELOPE, RecordKind.DEADLINE):
            continue
        address = reader.opening.nodes[record.node]
        envelope = _unframed(record.payload) if record.kind is RecordKind.ENVELOPE else None
        if envelope is not None:
            for index in matcher.of(envelope):
                collected[index].append(
                    ((record.lsn, 0), _arrival(record.lsn, record.now, envelope))
                )
        outputs = fold.step(address, envelope, record.now)
        if outputs:
            said = [(one, matcher.of(one)) for one in outputs]
            for index in sorted({index for _, found in said for index in found}):
                mine = [one for one, found in said if index in found]
                hops = [_sending(record.lsn, record.now, address, one) for one in mine]
                if envelope is None:
                    hops.insert(0, _deadline(record.lsn, record.now, address, mine))
                collected[index] += [((record.lsn, 1 + n), hop) for n, hop in enumerate(hops)]
    rows: dict[int, list[CaseRow]] = {index: [] for index in range(len(selections))}
    owners = {key: index for index, one in enumerate(selections) for key in one.keys}
    visits = {(one.institution, one.visit): index for index, one in enumerate(selections)}
    for row in read_visits(bundle):
        owner = owners.get(row.key) if row.key else visits.get((row.institution, row.visit))
        if owner is not None:
            rows[owner].append(row)
    nodes = frozenset(reader.opening.nodes)
    return [
        Chain(
            selection=matcher.selections[index],
            hops=_finished([hop for _, hop in sorted(found, key=lambda one: one[0])], nodes),
            rows=tuple(rows[index]),
            folded=fold.works,
        )
        for index, found in enumerate(collected)
    ]


def _unframed(raw: bytes) -> Envelope | None:
    try:
        return unframe(raw)
    except DecodeError:
        return None


def _arrival(lsn: int, now: Instant, envelope: Envelope) -> Hop:
    link, stamp = envelope.link, envelope.stamp
    assert link is not None
    return Hop(
        lsn=lsn,
        at=now,
        sent_at=Instant(link.sent_at),
        sender=link.sender,
        recipient=link.recipient,
        origin=envelope.origin,
        body=_body(envelope),
        day=stamp.day if stamp is not None else "",
        sequence=stamp.sequence if stamp is not None else 0,
    )


def _sending(lsn: int, now: Instant, address: str, envelope: Envelope) -> Hop:
    stamp = envelope.stamp
    return Hop(
        lsn=lsn,
        at=now,
        sent_at=now,
        sender=address,
        recipient=envelope.hop,
        origin=envelope.origin,
        body=_body(envelope),
        day=stamp.day if stamp is not None else "",
        sequence=stamp.sequence if stamp is not None else 0,
        outside=True,
    )


def _deadline(lsn: int, now: Instant, address: str, said: list[Envelope]) -> Hop:
    requests = [one.origin for one in said if one.origin.kind == Kind.REQUEST]
    causes = tuple(dict.fromkeys(origin.transaction for origin in requests))
    return Hop(lsn=lsn, at=now, sent_at=now, sender=address, recipient=address, causes=causes)


def _body(envelope: Envelope) -> msgspec.Struct | None:
    try:
        return open_body(envelope)
    except DecodeError:
        return None


# --- What the sequence of hops says of each -----------------------------------------------------


def _finished(found: list[Hop], nodes: frozenset[str]) -> tuple[Hop, ...]:
    """The hops of a case with what was lost, and each marked by what came before it."""
    hops = _without_older_visits(_with_losses(found, nodes))
    marked: list[Hop] = []
    seen: dict[tuple[str, str, str], list[Instant]] = {}
    answered: dict[tuple[str, str, str], str] = {}
    asked: dict[tuple[str, str, str], int] = {}
    for number, hop in enumerate(hops):
        origin = hop.origin
        if origin is None:
            marked.append(hop)
            continue
        leg = (origin.message_id, hop.sender, hop.recipient)
        mark = hop.mark
        if mark is Mark.FIRST and leg in seen:
            mark = Mark.DUPLICATE if hop.sent_at in seen[leg] else Mark.RESEND
        if origin.correlation_id:
            back = (origin.correlation_id, hop.sender, hop.recipient)
            if mark is Mark.FIRST and answered.get(back, origin.message_id) != origin.message_id:
                mark = Mark.REPEATED
            answered.setdefault(back, origin.message_id)
            request = asked.get((origin.correlation_id, hop.recipient, hop.sender), -1)
        else:
            asked[leg] = number
            request = -1
        seen.setdefault(leg, []).append(hop.sent_at)
        marked.append(msgspec.structs.replace(hop, mark=mark, request=request))
    return tuple(marked)


def _with_losses(found: list[Hop], nodes: frozenset[str]) -> list[Hop]:
    """What arrived or left the nodes, and what was sent to a node and did not come.

    A hub is not folded: what it got for somebody else and did not refuse, it relayed at once.
    """
    arrived = {_sending_of(hop) for hop in found if hop.origin is not None and not hop.outside}
    refused = {
        hop.origin.correlation_id
        for hop in found
        if hop.origin is not None and hop.origin.sender.startswith("hub:")
    }
    days = {hop.origin.message_id: hop.day for hop in found if hop.origin is not None and hop.day}
    hops: list[Hop] = []
    for hop in found:
        origin = hop.origin
        if origin is None or (hop.outside and hop.recipient not in nodes):
            hops.append(hop)
        elif hop.outside:
            if _sending_of(hop) not in arrived:
                hops.append(msgspec.structs.replace(hop, outside=False, mark=Mark.LOST))
        else:
            hops.append(hop)
            relayed = msgspec.structs.replace(
                hop, sender=hop.recipient, recipient=origin.recipient, at=hop.at, sent_at=hop.at
            )
            is_relay = hop.recipient.startswith("hub:") and origin.recipient != hop.recipient
            is_expected = is_relay and origin.message_id not in refused
            if is_expected and _sending_of(relayed) not in arrived:
                day = days.get(origin.correlation_id, "")
                hops.append(msgspec.structs.replace(relayed, mark=Mark.LOST, day=day))
    return hops


def _sending_of(hop: Hop) -> tuple[str, str, Instant]:
    assert hop.origin is not None
    return hop.origin.message_id, hop.recipient, hop.sent_at


def _without_older_visits(hops: list[Hop]) -> list[Hop]:
    """Questions about the person at this counter, but not those of visits long before."""
    of_visit = [hop.at for hop in hops if hop.transaction in OF_A_VISIT]
    if not of_visit:
        return hops
    begin = min(of_visit) - DAY
    return [hop for hop in hops if hop.transaction not in OF_THE_COUNTER or hop.at >= begin]
