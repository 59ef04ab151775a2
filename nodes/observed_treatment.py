"""What follows from what somebody's own treatment platform asks and is told.

Institutions speak to the platform; the platform asks the insured regions under message ids of its
own. Our stand-in gets the institution's request, too, and would forward it: that request is held
back, and takes the own platform's message id once that has asked the same. So the answers find
the stand-in waiting for them, and its books, which reconciliation and clearing stand on, say what
the own platform has been told. What the platform never asks stays in doubt.
"""

from __future__ import annotations

from typing import Any

import msgspec

from yidi.nodes.exchange import choose_hub
from yidi.nodes.lifecycle import INDOUBT
from yidi.nodes.observed import CASES_MAX, HUB, Follower, Observed, ObservedState
from yidi.nodes.outbox import Pending
from yidi.nodes.treatment_region import TreatmentRegion, is_final
from yidi.nodes.visits import unit_key
from yidi.protocol import transactions as t
from yidi.protocol.bodies import open_body
from yidi.protocol.codec import encode
from yidi.protocol.envelope import Envelope, Link, Origin
from yidi.protocol.instants import Instant
from yidi.protocol.messages import (
    CancellationRequest,
    FeeUploadRequest,
    Rejection,
    ReversalRequest,
    SettlementRequest,
    StatusQuery,
)
from yidi.protocol.transactions import Kind

_FORWARDED = t.PRE_SETTLEMENTS | t.SETTLEMENTS | t.CANCELLATIONS | t.FEE_UPLOADS
_DOUBTS = frozenset({t.REVERSAL, t.STATUS_QUERY})
_COMPLETED = ("level", "full_self_fen", "over_limit_fen", "prepay_fen", "begin", "end")
_claims = msgspec.msgpack.Decoder(SettlementRequest)
_UNIT = SettlementRequest | CancellationRequest | FeeUploadRequest


