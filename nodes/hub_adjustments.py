"""Adjustments at the hub: between the treatment region that orders and the insured region.

The insured region books first, then the hub, then the treatment region; the hub carries each
one into the next clearing of its pair. See `region_adjustments`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from yidi.nodes.ledger import PostingKind
from yidi.nodes.outbox import Pending, Wait
from yidi.nodes.region_adjustments import adjustment_legs, adjustment_problem
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
    from yidi.nodes.hub_clearing import HubClearing


class PendingAdjustment(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An adjustment that the next batch of its pair will carry."""

    adjustment: str
    treatment: str
    insured: str
    insutype: str
    amount_fen: int


class HubAdjustments:
    """Passes adjustments on and books them."""

    def __init__(self, clearing: HubClearing) -> None:
        self.clearing, self.hub = clearing, clearing.hub
        self.state = clearing.state.adjustments
        self.hub.requests[t.ADJUSTMENT] = self._on_ordered
        self.hub.results[t.ADJUSTMENT] = self._on_accepted

    def _on_ordered(self, envelope: Envelope, body: Adjustment, now: Instant) -> list[Envelope]:
        hub, state = self.hub, self.state
        digest = content_digest(encode(body))
        before = state.posted.get(body.adjustment) or state.sent.get(body.adjustment)
        if before is not None and before != digest:
            return hub.refuse(envelope, ErrorCode.E_KEY_REUSED, now, at="$.adjustment")
        if body.adjustment in state.posted:
            return hub.answer(envelope, Accepted(reference=body.adjustment), now)
        if before is not None:
            return []  # A resend: the answer is on its way to the first one.
        case = hub.cases.get(body.key)
        problem = adjustment_problem(body, case, state)
        if problem is not None:
            return hub.refuse(envelope, problem[0], now, at=problem[1])
        assert case is not None
        if envelope.origin.sender != f"treatment:{case.treatment}":
            return hub.refuse(envelope, ErrorCode.E_ROLE, now)
        # From here the operation succeeds.
        state.sent[body.adjustment] = digest
        insured = f"insured:{case.insured}"
        return [
            hub.send(
                insured, t.ADJUSTMENT, body, now, envelope.origin, Wait(client=envelope.origin)
            )
        ]

    def _on_accepted(self, envelope: Envelope, pending: Pending, now: Instant) -> list[Envelope]:
        answer = open_body(envelope)
        body = msgspec.msgpack.decode(pending.body, type=Adjustment)
        case = self.hub.cases[body.key]
        # From here the operation succeeds.
        self.hub.outbox.take(pending.origin.message_id)
        if isinstance(answer, Accepted):
            self.state.book(body)
            legs = adjustment_legs(case, body, 1)
            self.hub.ledger.post(case.key, PostingKind.ADJUST, legs)
            self.clearing.state.adjusting[body.adjustment] = PendingAdjustment(
                adjustment=body.adjustment,
                treatment=case.treatment,
                insured=case.insured,
                insutype=case.insutype,
                amount_fen=body.amount_fen,
            )
        else:
            self.state.sent.pop(body.adjustment, None)
        client = pending.client
        assert client is not None
        kind = envelope.origin.kind
        return [self.hub.answered(client, client.sender, envelope.body, now, kind)]
