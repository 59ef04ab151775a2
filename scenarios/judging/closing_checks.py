"""Per-event checks of agency work: closing of batches, bank accounts, prefunds.

Rare beside settlements, so they may open bodies. A batch's closing messages are held against
the three books at the moment they arrive (INV-29) and against each other (INV-25, INV-26);
postings on bank and prefund accounts are folded on the side (INV-04, INV-22, INV-24).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from yidi.nodes.ledger import Posting, PostingKind
from yidi.nodes.lifecycle import LIVE
from yidi.protocol import transactions as t
from yidi.protocol.bodies import open_body
from yidi.protocol.digests import content_digest
from yidi.protocol.envelope import Envelope
from yidi.protocol.messages_clearing import ClearingClose
from yidi.scenarios.judging.verdicts import TallyBook
from yidi.scenarios.judging.watch import NodeWatch

BANK, PREFUND = "bank", "prefund:"
_PREFUND_KINDS = (PostingKind.PREFUND, PostingKind.CLEAR)


class ClosingChecks:
    """The part of `EventChecks` that watches batches, banks and prefunds."""

    def __init__(self, book: TallyBook, watches: Mapping[str, NodeWatch]) -> None:
        self.book = book
        self.watches = watches
        self.bank_fen = 0
        """Sum of all bank legs: minus what is on its way between two banks."""
        self.prefunds: dict[tuple[str, str], int] = {}
        """(Node, prefund account) → fold of its legs."""
        self._opening = {
            (address, account): fen
            for address, watch in watches.items()
            for account, fen in watch.node.state.ledger.balances.items()
            if account.startswith(PREFUND)
        }
        self.closed: dict[tuple[str, str], str] = {}
        """(Node, case key) → batch that closed it there."""
        self._parts: dict[tuple[str, str, int], bytes] = {}
        self._periods: dict[tuple[str, ...], str] = {}

    # ------------------------------------------------------------------ postings

    def on_posting(self, watch: NodeWatch, posting: Posting) -> None:
        """A posting that settles or undoes no case: adjustment, clearing, prefund, payment."""
        kind, key = posting.kind, posting.key
        if kind is PostingKind.ADJUST:
            # A case may have several; the contra account says which one it is.
            key = f"{key} {posting.legs[-1][0]}"
        once = self.book["INV-07"]
        once.count += 1
        of_kind = watch.posted.setdefault(kind, {})
        of_kind[key] = of_kind.get(key, 0) + 1
        if kind not in (PostingKind.ADJUST, *_PREFUND_KINDS):
            once.fail(f"{kind} of no case", key=key, node=watch.address)
        elif kind is PostingKind.ADJUST:
            self.book["INV-20"].count += 1
        # A transfer that came back is booked out again under its notice; an adjustment is not.
        if kind is PostingKind.ADJUST and of_kind[key] > 1:
            once.fail(f"{kind} booked {of_kind[key]} times", key=key, node=watch.address)
        for account, fen in posting.legs:
            if account == BANK:
                self._on_bank(watch, key, fen)
            elif account.startswith(PREFUND):
                self._on_prefund(watch, posting, account, fen)

    def _on_bank(self, watch: NodeWatch, key: str, fen: int) -> None:
        """INV-04: what leaves one bank may be on its way; nothing arrives that did not leave."""
        tally = self.book["INV-04"]
        tally.count += 1
        self.bank_fen += fen
        if self.bank_fen > 0:
            facts = f"{self.bank_fen} fen arrived that no bank had sent"
            tally.fail(facts, key=key, node=watch.address)

    def _on_prefund(self, watch: NodeWatch, posting: Posting, account: str, fen: int) -> None:
        tally = self.book["INV-24"]
        tally.count += 1
        if posting.kind not in _PREFUND_KINDS or not posting.key:
            facts = f"{posting.kind} moves {account} by {fen}"
            tally.fail(facts, key=posting.key, node=watch.address)
        place = (watch.address, account)
        self.prefunds[place] = self.prefunds.get(place, 0) + fen

    # ------------------------------------------------------------------ batches

    def on_delivery(self, watch: NodeWatch, envelope: Envelope) -> None:
        """A message without a case key has been handled."""
        origin = envelope.origin
        if origin.transaction != t.CLEARING_CLOSE or origin.kind != 0:
            return
        body = open_body(envelope)
        assert isinstance(body, ClearingClose)
        self._check_part(watch, body, origin.sender)
        for key in body.keys:
            self._check_key(watch, body, key, origin.sender)

    def _check_part(self, watch: NodeWatch, body: ClearingClose, hub: str) -> None:
        """INV-26: a closing message never changes, and periods only go forward."""
        tally = self.book["INV-26"]
        tally.count += 1
        digest = content_digest(repr((body.period, body.keys)).encode())
        place = (watch.address, body.batch, body.part)
        if self._parts.setdefault(place, digest) != digest:
            facts = f"batch {body.batch} part {body.part} closed with other content"
            tally.fail(facts, key=body.batch, node=watch.address)
        group = (watch.address, hub, body.treatment, body.insured, body.insutype)
        before = self._periods.get(group, "")
        if body.period < before:
            tally.fail(f"{body.period} after {before}", key=body.batch, node=watch.address)
        self._periods[group] = max(before, body.period)

    def _check_key(self, watch: NodeWatch, body: ClearingClose, key: str, hub: str) -> None:
        once = self.book["INV-25"]
        once.count += 1
        place = (watch.address, key)
        if self.closed.setdefault(place, body.batch) != body.batch:
            facts = f"in {self.closed[place]} and again in {body.batch}"
            once.fail(facts, key=key, node=watch.address)
        agreed = self.book["INV-29"]
        agreed.count += 1
        sides = [hub, f"treatment:{body.treatment}", f"insured:{body.insured}"]
        books = [self._booked(side, key) for side in sides if side in self.watches]
        if any(one != books[0] or one is None for one in books):
            agreed.fail(f"cleared, and the books say {books}", key=key, node=watch.address)

    def _booked(self, address: str, key: str) -> tuple[int, bytes] | None:
        case: Any = self.watches[address].cases.get(key)
        if case is None or case.state not in LIVE:
            return None
        return case.fund_fen, case.digest

    # ------------------------------------------------------------------ the end

    def finish(self) -> None:
        """INV-04: all money has arrived. INV-22: a prefund is what its postings come to."""
        tally = self.book["INV-04"]
        if tally.count and self.bank_fen and not self._under_way():
            tally.fail(f"{self.bank_fen} fen left a bank and never arrived")
        folds = self.book["INV-22"]
        for address, watch in self.watches.items():
            for account, fen in watch.node.state.ledger.balances.items():
                if account.startswith(PREFUND):
                    folds.count += 1
                    place = (address, account)
                    fold = self._opening.get(place, 0) + self.prefunds.get(place, 0)
                    if fold != fen:
                        facts = f"{account} is {fen}, its postings come to {fold}"
                        folds.fail(facts, key=account, node=address)

    def _under_way(self) -> bool:
        transfers = (t.FUND_TRANSFER, t.PREFUND_TRANSFER)
        return any(
            entry.origin.transaction in transfers
            for watch in self.watches.values()
            for entry in watch.outbox.values()
        )
