from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from yidi.nodes.policy import NoFiling, Policy, PolicyBook, in_pooling_area

REGIONS = st.from_regex(r"[1-6][0-9]{5}", fullmatch=True)
OLD = Policy(
    region="320400", name="常州市", insutype="310", valid_from="2024-01-01", valid_to="2025-11-19"
)
NEW = replace(OLD, valid_from="2025-11-20", valid_to=None)
DELTA = NoFiling(name="delta", insured=("31", "34"), treatment=("31", "34"), med_type=("11",))


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        ("2023-12-31", None),
        ("2024-01-01", OLD),
        ("2025-11-19", OLD),
        ("2025-11-20", NEW),
        ("2199-12-31", NEW),
    ],
)
def test_the_version_in_force_on_the_day_decides(day, expected):
    """Versions are found by date, both ends included, in whatever order they were given."""
    book = PolicyBook([NEW, OLD])

    assert expected == book.find("320400", "310", day)
    assert book.find("320400", "390", day) is None
    assert book.find("320500", "310", day) is None


@given(REGIONS)
def test_a_region_lies_in_its_own_pooling_area(region):
    """Treatment at home needs no filing, whatever the region."""
    assert in_pooling_area(region, region)


@pytest.mark.parametrize(
    ("insured", "treatment", "expected"),
    [
        ("630000", "632800", True),
        ("630000", "640100", False),
        ("340500", "340600", False),
        ("340500", "340521", False),
        ("632800", "630000", False),
        ("650000", "660100", False),
        ("310000", "310115", True),
    ],
)
def test_a_code_ending_in_0000_pools_its_province(insured, treatment, expected):
    """The area is the own code, or the whole province prefix; 65 and 66 are two provinces."""
    assert expected is in_pooling_area(insured, treatment)


@given(REGIONS, REGIONS, st.sampled_from(["11", "13", "21"]))
def test_an_agreement_needs_both_sides_and_the_visit(insured, treatment, med_type):
    """An agreement frees exactly the listed pairs and visits from filing."""
    book = PolicyBook([OLD], [DELTA])

    both = insured[:2] in ("31", "34") and treatment[:2] in ("31", "34")
    freed = both and med_type == "11"
    assert freed is (book.agreement(insured, treatment, med_type) is not None)
    home = in_pooling_area(insured, treatment)
    assert (not freed and not home) is book.needs_filing(insured, treatment, med_type)


def test_provenance_is_that_of_the_nearest_recorded_path():
    """A number is traced by its own path, a section above it, or the policy's source."""
    policy = replace(
        OLD,
        source="S3",
        provenance={
            "inpatient": "illustrative: made up",
            "inpatient.ratio.3": "S3 doc",
            "outpatient.annual_cap@retired": "illustrative",
        },
    )

    assert "S3 doc" == policy.provenance_of("inpatient.ratio.3")
    assert policy.is_illustrative("inpatient.ratio.1")
    assert "S3" == policy.provenance_of("outpatient.annual_cap")
    assert policy.is_illustrative("outpatient.annual_cap@retired")


def test_regions_with_a_policy_are_listed_once_in_code_order():
    """Insured regions are those that have a policy."""
    assert ("310000", "320400") == PolicyBook([NEW, OLD, replace(OLD, region="310000")]).regions()
