"""Each purpose and name draws from its own stream: what is added elsewhere moves no draw."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from yidi.scenarios.judging.judged_run import judged_run
from yidi.scenarios.library.loader import load_text

DATA = Path(__file__).parent.parent / "data"
TRAFFIC = (DATA / "traffic.toml").read_text("utf-8")
REGION = '[[region]]\ncode = "440100"\nroles = ["treatment"]\n\n'
MORE = {
    "region": lambda text: text + "\n" + REGION,
    "region-first": lambda text: text.replace("[[region]]", REGION + "[[region]]", 1),
    "person": lambda text: (
        text + '\n[[person]]\nid = "new"\nname = "新来的"\nregion = "340600"\ninsutype = "310"\n'
        'psn_type = "1101"\nbirth = "1980-05-01"\nsex = "female"\n'
    ),
    "link": lambda text: (
        text + '\n[[link]]\nfrom = "treatment:*"\nto = "hub:*"\nduplicate = 0.3\n'
        'latency = { p50 = "20ms", p90 = "50ms", p99 = "100ms", max = "900ms" }\n'
    ),
    "fault": lambda text: text + '\n[[fault]]\ndo = "duplicate every 3rd settlement answer"\n',
    "check": lambda text: text + '\n[checks]\nskip = [{ id = "INV-01", reason = "a test" }]\n',
}


def drawn(text):
    """What chance decided: who came where, with which bill, of whom the world is made."""
    result = judged_run(load_text(text, str(DATA / "traffic.toml"))).result
    regions = [node for name, node in result.nodes.items() if name.startswith("treatment:")]
    visits = {key: visit.person_no for node in regions for key, visit in node.state.visits.items()}
    bills = {key: unit.total_fen for node in regions for key, unit in node.state.units.items()}
    return visits, bills, {(one.person_no, one.name, one.birth) for one in result.world.persons}


@cache
def plain():
    """The draws of the scenario as it is."""
    return drawn(TRAFFIC)


@pytest.mark.parametrize("added", sorted(MORE))
def test_an_addition_moves_no_other_draw(added):
    """A region, person, link, fault or check more: the same patients, visits and bills."""
    visits, bills, people = drawn(MORE[added](TRAFFIC))

    assert (visits, bills) == plain()[:2]
    assert plain()[2] <= people


def test_the_seed_moves_every_draw():
    """The comparison bites: under another seed hardly a bill is the same."""
    visits, bills, people = drawn(TRAFFIC.replace("seed = 11", "seed = 12"))
    same = sum(bills.get(key) == total for key, total in plain()[1].items())

    assert visits != plain()[0]
    assert people != plain()[2]
    assert same < len(bills) // 10
