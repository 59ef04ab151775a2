"""Day close and daily three-way reconciliation: level groups, and every difference found."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.nodes.agency_harness import HUB, OPENING, Net, is_rejection, make_case, plan
from yidi.nodes.hub_differences import agree, classify
from yidi.nodes.lifecycle import LIVE, REVERSED, SETTLED
from yidi.protocol import messages_clearing as c
from yidi.protocol import transactions as t
from yidi.protocol.instants import MINUTE, next_day

ROLES = ("treatment", "hub", "insured")
TREATMENT, INSURED = "treatment:310000", "insured:340600"


def rows(net):
    """Differences as (key, class), with whether they are resolved."""
    return {
        (row.key, row.kind): row.resolved_day is not None for row in net.hub.state.days.differences
    }


def ready(net):
    """Keys that may be cleared."""
    groups = [g for month in net.hub.state.clearing.ready.values() for g in month.values()]
    return sorted(key for keys in groups for key in keys)


def sent(net, transaction):
    """Requests of a kind that were delivered, as (recipient, body)."""
    return [(hop, body) for _, hop, code, kind, body in net.log if (code, kind) == (transaction, 0)]


# ------------------------------------------------------------------ day close


def test_the_day_changes_by_the_operator_alone():
    """Wrong sender E_ROLE, wrong day E_DAY, a closed day the same answer again."""
    net = Net(plan())
    wrong = net.ask("operator:310000", HUB, t.DAY_CLOSE, c.DayClose(day=OPENING))
    assert is_rejection(wrong, "E_ROLE")
    assert is_rejection(net.close_day("2026-03-02"), "E_DAY")
    assert is_rejection(net.close_day("2026-02-28"), "E_DAY")
    assert is_rejection(net.close_day("2026-03-0"), "E_DATE")
    first = net.close_day(OPENING)

    assert first == net.close_day(OPENING)
    assert next_day(OPENING) == net.hub.days.day


def test_time_alone_changes_no_day():
    """A week without a day close is one accounting day."""
    net = Net(plan())
    net.wait(7 * 24 * 60 * MINUTE)

    assert OPENING == net.hub.days.day


def test_every_region_is_asked_in_its_role():
    """Also regions with nothing in the day: they may have booked what the hub has not."""
    net = Net(plan())
    net.close_day()

    assert [TREATMENT, INSURED, "insured:320500"] == [to for to, _ in sent(net, t.DAILY_STATEMENT)]
    assert net.hub.days.is_quiet


def test_statements_wait_for_open_exchanges():
    """While an exchange stamped with the day is open its statements stay; then they go out."""
    net = Net(plan())
    net.hub.open[OPENING] = 1
    net.close_day()
    assert [] == sent(net, t.DAILY_STATEMENT)
    net.hub.open.clear()
    net.deliver(HUB, net.hub.days.exchange_closed(OPENING, net.now))
    net.run()

    assert 3 == len(sent(net, t.DAILY_STATEMENT))
    assert [] == net.hub.days.exchange_closed(OPENING, net.now)


def test_statements_wait_no_longer_than_their_delay():
    """Ten minutes after the close they go out, open exchanges or not."""
    net = Net(plan())
    net.hub.open[OPENING] = 1
    net.close_day()
    closed_at = net.now
    net.wait(9 * MINUTE)
    assert [] == sent(net, t.DAILY_STATEMENT)
    net.wait(2 * MINUTE)

    assert 3 == len(sent(net, t.DAILY_STATEMENT))
    assert closed_at + 10 * MINUTE < net.now


def test_level_groups_may_be_cleared():
    """Cases that stand equally at three nodes are reconciled; a closed day is forgotten."""
    net = Net(plan())
    for number in range(4):
        net.settle(make_case(number, insured=["340600", "320500"][number % 2]))
    net.close_day()

    assert sorted(net.hub.cases) == ready(net)
    assert {} == net.hub.state.days.index.settled
    assert [] == sent(net, t.DAILY_DETAIL)


def test_a_late_booking_is_asked_about_by_key():
    """What is booked after its day's statement is reconciled at the next day close."""
    net = Net(plan())
    net.close_day()
    net.settle(make_case(1, OPENING))
    assert [] == ready(net)
    net.close_day()

    assert [make_case(1).key] == ready(net)
    assert {} == rows(net)


def test_a_late_undoing_and_a_reinstatement():
    """A cancellation reversed later stands again, and is ready once all three agree."""
    net = Net(plan())
    net.settle(make_case(1))
    net.close_day()
    net.undo(make_case(1).key, next_day(OPENING))
    net.close_day()
    for _, node in net.nodes_of(make_case(1)):
        case = node.cases[make_case(1).key]
        case.state, case.undone_day = SETTLED, ""
    net.hub.days.note_reinstated(net.hub.cases[make_case(1).key])
    net.close_day()

    assert [make_case(1).key] * 2 == ready(net)
    assert {} == rows(net)


