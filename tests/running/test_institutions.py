"""Institutions: the scenario's own where they fit, made-up ones where none does."""

from __future__ import annotations

import pytest

from tests.library.samples import FLOW, TINY, accepted, replaced
from yidi.scenarios.running.institutions import build_institutions, med_type_of


def _build(flow=FLOW, text=TINY):
    return build_institutions(accepted(text + flow))


def test_a_flow_goes_to_the_scenarios_own_institution_of_its_level():
    """Level 3 is named in the file; levels 1 and 2 are made up, and say so."""
    levels = _build().by_flow["huaibei-shanghai"]

    assert ["H31010100001"] == [place.code for place in levels["3"]]
    assert ["H31000090002"] == [place.code for place in levels["2"]]
    assert levels["2"][0].name.startswith("虚构")


def test_an_institution_that_has_not_opened_the_business_is_passed_by():
    """Background patients go where they can settle."""
    text = replaced('level = "3"', 'level = "3"\nopened = ["21"]')

    assert ["H31000090003"] == [p.code for p in _build(text=text).by_flow["huaibei-shanghai"]["3"]]


def test_medicines_come_from_pharmacies():
    """A P code that has opened 41 and nothing else."""
    levels = _build(replaced('"outpatient"', '"pharmacy"', FLOW)).by_flow["huaibei-shanghai"]
    codes = {place.code: place.opened for places in levels.values() for place in places}

    assert {"P31000090005": ("41",)} == codes


def test_every_institution_is_listed_once():
    """The scenario's own first."""
    places = _build().all

    assert "H31010100001" == places[0].code
    assert len(places) == len({place.code for place in places})


@pytest.mark.parametrize(
    ("visit", "usual", "emergency"),
    [("outpatient", "11", "13"), ("inpatient", "21", "24"), ("chronic", "14", "14")],
)
def test_a_flows_visit_type(visit, usual, emergency):
    """Emergencies have their own type where there is one. Source: domain 3.1."""
    flow = accepted(TINY + replaced('"outpatient"', f'"{visit}"', FLOW)).flow[0]

    assert (usual, emergency) == (med_type_of(flow), med_type_of(flow, emergency=True))
