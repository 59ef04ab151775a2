"""What rules of a conversation have in common: findings, and how values are compared."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from yidi.scenarios.judging.conversation import Exchange, Fields

FEN_MAX = 10**18
"""Above it there is no amount, only a text that looks like a number: `1E999999`."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One occasion on which a rule was kept or broken."""

    rule: str
    facts: str = ""
    """What was wrong; empty where it was kept."""
    about: tuple[Exchange, ...] = ()


def fen(value: object) -> int | None:
    """An amount of yuan in fen, with its sign; None for what is no exact amount."""
    try:
        scaled = Decimal(str(value)) * 100
    except ArithmeticError:  # no number, or one that no money comes to
        return None
    if not scaled.is_finite() or abs(scaled) > FEN_MAX or scaled != scaled.to_integral_value():
        return None
    return int(scaled)


def same(one: object, other: object) -> bool:
    """Equal as amounts where both are, else as texts."""
    amounts = fen(one), fen(other)
    return str(one) == str(other) or (None not in amounts and amounts[0] == amounts[1])


def amounts_differ(one: Fields, other: Fields, names: tuple[str, ...]) -> str:
    """The first amount in which two answers differ, signs aside; empty where there is none."""
    for name in names:
        first, then = fen(one.get(name, "0")), fen(other.get(name, "0"))
        if first is not None and then is not None and abs(first) != abs(then):
            return f"{name} {one.get(name, '0')} then {other.get(name, '0')}"
    return ""


def differing(one: Fields, other: Fields) -> str:
    """The first field in which two documents differ, with both values."""
    for name in sorted({*one, *other}):
        if one.get(name) != other.get(name):
            return f"{name} {_short(one.get(name))} then {_short(other.get(name))}"
    return ""


def _short(value: object) -> str:
    return "nothing" if value is None else str(value)[:40]
