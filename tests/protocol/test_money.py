"""Money: fen in, fen out, one rounding rule, and no float anywhere."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yidi.protocol import money
from yidi.protocol.errors import ErrorCode, RemoteProtocolError

fens = st.integers(0, money.FEN_MAX - 1)
ratios = st.integers(0, 2 * money.BASIS_POINTS)


def exact(value: Decimal) -> int:
    """Round a decimal half up, by the standard library."""
    return int(value.quantize(Decimal(1), ROUND_HALF_UP))


@given(fens)
def test_yuan_can_be_read_back(fen: int) -> None:
    """Every amount that is written is read as the same fen."""
    assert money.parse_yuan(money.yuan(fen)) == fen
    assert money.parse_yuan(Decimal(fen) / 100) == fen


@given(st.integers(0, 999_999_999))
def test_whole_yuan_may_come_as_a_json_integer(yuan: int) -> None:
    """12, "12" and "12.0" are one amount."""
    forms: list[object] = [yuan, str(yuan), f"{yuan}.0", Decimal(yuan)]

    assert [money.parse_yuan(form) for form in forms] == [yuan * 100] * 4


@given(st.text(max_size=80))
def test_a_text_is_yuan_or_e_amount(text: str) -> None:
    """What is accepted are digits with at most two decimals; all else is E_AMOUNT."""
    plain = text.replace(".", "", 1)
    if plain.isascii() and plain.isdigit() and not text.startswith(".") and len(text) <= 9:
        return
    with pytest.raises(RemoteProtocolError) as caught:
        money.parse_yuan(text, "$.medfee_sumamt")

    assert caught.value.code == ErrorCode.E_AMOUNT
    assert caught.value.at == "$.medfee_sumamt"
    assert len(caught.value.got) <= 64


# fmt: off
BAD_AMOUNTS = [
    "1.234", "-1", "+1", "1e3", "1E3", "1,000", "1_000", "１２", "", ".", ".5", "1.", " 1", "1\n",
    "NaN", "Infinity", "0x10", "1234567890", "1" * 4000, None, True, False, 1.0, 0.1, -1,
    10**9, 10**5000, -(10**5000), [], {}, b"1",
    Decimal("NaN"), Decimal("Infinity"), Decimal("1E+3"),
    Decimal("0.001"), Decimal(-1), Decimal("1e999999"),
]
# fmt: on


@pytest.mark.parametrize("value", BAD_AMOUNTS, ids=range(len(BAD_AMOUNTS)))
def test_bad_amounts(value: object) -> None:
    """Rows W16 and S13 at JSON edges: signs, exponents, third decimals, floats, booleans, null."""
    with pytest.raises(RemoteProtocolError) as caught:
        money.parse_yuan(value)

    assert caught.value.code == ErrorCode.E_AMOUNT
    assert len(caught.value.got) <= 64


@given(st.integers(-money.FEN_MAX, money.FEN_MAX))
def test_both_forms_for_people_say_the_same(fen: int) -> None:
    """Two decimals, a sign when negative; grouping adds commas and nothing else."""
    text = money.yuan(fen)

    assert Decimal(text) * 100 == fen
    assert money.yuan_grouped(fen).replace(",", "") == text
    assert text[-3] == "."


def test_amounts_are_written_with_two_decimals() -> None:
    """5 fen are 0.05 yuan, a thousand yuan have a comma."""
    assert money.yuan(5) == "0.05"
    assert money.yuan(-5) == "-0.05"
    assert money.yuan_grouped(123_456_789) == "1,234,567.89"
    assert money.yuan_grouped(-100_000) == "-1,000.00"


@given(fens, ratios)
def test_a_share_is_rounded_half_up_once(fen: int, ratio: int) -> None:
    """The standard library's decimal rounding gives the same fen."""
    assert money.share(fen, ratio) == exact(Decimal(fen) * ratio / money.BASIS_POINTS)


@given(fens, st.integers(0, money.BASIS_POINTS))
def test_a_share_and_the_rest_are_the_whole_within_one_fen(fen: int, ratio: int) -> None:
    """Rounding each part moves the sum by at most one fen; hence the rest is subtracted."""
    parts = money.share(fen, ratio) + money.share(fen, money.BASIS_POINTS - ratio)

    assert fen <= parts <= fen + 1
    assert money.share(fen, ratio) <= fen


@given(st.integers(0, 10**15), st.integers(1, 10**6))
def test_division_is_rounded_half_up(numerator: int, denominator: int) -> None:
    """A half is rounded away from zero, everything else to the nearer integer."""
    rounded = money.round_half_up(numerator, denominator)

    assert -denominator <= 2 * (numerator - rounded * denominator) < denominator


def test_a_half_fen_goes_up() -> None:
    """1 fen at 50 % is 1 fen, and 3 fen at 50 % are 2."""
    assert [money.share(fen, 5000) for fen in (0, 1, 2, 3)] == [0, 1, 1, 2]
    assert money.round_half_up(5, 10) == 1


@given(ratios)
def test_ratios_have_four_places(ratio: int) -> None:
    """Basis points are written as a decimal, exactly."""
    text = money.ratio_text(ratio)

    assert Decimal(text) * money.BASIS_POINTS == ratio
    assert len(text.partition(".")[2]) == 4