# ------------------------------------------------------------------ differences

FATES = st.sampled_from([
    "fine", "fine", "T", "H", "I", "TH", "TI", "HI", "undone T", "undone HI", "fund T", "fund I",
])  # fmt: skip


@given(st.lists(FATES, max_size=10))
def test_exactly_the_differences_are_found(fates):
    """The report of a day is Live(T) Δ Live(H) Δ Live(I) and other amounts: no more, no less."""
    net = Net(plan())
    for number, fate in enumerate(fates):
        plant(net, make_case(number), fate)
    net.close_day()
    cases = [make_case(number) for number in range(len(fates))]
    live = {
        role: {
            case.key
            for case in cases
            for at, node in net.nodes_of(case)
            if at == role and case.key in node.cases and node.cases[case.key].state in LIVE
        }
        for role in ROLES
    }
    everywhere = live["treatment"] & live["hub"] & live["insured"]
    somewhere = live["treatment"] | live["hub"] | live["insured"]
    other = {case.key for case, fate in zip(cases, fates, strict=True) if "fund" in fate}

    assert (somewhere - everywhere) | other == {key for key, _ in rows(net)}
    assert sorted(everywhere - other) == ready(net)


def plant(net, case, fate):
    """Book a case at some nodes, or differently."""
    roles = {"T": "treatment", "H": "hub", "I": "insured"}
    if fate.isupper():
        net.settle(case, tuple(roles[letter] for letter in fate))
        return
    net.settle(case)
    what, _, where = fate.partition(" ")
    for role, node in net.nodes_of(case):
        if role in [roles[letter] for letter in where]:
            if what == "undone":
                node.cases[case.key].state = REVERSED
            else:
                node.cases[case.key].fund_fen += 5
                node.cases[case.key].digest = b"another answer"


def test_rows_say_who_has_what():
    """A row names class, states and fund pay of the three nodes."""
    net = Net(plan())
    net.settle(make_case(1), ("treatment",))
    net.close_day()
    row = net.hub.state.days.differences[0]

    assert ("treatment_only", OPENING, "310") == (row.kind, row.day, row.insutype)
    assert {"treatment": "SETTLED", "hub": "ABSENT", "insured": "ABSENT"} == row.states
    assert {"treatment": 1_001, "hub": 0, "insured": 0} == row.funds


def test_another_day_and_another_insurance_type():
    """Wrong day and wrong insurance type are found in both groups and reported once."""
    net = Net(plan())
    for number in (1, 2):
        net.settle(make_case(number))
    case = net.nodes[TREATMENT].cases[make_case(1).key]
    case.day = next_day(OPENING)
    net.nodes[TREATMENT].books.note_settled(case)
    net.nodes[INSURED].cases[make_case(2).key].insutype = "390"
    net.close_day()
    net.close_day()

    assert {(make_case(1).key, "day"): False, (make_case(2).key, "insutype"): False} == rows(net)
    assert [] == ready(net)


def test_a_unit_booked_twice():
    """A second live case of one settlement unit at one node is a duplicate."""
    net = Net(plan())
    net.settle(make_case(1, visit="V"))
    net.settle(make_case(2, visit="V"), ("insured",))
    net.close_day()

    assert {(make_case(2).key, "duplicate"): False} == rows(net)


def test_a_difference_is_resolved_when_all_agree():
    """Open until a later day close finds the three books equal; then it may be cleared."""
    net = Net(plan())
    net.settle(make_case(1), ("hub", "insured"))
    net.close_day()
    net.close_day()
    assert {(make_case(1).key, "treatment_missing"): False} == rows(net)
    net.settle(make_case(1), ("treatment",))
    net.close_day()

    assert {(make_case(1).key, "treatment_missing"): True} == rows(net)
    assert [make_case(1).key] == ready(net)
    assert "2026-03-04" == net.hub.state.days.differences[0].resolved_day


def test_a_reversal_the_treatment_region_never_booked_is_agreed():
    """Live at hub and insured region, then reversed there: nobody holds it, nothing stays open."""
    net = Net(plan())
    net.settle(make_case(1), ("hub", "insured"))
    net.close_day()
    net.undo(make_case(1).key, next_day(OPENING))
    net.close_day()

    assert {(make_case(1).key, "treatment_missing"): True} == rows(net)
    assert [] == ready(net)


def test_a_reversal_before_its_days_statement_is_no_difference():
    """Lines that differ over a case nobody holds any more make no row."""
    net = Net(plan())
    net.hub.open[OPENING] = 1
    net.settle(make_case(1), ("hub", "insured"))
    net.close_day()
    net.undo(make_case(1).key, next_day(OPENING))
    net.hub.open.clear()
    net.wait(11 * MINUTE)

    assert {} == rows(net)
    assert net.hub.days.is_quiet


