"""What passed between the network and one node under test: requests, and what came back.

A `Message` is one document as the node saw it or sent it, by national field names. Messages come
in the order in which they passed; `exchanges` puts each request beside its answers. A request
that was sent twice makes two exchanges, because each sending is owed an answer. Rules look here
and nowhere else: what a node says of itself elsewhere proves nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from yidi.protocol.bodies import body_type
from yidi.protocol.envelope import Envelope
from yidi.protocol.errors import DecodeError
from yidi.protocol.extras import extras_of
from yidi.protocol.instants import Instant, local_text
from yidi.protocol.national import to_twin, twin_of
from yidi.protocol.transactions import CATALOGUE, Kind, title
from yidi.scenarios.judging.chain_find import body_of

REQUEST, RESULT, REJECTION, NOTHING = "request", "result", "rejection", "none"
_KINDS = {Kind.REQUEST: REQUEST, Kind.RESULT: RESULT, Kind.REJECTION: REJECTION}

Fields = dict[str, Any]


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One message to or from the node under test."""

    at: int
    """Instant by the run's clock."""
    to_node: bool
    transaction: str
    kind: str
    """`request`, `result`, `rejection`; `none` for what is no message: a time-out, rubbish."""
    message_id: str = ""
    correlation: str = ""
    """Message id of the request that an answer belongs to."""
    key: str = ""
    """Case key."""
    fields: Fields = {}
    """The body, flat, by national names; amounts as they were written."""
    code: str = ""
    """Of a rejection."""
    problem: str = ""
    """Of `none`: what was wrong."""

    def line(self, language: str) -> str:
        """One line of a message chain."""
        way = "→" if self.to_node else "←"
        said = _SAID[language].get(self.kind, self.kind)
        word = title(self.transaction, language) if self.transaction in CATALOGUE else ""
        name = self.correlation or self.message_id
        facts = " ".join(filter(None, (self.code, self.problem, name)))
        return f"{local_text(Instant(self.at))} {way} {word} {said} {facts}".rstrip()


_SAID = {
    "zh": {REQUEST: "请求", RESULT: "应答", REJECTION: "拒绝", NOTHING: "没有可用的应答"},
    "en": {REQUEST: "request", RESULT: "answer", REJECTION: "refusal", NOTHING: "no answer"},
}


class Exchange(msgspec.Struct, kw_only=True):
    """One sending of a request to the node, and what it said to it."""

    request: Message
    answer: Message | None = None

    @property
    def accepted(self) -> bool:
        """Whether the node did what it was asked."""
        return self.answer is not None and self.answer.kind == RESULT

    @property
    def refused(self) -> bool:
        """Whether the node refused."""
        return self.answer is not None and self.answer.kind == REJECTION

    @property
    def result(self) -> Fields:
        """The fields of the answer; none where there is no result."""
        return self.answer.fields if self.answer is not None and self.accepted else {}

    def messages(self) -> list[Message]:
        """The request, and the answer where there is one."""
        return [self.request, *([self.answer] if self.answer is not None else [])]


class Conversation:
    """Everything that passed between the network and one node, in order."""

    def __init__(self, messages: Iterable[Message] = ()) -> None:
        self.messages = list(messages)

    def note(self, message: Message) -> None:
        """Add a message that has just passed."""
        self.messages.append(message)

    def exchanges(self) -> list[Exchange]:
        """Every sending of a request to the node with its answer, in the order of sending.

        An answer belongs to the earliest sending of its request that has none yet: a node that
        answers each in turn is taken at its word, and one that answers once has one sending
        unanswered.
        """
        found: list[Exchange] = []
        waiting: dict[str, list[Exchange]] = {}
        for message in self.messages:
            if message.to_node and message.kind == REQUEST:
                exchange = Exchange(request=message)
                found.append(exchange)
                waiting.setdefault(message.message_id, []).append(exchange)
            elif not message.to_node and waiting.get(message.correlation):
                waiting[message.correlation].pop(0).answer = message
        return found

    def asked(self) -> list[Exchange]:
        """Every request that the node sent itself, with the network's answer."""
        found: list[Exchange] = []
        waiting: dict[str, list[Exchange]] = {}
        for message in self.messages:
            if not message.to_node and message.kind == REQUEST:
                exchange = Exchange(request=message)
                found.append(exchange)
                waiting.setdefault(message.message_id, []).append(exchange)
            elif message.to_node and waiting.get(message.correlation):
                waiting[message.correlation].pop(0).answer = message
        return found

    def chain(self, *exchanges: Exchange) -> list[Message]:
        """The messages of the cases that some exchanges are about; else the exchanges alone."""
        keys = {exchange.request.key for exchange in exchanges} - {""}
        own = {id(message) for exchange in exchanges for message in exchange.messages()}
        return [one for one in self.messages if one.key in keys or id(one) in own]


def message_of(envelope: Envelope, now: Instant, *, to_node: bool) -> Message:
    """A native message as the node under test would see it in JSON."""
    origin = envelope.origin
    body = body_of(envelope)
    fields = _twin_fields(body) if body is not None else _scalars(envelope)
    if origin.kind == Kind.REQUEST:
        fields |= extras_of(envelope.body, origin.transaction)
    fields = {name: value for name, value in fields.items() if value is not None}
    return Message(
        at=now,
        to_node=to_node,
        transaction=origin.transaction,
        kind=_KINDS[Kind(origin.kind)],
        message_id=origin.message_id,
        correlation=origin.correlation_id,
        key=origin.case_key,
        fields=fields,
        code=str(fields.get("code", "")) if origin.kind == Kind.REJECTION else "",
    )


def _twin_fields(body: msgspec.Struct) -> Fields:
    fields: Fields = msgspec.to_builtins(to_twin(body))
    return fields


def _scalars(envelope: Envelope) -> Fields:
    """What can be read of a body that is not as it should be: its scalars, one by one."""
    origin = envelope.origin
    try:
        values = msgspec.msgpack.decode(envelope.body, type=list[Any])
        fields = twin_of(body_type(origin.transaction, origin.kind)).fields
    except (msgspec.MsgspecError, DecodeError, ValueError, RecursionError):
        return {}
    return {
        field.national: value
        for field, value in zip(fields, values, strict=False)
        if field.form is not None and not field.many
    }


def unknown_fields(message: Message) -> list[str]:
    """Fields of a request that its transaction does not define."""
    known = _names(message)
    return [name for name in message.fields if known and name not in known]


def missing_fields(message: Message) -> list[str]:
    """Fields that the request's transaction defines as required and that are not there."""
    try:
        fields = msgspec.structs.fields(twin_of(body_type(message.transaction, Kind.REQUEST)).type)
    except DecodeError:
        return []
    return [
        field.encode_name
        for field in fields
        if field.required and field.encode_name not in message.fields
    ]


def _names(message: Message) -> set[str]:
    try:
        return {f.national for f in twin_of(body_type(message.transaction, Kind.REQUEST)).fields}
    except DecodeError:
        return set()
