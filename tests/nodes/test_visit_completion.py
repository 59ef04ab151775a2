"""Line numbers from outside, and what a region fills in from its visit."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from yidi.nodes.visit_completion import is_complete
from yidi.nodes.visits import runs_of
from yidi.protocol.messages import CancellationRequest, FeeLine, SettlementRequest

numbers = st.lists(st.one_of(st.integers(1, 12), st.integers(2**52, 2**53 - 1)), max_size=12)


@given(numbers)
def test_runs_are_the_numbers_however_far_apart(given_numbers: list[int]) -> None:
    """Serials that were hashed lie far apart: nothing may grow with the distance."""
    runs = runs_of([FeeLine(number, "X", 0, 0, 0) for number in given_numbers])

    if len(set(given_numbers)) < len(given_numbers):
        assert runs is None
    else:
        assert runs is not None
        assert sum(last - first + 1 for first, last in runs) == len(given_numbers)
        assert all(any(a <= number <= b for a, b in runs) for number in given_numbers)


def test_only_what_was_left_out_is_filled_in() -> None:
    """A request that says its begin or batch is taken as it is."""
    claim = {
        "institution": "H31010100001", "visit": "V1", "batch": "B1", "person_no": "1",
        "insutype": "310", "med_type": "11", "total_fen": 1, "end": 0,
    }  # fmt: skip
    undo = {
        "institution": "H31010100001", "visit": "V1", "person_no": "1", "settlement_id": "S1",
    }  # fmt: skip

    assert not is_complete("2207", SettlementRequest(**claim, begin=0))
    assert is_complete("2207", SettlementRequest(**claim, begin=7))
    assert not is_complete("2208", CancellationRequest(**undo, batch=""))
    assert is_complete("2208", CancellationRequest(**undo, batch="B1"))
