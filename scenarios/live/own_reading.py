"""What bytes from an own node are: an answer, a request of its own, a watermark, or nothing.

A pure look at one document, with the requests that wait for an answer at hand. Whatever is wrong
becomes words in `problem`; nothing is raised and nothing is changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec

from yidi.broker.external.documents import (
    Answer,
    Document,
    Facts,
    is_bare,
    read_answer,
    read_document,
    read_facts,
    read_request,
)
from yidi.protocol.bodies import open_body
from yidi.protocol.envelope import Envelope, Stamp
from yidi.protocol.errors import ErrorCode, RemoteProtocolError
from yidi.protocol.instants import Instant
from yidi.protocol.national import to_national
from yidi.scenarios.judging.wire import KINDS, NO_MESSAGE

if TYPE_CHECKING:
    from yidi.scenarios.live.own_node import Waiting


class Arrived(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes as a carrier brings them."""

    data: bytes
    peer: str
    """Whom on our side they are for; `hub` where they do not say."""
    content_type: str = ""
    correlation: str = ""
    """Message id of the request, where the carrier knows it."""
    facts: Facts | None = None
    """Said by the carrier; None reads them from the document."""
    headers: dict[str, str] = {}
    problem: str = ""
    """What the carrier found wrong: the bytes are not looked at."""


class Reading(msgspec.Struct, kw_only=True):
    """What they are."""

    facts: Facts
    correlation: str = ""
    answer: Answer | None = None
    request: Envelope | None = None
    problem: str = ""

    @property
    def kind(self) -> str:
        """As the wire log has it."""
        if self.request is not None:
            return KINDS[0]
        return KINDS[self.answer.kind] if self.answer is not None else NO_MESSAGE


def read_arrived(
    arrived: Arrived, waiting: Mapping[str, Waiting], address: str, now: Instant
) -> Reading:
    """Look at bytes that came from the own node `address`."""
    reading = Reading(
        facts=arrived.facts or Facts(), correlation=arrived.correlation, problem=arrived.problem
    )
    if arrived.problem:
        return reading
    try:
        document = read_document(arrived.data, arrived.content_type)
        reading.facts = arrived.facts or read_facts(document)
        if is_bare(document):
            return reading
        if "infno" in document:
            reading.correlation = ""
            reading.request = _request(document, reading.facts, waiting, (address, now))
            return reading
        reading.correlation = reading.correlation or reading.facts.correlation_id
        reading.answer = _answer(document, waiting.get(reading.correlation), reading.correlation)
    except RemoteProtocolError as error:
        reading.problem = error.text()
    return reading


def _answer(document: Document, waiting: Waiting | None, correlation: str) -> Answer:
    if "infcode" not in document:
        raise RemoteProtocolError(ErrorCode.E_MISSING_FIELD, at="$.infcode")
    if waiting is None:
        raise RemoteProtocolError(ErrorCode.E_UNMATCHED, got=correlation or "no correlation")
    return read_answer(document, waiting.request)


def _request(
    document: Document, facts: Facts, waiting: Mapping[str, Waiting], who: tuple[str, Instant]
) -> Envelope:
    """A request of its own; from a hub, what it forwards is the message that it was given."""
    address, now = who
    passed = waiting.get(str(document.get("msgid") or ""))
    if passed is None or not address.startswith("hub:"):
        return read_request(document, facts, address, now)
    asked = passed.request
    said = read_request(document, facts, asked.origin.sender, now)
    # Compared as documents, which hold whole seconds: what is relayed is the message itself.
    if _content(said) != _content(asked):
        raise RemoteProtocolError(ErrorCode.E_KEY_REUSED, at="$.input", want="as it was given")
    day = facts.day or (asked.stamp.day if asked.stamp is not None else "")
    sequence = asked.stamp.sequence if asked.stamp is not None else 0
    return asked.relayed(asked.origin.recipient, Stamp(day, sequence, address))


def _content(envelope: Envelope) -> tuple[str, bytes]:
    return envelope.origin.transaction, to_national(open_body(envelope))
