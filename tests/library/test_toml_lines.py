"""Decoding with places: each kind of error, by its code."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest

from yidi.protocol.errors import ErrorCode, ScenarioError
from yidi.scenarios.library.toml_lines import bounded_decimal, decode_toml, dotted, suggest
from yidi.scenarios.library.values import Fen


class Inner(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table within a table."""

    count: int
    price_fen: Fen | None = msgspec.field(default=None, name="price")


class Outer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole document."""

    inner: tuple[Inner, ...] = ()
    named: dict[str, Fen] = {}
    pair: tuple[int, int] = (0, 0)


def _error(text):
    with pytest.raises(ScenarioError) as caught:
        decode_toml(text, Outer, "f.toml")
    return caught.value


@pytest.mark.parametrize(
    ("text", "code", "at"),
    [
        ("[[inner]]\ncount = 1\ncuont = 2", ErrorCode.E_UNKNOWN_KEY, "f.toml:3:inner[0].cuont"),
        ("[[inner]]\nprice = '1'", ErrorCode.E_MISSING_KEY, "f.toml:1:inner[0]"),
        ("[[inner]]\ncount = '1'", ErrorCode.E_TYPE, "f.toml:2:inner[0].count"),
        ("[[inner]]\ncount = 1.0", ErrorCode.E_TYPE, "f.toml:2:inner[0].count"),
        ("[[inner]]\ncount = 1\nprice = 'x'", ErrorCode.E_AMOUNT, "f.toml:3:inner[0].price"),
        ("named = { a = '1', b = '1.234' }", ErrorCode.E_AMOUNT, "f.toml:1:named.b"),
        ("pair = [1, 2, 3]", ErrorCode.E_RANGE, "f.toml:1:pair"),
        ("inner = 3", ErrorCode.E_TYPE, "f.toml:1:inner"),
        ("pair = [1, 2]\npair = [1, 2]", ErrorCode.E_SCENARIO_PARSE, "f.toml:2"),
    ],
)
def test_each_error_has_its_code_and_place(text, code, at):
    """The place is file:line:key."""
    error = _error(text)

    assert (code, at) == (error.code, error.at)


def test_what_holds_is_converted():
    """Units through optional fields and dictionaries, tuples from arrays."""
    text = "pair = [1, 2]\nnamed = { a = '1.50' }\n[[inner]]\ncount = 4\nprice = 2.25"
    outer = decode_toml(text, Outer, "f.toml")

    assert Outer(inner=(Inner(count=4, price_fen=225),), named={"a": 150}, pair=(1, 2)) == outer


@pytest.mark.parametrize(
    ("text", "number"),
    [("1e999999999", Decimal("inf")), ("-1e-999999999", Decimal(0)), ("1_0.5", Decimal("10.5"))],
)
def test_no_number_is_larger_than_what_is_written(text, number):
    """An exponent can ask for a gigabyte of digits; it gets none."""
    assert number == bounded_decimal(text)
    with pytest.raises(ValueError, match="64"):
        bounded_decimal("0." + "1" * 64)


def test_a_date_of_toml_is_read_as_its_text():
    """`day = 2026-03-16` needs no quotes."""

    class Dated(msgspec.Struct, frozen=True):
        """A table with a date."""

        day: str

    assert Dated(day="2026-03-16") == decode_toml("day = 2026-03-16", Dated, "f.toml")


def test_a_place_is_written_as_a_path():
    """Arrays in brackets, keys with dots."""
    assert "flow[0].arrivals.per_day" == dotted(("flow", 0, "arrivals", "per_day"))
    assert "$" == dotted(())


def test_a_suggestion_is_the_nearest_word_or_the_choice():
    """Nothing near: all words are listed, unless they are too many to read."""
    assert 'did you mean "loss"?' == suggest("los", ["loss", "to"])
    assert "one of a, b" == suggest("zzz", ["a", "b"])
    assert "one of 300 known words" == suggest("zzz", [f"word{n}" for n in range(300)])
