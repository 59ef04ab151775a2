"""The province: the party of clearing, keeper of the prefund and of a finance account.

It confirms clearing tables after checking their arithmetic, receives notices, pays what it owes
and takes in what it is owed, line by line with its cities (`city:340600`): the payer's cities
owe it what it pays for them, and it owes its own cities what it receives. Payments wait for the
hub's day closes (`province_payments`); there is no other calendar here. The prefund that other
provinces have placed here is drawn once per collection notice, as far as it goes, and filled up
again when the money comes.

Accounts: `bank`; `city:CODE`; `prefund:PAYER`, what may still be drawn, with its contra
`prefund_control:PAYER`; `prefund_due:PAYER` and `prefund_paid:PAYEE` for top-ups.
"""

from __future__ import annotations

from yidi.nodes.agency import is_day, is_period
from yidi.nodes.base import Node
from yidi.nodes.ledger import LedgerState, PostingKind, merged_legs
from yidi.nodes.province_payments import ProvincePayments
from yidi.nodes.province_prefund import ProvincePrefund
from yidi.nodes.province_state import (
    Collection,
    ConfirmedTable,
    Payment,
    PaymentFailure,
    ProvincePlan,
    ProvinceState,
)
from yidi.protocol import transactions as t
from yidi.protocol.digests import content_digest
from yidi.protocol.envelope import Envelope
from yidi.protocol.errors import ErrorCode
from yidi.protocol.instants import Instant
from yidi.protocol.messages import Accepted
from yidi.protocol.messages_clearing import ClearingLine, ClearingNotice, ClearingTable
from yidi.protocol.regions import province_of

__all__ = ["PaymentFailure", "Province", "ProvincePlan", "ProvinceState"]


class Province(Node[ProvinceState]):
    """A province as a sans-IO machine; `state` is given where it is restored."""

    role = "province"
    state_type = ProvinceState

    def __init__(self, plan: ProvincePlan, state: ProvinceState | None = None) -> None:
        super().__init__(f"province:{plan.code}", state or opening(plan))
        self.plan = plan
        self.requests[t.CLEARING_TABLE] = self._on_table
        self.requests[t.CLEARING_NOTICE] = self._on_notice
        self.payments = ProvincePayments(self)
        self.prefund = ProvincePrefund(self)

    def once(
        self, envelope: Envelope, done: dict[str, bytes], identity: str, now: Instant
    ) -> list[Envelope] | None:
        """The first answer again for a repeated id; None when the id is new."""
        before = done.get(identity)
        if before is None:
            return None
        if before != content_digest(envelope.body):
            return self.refuse(envelope, ErrorCode.E_KEY_REUSED, now)
        return self.answer(envelope, Accepted(reference=identity), now)

    # ------------------------------------------------------------- tables

    def _on_table(self, envelope: Envelope, body: ClearingTable, now: Instant) -> list[Envelope]:
        """Confirm a table whose sums are right, or refuse it."""
        if not envelope.origin.sender.startswith("hub:"):
            return self.refuse(envelope, ErrorCode.E_ROLE, now)
        digest = content_digest(envelope.body)
        known = self.state.tables.get(body.batch)
        accepted = Accepted(reference=body.batch)
        if known is not None and known.digest == digest:
            return self.answer(envelope, accepted, now)
        if known is not None and (known.notified or body.revision <= known.revision):
            return self.refuse(envelope, ErrorCode.E_KEY_REUSED, now, at="$.batch")
        if self.code not in (body.payer, body.payee):
            return self.refuse(envelope, ErrorCode.E_NOT_MINE, now, at="$.payer")
        if not is_period(body.period):
            return self.refuse(envelope, ErrorCode.E_DATE, now, at="$.period")
        wrong = table_problem(body)
        if wrong:
            return self.refuse(envelope, ErrorCode.E_CLEARING_MISMATCH, now, at=f"$.{wrong}")
        # From here the operation succeeds.
        at_home = body.payer == body.payee
        self.state.tables[body.batch] = ConfirmedTable(
            digest=digest,
            revision=body.revision,
            period=body.period,
            payer=body.payer,
            payee=body.payee,
            insutype=body.insutype,
            payable_fen=body.payable_fen,
            lines=body.lines,
            notified=at_home,
        )
        legs = home_legs(body.lines) if at_home else []
        if legs:
            self.ledger.post(body.batch, PostingKind.CLEAR, legs)
        return self.answer(envelope, accepted, now)

    # ------------------------------------------------------------- notices

    def _on_notice(self, envelope: Envelope, body: ClearingNotice, now: Instant) -> list[Envelope]:
        """Take a payment or collection notice of a table it has confirmed."""
        hub = envelope.origin.sender
        if not hub.startswith("hub:"):
            return self.refuse(envelope, ErrorCode.E_ROLE, now)
        again = self.once(envelope, self.state.taken, body.notice, now)
        if again is not None:
            return again
        table = self.state.tables.get(body.batch)
        if table is None:
            return self.refuse(envelope, ErrorCode.E_BATCH_UNKNOWN, now, at="$.batch")
        me = body.payer if body.kind == "payment" else body.payee
        if me != self.code or {body.payer, body.payee} != {table.payer, table.payee}:
            return self.refuse(envelope, ErrorCode.E_NOT_MINE, now, at="$.payer")
        if body.amount_fen != abs(table.payable_fen) or body.payer != table.debtor:
            return self.refuse(envelope, ErrorCode.E_CLEARING_MISMATCH, now, at="$.amount_fen")
        if not is_day(body.day) or not is_day(body.due_day):
            return self.refuse(envelope, ErrorCode.E_DATE, now, at="$.due_day")
        # From here the operation succeeds.
        self.state.taken[body.notice] = content_digest(envelope.body)
        table.notified = True
        if body.kind == "payment":
            self._owe(hub, body)
        else:
            self._expect(hub, body)
        return self.answer(envelope, Accepted(reference=body.notice), now)

    def _owe(self, hub: str, body: ClearingNotice) -> None:
        self.state.payments[body.notice] = Payment(
            notice=body.notice,
            purpose="clearing",
            hub=hub,
            reference=body.batch,
            period=body.period,
            payee=body.payee,
            insutype=body.insutype,
            amount_fen=body.amount_fen,
            due_day=body.due_day,
        )

    def _expect(self, hub: str, body: ClearingNotice) -> None:
        collection = Collection(
            notice=body.notice,
            hub=hub,
            payer=body.payer,
            amount_fen=body.amount_fen,
            issued=body.day,
        )
        self.state.collections[body.batch] = collection
        self.prefund.draw(collection)


