"""A message changed on its way: what the node that gets it can read, and what an edge can."""

from __future__ import annotations

import pytest

from yidi.protocol import messages as m
from yidi.protocol import transactions as t
from yidi.protocol.bodies import open_body
from yidi.protocol.codec import encode
from yidi.protocol.envelope import Origin, seal
from yidi.protocol.errors import DecodeError, ScenarioError
from yidi.protocol.extras import extras_of
from yidi.scenarios.library.fault_sentences import Change
from yidi.scenarios.running.alterations import altered

CLAIM = m.SettlementRequest(
    institution="H31010100001", visit="v", batch="1", person_no="p", insutype="310", med_type="11",
    total_fen=10_000, begin=1, end=1,
)  # fmt: skip
CODE = t.OUTPATIENT_SETTLEMENT


def _envelope():
    origin = Origin(CODE, 0, "m", "", "treatment:310000", "insured:340600", "k", "310000",
                    "340600", 0, 0, 0, "t")  # fmt: skip
    return seal("hub:100000", origin, encode(CLAIM))


def test_without_changes_it_is_the_same_message():
    """The very object, so that nothing is paid for it."""
    envelope = _envelope()

    assert altered(envelope, ()) is envelope


def test_what_nobody_defined_is_read_over_and_can_be_found():
    """As a newer version's field would be; an edge that speaks JSON learns its name."""
    changed = altered(_envelope(), [Change(kind="add", field="exp_note")])

    assert CLAIM == open_body(changed)
    assert {"exp_note": "?"} == extras_of(changed.body, CODE)
    assert {} == extras_of(_envelope().body, CODE)


def test_what_is_left_out_is_missed():
    """A required field that is nil does not decode."""
    changed = altered(_envelope(), [Change(kind="omit", field="psn_no")])

    with pytest.raises(DecodeError) as caught:
        open_body(changed)

    assert "person_no" in caught.value.at


def test_an_edge_is_told_what_to_leave_out():
    """The native body is whole; the name with nil says what its JSON lacks."""
    changed = altered(_envelope(), [Change(kind="omit", field="psn_no")], at_edge=True)

    assert CLAIM == open_body(changed)
    assert {"psn_no": None} == extras_of(changed.body, CODE)


@pytest.mark.parametrize(
    ("field", "value", "native", "read"),
    [
        ("medfee_sumamt", "9.05", "total_fen", 905),
        ("psn_no", "Other", "person_no", "Other"),
        ("acct_used_flag", "1", "account_used", True),
    ],
)
def test_a_value_is_read_as_its_field_is(field, value, native, read):
    """Yuan, text and flags are written as national JSON has them."""
    changed = altered(_envelope(), [Change(kind="set", field=field, value=value)])

    assert read == getattr(open_body(changed), native)
    assert _envelope().origin == changed.origin


def test_a_field_that_is_not_there_cannot_be_changed():
    """A sentence that was not validated is refused when it acts."""
    with pytest.raises(ScenarioError):
        altered(_envelope(), [Change(kind="omit", field="setl_id")])
