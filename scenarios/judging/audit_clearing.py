"""Audits of the monthly clearing: which cases, for how much, in which batch, told to whom.

The sums are taken again from the cases at the hub and from the adjustments' postings; tables
and notices must say the same. Source: invariants 21, 23 and 25 to 27.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from yidi.nodes.lifecycle import CLEARED, SETTLED
from yidi.protocol.regions import province_of
from yidi.scenarios.judging.rows import funds_of, nodes_with
from yidi.scenarios.judging.verdicts import TallyBook


class _Sum:
    """What the cases of a batch come to."""

    def __init__(self) -> None:
        self.count = self.total_fen = self.fund_fen = self.account_fen = 0
        self.funds: dict[str, int] = {}

    def add(self, case: Any) -> None:
        self.count += 1
        self.total_fen += case.total_fen
        self.fund_fen += case.fund_fen
        self.account_fen += case.account_fen
        for fund, fen in funds_of(case).items():
            self.funds[fund] = self.funds.get(fund, 0) + fen


def audit_clearing(nodes: Mapping[str, Any], book: TallyBook) -> None:
    """INV-21, INV-23 and INV-25 to INV-27 over the hubs and provinces as they stand."""
    for hub in nodes_with(nodes, "hub"):
        sums = _sums(hub)
        _check_members(hub, book)
        _check_order(hub, book)
        _check_sums(hub, sums, book)
        _check_notices(hub, book)
        _check_alarms(hub, book)
    for province in nodes_with(nodes, "province"):
        _check_floor(province, book)


def _sums(hub: Any) -> dict[str, _Sum]:
    sums: dict[str, _Sum] = {}
    for case in hub.state.cases.values():
        if case.state == CLEARED:
            sums.setdefault(case.clearing_batch, _Sum()).add(case)
    return sums


# ---------------------------------------------------------------------- INV-25


def _check_members(hub: Any, book: TallyBook) -> None:
    """A cleared case names a closed batch of its pair; nothing reconciled was left out."""
    tally = book["INV-25"]
    state = hub.state.clearing
    waiting = _waiting(hub)
    for key, case in hub.state.cases.items():
        if case.state == CLEARED:
            tally.count += 1
            batch = state.batches.get(case.clearing_batch)
            if batch is None or not batch.is_closed or case.period != batch.period:
                facts = f"cleared in {case.clearing_batch!r} of {case.period!r}, no such batch"
                tally.fail(facts, key=key, node=hub.address)
            elif (batch.payer, batch.payee, batch.insutype) != _place(case):
                facts = f"in batch {batch.batch}, and belongs to {_place(case)}"
                tally.fail(facts, key=key, node=hub.address)
        elif case.state == SETTLED and _is_due(state, case.day) and key not in waiting:
            tally.count += 1
            facts = f"of {case.day}, reconciled, not deferred, and in no batch"
            tally.fail(facts, key=key, node=hub.address)


def _place(case: Any) -> tuple[str, str, str]:
    return province_of(case.insured), province_of(case.treatment), case.insutype


def _is_due(state: Any, day: str) -> bool:
    """Whether a month at or after the day has been generated and all its batches are closed."""
    open_periods = {one.period for one in state.batches.values() if not one.is_closed}
    return any(
        run.stage == "generated" and day[:7] <= period and period not in open_periods
        for period, run in state.periods.items()
    )


def _waiting(hub: Any) -> set[str]:
    """Keys that need not be in a batch yet: put off, picked, ready for the next, or disputed."""
    clearing, days = hub.state.clearing, hub.state.days
    ready = (key for groups in clearing.ready.values() for keys in groups.values() for key in keys)
    return {*clearing.deferred, *clearing.picked, *days.open, *days.recheck, *ready}


# ---------------------------------------------------------------------- INV-26, INV-27


def _check_order(hub: Any, book: TallyBook) -> None:
    """Batches of a pair go forward by period, and a name is used once."""
    tally = book["INV-26"]
    last: dict[tuple[str, str, str], str] = {}
    for name, batch in hub.state.clearing.batches.items():
        tally.count += 1
        place = (batch.payer, batch.payee, batch.insutype)
        if batch.period <= last.get(place, "") or name != batch.batch:
            facts = f"period {batch.period} after {last.get(place)}"
            tally.fail(facts, key=name, node=hub.address)
        last[place] = batch.period


def _check_sums(hub: Any, sums: Mapping[str, _Sum], book: TallyBook) -> None:
    """A batch's table is the sum of its cases and adjustments."""
    tally = book["INV-27"]
    cleared = hub.config.plan.account == "cleared"
    for name, batch in hub.state.clearing.batches.items():
        if not batch.is_closed:
            continue
        tally.count += 1
        real = sums.get(name, _Sum())
        account = real.account_fen if cleared else 0
        wanted = (real.count, real.total_fen, real.fund_fen, real.funds, account)
        said = (batch.count, batch.total_fen, batch.fund_fen, dict(batch.funds), batch.account_fen)
        if wanted != said:
            tally.fail(f"table {said}, cases {wanted}", key=name, node=hub.address)
        if batch.payable_fen != batch.fund_fen + batch.account_fen + batch.adjust_fen:
            facts = f"payable {batch.payable_fen} is not fund + account + adjustments"
            tally.fail(facts, key=name, node=hub.address)


