"""What a treatment region remembers of its institutions beside visits and cases, and asks of it.

Files they sent or may fetch, clearing applications, confirmed allocations, settlement lists.
`entries` is the one place that says which settlements of an institution a span of accounting
days has; statements and applications are both counted with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

from yidi.nodes.agency import is_day, is_period
from yidi.nodes.base import Handler, Node
from yidi.nodes.lifecycle import REVERSED, Case
from yidi.protocol.codes import clr_type_of
from yidi.protocol.envelope import Envelope
from yidi.protocol.errors import RemoteProtocolError
from yidi.protocol.instants import Instant
from yidi.protocol.transactions import Kind


class StoredFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file of one institution."""

    institution: str
    filename: str
    content: bytes
    until: int
    """Instant after which it is gone."""


class Application(msgspec.Struct, kw_only=True):
    """A clearing application (3203)."""

    institution: str
    clr_type: str
    period: str
    digest: bytes
    """Of its content: the same again is the same application."""
    keys: list[str]
    withdrawn: bool = False


class Confirmation(msgspec.Struct, frozen=True, kw_only=True):
    """A confirmed allocation (3261)."""

    institution: str
    period: str
    put_off: list[str]
    """Keys it keeps out of the month's clearing."""


class DeskState(msgspec.Struct, kw_only=True):
    """The memory of the institutions' desk."""

    files: dict[str, StoredFile] = {}
    """By query number, oldest first."""
    applications: dict[str, Application] = {}
    confirmations: dict[str, Confirmation] = {}
    """By the reference its institution knows it by."""
    lists: dict[str, bytes] = {}
    """Case key → digest of its settlement list (4101A)."""


class Entry(NamedTuple):
    """A settlement, or its refund (sign -1)."""

    case: Case
    sign: int


def institution_of(envelope: Envelope) -> str:
    """The code of the institution that asks; empty for anybody else."""
    role, _, code = envelope.origin.sender.partition(":")
    return code if role == "institution" else ""


def is_span(begin: str, end: str) -> bool:
    """Whether two days are days, in order."""
    return is_day(begin) and is_day(end) and begin <= end


def is_month_span(period: str, begin: str, end: str) -> bool:
    """Whether two days are a span inside a month."""
    return is_period(period) and is_span(begin, end) and begin[:7] == period == end[:7]


def entries(
    cases: Mapping[str, Case], institution: str, begin: str, end: str, *, refunds: bool = True
) -> Iterator[Entry]:
    """The settlements of an institution in a span of accounting days.

    Args:
        cases: the region's.
        institution: whose.
        begin: first day.
        end: last day.
        refunds: whether what was taken back is an entry of its own, negative, on its day; else
            a settlement that was taken back has no entry at all.
    """
    for case in cases.values():
        if case.institution != institution or not case.digest:
            continue
        undone = case.state is REVERSED
        if begin <= case.day <= end and (refunds or not undone):
            yield Entry(case, 1)
        if refunds and undone and begin <= case.undone_day <= end:
            yield Entry(case, -1)


def is_of_kind(case: Case, clr_type: str) -> bool:
    """Whether a case belongs to a clearing category; an empty one takes all."""
    if not clr_type:
        return True
    try:
        return str(clr_type_of(case.med_type)) == clr_type
    except RemoteProtocolError:
        return False


def once(node: Node[Any], handler: Handler) -> Handler:
    """A handler that gives a message id the answer it got before.

    For requests that end here. Refusals are not kept: what was wrong may be right by then.
    """

    def handle(envelope: Envelope, body: Any, now: Instant) -> list[Envelope]:
        again = node.first_answer(envelope, now)
        if again is not None:
            return again
        outputs = handler(envelope, body, now)
        for answer in outputs:
            if answer.origin.kind == Kind.RESULT:
                node.remember(envelope.origin.message_id, envelope.body, Kind.RESULT, answer.body)
        return outputs

    return handle
