"""What thresholds are about: how long institutions waited, and how often they were refused.

The meter watches the counter only: from the instant at which an institution sent a request to
the instant at which it got the answer, in virtual time, by stage (the transaction's word). It
is wrapped around the checks where a scenario has thresholds, and costs nothing elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from yidi.nodes.ledger import Posting
from yidi.protocol.envelope import Envelope
from yidi.protocol.instants import Instant
from yidi.protocol.transactions import CATALOGUE, Kind
from yidi.scenarios.judging.verdicts import TallyBook
from yidi.scenarios.library.thresholds import MILLION, Threshold, parse_threshold
from yidi.scenarios.running.parties import DeliveryCheck, RunChecks

Measure = Callable[[Threshold], int | None]
"""What a run came to for a threshold, in the threshold's unit; None where nothing was measured."""


class Meter:
    """Measures at the counter, and passes everything on to the checks behind it."""

    def __init__(self, checks: RunChecks) -> None:
        self.checks = checks
        self.latency: dict[str, list[int]] = {}
        """Stage → microseconds from question to answer, one a question."""
        self.refused: dict[str, int] = {}
        """Stage → how many were refused or left unknown."""
        self._asked: dict[str, int] = {}

    def on_posting(self, node: Any, posting: Posting, case: Any) -> None:
        """Pass a posting on."""
        self.checks.on_posting(node, posting, case)

    def on_delivery(self, node: Any, envelope: Envelope, now: Instant) -> None:
        """Measure what was handled, and pass it on."""
        self._measure(envelope, now)
        self.checks.on_delivery(node, envelope, now)

    def delivery_check(self, node: Any, sender: str) -> DeliveryCheck:
        """The same for one link's end."""
        behind = self.checks.delivery_check(node, sender)

        def check(envelope: Envelope, now: Instant) -> None:
            self._measure(envelope, now)
            behind(envelope, now)

        return check

    def _measure(self, envelope: Envelope, now: Instant) -> None:
        """Note when a question left an institution and when its first answer came."""
        origin, link = envelope.origin, envelope.link
        if link is not None and link.sender.startswith("institution:"):
            if origin.kind == Kind.REQUEST:
                self._asked.setdefault(origin.message_id, link.sent_at)
        elif envelope.hop.startswith("institution:"):
            asked = self._asked.pop(origin.correlation_id, None)
            if asked is not None:
                stage = CATALOGUE[origin.transaction].word
                self.latency.setdefault(stage, []).append(now - asked)
                if origin.kind != Kind.RESULT:
                    self.refused[stage] = self.refused.get(stage, 0) + 1

    def measure(self, rule: Threshold) -> int | None:
        """The measured value in the threshold's unit; None where there is none."""
        if rule.metric not in ("latency", "refused"):
            return None
        stage = rule.tags.get("stage")
        samples = [
            sample
            for name, values in self.latency.items()
            if stage in (None, name)
            for sample in values
        ]
        refused = sum(count for name, count in self.refused.items() if stage in (None, name))
        if rule.aggregate == "count":
            return (len(samples) if rule.metric == "latency" else refused) * MILLION
        if not samples:
            return None
        if rule.metric == "refused":
            return refused * MILLION // len(samples)
        return _aggregate(rule, sorted(samples))


def judge_thresholds(
    thresholds: Mapping[str, tuple[str, ...]], measure: Measure, book: TallyBook
) -> None:
    """THRESHOLD-number: every expression of every metric, in the order of the file."""
    number = 0
    for key, expressions in thresholds.items():
        for expression in expressions:
            number += 1
            tally = book[f"THRESHOLD-{number}"]
            rule = parse_threshold(key, expression)
            value = measure(rule)
            if value is None:
                tally.unknown = f"nothing was measured for {key}"
                continue
            tally.count += 1
            if not rule.holds(value):
                tally.fail(f"{key} {rule.text}: measured {_shown(rule, value)}")


def _aggregate(rule: Threshold, samples: list[int]) -> int:
    count = len(samples)
    match rule.aggregate:
        case "min":
            value = samples[0]
        case "max":
            value = samples[-1]
        case "avg":
            value = sum(samples) // count
        case "p":
            # The nearest rank: the smallest sample that so many are not above.
            value = samples[max(0, -(-count * rule.percentile_bp // 10_000) - 1)]
        case _:
            value = samples[(count - 1) // 2]
    return value if rule.unit == "us" else value * MILLION


def _shown(rule: Threshold, value: int) -> str:
    if rule.unit == "us":
        return f"{value // 1000}.{value % 1000:03d} ms"
    return f"{value // MILLION}.{value % MILLION:06d}"
