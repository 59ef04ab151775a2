"""Everybody outside the nodes: institutions, persons and operators, behind one desk.

An *actor* (a scripted case, a patient of a flow, the calendar) asks through the desk and is
called back with the answer. The desk mints message ids, waits, and when nothing comes sends the
very same message again, under the same id: a client that does not know never makes a new one.
Like a node it is sans-IO, so that the live host can drive the same clients.
"""

from __future__ import annotations

from collections import deque
from heapq import heappop, heappush
from typing import Protocol

from yidi.protocol.envelope import Envelope, Origin, seal
from yidi.protocol.identifiers import DIGIT_SERIALS, code_of, letter_serial, role_of
from yidi.protocol.instants import MILLISECOND, MINUTE, SECOND, Instant, local_stamp

PATIENCE = 60 * SECOND
"""How long a client waits before it repeats itself: longer than a region's own time-out."""
REPEATS_MAX = 12
BACKOFF_CAP = 30 * MINUTE


class Actor(Protocol):
    """Somebody who asks."""

    def woken(self, now: Instant) -> None:
        """The time that the actor asked to be woken at has come."""
        ...

    def answered(self, envelope: Envelope, now: Instant) -> None:
        """The answer to what the actor asked last."""
        ...

    def unanswered(self, message_id: str, now: Instant) -> None:
        """Nothing came, however often the question was repeated."""
        ...

    def repeats(self, message_id: str) -> bool:
        """Whether a question without an answer is to be repeated, or given up at once."""
        ...


def client_prefix(address: str) -> str:
    """The twelve characters a client's message ids begin with."""
    code = code_of(address)  # type: ignore[arg-type]
    if len(code) == 12:
        return code
    role = role_of(address)[:1].upper()  # type: ignore[arg-type]
    return role + code.upper()[-11:].rjust(11, "0")


class Clients:
    """The desk: one host for all actors."""

    def __init__(self) -> None:
        self.outputs: list[Envelope] = []
        self.unmatched = 0
        """Answers nobody waited for: repeats of what was answered."""
        self.given_up = 0
        """Questions repeated to the end without any answer."""
        self.repeated = 0
        self._waiting: dict[str, tuple[Actor, Envelope]] = {}
        self._first: deque[tuple[int, str]] = deque()
        self._repeats: dict[str, int] = {}
        self._timers: list[tuple[int, int, Actor | None, str]] = []
        self._serial = 0
        self._second = -1
        self._stamp = ""
        self._minted: dict[str, int] = {}

    @property
    def open_questions(self) -> int:
        """How many questions wait for an answer."""
        return len(self._waiting)

    def actor_of(self, message_id: str) -> Actor | None:
        """Who waits for the answer to a message."""
        waiting = self._waiting.get(message_id)
        return None if waiting is None else waiting[0]

    # ------------------------------------------------------------------ for actors

    def wake(self, actor: Actor, at: int) -> None:
        """Wake an actor at an instant, rounded up to a whole millisecond."""
        at = (at + MILLISECOND - 1) // MILLISECOND * MILLISECOND
        self._serial = serial = self._serial + 1
        heappush(self._timers, (at, serial, actor, ""))

    def ask(
        self,
        actor: Actor,
        parties: tuple[str, str],
        transaction: str,
        body: bytes,
        now: Instant,
        about: tuple[str, str, int, str] = ("", "", 0, ""),
    ) -> Envelope:
        """Send a request and wait for its answer.

        Args:
            actor: who is called back.
            parties: addresses of the sender and of the recipient, which is also the hop.
            transaction: its number.
            body: the encoded body.
            now: the instant.
            about: treatment and insured code, partition key, trace id (default: its own id).
        """
        sender, recipient = parties
        treatment, insured, partition_key, trace_id = about
        message_id = self.mint(client_prefix(sender), now)
        origin = Origin(
            transaction, 0, message_id, "", sender, recipient, "", treatment, insured,
            partition_key, now, 0, trace_id or message_id,
        )  # fmt: skip
        envelope = seal(recipient, origin, body)
        self.send(actor, envelope, now)
        return envelope

    def send(self, actor: Actor, envelope: Envelope, now: Instant) -> None:
        """Send a request as it stands, again or for the first time."""
        message_id = envelope.origin.message_id
        self._waiting[message_id] = (actor, envelope)
        self._first.append((now + PATIENCE, message_id))
        self.outputs.append(envelope)

    def mint(self, prefix: str, now: Instant) -> str:
        """A message id: prefix (12), yyyyMMddHHmmss, four of sequence within the second."""
        second = now // SECOND
        if second != self._second:
            self._second, self._stamp = second, local_stamp(now)
            self._minted.clear()
        self._minted[prefix] = serial = self._minted.get(prefix, 0) + 1
        if serial < DIGIT_SERIALS:
            return f"{prefix}{self._stamp}{serial:04d}"
        # A busy second needs more than four digits give.
        return f"{prefix}{self._stamp}{letter_serial(serial - DIGIT_SERIALS)}"

    # ------------------------------------------------------------------ for the host

    def handle(self, envelope: Envelope, now: Instant) -> list[Envelope]:
        """Give an answer to whoever asked."""
        waiting = self._waiting.pop(envelope.origin.correlation_id, None)
        if waiting is None:
            self.unmatched += 1
        else:
            waiting[0].answered(envelope, now)
        return self.take()

    def next_deadline(self) -> Instant | None:
        """The earliest timer or end of patience."""
        first, waiting = self._first, self._waiting
        while first and first[0][1] not in waiting:
            first.popleft()
        timers = self._timers
        if first and (not timers or first[0][0] < timers[0][0]):
            return Instant(first[0][0])
        return Instant(timers[0][0]) if timers else None

    def handle_deadline(self, now: Instant) -> list[Envelope]:
        """Wake who is due; repeat what was not answered."""
        timers, first = self._timers, self._first
        while first and first[0][0] <= now:
            self._repeat(first.popleft()[1], now)
        while timers and timers[0][0] <= now:
            _, _, actor, message_id = heappop(timers)
            if actor is None:
                self._repeat(message_id, now)
            else:
                actor.woken(now)
        return self.take()

    def take(self) -> list[Envelope]:
        """What actors have asked since the last call."""
        outputs = self.outputs
        if outputs:
            self.outputs = []
        return outputs

    def _repeat(self, message_id: str, now: Instant) -> None:
        waiting = self._waiting.get(message_id)
        if waiting is None:
            self._repeats.pop(message_id, None)
            return
        actor, envelope = waiting
        times = self._repeats.get(message_id, 0) + 1
        if times > REPEATS_MAX or not actor.repeats(message_id):
            self.given_up += 1
            del self._waiting[message_id]
            self._repeats.pop(message_id, None)
            actor.unanswered(message_id, now)
            return
        self._repeats[message_id] = times
        self.repeated += 1
        self.outputs.append(envelope)
        self._serial += 1
        at = now + min(PATIENCE << times, BACKOFF_CAP)
        heappush(self._timers, (at, self._serial, None, message_id))
