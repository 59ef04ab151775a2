"""Who stands outside the network and believes nobody: what was answered is on its own disk.

A `Witness` hosts a run's clients. Every answer is written to a log and synced before the client
hears of it, so the log holds what somebody was promised, whatever happens to the network. What
the nodes' disks hold in the end is held against it.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from yidi.nodes.ledger import Posting, PostingKind
from yidi.nodes.lifecycle import LIVE
from yidi.protocol import messages as m
from yidi.protocol import transactions as t
from yidi.protocol.codec import encode
from yidi.protocol.envelope import Envelope
from yidi.protocol.instants import MILLISECOND, Duration, Instant, next_day
from yidi.protocol.messages_clearing import DayClose
from yidi.protocol.transactions import DAY_CLOSE, Kind
from yidi.scenarios.judging.journal_file import open_journal
from yidi.scenarios.judging.refold import Refold
from yidi.scenarios.live.folder import Network
from yidi.scenarios.live.store import JOURNAL, NodeStore
from yidi.scenarios.running.clients import Clients
from yidi.scenarios.running.driver import Driver


class Heard(msgspec.Struct, frozen=True):
    """One line of the log."""

    asked: str
    """Message id of the request."""
    transaction: str
    kind: int
    body: bytes


class Witness:
    """The clients of a run as a host, with a log of its own.

    Args:
        driver: the clients.
        path: where the log goes.
    """

    def __init__(self, driver: Driver, path: Path) -> None:
        self.driver = driver
        self.path = path
        self.sent: dict[str, Envelope] = {}
        """Requests by message id."""
        self.open: set[str] = set()
        """Those that have had no answer."""
        self.admits_patients = True
        """Whether visits that have not begun may still begin."""
        self._log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self.next_deadline = driver.next_deadline

    def handle(self, envelope: Envelope, now: Instant) -> list[Envelope]:
        """Write an answer down, and only then tell whoever waits for it."""
        origin = envelope.origin
        line = Heard(origin.correlation_id, origin.transaction, origin.kind, envelope.body)
        os.write(self._log, msgspec.json.encode(line) + b"\n")
        os.fsync(self._log)
        self.open.discard(origin.correlation_id)
        return self._noted(self.driver.handle(envelope, now))

    def handle_deadline(self, now: Instant) -> list[Envelope]:
        """Let clients begin, and repeat themselves."""
        return self._noted(self.driver.handle_deadline(now))

    def close(self) -> None:
        """Close the log."""
        os.close(self._log)

    def _noted(self, outputs: list[Envelope]) -> list[Envelope]:
        kept = []
        for envelope in outputs:
            origin = envelope.origin
            begins = origin.transaction in t.FEE_UPLOADS and origin.message_id not in self.sent
            if begins and not self.admits_patients:
                continue
            if origin.message_id not in self.sent:
                self.sent[origin.message_id] = envelope
                self.open.add(origin.message_id)
            kept.append(envelope)
        return kept

    def heard(self) -> list[Heard]:
        """The log, read back from the disk."""
        lines = self.path.read_bytes().splitlines()
        return [msgspec.json.decode(line, type=Heard) for line in lines]


class DayCloser:
    """An operator who closes a day as soon as the one before is closed, with a pause between."""

    def __init__(self, clients: Clients, hub: str, day: str, pause: Duration) -> None:
        self.clients, self.hub, self.day, self.pause = clients, hub, day, pause
        self.refused: list[bytes] = []
        self.closed = 0
        self.goes_on = True

    def woken(self, now: Instant) -> None:
        """Close the day."""
        if self.goes_on:
            operator = f"operator:{self.hub.partition(':')[2]}"
            body = encode(DayClose(day=self.day))
            self.clients.ask(self, (operator, self.hub), DAY_CLOSE, body, now)

    def answered(self, envelope: Envelope, now: Instant) -> None:
        """The next day is open."""
        if envelope.origin.kind != Kind.RESULT:
            self.refused.append(envelope.body)
        self.closed += 1
        self.day = next_day(self.day)
        self.clients.wake(self, now + self.pause)

    def unanswered(self, message_id: str, now: Instant) -> None:
        """The hub was away for long: the same day again."""
        self.clients.wake(self, now + MILLISECOND)

    def repeats(self, message_id: str) -> bool:
        """Always."""
        return True


class Books:
    """What one node's disk holds, by its journal alone."""

    def __init__(self, network: Network, address: str) -> None:
        self.postings: list[Posting] = []
        folder = network.node_folder(address)
        node = network.nodes()[address]
        fold = Refold({address: node}, (address,), lambda _, posting: self.postings.append(posting))
        reader = open_journal(folder / JOURNAL, strict=False)
        differences = list(fold.blocks(reader))
        # What was put out in all those lives is what one life would have put out.
        assert not differences, differences[0]
        with NodeStore(folder) as store:
            self.starts = store.incarnation - 1
            restarted = store.recover(network.nodes()[address], network.opening(address))
        # Snapshot and rest come to the fold of the whole.
        assert restarted.node.snapshot() == node.snapshot()
        self.node: Any = node

    def cleared(self) -> bool:
        """Whether a month was cleared here."""
        return any(posting.kind == PostingKind.CLEAR for posting in self.postings)

    def doubled(self) -> Iterator[str]:
        """Effects that were posted more than once, or legs that do not balance."""
        seen = Counter((posting.key, posting.kind) for posting in self.postings)
        yield from (f"{self.node.address} {one}" for one, count in seen.items() if count > 1)
        for posting in self.postings:
            if sum(fen for _, fen in posting.legs):
                yield f"{self.node.address} {posting.key} does not balance"


def broken_promises(heard: list[Heard], books: dict[str, Books]) -> Iterator[str]:
    """Settlements that a client was told of and that a node's books do not have as told."""
    for line in heard:
        if line.transaction not in t.SETTLEMENTS or line.kind != Kind.RESULT:
            continue
        answer = msgspec.msgpack.decode(line.body, type=m.SettlementResult)
        for address, one in books.items():
            found = [
                case
                for case in one.node.state.cases.values()
                if case.settlement_id == answer.settlement_id and case.state in LIVE
            ]
            told = [(answer.total_fen, answer.fund_fen, answer.account_fen, answer.cash_fen)]
            booked = [(c.total_fen, c.fund_fen, c.account_fen, c.cash_fen) for c in found]
            if told != booked:
                yield f"{address} {answer.settlement_id}: told {told}, booked {booked}"
