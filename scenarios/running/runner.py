"""The virtual-time runner: one thread, no event loop, every choice owned by the seed.

Events lie in buckets by instant; a heap holds the instants. An event is a frame at the end of
its pipe, or the wake of a party. Each delivery goes: unframe, journal the input, let the node
handle it, count its outputs, frame them, draw the pipe's latency, ask the faults, schedule.
Nodes and clients (institutions, persons, operators) are all *parties*; only nodes have a
journal, a ledger and a clock that may be off. The loop ends when no bucket is left.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from heapq import heappop, heappush
from typing import Any, Protocol

import msgspec

from yidi.broker.core import Core, Router
from yidi.nodes.ledger import Ledger, Posting
from yidi.nodes.outbox import RESEND_AFTER
from yidi.protocol.envelope import Envelope
from yidi.protocol.errors import (
    ErrorCode,
    LocalProtocolError,
    RemoteProtocolError,
)
from yidi.protocol.instants import DAY, Instant
from yidi.protocol.journal import JournalWriter, RecordKind
from yidi.scenarios.running.alterations import altered
from yidi.scenarios.running.faults import ONCE, Arrival, FaultPlan
from yidi.scenarios.running.fold import note_envelopes, posting_bytes
from yidi.scenarios.running.pipes import DRAW_BITS, LinkTable, Pipe
from yidi.scenarios.running.streams import chance

NEVER = 1 << 62
PROGRESS_EVERY = 65_536
"""Deliveries between two calls of the progress callback."""
LEAST_WAIT = RESEND_AFTER
"""No node asks to be woken sooner than its outbox resends."""
VIRTUAL_DAYS_MAX = 500
"""Beyond the start: a run that is not quiet by then is stopped and says so."""


class Host(Protocol):
    """The three calls that the runner makes of a node or of the clients."""

    def handle(self, envelope: Envelope, now: Instant) -> list[Envelope]:
        """Apply a message and return what to send."""
        ...

    def next_deadline(self) -> Instant | None:
        """When it next wants to be woken."""
        ...

    def handle_deadline(self, now: Instant) -> list[Envelope]:
        """What to send at a deadline."""
        ...


class RunChecks(Protocol):
    """Checks that watch a run as it happens; both calls must be cheap."""

    def on_delivery(self, node: Any, envelope: Envelope, now: Instant) -> None:
        """A node, or a client, has handled a message."""
        ...

    def on_posting(self, node: Any, posting: Posting, case: Any) -> None:
        """A node has booked an effect; `case` is None where the key is no case's."""
        ...


Deliver = Callable[[Pipe, Any, Instant], None]
"""Take what has come out of a pipe: a frame's bytes, or for clients the envelope itself."""


class Progress(msgspec.Struct, kw_only=True):
    """How far a run is."""

    now: Instant
    deliveries: int
    postings: int
    pending: int
    """Instants at which something is scheduled."""


class Party:
    """A receiver of frames: one node, or all clients together."""

    __slots__ = (
        "address", "armed", "cases", "deliver", "handle", "handle_deadline", "host", "index",
        "ledger", "next_deadline", "pipes", "send", "skew",
    )  # fmt: skip

    def __init__(self, address: str, host: Host, index: int, skew: int) -> None:
        self.address = address
        self.host = host
        self.index = index
        """The node's index in the journal; -1 for the clients."""
        self.skew = skew
        """Microseconds its clock is ahead."""
        self.armed = NEVER
        """Instant of its next wake, by true time."""
        self.handle = host.handle
        self.next_deadline = host.next_deadline
        self.handle_deadline = host.handle_deadline
        self.ledger: Ledger | None = getattr(host, "ledger", None) if index >= 0 else None
        state = getattr(host, "state", None)
        cases = getattr(state, "cases", None)
        self.cases: dict[str, Any] = {} if cases is None else cases
        self.pipes: dict[str, Pipe] = {}
        self.deliver: Deliver
        self.send: Send
        """Both are made by the runner when the run begins."""


class Send(Protocol):
    """How a party's outputs leave it."""

    def __call__(
        self, outputs: list[Envelope], now: Instant, given: Envelope | None = None
    ) -> None:
        """Frame and schedule what an input (None for a deadline) caused."""
        ...


