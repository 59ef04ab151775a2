"""`yidi show`: a scenario as a person reads it."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.library.samples import FLOW, TINY, TINY_PATH, accepted
from yidi.scenarios.command.show import describe, duration_text, show, word_text
from yidi.scenarios.library.schema import StepWord
from yidi.scenarios.library.values import read_duration

FULL = f"""{TINY}{FLOW}
[[expect]]
filter = {{ insured = "340600" }}
at_least = 1
[[fault]]
do = "lose the 2nd settlement answer from 340600"
"""


@pytest.mark.parametrize(
    ("lang", "said"),
    [
        ("zh", ["淮北职工", "安徽淮北 340600", "1. 人员信息获取", "林测试", "故障",
                "每日 20 人次", "虚构的数字"]),
        ("en", ["insured in Huaibei", "Huaibei, Anhui 340600", "4. settlement +30s", "Faults",
                "20 a day", "Made up for training", "count ≥ 1"]),
    ],
)  # fmt: skip
def test_everything_of_a_scenario_is_said(lang, said):
    """Story, regions, steps, background, faults, expectations and what is made up."""
    text = "\n".join(describe(accepted(FULL), lang))

    assert [] == [piece for piece in said if piece not in text]


def test_a_region_code_never_stands_alone():
    """Its name stands before it, except where a sentence of the file is quoted."""
    lines = [line for line in describe(accepted(TINY + FLOW), "en") if "H310" not in line]
    codes = re.findall(r"(\S+) (?=\d{6}\b)", "\n".join(lines))

    assert codes
    assert {"Anhui", "Shanghai"} == set(codes)


def test_people_are_listed_with_their_identity_masked(capsys):
    """Scripted persons one by one, pools by their size."""
    assert 0 == show.main([str(TINY_PATH), "--people", "--lang", "en"], standalone_mode=False)
    out = capsys.readouterr().out

    assert "林测试" in out
    assert re.search(r"9\*{16}[0-9X]", out)
    people, fixed = out.split("serve and up have a test cast")
    assert not re.search(r"\d{17}", people)
    # Whoever tests a gateway needs the numbers of its test cast whole.
    assert re.search(r"340600999999000003 +9900001999\d{7}[0-9X] .*504", fixed)


def test_json_is_the_scenario(capsys):
    """With amounts in fen and spans in microseconds."""
    show.main([str(TINY_PATH), "--json"], standalone_mode=False)

    assert "tiny" == json.loads(capsys.readouterr().out)["name"]


@given(st.integers(1, 10**9))
def test_a_duration_is_written_as_it_is_read(milliseconds):
    """`1d9h30m` both ways."""
    span = milliseconds * 1_000

    assert span == read_duration(duration_text(span))


def test_every_word_has_a_name_in_both_languages():
    """No step is shown by its word in code."""
    for word in StepWord.__args__:
        assert re.search("[\u4e00-\u9fff]", word_text(word, "zh"))
        assert "_" not in word_text(word, "en")
