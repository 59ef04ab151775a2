from __future__ import annotations

import pytest
from hypothesis import given

from tests.strategies import bodies, error_of
from yidi.protocol import messages as m
from yidi.protocol.checks import EDGE_ROLES, check_body, check_request
from yidi.protocol.envelope import Origin
from yidi.protocol.errors import RemoteProtocolError
from yidi.protocol.identifiers import Role
from yidi.protocol.instants import start_of_day

NOW = start_of_day("2026-03-16")
GOOD = m.VisitOpening(
    visit="V1", person_no="P1", insured="340600", insutype="310", med_type="11", begin=1
)


def origin(**changes: str) -> Origin:
    """The origin of an institution's request."""
    given = {"message_id": "M1", "case_key": "", "treatment": "310000", "insured": "340600"}
    given |= changes
    return Origin("2201", 0, given["message_id"], "", "institution:H", "treatment:310000",
                  given["case_key"], given["treatment"], given["insured"], 0, 1, 0, "")  # fmt: skip


@given(bodies)
def test_any_body_passes_or_is_refused_by_code(body):
    """Whatever decodes is checked without any other exception."""
    error = error_of(lambda: check_body(body, NOW))
    if error is not None:
        assert error.code in ("E_KEY_FORMAT", "E_REGION", "E_DATE", "E_IDCARD")
        assert error.at.removeprefix("$.") in type(body).__struct_fields__


def test_a_good_request_passes():
    """Nothing to say, with or without a case key and regions."""
    check_request(origin(), GOOD, NOW)
    check_request(origin(case_key="A3100002603160000000", treatment="", insured=""), GOOD, NOW)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"message_id": ""}, "E_KEY_FORMAT"),
        ({"case_key": "A/1"}, "E_KEY_FORMAT"),
        ({"treatment": "000000"}, "E_REGION"),
        ({"insured": "100000"}, "E_REGION"),
    ],
)
def test_the_origin_is_checked_too(changes, code):
    """A wrong name in the origin is refused with its native path."""
    with pytest.raises(RemoteProtocolError) as caught:
        check_request(origin(**changes), GOOD, NOW)

    assert (code, f"$.{next(iter(changes))}") == (caught.value.code, caught.value.at)


@pytest.mark.parametrize(
    "body",
    [
        m.StatusQuery(person_no="P", visit=""),
        m.CancellationRequest(
            institution="H", visit="V", batch="", person_no="P", settlement_id=""
        ),
        m.EligibilityRequest(person_no="P"),
        m.FilingRequest(
            person_no="P", insutype="310", category="referral", area="310000", valid_from=""
        ),
    ],
)
def test_what_may_be_empty_may_be_empty(body):
    """A stay without a serial, a cancellation of what was never settled, a filing from today."""
    check_body(body, NOW)


def test_the_edge_is_everybody_who_is_not_a_node():
    """Institutions, persons and operators are checked; nodes are not."""
    nodes = {Role.TREATMENT, Role.INSURED, Role.HUB, Role.PROVINCE}

    assert {role for role in Role if f"{role.value}:x".startswith(EDGE_ROLES)} == {*Role} - nodes
