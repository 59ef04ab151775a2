"""Audits of the run as a whole: its journal, its queues, its end, and the checks themselves.

INV-34 and INV-39 fold the journal again, as many nodes as a budget of inputs allows, and
compare every byte of their memory; `yidi verify` does it for all. INV-42 comes last: a check
that should have applied and counted nothing is a failure of the checks.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from yidi.nodes.lifecycle import LIVE
from yidi.nodes.observed import ObservedNode
from yidi.nodes.outbox import OUTBOX_MAX
from yidi.protocol.errors import InvariantViolation, StoredDataError
from yidi.scenarios.judging.event_checks import EventChecks
from yidi.scenarios.judging.journal_file import open_journal
from yidi.scenarios.judging.refold import fold_within
from yidi.scenarios.judging.rows import nodes_with
from yidi.scenarios.judging.verdicts import TallyBook
from yidi.scenarios.running.build import nodes_of_world
from yidi.scenarios.running.run import RunResult

FOLD_BUDGET = 20_000
"""Inputs folded again at the end of a run: about half a second."""

_IF_SETTLED = tuple(f"INV-{n}" for n in ("01", "02", "03", "05", "07", "10", "11", "12", "28"))
_IF_UNDONE = ("INV-17", "INV-20")
_IF_CLEARED = ("INV-25", "INV-26", "INV-27")

_UPKEEP = frozenset(f"INV-{n}" for n in (21, 22, 34, 36, 37, 38, 39, 42))
"""What a network that nobody uses has, too: accounts, day closings and their messages."""


class RunFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What the audits need to know of a run besides its nodes."""

    unfinished: bool = False
    interrupted: bool = False
    """Stopped by a person: what is open at the end is nobody's fault."""
    refused: dict[str, int] = {}
    idle_faults: tuple[str, ...] = ()


def audit_journal(result: RunResult, path: Path, book: TallyBook) -> None:
    """INV-16, INV-34, INV-39: the journal reads back with the same hash and folds to the states."""
    folds, repeats = book["INV-34"], book["INV-39"]
    try:
        reader = open_journal(path)
        fresh = nodes_of_world(result.world, result.book, result.observed)
        folded, applied = fold_within(fresh, reader, FOLD_BUDGET)
    except (StoredDataError, InvariantViolation) as error:
        folds.count += 1
        folds.fail(str(error), node=path.name)
        return
    repeats.count += 1
    if reader.journal_hash != result.journal_hash:
        repeats.fail(f"read back {reader.journal_hash}, wrote {result.journal_hash}")
    folds.count += applied
    for address in folded:
        repeats.count += 1
        node = result.nodes[address]
        if fresh[address].snapshot() != node.snapshot():
            facts = "the fold of its inputs is not its state"
            folds.fail(facts, node=address)
            repeats.fail(facts, node=address)
        if address.startswith("insured:"):
            _check_purity(node, fresh[address], book)


def _check_purity(node: Any, fresh: Any, book: TallyBook) -> None:
    """INV-16: every answer computed again from the journal is the answer that was given."""
    tally = book["INV-16"]
    for key, case in node.state.cases.items():
        if case.answer:
            tally.count += 1
            again = fresh.state.cases.get(key)
            if again is None or again.answer != case.answer:
                tally.fail("computed again, it comes out otherwise", key=key, node=node.address)


def audit_run(nodes: Mapping[str, Any], checks: EventChecks, facts: RunFacts) -> None:
    """INV-37, and that the run came to its end; call before `audit_checks`."""
    book = checks.book
    bounded = book["INV-37"]
    for address in sorted(nodes):
        bounded.count += 1
        size = len(nodes[address].state.outbox)
        if size > OUTBOX_MAX:
            bounded.fail(f"{size} requests in the outbox, limit {OUTBOX_MAX}", node=address)
    if facts.interrupted or not facts.unfinished:
        return
    waiting = {address: len(nodes[address].state.outbox) for address in sorted(nodes)}
    busy = ", ".join(f"{address} {size}" for address, size in waiting.items() if size)
    book["INV-11"].fail(f"not quiet at the limit of virtual time: {busy or 'clients'}")


def audit_differences(nodes: Mapping[str, Any], book: TallyBook) -> None:
    """INV-05, second half: a difference that is still open at the end is a real one."""
    tally = book["INV-05"]
    for hub in nodes_with(nodes, "hub"):
        for row in hub.state.days.differences:
            tally.count += 1
            if row.resolved_day:
                continue
            sides = {
                address: nodes[address].state.cases.get(row.key)
                for address in (f"treatment:{row.treatment}", f"insured:{row.insured}")
                if address in nodes
            } | {hub.address: hub.state.cases.get(row.key)}
            said = {
                (case.digest, case.fund_fen) if case is not None and case.state in LIVE else None
                for case in sides.values()
            }
            if len(said) == 1:
                facts = f"{row.kind} of {row.day} is open, and the books agree"
                tally.fail(facts, key=row.key, node=hub.address)


def audit_checks(nodes: Mapping[str, Any], book: TallyBook) -> None:
    """INV-42: what should have been looked at was looked at."""
    tally = book["INV-42"]
    wanted: list[str] = []
    for role, checks in (("insured", ("INV-13", "INV-15")), ("hub", ())):
        states = [
            case.state
            for node in nodes_with(nodes, role)
            if not isinstance(node, ObservedNode)  # what it goes by cannot be seen
            for case in node.state.cases.values()
        ]
        if "SETTLED" in states or "CLEARED" in states:
            wanted += [*_IF_SETTLED, *checks]
        if role == "hub" and "CLEARED" in states:
            wanted += _IF_CLEARED
    if any(book["INV-17"].count for _ in nodes):
        wanted += _IF_UNDONE
    wanted += ["INV-36", "INV-37", "INV-38"]
    for check in dict.fromkeys(wanted):
        tally.count += 1
        if not book[check].count:
            tally.fail(f"{check} applies to this run and looked at nothing", key=check)


def audit_substance(book: TallyBook) -> None:
    """INV-42, for the run as a whole: one in which nobody came has checked nothing."""
    if not any(tally.count for tally in book.tallies.values() if tally.id not in _UPKEEP):
        tally = book["INV-42"]
        tally.count += 1
        tally.fail("nothing was checked: there was no case, no step and no expectation")
