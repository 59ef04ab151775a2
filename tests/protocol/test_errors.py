"""The registry of error codes, and what an error tells: complete, unique, bounded."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yidi.protocol import errors
from yidi.protocol.error_codes import (
    BY_CODE,
    ERRORS,
    ErrorEntry,
    is_definite,
    is_refusal,
)
from yidi.protocol.errors import ErrorCode, YidiError

codes = st.sampled_from(list(ErrorCode))


def test_every_code_has_exactly_one_row_and_every_row_a_code() -> None:
    """Neither the enum nor the table may grow alone."""
    assert len(ERRORS) == len(ErrorCode) == len(BY_CODE)
    assert set(BY_CODE) == set(ErrorCode)


def test_numbers_are_unique_and_stand_in_order() -> None:
    """A number is given once; the table reads from 1000 upwards."""
    assert all(one.number < other.number for one, other in pairwise(ERRORS))


@pytest.mark.parametrize("entry", ERRORS, ids=lambda entry: entry.code)
def test_every_row_has_both_sentences_and_a_source(entry: ErrorEntry) -> None:
    """Chinese in Chinese, English in English, neither empty, and the name is its value."""
    assert entry.zh.strip() == entry.zh != ""
    assert not entry.zh.isascii()
    assert entry.en.isascii()
    assert entry.en.endswith(".")
    assert entry.en[0].isupper()
    assert entry.source
    assert entry.code.name == entry.code.value
    assert entry.code.startswith("E_")


def test_sentences_are_unique() -> None:
    """Two codes with one sentence could not be told apart by a reader."""
    assert len({entry.zh for entry in ERRORS}) == len(ERRORS)
    assert len({entry.en for entry in ERRORS}) == len(ERRORS)


def test_only_a_time_out_and_its_like_leave_the_outcome_open() -> None:
    """An indefinite code is followed by a query or a reversal, so there are few."""
    indefinite = {entry.code for entry in ERRORS if not entry.definite}

    of_engines = {ErrorCode.E_CONNECTION, ErrorCode.E_DELIVERY_TIMEOUT}
    of_parties = {ErrorCode.E_INTERNAL, ErrorCode.E_TIMEOUT, ErrorCode.E_IN_DOUBT}
    assert indefinite == of_parties | of_engines


def test_families_of_numbers() -> None:
    """1xxx form, 2xxx business, 3xxx scenario files, 4xxx stored data and surroundings."""
    assert {entry.number // 1000 for entry in ERRORS} == {1, 2, 3, 4}
    assert BY_CODE[ErrorCode.E_DECODE].number // 1000 == 1
    assert BY_CODE[ErrorCode.E_NO_FILING].number // 1000 == 2
    assert BY_CODE[ErrorCode.E_SCENARIO_PARSE].number // 1000 == 3
    assert BY_CODE[ErrorCode.E_JOURNAL_CORRUPT].number // 1000 == 4


@given(codes, st.text(max_size=500), st.sampled_from(["zh", "en"]))
def test_an_error_echoes_at_most_64_characters(code: ErrorCode, got: str, lang: str) -> None:
    """However long and strange the input, the error is small, printable, and names its code."""
    problem = YidiError(code, at="$.x", got=got).problem(lang)

    assert problem.code == code
    assert problem.at == "$.x"
    assert problem.sentence.startswith(errors.sentence(code, lang))
    assert problem.sentence.isprintable()
    assert not got.isprintable() or got[:64] in problem.sentence
    assert len(problem.sentence) <= len(errors.sentence(code, lang)) + len(" (got )") + 64


@given(codes)
def test_both_languages_differ(code: ErrorCode) -> None:
    """A reader gets their own language, and the text begins with the code."""
    error = YidiError(code, want="x", got="y", limit=3)

    assert errors.sentence(code, "zh") in error.text("zh")
    assert errors.sentence(code, "en") in error.text("en")
    assert error.text("zh") != error.text("en")
    assert str(error) == error.text("en")
    assert str(error).startswith(f"{code} ")
    assert str(error).endswith("want=x got=y limit=3")
    assert error.problem().limit == 3


def test_an_error_without_facts_is_its_sentence() -> None:
    """No empty brackets, no place when the place is the whole document."""
    error = YidiError(ErrorCode.E_FRAME_EMPTY)

    assert str(error) == "E_FRAME_EMPTY The frame is empty."
    assert error.problem("zh").sentence == "报文为空"
    assert YidiError(ErrorCode.E_DECODE, at="$.a").text().endswith("at=$.a")


def test_an_invariant_violation_is_not_caught_with_the_others() -> None:
    """Our own bug passes every handler of reported errors."""
    violation = errors.InvariantViolation("INV-01", "total 3, parts 2")

    assert not isinstance(violation, YidiError)
    assert str(violation) == "INV-01: total 3, parts 2"
    assert violation.invariant == "INV-01"


@pytest.mark.parametrize(
    "kind",
    [
        errors.LocalProtocolError,
        errors.RemoteProtocolError,
        errors.DecodeError,
        errors.ScenarioError,
        errors.StoredDataError,
    ],
)
def test_every_kind_of_error_is_reported_by_code(kind: type[YidiError]) -> None:
    """An edge catches one base class and has the code."""
    assert kind(ErrorCode.E_DECODE).code == ErrorCode.E_DECODE
    assert issubclass(kind, YidiError)


@pytest.mark.parametrize(
    ("code", "definite", "refusal"),
    [("E_NO_FILING", True, True), ("E_TIMEOUT", False, False), ("Z4711", False, True)],
)
def test_what_a_refusal_leaves_open(code: str, definite: bool, refusal: bool) -> None:
    """A code of somebody else's is a refusal to whoever asked, and proves nothing to a node."""
    assert (definite, refusal) == (is_definite(code), is_refusal(code))