def _check_notices(hub: Any, book: TallyBook) -> None:
    """Payment and collection notice name the same sum as the table, once each."""
    tally = book["INV-27"]
    told: dict[str, dict[str, list[int]]] = {}
    for row in hub.state.clearing.notices:
        told.setdefault(row.batch, {}).setdefault(row.kind, []).append(row.amount_fen)
    for name, batch in hub.state.clearing.batches.items():
        if batch.state not in ("NOTIFIED", "PAID", "FAILED") or batch.is_at_home:
            continue
        due = abs(batch.payable_fen)
        if not due and name not in told:
            continue
        tally.count += 1
        found = told.get(name, {})
        amounts = {kind: [abs(fen) for fen in fens] for kind, fens in found.items()}
        if amounts != {"payment": [due], "collection": [due]}:
            tally.fail(f"payable {due}, notices {amounts}", key=name, node=hub.address)


# ---------------------------------------------------------------------- INV-21, INV-23


def _check_alarms(hub: Any, book: TallyBook) -> None:
    """70 % is yellow, 90 % red, each period's use once; integers only."""
    tally = book["INV-23"]
    state = hub.state.prefund
    used: dict[tuple[str, str, str], int] = {}
    for batch in hub.state.clearing.batches.values():
        if batch.is_closed and not batch.is_at_home:
            place = (batch.period, batch.payer, batch.payee)
            used[place] = used.get(place, 0) + batch.payable_fen
    alarms = {
        (row.period, row.payer, row.payee): row
        for row in state.notices
        if row.kind in ("yellow", "red")
    }
    if len(alarms) != sum(row.kind in ("yellow", "red") for row in state.notices):
        tally.fail("two alarms for one pair and period", node=hub.address)
    for place, fen in sorted(used.items()):
        tally.count += 1
        granted = state.granted.get(f"{place[1]}|{place[2]}", 0)
        alarm = alarms.get(place)
        if alarm is None and granted > 0 and 10 * fen >= 7 * granted:
            facts = f"{fen} of {granted} used, and no alarm"
            tally.fail(facts, key="/".join(place), node=hub.address)
    for place, alarm in sorted(alarms.items()):
        wanted = "red" if 10 * alarm.amount_fen >= 9 * alarm.granted_fen else "yellow"
        quiet = 10 * alarm.amount_fen < 7 * alarm.granted_fen
        if quiet or alarm.kind != wanted:
            facts = f"{alarm.kind} at {alarm.amount_fen} of {alarm.granted_fen}"
            tally.fail(facts, key="/".join(place), node=hub.address)


def _check_floor(province: Any, book: TallyBook) -> None:
    """INV-21: what a payer has placed here is never drawn below zero."""
    tally = book["INV-21"]
    for account, fen in sorted(province.state.ledger.balances.items()):
        if not account.startswith("prefund:"):
            continue
        tally.count += 1
        if fen < 0:
            tally.fail(f"{account}: {fen} fen", key=account, node=province.address)
