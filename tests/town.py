"""A small town for tests: one hospital in Shanghai, its region, the hubs, Huaibei, one patient.

`Town` hands envelopes from node to node at once and in order, without broker, latency or
chance, so that a test can look at every message and interfere with it.
"""

from __future__ import annotations

import msgspec

from yidi.nodes.base import Node
from yidi.nodes.catalogue import CatalogueItem
from yidi.nodes.clearing_plan import ClearingPlan
from yidi.nodes.exchange import DeltaAgreement
from yidi.nodes.filing import Filing
from yidi.nodes.hub import Hub, HubConfig
from yidi.nodes.insured_region import InsuredConfig, InsuredRegion, InsuredState, Person
from yidi.nodes.treatment_region import InstitutionConfig, TreatmentConfig, TreatmentRegion
from yidi.protocol import messages as m
from yidi.protocol import transactions as t
from yidi.protocol.bodies import open_body
from yidi.protocol.codec import encode
from yidi.protocol.envelope import Envelope, Link, Origin, frame, seal, unframe
from yidi.protocol.instants import SECOND, Instant, start_of_day
from yidi.scenarios.library.policy_file import load_policies

HOSPITAL = "H31010100001"
PATIENT = "34060000000000000001"
NOON = Instant(start_of_day("2026-03-02") + 12 * 3600 * SECOND)
CATALOGUE = {"CONSULT": CatalogueItem("01"), "SCAN": CatalogueItem("02", 1000, 300_000_000)}


class Town:
    """The nodes by address, the clock, and everything that was said."""

    def __init__(self, *, insutype: str = "310", filings: tuple[Filing, ...] = ()) -> None:
        plan = ClearingPlan(opening_day="2026-03-02", treatment=("310000",), insured=("340600",))
        person = Person(
            person_no=PATIENT, name="测试甲", certificate_no="990101197001010017", sex="2",
            birth="1970-01-01", insutype=insutype,
            psn_type="1101" if insutype == "310" else "1501",
            balance_fen=50_000, partition_key=7, filings=list(filings), chronic=["M03900"],
        )  # fmt: skip
        hospital = InstitutionConfig(
            code=HOSPITAL, name="示例医院", level="2", opened=frozenset({"11", "14", "21", "41"})
        )
        self.treatment = TreatmentRegion(
            TreatmentConfig(
                code="310000", institutions={HOSPITAL: hospital}, catalogue=CATALOGUE,
                delta=DeltaAgreement(provinces=("31", "32", "33", "34"), med_types=("11", "41")),
            )
        )  # fmt: skip
        self.insured = InsuredRegion(
            InsuredConfig(code="340600", policy_region="340600", hubs=("hub:100000", "hub:yrd")),
            load_policies(None),
            InsuredState(persons={PATIENT: person}),
        )
        self.hub = Hub(HubConfig(code="yrd", plan=plan))
        self.national = Hub(HubConfig(code="100000", plan=plan))
        nodes: list[Node] = [self.treatment, self.insured, self.hub, self.national]
        self.nodes = {node.address: node for node in nodes}
        self.now = NOON
        self.said: list[Envelope] = []
        self.lost: set[tuple[str, int, str]] = set()
        """(transaction, kind, hop) that never arrives."""
        self.serial = 0

    def deliver(self, *envelopes: tuple[str, Envelope]) -> list[Envelope]:
        """Hand messages over until nobody says anything more; return what left the nodes."""
        left: list[Envelope] = []
        queue = list(envelopes)
        while queue:
            sender, envelope = queue.pop(0)
            self.said.append(envelope)
            if (envelope.origin.transaction, envelope.origin.kind, envelope.hop) in self.lost:
                continue
            node = self.nodes.get(envelope.hop)
            if node is None:
                left.append(envelope)
                continue
            arrived = unframe(frame(envelope, Link(sender, envelope.hop, 1, 0, self.now)))
            queue += [(node.address, out) for out in node.handle(arrived, self.now)]
        return left

    def ask(
        self, transaction: str, body: msgspec.Struct, *, message_id: str = ""
    ) -> list[Envelope]:
        """The hospital's request and whatever comes back to it."""
        self.serial += 1
        message_id = message_id or f"{HOSPITAL}20260302120000{self.serial:04d}"
        origin = Origin(
            transaction, 0, message_id, "", f"institution:{HOSPITAL}", "treatment:310000",
            "", "310000", "340600", 0, self.now, 0, message_id,
        )  # fmt: skip
        envelope = seal("treatment:310000", origin, encode(body))
        return self.deliver((f"institution:{HOSPITAL}", envelope))

    def answer(self, transaction: str, body: msgspec.Struct, **more: str) -> msgspec.Struct:
        """The one answer to a request, decoded."""
        (envelope,) = self.ask(transaction, body, **more)
        return open_body(envelope)

    def file(self, body: m.FilingRequest) -> m.FilingResult:
        """The patient files by app with the insured region."""
        self.serial += 1
        origin = Origin(
            t.FILING, 0, f"P34060000000{self.serial:018d}", "", f"person:{PATIENT}",
            "insured:340600", "", "", "340600", 0, self.now, 0, "",
        )  # fmt: skip
        request = seal("insured:340600", origin, encode(body))
        (answer,) = self.deliver((f"person:{PATIENT}", request))
        result = open_body(answer)
        assert isinstance(result, m.FilingResult)
        return result

    def wait(self, seconds: int) -> list[Envelope]:
        """Let time pass, waking every node whose deadline comes; return what left the nodes."""
        end, left = Instant(self.now + seconds * SECOND), []
        while True:
            wakes = [(at, a) for a, n in self.nodes.items() if (at := n.next_deadline())]
            if not wakes or min(wakes)[0] > end:
                break
            self.now, address = min(wakes)
            outputs = self.nodes[address].handle_deadline(self.now)
            left += self.deliver(*((address, out) for out in outputs))
        self.now = end
        return left

    def fees(self, *lines: m.FeeLine, batch: str = "B1") -> m.FeeUploadRequest:
        """A fee upload of the patient's outpatient visit V1."""
        return m.FeeUploadRequest(
            institution=HOSPITAL, visit="V1", batch=batch, person_no=PATIENT, insutype="310",
            med_type="11", lines=list(lines),
        )  # fmt: skip

    def bill(self, total_fen: int, batch: str = "B1", **more: object) -> m.SettlementRequest:
        """A (pre-)settlement request for a charge batch of V1."""
        return m.SettlementRequest(
            institution=HOSPITAL, visit="V1", batch=batch, person_no=PATIENT, insutype="310",
            med_type="11", total_fen=total_fen, begin=self.now, end=self.now, **more,
        )  # fmt: skip


def line(number: int, item: str, count: int, price_fen: int) -> m.FeeLine:
    """A fee line of whole units, not yet split."""
    return m.FeeLine(number, item, count * 10_000, price_fen * 10_000, count * price_fen)
