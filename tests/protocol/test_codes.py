"""Dictionaries: every code has two names, and families are where the interface puts them."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yidi.protocol import codes
from yidi.protocol.codes import Filing, Fund, HospitalLevel, VisitKind
from yidi.protocol.errors import ErrorCode, RemoteProtocolError

names = st.sampled_from(list(codes.DICTIONARIES))


def _code_of(function: Callable[[str], object], text: str) -> ErrorCode | None:
    try:
        function(text)
    except RemoteProtocolError as error:
        return error.code
    return None


@pytest.mark.parametrize("name", list(codes.DICTIONARIES))
def test_every_code_is_named_in_chinese_and_english(name: str) -> None:
    """A label is never empty, and never the bare code; the English one is ASCII."""
    for code in codes.DICTIONARIES[name]:
        zh, en = codes.label(name, code, "zh"), codes.label(name, code, "en")
        assert zh
        assert en
        assert zh != code
        assert not zh.isascii()
        assert en.isascii()
        assert codes.labelled(name, code) == f"{zh} {code}"
        assert code == codes.check_code(name, code)


@given(names, st.text(max_size=80))
def test_a_code_outside_its_dictionary_is_refused_and_shown_as_it_is(name: str, code: str) -> None:
    """Checking refuses with E_CODE and the dictionary's name; labelling never fails."""
    if code in codes.DICTIONARIES[name]:
        return
    with pytest.raises(RemoteProtocolError) as caught:
        codes.check_code(name, code, at="$.x")

    assert ErrorCode.E_CODE == caught.value.code
    assert name in caught.value.want
    assert len(caught.value.got) <= 64
    assert code == codes.label(name, code) == codes.labelled(name, code)


@given(st.text(max_size=80))
def test_every_family_function_refuses_only_with_e_code(text: str) -> None:
    """A stranger's code gets an answer or E_CODE, nothing else."""
    for function in (
        codes.visit_kind,
        codes.clr_type_of,
        codes.pooled_fund,
        codes.hospital_level,
        codes.filing_from_national,
        codes.filing_to_national,
    ):
        assert _code_of(function, text) in (None, ErrorCode.E_CODE)


@pytest.mark.parametrize(
    ("enum", "name"),
    [
        (codes.Filing, "filing"),
        (codes.HospitalLevel, "hosp_lv"),
        (codes.CaseState, "case_state"),
        (codes.PostingKind, "posting_kind"),
        (codes.ClearingState, "clearing_state"),
        (codes.Difference, "difference"),
    ],
)
def test_an_enum_and_its_dictionary_hold_the_same_codes(enum: type[StrEnum], name: str) -> None:
    """Neither side may grow alone."""
    assert [member.value for member in enum] == list(codes.DICTIONARIES[name])


def test_every_fund_and_clearing_category_of_ours_is_in_the_dictionary() -> None:
    """What we pay out of has a name."""
    for fund in Fund:
        codes.check_code("fund_pay_type", fund)
    for category in codes.ClrType:
        codes.check_code("clr_type", category)


@pytest.mark.parametrize(
    ("kind", "category", "visits"),
    [
        (VisitKind.OUTPATIENT, "11", ["11", "12", "13", "15", "19", "51", "53"]),
        (VisitKind.CHRONIC, "11", ["14", "140104", "140201"]),
        (VisitKind.INPATIENT, "21", ["21", "22", "23", "24", "28", "52"]),
        (VisitKind.PHARMACY, "41", ["41"]),
    ],
)
def test_visit_types_fall_into_families(kind: VisitKind, category: str, visits: list[str]) -> None:
    """The family decides the flow and the clearing category."""
    for visit in visits:
        assert kind == codes.visit_kind(visit)
        assert category == codes.clr_type_of(visit)


@given(st.sampled_from(list(codes.DICTIONARIES["chronic"])), st.integers(0, 99))
def test_a_chronic_sub_code_becomes_its_parent(parent: str, serial: int) -> None:
    """Four leading characters decide: M00503 is M00500."""
    assert parent == codes.normalise_chronic(f"{parent[:4]}{serial:02d}")


