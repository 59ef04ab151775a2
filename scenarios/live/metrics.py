"""`/metrics` of a gateway or of a node, in the form of Prometheus.

What happens on the way of a message is counted by children that are bound once per transaction;
what stands somewhere anyhow (queues, outboxes, the engine's counters) is read when somebody asks.
Nothing here names a person, an institution or a case.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.process_collector import ProcessCollector

from yidi.broker.engines.base import SIZE_BUCKETS, Counters
from yidi.broker.gateway.calls import Network
from yidi.broker.gateway.server import GatewayServer
from yidi.protocol.bodies import open_body
from yidi.protocol.envelope import Envelope
from yidi.protocol.errors import DecodeError, YidiError
from yidi.protocol.messages import Rejection
from yidi.protocol.transactions import Kind
from yidi.scenarios.live.host import LiveHost, LiveParty

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 30)
"""Upper bounds of latencies: a commit is milliseconds, a region's patience 25 s, a client's 30."""
FRAMES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024)
"""Upper bounds of frames a turn."""
_KINDS = {Kind.REQUEST: "request", Kind.RESULT: "result", Kind.REJECTION: "rejection"}


class Metrics:
    """All that one process tells of itself."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self._received = Counter(
            "yidi_messages_received", "Messages handled, by node, transaction and kind",
            ("node", "infno", "kind"), registry=registry,
        )  # fmt: skip
        self._answered = Counter(
            "yidi_answers", "Answers given, by node, transaction and outcome (ok or error code)",
            ("node", "infno", "outcome"), registry=registry,
        )  # fmt: skip
        self._asked = Histogram(
            "yidi_call_seconds", "Real seconds from a client's call to its answer",
            ("infno", "outcome"), registry=registry, buckets=SECONDS,
        )  # fmt: skip
        self._deadlines = Counter(
            "yidi_deadlines", "Deadlines that fired, by node", ("node",), registry=registry
        )
        self._turns = Histogram(
            "yidi_turn_frames", "Frames handled before one commit", registry=registry,
            buckets=FRAMES,
        )  # fmt: skip
        self._commits = Histogram(
            "yidi_commit_seconds", "Real seconds to make a turn's inputs durable",
            registry=registry, buckets=SECONDS,
        )  # fmt: skip
        self._bound: dict[tuple[str, ...], Any] = {}
        self._standing = _Standing()
        registry.register(self._standing)

    def watch(self, hosts: Iterable[LiveHost], server: GatewayServer | None = None) -> None:
        """Count what hosts do from now on, and read what stands in them when asked."""
        for host in hosts:
            host.meter = self
            self._standing.hosts.append(host)
        if server is not None:
            self.registry.register(_Edge(server))

    def text(self) -> bytes:
        """Everything, as Prometheus reads it."""
        return generate_latest(self.registry)

    # ------------------------------------------------------------------ told by hosts and desk

    def delivered(self, party: str, envelope: Envelope, sent: Iterable[Envelope]) -> None:
        """A message was handled, and caused these outputs."""
        origin = envelope.origin
        self._child(self._received, party, origin.transaction, _KINDS[Kind(origin.kind)]).inc()
        for one in sent:
            said = one.origin
            if said.kind != Kind.REQUEST and said.sender == party:
                self._child(self._answered, party, said.transaction, outcome_of(one)).inc()

    def woken(self, party: str) -> None:
        """A deadline fired."""
        self._child(self._deadlines, party).inc()

    def turned(self, frames: int) -> None:
        """A turn of so many frames was handled."""
        self._turns.observe(frames)

    def committed(self, seconds: float) -> None:
        """A turn's inputs are durable."""
        self._commits.observe(seconds)

    def asked(self, infno: str, outcome: str, seconds: float) -> None:
        """A client's call has ended."""
        self._child(self._asked, infno, outcome).observe(seconds)

    def _child(self, metric: Any, *labels: str) -> Any:
        """A metric's child; looked up by the library once."""
        name = (metric._name, *labels)  # noqa: SLF001 - no public name; str(metric) is slow
        child = self._bound.get(name)
        if child is None:
            child = self._bound[name] = metric.labels(*labels)
        return child


def outcome_of(answer: Envelope) -> str:
    """`ok`, or the code of a refusal."""
    if answer.origin.kind != Kind.REJECTION:
        return "ok"
    try:
        body = open_body(answer)
    except DecodeError:
        return "unreadable"
    return body.code if isinstance(body, Rejection) else "unreadable"


class _Families:
    """Metrics by name, so that several hosts and nodes add to the same one."""

    def __init__(self) -> None:
        self.all: dict[str, Any] = {}

    def add(self, kind: Any, name: str, text: str, labels: dict[str, str], value: int) -> None:
        """A value of a gauge or counter."""
        if name not in self.all:
            self.all[name] = kind(name, text, labels=tuple(labels))
        self.all[name].add_metric(tuple(labels.values()), value)


