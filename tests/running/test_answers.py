from __future__ import annotations

import pytest

from yidi.protocol import messages as m
from yidi.protocol.envelope import Origin, Stamp, seal
from yidi.scenarios.library.cases import NATIONAL_FIELDS
from yidi.scenarios.running.answers import FUND_FIELDS, fields_of, same_value

RESULT = m.SettlementResult(
    institution="H31010100001", visit="V1", batch="1", person_no="P1", insutype="390",
    psn_type="1501", med_type="21", settlement_id="S1", total_fen=1_000_000,
    in_scope_fen=900_000, deductible_fen=80_000, ratio_bp=6_550,
    funds=[m.FundPay("390101", 500_000), m.FundPay("390201", 100_000), m.FundPay("999999", 7)],
    fund_fen=600_007, account_fen=10_000, cash_fen=389_993, hospital_fen=0, balance_fen=5,
    filing="referral",
)  # fmt: skip
ANSWERS = [
    RESULT,
    m.EligibilityResult(
        person_no="P1", name="甲", certificate_no="C", sex="1", birth="1980-01-01",
        insurances=[
            m.Insurance(insutype="310", psn_type="1101", status="1", balance_fen=1, insured="3")
        ],
        filings=[
            m.FilingView(
                filing_id="F1", category="long_stay", area="310000", valid_from="2026-01-01",
                valid_to="",
            )
        ],
        chronic=[], partition_key=1,
    ),
    m.BenefitCheckResult(person_no="P1", eligible=False, filing="", hindrances=["E_NO_FILING"]),
    m.FeeUploadResult(
        visit="V1", batch="1", count=1, total_fen=1, full_self_fen=0, over_limit_fen=0,
        prepay_fen=0, in_scope_fen=1,
    ),
    m.CancellationResult(
        settlement_id="S2", original_id="S1", total_fen=1, fund_fen=1, account_fen=0, cash_fen=0,
        balance_fen=0,
    ),
    m.ReversalResult(outcome="reversed", original_message_id="M1"),
    m.StatusResult(state="SETTLED"),
    m.FilingResult(filing_id="F1", status="effective", valid_from="2026-01-01", valid_to=""),
    m.Rejection(code="E_NO_FILING"),
    m.Accepted(reference="x"),
]  # fmt: skip


def envelope():
    """An answer on its way, stamped by the hub."""
    origin = Origin("2207", 1, "A", "M", "t", "i", "K1", "", "", 0, 0, 0, "")
    return seal("x", origin, b"", Stamp("2026-03-02", 1, "hub:100000"))


@pytest.mark.parametrize("body", ANSWERS, ids=lambda body: type(body).__name__)
def test_only_known_names_are_told(body):
    """Every field of an answer is one that a scenario may name, and every value is text."""
    fields = fields_of(envelope(), body)
    assert set(fields) <= set(NATIONAL_FIELDS)
    assert all(isinstance(value, str) for value in fields.values())
    assert (fields["key"], fields["day"]) == ("K1", "2026-03-02")


def test_funds_stand_under_their_names():
    """Pooled, serious-illness and unknown funds each come under their own field, in yuan."""
    fields = fields_of(envelope(), RESULT)
    assert fields["hifp_pay"] == "5000.00"
    assert fields["hifmi_pay"] == "1000.00"
    assert fields["oth_pay"] == "0.07"
    assert set(FUND_FIELDS) <= set(fields)
    assert (fields["pool_prop_selfpay"], fields["filing"]) == ("0.6550", "referral")


@pytest.mark.parametrize(
    ("wanted", "got", "same"),
    [("12.3", "12.30", True), ("12", "12.00", True), ("12.31", "12.30", False),
     ("SETTLED", "SETTLED", True), ("310", "310", True), ("", "0.00", False)],
)  # fmt: skip
def test_amounts_are_compared_as_amounts(wanted, got, same):
    """Two ways of writing one amount are equal; everything else is compared as text."""
    assert same_value(wanted, got) is same
