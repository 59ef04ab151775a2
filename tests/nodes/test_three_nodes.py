"""Whatever the wire does to a settlement, the three books agree once it is quiet."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.nodes import visit_harness as h
from yidi.nodes.hub import Hub
from yidi.nodes.insured_region import InsuredRegion
from yidi.nodes.treatment_region import TreatmentRegion
from yidi.protocol import messages as m
from yidi.protocol import transactions as t
from yidi.protocol.identifiers import case_key_region
from yidi.protocol.instants import HOUR, SECOND

FATES = st.lists(st.sampled_from(["pass", "pass", "lose", "twice", "late"]), max_size=24)
STEPS = st.lists(
    st.sampled_from(["settle", "again", "cancel", "reverse", "wait", "restart"]), max_size=6
)


class Rough(h.Net):
    """A wire that follows a list of fates, one per message, and is kind afterwards."""

    def __init__(self, fates: list[str]) -> None:
        super().__init__()
        self.fates = iter(fates)
        self.kept: list[tuple[str, h.Envelope]] = []

    def put(self, sender, outputs):
        """Let a message pass, lose it, double it, or keep it for later."""
        for envelope in outputs:
            fate = next(self.fates, "pass")
            if fate == "late":
                self.kept.append((sender, envelope))
            elif fate != "lose":
                self.queue.extend([(sender, envelope)] * (2 if fate == "twice" else 1))

    def restart(self):
        """All three nodes die and come back from their snapshots."""
        old = self.insured
        self.treatment = TreatmentRegion(self.treatment.config, h.restored(self.treatment))
        self.hub = Hub(self.hub.config, h.restored(self.hub))
        self.insured = InsuredRegion(old.config, old.book, h.restored(old))
        for node in (self.treatment, self.hub, self.insured):
            self.nodes[node.address] = node

    def heal(self):
        """No more faults; what was kept comes now; then all timers run out."""
        self.fates = iter(())
        self.queue.extend(self.kept)
        self.kept = []
        self.run()
        self.wait(4 * HOUR)


def play(net: Rough, steps: list[str]) -> None:
    """A client that settles, repeats, cancels and reverses as told."""
    settle = cancel = None
    for step in steps:
        if step == "settle":
            settle = net.request(t.OUTPATIENT_SETTLEMENT, h.bill())
            net.tell(settle)
        elif step == "again" and settle:
            net.tell(cancel or settle)
        elif step == "cancel" and net.treatment.state.cases:
            case = net.case()
            body = m.CancellationRequest(
                institution=h.HOSPITAL, visit="V1", batch="B1", person_no=h.PERSON,
                settlement_id=case.settlement_id,
            )  # fmt: skip
            cancel = net.request(t.OUTPATIENT_CANCELLATION, body)
            net.tell(cancel)
        elif step == "reverse" and settle:
            original = cancel or settle
            body = m.ReversalRequest(
                person_no=h.PERSON,
                original_message_id=original.origin.message_id,
                original_transaction=original.origin.transaction,
            )
            net.ask(t.REVERSAL, body)
        elif step == "restart":
            net.restart()
        else:
            net.wait(26 * SECOND)


@settings(max_examples=300)
@given(STEPS, FATES)
def test_the_three_books_agree_when_it_is_quiet(steps, fates):
    """After any faults and any acts: no doubt is left, nothing is pending, books are equal."""
    net = Rough([])
    net.ask(t.OUTPATIENT_FEES, h.upload())
    net.ask(t.OUTPATIENT_PRE_SETTLEMENT, h.bill())
    net.fates = iter(fates)
    play(net, ["settle", *steps])
    net.heal()

    nodes = (net.treatment, net.hub, net.insured)
    assert [{}] * 3 == [node.outbox.pending for node in nodes]
    live = 0
    for key, case in net.treatment.state.cases.items():
        others = [node.state.cases.get(key) for node in nodes]
        states = {str(one.state) if one else "-" for one in others}
        if states <= {"-", "REVERSED", "REJECTED", "PRESETTLED", "NEW"}:
            # What never took effect may be unknown to those it never reached.
            assert {0} >= {len([p for _, p in net.postings if p.key == key]) % 2}
            continue
        assert {"SETTLED"} == states, steps
        live += 1
        assert 1 == len({(one.digest, one.day, one.fund_fen, one.total_fen) for one in others})
        assert "310000" == case_key_region(key) == case.treatment
    assert live <= 1
    spent = sum(p.fund_fen for p in net.case().funds) if live else 0
    funds = [sum(f for a, f in n.ledger.state.balances.items() if a[:5] == "fund:") for n in nodes]
    assert [spent, spent, -spent] == funds
    balance = net.insured.state.persons[h.PERSON].balance_fen
    assert 50_000 - (net.case().account_fen if live else 0) == balance


@settings(max_examples=200)
@given(st.lists(st.sampled_from(["first", "second", "again", "wait"]), max_size=5), FATES)
def test_lines_that_were_sent_again_are_billed_once(steps, fates):
    """However uploads went, sending what is missing once more makes a bill that settles."""
    net = Rough(fates)
    parts = {
        "first": h.upload(lines=[m.FeeLine(1, "XA", 10_000, 600_000_000, 60_000)]),
        "second": h.upload(lines=[m.FeeLine(2, "XA", 10_000, 400_000_000, 40_000)]),
    }
    sent: dict[str, h.Envelope] = {}
    for step in steps:
        if step in parts:
            sent[step] = net.request(t.OUTPATIENT_FEES, parts[step])
            net.tell(sent[step])
        elif step == "again" and sent:
            net.tell(sent[min(sent)])
        else:
            net.wait(26 * SECOND)
    net.heal()
    for body in parts.values():
        assert isinstance(net.ask(t.OUTPATIENT_FEES, body), m.FeeUploadResult)
    answer = net.ask(t.OUTPATIENT_SETTLEMENT, h.bill())

    assert isinstance(answer, m.SettlementResult), (steps, answer)
    assert ("SETTLED", "SETTLED", "SETTLED") == net.states()
