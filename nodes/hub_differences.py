"""Which cases make a day's books differ, what kind of difference each is, and when it is over.

A group that is not level is looked at line by line at all three nodes; the keys whose lines
differ are then asked about by key, since a case missing from a day may stand in another one or
under another insurance type. What the three do not agree on becomes a `Difference`, so the
report is `Live(T) Δ Live(H) Δ Live(I)` of the day (INV-05), plus cases booked with other
contents. Open ones are asked about again at every day close. A case that no node holds as live
is agreed, however it got there: a reversal of what the treatment region never booked ends so.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from yidi.nodes.day_groups import ABSENT, GroupKey, day_entries, line_of, view_of
from yidi.nodes.day_state import Difference, GroupRun, Inquiry
from yidi.nodes.lifecycle import INDOUBT, LIVE, REVERSED
from yidi.nodes.outbox import Pending, Wait
from yidi.protocol import transactions as t
from yidi.protocol.bodies import open_body
from yidi.protocol.envelope import Envelope
from yidi.protocol.errors import ErrorCode
from yidi.protocol.instants import Instant
from yidi.protocol.messages_clearing import (
    VIEWS_MAX,
    CaseView,
    DailyDetail,
    DailyDetailResult,
    EffectLine,
)

if TYPE_CHECKING:
    from yidi.nodes.hub_days import HubDays

NODES = ("treatment", "hub", "insured")


def group_id(group: GroupKey) -> str:
    """A group as a key of plain state."""
    return "|".join(group)


def sides(group: Sequence[str]) -> tuple[str, str]:
    """The two regions that keep books of a group."""
    return f"treatment:{group[0]}", f"insured:{group[1]}"


def agree(views: dict[str, CaseView]) -> bool:
    """Whether three views of a case say the same about money."""
    live = [view for view in views.values() if view.state in LIVE]
    if not live:
        return True
    first = live[0]
    return len(live) == len(views) and all(
        (view.digest, view.fund_fen, view.day, view.insutype)
        == (first.digest, first.fund_fen, first.day, first.insutype)
        for view in live
    )


def classify(views: dict[str, CaseView]) -> str:
    """The class of a difference, a code of the dictionary `difference`. Source: domain 5.2."""
    live = [node for node in NODES if views[node].state in LIVE]
    if len(live) == len(NODES):
        for kind in ("insutype", "day"):
            if len({getattr(view, kind) for view in views.values()}) > 1:
                return kind
        return "amount"
    if any(view.twin for view in views.values()):
        return "duplicate"
    others = [views[node] for node in NODES if node not in live]
    # Booked there once and taken back since, or being taken back: the case is known to all.
    if any(view.state == REVERSED or (view.state == INDOUBT and view.digest) for view in others):
        return "state"
    if len(live) == 1:
        return f"{live[0]}_only"
    return next(f"{node}_missing" for node in NODES if node not in live)


class HubDifferences:
    """Details and inquiries of the hub's reconciliation."""

    def __init__(self, days: HubDays) -> None:
        self.days, self.hub, self.state, self.plan = days, days.hub, days.state, days.plan

    # ------------------------------------------------------------- lines of a group

    def ask_lines(self, day: str, identity: str, now: Instant) -> list[Envelope]:
        """Ask both regions for the lines of a group that is not level, once."""
        group_run = self.state.runs[day].groups[identity]
        if group_run.lines is not None:
            return []
        both = sides(identity.split("|"))
        group_run.lines = {address: [] for address in both}
        outputs: list[Envelope] = []
        for address in both:
            if address in self.plan.observed:
                group_run.complete.append(address)
            else:
                outputs.append(self._ask_page(day, identity, address, "", now))
        return outputs

    def _ask_page(
        self, day: str, identity: str, address: str, after: str, now: Instant
    ) -> Envelope:
        treatment, insured, insutype = identity.split("|")
        body = DailyDetail(
            day=day, treatment=treatment, insured=insured, insutype=insutype, after=after
        )
        context = f"lines {day} {identity}"
        return self.hub.send(address, t.DAILY_DETAIL, body, now, wait=Wait(context=context))

    def on_detail(self, envelope: Envelope, pending: Pending, now: Instant) -> list[Envelope]:
        """A page of lines, or the views of an inquiry."""
        answer = open_body(envelope)
        what, _, rest = pending.context.partition(" ")
        if what == "views":
            return self._on_views(rest, answer, pending)
        day, _, identity = rest.partition(" ")
        run = self.state.runs.get(day)
        group_run = run.groups.get(identity) if run is not None else None
        # From here the operation succeeds.
        self.hub.outbox.take(pending.origin.message_id)
        if group_run is None:
            return []
        if not isinstance(answer, DailyDetailResult):
            return self._give_up(day, identity, group_run)
        assert group_run.lines is not None
        address = pending.origin.recipient
        group_run.lines[address] += answer.lines
        if answer.more and answer.lines:
            last = answer.lines[-1]
            return [self._ask_page(day, identity, address, f"{last.key} {last.kind}", now)]
        group_run.complete.append(address)
        if len(group_run.complete) < 2:
            return []
        return self._compare_lines(day, identity, group_run, now)

    def _give_up(self, day: str, identity: str, group_run: GroupRun) -> list[Envelope]:
        """A region refuses its lines: its cases are asked about by key at the next day close."""
        self.state.recheck |= dict.fromkeys(group_run.keys, True)
        del self.state.runs[day].groups[identity]
        self.days.forget_if_done(day)
        return self.hub.count(ErrorCode.E_RECON_OPEN)

    def _compare_lines(
        self, day: str, identity: str, group_run: GroupRun, now: Instant
    ) -> list[Envelope]:
        treatment, insured, insutype = identity.split("|")
        group = (treatment, insured, insutype)
        entries = day_entries(self.state.index, self.hub.cases, day, group).get(group, [])
        ours = [line_of(entry) for entry in entries]
        assert group_run.lines is not None
        books = [_by_effect(ours)]
        for address, lines in group_run.lines.items():
            books.append(_by_effect(ours if address in self.plan.observed else lines))
        suspects: dict[str, bool] = {}
        for effect in sorted({effect for book in books for effect in book}):
            if any(book.get(effect) != books[0].get(effect) for book in books):
                suspects[effect[0]] = True
        level = [e.case.key for e in entries if e.sign > 0 and e.case.key not in suspects]
        self.days.clearing.add_ready(day, identity, level)
        del self.state.runs[day].groups[identity]
        self.days.forget_if_done(day)
        # A case that differs in several groups or days is asked about once.
        fresh = [key for key in suspects if key not in self.state.open]
        return self._inquire(day, treatment, insured, fresh, now)

    # ------------------------------------------------------------- cases by key

    def ask_again(self, now: Instant) -> list[Envelope]:
        """At a day close: ask about open differences, and cases booked after their statement."""
        state, cases = self.state, self.hub.cases
        pairs: dict[tuple[str, str], list[str]] = {}
        for key, at in state.open.items():
            row = state.differences[at]
            pairs.setdefault((row.treatment, row.insured), []).append(key)
        for key in state.recheck:
            if key not in state.open:
                pairs.setdefault((cases[key].treatment, cases[key].insured), []).append(key)
        state.recheck.clear()
        outputs: list[Envelope] = []
        for (treatment, insured), keys in pairs.items():
            outputs += self._inquire("", treatment, insured, keys, now)
        return outputs

    def _inquire(
        self, day: str, treatment: str, insured: str, keys: list[str], now: Instant
    ) -> list[Envelope]:
        state = self.state
        outputs: list[Envelope] = []
        for at in range(0, len(keys), VIEWS_MAX):
            state.inquired += 1
            identity = str(state.inquired)
            inquiry = Inquiry(
                day=day, treatment=treatment, insured=insured, keys=keys[at : at + VIEWS_MAX]
            )
            state.inquiries[identity] = inquiry
            body = DailyDetail(
                day=day, treatment=treatment, insured=insured, insutype="", keys=inquiry.keys
            )
            for address in sides((treatment, insured)):
                if address in self.plan.observed:
                    views = [view_of(self.hub.cases, key) for key in inquiry.keys]
                    inquiry.views[address.partition(":")[0]] = views
                    continue
                outputs.append(
                    self.hub.send(
                        address, t.DAILY_DETAIL, body, now, wait=Wait(context=f"views {identity}")
                    )
                )
            self._judge_if_told(identity, inquiry)
        return outputs

    def _on_views(self, identity: str, answer: msgspec.Struct, pending: Pending) -> list[Envelope]:
        inquiry = self.state.inquiries.get(identity)
        # From here the operation succeeds.
        self.hub.outbox.take(pending.origin.message_id)
        if inquiry is None:
            return []
        views = answer.views if isinstance(answer, DailyDetailResult) else []
        if [view.key for view in views] != inquiry.keys:
            del self.state.inquiries[identity]
            known = [key for key in inquiry.keys if key in self.hub.cases]
            self.state.recheck |= dict.fromkeys(known, True)
            return self.hub.count(ErrorCode.E_RECON_OPEN)
        inquiry.views[pending.origin.recipient.partition(":")[0]] = views
        self._judge_if_told(identity, inquiry)
        return []

    def _judge_if_told(self, identity: str, inquiry: Inquiry) -> None:
        if len(inquiry.views) < 2:
            return
        del self.state.inquiries[identity]
        for at, key in enumerate(inquiry.keys):
            views = {
                "treatment": inquiry.views["treatment"][at],
                "hub": view_of(self.hub.cases, key),
                "insured": inquiry.views["insured"][at],
            }
            self._judge(inquiry, key, views)

    def _judge(self, inquiry: Inquiry, key: str, views: dict[str, CaseView]) -> None:
        """Open, keep or resolve the difference of one case."""
        state, row_at = self.state, self.state.open.get(key)
        if agree(views):
            if row_at is not None:
                state.differences[row_at].resolved_day = state.day
                del state.open[key]
            hub_view = views["hub"]
            if hub_view.state in LIVE:
                group = (inquiry.treatment, inquiry.insured, hub_view.insutype)
                self.days.clearing.add_ready(hub_view.day, group_id(group), [key])
            return
        if row_at is not None:
            row = state.differences[row_at]
            row.states, row.funds = _states(views), _funds(views)
            return
        state.open[key] = len(state.differences)
        known = next(view for view in views.values() if view.state in LIVE)
        state.differences.append(
            Difference(
                day=inquiry.day or known.day,
                key=key,
                kind=classify(views),
                treatment=inquiry.treatment,
                insured=inquiry.insured,
                insutype=known.insutype,
                states=_states(views),
                funds=_funds(views),
            )
        )


def _by_effect(lines: list[EffectLine]) -> dict[tuple[str, str], tuple[int, bytes]]:
    return {(line.key, line.kind): (line.fund_fen, line.digest) for line in lines}


def _states(views: dict[str, CaseView]) -> dict[str, str]:
    return {node: view.state or ABSENT for node, view in views.items()}


def _funds(views: dict[str, CaseView]) -> dict[str, int]:
    return {node: view.fund_fen for node, view in views.items()}
