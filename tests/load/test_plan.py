from __future__ import annotations

import pytest

from yidi.protocol.errors import ScenarioError
from yidi.protocol.instants import SECOND
from yidi.scenarios.library.loader import load
from yidi.scenarios.load.plan import PEOPLE_MAX, SECONDS_A_DAY, offered


def test_flows_keep_their_shares_of_another_rate():
    """What a flow is stays as it was; only when its patients come is decided anew."""
    month = load("yangtze-delta-month")
    before, flows = month.scenario.flow, offered(month, 50, 4).scenario.flow

    assert [(flow.name, flow.mix, flow.bill) for flow in before] == [
        (flow.name, flow.mix, flow.bill) for flow in flows
    ]
    assert {"constant"} == {flow.arrivals.process for flow in flows}
    assert sum(flow.arrivals.per_day for flow in flows) == pytest.approx(50 * SECONDS_A_DAY, 0.001)
    assert flows[0].arrivals.per_day / flows[1].arrivals.per_day == pytest.approx(
        before[0].arrivals.per_day / before[1].arrivals.per_day, 0.001
    )


def test_only_traffic_is_offered():
    """Cases, faults and what a run must come to are for `yidi run`; thresholds stay."""
    scenario = offered(load("docs/examples/first.toml"), 10, 2).scenario

    assert ((), (), (), None) == (
        scenario.case, scenario.fault, scenario.expect, scenario.clearing,
    )  # fmt: skip
    assert (2 * SECOND, 1) == (scenario.duration, len(scenario.thresholds))


def test_a_scenario_without_flows_gets_one_for_each_pair_of_its_cases():
    """So that every scenario can be loaded; its people go where its cases go."""
    (flow,) = offered(load("huaibei-outpatient-in-shanghai"), 10, 1).scenario.flow

    assert ("340600", "310000", "outpatient") == (flow.from_, flow.to, flow.visit)


def test_patients_are_as_many_as_visits():
    """So that nobody is at two counters at once; a larger pool stays as large."""
    load_toml = load("docs/examples/load.toml")
    pools = [offered(load_toml, rate, 10).scenario.flow[0].people for rate in (1, 100, 100_000)]

    assert [500, 1_000, PEOPLE_MAX] == pools


@pytest.mark.parametrize(("rate", "seconds"), [(0.1, 1), (100_000, 86_400)])
def test_no_visit_and_too_many_are_refused(rate, seconds):
    """A run without visits would measure nothing; one with too many would not fit in memory."""
    with pytest.raises(ScenarioError, match="E_RANGE"):
        offered(load("docs/examples/load.toml"), rate, seconds)
