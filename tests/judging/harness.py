"""A run without the runner: a small world, its nodes, a journal, and a bundle on disk.

`Stage` hands envelopes from node to node at once, writes each input to the journal as the
runner does, and lets a test lose messages and let time pass. `write` leaves a bundle behind.
"""

from __future__ import annotations

import json
from pathlib import Path

import msgspec

from yidi.protocol import messages as m
from yidi.protocol import transactions as t
from yidi.protocol.bodies import open_body
from yidi.protocol.codec import encode
from yidi.protocol.envelope import Envelope, Link, Origin, frame, seal, unframe
from yidi.protocol.instants import MILLISECOND, SECOND, Instant, start_of_day
from yidi.protocol.journal import JournalWriter, Opening, RecordKind
from yidi.scenarios.library.policy_file import load_policies
from yidi.scenarios.library.policy_writer import dump_policies
from yidi.scenarios.running.build import nodes_of_world
from yidi.scenarios.running.run import RULES_VERSION
from yidi.scenarios.running.world import (
    CatalogueRow,
    FilingRow,
    InstitutionRow,
    PersonRow,
    RegionRow,
    Settings,
    World,
    write_world,
)

HOSPITAL, PATIENT = "H31000000001", "34060000000000000001"
HOSPITAL_NAME, PATIENT_NAME = "示例医院", "测试甲"
NOON = Instant(start_of_day("2026-03-02") + 12 * 3600 * SECOND)
CASE_ID = "huaibei-visit"


def small_world(*, name: str = PATIENT_NAME, hospital: str = HOSPITAL_NAME) -> World:
    """A hospital in Shanghai and a patient of Huaibei."""
    settings = Settings(start=NOON, start_day="2026-03-02", exchanges=("national", "yangtze-delta"))
    regions = (
        RegionRow(code="310000", roles=("treatment",), policy_region="310000"),
        RegionRow(code="340600", roles=("insured",), policy_region="340600"),
    )
    place = InstitutionRow(code=HOSPITAL, name=hospital, region="310000", level="2",
                           opened=("11", "21"))  # fmt: skip
    items = (
        CatalogueRow(region="310000", code="CONSULT", grade="01"),
        CatalogueRow(region="310000", code="SCAN", grade="02", prepay_bp=1000,
                     ceiling_e6=300_000_000),
    )  # fmt: skip
    person = PersonRow(
        person_no=PATIENT, certificate_no="990101197001010017", name=name, region="340600",
        insutype="310", psn_type="1101", birth="1970-01-01", sex="2", partition_key=7,
        balance_fen=50_000,
    )  # fmt: skip
    return World(settings=settings, regions=regions, institutions=(place,), items=items,
                 persons=(person,))  # fmt: skip


def with_filing(world: World) -> World:
    """The same world where the patient has filed as a long-stay resident of Shanghai."""
    held = FilingRow(category="long_stay", area="310000", valid_from="2026-01-01", valid_to="")
    return msgspec.structs.replace(
        world, persons=tuple(msgspec.structs.replace(p, filings=(held,)) for p in world.persons)
    )


