from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from yidi.nodes.catalogue import CatalogueItem, LineProblem, check_lines, split_lines
from yidi.protocol.messages import FeeLine

ITEMS = st.builds(
    CatalogueItem, st.sampled_from(["01", "02", "03"]), st.integers(0, 10_000),
    st.sampled_from([0, 1, 500_000, 10**8]),
)  # fmt: skip
CATALOGUES = st.dictionaries(st.sampled_from(["XA", "XB", "XC"]), ITEMS)


def priced(number: int, item: str, count_e4: int, price_e6: int) -> FeeLine:
    """A line whose amount is quantity times price, half up to the fen."""
    amount = (2 * count_e4 * price_e6 + 10**8) // (2 * 10**8)
    return FeeLine(number, item, count_e4, price_e6, amount)


@st.composite
def bills(draw):
    """Up to eight lines of catalogue items and of unknown ones."""
    items = draw(st.lists(st.sampled_from(["XA", "XB", "XC", "??"]), max_size=8))
    return [
        priced(n, item, draw(st.integers(0, 10**6)), draw(st.integers(0, 10**9)))
        for n, item in enumerate(items, 1)
    ]


@given(bills(), CATALOGUES)
def test_the_four_parts_of_a_line_are_its_amount(lines, catalogue):
    """Full self-pay, over the limit, paid first and in scope add up, each 0 or more."""
    split, sums = split_lines(lines, catalogue)

    for line in split:
        parts = (line.full_self_fen, line.over_limit_fen, line.prepay_fen, line.in_scope_fen)
        assert (line.amount_fen, True) == (sum(parts), min(parts) >= 0)
    assert sums.total_fen == sum(line.amount_fen for line in lines)
    assert sums.total_fen == (
        sums.full_self_fen + sums.over_limit_fen + sums.prepay_fen + sums.in_scope_fen
    )
    assert sums == check_lines(split)


@given(bills(), CATALOGUES, CATALOGUES)
def test_a_line_that_is_split_already_stays_as_it_is(lines, catalogue, other):
    """Whatever the second catalogue says, lines that carry their four amounts are taken."""
    split, sums = split_lines(lines, catalogue)
    again, same = split_lines(split, other)

    assert sums == same
    # A line of nothing has nothing to carry: only its grade may be looked up anew.
    assert [line for line in split if line.amount_fen] == [one for one in again if one.amount_fen]


@given(bills().filter(bool), st.data())
def test_a_wrong_amount_is_named_by_its_place(lines, data):
    """A line that is not quantity times price is E_ITEM_SUM with its index."""
    at = data.draw(st.integers(0, len(lines) - 1))
    right = lines[at]
    lines[at] = FeeLine(at + 1, right.item, right.count_e4, right.price_e6, right.amount_fen + 1)

    assert LineProblem("E_ITEM_SUM", f"$.lines[{at}]") == split_lines(lines, {})


@given(bills().filter(bool), st.integers(1, 10**6))
def test_parts_that_do_not_add_up_are_refused_on_both_sides(lines, excess):
    """Neither region takes a line whose carried parts are not its amount."""
    wrong = lines[-1]
    line = FeeLine(wrong.line_no, wrong.item, wrong.count_e4, wrong.price_e6, wrong.amount_fen,
                   wrong.amount_fen + excess)  # fmt: skip
    problem = LineProblem("E_ITEM_SUM", f"$.lines[{len(lines) - 1}]")
    split, _ = split_lines(lines[:-1], {})

    assert problem == split_lines([*lines[:-1], line], {})
    assert problem == check_lines([*split, line])


def test_grades_share_ceiling_and_the_unknown():
    """甲 is in scope, 乙 pays a share first, 丙 and the unlisted all; above a ceiling too."""
    catalogue = {
        "A": CatalogueItem("01"),
        "B": CatalogueItem("02", 1_000),
        "C": CatalogueItem("03"),
        "D": CatalogueItem("02", 1_000, 50_000_000),
    }
    lines = [priced(n, item, 10_000, 60_000_000) for n, item in enumerate("ABCD?", 1)]
    split, _ = split_lines(lines, catalogue)
    parts = [(x.full_self_fen, x.over_limit_fen, x.prepay_fen, x.in_scope_fen) for x in split]

    assert [(0, 0, 0, 6000), (0, 0, 600, 5400), (6000, 0, 0, 0), (0, 1000, 500, 4500),
            (6000, 0, 0, 0)] == parts  # fmt: skip
    assert ["01", "02", "03", "02", "03"] == [line.grade for line in split]
