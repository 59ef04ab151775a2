"""A town whose every posting and delivery is watched by the per-event checks."""

from __future__ import annotations

from tests.town import HOSPITAL, PATIENT, Town, line
from yidi.protocol import messages as m
from yidi.protocol import transactions as t
from yidi.protocol.envelope import Link, frame, unframe
from yidi.scenarios.judging.event_checks import EventChecks


class WatchedTown(Town):
    """Delivers like `Town`, with true link sequences, and tells the checks of everything."""

    def __init__(self, **options):
        super().__init__(**options)
        self.checks = EventChecks(self.nodes)
        self.sequences = {}

    def deliver(self, *envelopes):
        """Hand messages over as `Town` does; postings first, then the delivery, as the runner."""
        left, queue = [], list(envelopes)
        while queue:
            sender, envelope = queue.pop(0)
            self.said.append(envelope)
            if (envelope.origin.transaction, envelope.origin.kind, envelope.hop) in self.lost:
                continue
            number = self.sequences[sender, envelope.hop] = (
                self.sequences.get((sender, envelope.hop), 0) + 1
            )
            arrived = unframe(frame(envelope, Link(sender, envelope.hop, number, 0, self.now)))
            node = self.nodes.get(envelope.hop)
            if node is None:
                left.append(envelope)
                self.checks.on_delivery(None, arrived, self.now)
                continue
            outputs = node.handle(arrived, self.now)
            for posting in node.ledger.take():
                self.checks.on_posting(node, posting, node.state.cases.get(posting.key))
            self.checks.on_delivery(node, arrived, self.now)
            queue += [(node.address, out) for out in outputs]
        return left

    def settle(self, total_fen=200_000, batch="B1"):
        """Fees, pre-settlement and settlement of one charge batch of V1."""
        number = 1 + 100 * int(batch[1:])
        self.ask(t.OUTPATIENT_FEES, self.fees(line(number, "CONSULT", 1, total_fen), batch=batch))
        self.ask(t.OUTPATIENT_PRE_SETTLEMENT, self.bill(total_fen, batch))
        return self.answer(t.OUTPATIENT_SETTLEMENT, self.bill(total_fen, batch))

    def cancel(self, settled, **more):
        """Cancel a settlement of V1."""
        request = m.CancellationRequest(
            institution=HOSPITAL, visit="V1", batch=settled.batch, person_no=PATIENT,
            settlement_id=settled.settlement_id,
        )  # fmt: skip
        return self.answer(t.OUTPATIENT_CANCELLATION, request, **more)

    def judge(self):
        """The results by check id."""
        return {row.id: row for row in self.checks.finish().results()}

    def failed(self):
        """Ids of the checks that failed."""
        return {name for name, row in self.judge().items() if row.verdict == "fail"}