class Stage:
    """The nodes of a world, their journal, and what was lost on the way."""

    def __init__(self, world: World | None = None) -> None:
        self.world = world or small_world()
        self.nodes = nodes_of_world(self.world, load_policies(None))
        self.indices = {address: index for index, address in enumerate(self.nodes)}
        self.blocks: list[bytes] = []
        self.opening = Opening(
            seed=7, scenario_digest="test", rules_version=RULES_VERSION, schema_digest="test",
            nodes=tuple(self.nodes), start=NOON,
        )  # fmt: skip
        self.journal = JournalWriter(self.blocks.append, self.opening)
        self.now = NOON
        self.lost: set[tuple[str, int, str]] = set()
        """(transaction, kind, hop) that never arrives."""
        self.serial = 0

    def deliver(self, *envelopes: tuple[str, Envelope]) -> list[Envelope]:
        """Hand messages over until nobody says anything more; return what left the nodes."""
        left: list[Envelope] = []
        queue = [(sender, envelope, self.now) for sender, envelope in envelopes]
        while queue:
            sender, envelope, sent_at = queue.pop(0)
            if (envelope.origin.transaction, envelope.origin.kind, envelope.hop) in self.lost:
                continue
            node = self.nodes.get(envelope.hop)
            if node is None:
                left.append(envelope)
                continue
            self.serial += 1
            self.now = Instant(self.now + 20 * MILLISECOND)
            raw = frame(envelope, Link(sender, envelope.hop, self.serial, 0, sent_at))
            self.journal.append(RecordKind.ENVELOPE, self.indices[envelope.hop], self.now, raw)
            outputs = node.handle(unframe(raw), self.now)
            queue += [(node.address, output, self.now) for output in outputs]
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

    def file(self, *, category: str = "long_stay") -> None:
        """The patient files by app with the insured region."""
        self.serial += 1
        origin = Origin(
            t.FILING, 0, f"P00000000001{self.serial:018d}", "", f"person:{PATIENT}",
            "insured:340600", "", "", "340600", 0, self.now, 0, "",
        )  # fmt: skip
        body = m.FilingRequest(person_no=PATIENT, insutype="310", category=category,
                               area="310000", valid_from="2026-03-02")  # fmt: skip
        self.deliver((f"person:{PATIENT}", seal("insured:340600", origin, encode(body))))

    def wait(self, seconds: int) -> list[Envelope]:
        """Let time pass, waking every node whose deadline comes; return what left the nodes."""
        end, left = Instant(self.now + seconds * SECOND), []
        while True:
            wakes = [(at, a) for a, n in self.nodes.items() if (at := n.next_deadline())]
            if not wakes or min(wakes)[0] > end:
                break
            at, address = min(wakes)
            self.now = max(at, self.now)
            self.journal.append(RecordKind.DEADLINE, self.indices[address], self.now, b"")
            outputs = self.nodes[address].handle_deadline(self.now)
            left += self.deliver(*((address, output) for output in outputs))
        self.now = max(end, self.now)
        return left

    def visit(self, fen: int = 200_000, visit: str = "V2026030200001") -> m.SettlementResult | None:
        """An outpatient visit from the counter's first question to its settlement."""
        self.ask(t.ELIGIBILITY, m.EligibilityRequest(person_no=PATIENT))
        opening = m.VisitOpening(visit=visit, person_no=PATIENT, insured="340600", insutype="310",
                                 med_type="11", begin=self.now)  # fmt: skip
        self.ask(t.REGISTRATION, opening)
        lines = [m.FeeLine(1, "CONSULT", 10_000, (fen - 80_000) * 10_000, fen - 80_000),
                 m.FeeLine(2, "SCAN", 20_000, 40_000 * 10_000, 80_000)]  # fmt: skip
        self.ask(t.OUTPATIENT_FEES, m.FeeUploadRequest(
            institution=HOSPITAL, visit=visit, batch="B1", person_no=PATIENT, insutype="310",
            med_type="11", lines=lines))  # fmt: skip
        bill = self.bill(fen, visit)
        self.ask(t.OUTPATIENT_PRE_SETTLEMENT, bill)
        answers = self.ask(t.OUTPATIENT_SETTLEMENT, bill)
        bodies = [open_body(answer) for answer in answers]
        return bodies[0] if bodies and isinstance(bodies[0], m.SettlementResult) else None

    def bill(self, fen: int, visit: str = "V2026030200001") -> m.SettlementRequest:
        """A (pre-)settlement request for the visit's one charge batch."""
        return m.SettlementRequest(
            institution=HOSPITAL, visit=visit, batch="B1", person_no=PATIENT, insutype="310",
            med_type="11", total_fen=fen, begin=NOON, end=NOON, account_used=True,
        )  # fmt: skip

    def write(self, bundle: Path) -> Path:
        """Leave the files of a run in a folder."""
        bundle.mkdir(parents=True, exist_ok=True)
        self.journal.seal(self.now)
        (bundle / "journal.bin").write_bytes(b"".join(self.blocks))
        (bundle / "world.jsonl").write_bytes(b"".join(write_world(self.world)))
        (bundle / "policies.toml").write_text(dump_policies(load_policies(None)), "utf-8")
        rows = [row for node in self.nodes.values() for row in _rows(node)]
        (bundle / "cases.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows), "utf-8")
        for name in ("postings", "clearing", "notices", "differences"):
            (bundle / f"{name}.jsonl").touch()
        result = {
            "schema": 1,
            "verdict": "pass",
            "checks": [{"id": "INV-01", "verdict": "pass", "count": 3, "reason": None}],
        }
        (bundle / "result.json").write_text(json.dumps(result), "utf-8")
        (bundle / "manifest.json").write_text(
            json.dumps({"schema": 1, "scenario": "stage", "seed": 7}), "utf-8"
        )
        return bundle


def _rows(node: object) -> list[dict[str, object]]:
    cases = getattr(node.state, "cases", {})
    return [
        {
            "node": node.address, "key": case.key, "institution": case.institution,
            "visit": case.visit, "serial": case.batch, "case_id": CASE_ID,
            "psn_no": case.person_no, "treatment": case.treatment, "insured": case.insured,
            "insutype": case.insutype, "med_type": case.med_type, "total_fen": case.total_fen,
            "fund_fen": case.fund_fen,
            "funds": {pay.fund_pay_type: pay.fund_fen for pay in case.funds},
            "account_fen": case.account_fen, "cash_fen": case.cash_fen,
            "hospital_fen": case.hospital_fen, "state": str(case.state), "day": case.day or None,
            "period": None, "batch": None, "digest": case.digest.hex(),
        }
        for case in cases.values()
    ]  # fmt: skip