def opening(plan: ProvincePlan) -> ProvinceState:
    """A province's memory before the first message: its bank account and the prefunds here."""
    balances = {"bank": plan.bank_fen or 0}
    for payer, fen in sorted(plan.prefunds.items()):
        balances[f"prefund:{payer}"] = fen
        balances[f"prefund_control:{payer}"] = -fen
    balances["opening"] = -(plan.bank_fen or 0)
    return ProvinceState(ledger=LedgerState(balances=balances))


def line_payable(line: ClearingLine) -> int:
    """What one city owes another by a line of a table, fen."""
    return line.fund_fen + line.account_fen + line.adjust_fen


def home_legs(lines: list[ClearingLine]) -> list[tuple[str, int]]:
    """Inside a province the cities settle through it, without a bank transfer."""
    legs: list[tuple[str, int]] = []
    for line in lines:
        fen = line_payable(line)
        legs += [(f"city:{line.insured}", fen), (f"city:{line.treatment}", -fen)]
    return merged_legs(legs)


def table_problem(body: ClearingTable) -> str:
    """The field whose sum is wrong, or empty. Source: domain 5.8, design 5 (INV-27)."""
    for name in ("count", "total_fen", "fund_fen", "account_fen", "adjust_fen"):
        if getattr(body, name) != sum(getattr(line, name) for line in body.lines):
            return name
    if sum(fund.fund_fen for fund in body.funds) != body.fund_fen:
        return "funds"
    if body.payable_fen != body.fund_fen + body.account_fen + body.adjust_fen:
        return "payable_fen"
    for line in body.lines:
        places = (province_of(line.insured), province_of(line.treatment))
        if places != (body.payer, body.payee):
            return "lines"
    return ""
