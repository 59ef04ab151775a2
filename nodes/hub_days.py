"""Day close (日切) and the daily three-way reconciliation (三方对账), at the hub.

The accounting day changes only by the operator's DAY_CLOSE. When no exchange stamped with the
closed day is open any more (or `statement_delay` later), every region gets the hub's books of
that day for its role and answers with its own. Equal groups are level; once both regions of a
group are level with the hub its cases may be cleared (INV-29). What is not level goes to
`hub_differences`, which finds the cases. Everything monthly hangs on the same day close.
"""

from __future__ import annotations

from yidi.nodes.agency import HubHost, is_day, known_code, operator_of
from yidi.nodes.clearing_plan import ClearingPlan
from yidi.nodes.day_groups import day_entries, totals_of
from yidi.nodes.day_state import DayRun, DaysState, Difference, GroupRun
from yidi.nodes.hub_clearing import HubClearing
from yidi.nodes.hub_differences import HubDifferences, group_id, sides
from yidi.nodes.lifecycle import Case
from yidi.nodes.outbox import Pending, Wait
from yidi.protocol import transactions as t
from yidi.protocol.bodies import open_body
from yidi.protocol.envelope import Envelope
from yidi.protocol.errors import ErrorCode
from yidi.protocol.instants import Instant, next_day
from yidi.protocol.messages import Accepted, Rejection
from yidi.protocol.messages_clearing import (
    DailyStatement,
    DailyStatementResult,
    DayClose,
    GroupTotals,
)

__all__ = ["DaysState", "Difference", "HubDays"]


