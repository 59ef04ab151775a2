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
from typing import Any

import msgspec

from yidi.broker.core import Core, Router
from yidi.broker.engines.base import Attachment, Engine
from yidi.broker.link import WINDOW, LinkEnd
from yidi.nodes.hub import MONEY
from yidi.nodes.ledger import Ledger, Posting
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
from yidi.scenarios.live.sessions import LiveEnd
from yidi.scenarios.running.fold import note_envelopes, posting_bytes
from yidi.scenarios.running.runner import RunChecks

DESK = "operator:desk"
"""Where every institution, person and operator of a simulated world is reached."""
CLIENT_ROLES = ("institution:", "person:", "operator:")
TURN_FRAMES_MAX = 1_024
"""Frames handled before the journal is synced: bounds how long one answer waits for others."""
LOOK_EVERY = 0.25
"""Real seconds after which a silent host asks again whether it is done."""
CONNECT_WITHIN = 10
"""Real seconds for the first connections, where somebody waits for the network to stand."""
IDLE_AFTER = 0.03
"""Real seconds of silence after which a clock that skips idle time may jump."""


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


async def all_ready(parties: Iterable[LiveParty], within: float) -> None:
    """Return when the first connection of every party stands.

    Args:
        parties: all attached.
        within: real seconds.

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
        raise TransportError(ErrorCode.E_ENGINE, want=want, got="none") from error


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


class LiveHost:
    """Parties of one process over one engine.

    Args:
        nodes: by address, in the journal's order.
        desk: the clients; None where they live elsewhere.
        ground: engine, journal and clock.
    """

    def __init__(self, nodes: dict[str, Any], desk: Any | None, ground: Ground) -> None:
        self.core = LiveCore(Router([*nodes, *ground.peers]), ground.incarnation)
        self.engine, self.journal, self.clock = ground.engine, ground.journal, ground.clock
        self.sync = ground.sync
        self.parties = {
            address: LiveParty(address, node, index)
            for index, (address, node) in enumerate(nodes.items())
        }
        self.desk = LiveParty(DESK, desk, -1) if desk is not None else None
        self.checks: RunChecks | None = None
        self.on_posting: Callable[[str, Posting], object] | None = None
        self.deliveries = self.postings = self.commits = 0
        self.stopped = False
        self._arrived: asyncio.Queue[tuple[LiveParty, list[bytes], asyncio.Future[None]]]
        self._arrived = asyncio.Queue()

    # ------------------------------------------------------------------ life

    async def run(self, is_done: Callable[[], bool], *, connect_within: float = 0) -> None:
        """Serve until `is_done` says so, no node waits for anything, and all is silent.

        Args:
            is_done: whether the scenario has nothing more to do.
            connect_within: real seconds in which every first connection must stand; 0 goes on
                trying for ever, as a node on its own does.

        Raises:
            TransportError: `E_ENGINE`.
        """
        everybody = self.everybody
        for party in everybody:
            party.attachment = await self.engine.attach(party.address, self._receiver(party))
        try:
            if connect_within:
                await all_ready(everybody, connect_within)
            while not self.stopped:
                turn = await self._next_turn()
                if turn:
                    await self._take_turn(turn)
                elif is_done() and not any(p.host.next_deadline() for p in self.parties.values()):
                    return
        except Exception:
            # Nobody will ever acknowledge what was under way: end as a crash would.
            for party in everybody:
                assert party.attachment is not None
                await party.attachment.abort()
            raise
        finally:
            for party in everybody:
                if party.attachment is not None:
                    await party.attachment.close()

    @property
    def everybody(self) -> list[LiveParty]:
        """The nodes, and the desk where there is one."""
        return [*self.parties.values(), *([self.desk] if self.desk else [])]

    def stop(self) -> None:
        """End after the turn that is under way."""
        self.stopped = True

    def _receiver(self, party: LiveParty) -> Callable[[list[bytes]], Awaitable[None]]:
        async def receive(frames: list[bytes]) -> None:
            durable: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._arrived.put_nowait((party, frames, durable))
            await durable

        return receive

    async def _next_turn(self) -> list[tuple[LiveParty, list[bytes], asyncio.Future[None]]]:
        """What has arrived; empty when a deadline (or silence) came first."""
        wait = self._patience()
        try:
            first = await asyncio.wait_for(self._arrived.get(), wait)
        except TimeoutError:
            await self._wake()
            return []
        turn, frames = [first], len(first[1])
        while frames < TURN_FRAMES_MAX and not self._arrived.empty():
            turn.append(self._arrived.get_nowait())
            frames += len(turn[-1][1])
        return turn

    def _due(self) -> Instant | None:
        """The earliest deadline of any party."""
        everybody = [*self.parties.values(), *([self.desk] if self.desk else [])]
        deadlines = [at for party in everybody if (at := party.host.next_deadline()) is not None]
        return min(deadlines, default=None)

    def _patience(self) -> float:
        due = self._due()
        if due is None:
            return IDLE_AFTER
        until = self.clock.real_seconds_until(due)
        return min(until, IDLE_AFTER if self.clock.skips_idle else LOOK_EVERY)

    # ------------------------------------------------------------------ turns

    async def _take_turn(
        self, turn: list[tuple[LiveParty, list[bytes], asyncio.Future[None]]]
    ) -> None:
        outputs: list[tuple[LiveParty, Envelope]] = []
        for party, frames, _ in turn:
            for raw in frames:
                self._deliver(party, raw, outputs)
        await self._commit()
        for _, _, durable in turn:
            if not durable.done():
                durable.set_result(None)
        for party, envelope in outputs:
            self._send(party, envelope)

    def _deliver(
        self, party: LiveParty, raw: bytes, outputs: list[tuple[LiveParty, Envelope]]
    ) -> None:
        now = self.clock.now()
        envelope = self.core.receive(raw, now)
        if envelope is None:
            return
        if party.index >= 0:
            self.journal.append(RecordKind.ENVELOPE, party.index, now, raw)
        try:
            sent = party.host.handle(envelope, now)
        except RemoteProtocolError as error:
            self.core.refuse(error, envelope.origin.sender, party.address, len(raw), now)
            return
        self.deliveries += 1
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
            for posting in party.ledger.take():
                self.postings += 1
                self.journal.note_output(posting_bytes(posting))
                if self.on_posting is not None:
                    self.on_posting(party.address, posting)
                if self.checks is not None:
                    self.checks.on_posting(party.host, posting, party.cases.get(posting.key))
        if party.index >= 0:
            note_envelopes(self.journal.note_output, given, sent)
        for envelope in sent:
            if _may_leave_at_once(party, envelope):
                self._send(party, envelope)
            else:
                outputs.append((party, envelope))

    async def _wake(self) -> None:
        """Let every party whose deadline has come act on it; jump there when idle."""
        due = self._due()
        if due is None:
            return
        if self.clock.skips_idle and due > self.clock.now() and self._is_idle():
            self.clock.jump_to(due)
        outputs: list[tuple[LiveParty, Envelope]] = []
        before = self.journal.position
        for party in [*self.parties.values(), *([self.desk] if self.desk else [])]:
            at, now = party.host.next_deadline(), self.clock.now()
            if at is None or at > now:
                continue
            if party.index >= 0:
                self.journal.append(RecordKind.DEADLINE, party.index, now, b"")
            self._after(party, None, party.host.handle_deadline(now), outputs)
        if self.journal.position > before:
            await self._commit()
        for party, envelope in outputs:
            self._send(party, envelope)

    def _is_idle(self) -> bool:
        everybody = [*self.parties.values(), *([self.desk] if self.desk else [])]
        return self._arrived.empty() and not any(
            party.attachment is not None and party.attachment.pending for party in everybody
        )

    async def _commit(self) -> None:
        """Make the inputs of this turn durable; meanwhile the next turn's may arrive."""
        if self.sync is not None:
            await asyncio.to_thread(self.sync)
            self.commits += 1

    def _send(self, party: LiveParty, envelope: Envelope) -> None:
        assert party.attachment is not None
        local = envelope.origin.sender if party.index < 0 else party.address
        try:
            peer, raw = self.core.send(local, envelope, self.clock.now())
        except LocalProtocolError:
            return  # counted; the sender's outbox holds it and sends it anew
        place = DESK if peer.startswith(CLIENT_ROLES) else peer
        party.attachment.send(place, envelope.origin.partition_key, raw)


class LiveCore(Core):
    """A core whose links survive restarts."""

    def __init__(self, router: Router, incarnation: int, *, window: int = WINDOW) -> None:
        super().__init__(router, window=window)
        self.incarnation = incarnation

    def end(self, local: str, peer: str) -> LinkEnd:
        """The end at `local` of the link with `peer`, made on first use."""
        pair = (local, peer)
        end = self._ends.get(pair)
        if end is None:
            checks = local.startswith("hub:") and not peer.startswith(CLIENT_ROLES)
            end = self._ends[pair] = LiveEnd(
                local, peer, incarnation=self.incarnation, checks_clock=checks, window=self.window
            )
        return end


def _may_leave_at_once(party: LiveParty, envelope: Envelope) -> bool:
    """Output commit's one exception: a hub's relay of a repeatable. Source: design section 1."""
    if party.index < 0:
        return True
    return (
        party.address.startswith("hub:")
        and envelope.origin.sender != party.address
        and envelope.origin.transaction not in MONEY
    )
