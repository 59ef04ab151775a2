"""Verify, for runs with somebody's own node: wire.jsonl against the result and the journal.

The wire's checks are a fold of the file, so they are made again from it and held against the
result. And what the own node said is on both records: every answer on the wire that could be
read is an input of the observed node in the journal, and the other way round.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from yidi.nodes.observed import OUTSIDE, Observed
from yidi.protocol.envelope import Envelope
from yidi.protocol.errors import ErrorCode, StoredDataError
from yidi.protocol.transactions import Kind
from yidi.scenarios.judging.bundle import WIRE
from yidi.scenarios.judging.verdicts import CheckResult, Tally, TallyBook
from yidi.scenarios.judging.verify_rows import read_lines
from yidi.scenarios.judging.wire import IN, NO_MESSAGE, WireEntry
from yidi.scenarios.judging.wire_checks import WireChecks

_JUDGED = ("OBS-1", "OBS-2", "OBS-3", "OBS-4", "OBS-6")
_KINDS = {Kind.RESULT: "result", Kind.REJECTION: "rejection", Kind.REQUEST: "request"}
Said = tuple[str, str, str]
"""Own node, message id of the request (or of its own), kind."""


class OutsideInputs:
    """What own nodes said, as the journal has it."""

    def __init__(self) -> None:
        self.counts: Counter[Said] = Counter()

    def feed(self, node: str, envelope: Envelope) -> None:
        """Count one input if it came from outside."""
        link, origin = envelope.link, envelope.origin
        if link is not None and link.sender.startswith(OUTSIDE):
            about = origin.correlation_id or origin.message_id
            self.counts[node, about, _KINDS[Kind(origin.kind)]] += 1


def check_wire(
    folder: Path,
    observed: tuple[Observed, ...],
    inputs: OutsideInputs,
    told: list[CheckResult],
    book: TallyBook,
) -> None:
    """Hold wire.jsonl against the journal and the result; tallies WIRE-FILE and OBS-*.

    Raises:
        StoredDataError: `E_BUNDLE` where the file is missing although there were own nodes.
    """
    if not observed:
        if inputs.counts or (folder / WIRE).exists():
            book["WIRE-FILE"].fail("messages of own nodes, and the manifest names none", node=WIRE)
        return
    if not (folder / WIRE).is_file():
        raise StoredDataError(ErrorCode.E_BUNDLE, at=WIRE, got="no such file")
    tally, again = book["WIRE-FILE"], TallyBook()
    checks, counts = WireChecks(again), Counter[Said]()
    names = {one.address for one in observed}
    last = (0, 0, 0)
    for number, entry in read_lines(folder, WIRE, WireEntry, tally):
        place = (entry.number, entry.elapsed_us, entry.at)
        if place[0] != last[0] + 1 or place[1] < last[1]:
            tally.fail(f"{WIRE}:{number}: out of order", node=entry.node)
        last = place
        if entry.node not in names:
            tally.fail(f"{WIRE}:{number}: {entry.node} is no own node", node=entry.node)
        checks.feed(entry)
        if entry.direction == IN and entry.kind != NO_MESSAGE and entry.transaction != "init":
            counts[entry.node, entry.correlation or entry.message_id, entry.kind] += 1
    checks.finish()
    for said in sorted(set(counts) | set(inputs.counts)):
        if counts[said] != inputs.counts[said]:
            facts = (
                f"{said[2]} {counts[said]} times on the wire, {inputs.counts[said]} in the journal"
            )
            tally.fail(facts, node=said[0], message_ids=(said[1],))
    _compare(told, again, tally)


def _compare(told: list[CheckResult], again: TallyBook, tally: Tally) -> None:
    said = {row.id: row for row in told}
    for check in _JUDGED:
        found = again[check].result()
        row = said.get(check)
        if row is None:
            if found.count or found.violations:
                tally.fail(f"{check}: the result does not tell of it", node="result.json")
            continue
        tally.count += 1
        facts = (row.verdict, row.count, row.violations)
        wanted = (found.verdict, found.count, found.violations)
        if facts != wanted:
            tally.fail(f"{check}: says {facts}, the wire comes to {wanted}", node="result.json")