class Runner:
    """One virtual run."""

    def __init__(
        self,
        nodes: dict[str, Any],
        clients: Host,
        links: LinkTable,
        journal: JournalWriter,
        *,
        start: Instant,
        skews: dict[str, int] | None = None,
    ) -> None:
        """Take the nodes in the order of the journal's opening record."""
        self.core = Core(Router(nodes))
        self.journal = journal
        self.links = links
        self.start = start
        self.now = start
        self.parties = {
            address: Party(address, node, index, (skews or {}).get(address, 0))
            for index, (address, node) in enumerate(nodes.items())
        }
        self.clients = Party("", clients, -1, 0)
        self.plan: FaultPlan | None = None
        self.case_of: Callable[[str], str | None] = _no_case
        """Id of the scripted case of a trace id, for faults that name a case."""
        self.checks: RunChecks | None = None
        self.on_posting: Callable[[str, Posting], object] | None = None
        self.progress: Callable[[Progress], object] | None = None
        self.deliveries = 0
        """Envelopes delivered to nodes and clients."""
        self.postings = 0
        self.lost = 0
        """Frames that chance or a fault lost."""
        self.unfinished = False
        """Stopped, or at the limit of virtual time, with something still pending."""
        self._buckets: dict[int, list[tuple[Any, bytes | None]]] = {}
        self._instants: list[int] = []
        self._stopped = False
        self.limit = start + VIRTUAL_DAYS_MAX * DAY
        """Instant after which the run is stopped."""

    def run(self) -> None:
        """Run until nothing is pending.

        Raises:
            InvariantViolation: a node or a check found the world broken.
        """
        self._bind()
        for party in (self.clients, *self.parties.values()):
            self._arm(party)
        self._loop()

    def stop(self) -> None:
        """End the run before its next instant; what is pending stays undone."""
        self._stopped = True

    @property
    def stopped(self) -> bool:
        """Whether somebody asked for the end."""
        return self._stopped

    def inject(self, sender: str, envelope: Envelope) -> None:
        """Send a message as if `sender` had sent it now; for tests and consoles."""
        party = self.parties.get(sender, self.clients)
        self._bind()
        party.send([envelope], self.now)

    def _bind(self) -> None:
        """Make the parties' hot paths, now that faults and checks are known."""
        for party in (self.clients, *self.parties.values()):
            party.send = self._sender(party)
            party.deliver = self._deliverer(party)

    # ------------------------------------------------------------------ the loop

    def _loop(self) -> None:
        buckets, instants = self._buckets, self._instants
        wake = self._wake
        report_at = PROGRESS_EVERY
        while instants:
            now: Instant = heappop(instants)  # type: ignore[assignment]
            if now > self.limit or self._stopped:
                self.unfinished = True
                return
            self.now = now
            # The list may grow while it is walked: what is due at once joins at its end.
            for target, raw in buckets[now]:
                if raw is None:
                    wake(target, now)
                else:
                    target.party.deliver(target, raw, now)
            del buckets[now]
            if self.deliveries >= report_at:
                report_at = self.deliveries + PROGRESS_EVERY
                self.report()

    def _deliverer(self, party: Party) -> Deliver:
        """The hot path of one party's deliveries, with everything it touches bound once."""
        host, handle, index, skew = party.host, party.handle, party.index, party.skew
        append, next_deadline, ledger = self.journal.append, party.next_deadline, party.ledger
        on_delivery = self.checks.on_delivery if self.checks is not None else _unwatched
        send, envelope_kind = party.send, int(RecordKind.ENVELOPE)
        # A node asks for no wake sooner than LEAST_WAIT, so one that has one is left alone.
        is_node, at_ease = index >= 0, LEAST_WAIT if index >= 0 else -NEVER

        def deliver(pipe: Pipe, raw: Any, now: Instant) -> None:
            clock = Instant(now + skew) if skew else now
            try:
                envelope = pipe.receive(raw, clock)
                if envelope is None:
                    return
                if is_node:
                    append(envelope_kind, index, clock, raw)
                outputs = handle(envelope, clock)
            except RemoteProtocolError as error:
                size = len(raw if isinstance(raw, bytes) else raw.body)
                self.core.refuse(error, pipe.sender, pipe.recipient, size, now)
                return
            self.deliveries += 1
            if ledger is not None and ledger.posted:
                self._post(party)
            on_delivery(host, envelope, now)
            if outputs:
                send(outputs, now, envelope)
            if party.armed - now > at_ease:
                deadline = next_deadline()
                if deadline is not None and deadline - skew < party.armed:
                    self._arm(party)

        return deliver

    def _wake(self, party: Party, now: Instant) -> None:
        if party.armed != now:
            return  # an earlier wake took this one's place
        party.armed = NEVER
        deadline = party.next_deadline()
        clock = Instant(now + party.skew)
        if deadline is not None and deadline <= clock:
            if party.index >= 0:
                self.journal.append(RecordKind.DEADLINE, party.index, clock, b"")
            outputs = party.handle_deadline(clock)
            if party.ledger is not None and party.ledger.posted:
                self._post(party)
            if outputs:
                party.send(outputs, now)
        self._arm(party)

    def _arm(self, party: Party) -> None:
        """Schedule a party's wake when it is earlier than the one it has."""
        deadline = party.next_deadline()
        if deadline is None:
            return
        at = max(deadline - party.skew, self.now)
        if at < party.armed:
            party.armed = at
            self._schedule(at, (party, None))

    def _schedule(self, at: int, event: tuple[Any, bytes | None]) -> None:
        bucket = self._buckets.get(at)
        if bucket is None:
            self._buckets[at] = [event]
            heappush(self._instants, at)
        else:
            bucket.append(event)

    def _post(self, party: Party) -> None:
        assert party.ledger is not None
        note, sink, checks = self.journal.note_output, self.on_posting, self.checks
        for posting in party.ledger.take():
            self.postings += 1
            note(posting_bytes(posting))
            if sink is not None:
                sink(party.address, posting)
            if checks is not None:
                checks.on_posting(party.host, posting, party.cases.get(posting.key))

    # ------------------------------------------------------------------ sending

    def _sender(self, party: Party) -> Send:
        """The hot path of one party's sendings, with everything it touches bound once."""
        is_node, skew, pipes = party.index >= 0, party.skew, party.pipes
        note, buckets, instants = self.journal.note_output, self._buckets, self._instants

        def send(outputs: list[Envelope], now: Instant, given: Envelope | None = None) -> None:
            if is_node:
                note_envelopes(note, given, outputs)
            clock = Instant(now + skew) if skew else now
            for envelope in outputs:
                hop = envelope.hop if is_node else f"{envelope.origin.sender}>{envelope.hop}"
                pipe = pipes.get(hop) or self._make_pipe(party, envelope)
                if pipe is None:
                    continue
                at = now + pipe.table[pipe.bits(DRAW_BITS)]
                if pipe.is_faulty:
                    self._send_with_chance(pipe, envelope, clock, at)
                    continue
                try:
                    raw = pipe.send(envelope, clock)
                except LocalProtocolError:
                    if not self._find_credit(pipe):
                        continue
                    raw = pipe.send(envelope, clock)
                if at < pipe.last:  # noqa: PLR1730 (a call of max costs more, here of all places)
                    at = pipe.last
                pipe.last = at
                if at in buckets:
                    buckets[at].append((pipe, raw))
                else:
                    buckets[at] = [(pipe, raw)]
                    heappush(instants, at)

        return send

    def _send_with_chance(self, pipe: Pipe, envelope: Envelope, clock: Instant, at: int) -> None:
        """Send one message on a pipe with loss, or under a plan of faults."""
        origin = envelope.origin
        arrivals: Iterable[Arrival] = ONCE
        if self.plan is not None:
            case_id = self.case_of(origin.trace_id)
            arrivals = self.plan.decide(origin, pipe.sender, pipe.recipient, case_id, self.now)
        draws = pipe.chance
        is_lost = draws is not None and chance(draws, pipe.loss)
        is_doubled = draws is not None and chance(draws, pipe.duplicate)
        sent = False
        for delay, changes in arrivals:
            # Every copy that a fault makes is a sending of its own: it reaches the node.
            raw = self._frame(pipe, altered(envelope, changes), clock)
            if raw is None:
                return
            sent = True
            if is_lost:
                self.lost += 1
                continue
            due = at + delay
            if not delay:
                due = pipe.last = max(at, pipe.last)
            self._schedule(due, (pipe, raw))
            if is_doubled:
                self._schedule(due, (pipe, raw))
        if not sent:
            self.lost += 1
            self._frame(pipe, envelope, clock)  # a loss leaves its gap in the link

    def _frame(self, pipe: Pipe, envelope: Envelope, clock: Instant) -> Any:
        try:
            return pipe.send(envelope, clock)
        except LocalProtocolError:
            return pipe.send(envelope, clock) if self._find_credit(pipe) else None

    def _make_pipe(self, party: Party, envelope: Envelope) -> Pipe | None:
        sender = party.address or envelope.origin.sender
        try:
            peer = self.core.router.place(envelope.hop, envelope.origin.partition_key)
        except LocalProtocolError as error:
            self.core.refuse(error, sender, envelope.hop, len(envelope.body), self.now)
            return None
        ends = (self.core.end(sender, peer), self.core.end(peer, sender))
        pipe = self.links.pipe(ends, self.parties.get(peer, self.clients))
        pipe.is_faulty = self.plan is not None or pipe.chance is not None
        party.pipes[envelope.hop if party.address else f"{sender}>{envelope.hop}"] = pipe
        return pipe

    def _find_credit(self, pipe: Pipe) -> bool:
        """Ask the virtual line what is really under way, as a bare watermark would tell.

        Losses never move the receiver's watermark; a window that is full of them is free. False,
        counted as E_BUSY, when the window is full of frames that are still to arrive.
        """
        flying = sum(
            1
            for bucket in self._buckets.values()
            for target, raw in bucket
            if target is pipe and raw is not None
        )
        end = pipe.sender_end
        end.acknowledge(end.sent - min(flying, end.sent - end.acknowledged))
        if end.credit > 0:
            return True
        self.core.count(ErrorCode.E_BUSY)
        return False

    def report(self) -> None:
        """Tell the progress callback how far the run is."""
        if self.progress is not None:
            self.progress(
                Progress(
                    now=self.now, deliveries=self.deliveries, postings=self.postings,
                    pending=len(self._instants),
                )
            )  # fmt: skip


def _unwatched(_node: Any, _envelope: Envelope, _now: Instant) -> None:
    """Stands for the checks where there are none."""


def _no_case(trace_id: str) -> str | None:  # noqa: ARG001
    return None
