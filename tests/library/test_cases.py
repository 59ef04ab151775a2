"""Scripted cases: names of steps, flat expectations, sums of items."""

from __future__ import annotations

from tests.library.samples import TINY, accepted, replaced
from yidi.protocol.messages import SettlementResult
from yidi.scenarios.library.cases import NATIONAL_FIELDS, Item


def test_a_step_is_named_by_its_word_unless_it_has_an_id():
    """The second step of the same word is numbered."""
    more = '[[case.step]]\ndo = "settlement"\n[[case.step]]\ndo = "settlement"\n[[expect]]'
    case = accepted(replaced("[[expect]]", more)).case[0]

    wanted = ("eligibility", "fee_upload", "pre", "settlement", "settlement_2", "settlement_3")
    assert wanted == case.step_ids()


def test_an_expectation_is_written_flat():
    """outcome and code stand beside national field names."""
    expect = accepted(TINY).case[0].step[0].expect

    assert ("accepted", None, {"balc": "800.00"}) == (expect.outcome, expect.code, expect.fields)


def test_an_item_costs_count_times_price_unless_it_says_otherwise():
    """A wrong amount can be told, for the institution that sends one."""
    item = Item(code="x", name="x", count=3, price_fen=150)

    assert 450 == item.total_fen
    assert 400 == Item(code="x", name="x", count=3, price_fen=150, amount_fen=400).total_fen


def test_what_may_be_expected_is_named_once():
    """No field stands twice in the list."""
    assert len(NATIONAL_FIELDS) == len(set(NATIONAL_FIELDS))
    assert SettlementResult.__struct_fields__
