"""The scripted cases of a run, as its scenario tells them.

A case that was refused before it had a case key, and was not paid in full either, has no row in
the run's files. Who it is about, and where, is known all the same: from the scenario.
"""

from __future__ import annotations

from pathlib import Path

from yidi.protocol.errors import YidiError
from yidi.scenarios.judging.chain_match import Selection
from yidi.scenarios.library.loader import load
from yidi.scenarios.library.schema import Scenario
from yidi.scenarios.running.people import scripted_people
from yidi.scenarios.running.requests import visit_of

SCENARIO = "scenario.toml"


def read_scenario(bundle: Path) -> Scenario | None:
    """The bundle's scenario; None where it is missing or of another version."""
    try:
        return load(str(bundle / SCENARIO)).scenario
    except (OSError, YidiError):
        return None


def scripted_cases(scenario: Scenario | None) -> dict[str, Selection]:
    """Each scripted case by its id; what only its messages know is left open."""
    if scenario is None:
        return {}
    people = scripted_people(scenario)
    regions = {place.code: place.region for place in scenario.institution}
    return {
        case.id: Selection(
            name=case.id,
            case_id=case.id,
            person_no=people[case.person].psn_no,
            institution=case.institution,
            visit=visit_of(case),
            treatment=regions[case.institution],
            insured=people[case.person].region,
        )
        for case in scenario.case
    }
