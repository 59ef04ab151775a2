"""One call: document in, document out, with the network asked in between.

Stateless: whether a message id was seen before is known by the treatment region, and everything
that an answer's envelope says is made of the request, so that a repeat through another gateway
gets the same. An outcome that nobody knows in time has no envelope at all: HTTP 504 with an empty
body, because clients read infcode -1 as a definite failure. Source: interface (a), (g).
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Protocol

import msgspec

from yidi.broker.gateway.asked import Asked, Nodes, Place
from yidi.broker.gateway.envelope import (
    Answer,
    Opened,
    check_envelope,
    open_call,
    problem_text,
    reference,
    stamp_17,
)
from yidi.broker.gateway.local import LocalDesk
from yidi.broker.gateway.outputs import output_of
from yidi.broker.gateway.reading import Read, national_place, read_input
from yidi.broker.gateway.signing import Mode, Signatures, Signer
from yidi.protocol import messages as m
from yidi.protocol import transactions as t
from yidi.protocol.bodies import open_body
from yidi.protocol.codec import encode
from yidi.protocol.envelope import Envelope, Origin, seal
from yidi.protocol.error_codes import is_definite
from yidi.protocol.errors import ErrorCode, ProtocolError, RemoteProtocolError, TransportError
from yidi.protocol.instants import Instant, day_of
from yidi.protocol.messages_institution import FileContent
from yidi.protocol.transactions import Kind

WARN_MSG_MAX = 2_000
UNSIGNED = Signatures()
_encode = msgspec.json.Encoder().encode


class Network(Protocol):
    """What the gateway speaks to: the desk of a live host."""

    def now(self) -> Instant:
        """The network's clock."""
        ...

    async def ask(self, envelope: Envelope) -> Envelope:
        """Send a request and wait for its answer.

        Raises:
            TransportError: nothing came in time; the outcome is unknown.
            LocalProtocolError: there is no such party, or no room; nothing was sent.
            RemoteProtocolError: `E_KEY_REUSED` while the first of that id is under way.
        """
        ...


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """What goes back to a client."""

    body: bytes
    filename: str = ""
    """Set where the body is a file (9102) and no envelope."""


class Forbidden(Exception):
    """The client does not speak for the institution it names."""


class Doubt(Exception):
    """The outcome is unknown."""


class Refused(Exception):
    """The network refused; nothing took effect."""

    def __init__(self, error: RemoteProtocolError) -> None:
        self.error = error
        super().__init__(error.text())


