"""Folding a journal again: fresh nodes, the recorded inputs, the same states and outputs.

A node is a function of its inputs, so any subset of the nodes can be folded alone. A full fold
also reproduces each block's digest of outputs and hands out the postings on the way; a partial
one is cheap and is what `yidi run` does to its own journal within a budget of inputs.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from hashlib import sha256
from typing import Any

import msgspec

from yidi.nodes.ledger import Posting
from yidi.protocol.envelope import Envelope, unframe
from yidi.protocol.errors import InvariantViolation, RemoteProtocolError
from yidi.protocol.instants import Instant
from yidi.protocol.journal import RecordKind
from yidi.protocol.journal_reader import JournalReader, Record
from yidi.scenarios.running.fold import output_bytes, posting_bytes

_CLIENTS = ("institution:", "person:", "operator:")


class FoldDifference(msgspec.Struct, frozen=True, kw_only=True):
    """Where a fold and its journal part."""

    lsn: int
    block: int
    facts: str


class Refold:
    """Applies a journal's records to nodes.

    Args:
        nodes: fresh nodes by address, as many as are to be folded.
        order: the opening's addresses, by which records name nodes.
        on_posting: gets (node, posting) in order, where wanted.
    """

    def __init__(
        self,
        nodes: Mapping[str, Any],
        order: Collection[str],
        on_posting: Callable[[str, Posting], object] | None = None,
    ) -> None:
        self.nodes = nodes
        self.order = [nodes.get(address) for address in order]
        self.on_posting = on_posting
        self.on_delivery: Callable[[Any, Envelope, Instant], object] | None = None
        """Gets what every node handled, and what left for clients, as a runner's checks do."""
        self.applied = 0
        """Inputs applied so far."""

    def apply(self, record: Record, note: Callable[[bytes], None]) -> None:
        """Apply one input to its node, if that is folded; count its outputs by `note`.

        Raises:
            InvariantViolation: the node found the world broken.
        """
        if record.kind not in (RecordKind.ENVELOPE, RecordKind.DEADLINE):
            return
        node = self.order[record.node]
        if node is None:
            return
        self.applied += 1
        given: Envelope | None = None
        try:
            if record.kind is RecordKind.ENVELOPE:
                given = unframe(record.payload)
                outputs = node.handle(given, record.now)
            else:
                outputs = node.handle_deadline(record.now)
        except RemoteProtocolError:
            return  # refused when it came, too
        for posting in node.ledger.take():
            note(posting_bytes(posting))
            if self.on_posting is not None:
                self.on_posting(node.address, posting)
        if self.on_delivery is not None:
            self._tell(node, given, outputs, record.now)
        for output in outputs:
            note(output_bytes(given, output))

    def _tell(
        self, node: Any, given: Envelope | None, outputs: list[Envelope], now: Instant
    ) -> None:
        """Let the checks see the delivery, and what the node tells clients."""
        assert self.on_delivery is not None
        if given is not None:
            self.on_delivery(node, given, now)
        for output in outputs:
            if output.hop.startswith(_CLIENTS):
                self.on_delivery(None, output, now)

    def blocks(self, reader: JournalReader) -> Iterator[FoldDifference]:
        """Fold a whole journal; yields each block whose outputs are not those recorded.

        Raises:
            JournalDamage: the journal cannot be read.
        """
        for block in reader.blocks():
            outputs = sha256()
            for record in block.records:
                try:
                    self.apply(record, outputs.update)
                except (InvariantViolation, KeyError, IndexError, AttributeError) as error:
                    # Inputs that no node could have taken: the files are not of one run.
                    facts = f"{type(error).__name__}: {error}"
                    yield FoldDifference(
                        lsn=record.lsn, block=block.header.number, facts=facts[:200]
                    )
                    return
            if outputs.digest() != block.header.outputs_digest:
                yield FoldDifference(
                    lsn=block.header.first_lsn,
                    block=block.header.number,
                    facts="the outputs of this block's inputs are not those recorded",
                )


def fold_within(
    fresh: Mapping[str, Any], reader: JournalReader, budget: int
) -> tuple[list[str], int]:
    """Fold as many whole nodes as a budget of inputs allows.

    The smallest nodes first (by inputs, then by address), at least one; one pass counts, the
    caller's second reader is not needed because records are kept while within the budget.

    Returns:
        The addresses folded, and the number of inputs applied.
    """
    order = reader.opening.nodes
    kept: dict[int, list[Record]] = {}
    counts: dict[int, int] = {}
    held = 0
    for record in reader.records():
        if record.kind not in (RecordKind.ENVELOPE, RecordKind.DEADLINE):
            continue
        index = record.node
        counts[index] = counts.get(index, 0) + 1
        if counts[index] <= budget:
            kept.setdefault(index, []).append(record)
            held += 1
        while held > 2 * budget and len(kept) > 1:
            largest = max(kept, key=lambda one: (len(kept[one]), one))
            held -= len(kept.pop(largest))
            counts[largest] = budget + 1
    whole = sorted(
        (index for index in kept if counts[index] == len(kept[index])),
        key=lambda one: (counts[one], order[one]),
    )
    fold = Refold(fresh, order)
    folded: list[str] = []
    for index in whole:
        if folded and fold.applied + counts[index] > budget:
            break
        for record in kept[index]:
            fold.apply(record, _ignore)
        folded.append(order[index])
    return folded, fold.applied


def _ignore(_data: bytes) -> None:
    return None
