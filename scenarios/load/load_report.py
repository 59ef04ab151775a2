"""What a load run came to, and whether the figures may be believed.

A run is *red* when the generator was the bottleneck: its figures then say how fast the generator
is. It fails when a threshold or a check of the books fails, or the validity gate does not hold:
settlements = pre-settlements - refusals, at the counter and in every node's own books.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from yidi.broker.engines.base import SIZE_BUCKETS, Counters
from yidi.nodes.lifecycle import LIVE, REVERSED
from yidi.nodes.policy import PolicyBook
from yidi.scenarios.judging.audit_benefit import audit_benefit
from yidi.scenarios.judging.audit_books import audit_books
from yidi.scenarios.judging.audit_run import RunFacts, audit_checks, audit_run
from yidi.scenarios.judging.event_checks import EventChecks
from yidi.scenarios.judging.rows import nodes_with
from yidi.scenarios.judging.verdicts import CheckResult, Verdict
from yidi.scenarios.load.histogram import Latencies
from yidi.scenarios.load.measure import Machine
from yidi.scenarios.load.open_loop import STAGES, VISIT, OpenLoop
from yidi.scenarios.running.world import World

BUSY_SHARE_MAX = 0.8
"""Share of a core above which a generator in a process of its own is the bottleneck."""
SHARED_BUSY_SHARE_MAX = 0.5
"""The same where generator and network share one thread."""
LATE_P95_US_MAX = 100_000
"""A generator in a process of its own that is so late was not able to keep its schedule."""


class Generator(msgspec.Struct, frozen=True, kw_only=True):
    """What the load cost to make."""

    lateness: Latencies
    """From a visit's scheduled arrival to when it was let in; part of every latency below."""
    cpu_share: float
    """Of one core: of its own process, or of the thread that it shares with the network."""
    alone: bool
    """Whether it had a process of its own."""
    was_bottleneck: bool


class StageReport(msgspec.Struct, frozen=True, kw_only=True):
    """One stage, or the visit as a whole."""

    stage: str
    latency: Latencies
    refused: int


class Batches(msgspec.Struct, frozen=True, kw_only=True):
    """The publishes that this offered rate gave."""

    publishes: int
    frames: int
    mean: float
    sizes: dict[str, int]
    """Publishes of up to so many frames."""


class Gate(msgspec.Struct, frozen=True, kw_only=True):
    """Settlements = pre-settlements - refusals, and every node has booked as many."""

    pre_settled: int
    refused_after: int
    settled: int
    booked: dict[str, int]
    """Settlements in the books of all treatment regions, hubs and insured regions."""
    unanswered: int
    """Visits still under way when the run gave up waiting."""

    @property
    def holds(self) -> bool:
        """Whether the figures stand on settled cases."""
        return (
            self.settled > 0
            and not self.unanswered
            and self.settled == self.pre_settled - self.refused_after
            and all(count == self.settled for count in self.booked.values())
        )


class LoadReport(msgspec.Struct, frozen=True, kw_only=True):
    """What `yidi bench load` prints."""

    scenario: str
    engine: str
    externals: list[str]
    """Nodes that were somebody's own."""
    processes: int
    seed: int
    rate: float
    """Visits a second that were offered."""
    seconds: float
    warm_up: float
    """Seconds at the beginning that the latencies leave out."""
    offered: int
    """Visits that came."""
    settled: int
    refused: int
    """Visits that were refused for good and paid in full."""
    settled_per_second: float
    """Over the time from the first arrival to the last answer."""
    wall_seconds: float
    stages: list[StageReport]
    generator: Generator
    cpu_us_per_settlement: float
    """Of generator and nodes, without a broker's own."""
    batches: Batches
    commits: int
    """Times that a journal was made durable."""
    gate: Gate
    verdict: Verdict
    """Of thresholds and checks."""
    checks: list[CheckResult]
    interrupted: bool
    machine: Machine

    @property
    def passed(self) -> bool:
        """Whether the result stands."""
        return (
            self.verdict == Verdict.PASS
            and self.gate.holds
            and not self.generator.was_bottleneck
            and not self.interrupted
        )


def stage_reports(loop: OpenLoop) -> list[StageReport]:
    """The stages in the order in which a visit goes through them, and the whole visit."""
    measured = loop.measured
    names = [*STAGES, *(name for name in measured.stages if name not in STAGES)]
    rows = [
        StageReport(
            stage=name, latency=measured.stages[name].summary(),
            refused=measured.refused.get(name, 0),
        )
        for name in names
        if name in measured.stages
    ]  # fmt: skip
    return [*rows, StageReport(stage=VISIT, latency=measured.visits.summary(), refused=loop.manual)]


def generator_report(loop: OpenLoop, busy_seconds: float, wall: float, *, alone: bool) -> Generator:
    """Whether the generator kept its schedule, and what it took."""
    lateness = loop.measured.lateness.summary()
    share = busy_seconds / wall if wall else 0.0
    red = share > (BUSY_SHARE_MAX if alone else SHARED_BUSY_SHARE_MAX)
    return Generator(
        lateness=lateness, cpu_share=round(share, 3), alone=alone,
        was_bottleneck=red or (alone and lateness.p95_us > LATE_P95_US_MAX),
    )  # fmt: skip


def batches_of(counters: Iterable[Counters]) -> Batches:
    """Sum what attachments have sent."""
    sizes = [0] * len(SIZE_BUCKETS)
    publishes = frames = 0
    for one in counters:
        publishes += one.batches_sent
        frames += one.frames_sent
        sizes = [a + b for a, b in zip(sizes, one.sizes, strict=True)]
    return Batches(
        publishes=publishes,
        frames=frames,
        mean=round(frames / publishes, 2) if publishes else 0.0,
        sizes={str(most): count for most, count in zip(SIZE_BUCKETS, sizes, strict=True)},
    )


def sum_batches(parts: Iterable[Batches]) -> Batches:
    """What several processes have sent."""
    sizes = dict.fromkeys(map(str, SIZE_BUCKETS), 0)
    publishes = frames = 0
    for part in parts:
        publishes += part.publishes
        frames += part.frames
        sizes = {most: count + part.sizes[most] for most, count in sizes.items()}
    mean = round(frames / publishes, 2) if publishes else 0.0
    return Batches(publishes=publishes, frames=frames, mean=mean, sizes=sizes)


def gate_of(loop: OpenLoop, nodes: Mapping[str, Any]) -> Gate:
    """Hold what the counter saw against the books."""
    booked = {
        role: sum(
            case.state in LIVE or (case.state == REVERSED and case.total_fen > 0)
            for node in nodes_with(nodes, role)
            for case in node.state.cases.values()
        )
        for role in ("treatment", "hub", "insured")
    }
    return Gate(
        pre_settled=loop.measured.pre_settled,
        refused_after=loop.measured.given_up,
        settled=loop.settled,
        booked=booked,
        unanswered=loop.open_visits,
    )


def audit(
    nodes: Mapping[str, Any],
    checks: EventChecks,
    world: World,
    policies: PolicyBook,
    *,
    quiet: bool,
) -> None:
    """Look at the books at the end; whether they agree is asked of a quiet network only."""
    checks.finish()
    if quiet:
        audit_books(nodes, checks)
    audit_benefit(nodes, checks, world, policies)
    audit_run(nodes, checks, RunFacts(unfinished=not quiet, interrupted=not quiet))
    if quiet:
        audit_checks(nodes, checks.book)
