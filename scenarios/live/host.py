"""The live host: the same nodes over a real engine, against a clock.

Every party (a node, or the clients' desk) has an attachment to the engine. What arrives is
handled in turns: take everything that has come, let the nodes handle it, sync the journal once
for all of it (group commit), and only then let outputs go and acknowledge to the engine. So no
output leaves before the input that caused it is durable; what a hub merely relays of repeatable
transactions need not wait. Here and in the virtual runner, and nowhere else, nodes and broker
meet.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from typing import Any, Protocol

import msgspec

from yidi.broker.bare import link_of
from yidi.broker.core import Router
from yidi.broker.engines.base import Attachment, Document, Engine
from yidi.broker.link import WINDOW
from yidi.nodes.hub import MONEY
from yidi.nodes.ledger import Ledger, Posting
from yidi.nodes.observed import OUTSIDE, ObservedNode
from yidi.protocol.authentication import DESK, Guard, owner_of
from yidi.protocol.envelope import Envelope
from yidi.protocol.errors import (
    ErrorCode,
    LocalProtocolError,
    RemoteProtocolError,
    TransportError,
)
from yidi.protocol.instants import Instant
from yidi.protocol.journal import JournalWriter, RecordKind
from yidi.scenarios.live.clock import LiveClock
from yidi.scenarios.live.core import LiveCore, place_on_engine
from yidi.scenarios.live.faults import LiveFaults
from yidi.scenarios.live.outside import Outside
from yidi.scenarios.live.storage import Storage
from yidi.scenarios.running.fold import output_bytes, posting_bytes
from yidi.scenarios.running.parties import RunChecks

TURN_FRAMES_MAX = 1_024
"""Frames handled before the journal is synced: bounds how long one answer waits for others."""
LOOK_EVERY = 0.25
"""Real seconds after which a silent host asks again whether it is done."""
CONNECT_WITHIN = 10
"""Real seconds for the first connections, where somebody waits for the network to stand."""
IDLE_AFTER, IDLE_AFTER_INSIDE = 0.03, 0.003
"""Real seconds of silence after which a clock that skips idle time may jump. Inside a process
nothing is under way that nobody counts, so a few turns of the event loop are enough."""


class LiveParty:
    """A node, or the desk, on the engine."""

    def __init__(self, address: str, host: Any, index: int) -> None:
        self.address = address
        self.host = host
        self.index = index
        """Index in the journal; -1 for the desk."""
        self.ledger: Ledger | None = getattr(host, "ledger", None)
        cases = getattr(getattr(host, "state", None), "cases", None)
        self.cases: dict[str, Any] = {} if cases is None else cases
        self.attachment: Attachment | None = None


async def all_ready(parties: Iterable[LiveParty], within: float, url: str) -> None:
    """Return when the first connection of every party stands.

    Args:
        parties: all attached.
        within: real seconds.
        url: of the engine, for whoever reads that it could not be had.

    Raises:
        TransportError: `E_ENGINE`: the engine could not be had in time.
    """
    try:
        async with asyncio.timeout(within):
            for party in parties:
                assert party.attachment is not None
                await party.attachment.ready()
    except TimeoutError as error:
        want = f"a connection within {within:g} s"
        raise TransportError(ErrorCode.E_ENGINE, at=url, want=want, got="none") from error


async def _end_of(party: LiveParty) -> None:
    """Return when a party's attachment was closed; raise what ended it for good."""
    assert party.attachment is not None
    await party.attachment.ended()


class Ground(msgspec.Struct, frozen=True, kw_only=True):
    """What a live host stands on."""

    engine: Engine
    journal: JournalWriter
    """Where inputs go; shared by the parties of this process."""
    clock: LiveClock
    sync: Callable[[], None] | None = None
    """Makes the journal durable; None where nothing has to survive."""
    incarnation: int = 1
    """How often this host has been started on its data."""
    peers: tuple[str, ...] = ()
    """Addresses of the network that live in other processes."""
    credit: int = WINDOW
    """Copies that a link may have under way before its sender has to wait."""
    outside: Outside | None = None
    """Nodes that are somebody's own."""
    storage: Storage | None = None
    """Where the journal lies; None where nothing is kept."""
    guard: Guard | None = None
    """Signs and verifies for the parties of this process; None where messages are not signed."""


class Meter(Protocol):
    """Who counts what a host does; see `metrics`."""

    def delivered(self, party: str, envelope: Envelope, sent: Iterable[Envelope]) -> None:
        """A message was handled, and caused these outputs."""

    def woken(self, party: str) -> None:
        """A deadline fired."""

    def turned(self, frames: int) -> None:
        """A turn of so many frames was handled."""

    def committed(self, seconds: float) -> None:
        """A turn's inputs are durable."""


