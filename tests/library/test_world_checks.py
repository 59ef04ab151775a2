"""The world: what a scenario says of itself, its regions, links, institutions and persons."""

from __future__ import annotations

import pytest

from tests.library.samples import TINY, accepted, refusal, replaced
from yidi.protocol.errors import ErrorCode


@pytest.mark.parametrize(
    ("old", "new", "code", "at"),
    [
        ('name = "tiny"', 'name = "Tiny Month"', ErrorCode.E_NAME, "name"),
        ('tags = ["test"]', 'tags = ["Te st"]', ErrorCode.E_NAME, "tags[0]"),
        ('["BEN-03"]', '["ben3"]', ErrorCode.E_NAME, "requirements[0]"),
        ('"2026-03-02"', '"2026-02-30"', ErrorCode.E_DATE, "start"),
        ("seed = 7", "exchanges = []", ErrorCode.E_REFERENCE, "exchanges"),
        ("seed = 7", 'exchanges = ["nation"]', ErrorCode.E_CODE, "exchanges[0]"),
        ('code = "310000"', 'code = "31000"', ErrorCode.E_REGION, "region[1].code"),
        ('roles = ["insured"]', "roles = []", ErrorCode.E_RANGE, "region[0].roles"),
        ("1967300", "-1", ErrorCode.E_RANGE, "region[0].population"),
        ('bank = "5', 'clock_skew = "-2d"\nbank = "5', ErrorCode.E_RANGE, "region[0].clock_skew"),
        ('p90 = "25ms"', 'p90 = "5ms"', ErrorCode.E_RANGE, "link[0].latency"),
        ('max = "300ms"', 'max = "2h"', ErrorCode.E_RANGE, "link[0].latency"),
        ('from = "hub:*"', 'from = "hob:*"', ErrorCode.E_REFERENCE, "link[0].from"),
        ('from = "hub:*"', 'from = "hub:"', ErrorCode.E_REFERENCE, "link[0].from"),
        ('code = "H31010100001"', 'code = "X1"', ErrorCode.E_NAME, "institution[0].code"),
        ('level = "3"', 'level = "4"', ErrorCode.E_CODE, "institution[0].level"),
        ('level = "3"', 'opened = ["98"]', ErrorCode.E_CODE, "institution[0].opened[0]"),
        ('insutype = "310"', 'insutype = "311"', ErrorCode.E_CODE, "person[0].insutype"),
        ('psn_type = "1101"', 'psn_type = "9"', ErrorCode.E_CODE, "person[0].psn_type"),
        ('"1980-05-01"', '"1980-13-01"', ErrorCode.E_DATE, "person[0].birth"),
        ('sex = "female"', 'chronic = ["M1"]', ErrorCode.E_CODE, "person[0].chronic[0]"),
        ('id = "lin"', 'id = "Lin Da"', ErrorCode.E_NAME, "person[0].id"),
        ('area = "310000"', 'area = "31"', ErrorCode.E_REGION, "person[0].filings[0].area"),
        ('"2026-01-01" }', '"2026-01-01", to = "2025-01-01" }', ErrorCode.E_RANGE,
         "person[0].filings[0].to"),
    ],
)  # fmt: skip
def test_each_slip_has_its_code_and_key(old, new, code, at):
    """The first slip in the order of the file is named."""
    error = refusal(replaced(old, new))

    assert (code, at) == (error.code, error.at.split(":")[2])


@pytest.mark.parametrize("array", ["person", "institution"])
def test_nothing_is_defined_twice(array):
    """A second person or institution of the same id is refused."""
    start = TINY.index(f"[[{array}]]")
    table = TINY[start : TINY.index("\n\n", start) + 2]
    error = refusal(TINY.replace(table, table * 2))

    assert ErrorCode.E_REFERENCE == error.code
    assert error.at.split(":")[2].startswith(f"{array}[1].")


def test_every_shape_of_address_may_be_linked():
    """Anybody, any hub, one region, any institution."""
    for pattern in ("*", "hub:yrd", "treatment:310000", "insured:34*", "institution:*"):
        assert accepted(replaced('from = "hub:*"', f'from = "{pattern}"'))
