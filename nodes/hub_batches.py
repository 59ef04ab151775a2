"""A batch from its table to its payment, at the hub.

CHECKING → GENERATED: the table goes to both provinces (one, inside a province) to confirm.
→ CONFIRMED: the cases are CLEARED at all three nodes, one CLEAR posting per node.
→ NOTIFIED at the month's end: payment and collection notices. → PAID when the payer reports
its transfer and the payee the receipt; FAILED in between when finance could not pay (state 9).
Provinces have no calendar of their own: while they owe, expect or top up something, the hub
tells them of every day close.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from yidi.nodes.agency import NoticeRow, known_code
from yidi.nodes.clearing_plan import notice_day, transfer_day
from yidi.nodes.clearing_state import Batch, PairRun
from yidi.nodes.ledger import PostingKind
from yidi.nodes.lifecycle import CLEARED, SETTLED, advance
from yidi.nodes.outbox import Pending, Wait
from yidi.nodes.region_books import clear_legs
from yidi.protocol import transactions as t
from yidi.protocol.bodies import open_body
from yidi.protocol.envelope import Envelope
from yidi.protocol.errors import ErrorCode
from yidi.protocol.instants import Instant, next_day
from yidi.protocol.messages import Accepted
from yidi.protocol.messages_clearing import (
    KEYS_MAX,
    ClearingClose,
    ClearingLine,
    ClearingNotice,
    ClearingTable,
    DayClose,
    FundSum,
    PaymentFeedback,
)

if TYPE_CHECKING:
    from yidi.nodes.hub_clearing import HubClearing


class HubBatches:
    """Tables, confirmation, closing, notices and payment."""

    def __init__(self, clearing: HubClearing) -> None:
        self.clearing, self.hub = clearing, clearing.hub
        self.state, self.plan = clearing.state, clearing.plan
        self.hub.requests[t.PAYMENT_FEEDBACK] = self._on_feedback
        self.hub.results[t.CLEARING_TABLE] = self._on_table
        for transaction in (t.CLEARING_CLOSE, t.CLEARING_NOTICE, t.DAY_CLOSE):
            self.hub.results[transaction] = self._on_taken

    # ------------------------------------------------------------- tables

    def generate(self, batch: Batch, now: Instant) -> list[Envelope]:
        """All details are agreed: make the table, and evaluate the prefund's use."""
        carried = {pair.treatment + pair.insured for pair in batch.pairs.values()}
        for item in list(self.state.adjusting.values()):
            same = item.insutype == batch.insutype and item.treatment + item.insured in carried
            if same:
                pair = batch.pairs[f"{item.treatment}|{item.insured}"]
                pair.adjust_fen += item.amount_fen
                batch.adjustments.append(item.adjustment)
                del self.state.adjusting[item.adjustment]
        self._sum_up(batch)
        outputs: list[Envelope] = []
        if batch.count or batch.adjustments:
            batch.state = "GENERATED"
            outputs += self._send_table(batch, now)
        else:
            # Every case was put off: there is nothing to confirm.
            del self.state.batches[batch.batch]
        return outputs + self._evaluate_prefund(batch, now)

    def _sum_up(self, batch: Batch) -> None:
        batch.count = batch.total_fen = batch.fund_fen = batch.account_fen = batch.adjust_fen = 0
        funds: dict[str, int] = {}
        for pair in batch.pairs.values():
            self._sum_pair(pair, funds)
            batch.count += pair.count
            batch.total_fen += pair.total_fen
            batch.fund_fen += pair.fund_fen
            batch.account_fen += pair.account_fen
            batch.adjust_fen += pair.adjust_fen
        batch.funds = dict(sorted(funds.items()))
        batch.payable_fen = batch.fund_fen + batch.account_fen + batch.adjust_fen

    def _sum_pair(self, pair: PairRun, funds: dict[str, int]) -> None:
        pair.keys.sort()
        pair.count, pair.total_fen, pair.fund_fen, pair.account_fen = len(pair.keys), 0, 0, 0
        for key in pair.keys:
            case = self.hub.cases[key]
            pair.total_fen += case.total_fen
            pair.fund_fen += case.fund_fen
            pair.account_fen += case.account_fen if self.plan.account == "cleared" else 0
            for pay in case.funds:
                funds[pay.fund_pay_type] = funds.get(pay.fund_pay_type, 0) + pay.fund_fen

    def _send_table(self, batch: Batch, now: Instant) -> list[Envelope]:
        body = ClearingTable(
            batch=batch.batch,
            period=batch.period,
            payer=batch.payer,
            payee=batch.payee,
            insutype=batch.insutype,
            count=batch.count,
            total_fen=batch.total_fen,
            fund_fen=batch.fund_fen,
            funds=[FundSum(fund_pay_type=fund, fund_fen=fen) for fund, fen in batch.funds.items()],
            account_fen=batch.account_fen,
            adjust_fen=batch.adjust_fen,
            payable_fen=batch.payable_fen,
            lines=[_line(pair) for _, pair in sorted(batch.pairs.items())],
            revision=batch.revision,
        )
        wait = Wait(context=f"{batch.batch} {batch.revision}")
        addresses = [f"province:{code}" for code in batch.parties]
        return [self.hub.send(to, t.CLEARING_TABLE, body, now, wait=wait) for to in addresses]

    def _evaluate_prefund(self, batch: Batch, now: Instant) -> list[Envelope]:
        """Once every batch of the pair and month has its table (INV-23)."""
        state = self.state
        names = state.periods[batch.period].places[f"{batch.payer}|{batch.payee}"]
        siblings = [state.batches[name] for name in names if name in state.batches]
        if batch.is_at_home or any(other.state == "CHECKING" for other in siblings):
            return []
        used_fen = sum(other.payable_fen for other in siblings)
        pair = (batch.payer, batch.payee)
        return self.clearing.prefund.evaluate(batch.period, pair, used_fen, self.state.day, now)

    # ------------------------------------------------------------- confirmation

    def _on_table(self, envelope: Envelope, pending: Pending, now: Instant) -> list[Envelope]:
        answer = open_body(envelope)
        name, _, revision = pending.context.partition(" ")
        batch = self.state.batches[name]
        # From here the operation succeeds.
        self.hub.outbox.take(pending.origin.message_id)
        if batch.is_closed or str(batch.revision) != revision:
            return []
        if not isinstance(answer, Accepted):
            batch.disputed = True
            return self.hub.count(known_code(getattr(answer, "code", "")))
        batch.confirmed.append(pending.origin.recipient.partition(":")[2])
        if len(batch.confirmed) < len(batch.parties):
            return []
        gone = [
            key
            for pair in batch.pairs.values()
            for key in pair.keys
            if self.hub.cases[key].state != SETTLED
        ]
        return self._withdraw(batch, gone, now) if gone else self._confirm(batch, now)

    def _withdraw(self, batch: Batch, gone: list[str], now: Instant) -> list[Envelope]:
        """Make the table anew, without the cases that were taken back meanwhile."""
        without = dict.fromkeys(gone)
        for pair in batch.pairs.values():
            pair.keys = [key for key in pair.keys if key not in without]
        for key in gone:
            del self.state.picked[key]
        batch.revision += 1
        batch.confirmed, batch.disputed = [], False
        self._sum_up(batch)
        return self._send_table(batch, now)

    def _confirm(self, batch: Batch, now: Instant) -> list[Envelope]:
        """Both have confirmed: the cases are cleared, here and at their regions."""
        batch.state = "CONFIRMED"
        for pair in batch.pairs.values():
            for key in pair.keys:
                case = self.hub.cases[key]
                advance("hub", case, CLEARED)
                case.period, case.clearing_batch = batch.period, batch.batch
                del self.state.picked[key]
                self.state.deferred.pop(key, None)
        counterparty = f"{batch.payer}-{batch.payee}"
        legs = clear_legs(batch.funds, batch.account_fen, counterparty, batch.insutype, 1)
        if legs:
            self.hub.ledger.post(batch.batch, PostingKind.CLEAR, legs)
        outputs = self._close(batch, now)
        for pair in batch.pairs.values():
            pair.keys = []
        return outputs

    def _close(self, batch: Batch, now: Instant) -> list[Envelope]:
        """Tell every region which of its cases are cleared; it gets `parts` messages in all."""
        parcels: dict[str, list[ClearingClose]] = {}
        for pair in batch.pairs.values():
            for at in range(0, len(pair.keys), KEYS_MAX):
                keys = pair.keys[at : at + KEYS_MAX]
                for address in (f"treatment:{pair.treatment}", f"insured:{pair.insured}"):
                    if address not in self.plan.observed:
                        parcel = parcels.setdefault(address, [])
                        parcel.append(self._closing(batch, pair, keys, len(parcel)))
        outputs: list[Envelope] = []
        for address, parcel in sorted(parcels.items()):
            for body in parcel:
                whole = msgspec.structs.replace(body, parts=len(parcel))
                outputs.append(self.hub.send(address, t.CLEARING_CLOSE, whole, now))
        return outputs

    def _closing(self, batch: Batch, pair: PairRun, keys: list[str], part: int) -> ClearingClose:
        cleared = self.plan.account == "cleared"
        account_fen = sum(self.hub.cases[key].account_fen for key in keys) if cleared else 0
        return ClearingClose(
            batch=batch.batch,
            period=batch.period,
            insured=pair.insured,
            treatment=pair.treatment,
            keys=keys,
            part=part,
            insutype=batch.insutype,
            account_fen=account_fen,
        )

    # ------------------------------------------------------------- notices, payment

    def new_day(self, day: str, now: Instant) -> list[Envelope]:
        """What the calendar asks of batches: disputes again, notices, news for provinces."""
        outputs: list[Envelope] = []
        informed: dict[str, bool] = {}
        for batch in self.state.batches.values():
            if batch.is_finished:
                continue
            if batch.disputed:
                outputs += self._withdraw(batch, [], now)
            if not batch.is_closed and int(day[8:]) == self.plan.calendar.confirm_day:
                self.hub.count(ErrorCode.E_CLEARING_MISMATCH)
            if batch.state == "CONFIRMED" and day >= notice_day(batch.period):
                outputs += self._notify(batch, day, now)
            elif batch.state in ("NOTIFIED", "FAILED"):
                informed |= {batch.payer: True, batch.payee: True}
        for pair in self.clearing.prefund.state.open.values():
            informed |= dict.fromkeys(pair.split("|"), True)
        news = DayClose(day=next_day(day, -1))
        for code in sorted(informed):
            to = f"province:{code}"
            outputs.append(self.hub.send(to, t.DAY_CLOSE, news, now))
        return outputs

    def _notify(self, batch: Batch, day: str, now: Instant) -> list[Envelope]:
        """Send the payment notice (付款通知书) and the collection notice (收款通知书)."""
        if not batch.payable_fen:
            batch.state = "PAID"
            return []
        batch.state = "NOTIFIED"
        due_day = transfer_day(self.plan.calendar, day)
        outputs: list[Envelope] = []
        for kind, code in (("payment", batch.debtor), ("collection", batch.creditor)):
            body = ClearingNotice(
                notice=kind[0].upper() + batch.batch[1:],
                kind=kind,
                batch=batch.batch,
                period=batch.period,
                payer=batch.debtor,
                payee=batch.creditor,
                insutype=batch.insutype,
                amount_fen=abs(batch.payable_fen),
                due_day=due_day,
                day=day,
            )
            self.state.notices.append(_row(body, self.hub.address))
            to = f"province:{code}"
            outputs.append(self.hub.send(to, t.CLEARING_NOTICE, body, now))
        return outputs

    def _on_feedback(
        self, envelope: Envelope, body: PaymentFeedback, now: Instant
    ) -> list[Envelope]:
        """A province reports a payment: of a batch, or of a prefund top-up."""
        batch = self.state.batches.get(body.batch)
        if batch is None or not batch.is_closed:
            return self.clearing.prefund.on_feedback(envelope, body, now)
        paying = {f"province:{batch.debtor}": ("paid", "failed")}
        told = {**paying, f"province:{batch.creditor}": ("received",)}
        if body.status not in told.get(envelope.origin.sender, ()):
            return self.hub.refuse(envelope, ErrorCode.E_ROLE, now, at="$.status")
        if body.amount_fen != abs(batch.payable_fen):
            return self.hub.refuse(envelope, ErrorCode.E_AMOUNT, now, at="$.amount_fen")
        # From here the operation succeeds.
        province = envelope.origin.sender.partition(":")[2]
        if batch.reports.get(province) != "paid":
            batch.reports[province] = body.status
        if batch.reports.get(batch.debtor) == "failed":
            batch.state = "FAILED"
        else:
            batch.state = "PAID" if len(batch.reports) == 2 else "NOTIFIED"
        return self.hub.answer(envelope, Accepted(reference=body.notice), now)

    def _on_taken(self, envelope: Envelope, pending: Pending, now: Instant) -> list[Envelope]:
        """A region or province has taken a message that needs no more than that."""
        answer = open_body(envelope)
        # From here the operation succeeds.
        self.hub.outbox.take(pending.origin.message_id)
        if isinstance(answer, Accepted):
            return []
        return self.hub.count(known_code(getattr(answer, "code", "")))


def _line(pair: PairRun) -> ClearingLine:
    return ClearingLine(
        treatment=pair.treatment,
        insured=pair.insured,
        count=pair.count,
        total_fen=pair.total_fen,
        fund_fen=pair.fund_fen,
        account_fen=pair.account_fen,
        adjust_fen=pair.adjust_fen,
    )


def _row(body: ClearingNotice, issuer: str) -> NoticeRow:
    return NoticeRow(
        kind=body.kind,
        notice=body.notice,
        issuer=issuer,
        day=body.day,
        period=body.period,
        payer=body.payer,
        payee=body.payee,
        amount_fen=body.amount_fen,
        insutype=body.insutype,
        batch=body.batch,
        due_day=body.due_day,
    )
