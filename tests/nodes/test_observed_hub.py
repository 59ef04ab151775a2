"""An own hub, followed: it forwards as it is handed, and our books say what it passed on."""

from __future__ import annotations

import msgspec

from tests.nodes.visit_harness import INSURED, TREATMENT, Net, bill, settled, upload
from yidi.nodes.observed import OUTSIDE, Observed
from yidi.nodes.observing import observed_node
from yidi.protocol import messages as m
from yidi.protocol import transactions as t
from yidi.protocol.codec import encode
from yidi.protocol.envelope import Envelope, Link, Origin, frame, unframe
from yidi.protocol.transactions import Kind

HUB = "hub:100000"


class HubNet(Net):
    """The three nodes, with somebody's own hub between the regions."""

    def __init__(self) -> None:
        super().__init__()
        self.exchange = self.hub
        observed = Observed(address=HUB, serves=("2206", "2207"))
        self.nodes[HUB] = self.place = observed_node(self.exchange, observed)
        self.numbers = 0
        self.refuses = False
        self.days: list[str] = []

    def put(self, sender: str, outputs: list[Envelope]) -> None:
        """What goes outside is the own hub's business."""
        super().put(sender, [one for one in outputs if not one.hop.startswith(OUTSIDE)])
        for envelope in outputs:
            if envelope.hop.startswith(OUTSIDE):
                self.outside(envelope)

    def outside(self, envelope: Envelope) -> None:
        """Forward a request as it is; give an answer back under an id of its own."""
        origin = envelope.origin
        if origin.kind == Kind.REQUEST and not self.refuses:
            assert envelope.stamp is not None
            self.days.append(envelope.stamp.day)
            self.say(envelope, INSURED)
            return
        kind, body = (origin.kind, envelope.body)
        asked, correlation = origin.sender, origin.correlation_id
        if origin.kind == Kind.REQUEST:
            kind, body = Kind.REJECTION, encode(m.Rejection(code="E_BUSINESS_NOT_OPENED"))
            asked, correlation = origin.recipient, origin.message_id
        self.numbers += 1
        told = Origin(
            origin.transaction, kind, f"X000000000002026031600000{self.numbers:05d}",
            correlation, asked, TREATMENT, origin.case_key, "310000", "340600", 0, self.now, 0,
            "",
        )  # fmt: skip
        self.say(Envelope("", told, encode(told), body), TREATMENT)

    def say(self, envelope: Envelope, peer: str) -> None:
        self.numbers += 1
        raw = frame(envelope, Link(OUTSIDE + peer, HUB, self.numbers, 0, self.now))
        self.put(HUB, self.place.handle(unframe(raw), self.now))
        self.postings += [(HUB, posting) for posting in self.exchange.ledger.take()]


def test_a_visit_settles_through_it() -> None:
    """Stamped with our day, booked when it passes the answer on, one posting each."""
    net = HubNet()
    settled(net)

    assert ("SETTLED", "SETTLED", "SETTLED") == net.states()
    assert ["SETTLE"] == net.posted(net.exchange)
    assert ["2026-03-16"] * 2 == net.days
    assert {} == net.exchange.state.exchanges


def test_what_it_refuses_by_itself_is_refused_in_all_books_that_have_it() -> None:
    """The insured region never hears of it."""
    net = HubNet()
    net.ask(t.OUTPATIENT_FEES, upload())
    net.refuses = True

    answer = net.ask(t.OUTPATIENT_PRE_SETTLEMENT, bill())

    assert isinstance(answer, m.Rejection)
    assert ("REJECTED", "REJECTED", "-") == net.states()
    assert [] == net.place.seen.contradictions


def test_a_region_that_is_none_is_refused_without_asking_it() -> None:
    """What our hub knows to be nonsense nobody's own hub is bothered with."""
    net = HubNet()
    origin = Origin("2207", 0, "T310000000002026031600000000001"[:30], "", TREATMENT,
                    "insured:999999", "A3100002603160000000", "310000", "999999", 0, net.now, 0,
                    "")  # fmt: skip
    request = Envelope(HUB, origin, encode(origin), encode(bill()))
    raw = frame(request, Link(TREATMENT, HUB, 1, 0, net.now))

    sent = net.place.handle(unframe(raw), net.now)

    assert [Kind.REJECTION] == [one.origin.kind for one in sent]
    assert [] == net.days
    assert msgspec.msgpack.decode(sent[0].body)[0] == "E_REGION"