class LiveHost:
    """Parties of one process over one engine.

    Args:
        nodes: by address, in the journal's order.
        desk: the clients; None where they live elsewhere.
        ground: engine, journal and clock.
    """

    def __init__(self, nodes: dict[str, Any], desk: Any | None, ground: Ground) -> None:
        router = Router([*nodes, *ground.peers])
        self.core = LiveCore(router, ground.incarnation, window=ground.credit, guard=ground.guard)
        self.engine, self.journal, self.clock = ground.engine, ground.journal, ground.clock
        self.sync, self.outside, self.storage = ground.sync, ground.outside, ground.storage
        self.parties = {
            address: LiveParty(address, node, index)
            for index, (address, node) in enumerate(nodes.items())
        }
        self.desk = LiveParty(DESK, desk, -1) if desk is not None else None
        self.checks: RunChecks | None = None
        self.faults: LiveFaults | None = None
        self.on_posting: Callable[[str, Posting], object] | None = None
        self.meter: Meter | None = None
        self.deliveries = self.postings = self.commits = 0
        self.stopped = False
        self._arrived: asyncio.Queue[tuple[LiveParty, list[bytes], asyncio.Future[None]]]
        self._arrived = asyncio.Queue()
        self._asks_at = 0.0
        self._idle_after = IDLE_AFTER_INSIDE if self.engine.url == "embedded" else IDLE_AFTER

    # ------------------------------------------------------------------ life

    async def run(self, is_done: Callable[[], bool], *, connect_within: float = 0) -> None:
        """Serve until `is_done` says so, no node waits for anything, and all is silent.

        Args:
            is_done: whether the scenario has nothing more to do.
            connect_within: real seconds in which every first connection must stand; 0 goes on
                trying for ever, as a node on its own does.

        Raises:
            TransportError: `E_ENGINE`; `E_SESSION_TAKEN`: another network is on the same server.
        """
        on_engine = self.on_engine
        documents = self.outside.on_document if self.outside is not None else None
        for party in on_engine:
            party.attachment = await self.engine.attach(
                party.address, self._receiver(party), receive_document=documents,
                admits=self._admits,
            )  # fmt: skip
        ends = asyncio.gather(*(_end_of(party) for party in on_engine))
        ends.add_done_callback(lambda end: end.cancelled() or end.exception())  # it may be too late
        try:
            if connect_within:
                await all_ready(on_engine, connect_within, self.engine.url)
            while not self.stopped:
                turn = await self._next_turn()
                if ends.done():
                    ends.result()
                if self.outside is not None:
                    self.outside.check()
                await self._take_turn(turn)
                if turn:
                    continue
                if is_done() and self._is_quiet():
                    return
        except Exception:
            # Nobody will ever acknowledge what was under way: end as a crash would.
            for party in on_engine:
                assert party.attachment is not None
                await party.attachment.abort()
            raise
        finally:
            ends.cancel()
            for party in on_engine:
                if party.attachment is not None:
                    await party.attachment.close()

    async def attached(self, running: asyncio.Task[None]) -> None:
        """Return when every party is on the engine; `running` is the task of `run`.

        Raises:
            TransportError: `E_ENGINE`.
        """
        while not all(party.attachment is not None for party in self.on_engine):
            if running.done():
                await running
            await asyncio.sleep(0)
        await all_ready(self.on_engine, CONNECT_WITHIN, self.engine.url)

    @property
    def everybody(self) -> list[LiveParty]:
        """The nodes, and the desk where there is one."""
        return [*self.parties.values(), *([self.desk] if self.desk else [])]

    @property
    def on_engine(self) -> list[LiveParty]:
        """Who is met on the engine: all but the places of somebody's own nodes."""
        return [party for party in self.everybody if not self._is_outside(party.address)]

    def _is_outside(self, address: str) -> bool:
        return self.outside is not None and address in self.outside.nodes

    def take(self, address: str, raw: bytes) -> None:
        """Take a frame for a party of this process that comes by no engine."""
        party = self.parties.get(address, self.desk)
        assert party is not None
        self._arrived.put_nowait((party, [raw], asyncio.get_running_loop().create_future()))

    def post(self, sender: str, document: Document) -> None:
        """Publish a document in the name of a party of this process."""
        party = self.parties.get(sender, self.desk)
        assert party is not None
        assert party.attachment is not None
        party.attachment.post(document)

    @property
    def arrived(self) -> int:
        """Batches that have come and are not handled yet."""
        return self._arrived.qsize()

    def look(self) -> None:
        """Have a silent host look at its clock at once."""
        durable: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._arrived.put_nowait((self.everybody[0], [], durable))

    def stop(self) -> None:
        """End after the turn that is under way."""
        self.stopped = True

    def _receiver(self, party: LiveParty) -> Callable[[list[bytes]], Awaitable[None]]:
        async def receive(frames: list[bytes]) -> None:
            durable: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._arrived.put_nowait((party, frames, durable))
            await durable

        return receive

    def _admits(self, said: str, raw: bytes) -> bool:
        """Whether the frame's sender is who its topic says: a server grants topics, not links."""
        try:
            sender = link_of(raw).sender
        except RemoteProtocolError:
            return True  # the core refuses it with its reason
        if said in (sender.partition("/")[0], owner_of(sender)):
            return True
        error = RemoteProtocolError(ErrorCode.E_SENDER_MISMATCH, want=said, got=sender)
        self.core.refuse(error, said, "", len(raw), self.clock.now())
        return False

    async def _next_turn(self) -> list[tuple[LiveParty, list[bytes], asyncio.Future[None]]]:
        """What has arrived; empty when a deadline (or silence) came first."""
        turn: list[tuple[LiveParty, list[bytes], asyncio.Future[None]]] = []
        if self._arrived.empty():
            with suppress(TimeoutError):
                turn.append(await asyncio.wait_for(self._arrived.get(), self._patience()))
        frames = len(turn[0][1]) if turn else 0
        while frames < TURN_FRAMES_MAX and not self._arrived.empty():
            turn.append(self._arrived.get_nowait())
            frames += len(turn[-1][1])
        return turn

    def _is_quiet(self) -> bool:
        """Whether nobody waits for anything."""
        waits = self.outside is not None and self.outside.busy
        held = self.faults is not None and self.faults.next_deadline() is not None
        return not (waits or held or any(p.host.next_deadline() for p in self.parties.values()))

    def next_deadline(self) -> Instant | None:
        """The earliest deadline of any party, or of a message that a fault holds back."""
        everybody = [party.host for party in self.everybody]
        if self.faults is not None:
            everybody.append(self.faults)
        deadlines = [at for one in everybody if (at := one.next_deadline()) is not None]
        return min(deadlines, default=None)

    def _patience(self) -> float:
        due = self.next_deadline()
        if due is None:
            return self._idle_after
        until = self.clock.real_seconds_until(due)
        return min(until, self._idle_after if self.clock.skips_idle else LOOK_EVERY)

    # ------------------------------------------------------------------ turns

    async def _take_turn(
        self, turn: list[tuple[LiveParty, list[bytes], asyncio.Future[None]]]
    ) -> None:
        """Handle what came and what is due, make it durable, let the outputs go."""
        outputs: list[tuple[LiveParty, Envelope]] = []
        before = self.journal.position
        for party, frames, _ in turn:
            for raw in frames:
                self._deliver(party, raw, outputs)
        if turn and self.meter is not None:
            self.meter.turned(sum(len(frames) for _, frames, _ in turn))
        # However much comes: whose time it is has its turn, too.
        self._wake(outputs, may_jump=not turn)
        if self.journal.position > before:
            await self._commit()
        for _, _, durable in turn:
            if not durable.done():
                durable.set_result(None)
        for party, envelope in outputs:
            self._send(party, envelope)
        self._tend_links()

    def _deliver(
        self, party: LiveParty, raw: bytes, outputs: list[tuple[LiveParty, Envelope]]
    ) -> None:
        now = self.clock.now()
        envelope = self.core.receive(raw, now)
        if envelope is None:
            return
        if party.index >= 0:
            if self.storage and (refusal := self.storage.refusal(party.address, envelope, now)):
                outputs.append((party, refusal))
                return
            self.journal.append(RecordKind.ENVELOPE, party.index, now, raw)
        try:
            sent = party.host.handle(envelope, now)
        except RemoteProtocolError as error:
            self.core.refuse(error, envelope.origin.sender, party.address, len(raw), now)
            return
        self.deliveries += 1
        if self.meter is not None:
            self.meter.delivered(party.address, envelope, sent)
        self._after(party, envelope, sent, outputs)
        if party.index >= 0 and self.checks is not None:
            self.checks.on_delivery(party.host, envelope, now)

    def _after(
        self,
        party: LiveParty,
        given: Envelope | None,
        sent: list[Envelope],
        outputs: list[tuple[LiveParty, Envelope]],
    ) -> None:
        """Count what a party put out; relays of repeatables leave at once."""
        if party.ledger is not None and party.ledger.posted:
            foreign = isinstance(party.host, ObservedNode)
            for posting in party.ledger.take():
                self.postings += not foreign
                self.journal.note_output(posting_bytes(posting))
                # What somebody's own node posts is not ours to see; checks follow what it implies.
                if self.on_posting is not None and not foreign:
                    self.on_posting(party.address, posting)
                if self.checks is not None:
                    self.checks.on_posting(party.host, posting, party.cases.get(posting.key))
        if party.index >= 0:
            for envelope in sent:
                self.journal.note_output(output_bytes(given, envelope))
        for envelope in sent:
            if _may_leave_at_once(party, envelope):
                self._send(party, envelope)
            else:
                outputs.append((party, envelope))

    def _wake(self, outputs: list[tuple[LiveParty, Envelope]], *, may_jump: bool) -> None:
        """Let every party whose deadline has come act on it; jump there when idle."""
        due = self.next_deadline()
        if due is None:
            return
        if may_jump and self.clock.skips_idle and due > self.clock.now() and self._is_idle():
            self.clock.jump_to(due)
        for party in self.everybody:
            at, now = party.host.next_deadline(), self.clock.now()
            if at is None or at > now:
                continue
            if party.index >= 0:
                self.journal.append(RecordKind.DEADLINE, party.index, now, b"")
            if self.meter is not None:
                self.meter.woken(party.address)
            self._after(party, None, party.host.handle_deadline(now), outputs)
        if self.faults is not None:
            for sender, envelope in self.faults.due(self.clock.now()):
                speaker = self.parties.get(sender) or self.desk
                assert speaker is not None
                self._frame(speaker, envelope)

    def _is_idle(self) -> bool:
        if not self._arrived.empty() or (self.outside is not None and self.outside.busy):
            return False
        return not any(
            party.attachment is not None and party.attachment.pending for party in self.everybody
        )

    async def _commit(self) -> None:
        """Make the inputs of this turn durable; meanwhile the next turn's may arrive."""
        if self.sync is not None:
            clock = asyncio.get_running_loop().time
            began = clock()
            await asyncio.to_thread(self.sync)
            self.commits += 1
            if self.meter is not None:
                self.meter.committed(clock() - began)

    def _send(self, party: LiveParty, envelope: Envelope) -> None:
        if envelope.hop.startswith(OUTSIDE):
            assert self.outside is not None
            self.outside.send(party.address, envelope)
            return
        if self.faults is None:
            self._frame(party, envelope)
            return
        for copy in self.faults.passing(_speaker(party, envelope), envelope, self.clock.now()):
            self._frame(party, copy)

    def _frame(self, party: LiveParty, envelope: Envelope) -> None:
        try:
            peer, raw = self.core.send(_speaker(party, envelope), envelope, self.clock.now())
        except LocalProtocolError:
            return  # counted; the sender's outbox holds it and sends it anew
        self._hand_over(party, peer, raw)

    def _hand_over(self, party: LiveParty, peer: str, raw: bytes) -> None:
        """Let a frame go: over the engine, but where one end is somebody's own node's place.

        Its address on the engine belongs to the own node itself.
        """
        if self._is_outside(party.address) or self._is_outside(peer):
            if not peer.startswith(OUTSIDE):
                self.take(place_on_engine(peer), raw)
            return
        assert party.attachment is not None
        party.attachment.send(place_on_engine(peer), 0, raw)

    def _tend_links(self) -> None:
        """Tell the watermarks that are owed; now and then ask for credit where there is none."""
        now, real = self.clock.now(), asyncio.get_running_loop().time()
        bare = list(self.core.watermarks(now))
        if real >= self._asks_at:
            self._asks_at = real + LOOK_EVERY
            bare += self.core.questions(now)
        for local, peer, raw in bare:
            party = self.parties.get(local) or self.desk
            if party is not None:
                self._hand_over(party, peer, raw)


def _speaker(party: LiveParty, envelope: Envelope) -> str:
    """Who hands a message over: a node, or the client behind the desk."""
    return envelope.origin.sender if party.index < 0 else party.address


def _may_leave_at_once(party: LiveParty, envelope: Envelope) -> bool:
    """Output commit's one exception: a hub's relay of a repeatable. Source: design section 1."""
    if party.index < 0:
        return True
    return (
        party.address.startswith("hub:")
        and envelope.origin.sender != party.address
        and envelope.origin.transaction not in MONEY
    )
