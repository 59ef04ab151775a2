"""The flow under measurement: outpatient visits of Huaibei employees in Shanghai, at full rules.

Eligibility, thirty fee lines, pre-settlement, settlement: each a request and an answer over two
hops, sixteen envelopes between treatment region, hub and insured region, plus the hospital's
own eight. Everything a run does is on: links, journal on disk, ledger, rules, per-event checks;
signatures are off. The hospital's requests are made before the clock starts, since the network
is what is measured. Visits are kept `in_flight` at a time: as one ends the next begins.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time
from typing import Any

import msgspec

from yidi.nodes.base import Node
from yidi.nodes.catalogue import CatalogueItem
from yidi.nodes.clearing_plan import ClearingPlan
from yidi.nodes.exchange import DeltaAgreement
from yidi.nodes.hub import Hub, HubConfig
from yidi.nodes.insured_region import InsuredConfig, InsuredRegion, InsuredState, Person
from yidi.nodes.ledger import Posting
from yidi.nodes.lifecycle import SETTLED
from yidi.nodes.treatment_region import InstitutionConfig, TreatmentConfig, TreatmentRegion
from yidi.protocol import messages as m
from yidi.protocol import transactions as t
from yidi.protocol.codec import encode
from yidi.protocol.envelope import Envelope, Origin, seal
from yidi.protocol.instants import HOUR, Instant, start_of_day
from yidi.protocol.journal import JournalWriter, Opening
from yidi.scenarios.judging.event_checks import EventChecks
from yidi.scenarios.judging.journal_file import create_journal
from yidi.scenarios.library.policy_file import load_policies
from yidi.scenarios.running.parties import DeliveryCheck
from yidi.scenarios.running.pipes import LinkTable
from yidi.scenarios.running.run import quiet_collector
from yidi.scenarios.running.runner import Runner
from yidi.scenarios.running.signing import SignedLinks, seeded_guard
from yidi.scenarios.running.streams import Streams

HOSPITAL = "H31010100001"
DAY = "2026-03-02"
START = Instant(start_of_day(DAY) + 9 * HOUR)
LINES = 30
ENVELOPES = 16
"""Between treatment region, hub and insured region, per settlement."""
EDGE_ENVELOPES = 8
"""Between hospital and treatment region."""

CHECKS = ("INV-01", "INV-02", "INV-03", "INV-06", "INV-07", "INV-08", "INV-10", "INV-12",
          "INV-36", "INV-38")  # fmt: skip
"""The per-event checks that a plain settlement gives something to look at."""

_CATALOGUE = {
    "XN02BEN001A001010100001": CatalogueItem("01"),
    "XJ01CAQ040B002010100002": CatalogueItem("02", 1000),
    "310300001": CatalogueItem("02", 500, 45_000_000),
    "C0101010010000100001": CatalogueItem("02", 2000),
    "XZ9999999999999999999": CatalogueItem("03"),
}


class FlowResult(msgspec.Struct, frozen=True, kw_only=True):
    """What one round came to."""

    settlements: int
    cpu_seconds: float
    journal_bytes: int
    journal_hash: str
    envelopes: int


class Visits:
    """The hospital: prepared requests by visit, kept `in_flight` at a time."""

    def __init__(self, requests: list[list[Envelope]], in_flight: int) -> None:
        self._requests = requests
        self._step = [0] * len(requests)
        self._visit_of = {
            envelope.origin.message_id: index
            for index, visit in enumerate(requests)
            for envelope in visit
        }
        self._next = 0
        self._in_flight = in_flight
        self.refused = 0

    def handle(self, envelope: Envelope, now: Instant) -> list[Envelope]:
        """An answer: the visit's next request, or the next visit's first."""
        origin = envelope.origin
        if origin.kind != 1:
            self.refused += 1
        index = self._visit_of[origin.correlation_id]
        step = self._step[index] = self._step[index] + 1
        if step < len(self._requests[index]):
            return [self._requests[index][step]]
        return self._begin(1)

    def next_deadline(self) -> Instant | None:
        """The first visits begin at once."""
        return START if self._next == 0 else None

    def handle_deadline(self, now: Instant) -> list[Envelope]:
        """Begin the first visits."""
        return self._begin(self._in_flight)

    def _begin(self, count: int) -> list[Envelope]:
        first, self._next = self._next, min(self._next + count, len(self._requests))
        return [self._requests[index][0] for index in range(first, self._next)]


def fee_lines() -> list[m.FeeLine]:
    """Thirty lines over five kinds of items; not yet split."""
    items = sorted(_CATALOGUE)
    lines = []
    for number in range(1, LINES + 1):
        count, price_fen = 1 + number % 3, 1_250 + 137 * number
        lines.append(
            m.FeeLine(
                number, items[number % len(items)], count * 10_000, price_fen * 10_000,
                count * price_fen,
            )
        )  # fmt: skip
    return lines


def requests(settlements: int) -> list[list[Envelope]]:
    """The hospital's four requests of each visit."""
    lines = fee_lines()
    total = sum(line.amount_fen for line in lines)
    return [_requests_of(index, lines, total) for index in range(settlements)]


