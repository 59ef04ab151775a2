from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from yidi.nodes.catalogue import check_lines
from yidi.nodes.visits import Unit, Visit, overlap, runs_of, unit_key, visit_key
from yidi.protocol.codec import encode
from yidi.protocol.messages import FeeLine, FeeUploadRequest

NUMBERS = st.lists(st.integers(1, 30), unique=True, min_size=1, max_size=8)


def lines_of(numbers, fen: int = 7) -> list[FeeLine]:
    """Split lines with these numbers, all in scope."""
    return [FeeLine(n, "XA", 10_000, fen * 10_000, fen, 0, 0, 0, fen) for n in numbers]


def upload_of(lines) -> bytes:
    """The body of an upload of lines."""
    body = FeeUploadRequest(
        institution="H1", visit="V1", batch="B1", person_no="P", insutype="310", med_type="11",
        lines=lines,
    )  # fmt: skip
    return encode(body)


def put(unit, numbers) -> Unit:
    """Add lines with these numbers to a unit."""
    lines = lines_of(numbers)
    unit.add(upload_of(lines), runs_of(lines), check_lines(lines))
    return unit


def novelty(unit, numbers, fen: int = 7) -> bool | None:
    """Whether lines are new to a unit."""
    lines = lines_of(numbers, fen)
    return unit.novelty(lines, runs_of(lines))


@given(NUMBERS, NUMBERS)
def test_lines_are_idempotent_by_their_number(known, sent):
    """All new → True, all known as they are → False, half of a batch known → None."""
    common = set(known) & set(sent)
    expected = True if not common else (False if common == set(sent) else None)

    assert expected is novelty(put(Unit(), known), sent)


@given(NUMBERS, st.data())
def test_a_known_number_with_other_content_is_a_reuse(known, data):
    """The same line number with another amount is neither new nor known."""
    number = data.draw(st.sampled_from(known))

    assert None is novelty(put(Unit(), known), [number], fen=8)


@given(NUMBERS, NUMBERS)
def test_taking_lines_out_is_the_inverse_of_adding(known, sent):
    """A unit that takes lines and gives them back is as it was."""
    fresh = [number for number in sent if number not in known]
    unit, lines = put(put(Unit(), known), fresh), lines_of(fresh)
    unit.take_out(upload_of(lines), runs_of(lines), check_lines(lines))

    assert put(Unit(), known) == unit


@given(NUMBERS, NUMBERS)
def test_runs_are_the_numbers(known, sent):
    """Runs hold exactly the numbers they were made of, and overlap where those do."""
    runs = runs_of(lines_of(known))

    assert sorted(known) == sorted(n for first, last in runs for n in range(first, last + 1))
    assert bool(set(known) & set(sent)) is overlap(runs, runs_of(lines_of(sent)))
    assert None is runs_of(lines_of([*known, known[0]]))


@given(NUMBERS)
def test_a_closed_unit_keeps_numbers_and_sums(numbers):
    """Settled lines are dropped, their numbers and the unit's sums stay."""
    unit = put(Unit(), numbers)
    visit = Visit(person_no="P", insured="340600", insutype="310", med_type="11")
    visit.close_unit(unit)

    assert (runs_of(lines_of(numbers)), []) == (visit.closed_lines, unit.uploads)
    assert 7 * len(numbers) == unit.total_fen == unit.in_scope_fen


def test_places_of_visits_and_units():
    """A unit is found by institution, visit and batch; keys hold no slash, so none collide."""
    assert ("H1/V1", "H1/V1/B1") == (visit_key("H1", "V1"), unit_key("H1", "V1", "B1"))
