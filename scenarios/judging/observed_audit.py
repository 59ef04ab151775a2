"""What the run shows of somebody's own node at its end: amounts, and effects that contradict.

Beside the wire (`wire_checks`), two things follow from the observed node's memory, which is a
fold of the journal: whether the amounts are what the policy of its region comes to (OBS-5), and
whether a case took effect once (OBS-7). What only the own node can know is marked as not seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from yidi.nodes.observed import ObservedNode
from yidi.scenarios.judging.verdicts import TallyBook

AMOUNTS, ONCE = "OBS-5", "OBS-7"
UNSEEN = ("INV-02", "INV-13", "INV-16", "INV-34", "INV-37")
"""Checks of what a node keeps inside: its ledger, its journal, its queues, why it decided."""


class ExternalReport(msgspec.Struct, frozen=True, kw_only=True):
    """One own node in result.json."""

    address: str
    carrier: str
    level: int
    serves: list[str]
    asked: dict[str, int]
    """Transaction → how often it was asked, repeats among them."""
    answered: dict[str, int]
    refused: dict[str, int]
    unanswered: int
    stood_in: dict[str, int]
    """Transaction → how often our stand-in answered in its place."""


def audit_observed(nodes: Mapping[str, Any], book: TallyBook) -> None:
    """OBS-5 and OBS-7 over the observed nodes, and what could not be seen at them."""
    for address in sorted(nodes):
        node = nodes[address]
        if not isinstance(node, ObservedNode):
            continue
        for check in UNSEEN:
            book[check].unseen.append(address)
        _audit_amounts(node, book)
        once = book[ONCE]
        once.count += len(node.seen.settlements)
        for key, facts in node.seen.contradictions:
            once.fail(facts, key=key, node=address)


def _audit_amounts(node: ObservedNode, book: TallyBook) -> None:
    amounts, tally = node.seen.amounts, book[AMOUNTS]
    tally.count += amounts.compared
    if not amounts.compared:
        given = "there is no policy for its region" if amounts.without_policy else ""
        tally.reason = given or ("" if node.observed.amounts else "identities only, as was asked")
    for one in amounts.differences:
        facts = f"{one.transaction}: {one.facts}"
        tally.fail(facts, key=one.key, node=node.address, message_ids=(one.message_id,))
    tally.violations = max(tally.violations, amounts.differing)


def reports_of(nodes: Mapping[str, Any]) -> list[ExternalReport]:
    """What result.json says of the own nodes, by address."""
    return [
        ExternalReport(
            address=address, carrier=node.observed.carrier, level=node.observed.level,
            serves=list(node.observed.serves), asked=_sorted(node.seen.passed_on),
            answered=_sorted(node.seen.answered), refused=_sorted(node.seen.refused),
            unanswered=len(node.seen.asked), stood_in=_sorted(node.seen.stood_in),
        )
        for address in sorted(nodes)
        if isinstance(node := nodes[address], ObservedNode)
    ]  # fmt: skip


def _sorted(counts: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(counts.items()))
