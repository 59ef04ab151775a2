"""Two forms of every type: what is written at a JSON edge is read back as it was."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.strategies import BODIES, bodies, body_of
from yidi.protocol import messages as m
from yidi.protocol import national
from yidi.protocol.errors import ErrorCode, RemoteProtocolError
from yidi.protocol.money import yuan

LINE = m.FeeLine(1, "XA01", 20_000, 6_250_000, 1_250)
UPLOAD = m.FeeUploadRequest(
    institution="H31010100001", visit="V1", batch="B1", person_no="P1", insutype="310",
    med_type="11", lines=[LINE],
)  # fmt: skip
RESULT = m.SettlementResult(
    institution="H31010100001", visit="V1", batch="B1", person_no="P1", insutype="390",
    psn_type="1501", med_type="21", settlement_id="S1", total_fen=100_000, in_scope_fen=90_000,
    deductible_fen=10_000, ratio_bp=6_500,
    funds=[m.FundPay("390101", 50_000), m.FundPay("390201", 1_000), m.FundPay("999997", 2)],
    fund_fen=51_002, account_fen=8_998, cash_fen=40_000, hospital_fen=0, balance_fen=5,
)  # fmt: skip


def read(document: dict | bytes, native=m.FeeUploadRequest, **options):
    """Read a document given as a dict or as bytes."""
    data = document if isinstance(document, bytes) else json.dumps(document).encode()
    return national.from_national(native, data, **options)


def written(body: msgspec.Struct) -> dict:
    """The JSON form of a body, as plain Python."""
    return json.loads(national.to_national(body))


@pytest.mark.parametrize("native", BODIES, ids=lambda native: native.__name__)
@settings(max_examples=25)
@given(data=st.data())
def test_every_body_reads_back_as_it_was_written(native, data):
    """from_national(to_national(x)) == x, for every type of the catalogue."""
    body = data.draw(body_of(native))

    assert (body, []) == national.from_national(native, national.to_national(body))


@given(bodies)
def test_numbers_may_come_bare_and_strings_quoted(body):
    """A document whose decimals and integers change places says the same."""

    def turned(value):
        if isinstance(value, dict):
            return {key: turned(one) for key, one in value.items()}
        if isinstance(value, list):
            return [turned(one) for one in value]
        return str(value) if type(value) is int else value

    assert (body, []) == read(turned(written(body)), type(body))


@given(st.integers(0, 10**11 - 1))
def test_a_bare_amount_is_read_to_the_fen(fen):
    """No amount passes through a float, whatever its size."""
    text = national.to_national(UPLOAD).replace(b'"12.50"', yuan(fen).encode())
    body, _ = national.from_national(m.FeeUploadRequest, text)

    assert fen == body.lines[0].amount_fen


@given(bodies)
def test_an_unknown_field_changes_nothing_and_is_named(body):
    """What nobody defined is ignored, and its path stands in the warnings."""
    document = {**written(body), "x": {"deep": [1, {}]}}

    assert (body, ["E_UNKNOWN_FIELD at=$.x"]) == read(document, type(body))
    with pytest.raises(RemoteProtocolError) as caught:
        read(document, type(body), strict=True)
    assert (ErrorCode.E_UNKNOWN_FIELD, "$.x") == (caught.value.code, caught.value.at)


@pytest.mark.parametrize("native", BODIES, ids=lambda native: native.__name__)
def test_no_name_at_the_edge_speaks_of_fen(native):
    """Amounts are yuan in JSON, so no twin's field ends in a native unit; names are unique."""
    names = [field.national for field in national.twin_of(native).fields]

    assert [] == [name for name in names if name.endswith(("_fen", "_bp", "_e4", "_e6"))]
    assert len(names) == len(set(names))


def test_a_settlement_is_written_with_national_names():
    """An amount is yuan with two decimals, a ratio has four, quantities four and six."""
    settlement, line = written(RESULT), written(UPLOAD)["feedetail"][0]

    assert ("1000.00", "0.6500") == (settlement["medfee_sumamt"], settlement["pool_prop_selfpay"])
    assert {"fund_pay_type": "390201", "fund_payamt": "10.00"} == settlement["setldetail"][1]
    assert ("2.0000", "6.250000") == (line["cnt"], line["pric"])
    assert "12.50" == line["det_item_fee_sumamt"]


def test_the_flat_view_names_each_fund():
    """The pool is hifp_pay, funds with a column have theirs, all others are oth_pay."""
    flat = national.national_fields(RESULT)

    assert ("500.00", "10.00", "0.02") == (flat["hifp_pay"], flat["hifmi_pay"], flat["oth_pay"])
    assert ("0.00", "0.00", "0.00") == (flat["hifob_pay"], flat["maf_pay"], flat["cvlserv_pay"])
    assert ("510.02", "489.98") == (flat["fund_pay_sumamt"], flat["psn_part_amt"])
    assert ("S1", "100.00", "0.05") == (flat["setl_id"], flat["act_pay_dedc"], flat["balc"])


@given(bodies)
def test_the_flat_view_holds_texts_only(body):
    """Whoever compares or exports it never meets a number, a flag or a list."""
    assert all(
        isinstance(name, str) and isinstance(value, str)
        for name, value in national.national_fields(body).items()
    )


@given(st.lists(st.tuples(st.sampled_from(["310101", "330101", "610101", "340100", "x"]),
                          st.integers(0, 10**9)), max_size=6))  # fmt: skip
def test_fund_columns_add_up(pays):
    """Whatever the funds, their columns sum to what they pay together."""
    columns = national.fund_columns([m.FundPay(fund, fen) for fund, fen in pays], "310")

    assert sum(fen for _, fen in pays) == sum(
        int(amount.replace(".", "")) for amount in columns.values()
    )


@pytest.mark.parametrize(
    ("native", "at", "path"),
    [
        (m.FeeUploadRequest, "$.lines[17]", "$.feedetail[17]"),
        (m.FeeUploadRequest, "$.lines[17].amount_fen", "$.feedetail[17].det_item_fee_sumamt"),
        (m.SettlementRequest, "$.certificate_no", "$.mdtrt_cert_no"),
        (m.SettlementRequest, "$", "$"),
        (m.FilingUpload, "$.filing.category", "$.out_appy.filing"),
    ],
)
def test_a_native_path_has_a_national_one(native, at, path):
    """A refusal that names a native field can be told to a client of the JSON form."""
    assert path == national.national_path(native, at)


def test_a_path_can_begin_inside_a_larger_document():
    """The gateway gives the place of the body, and errors name the whole path."""
    document = written(m.StatusQuery(person_no="P", visit="V"))
    del document["psn_no"]
    with pytest.raises(RemoteProtocolError) as caught:
        read(document, m.StatusQuery, root="$.input.data")

    assert "$.input.data.psn_no" == caught.value.at
