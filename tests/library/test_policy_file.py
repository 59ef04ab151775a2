"""Policy files: what is loaded, what is refused and where, what a person is warned of."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from yidi.nodes.policy import PolicyBook
from yidi.protocol.errors import ScenarioError
from yidi.scenarios.library.policy_checks import number_paths, policy_warnings
from yidi.scenarios.library.policy_file import load_policies, load_policies_text
from yidi.scenarios.library.policy_writer import dump_policies

OWN = """\
schema = 1

[[policy]]
region = "340500"
name = "马鞍山市"
insutype = "310"
valid_from = "2025-01-01"
source = "mine"

[policy.inpatient]
deductible = { "3" = "700.00" }
ratio = { "3" = 8000 }
annual_cap = "300000.00"
"""
SERIOUS = '\n[policy.serious_illness]\nthreshold = "1.00"\ncap = "9.00"\ntiers = '


def own(tmp_path, text=OWN):
    """A policy file of one's own, as a path."""
    path = tmp_path / "own.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_built_in_policies_cover_the_regions_of_the_data():
    """Fourteen regions, eighteen policies, two agreements, the national cut."""
    book = load_policies()

    assert 14 == len(book.regions())
    assert 18 == len(book.policies)
    assert ["beijing-tianjin-hebei", "yangtze-delta-outpatient"] == sorted(
        agreement.name for agreement in book.no_filing
    )
    assert (1000, 1000, 2000) == tuple(
        book.filing_cut_default.of(kind) for kind in ("referral", "emergency", "other_temporary")
    )


def test_every_built_in_number_says_where_it_comes_from():
    """Each number of each policy has a provenance of its own, except those left at nothing."""
    for policy in load_policies().policies:
        missing = {path for path in number_paths(policy) if path not in policy.provenance}
        assert {path.rpartition(".")[2] for path in missing} <= {
            "deductible_step",
            "deductible_floor",
            "retired_bonus",
        }
        assert policy.valid_from == "2024-01-01"


@pytest.mark.parametrize(
    ("region", "insutype", "path", "expected"),
    [
        ("310000", "310", "inpatient.ratio.3", False),
        ("310000", "310", "inpatient.ratio.2", True),
        ("310000", "310", "large.cap", True),
        ("320500", "310", "filing_cut.other_temporary", False),
        ("320500", "310", "inpatient.annual_cap", True),
        ("340500", "390", "assistance.low_income.ratio", True),
        ("340500", "310", "outpatient.annual_cap", False),
        ("340500", "310", "outpatient.annual_cap@retired", True),
        ("340600", "390", "serious_illness.tiers.1", True),
        ("341500", "390", "outpatient.ratio.1", True),
        ("610500", "390", "inpatient.deductible_out.1", True),
        ("610500", "390", "inpatient.deductible_out.2", False),
        ("653100", "390", "outpatient.ratio.1", False),
        ("653100", "390", "outpatient.annual_cap", True),
    ],
)
def test_what_is_made_up_is_marked(region, insutype, path, expected):
    """The marks follow the data's words on what is illustrative."""
    policy = load_policies().find(region, insutype, "2026-03-16")

    assert expected is policy.is_illustrative(path)


def test_the_built_in_policies_need_no_warning():
    """No cut of ours exceeds the national ceilings."""
    assert [] == policy_warnings(load_policies(), "zh")


def test_ones_own_file_replaces_what_it_names(tmp_path):
    """Every version of its region and insurance type is replaced, the rest stays."""
    book = load_policies([own(tmp_path)])

    assert book.find("340500", "310", "2024-06-01") is None
    assert 8000 == book.find("340500", "310", "2025-01-01").inpatient.ratio["3"]
    assert book.find("340500", "390", "2024-06-01") is not None
    assert load_policies() is load_policies([])


@given(st.sets(st.sampled_from(load_policies().regions())))
def test_what_is_written_is_read_back(regions):
    """A bundle's policies are those of the run, all of them or some regions'."""
    book = load_policies()

    again = load_policies_text(dump_policies(book, regions), "policies.toml")

    kept = [policy for policy in book.policies if policy.region in regions]
    assert kept == list(again.policies)
    assert book.no_filing == again.no_filing
    assert book.filing_cut_default == again.filing_cut_default
    assert book.filing_cut_source == again.filing_cut_source


def test_dates_that_end_are_written_and_read_back():
    """`valid_to`, strange names and quotes survive."""
    policy = replace(
        load_policies().policies[0], name='引号"\\', valid_to="2025-11-19", source="a\tb"
    )

    assert policy == load_policies_text(dump_policies(PolicyBook([policy])), "x").policies[0]


