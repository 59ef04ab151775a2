"""Thresholds in the grammar of k6: `"latency{stage=settlement}" = ["p(99)<500ms"]`.

A key is a metric with optional tags; an expression is an aggregate, a comparison and a limit.
A limit with a unit of time is held in microseconds, any other number in millionths, so that
`rate<0.01` and `p(99)<1.5s` compare integers.
"""

from __future__ import annotations

import operator
import re
from decimal import Decimal
from typing import Literal, cast

import msgspec

from yidi.protocol.errors import ErrorCode, ScenarioError

MILLION = 1_000_000

_KEY = re.compile(r"([a-z][a-z0-9_]{0,39})(?:\{([^{}]{1,200})\})?\Z", re.ASCII)
_TAG = re.compile(r"\s*([a-z][a-z0-9_]{0,39})\s*[=:]\s*\"?([^\s\",]{1,60})\"?\s*\Z", re.ASCII)
_EXPRESSION = re.compile(
    r"\s*(?:(?P<name>avg|min|max|med|count|rate|value)|p\((?P<p>\d{1,2}(?:\.\d{1,2})?|100)\))"
    r"\s*(?P<op><=|>=|<|>|===?|!=)\s*(?P<limit>\d{1,12}(?:\.\d{1,6})?)\s*(?P<unit>us|ms|s|m|h)?\s*\Z",
    re.ASCII,
)
_UNITS = {"us": 1, "ms": 1_000, "s": MILLION, "m": 60 * MILLION, "h": 3_600 * MILLION}
_COMPARE = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "===": operator.eq,
    "!=": operator.ne,
}

Aggregate = Literal["p", "avg", "min", "max", "med", "count", "rate", "value"]


class Threshold(msgspec.Struct, frozen=True, kw_only=True):
    """One condition a run's metric must meet."""

    metric: str
    tags: dict[str, str]
    aggregate: Aggregate
    percentile_bp: int = 0
    """For `p`: the percentile in hundredths, 9990 for p(99.9)."""
    comparison: str
    limit: int
    """Microseconds where `unit` is `us`, else millionths."""
    unit: Literal["us", "millionths"]
    text: str
    """The expression as written."""

    def holds(self, value: int) -> bool:
        """Whether a value in the threshold's unit meets it."""
        return bool(_COMPARE[self.comparison](value, self.limit))


def parse_threshold(key: str, expression: str) -> Threshold:
    """Parse one expression of one metric.

    Raises:
        ScenarioError: `E_EXPRESSION`.
    """
    metric, tags = parse_metric(key)
    found = _EXPRESSION.match(expression)
    if found is None:
        want = 'an expression such as "p(99)<500ms", "rate<0.01" or "count>100"'
        raise ScenarioError(ErrorCode.E_EXPRESSION, want=want, got=expression)
    unit = found["unit"]
    scale = _UNITS[unit] if unit else MILLION
    return Threshold(
        metric=metric,
        tags=tags,
        aggregate=cast("Aggregate", found["name"] or "p"),
        percentile_bp=int(Decimal(found["p"]) * 100) if found["p"] else 0,
        comparison=found["op"],
        limit=int(Decimal(found["limit"]) * scale),
        unit="us" if unit else "millionths",
        text=expression.strip(),
    )


def parse_metric(key: str) -> tuple[str, dict[str, str]]:
    """A metric's name and its tags.

    Raises:
        ScenarioError: `E_EXPRESSION`.
    """
    found = _KEY.match(key)
    tags = [_TAG.match(part) for part in found[2].split(",")] if found and found[2] else []
    if found is None or None in tags:
        want = 'a metric such as "latency" or "latency{stage=settlement}"'
        raise ScenarioError(ErrorCode.E_EXPRESSION, want=want, got=key)
    return found[1], {tag[1]: tag[2] for tag in tags if tag}
