from __future__ import annotations

from pathlib import Path

import pytest

from yidi.protocol.errors import StoredDataError
from yidi.scenarios.library.loader import load
from yidi.scenarios.library.policy_file import load_policies
from yidi.scenarios.running.build import delta_agreement, hubs_of, nodes_of_world, skews_of
from yidi.scenarios.running.institutions import build_institutions
from yidi.scenarios.running.people import build_people
from yidi.scenarios.running.streams import Streams
from yidi.scenarios.running.world import partition_key, read_world, world_of, write_world

DATA = Path(__file__).parent.parent / "data"


def make_world(name="traffic.toml", seed=1, settings=()):
    """The world of a test scenario."""
    scenario = load(str(DATA / name), settings).scenario
    people = build_people(scenario, Streams(seed))
    return world_of(scenario, people, build_institutions(scenario), scenario.start_instant())


@pytest.mark.parametrize("name", ["traffic.toml", "tiny.toml"])
def test_a_world_is_read_back_as_it_was(name):
    """What `world.jsonl` holds is the whole world: reading it gives an equal one."""
    world = make_world(name)
    assert read_world(write_world(world)) == world


def test_the_same_world_builds_the_same_nodes():
    """Nodes built from the file are those built from the scenario, memory and order alike."""
    world, book = make_world(), load_policies()
    first = nodes_of_world(world, book)
    second = nodes_of_world(read_world(write_world(world)), book)
    assert list(first) == list(second) == sorted(first)
    assert [n.snapshot() for n in first.values()] == [n.snapshot() for n in second.values()]


def test_who_stands_in_the_world():
    """Both hubs, every region in its roles, and the province of each region."""
    nodes = nodes_of_world(make_world(), load_policies())
    assert [address for address in nodes if address.startswith("hub:")] == ["hub:100000", "hub:yrd"]
    assert "treatment:340600" not in nodes
    assert {a for a in nodes if a.startswith("province:")} == {
        f"province:{code}0000" for code in ("31", "33", "34", "63")
    }


def test_the_delta_hub_is_there_where_the_scenario_lists_it():
    """Without `yangtze-delta` there is one hub, and treatment regions know of no agreement."""
    world = make_world("tiny.toml")
    assert hubs_of(world) == ("hub:100000",)
    assert nodes_of_world(world, load_policies())["treatment:310000"].config.delta is None


def test_the_delta_agreement_is_that_of_the_policies():
    """The exchange takes outpatients and pharmacies between the four provinces of the Delta."""
    agreement = delta_agreement(load_policies())
    assert agreement.provinces == ("31", "32", "33", "34")
    assert agreement.med_types == ("11", "41")


def test_the_hubs_know_the_filings_of_the_start():
    """What insured regions hold at the start stands in the filing library from the start."""
    nodes = nodes_of_world(make_world("tiny.toml"), load_policies())
    person = next(iter(nodes["insured:340600"].state.persons.values()))
    library = nodes["hub:100000"].state.filings
    assert list(library[f"340600/{person.person_no}"]) == [person.filings[0].filing_id]


def test_an_unnamed_grade_is_in_scope():
    """An item of which the story says nothing is 甲 in its region's catalogue."""
    catalogue = nodes_of_world(make_world("tiny.toml"), load_policies())["treatment:310000"].config
    assert {item.grade for item in catalogue.catalogue.values()} == {"01"}


def test_skewed_clocks_are_told_by_address():
    """A region's skew counts for both of its roles; the others are not named."""
    world = make_world(settings=['region[1].clock_skew="2m"'])
    assert skews_of(world) == {"insured:310000": 120_000_000, "treatment:310000": 120_000_000}


def test_a_household_shares_a_partition():
    """The partition key is 16 bits of the account holder's number."""
    assert partition_key("340600000000509415") == 15_783
    assert 0 <= partition_key("") <= 0xFFFF


@pytest.mark.parametrize(
    ("line", "code"),
    [(b"{", "E_BUNDLE"), (b'{"row":"planet"}', "E_BUNDLE"), (b'{"row":"region"}', "E_BUNDLE")],
)
def test_a_damaged_world_is_refused_with_its_line(line, code):
    """A line that is no row is named by its number."""
    lines = list(write_world(make_world("tiny.toml")))
    with pytest.raises(StoredDataError) as caught:
        read_world([*lines, line])
    assert (caught.value.code, caught.value.at) == (code, f"world.jsonl:{len(lines) + 1}")


def test_a_world_without_settings_or_of_another_schema_is_refused():
    """The settings row must be there, and of the schema that this version reads."""
    with pytest.raises(StoredDataError) as missing:
        read_world([])
    first = next(write_world(make_world("tiny.toml"))).replace(b'"schema":1', b'"schema":9')
    with pytest.raises(StoredDataError) as other:
        read_world([first])
    assert (missing.value.code, other.value.code) == ("E_BUNDLE", "E_FORMAT")