class Calls:
    """Answers calls.

    Args:
        network: what is asked.
        places: the institutions, for 1201.
        secret: key of the sign-in numbers; the same in every gateway that shares clients.
        strict: refuse unknown fields instead of naming them.
        signatures: whether and how signatures are looked at.
    """

    def __init__(
        self,
        network: Network,
        places: Mapping[str, Place],
        secret: bytes,
        *,
        strict: bool = False,
        signatures: Signatures = UNSIGNED,
    ) -> None:
        self.network = network
        self.local = LocalDesk(places, secret)
        self.strict = strict
        self.signatures = signatures

    async def answer(self, data: bytes, expected: str, client: Caller) -> Sent:
        """Answer a call.

        Args:
            data: the request's body.
            expected: the transaction that the path names, or empty.
            client: who calls: whom it may speak for, and what it signs with.

        Raises:
            DecodeError: no JSON object: HTTP 400.
            Forbidden: another institution's name: HTTP 403.
            Doubt: the outcome is unknown: HTTP 504, empty.
        """
        received = self.network.now()
        opened = open_call(data, expected)
        texts = opened.texts
        institution = texts.get("fixmedins_code", "")
        if institution and not client.may_speak_for(institution):
            raise Forbidden
        reply = Answer(
            infcode=0,
            inf_refmsgid=reference(texts, sha256(opened.input).digest()),
            refmsg_time=stamp_17(received),
            respond_time="",
            warn_msg="; ".join(f"E_UNKNOWN_FIELD at={at}" for at in opened.unknown)[:WARN_MSG_MAX],
        )
        unsigned = self.signatures.problem(data, client)
        try:
            if unsigned is not None and self.signatures.mode is Mode.ENFORCE:
                raise unsigned
            output = await self._output(opened, expected, reply)
            if isinstance(output, FileContent):
                return Sent(body=output.content, filename=output.filename)
            reply.output = output
        except RemoteProtocolError as error:
            reply.infcode, reply.err_msg = -1, problem_text(error)
        except Refused as refusal:
            reply.infcode, reply.err_msg = -1, problem_text(refusal.error)
        except ProtocolError as error:
            shown = RemoteProtocolError(error.code, at=error.at, want=error.want, got=error.got)
            reply.infcode, reply.err_msg = -1, problem_text(shown)
        if unsigned is not None and self.signatures.mode is Mode.WARN:
            reply.warn_msg = "; ".join(filter(None, (problem_text(unsigned), reply.warn_msg)))
        reply.respond_time = stamp_17(self.network.now())
        return Sent(body=_encode(reply))

    async def _output(self, opened: Opened, expected: str, reply: Answer) -> Nodes | FileContent:
        call = check_envelope(opened, expected)
        if self.strict and opened.unknown:
            raise RemoteProtocolError(ErrorCode.E_UNKNOWN_FIELD, at=opened.unknown[0])
        read = read_input(opened, call)
        asked = Asked(
            read=read,
            envelope=opened.texts,
            today=day_of(self.network.now()),
            place=self.local.places.get(opened.texts["fixmedins_code"]),
        )
        if read.body is None:
            return self.local.output_of(asked)
        if read.upload is not None:
            await self._upload(opened, read)
        body = await self._ask(opened, read, read.body)
        if isinstance(body, m.SettlementResult) and body.differs:
            reply.warn_msg = "; ".join(filter(None, (reply.warn_msg, body.differs)))
        if isinstance(body, FileContent):
            return body
        return output_of(asked, body)

    async def _upload(self, opened: Opened, read: Read) -> None:
        """A pharmacy's fee lines, under their own id; lines settled before are no obstacle."""
        assert read.upload is not None
        identity = "F" + opened.texts["msgid"][1:]
        try:
            await self._ask(opened, read, read.upload, t.OUTPATIENT_FEES, identity)
        except Refused as refusal:
            if refusal.error.code is not ErrorCode.E_ALREADY_SETTLED:
                raise

    async def _ask(
        self,
        opened: Opened,
        read: Read,
        body: msgspec.Struct,
        transaction: str = "",
        message_id: str = "",
    ) -> msgspec.Struct:
        """Ask the network; what it refuses for certain is `Refused`, what is open `Doubt`."""
        texts = opened.texts
        transaction = transaction or read.call.infno
        treatment, insured = texts["mdtrtarea_admvs"], texts.get("insuplc_admdvs", "")
        home = transaction == t.REFERRAL_FILING
        recipient = f"insured:{insured}" if home else f"treatment:{treatment}"
        message_id = message_id or texts["msgid"]
        origin = Origin(
            transaction, Kind.REQUEST, message_id, "", f"institution:{texts['fixmedins_code']}",
            recipient, "", treatment, insured, 0, self.network.now(), 0, message_id,
        )  # fmt: skip
        try:
            envelope = await self.network.ask(seal(recipient, origin, encode(body)))
        except TransportError as error:
            raise Doubt from error
        answer = open_body(envelope)
        if isinstance(answer, m.Rejection):
            raise _refusal(answer, read)
        return answer


class Caller(Signer, Protocol):
    """A client: whom it may speak for, and what it signs with."""

    def may_speak_for(self, institution: str) -> bool:
        """Whether the client may send in the name of an institution."""
        ...


def _refusal(answer: m.Rejection, read: Read) -> Exception:
    if not is_definite(answer.code):
        return Doubt()
    at = national_place(read.call, answer.at)
    return Refused(RemoteProtocolError(ErrorCode(answer.code), at=at, got=answer.facts))
