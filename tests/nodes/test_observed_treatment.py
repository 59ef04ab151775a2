"""An own treatment platform, followed: what it asks and is told is what our books say."""

from __future__ import annotations

from typing import Any

import msgspec

from tests.nodes.visit_harness import (
    INSURED,
    TREATMENT,
    Net,
    bill,
    cancellation,
    settled,
    upload,
)
from yidi.nodes.observed import HUB, OUTSIDE, Observed
from yidi.nodes.observing import observed_node
from yidi.protocol import messages as m
from yidi.protocol import transactions as t
from yidi.protocol.bodies import open_body
from yidi.protocol.codec import encode
from yidi.protocol.envelope import Envelope, Link, Origin, frame, unframe
from yidi.protocol.transactions import Kind

SERVES = ("2206", "2207", "2208", "2601", "5203")


class PlatformNet(Net):
    """The three nodes, with somebody's own platform in the treatment region's place."""

    def __init__(self, *serves: str) -> None:
        super().__init__()
        self.region = self.treatment
        observed = Observed(address=TREATMENT, serves=serves or SERVES)
        self.nodes[TREATMENT] = self.place = observed_node(self.region, observed)
        self.clients: dict[str, Envelope] = {}
        """Message id of its own → what an institution asked it."""
        self.heard: list[Envelope] = []
        """Answers of the network."""
        self.numbers = 0
        self.is_silent = False

    def put(self, sender: str, outputs: list[Envelope]) -> None:
        """What goes outside is the platform's business."""
        super().put(sender, [one for one in outputs if not one.hop.startswith(OUTSIDE)])
        for envelope in outputs:
            if envelope.hop.startswith(OUTSIDE) and not self.lose("outside", envelope):
                self.platform(envelope)

    def platform(self, envelope: Envelope) -> None:
        """Ask in its turn, under an id of its own; tell the institution what it is told."""
        origin = envelope.origin
        if origin.kind == Kind.REQUEST:
            if not self.is_silent:
                self.clients[self.forward(origin.transaction, envelope.body)] = envelope
            return
        self.heard.append(envelope)
        client = self.clients.get(origin.correlation_id)
        if client is None:
            return
        asked, answer = client.origin, self.next_id()
        told = Origin(
            asked.transaction, origin.kind, answer, asked.message_id, TREATMENT, asked.sender,
            "", asked.treatment, asked.insured, 0, self.now, 0, "",
        )  # fmt: skip
        self.say(told, envelope.body, asked.sender)

    def forward(self, transaction: str, body: bytes, own_id: str = "") -> str:
        """A request of the platform's own; returns its message id."""
        own_id = own_id or self.next_id()
        origin = Origin(
            transaction, Kind.REQUEST, own_id, "", TREATMENT, INSURED, "", "310000", "340600", 0,
            self.now, 0, "",
        )  # fmt: skip
        self.say(origin, body, HUB)
        return own_id

    def next_id(self) -> str:
        self.numbers += 1
        return f"PLATFORM000020260316000000{self.numbers:04d}"

    def say(self, origin: Origin, body: bytes, peer: str) -> None:
        """Something that the platform says, as its edge frames it."""
        envelope = Envelope("", origin, encode(origin), body)
        raw = frame(envelope, Link(OUTSIDE + peer, TREATMENT, self.numbers, 0, self.now))
        self.put(TREATMENT, self.place.handle(unframe(raw), self.now))
        self.postings += [(TREATMENT, posting) for posting in self.region.ledger.take()]

    def ask_itself(self, transaction: str, body: msgspec.Struct) -> Any:
        """A question of the platform that no institution asked; the network's answer."""
        self.forward(transaction, encode(body))
        self.run()
        return open_body(self.heard[-1])


