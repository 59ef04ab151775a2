"""What is told: cases refer to what exists, and expect what can be."""

from __future__ import annotations

import pytest

from tests.library.samples import TINY, accepted, refusal, replaced
from yidi.protocol.errors import ErrorCode

STEP = 'do = "pre_settlement"'
EXPECT = '[[expect]]\ncase = "visit-1"\noutcome = "SETTLED"'


@pytest.mark.parametrize(
    ("old", "new", "code", "at"),
    [
        ('person = "lin"', 'person = "lim"', ErrorCode.E_REFERENCE, "case[0].person"),
        ('= "H31010100001"\nat', '= "H31010100002"\nat', ErrorCode.E_REFERENCE,
         "case[0].institution"),
        (STEP, f'{STEP}\nfields = {{ original = "later" }}', ErrorCode.E_REFERENCE,
         "case[0].step[2].fields.original"),
        (STEP, f'{STEP}\nfields = {{ reason = "${{settlement.key}}" }}', ErrorCode.E_REFERENCE,
         "case[0].step[2].fields.reason"),
        (STEP, f'{STEP}\nfields = {{ reason = "${{eligibility.kay}}" }}', ErrorCode.E_REFERENCE,
         "case[0].step[2].fields.reason"),
        (STEP, f'{STEP}\nfields = {{ reason = "${{eligibility" }}', ErrorCode.E_REFERENCE,
         "case[0].step[2].fields.reason"),
        (STEP, 'do = "filing"', ErrorCode.E_MISSING_KEY, "case[0].step[2].fields"),
        (STEP, f'{STEP}\nfields = {{ med_type = "99" }}', ErrorCode.E_CODE,
         "case[0].step[2].fields.med_type"),
        (STEP, f'{STEP}\nfields = {{ day = "soon" }}', ErrorCode.E_DATE,
         "case[0].step[2].fields.day"),
        (STEP, f'{STEP}\nfields = {{ area = "1" }}', ErrorCode.E_REGION,
         "case[0].step[2].fields.area"),
        (STEP, f'{STEP}\nfields = {{ amount = "1.234" }}', ErrorCode.E_AMOUNT,
         "case[0].step[2].fields.amount"),
        (STEP, f'{STEP}\nexpect = {{ code = "E_NO_FILLING" }}', ErrorCode.E_CODE,
         "case[0].step[2].expect.code"),
        ("${pre.psn_cash_pay}", "${settlement.psn_cash_pay}", ErrorCode.E_REFERENCE,
         "case[0].step[3].expect.psn_cash_pay"),
    ],
)  # fmt: skip
def test_each_slip_of_a_case_has_its_code_and_key(old, new, code, at):
    """References look backwards only."""
    error = refusal(replaced(old, new))

    assert (code, at) == (error.code, error.at.split(":")[2])


@pytest.mark.parametrize(
    ("expect", "code"),
    [
        ('outcome = "SETTLED"', ErrorCode.E_EXPRESSION),
        ('case = "visit-1"', ErrorCode.E_EXPRESSION),
        ('case = "visit-2"\ncount = 1', ErrorCode.E_REFERENCE),
        ('case = "visit-1"\noutcome = "SETLED"', ErrorCode.E_CODE),
        ('case = "visit-1"\ncode = "E_X"', ErrorCode.E_CODE),
        ('case = "visit-1"\nfields = { fund = "1" }', ErrorCode.E_UNKNOWN_KEY),
        ('filter = { insured = "310000" }\ncount = 1', ErrorCode.E_REGION_REF),
        ('filter = { state = "DONE" }\ncount = 1', ErrorCode.E_CODE),
        ("filter = {}\ncount = -1", ErrorCode.E_RANGE),
    ],
)
def test_each_slip_of_an_expectation_has_its_code(expect, code):
    """An expectation says of whom, and what."""
    assert code == refusal(replaced(EXPECT, f"[[expect]]\n{expect}")).code


def test_a_visit_at_home_is_not_remote():
    """Person and institution lie in different regions."""
    both = replaced('roles = ["treatment"]', 'roles = ["treatment", "insured"]')
    error = refusal(replaced('region = "340600"\nins', 'region = "310000"\nins', both))

    assert ErrorCode.E_REGION_REF == error.code


def test_a_case_without_steps_is_no_case():
    """E_EVENT where nothing happens."""
    empty = '[[case]]\nid = "idle"\nperson = "lin"\ninstitution = "H31010100001"\n'

    assert ErrorCode.E_EVENT == refusal(replaced("[[expect]]", f"{empty}[[expect]]")).code


def test_values_of_earlier_steps_are_carried():
    """The tiny scenario refers to its own pre-settlement."""
    expect = accepted(TINY).case[0].step[3].expect

    assert "${pre.psn_cash_pay}" == expect.fields["psn_cash_pay"]
