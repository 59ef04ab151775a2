"""The questions every check asks."""

from __future__ import annotations

import pytest

from tests.library.samples import TINY, TINY_PATH, accepted, line_of, refusal, replaced
from yidi.protocol.errors import ErrorCode, ScenarioError
from yidi.scenarios.library.ground import Ground
from yidi.scenarios.library.toml_lines import parse_toml

LINE = line_of('id = "lin"', TINY)


def _ground(text=TINY):
    return Ground(accepted(text), parse_toml(text, str(TINY_PATH)))


def test_regions_are_known_by_role():
    """A treatment region is no insured region."""
    ground = _ground()

    assert ({"340600"}, {"310000"}) == (ground.insured, ground.treatment)


@pytest.mark.parametrize(
    ("question", "code"),
    [
        (lambda g, p: g.defined("340601", g.insured, p, "insured"), ErrorCode.E_REGION_REF),
        (lambda g, p: g.referred("lim", list(g.persons), p, "a person"), ErrorCode.E_REFERENCE),
        (lambda g, p: g.coded("311", "insutype", p), ErrorCode.E_CODE),
        (lambda g, p: g.dated("2026-02-30", p), ErrorCode.E_DATE),
        (lambda g, p: g.region_code("000000", p), ErrorCode.E_REGION),
        (lambda g, p: g.identified("Ä", p), ErrorCode.E_NAME),
        (lambda g, p: g.bound(5, 1, 4, p), ErrorCode.E_RANGE),
    ],
)
def test_each_question_has_its_code(question, code):
    """And each error the place it was asked about."""
    with pytest.raises(ScenarioError) as caught:
        question(_ground(), ("person", 0, "id"))

    assert code == caught.value.code
    assert caught.value.at.endswith(f":{LINE}:person[0].id")


def test_an_endless_text_is_refused():
    """4,000 characters are a long story."""
    error = refusal(replaced("一次门诊", "长" * 4_001))

    assert (ErrorCode.E_NAME, 4_000) == (error.code, error.limit)


def test_a_control_character_in_a_key_is_refused():
    """Keys are shown to people too."""
    error = refusal(f'{TINY}\n[thresholds]\n"a\\u001bb" = []')

    assert ErrorCode.E_NAME == error.code
