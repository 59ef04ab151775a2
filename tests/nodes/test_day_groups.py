"""A day's books: lines, groups, totals and digests."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.nodes.agency_harness import days_between, make_case
from yidi.nodes.day_groups import DayIndex, day_entries, line_of, totals_of, twins, view_of
from yidi.nodes.lifecycle import INDOUBT, LIVE, REVERSED, SETTLED

DAYS = days_between("2026-03-01", "2026-03-04")
GROUP = ("310000", "340600", "310")


def books(cases):
    """Index and cases by key, as a node that noted every case would have them."""
    index = DayIndex()
    for case in cases:
        index.settled.setdefault(case.day, []).append(case.key)
        if case.undone_day:
            index.undone.setdefault(case.undone_day, []).append(case.key)
    return index, {case.key: case for case in cases}


@st.composite
def histories(draw):
    """Cases settled on some day and perhaps undone on that day or a later one."""
    cases = []
    for number in range(draw(st.integers(0, 12))):
        day = draw(st.sampled_from(DAYS))
        case = make_case(number, day, insured=draw(st.sampled_from(["340600", "320500"])))
        case.state = SETTLED
        if draw(st.booleans()):
            case.state = REVERSED
            case.undone_day = draw(st.sampled_from([d for d in DAYS if d >= day]))
        cases.append(case)
    return cases


@given(histories())
def test_days_add_up_to_what_stands(cases):
    """The signed sums of all days together are the sums of the live cases."""
    index, by_key = books(cases)
    total = count = 0
    for day in DAYS:
        for group, entries in day_entries(index, by_key, day).items():
            totals = totals_of(group, entries)
            total += totals.fund_fen
            count += sum(entry.sign for entry in entries)

    live = [case for case in cases if case.state in LIVE]
    assert sum(case.fund_fen for case in live) == total
    assert len(live) == count


@given(histories(), st.randoms(use_true_random=False))
def test_order_of_booking_does_not_show(cases, chance):
    """Two nodes that booked the same cases in another order have the same totals."""
    mixed = list(cases)
    chance.shuffle(mixed)
    for day in DAYS:
        one, other = (day_entries(*books(order), day) for order in (cases, mixed))

        assert list(one) == list(other)
        assert [totals_of(g, e) for g, e in one.items()] == [
            totals_of(g, e) for g, e in other.items()
        ]


def test_a_closed_day_does_not_change():
    """Undoing a case on a later day leaves its own day as it was and adds a line to the later."""
    case = make_case(1, DAYS[0])
    case.state = SETTLED
    before = totals_of(GROUP, day_entries(*books([case]), DAYS[0])[GROUP])
    case.state, case.undone_day = REVERSED, DAYS[2]
    index, by_key = books([case])

    assert before == totals_of(GROUP, day_entries(index, by_key, DAYS[0])[GROUP])
    back = [line_of(entry) for entry in day_entries(index, by_key, DAYS[2])[GROUP]]
    assert [("BACK", -case.fund_fen)] == [(line.kind, line.fund_fen) for line in back]


def test_undone_on_its_own_day_leaves_no_line():
    """A case cancelled on the day of its settlement is not in the day's books."""
    case = make_case(1, DAYS[0], state=REVERSED, undone_day=DAYS[0])

    assert {} == day_entries(*books([case]), DAYS[0])


def test_reinstated_has_no_line_back():
    """Once its cancellation is reversed, a case stands on its own day alone."""
    case = make_case(1, DAYS[0], state=SETTLED)
    index, by_key = books([case])
    index.undone[DAYS[1]] = [case.key, case.key]

    assert {} == day_entries(index, by_key, DAYS[1])
    assert 1 == len(day_entries(index, by_key, DAYS[0])[GROUP])


def test_a_cancellation_in_doubt_still_stands():
    """A treatment region's INDOUBT case counts where it had been booked, and only there."""
    booked = make_case(1, DAYS[0], state=INDOUBT)
    unknown = make_case(2, DAYS[0], state=INDOUBT, digest=b"")

    entries = day_entries(*books([booked, unknown]), DAYS[0])
    assert [booked.key] == [entry.case.key for entry in entries[GROUP]]


@given(st.integers(1, 3))
def test_any_change_shows_in_the_totals(field):
    """Another fund amount, another answer or one case more makes the group unlevel."""
    cases = [make_case(n, DAYS[0], state=SETTLED) for n in range(3)]
    before = totals_of(GROUP, day_entries(*books(cases), DAYS[0])[GROUP])
    if field == 1:
        cases[0].fund_fen += 1
    elif field == 2:
        cases[0].digest = b"other"
    else:
        cases.append(make_case(9, DAYS[0], state=SETTLED))

    assert before != totals_of(GROUP, day_entries(*books(cases), DAYS[0])[GROUP])


def test_only_one_group_may_be_asked_for():
    """Naming a group leaves the others out."""
    cases = [make_case(n, DAYS[0], state=SETTLED, insured=i) for n, i in enumerate("ab")]

    assert [("310000", "b", "310")] == list(
        day_entries(*books(cases), DAYS[0], ("310000", "b", "310"))
    )


def test_views_and_twins():
    """A view tells state and money, ABSENT for the unknown; a twin shares its unit and is live."""
    first, second = (make_case(n, DAYS[0], state=SETTLED, visit="V") for n in (1, 2))
    index, by_key = books([first, second, make_case(3, DAYS[0], state=SETTLED)])

    assert "ABSENT" == view_of(by_key, "nobody").state
    assert first.fund_fen == view_of(by_key, first.key).fund_fen
    assert {first.key: second.key} == twins(index, by_key, [first.key, "nobody"])
