"""The prefund at a province: drawn per notice, made good by clearing, topped up in emergency.

As payee it holds what payers have placed here. A collection notice draws what the prefund has,
at most the notice's amount, so the balance never falls below zero (INV-21); the clearing money
fills it up again. On a red alarm it asks the payer for a top-up, due three working days after
the sign-off, that brings usage back to one half (grant = twice the month). Source: domain 5.5.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from yidi.nodes.agency import NoticeRow, is_day
from yidi.nodes.hub_prefund import level_of
from yidi.nodes.ledger import PostingKind
from yidi.nodes.outbox import Pending
from yidi.nodes.province_state import Collection, Payment
from yidi.protocol import transactions as t
from yidi.protocol.bodies import open_body
from yidi.protocol.digests import content_digest
from yidi.protocol.envelope import Envelope
from yidi.protocol.errors import ErrorCode
from yidi.protocol.instants import Instant, add_working_days
from yidi.protocol.messages import Accepted
from yidi.protocol.messages_clearing import FundTransfer, PrefundAlarm, PrefundNotice

if TYPE_CHECKING:
    from yidi.nodes.province import Province


class ProvincePrefund:
    """Prefunds held here, and top-ups owed elsewhere."""

    def __init__(self, province: Province) -> None:
        self.province, self.state, self.plan = province, province.state, province.plan
        province.requests[t.PREFUND_ALARM] = self._on_alarm
        province.requests[t.PREFUND_NOTICE] = self._on_notice
        province.requests[t.PREFUND_TRANSFER] = self._on_transfer
        province.results[t.PREFUND_NOTICE] = self._on_notice_taken

    def draw(self, collection: Collection) -> None:
        """Draw the prefund for a collection notice: one posting, none where nothing is left."""
        left_fen = self.province.ledger.balance(f"prefund:{collection.payer}")
        collection.drawn_fen = fen = min(left_fen, collection.amount_fen)
        if fen:
            legs = quota_legs(collection.payer, -fen)
            self.province.ledger.post(collection.notice, PostingKind.PREFUND, legs)

    def restoring_legs(self, collection: Collection) -> list[tuple[str, int]]:
        """The legs that make good what was drawn, part of the receipt's posting."""
        if not collection.drawn_fen:
            return []
        return quota_legs(collection.payer, collection.drawn_fen)

    # ------------------------------------------------------------- emergency top-up

    def _on_alarm(self, envelope: Envelope, body: PrefundAlarm, now: Instant) -> list[Envelope]:
        """Take note; as the treatment province, answer a red alarm with a top-up notice."""
        province, hub = self.province, envelope.origin.sender
        if not hub.startswith("hub:"):
            return province.refuse(envelope, ErrorCode.E_ROLE, now)
        again = province.once(envelope, self.state.taken, body.alarm, now)
        if again is not None:
            return again
        if province.code not in (body.payer, body.payee):
            return province.refuse(envelope, ErrorCode.E_NOT_MINE, now)
        if not is_day(body.day):
            return province.refuse(envelope, ErrorCode.E_DATE, now, at="$.day")
        if level_of(body.used_fen, body.granted_fen) != body.level:
            return province.refuse(envelope, ErrorCode.E_CLEARING_MISMATCH, now, at="$.level")
        # From here the operation succeeds.
        self.state.taken[body.alarm] = content_digest(envelope.body)
        outputs = province.answer(envelope, Accepted(reference=body.alarm), now)
        if body.level == "red" and body.payee == province.code:
            outputs.append(self._ask_for_top_up(hub, body, now))
        return outputs

    def _ask_for_top_up(self, hub: str, alarm: PrefundAlarm, now: Instant) -> Envelope:
        province = self.province
        body = PrefundNotice(
            notice="N" + alarm.alarm[1:],
            alarm=alarm.alarm,
            payer=alarm.payer,
            payee=alarm.payee,
            amount_fen=2 * alarm.used_fen - alarm.granted_fen,
            due_day=add_working_days(alarm.day, self.plan.calendar.prefund_wd),
            hub=hub,
        )
        self.state.top_ups[body.notice] = body.amount_fen
        self.state.notices.append(
            NoticeRow(
                kind="prefund",
                notice=body.notice,
                issuer=province.address,
                day=alarm.day,
                period=alarm.period,
                payer=body.payer,
                payee=body.payee,
                amount_fen=body.amount_fen,
                due_day=body.due_day,
                granted_fen=alarm.granted_fen,
            )
        )
        to = f"province:{body.payer}"
        return province.send(to, t.PREFUND_NOTICE, body, now)

    def _on_notice_taken(
        self, envelope: Envelope, pending: Pending, now: Instant
    ) -> list[Envelope]:
        answer = open_body(envelope)
        # From here the operation succeeds.
        self.province.outbox.take(pending.origin.message_id)
        accepted = isinstance(answer, Accepted)
        return [] if accepted else self.province.count(ErrorCode.E_PREFUND_FLOOR)

    def _on_notice(self, envelope: Envelope, body: PrefundNotice, now: Instant) -> list[Envelope]:
        """As the payer's province: owe the top-up, due on a day."""
        province = self.province
        if envelope.origin.sender != f"province:{body.payee}" or body.payer != province.code:
            return province.refuse(envelope, ErrorCode.E_ROLE, now)
        again = province.once(envelope, self.state.taken, body.notice, now)
        if again is not None:
            return again
        if not is_day(body.due_day) or not body.hub.startswith("hub:"):
            return province.refuse(envelope, ErrorCode.E_DATE, now, at="$.due_day")
        # From here the operation succeeds.
        self.state.taken[body.notice] = content_digest(envelope.body)
        self.state.payments[body.notice] = Payment(
            notice=body.notice,
            purpose="prefund",
            hub=body.hub,
            reference=body.alarm,
            period="",
            payee=body.payee,
            insutype="",
            amount_fen=body.amount_fen,
            due_day=body.due_day,
        )
        return province.answer(envelope, Accepted(reference=body.notice), now)

    def _on_transfer(self, envelope: Envelope, body: FundTransfer, now: Instant) -> list[Envelope]:
        """The top-up comes in: money on the bank account, and as much more to draw."""
        province = self.province
        if envelope.origin.sender != f"province:{body.payer}" or body.payee != province.code:
            return province.refuse(envelope, ErrorCode.E_ROLE, now)
        key = f"{body.transfer}:paid"
        again = province.once(envelope, self.state.taken, key, now)
        if again is not None:
            return again
        if self.state.top_ups.get(body.transfer) != body.amount_fen:
            return province.refuse(envelope, ErrorCode.E_BATCH_UNKNOWN, now, at="$.transfer")
        # From here the operation succeeds.
        self.state.taken[key] = content_digest(envelope.body)
        del self.state.top_ups[body.transfer]
        fen = body.amount_fen
        legs = [("bank", fen), (f"prefund_due:{body.payer}", -fen)]
        legs += quota_legs(body.payer, fen)
        province.ledger.post(body.transfer, PostingKind.PREFUND, legs)
        return province.answer(envelope, Accepted(reference=key), now)


def quota_legs(payer: str, fen: int) -> list[tuple[str, int]]:
    """What may be drawn of a payer's prefund changes; its contra account keeps the sum zero."""
    return [(f"prefund:{payer}", fen), (f"prefund_control:{payer}", -fen)]
