"""Identity numbers (公民身份号码): checking, building synthetic ones, and masking.

An identity number is six digits of region, eight of birth date, three of sequence (odd for men)
and a check character 0-9 or X. It is personal data: an error never shows more than its first
and last character. Every number in this project is *synthetic*: it is valid in form, but its
region begins with 99, which GB/T 2260 assigns to no province, so that it belongs to nobody.

Source: GB 11643-1999, sections 4 and 5; ISO 7064:1983 MOD 11-2 for the check character.
"""

from __future__ import annotations

import re
from datetime import date
from enum import StrEnum

from yidi.protocol.errors import ErrorCode, RemoteProtocolError

SYNTHETIC_PREFIX = "99"
"""The first two digits of every number built here; no province has them."""

SEQUENCES_MAX = 10_000 * 500
"""How many synthetic numbers there are for one birth date and sex."""

MALE, FEMALE = "1", "2"

_LENGTH = 18
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECK_CHARACTERS = "10X98765432"
_FORM = re.compile(r"[0-9]{17}[0-9X]\Z")
_EARLIEST_BIRTH = "1900-01-01"


class IdentityProblem(StrEnum):
    """Why an identity number is refused; the value is what was wanted."""

    LENGTH = "18 characters"
    FULL_WIDTH = "half-width digits"
    LOWER_CASE_X = "an upper-case X"
    CHARACTERS = "17 digits, then a digit or X"
    BIRTH = "a birth date that exists"
    FUTURE_BIRTH = "a birth date that is not in the future"
    CHECKSUM = "a check character that fits"


PROBLEM_NAMES: dict[IdentityProblem, str] = {
    IdentityProblem.LENGTH: "应为18位",
    IdentityProblem.FULL_WIDTH: "应为半角数字",
    IdentityProblem.LOWER_CASE_X: "末位X应为大写",
    IdentityProblem.CHARACTERS: "前17位应为数字，末位为数字或X",
    IdentityProblem.BIRTH: "出生日期不存在",
    IdentityProblem.FUTURE_BIRTH: "出生日期晚于当日",
    IdentityProblem.CHECKSUM: "校验码不符",
}
"""The same in Chinese."""


def check_character(first17: str) -> str:
    """The 18th character that belongs to the first 17 digits.

    Source: GB 11643-1999, 4.2; ISO 7064 MOD 11-2.
    """
    total = sum(int(digit) * weight for digit, weight in zip(first17, _WEIGHTS, strict=True))
    return _CHECK_CHARACTERS[total % 11]


def problem_of(number: str, today: str | None = None) -> IdentityProblem | None:
    """What is wrong with an identity number, None when nothing is.

    Args:
        number: as it came.
        today: ISO date against which a birth counts as future; without it, none does.
    """
    if len(number) != _LENGTH:
        return IdentityProblem.LENGTH
    if not _FORM.match(number):
        return _form_problem(number)
    birth = birth_of(number)
    if not _exists(birth):
        return IdentityProblem.BIRTH
    if today is not None and birth > today:
        return IdentityProblem.FUTURE_BIRTH
    if check_character(number[:17]) != number[17]:
        return IdentityProblem.CHECKSUM
    return None


def check_identity(number: str, today: str | None = None, at: str = "$") -> str:
    """Check an identity number and return it.

    Raises:
        RemoteProtocolError: `E_IDCARD`; `want` is the `IdentityProblem`, the value is masked.
    """
    problem = problem_of(number, today)
    if problem is None:
        return number
    raise RemoteProtocolError(ErrorCode.E_IDCARD, at=at, want=problem, got=mask(number[:64]))


def synthetic_identity(birth: str, sequence: int, sex: str) -> str:
    """Build a valid number that belongs to nobody.

    Args:
        birth: ISO date.
        sequence: 0 to `SEQUENCES_MAX` - 1; different sequences give different numbers.
        sex: `1` male, `2` female, as in dictionary `gend`.
    """
    assert 0 <= sequence < SEQUENCES_MAX
    assert sex in (MALE, FEMALE)
    region, pair = divmod(sequence, 500)
    # Odd for men, even for women; both run through 500 values in each made-up region.
    third = 2 * pair + (1 if sex == MALE else 0)
    first17 = f"{SYNTHETIC_PREFIX}{region:04d}{birth.replace('-', '')}{third:03d}"
    return first17 + check_character(first17)


def is_synthetic(number: str) -> bool:
    """Whether a number is one of ours, by its unassigned region."""
    return number.startswith(SYNTHETIC_PREFIX)


def birth_of(number: str) -> str:
    """The birth date in a well-formed number, as ISO date."""
    return f"{number[6:10]}-{number[10:12]}-{number[12:14]}"


def sex_of(number: str) -> str:
    """The sex in a well-formed number, as in dictionary `gend`: `1` male, `2` female."""
    return MALE if int(number[16]) % 2 else FEMALE


def age_on(birth: str, day: str) -> int:
    """Completed years between two ISO dates; 0 before the first birthday."""
    years = int(day[:4]) - int(birth[:4])
    return max(0, years - (1 if day[5:] < birth[5:] else 0))


def mask(number: str) -> str:
    """An identity number, card or phone for people: first and last character, stars between."""
    if len(number) <= 2:
        return "*" * len(number)
    first, last = (_shown(number[0]), _shown(number[-1]))
    return first + "*" * (len(number) - 2) + last


def mask_name(name: str) -> str:
    """A person's name for people: its first character and stars (`张三` → `张*`)."""
    if len(name) <= 1:
        return "*" * len(name)
    return _shown(name[0]) + "*" * (len(name) - 1)


def _shown(character: str) -> str:
    # A control character, or half of a surrogate pair, would break the line that shows it.
    return character if character.isprintable() else "?"


def _form_problem(number: str) -> IdentityProblem:
    # Digits of another script and full-width ones are `isdecimal` without being ASCII.
    if any(character.isdecimal() and not character.isascii() for character in number):
        return IdentityProblem.FULL_WIDTH
    if number[17] == "x" and _FORM.match(number[:17] + "X"):
        return IdentityProblem.LOWER_CASE_X
    return IdentityProblem.CHARACTERS


def _exists(day: str) -> bool:
    try:
        date.fromisoformat(day)
    except ValueError:
        return False
    return day >= _EARLIEST_BIRTH
