"""Audits of the three books at quiescence: they agree case by case, day by day, fen by fen.

Nothing of the nodes' own reconciliation is used: the books are compared here from the cases
alone, so that a reconciliation that overlooks something is found out. A node that is not ours
(observed) is left out of the comparison.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Any

from yidi.nodes.lifecycle import INDOUBT, LIVE, REVERSED, Case
from yidi.protocol import transactions as t
from yidi.scenarios.judging.event_checks import EventChecks
from yidi.scenarios.judging.rows import nodes_with
from yidi.scenarios.judging.verdicts import TallyBook

Group = tuple[str, str, str, str]
"""Treatment region, insured region, accounting day, insurance type."""
_NO_EFFECT = ("NEW", "PRESETTLED", "REJECTED", "ABSENT")


def audit_books(nodes: Mapping[str, Any], checks: EventChecks) -> None:
    """INV-05, INV-11, INV-19 and INV-28 over the nodes as they stand."""
    book = checks.book
    _compare_groups(nodes, book)
    _compare_outcomes(nodes, book)
    _compare_days(nodes, checks)
    _look_for_reversals(nodes, checks)


# ---------------------------------------------------------------------- INV-05


class _Sums:
    """One group at one role: count, sums, and the sorted keys with their digests."""

    def __init__(self) -> None:
        self.numbers = [0, 0, 0, 0, 0]
        self.lines: list[bytes] = []

    def add(self, case: Case) -> None:
        numbers = self.numbers
        numbers[0] += 1
        numbers[1] += case.total_fen
        numbers[2] += case.fund_fen
        numbers[3] += case.account_fen
        numbers[4] += case.cash_fen
        self.lines.append(case.key.encode() + case.digest)

    def all(self) -> tuple[list[int], bytes]:
        return self.numbers, sha256(b"".join(sorted(self.lines))).digest()


def _compare_groups(nodes: Mapping[str, Any], book: TallyBook) -> None:
    tally = book["INV-05"]
    by_role = {role: _groups(nodes, role) for role in ("treatment", "hub", "insured")}
    every: dict[Group, None] = dict.fromkeys(
        sorted(group for groups in by_role.values() for group in groups)
    )
    for group in every:
        sides = [role for role in by_role if _is_ours(nodes, role, group)]
        if len(sides) < 2:
            continue
        tally.count += 1
        found = [by_role[role].get(group, _Sums()).all() for role in sides]
        if any(one != found[0] for one in found):
            said = ", ".join(f"{role} {one[0]}" for role, one in zip(sides, found, strict=True))
            tally.fail(f"{'/'.join(group)}: {said}", key="/".join(group))


def _groups(nodes: Mapping[str, Any], role: str) -> dict[Group, _Sums]:
    groups: dict[Group, _Sums] = {}
    for node in nodes_with(nodes, role):
        for case in node.state.cases.values():
            if case.state in LIVE:
                group = (case.treatment, case.insured, case.day, case.insutype)
                groups.setdefault(group, _Sums()).add(case)
    return groups


def _is_ours(nodes: Mapping[str, Any], role: str, group: Group) -> bool:
    if role == "hub":
        return any(address.startswith("hub:") for address in nodes)
    return f"{role}:{group[0] if role == 'treatment' else group[1]}" in nodes


# ---------------------------------------------------------------------- INV-11


def _compare_outcomes(nodes: Mapping[str, Any], book: TallyBook) -> None:
    """Outcomes agree; no case is in doubt; a refusal agrees with whatever has no effect."""
    tally = book["INV-11"]
    for key, sides in _cases_by_key(nodes):
        tally.count += 1
        case = next(iter(sides.values()))
        parties = [f"treatment:{case.treatment}", f"insured:{case.insured}"]
        states: dict[str, str] = {address: one.state for address, one in sides.items()}
        states |= {one: "ABSENT" for one in parties if one in nodes and one not in states}
        if INDOUBT in states.values():
            tally.fail(f"in doubt at the end: {_said(states)}", key=key, node=next(iter(sides)))
            continue
        outcomes = {_outcome(state) for state in states.values()}
        # A tombstone where nothing else ever came is an agreement that nothing happened.
        if len(outcomes) > 1 and not _is_tombstone(outcomes, sides):
            ids = tuple(filter(None, (case.settle_message_id,)))
            tally.fail(_said(states), key=key, node=next(iter(sides)), message_ids=ids)


def _cases_by_key(nodes: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Case]]]:
    held: dict[str, dict[str, Case]] = {}
    for role in ("treatment", "hub", "insured"):
        for node in nodes_with(nodes, role):
            for key, case in node.state.cases.items():
                held.setdefault(key, {})[node.address] = case
    for key in sorted(held):
        yield key, held[key]


def _outcome(state: str) -> str:
    if state in LIVE:
        return "SETTLED"
    return "none" if state in _NO_EFFECT else state


def _is_tombstone(outcomes: set[str], sides: Mapping[str, Case]) -> bool:
    booked = any(case.digest for case in sides.values() if case.state == REVERSED)
    return outcomes == {"none", "REVERSED"} and not booked


def _said(states: Mapping[str, str]) -> str:
    return ", ".join(f"{address} {state}" for address, state in states.items())


# ---------------------------------------------------------------------- INV-19, INV-28


def _look_for_reversals(nodes: Mapping[str, Any], checks: EventChecks) -> None:
    """INV-19: at the end no reversal waits for its answer."""
    tally = checks.book["INV-19"]
    tally.count += len(checks.reversals)
    for address in sorted(nodes):
        for message_id, entry in nodes[address].state.outbox.items():
            if entry.origin.transaction == t.REVERSAL:
                tally.count += 1
                facts = f"unanswered after {entry.attempts} attempts"
                key = entry.origin.case_key
                tally.fail(facts, key=key, node=address, message_ids=(message_id,))


def _compare_days(nodes: Mapping[str, Any], checks: EventChecks) -> None:
    """INV-28: a day is set once, by the hub, and is the same at all nodes that booked."""
    tally = checks.book["INV-28"]
    for key, sides in _cases_by_key(nodes):
        booked = {address: case for address, case in sides.items() if case.digest}
        if not booked:
            continue
        tally.count += 1
        days = {case.day for case in booked.values()}
        if len(days) > 1 or "" in days:
            said = {address: case.day for address, case in booked.items()}
            tally.fail(f"days differ: {_said(said)}", key=key, node=next(iter(booked)))
        for address, case in booked.items():
            watch = checks.watches.get(address)
            seen = watch.seen.get(key) if watch is not None else None
            if seen is not None and seen.day != case.day:
                facts = f"booked on {seen.day!r}, now {case.day!r}"
                tally.fail(facts, key=key, node=address)
