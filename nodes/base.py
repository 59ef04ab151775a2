"""What every node is: a sans-IO state machine with an address, an outbox and a ledger.

`handle` applies one message and returns what to send; `next_deadline` and `handle_deadline`
are its timers. A node reads no clock, socket, file or random source: the same inputs give the
same outputs, which is what lets a journal of inputs stand for the node. Its whole memory is
one tree of plain structs (`snapshot`, `restore`).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import update_wrapper
from hashlib import sha256
from types import FunctionType
from typing import Any, ClassVar, Generic, TypeVar

import msgspec

from yidi.nodes.control_state import ControlState
from yidi.nodes.ledger import Ledger, LedgerState
from yidi.nodes.outbox import FOREVER, NOTHING, About, Outbox, Pending, Wait
from yidi.protocol.bodies import open_body
from yidi.protocol.checks import EDGE_ROLES, check_request
from yidi.protocol.codec import encode
from yidi.protocol.envelope import Envelope, Origin
from yidi.protocol.errors import ErrorCode, RemoteProtocolError
from yidi.protocol.identifiers import DIGIT_SERIALS, letter_serial, sender_prefix
from yidi.protocol.instants import SECOND, Instant, local_stamp
from yidi.protocol.messages import Rejection
from yidi.protocol.transactions import Kind

ANSWERS_MAX = 10_000
"""Saved answers of repeatables per generation: minutes of traffic at a region's rates."""

GIST_MAX = 256
"""A longer request is remembered by its digest."""


class SavedAnswer(msgspec.Struct, array_like=True, gc=False):
    """The answer first given to a message id, and what it answered."""

    request: bytes
    kind: int
    """-1 while the answer is still under way."""
    body: bytes


class NodeState(msgspec.Struct, kw_only=True):
    """The part of the memory that every role has."""

    now: int = 0
    """Instant of the last input; never goes back."""
    minted_second: int = 0
    minted_serial: int = 0
    sequence: int = 0
    """Counts what this node numbers itself: case keys, filings, settlements."""
    outbox: dict[str, Pending] = {}
    answers: dict[str, SavedAnswer] = {}
    """By message id: answers to repeatables of the younger generation."""
    answers_before: dict[str, SavedAnswer] = {}
    """The older generation; it goes when the younger one is full."""
    ledger: LedgerState = msgspec.field(default_factory=LedgerState)
    counters: dict[str, int] = {}
    """How often each error code was counted without an answer (E_UNMATCHED and the like)."""
    control: ControlState | None = None
    """What a tester has ordered (`control`); None where nobody ever did."""


def _gist(request: bytes) -> bytes:
    """What tells a request from another: itself, or the digest of a long one."""
    return request if len(request) <= GIST_MAX else sha256(request).digest()


S = TypeVar("S", bound=NodeState)
Handler = Callable[[Envelope, Any, Instant], list[Envelope]]


