from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from yidi.scenarios.load.histogram import Histogram

VALUES = st.lists(st.integers(0, 2**42), min_size=1, max_size=200)


def of(values):
    """A histogram of these."""
    histogram = Histogram()
    for value in values:
        histogram.record(value)
    return histogram


@given(VALUES, st.integers(1, 10_000))
def test_a_percentile_is_the_nearest_rank_or_a_little_more(values, basis_points):
    """Never below the exact value, and above it by 1 in 128 at most."""
    rank = max(1, -(-len(values) * basis_points // 10_000))
    exact = sorted(values)[rank - 1]
    found = of(values).percentile(basis_points)

    assert exact <= found <= exact + exact // 128 + 1


@given(VALUES, VALUES)
def test_two_added_are_as_one(ours, theirs):
    """Counts, extremes and percentiles of a sum are those of all values together."""
    added, whole = of(ours), of(ours + theirs)
    added.add(of(theirs))

    assert whole.summary() == added.summary()
    assert (whole.mean, whole.least) == (added.mean, added.least)


def test_extremes_and_mean_are_exact():
    """They are kept beside the buckets; what is negative counts as nothing."""
    histogram = of([-5, 1_000_003, 2_000_000])

    assert (0, 2_000_000, 1_000_001) == (histogram.least, histogram.largest, histogram.mean)


def test_one_that_counted_nothing_says_nothing():
    """No division by zero, no made-up value."""
    empty = Histogram()

    assert (0, 0, 0) == (empty.percentile(9_900), empty.mean, empty.summary().count)
