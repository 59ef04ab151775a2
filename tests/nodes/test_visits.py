from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.nodes.visit_harness import upload
from yidi.nodes.catalogue import check_lines
from yidi.nodes.visits import Unit, Visit, overlap, runs_of, unit_key, visit_key
from yidi.protocol.codec import encode
from yidi.protocol.messages import FeeLine

NUMBERS = st.lists(st.integers(1, 30), unique=True, min_size=1, max_size=8)


def lines_of(numbers, fen: int = 7) -> list[FeeLine]:
    """Split lines with these numbers, all in scope."""
    return [FeeLine(n, "XA", 10_000, fen * 10_000, fen, 0, 0, 0, fen) for n in numbers]


def parts(numbers):
    """What a unit is given of an upload: its bytes, its numbers, its sums."""
    lines = lines_of(numbers)
    return encode(upload(lines=lines)), runs_of(lines), check_lines(lines)


def unit_of(numbers) -> Unit:
    """A unit that holds lines with these numbers, in one upload."""
    unit = Unit()
    unit.add(*parts(numbers))
    return unit


def spread(runs) -> list[int]:
    """The numbers in runs, in order."""
    return [n for first, last in sorted(runs) for n in range(first, last + 1)]


@given(st.lists(st.integers(1, 30), max_size=9))
def test_runs_hold_the_numbers_and_no_number_twice(numbers):
    """Runs say which numbers there are; a number that stands twice makes none."""
    runs = runs_of(lines_of(numbers))
    if len(set(numbers)) < len(numbers):
        assert runs is None
        return
    assert sorted(numbers) == spread(runs)


@given(NUMBERS, NUMBERS)
def test_runs_overlap_where_the_numbers_do(known, sent):
    """Overlap of runs is common membership of the sets they stand for."""
    common = bool(set(known) & set(sent))

    assert common is overlap(runs_of(lines_of(known)), runs_of(lines_of(sent)))


@given(NUMBERS, NUMBERS)
def test_lines_are_idempotent_by_their_number(known, sent):
    """All new → True, all known as they are → False, half of a batch known → None."""
    lines, common = lines_of(sent), set(known) & set(sent)
    expected = True if not common else (False if common == set(sent) else None)

    assert expected is unit_of(known).novelty(lines, runs_of(lines))


@given(NUMBERS, st.data())
def test_a_known_number_with_other_content_is_a_reuse(known, data):
    """The same line number with another amount is neither new nor known."""
    lines = lines_of([data.draw(st.sampled_from(known))], fen=8)

    assert None is unit_of(known).novelty(lines, runs_of(lines))


@given(NUMBERS, NUMBERS)
def test_taking_lines_out_is_the_inverse_of_adding(known, sent):
    """A unit that takes an upload and gives it back is as it was."""
    fresh = [number for number in sent if number not in known]
    if fresh:
        unit = unit_of(known)
        unit.add(*parts(fresh))
        unit.take_out(*parts(fresh))

        assert unit_of(known) == unit


@given(NUMBERS)
def test_a_closed_unit_keeps_numbers_and_sums(numbers):
    """Settled lines are dropped, their numbers and the unit's sums stay."""
    unit = unit_of(numbers)
    visit = Visit(person_no="P", insured="340600", insutype="310", med_type="11")
    visit.close_unit(unit)

    assert (sorted(numbers), []) == (spread(visit.closed_lines), unit.uploads)
    assert 7 * len(numbers) == unit.total_fen == unit.in_scope_fen


def test_places_of_visits_and_units():
    """A unit is found by institution, visit and batch; keys hold no slash, so none collide."""
    assert ("H1/V1", "H1/V1/B1") == (visit_key("H1", "V1"), unit_key("H1", "V1", "B1"))
