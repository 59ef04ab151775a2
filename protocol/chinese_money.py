"""Amounts in words, for notices: 壹仟贰佰叁拾肆元伍角陆分, and in English.

A payment or collection notice states its amount twice, in figures and in words, so that neither
can be altered alone. Both functions take integer fen and give one text for one amount.

Source: 支付结算办法 (银发〔1997〕393号), annex 1, rules on writing bills: 整 after 元 and may be
left out after 角; one 零 for one or more zeros inside; 零 before 分 when there is no 角.
"""

from __future__ import annotations

_DIGITS = "零壹贰叁肆伍陆柒捌玖"
_PLACES = ("", "拾", "佰", "仟")
WORDS_FEN_MAX = 10**16 * 100 - 1

_ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
    "fifteen sixteen seventeen eighteen nineteen"
).split()
_TENS = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_THOUSANDS = ("", "thousand", "million", "billion", "trillion", "quadrillion")


def chinese_capitals(fen: int) -> str:
    """An amount in Chinese capitals: `123456` → `壹仟贰佰叁拾肆元伍角陆分`; 负 when negative.

    Raises:
        ValueError: beyond `WORDS_FEN_MAX` either way.
    """
    if fen < 0:
        return "负" + chinese_capitals(-fen)
    _bound(fen)
    yuan, rest = divmod(fen, 100)
    jiao, cent = divmod(rest, 10)
    whole = _chinese_integer(yuan) + "元" if yuan or not rest else ""
    if not rest:
        return whole + "整"
    tenths = _DIGITS[jiao] + "角" if jiao else ""
    # 零 stands for the missing 角, but not at the beginning of the amount.
    gap = "零" if whole and not jiao else ""
    hundredths = _DIGITS[cent] + "分" if cent else ""
    return whole + tenths + gap + hundredths


def english_words(fen: int) -> str:
    """An amount in English: `1234` → `twelve yuan and thirty-four fen`; `minus` when negative.

    Raises:
        ValueError: beyond `WORDS_FEN_MAX` either way.
    """
    if fen < 0:
        return "minus " + english_words(-fen)
    _bound(fen)
    yuan, rest = divmod(fen, 100)
    parts = [f"{_english_integer(yuan)} yuan"] if yuan or not rest else []
    if rest:
        parts.append(f"{_english_below_thousand(rest)} fen")
    return " and ".join(parts)


def amount_in_words(fen: int, lang: str = "zh") -> str:
    """An amount in words in the reader's language."""
    return chinese_capitals(fen) if lang == "zh" else english_words(fen)


def _bound(fen: int) -> None:
    if fen > WORDS_FEN_MAX:
        raise ValueError(f"an amount in words is at most {WORDS_FEN_MAX} fen")


def _groups(number: int, size: int) -> list[int]:
    """The digits of a number in groups, the highest first: 12345 by 1000 is 12, 345."""
    groups = [number % size]
    while number >= size:
        number //= size
        groups.append(number % size)
    return groups[::-1]


def _chinese_integer(number: int) -> str:
    if number == 0:
        return _DIGITS[0]
    # 亿 multiplies all that stands before it, so 万亿 is 万 inside, 亿 outside.
    high, low = divmod(number, 10**8)
    if high == 0:
        return _chinese_below_yi(low)
    head = _chinese_integer(high) + "亿"
    if low == 0:
        return head
    return head + ("零" if low < 10**7 else "") + _chinese_below_yi(low)


def _chinese_below_yi(number: int) -> str:
    high, low = divmod(number, 10_000)
    if high == 0:
        return _chinese_below_wan(low)
    head = _chinese_below_wan(high) + "万"
    if low == 0:
        return head
    return head + ("零" if low < 1_000 else "") + _chinese_below_wan(low)


def _chinese_below_wan(number: int) -> str:
    """1 to 9,999; zeros inside are written once, zeros at the end not at all."""
    text = ""
    for place in (3, 2, 1, 0):
        digit = number // 10**place % 10
        if digit:
            text += _DIGITS[digit] + _PLACES[place]
        elif text and not text.endswith("零"):
            text += "零"
    return text.removesuffix("零")


def _english_integer(number: int) -> str:
    if number == 0:
        return _ONES[0]
    groups = _groups(number, 1000)
    words: list[str] = []
    for name, group in zip(_THOUSANDS[len(groups) - 1 :: -1], groups, strict=True):
        if group:
            # "one thousand and five", but "one thousand two hundred and five".
            link = "and " if not name and words and group < 100 else ""
            words.append(f"{link}{_english_below_thousand(group)} {name}".strip())
    return " ".join(words)


def _english_below_thousand(number: int) -> str:
    hundreds, rest = divmod(number, 100)
    parts = [f"{_ONES[hundreds]} hundred"] if hundreds else []
    if rest or not hundreds:
        tens, ones = divmod(rest, 10)
        small = _ONES[rest] if rest < 20 else _TENS[tens] + (f"-{_ONES[ones]}" if ones else "")
        parts.append(small)
    return " and ".join(parts)
