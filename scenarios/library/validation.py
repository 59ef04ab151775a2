"""What types cannot say of a scenario: names, references, ranges, and how much it would cost.

Checks run in the order of the file and stop at the first error, which names its line: first
the texts, then the world (`world_checks`), what is told of it (`story_checks`), and what goes
on around it (`traffic_checks`).
"""

from __future__ import annotations

from yidi.scenarios.library.ground import Ground, check_texts
from yidi.scenarios.library.schema import Scenario
from yidi.scenarios.library.story_checks import check_story
from yidi.scenarios.library.toml_lines import Document
from yidi.scenarios.library.traffic_checks import check_duration, check_traffic
from yidi.scenarios.library.world_checks import check_world

__all__ = ["check_texts", "validate"]


def validate(scenario: Scenario, document: Document) -> None:
    """Check everything that one field cannot know.

    Raises:
        ScenarioError: the first thing that is wrong.
    """
    ground = Ground(scenario, document)
    check_duration(ground)
    check_world(ground)
    check_story(ground)
    check_traffic(ground)
