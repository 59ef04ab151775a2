"""People: synthetic, numbered once, drawn the same again."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from tests.library.samples import FLOW, TINY, accepted, replaced
from yidi.protocol.identity import birth_of, is_synthetic, problem_of, sex_of
from yidi.scenarios.running.people import NUMERALS, STEMS, build_people
from yidi.scenarios.running.streams import Streams

HOUSE = """
[[person]]
id = "child"
name = "小测试"
region = "340600"
household = "lins"
"""


def _people(text=TINY + FLOW, seed=1):
    return build_people(accepted(text), Streams(seed))


@given(st.integers(0, 2**64 - 1))
def test_everybody_is_synthetic_and_numbered_once(seed):
    """Identity numbers are valid in form, of no province, and fit birth and sex."""
    everybody = _people(seed=seed).everybody()

    assert (
        len(everybody) == len({p.psn_no for p in everybody}) == len({p.certno for p in everybody})
    )
    for person in everybody:
        assert is_synthetic(person.certno)
        assert problem_of(person.certno) is None
        assert (person.birth, person.sex) == (birth_of(person.certno), sex_of(person.certno))


def test_a_pools_names_can_be_nobodys():
    """A Heavenly Stem, 模, and a number."""
    for person in _people().pools["huaibei-shanghai"]:
        assert person.name[0] in STEMS
        assert "模" == person.name[1]
        assert set(person.name[2:]) <= set(NUMERALS)


def test_a_scripted_person_is_as_told():
    """Money, filings and status are those of the file."""
    lin = _people().scripted["lin"]

    assert ("林测试", 80_000, "2", "normal") == (lin.name, lin.balance_fen, lin.sex, lin.status)
    assert ["310000"] == [filing.area for filing in lin.filings]


def test_a_household_shares_its_first_members_account():
    """Without a household, everybody holds their own account."""
    text = replaced('id = "lin"', 'id = "lin"\nhousehold = "lins"')
    people = _people(replaced("[[institution]]", HOUSE + "[[institution]]", text)).scripted

    assert people["lin"].psn_no == people["lin"].household == people["child"].household
    assert people["lin"].psn_no != people["child"].psn_no


def test_a_pool_follows_its_mix():
    """Scheme, filing and disease are those of the flow."""
    text = replaced(
        "bill =", 'mix = { insutype = { "390" = 1 }, filing = { none = 1 } }\nbill =', FLOW
    )
    chronic = replaced('"outpatient"', '"chronic"', FLOW)

    for person in _people(TINY + text).pools["huaibei-shanghai"]:
        assert ("390", "1501", 0, ()) == (
            person.insutype,
            person.psn_type,
            person.balance_fen,
            person.filings,
        )
    assert all(len(p.chronic) == 1 for p in _people(TINY + chronic).pools["huaibei-shanghai"])


def test_a_larger_pool_begins_with_the_same_persons():
    """Size extends; it moves nobody."""
    small = replaced("bill =", "people = 20\nbill =", FLOW)
    pools = [_people(TINY + flow).pools["huaibei-shanghai"] for flow in (small, FLOW)]

    assert (20, 200) == (len(pools[0]), len(pools[1]))
    assert pools[0] == pools[1][:20]


def test_people_can_be_written_out():
    """`world.jsonl` holds them as plain data."""
    assert msgspec.json.encode(_people().of_region("340600")[0]).startswith(b"{")
