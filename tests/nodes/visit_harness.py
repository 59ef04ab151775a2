"""Three real nodes of one pair, 淮北 340600 treated in 上海 310000, and a wire between them.

Every hop goes through frame and unframe, in order, one microsecond each. `Net.ask` plays the
institution, a person or an operator; a test may lose or double what is on the wire.
"""

from __future__ import annotations

from collections import deque
from typing import Any

import msgspec

from tests.nodes.benefit_cases import BOOK
from yidi.nodes.base import Node
from yidi.nodes.catalogue import CatalogueItem
from yidi.nodes.clearing_plan import ClearingPlan
from yidi.nodes.filing import Filing
from yidi.nodes.hub import Hub, HubConfig
from yidi.nodes.insured_region import InsuredConfig, InsuredRegion, InsuredState, Person
from yidi.nodes.treatment_region import InstitutionConfig, TreatmentConfig, TreatmentRegion
from yidi.protocol import messages as m
from yidi.protocol import transactions as t
from yidi.protocol.bodies import open_body
from yidi.protocol.codec import encode
from yidi.protocol.envelope import Envelope, Link, Origin, frame, seal, unframe
from yidi.protocol.identity import synthetic_identity
from yidi.protocol.instants import Instant, start_of_day

TREATMENT, HUB, INSURED = "treatment:310000", "hub:100000", "insured:340600"
HOSPITAL = "H31010100001"
INSTITUTION = f"institution:{HOSPITAL}"
PERSON = "P0001"
IDENTITY = synthetic_identity("1980-05-06", 1, "1")
FROM_PERSON = {"sender": f"person:{PERSON}", "recipient": INSURED}
"""Who files: the person, with the insured region itself."""
FROM_OPERATOR = {"sender": "operator:340600", "recipient": INSURED}
START = start_of_day("2026-03-16")
CATALOGUE = {"XA": CatalogueItem("01"), "XB": CatalogueItem("02", 1_000), "XC": CatalogueItem("03")}


def person(**changes: Any) -> Person:
    """An employee of Huaibei with a long-stay filing to Shanghai."""
    filing = Filing(filing_id="F1", insutype="310", category="long_stay", area="310000",
                    valid_from="2026-01-01", valid_to="", status="effective")  # fmt: skip
    given = {"person_no": PERSON, "name": "张三", "certificate_no": IDENTITY, "sex": "1",
             "birth": "1980-05-06", "insutype": "310", "psn_type": "1101",
             "balance_fen": 50_000, "filings": [filing]}  # fmt: skip
    return Person(**{**given, **changes})


def treatment_region() -> TreatmentRegion:
    """Shanghai, with one hospital that has opened everything."""
    hospital = InstitutionConfig(
        code=HOSPITAL, name="虚构医院", level="3", opened=frozenset({"11", "21", "14", "13", "24"})
    )
    institutions = {HOSPITAL: hospital}
    return TreatmentRegion(
        TreatmentConfig(code="310000", institutions=institutions, catalogue=CATALOGUE)
    )


def insured_region(*persons: Person) -> InsuredRegion:
    """Huaibei, with the persons given."""
    state = InsuredState(persons={one.person_no: one for one in persons or (person(),)})
    config = InsuredConfig(code="340600", policy_region="340600", hubs=(HUB,))
    return InsuredRegion(config, BOOK, state)


def memory(node: Node[Any]) -> Any:
    """A node's memory without clock and message numbers, which every input moves."""
    document = msgspec.msgpack.decode(node.snapshot())
    return {k: v for k, v in document.items() if k not in ("now", "minted_second", "minted_serial")}


