"""Prefund (预付金) at the hub: usage against the grant, and the alarms.

The payer's province has placed a prefund at the payee's. When a month's tables are made, the
usage `clearing / granted` of each ordered pair is evaluated once, in integers: from 70 % on a
yellow alarm, from 90 % on a red one (the higher alone). A red one makes the treatment province
start an emergency top-up; the hub hears of it when the payer reports its payment, and the grant
grows. Source: domain 5.5; the thresholds are confirmed [S2].
"""

from __future__ import annotations

import msgspec

from yidi.nodes.agency import HubHost, NoticeRow, known_code
from yidi.nodes.clearing_plan import ClearingPlan
from yidi.nodes.outbox import Pending
from yidi.protocol import transactions as t
from yidi.protocol.bodies import open_body
from yidi.protocol.envelope import Envelope
from yidi.protocol.errors import ErrorCode
from yidi.protocol.instants import Instant
from yidi.protocol.messages import Accepted
from yidi.protocol.messages_clearing import PaymentFeedback, PrefundAlarm


class PrefundState(msgspec.Struct, kw_only=True):
    """What the hub remembers of prefunds."""

    granted: dict[str, int] = {}
    """`payer|payee` → grant in fen, opening plus top-ups."""
    alarms: dict[str, str] = {}
    """Alarm id → level; at most one per pair and period."""
    open: dict[str, str] = {}
    """Red alarms whose top-up has not been reported paid → `payer|payee`."""
    topped_up: dict[str, int] = {}
    """Alarm id → fen of its top-up, once it is reported paid."""
    notices: list[NoticeRow] = []


def level_of(used_fen: int, granted_fen: int) -> str:
    """`red`, `yellow`, or empty; without a grant there is no alarm. Source: domain 5.5 [S2]."""
    if granted_fen <= 0:
        return ""
    if 10 * used_fen >= 9 * granted_fen:
        return "red"
    return "yellow" if 10 * used_fen >= 7 * granted_fen else ""


class HubPrefund:
    """Watches the use of prefunds."""

    def __init__(self, hub: HubHost, state: PrefundState, plan: ClearingPlan) -> None:
        self.hub, self.state, self.plan = hub, state, plan
        for (payer, payee), fen in sorted(plan.prefunds.items()):
            state.granted.setdefault(f"{payer}|{payee}", fen)
        hub.results[t.PREFUND_ALARM] = self._on_alarm_taken

    def evaluate(
        self, period: str, pair: tuple[str, str], used_fen: int, day: str, now: Instant
    ) -> list[Envelope]:
        """A month's tables of a payer and payee are made: warn once, at the level reached."""
        payer, payee = pair
        granted_fen = self.state.granted.get(f"{payer}|{payee}", 0)
        level = level_of(used_fen, granted_fen)
        tag = f"-{self.plan.tag}" if self.plan.tag else ""
        alarm = f"A{period.replace('-', '')}-{payer}-{payee}{tag}"
        if not level or alarm in self.state.alarms:
            return []
        self.state.alarms[alarm] = level
        if level == "red":
            self.state.open[alarm] = f"{payer}|{payee}"
        self.state.notices.append(
            NoticeRow(
                kind=level, notice=alarm, issuer=self.hub.address, day=day, period=period,
                payer=payer, payee=payee, amount_fen=used_fen, granted_fen=granted_fen,
            )
        )  # fmt: skip
        body = PrefundAlarm(
            alarm=alarm, level=level, period=period, payer=payer, payee=payee,
            used_fen=used_fen, granted_fen=granted_fen, day=day,
        )  # fmt: skip
        addresses = (f"province:{payer}", f"province:{payee}")
        return [self.hub.send(to, t.PREFUND_ALARM, body, now) for to in addresses]

    def on_feedback(
        self, envelope: Envelope, body: PaymentFeedback, now: Instant
    ) -> list[Envelope]:
        """The payer reports how its top-up went; `body.batch` is the alarm."""
        state = self.state
        if body.batch not in state.alarms:
            return self.hub.refuse(envelope, ErrorCode.E_BATCH_UNKNOWN, now, at="$.batch")
        payer = body.batch.split("-")[1]
        if envelope.origin.sender != f"province:{payer}":
            return self.hub.refuse(envelope, ErrorCode.E_ROLE, now)
        if body.status == "paid" and state.topped_up.get(body.batch, body.amount_fen) != (
            body.amount_fen
        ):
            return self.hub.refuse(envelope, ErrorCode.E_KEY_REUSED, now, at="$.amount_fen")
        # From here the operation succeeds.
        pair = state.open.get(body.batch)
        if body.status == "paid" and pair is not None:
            state.granted[pair] += body.amount_fen
            state.topped_up[body.batch] = body.amount_fen
            del state.open[body.batch]
        return self.hub.answer(envelope, Accepted(reference=body.notice), now)

    def _on_alarm_taken(self, envelope: Envelope, pending: Pending, now: Instant) -> list[Envelope]:
        """A province has taken note of an alarm."""
        answer = open_body(envelope)
        self.hub.outbox.take(pending.origin.message_id)
        return (
            []
            if isinstance(answer, Accepted)
            else self.hub.count(known_code(getattr(answer, "code", "")))
        )