def _requests_of(index: int, lines: list[m.FeeLine], total: int) -> list[Envelope]:
    person, visit = f"340600{index:020d}", f"V{index:011d}"
    end = START
    bill = m.SettlementRequest(
        institution=HOSPITAL, visit=visit, batch="B1", person_no=person, insutype="310",
        med_type="11", total_fen=total, begin=end, end=end,
    )  # fmt: skip
    fees = m.FeeUploadRequest(
        institution=HOSPITAL, visit=visit, batch="B1", person_no=person, insutype="310",
        med_type="11", lines=lines,
    )  # fmt: skip
    bodies: tuple[tuple[str, msgspec.Struct], ...] = (
        (t.ELIGIBILITY, m.EligibilityRequest(person_no=person)),
        (t.OUTPATIENT_FEES, fees),
        (t.OUTPATIENT_PRE_SETTLEMENT, bill),
        (t.OUTPATIENT_SETTLEMENT, bill),
    )
    envelopes = []
    for step, (transaction, body) in enumerate(bodies):
        serial = index * len(bodies) + step
        message_id = f"{HOSPITAL}{20260302 * 10**6 + serial // 10_000:014d}{serial % 10_000:04d}"
        origin = Origin(
            transaction, 0, message_id, "", f"institution:{HOSPITAL}", "treatment:310000", "",
            "310000", "340600", index & 0xFFFF, START, 0, message_id,
        )  # fmt: skip
        envelopes.append(seal("treatment:310000", origin, encode(body)))
    return envelopes


def _persons(count: int) -> dict[str, Person]:
    return {
        (number := f"340600{index:020d}"): Person(
            person_no=number, name="测试", certificate_no="", sex="1", birth="1980-01-01",
            insutype="310", psn_type="1101", partition_key=index & 0xFFFF,
        )
        for index in range(count)
    }  # fmt: skip


def build(persons: int) -> dict[str, Node[Any]]:
    """Hub, insured and treatment region, with so many insured persons."""
    plan = ClearingPlan(opening_day=DAY, treatment=("310000",), insured=("340600",))
    hospital = InstitutionConfig(
        code=HOSPITAL, name="示例医院", level="2", opened=frozenset({"11"})
    )
    delta = DeltaAgreement(provinces=("31", "32", "33", "34"), med_types=("11", "41"))
    nodes: list[Node[Any]] = [
        Hub(HubConfig(code="yrd", plan=plan)),
        InsuredRegion(
            InsuredConfig(code="340600", policy_region="340600", hubs=("hub:yrd",)),
            load_policies(None),
            InsuredState(persons=_persons(persons)),
        ),
        TreatmentRegion(
            TreatmentConfig(
                code="310000", institutions={HOSPITAL: hospital}, catalogue=_CATALOGUE,
                delta=delta,
            )
        ),
    ]  # fmt: skip
    return {node.address: node for node in nodes}


class Parts(msgspec.Struct, frozen=True, kw_only=True):
    """What a round has switched on; the flow has everything."""

    journal: bool = True
    checks: bool = True
    signatures: bool = False
    """Whether messages are signed, which the flow's are not."""


