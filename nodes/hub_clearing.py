"""Monthly clearing (清算) at the hub: which cases of a month go into which batch.

Month M is cleared in M+1 by the accounting calendar: on day 20 the treatment regions declare,
on day 21 the hub picks, per treatment region, insured region and insurance type, its live and
reconciled cases up to the end of M (deferred ones of earlier months included). Both regions
check the keys, the treatment region first, because it then holds them against cancellation;
what either refuses is put off to the next month. The rest becomes a batch per payer province,
payee province and insurance type; `hub_batches` takes it from there. A batch is never reopened
and a case is in one batch at most (INV-25); the same month is never generated twice (OF1).
"""

from __future__ import annotations

import msgspec

from yidi.nodes.agency import HubHost, known_code
from yidi.nodes.clearing_plan import ClearingPlan, month_before
from yidi.nodes.clearing_state import Batch, ClearingState, PairRun, PeriodRun
from yidi.nodes.hub_adjustments import HubAdjustments
from yidi.nodes.hub_batches import HubBatches
from yidi.nodes.hub_prefund import HubPrefund
from yidi.nodes.lifecycle import SETTLED
from yidi.nodes.outbox import Pending, Wait
from yidi.protocol import transactions as t
from yidi.protocol.bodies import open_body
from yidi.protocol.envelope import Envelope
from yidi.protocol.errors import ErrorCode
from yidi.protocol.instants import Instant
from yidi.protocol.messages_clearing import (
    KEYS_MAX,
    ClearingDeclaration,
    ClearingDeclarationResult,
    ClearingDetail,
    ClearingDetailResult,
)
from yidi.protocol.regions import province_of

__all__ = ["Batch", "ClearingState", "HubClearing"]


