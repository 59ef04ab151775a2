"""Chance, parted so that nothing moves another's draw.

Each purpose and entity draws from its own stream, seeded by `seed/purpose/name`: adding a
region, a flow, a fault or a check leaves every other draw where it was. Only `random()` and
`getrandbits()` are used, which give the same numbers on every Python; what is made of a draw
is made by integer arithmetic. No other module of yidi makes a `Random`.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from random import Random
from typing import Generic, TypeVar

T = TypeVar("T")

MILLION = 1_000_000
_UNIT = 1 << 16

_LN2_Q32 = 2_977_044_472
"""ln 2 in 32.32 fixed point (0.693147180559945 times 2**32, rounded)."""


class Streams:
    """The streams of one run."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def stream(self, purpose: str, name: str) -> Random:
        """A fresh stream for a purpose and an entity; asked again, it begins again."""
        # A str seed is hashed with SHA-512 by Random itself, not by hash(): the same everywhere.
        return Random(f"{self.seed}/{purpose}/{name}")  # noqa: S311 - no secret depends on it

    def __repr__(self) -> str:
        return f"Streams(seed={self.seed})"


def below(stream: Random, count: int) -> int:
    """A number 0..count-1, each equally likely; `count` ≥ 1."""
    bits = (count - 1).bit_length()
    while True:
        number = stream.getrandbits(bits) if bits else 0
        if number < count:
            return number


def between(stream: Random, least: int, most: int) -> int:
    """A number least..most, both included."""
    return least + below(stream, most - least + 1)


def chance(stream: Random, per_million: int) -> bool:
    """True so many times in a million; 0 and 1,000,000 draw all the same."""
    return below(stream, MILLION) < per_million


def pick(stream: Random, options: Sequence[T]) -> T:
    """One of the options, each equally likely."""
    return options[below(stream, len(options))]


class Weighted(Generic[T]):
    """A choice by integer weights, in the order of the table; the weights' sum is ≥ 1."""

    def __init__(self, weights: Mapping[T, int]) -> None:
        self.names = [name for name, weight in weights.items() if weight > 0]
        self.totals: list[int] = []
        total = 0
        for name in self.names:
            total += weights[name]
            self.totals.append(total)
        assert total > 0, "a weighted choice without any weight"

    def draw(self, stream: Random) -> T:
        """One name."""
        return self.names[bisect_right(self.totals, below(stream, self.totals[-1]))]


class Quantiles:
    """A distribution by its p50, p90, p99 and maximum, interpolated linearly in integers.

    Below the median it falls linearly to half of it: a link has a least delay, a bill a least
    sum, and neither is 0.
    """

    def __init__(self, p50: int, p90: int, p99: int, maximum: int) -> None:
        self.marks = (
            (0, p50 // 2),
            (_UNIT * 50 // 100, p50),
            (_UNIT * 90 // 100, p90),
            (_UNIT * 99 // 100, p99),
            (_UNIT - 1, maximum),
        )

    def at(self, place: int) -> int:
        """The value at place/65536 of the distribution, 0 ≤ place < 65536."""
        left, low = self.marks[0]
        for right, high in self.marks[1:]:
            if place <= right:
                return low + (high - low) * (place - left) // (right - left)
            left, low = right, high
        raise AssertionError("place beyond the table")

    def draw(self, stream: Random) -> int:
        """One value, from 16 random bits."""
        return self.at(stream.getrandbits(16))


def exponential(stream: Random, mean: int) -> int:
    """A waiting time of the given mean, exponentially distributed, by integer arithmetic.

    -ln(u) for u = draw/2**32, by von Neumann's way of halving: ln u = ln m - k ln 2 with
    1 ≤ m < 2 from a table of 256 steps interpolated linearly (error below 3e-6).
    """
    draw = stream.getrandbits(32) + 1
    bits = draw.bit_length() - 1
    fraction = (draw << (32 - bits)) - (1 << 32)
    minus_ln = (32 - bits) * _LN2_Q32 - _ln_of_one_plus(fraction)
    return mean * minus_ln >> 32


def _ln_of_one_plus(fraction: int) -> int:
    """ln(1 + fraction/2**32) in 32 bits of fixed point."""
    step, rest = fraction >> 24, fraction & 0xFFFFFF
    low, high = _LN_TABLE[step], _LN_TABLE[step + 1]
    return low + ((high - low) * rest >> 24)


def _make_ln_table() -> list[int]:
    """ln(1 + i/256) for i = 0..256 in 32 bits, by the series of artanh, integers only."""
    table = []
    for i in range(257):
        # ln(x) = 2 artanh((x-1)/(x+1)) with x = 1 + i/256, so z = i / (512 + i).
        z = (i << 48) // (512 + i)
        square = z * z >> 48
        power, total = z, 0
        for odd in range(1, 60, 2):
            total += power // odd
            power = power * square >> 48
        table.append(2 * total >> 16)
    return table


_LN_TABLE = _make_ln_table()
