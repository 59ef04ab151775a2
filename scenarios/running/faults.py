"""What becomes of each hop under the scenario's faults.

A host asks `decide` once per hop and gets what arrives: nothing for a loss, one arrival for the
ordinary case, several for a duplicate, each with its delay and with what is changed in it. Every
fault keeps its own count of what matched, so one fault moves no other; there is no chance here
(links have that). A message is counted where it leaves its sender, once, though it travels two
hops, unless the sentence names the hub: `from hub` and `to hub` speak of that hop.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from yidi.protocol.envelope import Origin
from yidi.protocol.instants import Duration, Instant
from yidi.protocol.transactions import Kind
from yidi.scenarios.library.fault_sentences import (
    COPY_GAP,
    HUB,
    Change,
    FaultRule,
    parse_fault,
)
from yidi.scenarios.library.schema import Fault

__all__ = ["ONCE", "Arrival", "FaultPlan", "FaultRule", "parse_fault", "rules_of"]


class Arrival(NamedTuple):
    """One copy of a message that arrives."""

    delay: Duration
    """Beyond what its link takes."""
    changes: tuple[Change, ...] = ()
    """What is not as it was sent."""


ONCE: tuple[Arrival, ...] = (Arrival(Duration(0)),)
"""The ordinary case: one delivery, without any further delay."""

LOST: tuple[Arrival, ...] = ()


def rules_of(faults: Iterable[Fault]) -> tuple[FaultRule, ...]:
    """The rules of a scenario's `[[fault]]` tables, in order."""
    return tuple(parse_fault(fault.do).within(fault.from_, fault.until) for fault in faults)


class FaultPlan:
    """The faults of one run, and how often each has matched and acted so far."""

    def __init__(self, rules: Iterable[FaultRule], start: Instant) -> None:
        self.rules = tuple(rules)
        self.start = start
        self.matched = [0] * len(self.rules)
        """How many messages each fault's sentence selected."""
        self.acted = [0] * len(self.rules)
        """How often each fault acted."""
        self._cuts: list[int] = []
        self._general: list[int] = []
        self._by_transaction: dict[str, list[int]] = {}
        self._sort()

    def __bool__(self) -> bool:
        return bool(self.rules)

    def _sort(self) -> None:
        """Index the rules by transaction, so that most messages meet none."""
        for number, rule in enumerate(self.rules):
            if rule.action == "cut":
                self._cuts.append(number)
            elif rule.transactions:
                for code in rule.transactions:
                    self._by_transaction.setdefault(code, []).append(number)
            else:
                self._general.append(number)

    def decide(
        self, origin: Origin, sender: str, recipient: str, case_id: str | None, now: Instant
    ) -> tuple[Arrival, ...]:
        """Each copy that arrives of one message on one hop.

        Args:
            origin: whose message it is.
            sender: address that hands it over on this hop.
            recipient: address it is handed to on this hop.
            case_id: id of the scripted case it belongs to, if any.
            now: the instant of sending.
        """
        special = self._by_transaction.get(origin.transaction)
        if special is None and not self._general and not self._cuts:
            return ONCE
        elapsed = now - self.start
        if self._cuts and self._is_cut(sender, recipient, elapsed):
            return LOST
        numbers = sorted([*(special or ()), *self._general])
        return self._apply(numbers, origin, (sender, recipient, case_id), elapsed)

    def _is_cut(self, sender: str, recipient: str, elapsed: int) -> bool:
        cut = False
        for number in self._cuts:
            rule = self.rules[number]
            if not _in_window(rule, elapsed) or _is_local(sender, recipient):
                continue
            if _is_party(sender, rule.region) or _is_party(recipient, rule.region):
                self.matched[number] += 1
                self.acted[number] += 1
                cut = True
        return cut

    def _apply(
        self,
        numbers: list[int],
        origin: Origin,
        hop: tuple[str, str, str | None],
        elapsed: int,
    ) -> tuple[Arrival, ...]:
        arrivals = ONCE
        for number in numbers:
            rule = self.rules[number]
            if not _in_window(rule, elapsed) or not _matches(rule, origin, *hop):
                continue
            self.matched[number] += 1
            count = self.matched[number]
            if count == rule.nth if rule.nth is not None else count % rule.every == 0:
                self.acted[number] += 1
                arrivals = _changed(arrivals, rule)
        return arrivals

    def idle(self) -> tuple[FaultRule, ...]:
        """The faults that never acted: a scenario that meant them has a mistake."""
        return tuple(rule for rule, count in zip(self.rules, self.acted, strict=True) if not count)


def _in_window(rule: FaultRule, elapsed: int) -> bool:
    return rule.starts <= elapsed and (rule.ends is None or elapsed < rule.ends)


def _changed(arrivals: tuple[Arrival, ...], rule: FaultRule) -> tuple[Arrival, ...]:
    if rule.action == "lose":
        return LOST
    if rule.action == "delay":
        return tuple(Arrival(Duration(delay + rule.delay), said) for delay, said in arrivals)
    changes = () if rule.change is None else (rule.change,)
    if rule.action == "change":
        return tuple(Arrival(delay, (*said, *changes)) for delay, said in arrivals)
    gap = rule.delay or COPY_GAP
    return tuple(
        Arrival(Duration(delay + copy * gap), (*said, *changes) if copy else said)
        for copy in range(rule.copies)
        for delay, said in arrivals
    )


def _matches(
    rule: FaultRule, origin: Origin, sender: str, recipient: str, case_id: str | None
) -> bool:
    is_request = origin.kind == Kind.REQUEST
    if rule.side != "any" and (rule.side == "request") != is_request:
        return False
    if rule.case is not None and rule.case != case_id:
        return False
    if HUB in (rule.sender, rule.recipient):
        return _is_party(sender, rule.sender) and _is_party(recipient, rule.recipient)
    return (
        _place(sender) == _place(origin.sender)
        and _is_party(origin.sender, rule.sender)
        and _is_party(origin.recipient, rule.recipient)
    )


def _place(address: str) -> str:
    """An address without its partition."""
    return address.partition("/")[0]


def _is_party(address: str, party: str | None) -> bool:
    """Whether an address is the region, or a hub where `hub` is meant; None is anybody."""
    if party is None:
        return True
    role, _, code = _place(address).partition(":")
    return role == HUB if party == HUB else code == party


def _is_local(sender: str, recipient: str) -> bool:
    """Whether a hop stays inside a region: its counter, its institutions, its persons."""
    local = ("institution:", "operator:", "person:")
    return sender.startswith(local) or recipient.startswith(local)