class PlatformFollower(Follower):
    """Follows an own treatment platform."""

    def __init__(self, stand_in: TreatmentRegion, seen: ObservedState, observed: Observed) -> None:
        super().__init__(stand_in, seen, observed)
        self.region = stand_in

    def passed_on(self, request: Envelope, now: Instant) -> list[Envelope]:
        """An institution asks: hold back what our platform would forward."""
        if request.origin.transaction in _FORWARDED:
            for sent in self.region.handle(request, now):
                pending = self.region.outbox.take(sent.origin.message_id)
                if pending is not None:
                    self.seen.expected[_place(open_body(sent), sent.origin)] = pending
        return super().passed_on(request, now)

    def answered(
        self, request: Envelope, answer: Envelope, body: msgspec.Struct, now: Instant
    ) -> list[Envelope]:
        """The platform tells the institution; what it refused by itself was never asked."""
        transaction = request.origin.transaction
        if transaction in _FORWARDED:
            place = _place(open_body(request), request.origin)
            pending = self.seen.expected.get(place)
            if pending is not None and isinstance(body, Rejection) and is_final(body.code):
                del self.seen.expected[place]
                self._settle(pending, Kind.REJECTION, encode(body), now)
            unit = self.region.state.units.get(place.partition(" ")[2])
            origin = _with_key(answer.origin, unit.key if unit is not None else "")
            return [Envelope(answer.hop, origin, encode(origin), answer.body)]
        if transaction in _DOUBTS or transaction in t.QUESTIONS:
            return [answer]
        return super().answered(request, answer, body, now)

    def asked(self, request: Envelope, peer: str, now: Instant) -> Envelope:
        """The platform asks an insured region: under which key, and through which hub."""
        origin, body = request.origin, open_body(request)
        pending = self._pending_for(origin, body)
        if pending is not None:
            key = origin.case_key or pending.origin.case_key
            origin = _with_key(origin, key)
            self._take_id(origin)
            mine = msgspec.structs.replace(pending.origin, message_id=origin.message_id)
            self.seen.forwarded[origin.message_id] = Pending(
                pending.hop, encode(mine), mine, pending.body, 0, 0, pending.client,
                pending.context,
            )  # fmt: skip
            if len(self.seen.forwarded) > CASES_MAX:
                del self.seen.forwarded[next(iter(self.seen.forwarded))]
        hop = peer if peer != HUB else self._hub_for(origin, body, pending)
        return Envelope(hop, origin, encode(origin), self._completed(request, body, pending), None)

    def heard(self, answer: Envelope, now: Instant) -> None:
        """The answer to what the platform asked: the stand-in gets it as its own."""
        pending = self.seen.forwarded.get(answer.origin.correlation_id)
        if pending is None:
            return
        self.region.outbox.pending[pending.origin.message_id] = pending
        self._let_go(self.region.handle(answer, now), pending)

    # ------------------------------------------------------------- held back

    def _pending_for(self, origin: Origin, body: msgspec.Struct) -> Pending | None:
        """What our platform would have sent: held back, sent before, or made for a doubt."""
        before = self.seen.forwarded.get(origin.message_id)
        if before is not None:
            return before  # a repeat
        if isinstance(body, _UNIT):
            return self.seen.expected.pop(_place(body, origin), None)
        if isinstance(body, ReversalRequest):
            original = self.seen.forwarded.get(body.original_message_id)
            return self._doubt(origin, original.origin.case_key) if original is not None else None
        if isinstance(body, StatusQuery):
            return self._doubt(origin, self._key_of(body))
        return None

    def _completed(self, request: Envelope, body: msgspec.Struct, pending: Pending | None) -> bytes:
        """A claim with the level and the split that the platform left out.

        Where our stand-in took the fee lines, it alone knows how its catalogue splits them.
        """
        if pending is None or not isinstance(body, SettlementRequest) or not pending.body:
            return request.body
        ours = _claims.decode(pending.body)
        left_out = {name: getattr(ours, name) for name in _COMPLETED if not getattr(body, name)}
        return encode(msgspec.structs.replace(body, **left_out)) if left_out else request.body

    def _key_of(self, body: StatusQuery) -> str:
        cases = self.region.state.cases.values()
        return next((one.key for one in cases if one.visit == body.visit
                     and body.batch in ("", one.batch)), "")  # fmt: skip

    def _doubt(self, origin: Origin, key: str) -> Pending | None:
        """A reversal or query of the platform, as ours would have made it."""
        case = self.region.state.cases.get(key)
        if case is None:
            return None
        what = "cancellation" if case.cancel_message_id and case.answer else "settlement"
        origin = _with_key(origin, key)
        return Pending("", encode(origin), origin, b"", 0, 0, None, what)

    def _take_id(self, origin: Origin) -> None:
        """The case goes by the message id that the insured region knows."""
        case = self.region.state.cases.get(origin.case_key)
        if case is None:
            return
        if origin.transaction in t.SETTLEMENTS and case.state == INDOUBT:
            case.settle_message_id = origin.message_id
        elif origin.transaction in t.CANCELLATIONS and case.state == INDOUBT:
            case.cancel_message_id = origin.message_id

    def _settle(self, pending: Pending, kind: Kind, body: bytes, now: Instant) -> None:
        """Answer what was held back, since it will never be asked."""
        asked = pending.origin
        origin = Origin(
            asked.transaction, kind, asked.message_id, asked.message_id, asked.recipient,
            asked.sender, asked.case_key, asked.treatment, asked.insured, asked.partition_key,
            now, 0, asked.trace_id,
        )  # fmt: skip
        link = Link(pending.hop, self.region.address, 0, 0, now)
        answer = Envelope(self.region.address, origin, encode(origin), body, None, link)
        self.region.outbox.pending[asked.message_id] = pending
        self._let_go(self.region.handle(answer, now), pending)

    def _let_go(self, outputs: list[Envelope], pending: Pending) -> None:
        """Nothing of it is sent: the own platform speaks for itself."""
        self.region.outbox.take(pending.origin.message_id)
        for one in outputs:
            self.region.outbox.take(one.origin.message_id)

    def _hub_for(self, origin: Origin, body: Any, pending: Pending | None) -> str:
        if pending is not None and pending.hop:
            return pending.hop
        case = self.region.state.cases.get(origin.case_key)
        med_type = getattr(body, "med_type", "") or (case.med_type if case is not None else "")
        delta = self.region.config.delta
        return choose_hub(delta, origin.insured, origin.treatment, med_type)


def _place(body: Any, origin: Origin) -> str:
    """Transaction and unit: what is the same in the institution's request and the platform's."""
    return f"{origin.transaction} {unit_key(body.institution, body.visit, body.batch)}"


def _with_key(origin: Origin, key: str) -> Origin:
    return msgspec.structs.replace(origin, case_key=key) if key != origin.case_key else origin