@pytest.mark.parametrize(
    ("text", "code", "place"),
    [
        (OWN.replace("annual_cap", "anual_cap"), "E_UNKNOWN_KEY", ":13:"),
        (OWN.replace('"700.00"', '"7e2"'), "E_AMOUNT", ":11:"),
        (OWN.replace("8000", "80001"), "E_RANGE", ":12:"),
        (OWN.replace("8000", "80.5"), "E_TYPE", ":12:"),
        (OWN.replace('{ "3" = 8000 }', '{ "4" = 8000 }'), "E_CODE", ":12:"),
        (OWN.replace("2025-01-01", "2025-02-30"), "E_DATE", ":7:"),
        (OWN.replace('"310"', '"311"'), "E_CODE", ":6:"),
        (OWN.replace("340500", "3405"), "E_REGION", ":4:"),
        (OWN.replace("马鞍山市", "a\\u202Eb"), "E_NAME", ":5:"),
        (OWN.replace("schema = 1", "schema = 2"), "E_SCENARIO_VERSION", ":1:"),
        (OWN.replace('source = "mine"', 'valid_to = "2024-12-31"'), "E_RANGE", ":8:"),
        (OWN + SERIOUS + '[["5.00", 6000], ["4.00", 7000]]', "E_RANGE", ":18:"),
        (OWN + SERIOUS + '[["", 6000], ["4.00", 7000]]', "E_RANGE", ":18:"),
        (OWN + SERIOUS + "[]", "E_RANGE", ":18:"),
        (OWN + SERIOUS + '["5.00"]', "E_TYPE", ":18:"),
        (OWN + '\n[policy.provenance]\n"inpatient.ratio.2" = "x"', "E_UNKNOWN_KEY", ":16:"),
        (OWN + OWN.removeprefix("schema = 1\n"), "E_RANGE", ":19:"),
        (OWN.replace('name = "马鞍山市"\n', ""), "E_MISSING_KEY", ":3:"),
        ("schema = 1\n[[policy]", "E_SCENARIO_PARSE", ":2"),
    ],
    ids=range(19),
)
def test_a_mistake_is_refused_with_file_and_line(tmp_path, text, code, place):
    """Unknown keys, amounts, ranges, overlapping versions: each is placed."""
    path = own(tmp_path, text)

    with pytest.raises(ScenarioError) as caught:
        load_policies([path])

    assert code == caught.value.code
    assert f"{path}{place}" in f"{caught.value.at}:"


def test_both_ceilings_of_the_same_bill_are_refused(tmp_path):
    """大额 is the employees', 大病 the residents': one policy cannot have both."""
    large = '\n[policy.large]\nratio = 9000\ncap = "1.00"\n'

    with pytest.raises(ScenarioError, match="not both"):
        load_policies([own(tmp_path, OWN + large + SERIOUS + '[["", 6000]]')])


@pytest.mark.parametrize(
    ("cut", "expected"),
    [
        ('"points"\nreferral = 1001\nemergency = 1000\nother_temporary = 2000', "10.01 points"),
        ('"multiplier"\nreferral = 8700\nemergency = 9000\nother_temporary = 7500', "10.40 points"),
        ('"points"\nreferral = 1000\nemergency = 1000\nother_temporary = 2000', None),
    ],
)
def test_a_cut_beyond_the_national_ceiling_is_warned_of(tmp_path, cut, expected):
    """10 points for referral and emergency, 20 for others; a multiplier is measured in points."""
    book = load_policies([own(tmp_path, OWN + f"\n[policy.filing_cut]\nmode = {cut}\n")])

    found = [line for line in policy_warnings(book, "en") if "points" in line]

    assert ([] if expected is None else [True]) == [(expected or "") in line for line in found]


def test_a_number_without_provenance_is_warned_of(tmp_path):
    """Neither `source` nor `provenance`: every number that is set is named."""
    book = load_policies([own(tmp_path, OWN.replace('source = "mine"\n', ""))])

    assert ["inpatient.deductible.3", "inpatient.ratio.3", "inpatient.annual_cap"] == [
        line.split(": ")[1].split()[0] for line in policy_warnings(book, "en")
    ]


def test_a_level_without_deductible_is_warned_of(tmp_path):
    """Such a level would always be refused; the warning says so in both languages."""
    text = OWN.replace('ratio = { "3" = 8000 }', 'ratio = { "2" = 8000, "3" = 8000 }')
    book = load_policies([own(tmp_path, text)])

    assert "E_NO_POLICY" in "".join(policy_warnings(book, "zh"))
    assert "E_NO_POLICY" in "".join(policy_warnings(book, "en"))


def test_the_file_shown_in_the_documents_can_be_loaded():
    """The sample of docs/policies.md is a policy file."""
    page = Path(__file__).parents[2] / "docs" / "policies.md"
    sample = page.read_text("utf-8").split("```toml\n")[1].split("```")[0]

    book = load_policies_text(sample, "policies.md")

    assert ("340500",) == book.regions()
    assert book.policies[0].is_illustrative("inpatient.ratio.provincial")