def doubtful() -> PlatformNet:
    """A settlement whose answer is lost between the network and the platform."""
    net = PlatformNet()
    net.ask(t.OUTPATIENT_FEES, upload())
    net.ask(t.OUTPATIENT_PRE_SETTLEMENT, bill())
    net.lose = lambda sender, envelope: (
        envelope.origin.kind != Kind.REQUEST and envelope.hop == TREATMENT
    )
    assert net.ask(t.OUTPATIENT_SETTLEMENT, bill()) is None
    net.lose = lambda sender, envelope: False
    return net


def test_a_visit_settles_under_the_platforms_ids() -> None:
    """All three books have it, and the case goes by the id that the platform gave."""
    net = PlatformNet()
    answer = settled(net)

    case = net.case()
    assert ("SETTLED", "SETTLED", "SETTLED") == net.states()
    assert case.settlement_id == answer.settlement_id
    assert case.settle_message_id.startswith("PLATFORM")
    assert ["SETTLE"] == net.posted(net.region)


def test_a_cancellation_takes_it_back_everywhere() -> None:
    """The stand-in follows an undoing as it follows a settlement."""
    net = PlatformNet()
    net.ask(t.OUTPATIENT_CANCELLATION, cancellation(settled(net)))

    assert ("REVERSED", "REVERSED", "REVERSED") == net.states()
    assert ["SETTLE", "CANCEL"] == net.posted(net.region)


def test_in_doubt_the_platform_asks_and_the_books_follow() -> None:
    """5203 says that it is settled: so it is here."""
    net = doubtful()
    assert "INDOUBT" == net.case().state

    status = net.ask_itself(t.STATUS_QUERY, m.StatusQuery(person_no="P0001", visit="V1"))

    assert isinstance(status, m.StatusResult)
    assert ("SETTLED", "SETTLED", "SETTLED") == net.states()


def test_in_doubt_the_platform_reverses_its_own_message() -> None:
    """2601 names the id that the platform gave; nothing of it stands anywhere."""
    net = doubtful()
    undo = m.ReversalRequest(
        person_no="P0001", original_message_id=net.case().settle_message_id,
        original_transaction=t.OUTPATIENT_SETTLEMENT,
    )  # fmt: skip

    answer = net.ask_itself(t.REVERSAL, undo)

    assert isinstance(answer, m.ReversalResult)
    assert ("REVERSED", "REVERSED", "REVERSED") == net.states()


def test_a_repeat_of_the_platform_settles_nothing_twice() -> None:
    """The same id again gets the first answer, and one posting stands."""
    net = PlatformNet()
    settled(net)
    own_id = net.case().settle_message_id
    first = next(one for one in net.heard if one.origin.correlation_id == own_id)

    net.forward(t.OUTPATIENT_SETTLEMENT, encode(bill(level="3")), own_id)
    net.run()

    assert [Kind.RESULT] * 2 == [one.origin.kind for one in net.heard
                                 if one.origin.correlation_id == own_id]  # fmt: skip
    assert net.heard[-1].body == first.body
    assert ["SETTLE"] == net.posted(net.region)


def test_what_the_platform_never_asks_stays_in_doubt_and_nothing_is_sent() -> None:
    """Our stand-in speaks for nobody: it neither resends nor reverses."""
    net = PlatformNet()
    net.ask(t.OUTPATIENT_FEES, upload())
    net.ask(t.OUTPATIENT_PRE_SETTLEMENT, bill())
    net.is_silent = True
    net.ask(t.OUTPATIENT_SETTLEMENT, bill())
    before = len(net.passed)
    net.wait(3_600_000_000)

    assert "INDOUBT" == net.case().state
    assert before == len(net.passed)


def test_it_may_send_what_nobody_asked_it_for() -> None:
    """Relayed, through the hub of the pair, and told to it; there is no row of its own."""
    net = PlatformNet()

    answer = net.ask_itself(t.ELIGIBILITY, m.EligibilityRequest(person_no="P0001"))

    assert isinstance(answer, m.EligibilityResult)
    assert {} == net.region.state.cases
