"""Amounts in words: each can be read back by an independent reader."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yidi.protocol import chinese_money
from yidi.protocol.money import FEN_MAX

fens = st.integers(0, 10**12) | st.integers(0, 10**6) | st.integers(0, chinese_money.WORDS_FEN_MAX)
round_fens = st.builds(
    lambda digit, power: digit * 10**power, st.integers(1, 9), st.integers(0, 12)
)


def read_capitals(text: str) -> int:
    """Read an amount in capitals as fen, ignoring every 零: another way than it was written."""
    units = {"拾": 10, "佰": 100, "仟": 1000, "万": 10**4, "亿": 10**8}
    total = section = digit = fen = 0
    for character in text:
        if character in "零壹贰叁肆伍陆柒捌玖":
            digit = "零壹贰叁肆伍陆柒捌玖".index(character)
        elif character in "拾佰仟":
            section, digit = section + digit * units[character], 0
        elif character == "万":
            total, section, digit = total + (section + digit) * 10**4, 0, 0
        elif character == "亿":
            total, section, digit = (total + section + digit) * 10**8, 0, 0
        elif character == "元":
            fen, digit = (total + section + digit) * 100, 0
        elif character in "角分":
            fen, digit = fen + digit * (10 if character == "角" else 1), 0
    return fen


def read_english(text: str) -> int:
    """Read an amount in English as fen."""
    small = {word: number for number, word in enumerate(chinese_money._ONES)}
    small |= {word: 10 * number for number, word in enumerate(chinese_money._TENS) if word}
    large = {word: 1000**power for power, word in enumerate(chinese_money._THOUSANDS) if word}
    total = group = fen = 0
    for word in text.replace("-", " ").replace(" and ", " ").split():
        if word in small:
            group += small[word]
        elif word == "hundred":
            group *= 100
        elif word in large:
            total, group = total + group * large[word], 0
        elif word == "yuan":
            fen, total, group = (total + group) * 100, 0, 0
        else:
            assert word == "fen"
            fen += group
    return fen


@given(fens | round_fens)
def test_capitals_can_be_read_back(fen: int) -> None:
    """No digit and no place is lost."""
    assert fen == read_capitals(chinese_money.chinese_capitals(fen))


@given(fens | round_fens)
def test_english_words_can_be_read_back(fen: int) -> None:
    """No digit and no place is lost."""
    assert fen == read_english(chinese_money.english_words(fen))


@given(fens | round_fens)
def test_zeros_are_written_once_and_never_before_a_unit(fen: int) -> None:
    """The form of the rules: no 零零, no 零 before 元 but for zero itself, 整 after whole yuan."""
    text = chinese_money.chinese_capitals(fen)

    assert "零零" not in text
    assert not any(f"零{unit}" in text for unit in "拾佰仟万亿角分整")
    assert ("零元" in text) == (fen == 0)
    assert text.endswith("整") == (fen % 100 == 0)
    assert "亿万" not in text


@given(st.integers(1, FEN_MAX))
def test_negative_amounts_say_so(fen: int) -> None:
    """An adjustment may be negative; its words are those of the amount with a sign."""
    assert "负" + chinese_money.chinese_capitals(fen) == chinese_money.chinese_capitals(-fen)
    assert "minus " + chinese_money.english_words(fen) == chinese_money.english_words(-fen)


@pytest.mark.parametrize(
    ("fen", "zh", "en"),
    [
        (0, "零元整", "zero yuan"),
        (5, "伍分", "five fen"),
        (50, "伍角", "fifty fen"),
        (100, "壹元整", "one yuan"),
        (101, "壹元零壹分", "one yuan and one fen"),
        (1000, "壹拾元整", "ten yuan"),
        (140950, "壹仟肆佰零玖元伍角", "one thousand four hundred and nine yuan and fifty fen"),
        (600714, "陆仟零柒元壹角肆分", "six thousand and seven yuan and fourteen fen"),
        (1640902, "壹万陆仟肆佰零玖元零贰分", "sixteen thousand four hundred and nine yuan"),
        (10700053, "壹拾万柒仟元伍角叁分", "one hundred and seven thousand yuan and"),
        (1000000100, "壹仟万零壹元整", "ten million and one yuan"),
        (100100000000, "壹拾亿零壹佰万元整", "one billion one million yuan"),
        (10**12, "壹佰亿元整", "ten billion yuan"),
    ],
)
def test_examples_of_the_rules(fen: int, zh: str, en: str) -> None:
    """The examples printed in the rules on writing bills, and the edges."""
    assert zh == chinese_money.amount_in_words(fen)
    assert chinese_money.amount_in_words(fen, "en").startswith(en)


@pytest.mark.parametrize("sign", [1, -1])
def test_an_amount_beyond_the_words_is_refused(sign: int) -> None:
    """Better no words than wrong ones."""
    with pytest.raises(ValueError, match="at most"):
        chinese_money.chinese_capitals(sign * (chinese_money.WORDS_FEN_MAX + 1))
    with pytest.raises(ValueError, match="at most"):
        chinese_money.english_words(sign * (chinese_money.WORDS_FEN_MAX + 1))