WHOLE = Parts()


def run_flow(
    settlements: int,
    in_flight: int,
    *,
    seed: int = 1,
    parts: Parts = WHOLE,
    heard: list[Envelope] | None = None,
) -> FlowResult:
    """Settle so many visits and return the CPU they took; asserts that all are settled.

    Args:
        settlements: how many visits.
        in_flight: how many at a time.
        seed: of the links' latencies.
        parts: what is left out, to see what it costs.
        heard: collects every envelope delivered to a node instead of checking it (for the corpus).
    """
    visits = Visits(requests(settlements), in_flight)
    nodes = build(settlements)
    with TemporaryDirectory(prefix="yidi-bench-") as folder:
        path = Path(folder) / "journal.bin"
        opening = Opening(
            seed=seed, scenario_digest="bench-flow", rules_version="bench", schema_digest="bench",
            nodes=tuple(nodes), start=START,
        )  # fmt: skip
        with create_journal(path, opening) as journal:
            streams = Streams(seed)
            writer = journal.writer if parts.journal else _NoJournal(opening)
            links = LinkTable((), streams)
            if parts.signatures:
                links = SignedLinks((), streams, seeded_guard(nodes, seed))
            runner = Runner(nodes, visits, links, writer, start=START)
            checks = EventChecks(nodes)
            if heard is not None:
                runner.checks = _Listener(heard)
            elif parts.checks:
                runner.checks = checks
            with quiet_collector():
                before = process_time()
                runner.run()
                journal_hash = journal.seal(runner.now)
                cpu = process_time() - before
        size = path.stat().st_size
    _assert_settled(nodes, visits, settlements)
    if runner.checks is checks:
        _assert_checked(checks)
    return FlowResult(
        settlements=settlements, cpu_seconds=cpu, journal_bytes=size,
        journal_hash=journal_hash, envelopes=runner.deliveries,
    )  # fmt: skip


def _assert_settled(nodes: dict[str, Node[Any]], visits: Visits, settlements: int) -> None:
    """The validity gate: everything settled everywhere, and every ledger sums to nothing."""
    assert visits.refused == 0, f"{visits.refused} refusals"
    for node in nodes.values():
        settled = sum(1 for case in node.state.cases.values() if case.state == SETTLED)
        assert settled == settlements, f"{node.address}: {settled} of {settlements} settled"
        assert not sum(node.ledger.state.balances.values()), node.address


def _assert_checked(checks: EventChecks) -> None:
    """No per-event check found anything, and those of a settlement have looked."""
    tallies = checks.finish().tallies
    failed = {name: tally.first for name, tally in tallies.items() if tally.violations}
    assert not failed, f"violations: {failed}"
    idle = [name for name in CHECKS if not tallies[name].count]
    assert not idle, f"these checks never looked: {idle}"


class _NoJournal(JournalWriter):
    """Takes records and outputs and does nothing with them."""

    def __init__(self, opening: Opening) -> None:
        super().__init__(None, opening)
        self.note_output = _nothing

    def append(self, kind: int, node: int, now: Instant, payload: bytes) -> None:
        """Nothing."""


def _nothing(_data: object) -> None:
    """Nothing."""


class _Listener:
    """Hears every message instead of checking it."""

    def __init__(self, heard: list[Envelope]) -> None:
        self.heard = heard

    def on_delivery(self, node: object, envelope: Envelope, now: Instant) -> None:
        """Keep the message."""
        self.heard.append(envelope)

    def delivery_check(self, node: object, sender: str) -> DeliveryCheck:
        """The same for one link's end."""
        return partial(self.on_delivery, node)

    def on_posting(self, node: object, posting: Posting, case: object) -> None:
        """Postings are no messages."""


def record_messages() -> list[Envelope]:
    """The eight messages between treatment and insured region of one settlement."""
    heard: list[Envelope] = []
    run_flow(1, 1, heard=heard)
    return [envelope for envelope in heard if envelope.hop.startswith("hub:")]
