"""How a province pays and is paid: when due, over finance, with failures and feedback.

On each day close the hub tells it of, whatever is due is paid: the bank account is debited
and the transfer sent to the payee, which credits its own. A payment the account cannot bear, or
that fails at finance (state 9), is reported as failed and tried again some working days later
until it is paid. So money is on one account, on the other, or in one transfer in flight
(INV-04).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from yidi.nodes.agency import is_day
from yidi.nodes.ledger import PostingKind, merged_legs
from yidi.nodes.outbox import Pending
from yidi.nodes.province_state import Payment
from yidi.protocol import transactions as t
from yidi.protocol.bodies import open_body
from yidi.protocol.digests import content_digest
from yidi.protocol.envelope import Envelope
from yidi.protocol.errors import ErrorCode
from yidi.protocol.instants import Instant, add_working_days, next_day
from yidi.protocol.messages import Accepted
from yidi.protocol.messages_clearing import (
    DayClose,
    FundTransfer,
    PaymentFeedback,
)

if TYPE_CHECKING:
    from yidi.nodes.province import Province

TRANSFERS = {"clearing": t.FUND_TRANSFER, "prefund": t.PREFUND_TRANSFER}


class ProvincePayments:
    """Payments and receipts of one province."""

    def __init__(self, province: Province) -> None:
        self.province, self.state, self.plan = province, province.state, province.plan
        province.requests[t.DAY_CLOSE] = self._on_day
        province.requests[t.FUND_TRANSFER] = self._on_transfer
        province.results[t.FUND_TRANSFER] = self._on_transferred
        province.results[t.PREFUND_TRANSFER] = self._on_transferred
        province.results[t.PAYMENT_FEEDBACK] = self._on_fed_back

    # ------------------------------------------------------------- the calendar

    def _on_day(self, envelope: Envelope, body: DayClose, now: Instant) -> list[Envelope]:
        """A hub has closed a day: pay what is due, report what is to be reported."""
        hub, province = envelope.origin.sender, self.province
        if not hub.startswith("hub:"):
            return province.refuse(envelope, ErrorCode.E_ROLE, now)
        if not is_day(body.day):
            return province.refuse(envelope, ErrorCode.E_DATE, now, at="$.day")
        day = next_day(body.day)
        # From here the operation succeeds.
        if day > self.state.days.get(hub, ""):
            self.state.days[hub] = day
        outputs = province.answer(envelope, Accepted(reference=body.day), now)
        day = self.state.days[hub]
        for payment in self.state.payments.values():
            if payment.hub == hub:
                outputs += self._move(payment, day, now)
        for batch, collection in self.state.collections.items():
            waits = collection.hub == hub and collection.status == "received"
            if waits and "" < collection.report_day <= day:
                collection.status = "reported"
                outputs.append(
                    self._report(
                        hub, collection.notice, batch, "received", collection.amount_fen, now
                    )
                )
        return outputs

    def _move(self, payment: Payment, day: str, now: Instant) -> list[Envelope]:
        if payment.status in ("due", "failed") and payment.due_day <= day:
            return self._pay(payment, day, now)
        if payment.status == "paid" and payment.report_day <= day:
            payment.status = "reported"
            return [self._report_payment(payment, "paid", now)]
        return []

    # ------------------------------------------------------------- paying

    def _pay(self, payment: Payment, day: str, now: Instant) -> list[Envelope]:
        payment.attempts += 1
        short = self.plan.bank_fen is not None and (
            self.province.ledger.balance("bank") < payment.amount_fen
        )
        if short or self._fails(payment):
            return self._fail(payment, day, now)
        payment.status = "sent"
        legs = self._paying_legs(payment)
        self.province.ledger.post(payment.notice, self._kind(payment), legs)
        body = FundTransfer(
            transfer=payment.notice,
            payer=self.province.code,
            payee=payment.payee,
            purpose=payment.purpose,
            reference=payment.reference,
            insutype=payment.insutype,
            amount_fen=payment.amount_fen,
        )
        to = f"province:{payment.payee}"
        return [self.province.send(to, TRANSFERS[payment.purpose], body, now)]

    def _fail(self, payment: Payment, day: str, now: Instant) -> list[Envelope]:
        """Finance could not pay (state 9): report it, and try again some working days later."""
        payment.status = "failed"
        payment.due_day = add_working_days(day, self.plan.calendar.retry_wd)
        return [self._report_payment(payment, "failed", now)]

    def _kind(self, payment: Payment) -> PostingKind:
        return PostingKind.CLEAR if payment.purpose == "clearing" else PostingKind.PREFUND

    def _fails(self, payment: Payment) -> bool:
        """Whether the scenario lets this attempt fail at finance."""
        return payment.purpose == "clearing" and any(
            failure.payee == payment.payee
            and failure.period in ("", payment.period)
            and payment.attempts <= failure.times
            for failure in self.plan.payment_failures
        )

    def _paying_legs(self, payment: Payment) -> list[tuple[str, int]]:
        legs = [("bank", -payment.amount_fen)]
        if payment.purpose == "prefund":
            return [*legs, (f"prefund_paid:{payment.payee}", payment.amount_fen)]
        return legs + self._city_legs(payment.reference)

    def _city_legs(self, batch: str) -> list[tuple[str, int]]:
        """What this province's cities owe it, or it owes them, by the lines of a table."""
        table = self.state.tables[batch]
        insured = self.province.code == table.payer
        sign = 1 if insured else -1
        return merged_legs(
            (
                f"city:{line.insured if insured else line.treatment}",
                sign * (line.fund_fen + line.account_fen + line.adjust_fen),
            )
            for line in table.lines
        )

    def _on_transferred(self, envelope: Envelope, pending: Pending, now: Instant) -> list[Envelope]:
        """The payee has the money, or refuses it: then it comes back and is paid again."""
        answer = open_body(envelope)
        payment = self.state.payments[
            msgspec.msgpack.decode(pending.body, type=FundTransfer).transfer
        ]
        # From here the operation succeeds.
        self.province.outbox.take(pending.origin.message_id)
        day, calendar = self.state.days[payment.hub], self.plan.calendar
        if not isinstance(answer, Accepted):
            self.province.count(ErrorCode.E_PAYMENT_FAILED)
            legs = [(account, -fen) for account, fen in self._paying_legs(payment)]
            self.province.ledger.post(payment.notice, self._kind(payment), legs)
            return self._fail(payment, day, now)
        if payment.purpose == "prefund":
            payment.status = "reported"
            return [self._report_payment(payment, "paid", now)]
        payment.status = "paid"
        payment.report_day = add_working_days(day, calendar.feedback_wd)
        return []

    # ------------------------------------------------------------- receiving

    def _on_transfer(self, envelope: Envelope, body: FundTransfer, now: Instant) -> list[Envelope]:
        """Clearing money comes in: what was advanced from the prefund is made good."""
        province, state = self.province, self.state
        if envelope.origin.sender != f"province:{body.payer}" or body.payee != province.code:
            return province.refuse(envelope, ErrorCode.E_ROLE, now)
        again = province.once(envelope, state.taken, body.transfer, now)
        if again is not None:
            return again
        table = state.tables.get(body.reference)
        if table is None:
            return province.refuse(envelope, ErrorCode.E_BATCH_UNKNOWN, now, at="$.reference")
        if body.payer != table.debtor or body.amount_fen != abs(table.payable_fen):
            return province.refuse(envelope, ErrorCode.E_CLEARING_MISMATCH, now)
        collection = state.collections.get(body.reference)
        if collection is None:
            # The payer was faster than the hub's notice; silence lets it send again later.
            return province.count(ErrorCode.E_BATCH_UNKNOWN)
        # From here the operation succeeds.
        state.taken[body.transfer] = content_digest(envelope.body)
        collection.status = "received"
        day = max(state.days.get(collection.hub, ""), collection.issued)
        collection.report_day = add_working_days(day, self.plan.calendar.feedback_wd)
        legs = [("bank", body.amount_fen), *self._city_legs(body.reference)]
        legs += province.prefund.restoring_legs(collection)
        province.ledger.post(body.transfer, PostingKind.CLEAR, legs)
        return province.answer(envelope, Accepted(reference=body.transfer), now)

    # ------------------------------------------------------------- feedback

    def _report_payment(self, payment: Payment, status: str, now: Instant) -> Envelope:
        return self._report(
            payment.hub, payment.notice, payment.reference, status, payment.amount_fen, now
        )

    def _report(
        self, hub: str, notice: str, batch: str, status: str, amount_fen: int, now: Instant
    ) -> Envelope:
        body = PaymentFeedback(
            notice=notice,
            batch=batch,
            status=status,
            amount_fen=amount_fen,
            day=self.state.days[hub],
        )
        return self.province.send(hub, t.PAYMENT_FEEDBACK, body, now)

    def _on_fed_back(self, envelope: Envelope, pending: Pending, now: Instant) -> list[Envelope]:
        answer = open_body(envelope)
        # From here the operation succeeds.
        self.province.outbox.take(pending.origin.message_id)
        return [] if isinstance(answer, Accepted) else self.province.count(ErrorCode.E_ROLE)
