"""When patients come: open arrival processes as generators of instants.

Open means that nobody waits for anybody: patients come at the rate of the file whether the
network keeps up or not. A rate that changes in time is drawn by thinning: candidates come at
the highest rate, and each is kept with the share that the rate has at its instant. Rates, tables
and instants are integers; chance is one draw a candidate and one a decision.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from random import Random

from yidi.protocol.instants import DAY, HOUR, Instant
from yidi.scenarios.library.schema import Arrivals, Flow
from yidi.scenarios.running.streams import Streams, below, exponential

HOUR_PER_MILLE = (
    *(6, 5, 4, 4, 5, 8, 20, 50, 110, 140, 120, 75),
    *(40, 70, 92, 78, 55, 36, 28, 20, 14, 9, 6, 5),
)
"""Share of a day's visits in each hour: the busiest is 9 to 10 with 14 %, and 83 % come
between 7 and 17. Source: the shape is domain 8 (80 % in ten hours, peak hour 14 %);
the single numbers are illustrative."""

WEEKDAY_PER_MILLE = (1_350, 1_150, 1_080, 1_050, 1_000, 720, 650)
"""Factor of each weekday, Monday first; the mean is 1. Source: domain 8 (busy Monday 1.35)."""

_CHINA_OFFSET = 8 * HOUR
_THURSDAY = 3
"""1970-01-01 was a Thursday."""


def arrivals_of(flow: Flow, start: Instant, duration: int, streams: Streams) -> Iterator[Instant]:
    """The instants at which a flow's patients come, in order, from the flow's own stream."""
    first = Instant(start + flow.starts)
    end = Instant(start + (duration if flow.ends is None else min(flow.ends, duration)))
    return arrivals(flow.arrivals, first, end, streams.stream("arrivals", flow.name))


def arrivals(wanted: Arrivals, first: Instant, end: Instant, stream: Random) -> Iterator[Instant]:
    """The instants first ≤ t < end of an arrival process, in order, at most `count`."""
    match wanted.process:
        case "constant":
            instants = _constant(wanted.per_day, first, end)
        case "poisson":
            instants = _poisson(wanted.per_day, first, end, stream)
        case "ramp":
            last = wanted.per_day if wanted.per_day_end is None else wanted.per_day_end
            instants = _ramp(wanted.per_day, last, first, end, stream)
        case "hospital-day":
            instants = _hospital_day(wanted.per_day, first, end, stream)
    return instants if wanted.count is None else islice(instants, wanted.count)


def _constant(per_day: int, first: Instant, end: Instant) -> Iterator[Instant]:
    """Evenly spaced, the first half a gap after the beginning."""
    number = 0
    while (now := first + (2 * number + 1) * DAY // (2 * per_day)) < end:
        yield Instant(now)
        number += 1


def _poisson(per_day: int, first: Instant, end: Instant, stream: Random) -> Iterator[Instant]:
    now = first + exponential(stream, DAY) // per_day
    while now < end:
        yield Instant(now)
        now += exponential(stream, DAY) // per_day


def _ramp(
    begins: int, ends: int, first: Instant, end: Instant, stream: Random
) -> Iterator[Instant]:
    """A Poisson process whose rate goes in a straight line from one rate to another."""
    highest, span = max(begins, ends), end - first
    if highest == 0 or span <= 0:
        return
    for now in _poisson(highest, first, end, stream):
        gone = now - first
        if below(stream, highest * span) < begins * (span - gone) + ends * gone:
            yield now


def _hospital_day(per_day: int, first: Instant, end: Instant, stream: Random) -> Iterator[Instant]:
    """A Poisson process that follows the hours of a hospital and the days of a week.

    `per_day` is the mean over whole weeks.
    """
    highest = max(HOUR_PER_MILLE) * max(WEEKDAY_PER_MILLE)
    rate = per_day * 24 * highest
    now = first + exponential(stream, DAY * 1_000_000) // rate
    while now < end:
        day, time = divmod(now + _CHINA_OFFSET, DAY)
        weight = HOUR_PER_MILLE[time // HOUR] * WEEKDAY_PER_MILLE[(day + _THURSDAY) % 7]
        if below(stream, highest) < weight:
            yield Instant(now)
        now += exponential(stream, DAY * 1_000_000) // rate
