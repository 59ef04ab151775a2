"""Background flows, faults and clearing, and what a run would cost."""

from __future__ import annotations

import pytest

from tests.library.samples import FLOW, TINY, accepted, refusal, replaced
from yidi.protocol.errors import ErrorCode
from yidi.scenarios.library.traffic_checks import events_of, visits_of


@pytest.mark.parametrize(
    ("old", "new", "code", "at"),
    [
        ('to = "310000"', 'to = "340600"', ErrorCode.E_REGION_REF, "flow[0].to"),
        ('from = "340600"', 'from = "340500"', ErrorCode.E_REGION_REF, "flow[0].from"),
        ('"poisson"', '"poison"', ErrorCode.E_CODE, "flow[0].arrivals.process"),
        ('"poisson"', '"ramp"', ErrorCode.E_EXPRESSION, "flow[0].arrivals"),
        ("per_day = 20", "per_day = 20, count = 0", ErrorCode.E_RANGE, "flow[0].arrivals.count"),
        ('p90 = "400"', 'p90 = "40"', ErrorCode.E_RANGE, "flow[0].bill"),
        ("bill =", "items = [5, 2]\nbill =", ErrorCode.E_RANGE, "flow[0].items"),
        ("bill =", "in_scope_bp = [5, 2]\nbill =", ErrorCode.E_RANGE, "flow[0].in_scope_bp"),
        ("bill =", "account_bp = 10001\nbill =", ErrorCode.E_RANGE, "flow[0].account_bp"),
        ("bill =", 'ends = "25h"\nbill =', ErrorCode.E_RANGE, "flow[0].ends"),
        ("bill =", 'starts = "25h"\nbill =', ErrorCode.E_RANGE, "flow[0].starts"),
        ("bill =", 'mix = { insutype = { "310" = 0 } }\nbill =', ErrorCode.E_RANGE,
         "flow[0].mix.insutype"),
        ("bill =", 'mix = { insutype = { "311" = 1 } }\nbill =', ErrorCode.E_CODE,
         "flow[0].mix.insutype.311"),
        ("bill =", "mix = { filing = { refferal = 1 } }\nbill =", ErrorCode.E_CODE,
         "flow[0].mix.filing.refferal"),
    ],
)  # fmt: skip
def test_each_slip_of_a_flow_has_its_code_and_key(old, new, code, at):
    """The flow stands at the end of the file."""
    error = refusal(TINY + replaced(old, new, FLOW))

    assert (code, at) == (error.code, error.at.split(":")[2])


@pytest.mark.parametrize(
    ("sentence", "code"),
    [
        ("loose every settlement", ErrorCode.E_EXPRESSION),
        ("lose every settlement from 320100", ErrorCode.E_REGION_REF),
        ("lose every settlement from 310000 to 310000", ErrorCode.E_REGION_REF),
        ("lose every settlement of case visit-9", ErrorCode.E_REFERENCE),
        ("add psn_no to every settlement", ErrorCode.E_NAME),
        ("add exp_note to every message", ErrorCode.E_EXPRESSION),
        ("leave psn_on out of every settlement", ErrorCode.E_REFERENCE),
        ("leave setl_id out of every settlement", ErrorCode.E_REFERENCE),
        ("change medfee_sumamt to 9.001 in every settlement", ErrorCode.E_AMOUNT),
    ],
)
def test_each_slip_of_a_fault_has_its_code(sentence, code):
    """A sentence must parse and name what exists."""
    error = refusal(f'{TINY}\n[[fault]]\ndo = "{sentence}"')

    assert (code, "fault[0].do") == (error.code, error.at.split(":")[2])


@pytest.mark.parametrize(
    ("clearing", "code"),
    [
        ('periods = ["2026-13"]', ErrorCode.E_RANGE),
        ('periods = ["2026-02"]', ErrorCode.E_RANGE),
        ('mode = "net"', ErrorCode.E_CODE),
        ("calendar = { declare_day = 26 }", ErrorCode.E_RANGE),
        ("calendar = { declare_day = 31 }", ErrorCode.E_RANGE),
        ('payment_fail = [{ payer = "1", payee = "310000" }]', ErrorCode.E_REGION),
    ],
)
def test_each_slip_of_a_clearing_has_its_code(clearing, code):
    """Periods are months from the start on, days are in order."""
    assert code == refusal(f"{TINY}\n[clearing]\n{clearing}").code


def test_a_flow_is_estimated_by_rate_window_and_count():
    """Twenty a day in half a day are ten, and at most as many as `count` says."""
    scenario = accepted(TINY + FLOW)
    half = accepted(TINY + replaced("bill =", 'ends = "12h"\nbill =', FLOW)).flow[0]
    capped = accepted(TINY + replaced("per_day = 20", "per_day = 20, count = 3", FLOW)).flow[0]

    assert 20 == visits_of(scenario.flow[0], scenario.duration)
    assert 10 == visits_of(half, scenario.duration)
    assert 3 == visits_of(capped, scenario.duration)
    assert 4 * 4 + 20 * 16 == events_of(scenario)
