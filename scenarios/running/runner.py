"""The virtual-time runner: one thread, no event loop, every choice owned by the seed.

Events lie in buckets by instant; a heap holds the instants. An event is a frame at the end of
its pipe, or the wake of a party. Each delivery goes: unframe, journal the input, let the node
handle it, count its outputs, frame them, draw the pipe's latency, ask the faults, schedule.
The loop ends when no bucket is left.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from heapq import heappop, heappush
from typing import Any

import msgspec

from yidi.broker.core import Core, Router
from yidi.broker.link import CLOCK_SKEW_MAX
from yidi.nodes.ledger import Posting
from yidi.nodes.outbox import RESEND_AFTER
from yidi.protocol.codec import encode
from yidi.protocol.envelope import VERSION, Envelope, unframe
from yidi.protocol.errors import (
    ErrorCode,
    LocalProtocolError,
    RemoteProtocolError,
)
from yidi.protocol.instants import DAY, Instant
from yidi.protocol.journal import JournalWriter, RecordKind
from yidi.scenarios.running.alterations import altered
from yidi.scenarios.running.faults import ONCE, Arrival, FaultPlan
from yidi.scenarios.running.fold import output_bytes, posting_bytes
from yidi.scenarios.running.parties import NEVER, Host, Party, Put, RunChecks
from yidi.scenarios.running.pipes import DRAW_BITS, Deliver, LinkTable, Pipe
from yidi.scenarios.running.streams import chance

PROGRESS_EVERY = 65_536
"""Deliveries between two calls of the progress callback."""
LEAST_WAIT = RESEND_AFTER
"""No node asks to be woken sooner than its outbox resends."""
VIRTUAL_DAYS_MAX = 500
"""Beyond the start: a run that is not quiet by then is stopped and says so."""


class Progress(msgspec.Struct, kw_only=True):
    """How far a run is."""

    now: Instant
    deliveries: int
    postings: int
    pending: int
    """Instants at which something is scheduled."""


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
        for party in (self.clients, *self.parties.values()):
            party.wake = partial(self._wake, party)
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
        self._buckets: dict[int, list[tuple[Deliver, Any]]] = {}
        self._instants: list[int] = []
        self._stopped = False
        self.limit = start + VIRTUAL_DAYS_MAX * DAY
        """Instant after which the run is stopped."""

    def run(self) -> None:
        """Run until nothing is pending.

        Raises:
            InvariantViolation: a node or a check found the world broken.
        """
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
        """Send a message as if `sender` had sent it now; for tests and consoles.

        Faults and checks that are set later do not watch the links that it used.
        """
        party = self.parties.get(sender, self.clients)
        self._send(party, [envelope], self.now)

    # ------------------------------------------------------------------ the loop

    def _loop(self) -> None:
        buckets, instants = self._buckets, self._instants
        report_at = PROGRESS_EVERY
        while instants:
            now: Instant = heappop(instants)  # type: ignore[assignment]
            if now > self.limit or self._stopped:
                self.unfinished = True
                return
            self.now = now
            # The list may grow while it is walked: what is due at once joins at its end.
            bucket = buckets[now]
            for deliver, raw in bucket:
                deliver(raw, now)
            del buckets[now]
            # Those few that were no delivery have taken themselves off the count.
            self.deliveries += len(bucket)
            if self.deliveries >= report_at:
                report_at = self.deliveries + PROGRESS_EVERY
                self.report()

    def _deliverer(self, pipe: Pipe) -> Deliver:
        """The hot path of what reaches a node by a pipe, with everything it touches bound once."""
        party: Party = pipe.party
        host, handle, index, skew = party.host, party.handle, party.index, party.skew
        append, note, puts, arm = (
            self.journal.append,
            self.journal.note_output,
            party.puts,
            self._arm,
        )
        end, sender, recipient = pipe.peer_end, pipe.sender, pipe.recipient
        receive, is_plain, checks_clock = pipe.receive, pipe.is_plain, end.checks_clock
        assert party.ledger is not None
        ledger, find_put, next_deadline = party.ledger, self._find_put, party.next_deadline
        check = _unchecked if self.checks is None else self.checks.delivery_check(host, sender)
        envelope_kind = int(RecordKind.ENVELOPE)

        def deliver(raw: bytes, now: Instant) -> None:
            clock = Instant(now + skew) if skew else now
            try:
                envelope: Any = unframe(raw)
                link = envelope.link
                sequence, watermark = link.sequence, link.watermark
                deadline = envelope.origin.deadline
                if (
                    is_plain
                    and sequence == end.received + 1
                    and watermark <= end.sent
                    and link.sender == sender
                    and link.recipient == recipient
                    and not (deadline and clock > deadline)
                    and (not checks_clock or abs(link.sent_at - clock) <= CLOCK_SKEW_MAX)
                ):
                    # The next frame, as nearly every one is: what `receive` would do with it.
                    end.received = sequence
                    if watermark > end.acknowledged:  # noqa: PLR1730 (as below)
                        end.acknowledged = watermark
                else:
                    envelope = receive(raw, clock)
                    if envelope is None:
                        self.deliveries -= 1
                        return
                append(envelope_kind, index, clock, raw)
                outputs = handle(envelope, clock)
            except RemoteProtocolError as error:
                self._refuse(error, pipe, len(raw), now)
                return
            if ledger.posted:
                self._post(party)
            check(envelope, now)
            for output in outputs:
                note(output_bytes(envelope, output))
                try:
                    put = puts[output.hop]
                except KeyError:
                    put = find_put(party, output)
                put(output, now)
            if now < party.asked_before and next_deadline() is not None:
                arm(party)

        return deliver

    def _client_deliverer(self, pipe: Pipe) -> Deliver:
        """The same for clients, who have neither journal nor ledger."""
        clients, receive = self.clients, pipe.receive
        host, handle, send, arm = clients.host, clients.handle, self._send, self._arm
        check = _unchecked if self.checks is None else self.checks.delivery_check(host, pipe.sender)

        def deliver(raw: Any, now: Instant) -> None:
            try:
                envelope = receive(raw, now)
                if envelope is None:
                    self.deliveries -= 1
                    return
                outputs = handle(envelope, now)
            except RemoteProtocolError as error:
                self._refuse(error, pipe, len(raw.body), now)
                return
            check(envelope, now)
            if outputs:
                send(clients, outputs, now)
            arm(clients)

        return deliver

    def _wake(self, party: Party, _raw: Any, now: Instant) -> None:
        self.deliveries -= 1  # the loop counts what a bucket held
        if party.armed != now:
            return  # an earlier wake took this one's place
        party.armed = party.asked_before = NEVER
        deadline = party.next_deadline()
        clock = Instant(now + party.skew)
        if deadline is not None and deadline <= clock:
            if party.index >= 0:
                self.journal.append(RecordKind.DEADLINE, party.index, clock, b"")
            outputs = party.handle_deadline(clock)
            if party.ledger is not None and party.ledger.posted:
                self._post(party)
            self._send(party, outputs, now)
        self._arm(party)

    def _arm(self, party: Party) -> None:
        """Schedule a party's wake when it is earlier than the one it has."""
        deadline = party.next_deadline()
        if deadline is None:
            return
        at = max(deadline - party.skew, self.now)
        if at < party.armed:
            party.armed = at
            party.asked_before = at - LEAST_WAIT
            self._schedule(at, (party.wake, None))

    def _schedule(self, at: int, event: tuple[Deliver, Any]) -> None:
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

    def _send(self, party: Party, outputs: list[Envelope], now: Instant) -> None:
        """Send what a deadline, or a client, wants to be sent."""
        puts = party.puts
        for output in outputs:
            if party.index >= 0:
                self.journal.note_output(output_bytes(None, output))
            put = puts.get(_way(party, output)) or self._find_put(party, output)
            put(output, now)

    def _sender(self, pipe: Pipe, skew: int) -> Put:
        """The hot path of sending to a node, with everything it touches bound once."""
        end, local, peer, deliver = pipe.sender_end, pipe.sender, pipe.recipient, pipe.deliver
        bits, table, window = pipe.bits, pipe.table, end.window
        buckets, instants, find_credit = self._buckets, self._instants, self._find_credit
        last = 0

        def put(envelope: Envelope, now: Instant) -> None:
            nonlocal last
            at = now + table[bits(DRAW_BITS)]
            sequence = end.sent + 1
            if sequence - end.acknowledged > window and not find_credit(pipe):
                return
            end.sent = sequence
            # A frame as `LinkEnd.send` writes it.
            link = (local, peer, sequence, end.received, now + skew if skew else now)
            raw = encode((VERSION, link, envelope.origin_bytes, envelope.stamp, envelope.body))
            if at < last:  # noqa: PLR1730 (a call of max costs more, here of all places)
                at = last
            last = at
            if at in buckets:
                buckets[at].append((deliver, raw))
            else:
                buckets[at] = [(deliver, raw)]
                heappush(instants, at)

        return put

    def _other_sender(self, pipe: Pipe, skew: int) -> Put:
        """The same to a client, who takes the message as it is, or where messages are signed."""
        send, bits, table, schedule = pipe.send, pipe.bits, pipe.table, self._schedule
        deliver, find_credit, last = pipe.deliver, self._find_credit, 0

        def put(envelope: Envelope, now: Instant) -> None:
            nonlocal last
            at = now + table[bits(DRAW_BITS)]
            clock = Instant(now + skew) if skew else now
            try:
                message = send(envelope, clock)
            except LocalProtocolError:
                if not find_credit(pipe):
                    return
                message = send(envelope, clock)
            last = at if at > last else last  # noqa: FURB136 (as above)
            schedule(last, (deliver, message))

        return put

    def _chance_sender(self, pipe: Pipe, skew: int) -> Put:
        """The same for a pipe with loss, or under a plan of faults."""

        def put(envelope: Envelope, now: Instant) -> None:
            at = now + pipe.table[pipe.bits(DRAW_BITS)]
            self._send_with_chance(pipe, envelope, Instant(now + skew), at)

        return put

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
            self._schedule(due, (pipe.deliver, raw))
            if is_doubled:
                self._schedule(due, (pipe.deliver, raw))
        if not sent:
            self.lost += 1
            self._frame(pipe, envelope, clock)  # a loss leaves its gap in the link

    def _frame(self, pipe: Pipe, envelope: Envelope, clock: Instant) -> Any:
        try:
            return pipe.send(envelope, clock)
        except LocalProtocolError:
            return pipe.send(envelope, clock) if self._find_credit(pipe) else None

    def _find_put(self, party: Party, envelope: Envelope) -> Put:
        """The way to a hop that a party has not used before, made and kept."""
        sender = party.address or envelope.origin.sender
        try:
            peer = self.core.router.place(envelope.hop, envelope.origin.partition_key)
        except LocalProtocolError as error:
            self.core.refuse(error, sender, envelope.hop, len(envelope.body), self.now)
            return _drop
        ends = (self.core.end(sender, peer), self.core.end(peer, sender))
        pipe = self.links.pipe(ends, self.parties.get(peer, self.clients))
        is_node = pipe.party is not self.clients
        pipe.deliver = self._deliverer(pipe) if is_node else self._client_deliverer(pipe)
        if self.plan is not None or pipe.chance is not None:
            put = self._chance_sender(pipe, party.skew)
        else:
            put = (self._sender if pipe.is_plain else self._other_sender)(pipe, party.skew)
        party.puts[_way(party, envelope)] = put
        return put

    def _find_credit(self, pipe: Pipe) -> bool:
        """Ask the virtual line what is really under way, as a bare watermark would tell.

        Losses never move the receiver's watermark; a window that is full of them is free. False,
        counted as E_BUSY, when the window is full of frames that are still to arrive.
        """
        flying = sum(
            1
            for bucket in self._buckets.values()
            for deliver, _ in bucket
            if deliver is pipe.deliver
        )
        end = pipe.sender_end
        end.acknowledge(end.sent - min(flying, end.sent - end.acknowledged))
        if end.credit > 0:
            return True
        self.core.count(ErrorCode.E_BUSY)
        return False

    def _refuse(self, error: RemoteProtocolError, pipe: Pipe, size: int, now: Instant) -> None:
        self.deliveries -= 1
        self.core.refuse(error, pipe.sender, pipe.recipient, size, now)

    def report(self) -> None:
        """Tell the progress callback how far the run is."""
        if self.progress is not None:
            self.progress(
                Progress(
                    now=self.now, deliveries=self.deliveries, postings=self.postings,
                    pending=len(self._instants),
                )
            )  # fmt: skip


def _way(party: Party, output: Envelope) -> str | tuple[str, str]:
    """By what a party's ways out are told apart: one for each hop, and for each sending client."""
    return output.hop if party.address else (output.origin.sender, output.hop)


def _drop(_envelope: Envelope, _now: Instant) -> None:
    """The way to a hop that is nobody's: the refusal has been counted."""


def _unchecked(_envelope: Envelope, _now: Instant) -> None:
    """Stands for the checks where there are none."""


def _no_case(trace_id: str) -> str | None:  # noqa: ARG001
    return None