class _Standing:
    """What stands in hosts: outboxes, queues, refusals, the engine's counters."""

    def __init__(self) -> None:
        self.hosts: list[LiveHost] = []

    def collect(self) -> Iterator[Metric]:
        """Read it all; called where the hosts run, so nothing changes meanwhile."""
        families = _Families()
        sizes = HistogramMetricFamily(
            "yidi_engine_batch_frames", "Frames in one publish", labels=("node",)
        )
        for host in self.hosts:
            _add_host(families, host)
            for party in host.everybody:
                _add_party(families, party)
                if party.attachment is not None:
                    _add_engine(families, sizes, party.address, party.attachment.counters)
        yield from families.all.values()
        yield sizes


def _add_host(families: _Families, host: LiveHost) -> None:
    # Refusals and commits are a process's or a node's, whichever has the host to itself.
    own = {"host": host.everybody[0].address if len(host.everybody) == 1 else "all"}
    totals = host.core.totals()
    for kind, name, text, value in (
        (GaugeMetricFamily, "arrived_batches", "Batches that have come and wait", host.arrived),
        (GaugeMetricFamily, "links", "Ends of links", totals["links"]),
        (CounterMetricFamily, "copies_dropped", "Copies a link had already", totals["copies"]),
        (CounterMetricFamily, "deliveries", "Messages handled", host.deliveries),
        (CounterMetricFamily, "commits", "Group commits", host.commits),
        (CounterMetricFamily, "postings", "Postings of the ledgers", host.postings),
    ):
        families.add(kind, f"yidi_{name}", text, own, value)
    for code, count in sorted(host.core.refused.items()):
        text = "Deliveries and sendings refused, by error code"
        labels = {**own, "code": str(code)}
        families.add(CounterMetricFamily, "yidi_refused", text, labels, count)


def _add_party(families: _Families, party: LiveParty) -> None:
    outbox = getattr(party.host, "outbox", None)
    control = getattr(getattr(party.host, "state", None), "control", None)
    attachment, label = party.attachment, {"node": party.address}
    for name, text, value in (
        ("outbox_pending", "Requests without an answer", outbox and len(outbox.pending)),
        ("held_messages", "Messages that wait for a tester", control and len(control.held)),
        ("queue_frames", "Frames queued or not confirmed", attachment and attachment.pending),
        ("connected", "Whether the engine is there", attachment and attachment.connected),
    ):
        families.add(GaugeMetricFamily, f"yidi_{name}", text, label, int(value or 0))


def _add_engine(
    families: _Families, sizes: HistogramMetricFamily, node: str, counters: Counters
) -> None:
    for name, text in (
        ("batches_sent", "Publishes confirmed by the engine"),
        ("frames_sent", "Frames in them"),
        ("frames_received", "Frames that came"),
        ("bytes_sent", "Bytes in them"),
        ("repeated", "Frames sent again since their publish was not confirmed"),
        ("dropped", "Frames that found a queue full"),
        ("reconnects", "Connections that were made again"),
    ):
        value, label = getattr(counters, name), {"node": node}
        families.add(CounterMetricFamily, f"yidi_engine_{name}", text, label, value)
    buckets, so_far = [], 0
    for bound, count in zip(SIZE_BUCKETS, counters.sizes, strict=True):
        so_far += count
        buckets.append((str(bound), so_far))
    sizes.add_metric((node,), [*buckets, ("+Inf", so_far)], counters.frames_sent)


class _Edge:
    """What stands in the HTTP edge."""

    def __init__(self, server: GatewayServer) -> None:
        self.server = server

    def collect(self) -> Iterator[Metric]:
        """Read it all."""
        server = self.server
        yield GaugeMetricFamily("yidi_http_in_flight", "Requests under way", server.in_flight)
        yield CounterMetricFamily("yidi_http_answered", "Calls answered", server.answered)
        refused = CounterMetricFamily(
            "yidi_http_refused", "Requests refused, by error code", labels=("code",)
        )
        for code, count in sorted(server.refused.items()):
            refused.add_metric((str(code),), count)
        yield refused


class MeteredNetwork:
    """The desk as the gateway asks it, with a watch beside it."""

    def __init__(self, desk: Network, metrics: Metrics) -> None:
        self._desk = desk
        self._metrics = metrics
        self.now = desk.now

    async def ask(self, envelope: Envelope) -> Envelope:
        """Ask the desk, and say how long it took; raises as it does."""
        clock, outcome = asyncio.get_running_loop().time, "cancelled"
        began = clock()
        try:
            answer = await self._desk.ask(envelope)
            outcome = outcome_of(answer)
            return answer
        except YidiError as error:
            outcome = error.code
            raise
        finally:
            self._metrics.asked(envelope.origin.transaction, outcome, clock() - began)