class Net:
    """The three nodes and what is between them."""

    def __init__(self, *persons: Person) -> None:
        self.now = Instant(START)
        self.treatment, self.insured = treatment_region(), insured_region(*persons)
        plan = ClearingPlan(opening_day="2026-03-16", treatment=("310000",), insured=("340600",))
        self.hub = Hub(HubConfig(code="100000", plan=plan))
        self.nodes: dict[str, Node[Any]] = {
            node.address: node for node in (self.treatment, self.hub, self.insured)
        }
        self.queue: deque[tuple[str, Envelope]] = deque()
        self.answers: list[Envelope] = []
        """What came to those who are not nodes."""
        self.passed: list[Envelope] = []
        """All that arrived anywhere, as it arrived."""
        self.lose = lambda sender, envelope: False
        self.copies = 1
        self.made = 0
        self.postings: list[tuple[str, Any]] = []

    def put(self, sender: str, outputs: list[Envelope]) -> None:
        """What a party sends."""
        for envelope in outputs:
            if not self.lose(sender, envelope):
                self.queue.extend([(sender, envelope)] * self.copies)

    def run(self) -> None:
        """Deliver until nothing is on the wire."""
        while self.queue:
            sender, envelope = self.queue.popleft()
            self.now = Instant(self.now + 1)
            arrived = unframe(frame(envelope, Link(sender, envelope.hop, 1, 0, self.now)))
            self.passed.append(arrived)
            node = self.nodes.get(envelope.hop)
            if node is None:
                self.answers.append(arrived)
                continue
            self.put(node.address, node.handle(arrived, self.now))
            self.postings += [(node.address, posting) for posting in node.ledger.take()]

    def wait(self, span: int) -> None:
        """Let time pass, deadline by deadline."""
        until = self.now + span
        while True:
            due = [(at, a) for a, n in self.nodes.items() if (at := n.next_deadline()) is not None]
            if not due or min(due)[0] > until:
                break
            at, address = min(due)
            self.now = Instant(max(self.now, at))
            self.put(address, self.nodes[address].handle_deadline(self.now))
            self.run()
        self.now = Instant(max(self.now, until))

    def request(self, transaction: str, body: Any, **about: str) -> Envelope:
        """A new request from outside; `about` changes sender, recipient, insured, message_id."""
        self.made += 1
        given = {"sender": INSTITUTION, "recipient": TREATMENT, "insured": "340600",
                 "treatment": "310000", "case_key": "",
                 "message_id": f"{HOSPITAL}20260316000000{self.made:04d}", **about}  # fmt: skip
        origin = Origin(
            transaction, 0, given["message_id"], "", given["sender"], given["recipient"],
            given["case_key"], given["treatment"], given["insured"], 0, self.now, 0, "",
        )  # fmt: skip
        data = body if isinstance(body, bytes) else encode(body)
        return seal(given["recipient"], origin, data)

    def tell(self, request: Envelope) -> Any:
        """Send a request; the body of the first answer that comes at once, or None."""
        before = len(self.answers)
        self.put(request.origin.sender, [request])
        self.run()
        return open_body(self.answers[before]) if len(self.answers) > before else None

    def ask(self, transaction: str, body: Any, **about: str) -> Any:
        """Make a request and send it."""
        return self.tell(self.request(transaction, body, **about))

    def case(self, node: Any = None) -> Any:
        """The newest case of a node (the treatment region's by default)."""
        return list((node or self.treatment).state.cases.values())[-1]

    def states(self) -> tuple[str, str, str]:
        """How the newest case stands at treatment region, hub and insured region."""
        key = self.case().key
        found = [node.state.cases.get(key) for node in (self.treatment, self.hub, self.insured)]
        return tuple(str(case.state) if case else "-" for case in found)

    def posted(self, node: Any) -> list[str]:
        """Kinds of the postings of a node, in order."""
        return [str(posting.kind) for address, posting in self.postings if address == node.address]


def upload(visit: str = "V1", batch: str = "B1", fen: int = 100_000, **changes: Any) -> Any:
    """Fee lines: one of grade 甲 that costs `fen`."""
    lines = changes.pop("lines", None) or [m.FeeLine(1, "XA", 10_000, fen * 10_000, fen)]
    given = {"institution": HOSPITAL, "visit": visit, "batch": batch, "person_no": PERSON,
             "insutype": "310", "med_type": "11", "lines": lines}  # fmt: skip
    return m.FeeUploadRequest(**{**given, **changes})


def bill(visit: str = "V1", batch: str = "B1", fen: int = 100_000, **changes: Any) -> Any:
    """A settlement request for what `upload` uploads."""
    given = {"institution": HOSPITAL, "visit": visit, "batch": batch, "person_no": PERSON,
             "insutype": "310", "med_type": "11", "total_fen": fen, "begin": START, "end": START,
             "account_used": True}  # fmt: skip
    return m.SettlementRequest(**{**given, **changes})


def settled(net: Net, **changes: Any) -> m.SettlementResult:
    """Upload, pre-settle and settle one outpatient visit."""
    net.ask(t.OUTPATIENT_FEES, upload())
    net.ask(t.OUTPATIENT_PRE_SETTLEMENT, bill(**changes))
    answer = net.ask(t.OUTPATIENT_SETTLEMENT, bill(**changes))
    assert isinstance(answer, m.SettlementResult), answer
    return answer


def cancellation(answer: m.SettlementResult) -> m.CancellationRequest:
    """The cancellation of a settlement."""
    return m.CancellationRequest(
        institution=answer.institution, visit=answer.visit, batch=answer.batch,
        person_no=answer.person_no, settlement_id=answer.settlement_id,
    )  # fmt: skip


def filing(**changes: Any) -> m.FilingRequest:
    """A filing to Shanghai, valid from now on."""
    given = {"person_no": PERSON, "insutype": "310", "category": "long_stay", "area": "310000",
             "valid_from": "2026-03-16"}  # fmt: skip
    return m.FilingRequest(**{**given, **changes})


def restored(node: Node[Any]) -> Any:
    """A node's memory, written out and read back."""
    return msgspec.msgpack.decode(node.snapshot(), type=node.state_type)