@pytest.mark.parametrize("code", ["M09900", "M0050", "M005000", "X00500", "", "M00５00", "M005ab"])
def test_other_diseases_have_no_parent(code: str) -> None:
    """A disease outside the ten, or a malformed code, is None."""
    assert codes.normalise_chronic(code) is None


def test_there_are_ten_chronic_diseases_with_distinct_leading_characters() -> None:
    """Otherwise two diseases would be taken for one."""
    parents = codes.DICTIONARIES["chronic"]

    assert 10 == len(parents)
    assert 10 == len({code[:4] for code in parents})


def test_funds_have_a_national_and_a_pool_form() -> None:
    """…100 and …101 are one fund; other codes stay as they are."""
    assert "310101" == codes.pool_fund("310100")
    assert "310201" == codes.pool_fund("310200")
    assert "999997" == codes.pool_fund("999997")
    for code in codes.DICTIONARIES["fund_pay_type"]:
        assert codes.national_fund(code) == codes.national_fund(codes.pool_fund(code))
    for fund in Fund:
        assert fund == codes.national_fund(fund)


def test_hifp_comes_out_of_the_scheme_s_own_pool() -> None:
    """Employees and residents are booked apart."""
    assert Fund.EMPLOYEE_POOL == codes.pooled_fund("310")
    assert Fund.RESIDENT_POOL == codes.pooled_fund("390")
    for insutype in codes.DICTIONARIES["insutype"]:
        assert codes.pooled_fund(insutype) in Fund


def test_national_hospital_levels_fall_into_three() -> None:
    """Eleven national steps, three of ours; provincial is not a national step."""
    levels = [codes.hospital_level(code) for code in codes.DICTIONARIES["national_hosp_lv"]]

    assert [HospitalLevel.THREE] * 4 + [HospitalLevel.TWO] * 3 + [HospitalLevel.ONE] * 4 == levels


def test_filing_categories_and_national_codes() -> None:
    """02 06 07 08 11 map one to one; 10 goes out for an emergency and comes in as temporary."""
    for filing in Filing:
        if filing in (Filing.NONE, Filing.EMERGENCY):
            continue
        assert filing == codes.filing_from_national(codes.filing_to_national(filing))
    assert "10" == codes.filing_to_national(Filing.EMERGENCY)
    assert Filing.OTHER_TEMPORARY == codes.filing_from_national("10")
    assert Filing.LONG_STAY == codes.filing_from_national("09")
    for code in codes.DICTIONARIES["national_filing"]:
        codes.filing_from_national(code)


def test_long_stay_is_three_categories() -> None:
    """The group whose ratio is never cut."""
    expected = [Filing.RESETTLED, Filing.LONG_STAY, Filing.POSTED]

    assert expected == [filing for filing in Filing if codes.is_long_stay(filing)]


def test_retired_persons_are_12xx() -> None:
    """Retired employees get the retired bonus, veteran cadres do not."""
    retired = [code for code in codes.DICTIONARIES["psn_type"] if codes.is_retired(code)]

    assert ["1201", "1202", "1203", "1260"] == retired


@pytest.mark.parametrize(
    ("treatment", "insured", "expected"),
    [
        ("310000", "340600", "4"),
        ("650100", "660300", "4"),
        ("340100", "340600", "3"),
        ("340602", "340621", "2"),
        ("310000", "310118", "2"),
    ],
)
def test_place_of_payment(treatment: str, insured: str, expected: str) -> None:
    """4 another province, 3 another city, 2 at home; a municipality is one city."""
    assert expected == codes.pay_loc_of(treatment, insured)


def test_an_unknown_dictionary_is_our_own_mistake() -> None:
    """No dictionary, no answer: the caller misspelt a name."""
    with pytest.raises(KeyError):
        codes.check_code("med_typ", "11")
