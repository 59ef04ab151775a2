from __future__ import annotations

import pytest

from yidi.protocol import transactions as t
from yidi.protocol.transactions import CATALOGUE, TEST_CONTROL, TRANSACTIONS, Manner


def test_every_number_stands_once():
    """No two rows share a number, and the catalogue finds each."""
    assert len(TRANSACTIONS) + len(TEST_CONTROL) == len(CATALOGUE)
    assert all(CATALOGUE[row.code] is row for row in (*TRANSACTIONS, *TEST_CONTROL))


def test_every_row_can_be_read_by_people():
    """Each has a word for files and a name in both languages; the title never is a bare code."""
    for row in TRANSACTIONS:
        assert row.word
        assert f"{row.zh} {row.code}" == t.title(row.code, "zh")
        assert f"{row.en} {row.code}" == t.title(row.code)


def test_what_moves_money_is_an_effect():
    """Settlement, cancellation, reversal and clearing take effect at most once."""
    effects = {row.code for row in TRANSACTIONS if row.manner == Manner.EFFECT}

    assert (
        t.SETTLEMENTS | t.CANCELLATIONS | {t.REVERSAL, t.CLEARING_CLOSE, t.FUND_TRANSFER} <= effects
    )
    assert effects.isdisjoint(t.PRE_SETTLEMENTS | t.FEE_UPLOADS | {t.STATUS_QUERY, t.ELIGIBILITY})


def test_only_known_outcomes_are_reversible():
    """2601 names settlements and cancellations, nothing else (interface (g))."""
    assert {"2102", "2103", "2207", "2208", "2304", "2305"} == t.REVERSIBLE


@pytest.mark.parametrize(
    ("word", "med_type", "code"),
    [
        ("settlement", "11", "2207"), ("settlement", "14", "2207"), ("settlement", "21", "2304"),
        ("settlement", "41", "2102"), ("pre_settlement", "24", "2303"),
        ("cancellation", "13", "2208"), ("cancellation", "41", "2103"),
        ("fee_upload", "11", "2204"), ("fee_upload", "21", "2301"), ("fee_upload", "41", "2204"),
    ],
)  # fmt: skip
def test_a_word_and_a_visit_are_one_number(word, med_type, code):
    """Pharmacy, outpatient and inpatient visits have numbers of their own."""
    assert code == t.family_code(word, med_type)
    assert code in t.codes_of(word)
