from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from yidi.nodes.catalogue import LineProblem, check_lines, split_lines
from yidi.scenarios.running.bills import fee_lines
from yidi.scenarios.running.streams import Streams


@given(
    seed=st.integers(0, 1_000),
    count=st.integers(1, 60),
    bill=st.integers(1, 50_000_000),
    out_bp=st.integers(0, 10_000),
)
def test_lines_sum_to_the_bill_and_its_scope(seed, count, bill, out_bp):
    """The lines add up to the bill, what is outside the scope too, and the region takes them."""
    out_fen = bill * out_bp // 10_000
    lines = fee_lines(Streams(seed).stream("bill", "x").getrandbits, count, bill, out_fen)
    sums = check_lines(lines)
    assert not isinstance(sums, LineProblem)
    assert sums.total_fen == bill
    assert sums.in_scope_fen == bill - out_fen
    assert len(lines) == min(count, bill)
    assert min(line.amount_fen for line in lines) >= 1


@given(st.integers(0, 1_000), st.integers(1, 40))
def test_the_treatment_region_takes_the_split_as_it_is(seed, count):
    """Quantity times price is the amount of every line, and the carried split is kept."""
    lines = fee_lines(Streams(seed).stream("bill", "x").getrandbits, count, 123_456, 23_456)
    split = split_lines(lines, {})
    assert not isinstance(split, LineProblem)
    assert split[0] == lines


def test_numbers_go_on_from_the_first():
    """Line numbers are consecutive from the one that is asked for."""
    lines = fee_lines(Streams(1).stream("bill", "x").getrandbits, 5, 1_000, 0, first=11)
    assert [line.line_no for line in lines] == [11, 12, 13, 14, 15]
