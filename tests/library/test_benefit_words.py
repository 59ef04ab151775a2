"""The sentences of a computation: there is one for every case, in both languages."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.nodes.benefit_cases import BOOK, CLAIMS, PAYABLE
from yidi.nodes.benefit import explain
from yidi.scenarios.library.benefit_words import (
    SENTENCES,
    is_illustrative,
    percent,
    step_numbers,
    step_provenance,
    step_sentence,
)


@given(PAYABLE | CLAIMS, st.sampled_from(["zh", "en"]))
def test_every_step_has_a_sentence(claim, language):
    """Each step is told whole, with no place left open, and marked when it is illustrative."""
    _, steps = explain(claim, BOOK)

    for step in steps:
        provenance = step_provenance(step, claim, BOOK)
        told = step_sentence(step, language, illustrative=is_illustrative(provenance))
        assert "{" not in told
        assert ("示意" in told or "illustrative" in told) is is_illustrative(provenance)
        assert all(provenance.values())
        assert all(isinstance(value, str | int) for value in step_numbers(step).values())


def test_a_sentence_names_the_same_numbers_in_both_languages():
    """What is told in Chinese is told in English."""
    for zh, en in SENTENCES.values():
        assert set(re.findall(r"{(\w+)}", zh)) == set(re.findall(r"{(\w+)}", en))
        assert zh.isascii() is False
        assert en.replace("−", "").replace("×", "").isascii()


@pytest.mark.parametrize(
    ("ratio", "expected"),
    [(8500, "85%"), (5850, "58.5%"), (0, "0%"), (10_000, "100%"), (1, "0.01%"), (1000, "10%")],
)
def test_a_ratio_for_people_is_as_short_as_it_can_be(ratio, expected):
    """Percent without trailing zeros."""
    assert expected == percent(ratio)
