"""Identity numbers: GB 11643 in all its parts, and nothing of a person in an error."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yidi.protocol import identity
from yidi.protocol.errors import ErrorCode, RemoteProtocolError
from yidi.protocol.identity import IdentityProblem
from yidi.protocol.regions import PROVINCES

# The example of the standard itself (GB 11643-1999, annex A).
STANDARD_EXAMPLE = "11010519491231002X"
TODAY = "2026-03-16"

births = st.dates(date(1900, 1, 1), date(2026, 3, 16)).map(date.isoformat)
sequences = st.integers(0, identity.SEQUENCES_MAX - 1)
sexes = st.sampled_from([identity.MALE, identity.FEMALE])
numbers = st.builds(identity.synthetic_identity, births, sequences, sexes)


@given(births, sequences, sexes)
def test_a_built_number_is_valid_and_says_what_it_was_built_from(
    birth: str, sequence: int, sex: str
) -> None:
    """Birth date and sex can be read back, and no check finds fault."""
    number = identity.synthetic_identity(birth, sequence, sex)

    assert number == identity.check_identity(number, TODAY)
    assert (birth, sex) == (identity.birth_of(number), identity.sex_of(number))
    assert identity.is_synthetic(number)


@given(births, sequences, sequences, sexes, sexes)
def test_different_sequences_give_different_numbers(
    birth: str, one: int, other: int, sex: str, other_sex: str
) -> None:
    """Numbers are equal only when birth, sequence and sex are."""
    same = (one, sex) == (other, other_sex)

    first = identity.synthetic_identity(birth, one, sex)
    second = identity.synthetic_identity(birth, other, other_sex)
    assert same == (first == second)


def test_no_province_has_the_synthetic_prefix() -> None:
    """A built number belongs to nobody: 99 is assigned to no province."""
    assert identity.SYNTHETIC_PREFIX not in {code[:2] for code in PROVINCES}


@given(numbers, st.integers(0, 17), st.integers(1, 9))
def test_any_one_wrong_digit_is_found(number: str, at: int, shift: int) -> None:
    """MOD 11-2 finds every single substitution, if the birth date does not already."""
    if number[at] == "X":
        wrong = str(shift)
    else:
        wrong = str((int(number[at]) + shift) % 10)

    assert identity.problem_of(number[:at] + wrong + number[at + 1 :], TODAY) is not None


@given(numbers, st.integers(0, 15))
def test_any_swap_of_neighbours_is_found(number: str, at: int) -> None:
    """MOD 11-2 finds every transposition of two different digits."""
    swapped = number[:at] + number[at + 1] + number[at] + number[at + 2 :]

    assert (swapped == number) == (identity.problem_of(swapped, TODAY) is None)


@given(st.text(max_size=100))
def test_whatever_comes_the_error_masks_it(text: str) -> None:
    """An error shows at most the first and the last character, and stars."""
    if identity.problem_of(text) is None:
        return
    with pytest.raises(RemoteProtocolError) as caught:
        identity.check_identity(text, TODAY)

    assert ErrorCode.E_IDCARD == caught.value.code
    assert set(caught.value.got[1:-1]) <= {"*"}
    assert len(caught.value.got) == min(len(text), 64)


@pytest.mark.parametrize(
    ("number", "problem"),
    [
        ("110105194912310021", IdentityProblem.CHECKSUM),
        ("11010519491231002", IdentityProblem.LENGTH),
        ("110105491231002", IdentityProblem.LENGTH),
        ("", IdentityProblem.LENGTH),
        ("11010519491231002X0", IdentityProblem.LENGTH),
        ("11010519491231002x", IdentityProblem.LOWER_CASE_X),
        ("１１０１０５１９４９１２３１００２X", IdentityProblem.FULL_WIDTH),
        ("11010519491231002Ｘ", IdentityProblem.CHARACTERS),
        ("1101051949123100２X", IdentityProblem.FULL_WIDTH),
        ("110105199902300021", IdentityProblem.BIRTH),
        ("110105202613010021", IdentityProblem.BIRTH),
        ("110105189912310021", IdentityProblem.BIRTH),
        ("110105000001010021", IdentityProblem.BIRTH),
        ("110105202603170021", IdentityProblem.FUTURE_BIRTH),
        ("1101051949X231002X", IdentityProblem.CHARACTERS),
        ("11010519491231002\n", IdentityProblem.CHARACTERS),
        ("110105194912 1002X", IdentityProblem.CHARACTERS),
    ],
)
def test_w18_bad_identity_numbers(number: str, problem: IdentityProblem) -> None:
    """Row W18: each defect is E_IDCARD with its own reason, and the value is masked."""
    with pytest.raises(RemoteProtocolError) as caught:
        identity.check_identity(number, TODAY, at="$.certno")

    assert ErrorCode.E_IDCARD == caught.value.code
    assert problem.value == caught.value.want
    assert number[1:-1] not in caught.value.text() or len(number) < 3


def test_the_example_of_the_standard_is_valid() -> None:
    """GB 11643-1999 prints 11010519491231002X, a woman's number."""
    assert identity.problem_of(STANDARD_EXAMPLE, TODAY) is None
    assert identity.FEMALE == identity.sex_of(STANDARD_EXAMPLE)
    assert "1949-12-31" == identity.birth_of(STANDARD_EXAMPLE)
    assert not identity.is_synthetic(STANDARD_EXAMPLE)


def test_a_birth_is_future_only_against_a_day() -> None:
    """Born today is not in the future; without a day nothing is."""
    number = identity.synthetic_identity(TODAY, 1, identity.MALE)

    assert identity.problem_of(number, TODAY) is None
    assert IdentityProblem.FUTURE_BIRTH == identity.problem_of(number, "2026-03-15")
    assert identity.problem_of(number) is None


def test_every_reason_has_a_chinese_sentence() -> None:
    """A reader of either language is told what is wrong."""
    assert list(IdentityProblem) == list(identity.PROBLEM_NAMES)
    assert all(not text.isascii() for text in identity.PROBLEM_NAMES.values())


@given(births, births)
def test_age_counts_completed_years(birth: str, day: str) -> None:
    """On the birthday a year is complete, the day before it is not."""
    age = identity.age_on(birth, day)

    assert age >= 0
    if day >= birth:
        assert f"{int(birth[:4]) + age:04d}{birth[4:]}" <= day
        assert f"{int(birth[:4]) + age + 1:04d}{birth[4:]}" > day


@given(st.text(max_size=40))
def test_masks_keep_the_length_and_at_most_the_ends(text: str) -> None:
    """A mask has the same length, stars inside, and no control character."""
    masked, name = identity.mask(text), identity.mask_name(text)

    assert len(text) == len(masked) == len(name)
    assert set(masked[1:-1]) | set(name[1:]) <= {"*"}
    assert masked.isprintable()
    assert name.isprintable()


@pytest.mark.parametrize(
    ("name", "masked"), [("张三", "张*"), ("欧阳娜娜", "欧***"), ("李", "*"), ("", "")]
)
def test_names_keep_their_first_character(name: str, masked: str) -> None:
    """A single character is hidden too: it would be the whole name."""
    assert masked == identity.mask_name(name)
