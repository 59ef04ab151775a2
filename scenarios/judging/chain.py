"""The messages of one case, out of a run's journal.

A journal holds what arrived at nodes. That is the conversation but for two kinds of message:
what a node said to somebody outside (an institution, a person, an operator), and what was sent
and never came. Both are outputs, and outputs are folds of inputs: `chain_fold` replays the
regions of the case for them. Each message on each leg is one `Hop`; a deadline that fired for
the case is one, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path

import msgspec

from yidi.protocol.envelope import Envelope, Origin, unframe
from yidi.protocol.errors import DecodeError
from yidi.protocol.instants import DAY, Instant
from yidi.protocol.journal import RecordKind
from yidi.protocol.transactions import Kind
from yidi.scenarios.judging.chain_find import JOURNAL, body_of, find_case, read_visits
from yidi.scenarios.judging.chain_fold import fold_nodes
from yidi.scenarios.judging.chain_match import (
    OF_A_VISIT,
    OF_THE_COUNTER,
    Matcher,
    Selection,
)
from yidi.scenarios.judging.journal_file import open_journal
from yidi.scenarios.judging.rows import CaseRow


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
    fold = fold_nodes(bundle, reader.opening, matcher.addresses())
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
        body=body_of(envelope),
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
        body=body_of(envelope),
        day=stamp.day if stamp is not None else "",
        sequence=stamp.sequence if stamp is not None else 0,
        outside=True,
    )


def _deadline(lsn: int, now: Instant, address: str, said: list[Envelope]) -> Hop:
    requests = [one.origin for one in said if one.origin.kind == Kind.REQUEST]
    causes = tuple(dict.fromkeys(origin.transaction for origin in requests))
    return Hop(lsn=lsn, at=now, sent_at=now, sender=address, recipient=address, causes=causes)


# --- What the sequence of hops says of each -----------------------------------------------------


def _finished(found: list[Hop], nodes: frozenset[str]) -> tuple[Hop, ...]:
    """The hops of a case with what was lost, and each marked by what came before it."""
    hops = _without_other_visits(_with_losses(found, nodes))
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
    legs = _legs(found, nodes)
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
            if legs[_leg(hop)].is_lost(hop.sent_at):
                hops.append(msgspec.structs.replace(hop, outside=False, mark=Mark.LOST))
        else:
            hops.append(hop)
            relayed = _relayed(hop)
            if relayed is None or origin.message_id in refused:
                continue
            if legs[_leg(relayed)].is_lost(relayed.sent_at):
                day = days.get(origin.correlation_id, "")
                hops.append(msgspec.structs.replace(relayed, mark=Mark.LOST, day=day))
    return hops


class _Leg:
    """The sendings of one message to one recipient, and those that arrived."""

    def __init__(self) -> None:
        self.sent: list[Instant] = []
        self.arrived: list[Instant] = []

    def is_lost(self, sent: Instant) -> bool:
        """Whether nothing arrived that was sent then, and before the message was sent again.

        In virtual time a message leaves at the instant of its cause, live a little later.
        """
        again = min((at for at in self.sent if at > sent), default=None)
        return not any(sent <= at and (again is None or at < again) for at in self.arrived)


def _legs(found: list[Hop], nodes: frozenset[str]) -> dict[tuple[str, str], _Leg]:
    legs: dict[tuple[str, str], _Leg] = {}
    for hop in found:
        if hop.origin is None:
            continue
        leg = legs.setdefault(_leg(hop), _Leg())
        if not hop.outside:
            leg.arrived.append(hop.sent_at)
            relayed = _relayed(hop)
            if relayed is not None:
                legs.setdefault(_leg(relayed), _Leg()).sent.append(relayed.sent_at)
        elif hop.recipient in nodes:
            leg.sent.append(hop.sent_at)
    return legs


def _relayed(hop: Hop) -> Hop | None:
    """What a hub makes of a message for somebody else; None where it is for itself."""
    origin = hop.origin
    assert origin is not None
    if not hop.recipient.startswith("hub:") or origin.recipient == hop.recipient:
        return None
    return msgspec.structs.replace(
        hop, sender=hop.recipient, recipient=origin.recipient, at=hop.at, sent_at=hop.at
    )


def _leg(hop: Hop) -> tuple[str, str]:
    assert hop.origin is not None
    return hop.origin.message_id, hop.recipient


def _without_other_visits(hops: list[Hop]) -> list[Hop]:
    """Questions about the person at this counter, but not those of earlier and later visits."""
    of_visit = [hop for hop in hops if hop.transaction in OF_A_VISIT]
    if not of_visit:
        return hops
    traces = {hop.origin.trace_id for hop in of_visit if hop.origin is not None}
    begin = min(hop.at for hop in of_visit) - DAY
    end = max(hop.at for hop in of_visit)
    return [
        hop
        for hop in hops
        if hop.origin is None
        or hop.transaction not in OF_THE_COUNTER
        or hop.origin.trace_id in traces
        or begin <= hop.at <= end
    ]