class HubDays:
    """Closes accounting days and reconciles them.

    The hub calls `note_settled`, `note_undone`, `note_reinstated` when it books, and
    `exchange_closed(day, now)` when an exchange stamped with an earlier day ends.
    """

    def __init__(
        self, hub: HubHost, state: DaysState, plan: ClearingPlan, clearing: HubClearing
    ) -> None:
        self.hub, self.state, self.plan, self.clearing = hub, state, plan, clearing
        if not state.day:
            state.opening_day = state.day = plan.opening_day
        self._settled = state.index.settled
        self.differences = HubDifferences(self)
        hub.requests[t.DAY_CLOSE] = self._on_day_close
        hub.results[t.DAILY_STATEMENT] = self._on_statement
        hub.results[t.DAILY_DETAIL] = self.differences.on_detail

    @property
    def day(self) -> str:
        """The accounting day to stamp."""
        return self.state.day

    @property
    def is_quiet(self) -> bool:
        """Whether every closed day has been compared (differences may still be open)."""
        state = self.state
        return not (state.waiting or state.runs or state.inquiries)

    # ------------------------------------------------------------- told by the hub

    def note_settled(self, case: Case) -> None:
        """A case was booked; `case.day` is its exchange's stamp."""
        day = case.day
        keys = self._settled.get(day)
        if keys is not None:
            keys.append(case.key)
        elif day == self.state.day or day in self.state.waiting:
            self._settled[day] = [case.key]
        if day != self.state.day and day not in self.state.waiting:
            self.state.recheck[case.key] = True

    def note_undone(self, case: Case, day: str) -> None:
        """A case was taken back on an accounting day (`case.undone_day`)."""
        state = self.state
        if day == state.day or day in state.waiting:
            state.index.undone.setdefault(day, []).append(case.key)
        else:
            state.recheck[case.key] = True

    def note_reinstated(self, case: Case) -> None:
        """A cancellation was reversed: the case stands again, its `undone_day` is empty."""
        if case.day != self.state.day and case.day not in self.state.waiting:
            self.state.recheck[case.key] = True

    def exchange_closed(self, day: str, now: Instant) -> list[Envelope]:
        """An exchange stamped `day` has ended; a closed day's statements may go out now."""
        if day in self.state.waiting and not self.hub.open_exchanges(day):
            return self._send_statements(day, now)
        return []

    # ------------------------------------------------------------- day close

    def _on_day_close(self, envelope: Envelope, body: DayClose, now: Instant) -> list[Envelope]:
        state = self.state
        if envelope.origin.sender != operator_of(self.hub.address):
            return self.hub.refuse(envelope, ErrorCode.E_ROLE, now)
        if not is_day(body.day):
            return self.hub.refuse(envelope, ErrorCode.E_DATE, now, at="$.day")
        accepted = Accepted(reference=body.day)
        if state.opening_day <= body.day < state.day:
            return self.hub.answer(envelope, accepted, now)
        if body.day != state.day:
            return self.hub.refuse(envelope, ErrorCode.E_DAY, now, at="$.day", facts=state.day)
        # From here the operation succeeds.
        state.day = next_day(body.day)
        state.waiting[body.day] = now + self.plan.statement_delay
        outputs = self.hub.answer(envelope, accepted, now)
        outputs += self.differences.ask_again(now)
        outputs += self.exchange_closed(body.day, now)
        outputs += self.clearing.new_day(state.day, now)
        return outputs

    def next_deadline(self) -> Instant | None:
        """When the next statements go out even if exchanges are open."""
        return Instant(min(self.state.waiting.values())) if self.state.waiting else None

    def handle_deadline(self, now: Instant) -> list[Envelope]:
        """Send the statements that have waited long enough."""
        outputs: list[Envelope] = []
        for day in [day for day, due_at in self.state.waiting.items() if due_at <= now]:
            outputs += self._send_statements(day, now)
        return outputs

    # ------------------------------------------------------------- statements

    def _send_statements(self, day: str, now: Instant) -> list[Envelope]:
        state = self.state
        del state.waiting[day]
        self.hub.forget_exchanges(day)
        run = state.runs[day] = DayRun()
        books: dict[str, list[GroupTotals]] = {
            f"{role}:{code}": []
            for role, codes in (("treatment", self.plan.treatment), ("insured", self.plan.insured))
            for code in codes
        }
        for group, entries in day_entries(state.index, self.hub.cases, day).items():
            totals = totals_of(group, entries)
            keys = [entry.case.key for entry in entries if entry.sign > 0]
            run.groups[group_id(group)] = GroupRun(totals=totals, keys=keys)
            for address in sides(group):
                books.setdefault(address, []).append(totals)
        outputs: list[Envelope] = []
        for address, groups in books.items():
            if address in self.plan.observed:
                self._level(day, address)
                continue
            run.waiting.append(address)
            body = DailyStatement(day=day, groups=groups)
            outputs.append(
                self.hub.send(address, t.DAILY_STATEMENT, body, now, wait=Wait(context=day))
            )
        self.forget_if_done(day)
        return outputs

    def _on_statement(self, envelope: Envelope, pending: Pending, now: Instant) -> list[Envelope]:
        """A region's own totals of the day: level, or asked about in detail."""
        answer = open_body(envelope)
        day, address = pending.context, pending.origin.recipient
        run = self.state.runs[day]
        # From here the operation succeeds.
        self.hub.outbox.take(pending.origin.message_id)
        run.waiting.remove(address)
        outputs: list[Envelope] = []
        if isinstance(answer, Rejection):
            # Who keeps no books with the hub is observed; any other refusal leaves the day open.
            self.hub.count(known_code(answer.code))
            if answer.code == ErrorCode.E_INFNO_UNKNOWN:
                self._level(day, address)
        else:
            assert isinstance(answer, DailyStatementResult)
            outputs = self._compare(day, address, answer.groups, now)
        self.forget_if_done(day)
        return outputs

    def _compare(
        self, day: str, address: str, theirs: list[GroupTotals], now: Instant
    ) -> list[Envelope]:
        run = self.state.runs[day]
        found: dict[str, GroupTotals] = {}
        for totals in theirs:
            group = (totals.treatment, totals.insured, totals.insutype)
            if address in sides(group):
                found[group_id(group)] = totals
                run.groups.setdefault(group_id(group), GroupRun())
        outputs: list[Envelope] = []
        for identity in list(run.groups):
            if address not in sides(identity.split("|")):
                continue
            group_run = run.groups[identity]
            if group_run.totals is not None and group_run.totals == found.get(identity):
                self._level_group(day, identity, address)
            else:
                outputs += self.differences.ask_lines(day, identity, now)
        return outputs

    def _level(self, day: str, address: str) -> None:
        """Take a side as level without its answer."""
        for identity in list(self.state.runs[day].groups):
            if address in sides(identity.split("|")):
                self._level_group(day, identity, address)

    def _level_group(self, day: str, identity: str, address: str) -> None:
        groups = self.state.runs[day].groups
        group_run = groups[identity]
        group_run.level.append(address)
        if len(group_run.level) == 2 and group_run.lines is None:
            self.clearing.add_ready(day, identity, group_run.keys)
            del groups[identity]

    def forget_if_done(self, day: str) -> None:
        """Drop a day whose groups are all compared; later bookings of it are rechecked by key."""
        state, run = self.state, self.state.runs[day]
        if not run.waiting and not run.groups:
            del state.runs[day]
            state.index.settled.pop(day, None)
            state.index.undone.pop(day, None)
