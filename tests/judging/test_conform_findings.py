"""How values of two documents are compared: as money where they are money, else as texts."""

from __future__ import annotations

import pytest

from yidi.scenarios.judging.conform_findings import fen, same


@pytest.mark.parametrize(
    ("value", "amount"),
    [
        ("12.30", 1_230), (12.3, 1_230), (-7, -700), ("0", 0), ("1E2", 10_000), ("1.234", None),
        ("", None), (None, None), ("NaN", None), ("Infinity", None), ("1E999999", None),
        ("9" * 40, None), ([], None),
    ],
)  # fmt: skip
def test_an_amount_is_exact_fen_or_none(value: object, amount: int | None) -> None:
    """Whatever somebody's own node writes there, it is fen or it is no amount."""
    assert amount == fen(value)


def test_values_are_the_same_as_money_or_as_text() -> None:
    """100 is 100.00; ids that look like numbers without an end are compared as they stand."""
    assert same("100", "100.00")
    assert not same("100", "100.01")
    assert same("1E999999", "1E999999")
    assert not same("P1", "P2")
