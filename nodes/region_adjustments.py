"""Correcting a cleared case: an adjustment in a later month that names it, never an undoing.

Two different operators of the treatment region and a reason are needed; the request travels
treatment region → hub → insured region, and each books it once under the adjustment's id when
the next one has accepted, so that no one books what another refused. The hub carries it into the
pair's next clearing. Source: faults OF6, OF7, INV-20.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from yidi.nodes.agency import operator_of
from yidi.nodes.ledger import PostingKind
from yidi.nodes.lifecycle import CLEARED, Case
from yidi.nodes.outbox import About, Pending, Wait
from yidi.protocol import transactions as t
from yidi.protocol.bodies import open_body
from yidi.protocol.codec import encode
from yidi.protocol.digests import content_digest
from yidi.protocol.envelope import Envelope
from yidi.protocol.errors import ErrorCode
from yidi.protocol.instants import Instant
from yidi.protocol.messages import Accepted
from yidi.protocol.messages_clearing import Adjustment

if TYPE_CHECKING:
    from yidi.nodes.region_books import RegionBooks


ADJUSTED = "adjusted:"
"""Contra accounts of adjustments: this and the adjustment's id."""


class AdjustmentsState(msgspec.Struct, kw_only=True):
    """What a region or hub remembers of adjustments."""

    posted: dict[str, bytes] = {}
    """Adjustment id → content digest of its body, once it is booked here."""
    sent: dict[str, bytes] = {}
    """Passed on and not yet answered."""
    sums_fen: dict[str, int] = {}
    """Case key → sum of the adjustments booked here."""

    def book(self, body: Adjustment) -> None:
        """Remember an adjustment as booked."""
        self.sent.pop(body.adjustment, None)
        self.posted[body.adjustment] = content_digest(encode(body))
        self.sums_fen[body.key] = self.sums_fen.get(body.key, 0) + body.amount_fen


def adjustment_problem(
    body: Adjustment, case: Case | None, state: AdjustmentsState
) -> tuple[ErrorCode, str] | None:
    """What speaks against an adjustment, and at which field; None when nothing does."""
    if not body.operator or not body.second_operator or body.operator == body.second_operator:
        return ErrorCode.E_ROLE, "$.second_operator"
    if not body.reason.strip() or not body.adjustment:
        return ErrorCode.E_MISSING_FIELD, "$.reason" if body.adjustment else "$.adjustment"
    if case is None:
        return ErrorCode.E_CASE_UNKNOWN, "$.key"
    if case.state != CLEARED:
        return ErrorCode.E_NOT_CLEARED, "$.key"
    left_fen = case.fund_fen + state.sums_fen.get(case.key, 0) + body.amount_fen
    # No more is taken back than the funds paid, all adjustments together.
    if not body.amount_fen or left_fen < 0:
        return ErrorCode.E_AMOUNT, "$.amount_fen"
    return None


def adjustment_legs(case: Case, body: Adjustment, sign: int) -> list[tuple[str, int]]:
    """The legs of an adjustment; `sign` as for settlements.

    The posting's key is the case it corrects (INV-20); which adjustment it is, says the contra
    account, since a case may have several.
    """
    fen = sign * body.amount_fen
    pair = f"{case.treatment}-{case.insured}:{case.insutype}"
    return [(f"adjustment:{pair}", fen), (f"{ADJUSTED}{body.adjustment}", -fen)]


class RegionAdjustments:
    """The regions' ends of an adjustment: the treatment region starts it, the insured ends it."""

    def __init__(self, books: RegionBooks) -> None:
        self.books, self.node = books, books.node
        self.state = books.state.adjustments
        if books.role == "treatment":
            self.node.requests[t.ADJUSTMENT] = self._on_ordered
            self.node.results[t.ADJUSTMENT] = self._on_accepted
        else:
            self.node.requests[t.ADJUSTMENT] = self._on_asked

    def _on_ordered(self, envelope: Envelope, body: Adjustment, now: Instant) -> list[Envelope]:
        """The treatment region's operators order it."""
        node, state = self.node, self.state
        if envelope.origin.sender != operator_of(node.address):
            return node.refuse(envelope, ErrorCode.E_ROLE, now)
        digest = content_digest(encode(body))
        before = state.posted.get(body.adjustment) or state.sent.get(body.adjustment)
        if before is not None and before != digest:
            return node.refuse(envelope, ErrorCode.E_KEY_REUSED, now, at="$.adjustment")
        if body.adjustment in state.posted:
            return node.answer(envelope, Accepted(reference=body.adjustment), now)
        if before is not None:
            return (
                [] if self._serves(envelope) else node.refuse(envelope, ErrorCode.E_IN_DOUBT, now)
            )
        case = self.books.cases.get(body.key)
        problem = adjustment_problem(body, case, state)
        if problem is not None:
            return node.refuse(envelope, problem[0], now, at=problem[1])
        assert case is not None
        # From here the operation succeeds.
        state.sent[body.adjustment] = digest
        hub, asked = self.books.state.batches[case.clearing_batch].hub, envelope.origin
        return [
            node.send(
                hub, t.ADJUSTMENT, body, now,
                About(case.key, case.treatment, case.insured, asked.partition_key, asked.trace_id),
                Wait(client=asked),
            )
        ]  # fmt: skip

    def _serves(self, envelope: Envelope) -> bool:
        """Whether this very message is under way: its answer comes, so a copy gets silence."""
        asked = envelope.origin.message_id
        return any(
            pending.client is not None and pending.client.message_id == asked
            for pending in self.node.outbox.pending.values()
        )

    def _on_accepted(self, envelope: Envelope, pending: Pending, now: Instant) -> list[Envelope]:
        """The hub and the insured region have booked it, or one of them refused."""
        answer = open_body(envelope)
        body = msgspec.msgpack.decode(pending.body, type=Adjustment)
        case = self.books.cases[body.key]
        # From here the operation succeeds.
        self.node.outbox.take(pending.origin.message_id)
        if isinstance(answer, Accepted):
            self._book(case, body)
        else:
            self.state.sent.pop(body.adjustment, None)
        client = pending.client
        if client is None:
            return []
        kind = envelope.origin.kind
        return [self.node.answered(client, client.sender, envelope.body, now, kind)]

    def _on_asked(self, envelope: Envelope, body: Adjustment, now: Instant) -> list[Envelope]:
        """The insured region, asked by the hub."""
        node, state = self.node, self.state
        if not envelope.origin.sender.startswith("hub:"):
            return node.refuse(envelope, ErrorCode.E_ROLE, now)
        before = state.posted.get(body.adjustment)
        if before is not None:
            if before != content_digest(encode(body)):
                return node.refuse(envelope, ErrorCode.E_KEY_REUSED, now, at="$.adjustment")
            return node.answer(envelope, Accepted(reference=body.adjustment), now)
        case = self.books.cases.get(body.key)
        problem = adjustment_problem(body, case, state)
        if problem is not None:
            return node.refuse(envelope, problem[0], now, at=problem[1])
        assert case is not None
        # From here the operation succeeds.
        self._book(case, body)
        return node.answer(envelope, Accepted(reference=body.adjustment), now)

    def _book(self, case: Case, body: Adjustment) -> None:
        self.state.book(body)
        legs = adjustment_legs(case, body, self.books.sign)
        self.node.ledger.post(case.key, PostingKind.ADJUST, legs)