def test_long_groups_are_compared_page_by_page():
    """A group of more lines than a message holds is compared all the same."""
    net = Net(plan())
    for number in range(c.EFFECTS_MAX + 10):
        net.settle(make_case(number), ROLES if number % 1_000 else ("hub", "insured"))
    net.close_day()

    missing = {make_case(number).key for number in range(0, c.EFFECTS_MAX + 10, 1_000)}
    assert missing == {key for key, _ in rows(net)}


def test_messages_may_come_twice_or_be_lost():
    """Duplicated, or lost once each: the same result, and nothing left pending."""
    net = Net(plan())
    net.twice = True
    seen = set()

    def lose(_sender, envelope):
        name = envelope.origin.correlation_id or envelope.origin.message_id
        name = (envelope.origin.kind, name)
        first = name not in seen
        seen.add(name)
        return first and not envelope.origin.sender.startswith("operator")

    net.lose = lose
    net.settle(make_case(1), ("hub", "insured"))
    net.settle(make_case(2))
    net.close_day()
    net.wait(60 * MINUTE)

    assert {(make_case(1).key, "treatment_missing"): False} == rows(net)
    assert [make_case(2).key] == ready(net)
    assert {} == net.hub.state.outbox


def test_observed_regions_are_taken_as_level():
    """An external node keeps no books with the hub: it is not asked, its cases are ready."""
    net = Net(plan(observed=(TREATMENT, INSURED)))
    net.settle(make_case(1), ("hub",))
    net.settle(make_case(2, insured="320500"), ("hub",))
    net.close_day()

    assert ["insured:320500"] == [to for to, _ in sent(net, t.DAILY_STATEMENT)]
    assert [make_case(1).key] == ready(net)
    assert {(make_case(2).key, "insured_missing"): False} == rows(net)


@pytest.mark.parametrize("refused", [t.DAILY_STATEMENT, t.DAILY_DETAIL])
def test_a_region_that_does_not_know_these_messages(refused):
    """Who knows no statements is observed; refused details stay unreconciled; nothing hangs."""
    net = Net(plan())
    del net.nodes[INSURED].requests[refused]
    net.settle(make_case(1))
    net.settle(make_case(2), ("treatment", "hub"))
    net.close_day()
    net.close_day()

    assert net.hub.days.is_quiet
    assert net.hub.state.counters
    assert (2 if refused == t.DAILY_STATEMENT else 0) == len(ready(net))


def test_memory_survives_a_restart():
    """State written out and read back in the middle of a reconciliation is the same state."""
    net = Net(plan())
    net.settle(make_case(1), ("hub", "insured"))
    net.close_day()
    raw = net.hub.snapshot()

    assert raw == msgspec.msgpack.encode(msgspec.msgpack.decode(raw, type=type(net.hub.state)))


# ------------------------------------------------------------------ classes


def views(treatment, hub, insured, **fields):
    """Three views by state; fields of the treatment region's may differ."""
    states = {"treatment": treatment, "hub": hub, "insured": insured}
    return {
        node: c.CaseView(
            key="k",
            state=state,
            **{"day": "d", "insutype": "310", "fund_fen": 1, "digest": b"x"}
            | (fields if node == "treatment" else {}),
        )
        for node, state in states.items()
    }


@pytest.mark.parametrize(
    ("kind", "seen"),
    [
        ("treatment_only", views("SETTLED", "ABSENT", "REJECTED")),
        ("hub_only", views("ABSENT", "SETTLED", "ABSENT")),
        ("insured_only", views("ABSENT", "PRESETTLED", "SETTLED")),
        ("treatment_missing", views("INDOUBT", "SETTLED", "SETTLED", digest=b"")),
        ("state", views("INDOUBT", "SETTLED", "SETTLED")),
        ("hub_missing", views("SETTLED", "NEW", "SETTLED")),
        ("insured_missing", views("SETTLED", "SETTLED", "ABSENT")),
        ("state", views("SETTLED", "REVERSED", "REVERSED")),
        ("state", views("SETTLED", "SETTLED", "REVERSED")),
        ("duplicate", views("SETTLED", "ABSENT", "ABSENT", twin="other")),
        ("amount", views("SETTLED", "SETTLED", "CLEARED", fund_fen=2)),
        ("amount", views("SETTLED", "SETTLED", "SETTLED", digest=b"y")),
        ("day", views("SETTLED", "SETTLED", "SETTLED", day="e")),
        ("insutype", views("SETTLED", "SETTLED", "SETTLED", insutype="390", fund_fen=2)),
    ],
)
def test_classes(kind, seen):
    """Each constellation has one class."""
    assert not agree(seen)
    assert kind == classify(seen)


@pytest.mark.parametrize(
    "seen",
    [
        views("SETTLED", "CLEARED", "SETTLED"),
        views("INDOUBT", "REVERSED", "REVERSED"),
        views("ABSENT", "REJECTED", "NEW"),
    ],
)
def test_agreement(seen):
    """Live at all three with the same contents, or at none."""
    assert agree(seen)