class Node(Generic[S]):
    """Base of the four roles; subclasses fill `requests`, `results` and `expired`.

    Args:
        address: `role:code`.
        state: fresh or restored memory.
    """

    state_type: ClassVar[type[NodeState]]
    role: ClassVar[str]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Give each role its own copy of what all share.

        The interpreter specialises a function for the one class that it meets; shared by three
        roles in turn, every attribute of the shared methods would be looked up anew.
        """
        super().__init_subclass__(**kwargs)
        for name, method in vars(Node).items():
            if isinstance(method, FunctionType) and name not in vars(cls):
                own = FunctionType(
                    method.__code__.replace(), method.__globals__, name, method.__defaults__,
                    method.__closure__,
                )  # fmt: skip
                own.__kwdefaults__ = method.__kwdefaults__
                setattr(cls, name, update_wrapper(own, method))

    def __init__(self, address: str, state: S) -> None:
        self.address = address
        self.code = address.partition(":")[2]
        self.state = state
        self.outbox = Outbox(state.outbox)
        self.ledger = Ledger(state.ledger)
        self._prefix = sender_prefix(self.role[0] + self.code)
        self._second_text = ""
        self._second_end = 0
        self.requests: dict[str, Handler] = {}
        self.results: dict[str, Callable[[Envelope, Pending, Instant], list[Envelope]]] = {}
        self.expired: dict[str, Callable[[Pending, Instant], list[Envelope]]] = {}

    # ------------------------------------------------------------- the three calls of a host

    def handle(self, envelope: Envelope, now: Instant) -> list[Envelope]:
        """Apply one message and return what to send.

        Raises:
            RemoteProtocolError: the message is nonsense; no state has changed.
        """
        origin, state = envelope.origin, self.state
        if origin.recipient != self.address:
            raise RemoteProtocolError(ErrorCode.E_NOT_MINE, got=origin.recipient)
        assert now >= state.now, "time never goes back (INV-38)"
        state.now = now
        if origin.kind:
            pending = self.outbox.pending.get(origin.correlation_id)
            if pending is None or pending.origin.transaction != origin.transaction:
                return self.count(ErrorCode.E_UNMATCHED)
            return self.results[origin.transaction](envelope, pending, now)
        handler = self.requests.get(origin.transaction)
        if handler is None:
            return self.refuse(envelope, ErrorCode.E_INFNO_UNKNOWN, now)
        try:
            body = open_body(envelope)
            if origin.sender.startswith(EDGE_ROLES):
                check_request(origin, body, now)
        except RemoteProtocolError as error:
            facts = error.got or (f"limit={error.limit}" if error.limit is not None else "")
            return self.refuse(envelope, error.code, now, at=error.at, facts=facts)
        return handler(envelope, body, now)

    def next_deadline(self) -> Instant | None:
        """When this node next wants to be woken."""
        return self.outbox.next_deadline()

    def handle_deadline(self, now: Instant) -> list[Envelope]:
        """Resend what is due; let what has expired take its course."""
        self._observe(now)
        outputs, expired = self.outbox.due(now)
        for pending in expired:
            outputs += self.expired[pending.origin.transaction](pending, now)
        return outputs

    def snapshot(self) -> bytes:
        """The whole memory as one document."""
        return encode(self.state)

    def _observe(self, now: Instant) -> None:
        assert now >= self.state.now, "time never goes back (INV-38)"
        self.state.now = now

    # ------------------------------------------------------------- making messages

    def mint(self, now: Instant) -> str:
        """A new message id: 12 characters of our own, yyyyMMddHHmmss, four of sequence."""
        state = self.state
        if now >= self._second_end:
            self._begin_second(now)
        state.minted_serial = n = state.minted_serial + 1
        if n < DIGIT_SERIALS:
            return f"{self._second_text}{n:04d}"
        # A busy second needs more than four digits give.
        return self._second_text + letter_serial(n - DIGIT_SERIALS)

    def _begin_second(self, now: Instant) -> None:
        state, second = self.state, now // SECOND
        if second != state.minted_second:
            state.minted_second, state.minted_serial = second, 0
        self._second_text = self._prefix + local_stamp(now)
        self._second_end = (second + 1) * SECOND

    def send(
        self,
        recipient: str,
        transaction: str,
        body: msgspec.Struct,
        now: Instant,
        about: Origin | About = NOTHING,
        wait: Wait = FOREVER,
        hop: str = "",
    ) -> Envelope:
        """Make a request and put it into the outbox; without `hop` it goes there directly."""
        message_id, timeout = self.mint(now), wait.timeout
        origin = Origin(
            transaction, 0, message_id, "", self.address, recipient,
            about.case_key, about.treatment, about.insured, about.partition_key, now,
            now + timeout if timeout else 0, about.trace_id or message_id,
        )  # fmt: skip
        envelope = Envelope(hop or recipient, origin, encode(origin), encode(body))
        self.outbox.add(envelope, now, wait)
        return envelope

    def answer(self, request: Envelope, body: msgspec.Struct, now: Instant) -> list[Envelope]:
        """Answer a request where it came from."""
        assert request.link is not None
        return [self.answered(request.origin, request.link.sender, encode(body), now)]

    def refuse(
        self, request: Envelope, code: ErrorCode, now: Instant, *, at: str = "$", facts: str = ""
    ) -> list[Envelope]:
        """Refuse a request with a code of the registry."""
        assert request.link is not None
        body = encode(Rejection(code=code, at=at[:50], facts=facts[:200]))
        return [self.answered(request.origin, request.link.sender, body, now, Kind.REJECTION)]

    def answered(
        self,
        asked: Origin,
        hop: str,
        body: bytes,
        now: Instant,
        kind: int = 1,
        case_key: str = "",
    ) -> Envelope:
        """An answer to `asked`, by body bytes, over `hop`."""
        asked_id = asked.message_id
        origin = Origin(
            asked.transaction, kind, self.mint(now), asked_id, self.address, asked.sender,
            case_key or asked.case_key, asked.treatment, asked.insured, asked.partition_key, now,
            0, asked.trace_id or asked_id,
        )  # fmt: skip
        return Envelope(hop, origin, encode(origin), body)

    # ------------------------------------------------------------- repeats

    def first_answer(self, request: Envelope, now: Instant) -> list[Envelope] | None:
        """The answer a message id got before, again; None when the id is new.

        The same id with other content is refused: `E_KEY_REUSED`.
        """
        saved = self.saved(request.origin.message_id)
        if saved is None:
            return None
        if saved.request != _gist(request.body):
            return self.refuse(request, ErrorCode.E_KEY_REUSED, now)
        if saved.kind < 0:
            return []  # still under way: its answer is on the way too
        assert request.link is not None
        return [self.answered(request.origin, request.link.sender, saved.body, now, saved.kind)]

    def saved(self, message_id: str) -> SavedAnswer | None:
        """What was saved under a message id, if it is still kept."""
        state = self.state
        answers = state.answers
        if message_id in answers:
            return answers[message_id]
        return state.answers_before.get(message_id)

    def remember(self, message_id: str, request: bytes, kind: int, body: bytes) -> None:
        """Save an answer for repeats of its message id; the oldest generation makes room."""
        answers = self.state.answers
        answers[message_id] = SavedAnswer(_gist(request), kind, body)
        if len(answers) >= ANSWERS_MAX:
            self.state.answers_before, self.state.answers = answers, {}

    def count(self, code: ErrorCode) -> list[Envelope]:
        """Count what is answered by silence."""
        counters = self.state.counters
        counters[code] = counters.get(code, 0) + 1
        return []