class HubClearing:
    """Clears months by the accounting calendar."""

    def __init__(
        self, hub: HubHost, state: ClearingState, plan: ClearingPlan, prefund: HubPrefund
    ) -> None:
        self.hub, self.state, self.plan, self.prefund = hub, state, plan, prefund
        self.batches = HubBatches(self)
        self.adjustments = HubAdjustments(self)
        hub.results[t.CLEARING_DECLARATION] = self._on_declared
        hub.results[t.CLEARING_DETAIL] = self._on_checked

    def holds(self, key: str) -> bool:
        """Whether a case is in a batch that is not confirmed yet: undoing it is E_CLEARED."""
        return key in self.state.picked

    def add_ready(self, day: str, group: str, keys: list[str]) -> None:
        """Cases of an accounting day on which all three books agree (INV-29)."""
        if keys:
            self.state.ready.setdefault(day[:7], {}).setdefault(group, []).extend(keys)

    @property
    def is_finished(self) -> bool:
        """Whether nothing is left to clear, confirm, pay or top up for the planned months."""
        state = self.state
        if self.prefund.state.open or not all(b.is_finished for b in state.batches.values()):
            return False
        open_months = any(
            self._is_planned(month)
            and (month not in state.periods or state.periods[month].stage == "declared")
            for month in [*state.ready, *state.periods]
        )
        return not open_months and (bool(self.plan.periods) or not self._has_deferred())

    def _has_deferred(self) -> bool:
        """Whether the next month will take along what was put off, or an adjustment."""
        longest = self.plan.calendar.max_defer_months
        return bool(self.state.adjusting) or any(
            self.state.deferred.get(key, 0) <= longest
            for groups in self.state.ready.values()
            for keys in groups.values()
            for key in keys
        )

    def _is_planned(self, period: str) -> bool:
        return not self.plan.periods or period in self.plan.periods

    # ------------------------------------------------------------- the calendar

    def new_day(self, day: str, now: Instant) -> list[Envelope]:
        """The accounting day has become `day`: do what the calendar says."""
        self.state.day = day
        calendar, periods = self.plan.calendar, self.state.periods
        month, of_month = self._due_month(day), int(day[8:])
        outputs: list[Envelope] = []
        if of_month >= calendar.declare_day and month not in periods and self._has_work(month):
            outputs += self._declare(month, now)
        run = periods.get(month)
        if of_month >= calendar.generate_day and run is not None and run.stage == "declared":
            run.stage = "generated"
            outputs += self._generate(month, now)
        return outputs + self.batches.new_day(day, now)

    def _due_month(self, day: str) -> str:
        """The month to clear: the one before, or where that is not planned the last one that is.

        So a planned month whose books were level too late is cleared all the same.
        """
        month, done = month_before(day), max(self.state.periods, default="")
        late = [period for period in self.plan.periods if done <= period < month]
        return month if self._is_planned(month) or not late else max(late)

    def _has_work(self, period: str) -> bool:
        """Only planned months in which, or before which, there is something to clear."""
        return self._is_planned(period) and (
            bool(self.state.adjusting) or any(month <= period for month in self.state.ready)
        )

    def _declare(self, period: str, now: Instant) -> list[Envelope]:
        self.state.periods[period] = PeriodRun()
        regions = {
            f"treatment:{group.partition('|')[0]}": True
            for month, groups in self.state.ready.items()
            if month <= period
            for group in groups
        }
        body = ClearingDeclaration(period=period)
        return [
            self.hub.send(to, t.CLEARING_DECLARATION, body, now, wait=Wait(context=period))
            for to in sorted(regions)
            if to not in self.plan.observed
        ]

    def _on_declared(self, envelope: Envelope, pending: Pending, now: Instant) -> list[Envelope]:
        answer = open_body(envelope)
        # From here the operation succeeds.
        self.hub.outbox.take(pending.origin.message_id)
        if isinstance(answer, ClearingDeclarationResult):
            region = pending.origin.recipient.partition(":")[2]
            self.state.periods[pending.context].declared[region] = answer.groups
            return []
        return self.hub.count(known_code(getattr(answer, "code", "")))

    # ------------------------------------------------------------- picking

    def _generate(self, period: str, now: Instant) -> list[Envelope]:
        """Pick the month's cases, a batch per payer, payee and insurance type."""
        batches: dict[tuple[str, str, str], Batch] = {}
        for group, keys in self._pick(period):
            treatment, insured, insutype = group.split("|")
            place = (province_of(insured), province_of(treatment), insutype)
            if place not in batches:
                batches[place] = self._new_batch(period, *place)
            pair = PairRun(treatment=treatment, insured=insured, keys=keys)
            batches[place].pairs[f"{treatment}|{insured}"] = pair
        outputs: list[Envelope] = []
        for place in sorted(batches):
            batch = batches[place]
            self.state.batches[batch.batch] = batch
            places = self.state.periods[period].places
            places.setdefault(f"{batch.payer}|{batch.payee}", []).append(batch.batch)
            for pair in batch.pairs.values():
                self.state.picked |= dict.fromkeys(pair.keys, batch.batch)
                keys, pair.keys = pair.keys, []
                for at in range(0, len(keys), KEYS_MAX):
                    pair.checks += 1
                    outputs += self._check(batch, pair, keys[at : at + KEYS_MAX], "treatment", now)
        # A batch that carries adjustments only, or observed regions only, waits for nobody.
        for place in sorted(batches):
            outputs += self._checked(batches[place], now)
        return outputs

    def _pick(self, period: str) -> list[tuple[str, list[str]]]:
        """Take the ready keys up to the month's end, by group; groups with an adjustment too."""
        state, cases = self.state, self.hub.cases
        groups: dict[str, dict[str, bool]] = {}
        for month in sorted(month for month in state.ready if month <= period):
            for group, keys in state.ready.pop(month).items():
                found = groups.setdefault(group, {})
                for key in keys:
                    # What was taken back since comes again as ready if it is ever reinstated.
                    if cases[key].state == SETTLED and key not in state.picked:
                        found[key] = True
        for item in state.adjusting.values():
            groups.setdefault(f"{item.treatment}|{item.insured}|{item.insutype}", {})
        adjusted = {
            f"{item.treatment}|{item.insured}|{item.insutype}" for item in state.adjusting.values()
        }
        return [(g, list(groups[g])) for g in sorted(groups) if groups[g] or g in adjusted]

    def _new_batch(self, period: str, payer: str, payee: str, insutype: str) -> Batch:
        tag = f"-{self.plan.tag}" if self.plan.tag else ""
        name = f"B{period.replace('-', '')}-{payer}-{payee}-{insutype}{tag}"
        assert name not in self.state.batches, "a month is generated once (INV-26)"
        return Batch(batch=name, period=period, payer=payer, payee=payee, insutype=insutype)

    # ------------------------------------------------------------- checking

    def _check(
        self, batch: Batch, pair: PairRun, keys: list[str], role: str, now: Instant
    ) -> list[Envelope]:
        """Ask a region about some keys; the treatment region is asked before the insured."""
        code = pair.treatment if role == "treatment" else pair.insured
        address = f"{role}:{code}"
        if not keys or address in self.plan.observed:
            return self._agreed(batch, pair, keys, role, now)
        amounts = [self.hub.cases[key].fund_fen for key in keys]
        body = ClearingDetail(
            batch=batch.batch,
            period=batch.period,
            treatment=pair.treatment,
            insured=pair.insured,
            insutype=batch.insutype,
            keys=keys,
            fund_fen=sum(amounts),
            amounts=amounts,
        )
        return [self.hub.send(address, t.CLEARING_DETAIL, body, now, wait=Wait(context=role))]

    def _agreed(
        self, batch: Batch, pair: PairRun, keys: list[str], role: str, now: Instant
    ) -> list[Envelope]:
        if role == "treatment":
            return self._check(batch, pair, keys, "insured", now) if keys else self._done(pair)
        pair.keys += keys
        return self._done(pair)

    def _done(self, pair: PairRun) -> list[Envelope]:
        pair.checks -= 1
        return []

    def _on_checked(self, envelope: Envelope, pending: Pending, now: Instant) -> list[Envelope]:
        """A region says which keys do not stand there so."""
        answer = open_body(envelope)
        asked = msgspec.msgpack.decode(pending.body, type=ClearingDetail)
        batch = self.state.batches[asked.batch]
        pair = batch.pairs[f"{asked.treatment}|{asked.insured}"]
        # From here the operation succeeds.
        self.hub.outbox.take(pending.origin.message_id)
        if isinstance(answer, ClearingDetailResult):
            refused = dict.fromkeys(answer.refused)
        else:
            self.hub.count(known_code(getattr(answer, "code", "")))
            refused = dict.fromkeys(asked.keys)
        for key in asked.keys:
            if key in refused:
                self._defer(key)
        kept = [key for key in asked.keys if key not in refused]
        outputs = self._agreed(batch, pair, kept, pending.context, now)
        return outputs + self._checked(batch, now)

    def _checked(self, batch: Batch, now: Instant) -> list[Envelope]:
        """When every detail message of a batch is answered, its table is made."""
        if batch.state != "CHECKING" or any(pair.checks for pair in batch.pairs.values()):
            return []
        return self.batches.generate(batch, now)

    def _defer(self, key: str) -> None:
        """Put a case off to the next month; beyond the longest deferral, raise the counter."""
        state, case = self.state, self.hub.cases[key]
        del state.picked[key]
        state.deferred[key] = months = state.deferred.get(key, 0) + 1
        if months > self.plan.calendar.max_defer_months:
            self.hub.count(ErrorCode.E_RECON_OPEN)
        group = f"{case.treatment}|{case.insured}|{case.insutype}"
        self.add_ready(case.day, group, [key])
