"""From national documents to our bodies: the table, the forms, and what is refused."""

from __future__ import annotations

import base64
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.broker.gateway import net as n
from yidi.broker.gateway.envelope import check_envelope, open_call
from yidi.broker.gateway.fields import Call, Node
from yidi.broker.gateway.inputs import BY_PATH, CALLS, FROM_ENVELOPE
from yidi.broker.gateway.reading import Read, national_place, read_input, serial_number
from yidi.protocol.bodies import body_type
from yidi.protocol.errors import RemoteProtocolError
from yidi.protocol.messages import FeeLine, FeeUploadRequest, SettlementRequest
from yidi.protocol.messages_institution import FILE_BYTES_MAX
from yidi.protocol.national import twin_of
from yidi.protocol.transactions import Kind

NATIVE = [call for call in CALLS if call.native]


def read(document: dict[str, Any]) -> Read:
    """A request's document, read as the gateway reads it."""
    opened = open_call(json.dumps(document).encode())
    return read_input(opened, check_envelope(opened))


def refusal(document: dict[str, Any]) -> tuple[str, str]:
    """Code and place of what is wrong with a document."""
    with pytest.raises(RemoteProtocolError) as caught:
        read(document)
    return caught.value.code, caught.value.at


def row(**changes: Any) -> dict[str, Any]:
    """One row of a stay's fees."""
    return {
        "feedetl_sn": "20260302-0001", "mdtrt_id": "ZY1", "psn_no": "1", "med_type": "21",
        "fee_ocur_time": "2026-03-02 09:00:00", "med_list_codg": "XA01", "cnt": 2,
        "medins_list_codg": "L1", "det_item_fee_sumamt": "31.00", "pric": 15.5, **changes,
    }  # fmt: skip


MADE = {infno: {"period", "reference"} for infno in ("3260", "3261", "3262")}
"""What a fix makes of fields that go nowhere by themselves."""


def row_fields(native: type[msgspec.Struct], node: Node) -> set[str]:
    """What the fields of a node's rows may become."""
    if node.to == "lines":
        return {one.name for one in msgspec.structs.fields(FeeLine)}
    twin = next(one.twin for one in twin_of(native).fields if one.native == node.to)
    return {one.native for one in twin.fields} if twin else {node.to}


@pytest.mark.parametrize("call", NATIVE, ids=lambda call: call.infno)
def test_every_native_field_comes_from_somewhere(call: Call) -> None:
    """Each row's targets exist, and each required native field is filled."""
    native = body_type(call.infno, Kind.REQUEST)
    own = {one.name: one for one in msgspec.structs.fields(native)}
    made = {"visit"} if call.infno in ("2101", "2102") else {"certificate_no", "person_no"}
    found = {*call.given, *FROM_ENVELOPE, *made, *MADE.get(call.infno, ()), "lines"}
    for node in call.nodes:
        targets = row_fields(native, node) if node.many else own
        found |= {node.to} if node.many else set()
        for field in node.fields:
            assert not field.to or field.to in targets or field.shared
            found.add(field.to)

    assert not [name for name, one in own.items() if one.required and name not in found]


def test_paths_are_unique() -> None:
    """A path names one transaction."""
    assert len(BY_PATH) == len([call for call in CALLS if call.path])


@given(st.lists(st.text(st.characters(codec="ascii"), min_size=1, max_size=30), unique=True))
def test_serials_of_lines_stay_apart(serials: list[str]) -> None:
    """An institution's own serials become different line numbers, always the same ones."""
    numbers = [serial_number(serial) for serial in serials]

    assert len(set(numbers)) == len(serials)
    assert all(1 <= number < 2**53 for number in numbers)
    assert numbers == [serial_number(serial) for serial in serials]


@given(st.integers(1, 10**15 - 1))
def test_a_plain_serial_is_its_own_number(number: int) -> None:
    """What is a number already is not hashed."""
    assert number == serial_number(str(number))


@pytest.mark.parametrize("amount", ["31", "31.00", 31, 31.0])
def test_numbers_may_be_strings_or_numbers(amount: Any) -> None:
    """Both occur in the field."""
    body = read(n.call("2301", input={"feedetail": [row(det_item_fee_sumamt=amount)]})).body

    assert isinstance(body, FeeUploadRequest)
    line = body.lines[0]
    assert (3_100, 20_000, 15_500_000) == (line.amount_fen, line.count_e4, line.price_e6)


@pytest.mark.parametrize(
    ("changes", "code", "at"),
    [
        ({"det_item_fee_sumamt": "1.005"}, "E_AMOUNT", "det_item_fee_sumamt"),
        ({"det_item_fee_sumamt": -1}, "E_AMOUNT", "det_item_fee_sumamt"),
        ({"cnt": "-2"}, "E_AMOUNT", "cnt"),
        ({"pric": None}, "E_MISSING_FIELD", "pric"),
        ({"med_list_codg": ""}, "E_MISSING_FIELD", "med_list_codg"),
        ({"mdtrt_id": "ZY2"}, "E_CODE", "mdtrt_id"),
        ({"pric": {}}, "E_DECODE", "pric"),
        ({"feedetl_sn": "x" * 31}, "E_DECODE", "feedetl_sn"),
    ],
)
def test_what_is_wrong_is_named_by_its_national_path(
    changes: dict[str, Any], code: str, at: str
) -> None:
    """The second row is wrong, and the place says so."""
    rows = [row(), row(**{"feedetl_sn": "2", **changes})]
    found = refusal(n.call("2301", input={"feedetail": rows}))

    assert code == found[0]
    assert found[1].replace("[...]", "[1]") == f"$.input.feedetail[1].{at}"


@pytest.mark.parametrize(
    ("changes", "code", "at"),
    [
        ({"infno": "2206A"}, "E_INFNO_UNKNOWN", "$.infno"),
        ({"insuplc_admdvs": None}, "E_MISSING_FIELD", "$.insuplc_admdvs"),
        ({"mdtrtarea_admvs": "31"}, "E_REGION", "$.mdtrtarea_admvs"),
        ({"inf_time": "yesterday"}, "E_DATE", "$.inf_time"),
        ({"opter_type": "9"}, "E_CODE", "$.opter_type"),
        ({"fixmedins_code": "X1"}, "E_KEY_FORMAT", "$.fixmedins_code"),
        ({"enc_type": "SM4"}, "E_CODE", "$.enc_type"),
        ({"input": None}, "E_MISSING_FIELD", "$.input"),
        ({"input": {}}, "E_MISSING_FIELD", "$.input.data"),
        ({"input": "{}"}, "E_DECODE", "$.input"),
    ],
)
def test_public_parameters_are_checked(changes: dict[str, Any], code: str, at: str) -> None:
    """Each with its code and place."""
    assert (code, at) == refusal(n.call(**changes))


def test_old_certificate_codes_and_null_fields_are_taken() -> None:
    """`1` is `01`; null and empty mean that nothing was said."""
    data = {
        "mdtrt_cert_type": "02", "mdtrt_cert_no": "997483198005015987", "psn_cert_type": 1,
        "certno": "", "psn_name": None,
    }  # fmt: skip
    body = read(n.call(input={"data": data})).body

    assert "997483198005015987" == body.certificate_no  # type: ignore[union-attr]


def test_a_stay_leaves_to_the_region_what_it_knows() -> None:
    """2304 names visit, person and total; kind, begin and end are empty."""
    data = {
        "psn_no": "1", "mdtrt_cert_type": "01", "mdtrt_cert_no": "token", "medfee_sumamt": 31,
        "psn_setlway": "01", "mdtrt_id": "ZY1", "insutype": "310", "mid_setl_flag": "0",
    }  # fmt: skip
    body = read(n.call("2304", input={"data": data})).body

    assert isinstance(body, SettlementRequest)
    assert ("0", "", 0, 0, "") == (
        body.batch, body.med_type, body.begin, body.end, body.certificate_no,
    )  # fmt: skip


def test_unknown_fields_are_named() -> None:
    """In the envelope and below; what the specification has is not."""
    document = n.call(state="SETTLED")
    document["input"]["data"] |= {"day": "2026-01-01", "card_sn": "1"}

    assert ("$.input.data.day", "$.state") == tuple(
        sorted(open_call(json.dumps(document).encode()).unknown)
    )


def test_native_places_are_translated() -> None:
    """A region's refusal names the field as the client wrote it."""
    fees = next(call for call in CALLS if call.infno == "2301")

    assert "$.input.feedetail[3].det_item_fee_sumamt" == national_place(
        fees, "$.lines[3].amount_fen"
    )
    assert ("$", "$.fixmedins_code") == (
        national_place(fees, "$"), national_place(fees, "$.institution"),
    )  # fmt: skip


def test_diagnoses_are_rows_of_their_own() -> None:
    """2203A: `diseinfo` beside `mdtrtinfo`; numbers and flags as texts or numbers."""
    info = {"mdtrt_id": "MZ1", "psn_no": "1", "med_type": 14, "begntime": "2026-03-02 09:00:00",
            "dise_codg": "M03900"}  # fmt: skip
    disease = {"diag_type": "1", "diag_srt_no": 2, "diag_code": "I10.x00", "diag_name": "高血压",
               "vali_flag": "1"}  # fmt: skip
    body = read(n.call("2203A", input={"mdtrtinfo": info, "diseinfo": [disease]})).body
    wrong = {"mdtrtinfo": info, "diseinfo": [{**disease, "diag_srt_no": "x"}]}

    assert ("14", "M03900") == (body.med_type, body.disease)
    assert [("I10.x00", 2, True)] == [(one.code, one.order, one.valid) for one in body.diagnoses]
    at = "$.input.diseinfo[0].diag_srt_no"
    assert ("E_DECODE", at) == refusal(n.call("2203A", input=wrong))


@pytest.mark.parametrize("code", ["140104", "140201"])
def test_local_kinds_of_chronic_visits_are_the_national_one(code: str) -> None:
    """慢病 and 特病 apart, as some provinces have them."""
    info = {"mdtrt_id": "MZ1", "psn_no": "1", "med_type": code, "begntime": "2026-03-02 09:00:00"}
    disease = {"diag_type": "1", "diag_srt_no": 1, "diag_code": "I10", "diag_name": "高血压",
               "vali_flag": "1"}  # fmt: skip

    assert (
        "14" == read(n.call("2203", input={"mdtrtinfo": info, "diseinfo": [disease]})).body.med_type
    )


def test_a_withdrawal_names_lines_or_all_of_them() -> None:
    """2205 has a batch; 2302 has none, and `0000` is every line."""
    rows = [{"feedetl_sn": sn, "mdtrt_id": "M", "psn_no": "1"} for sn in ("7", "x-8")]
    some = read(n.call("2302", input={"data": rows})).body
    every = read(n.call("2302", input={"data": [{**rows[0], "feedetl_sn": "0000"}]})).body
    batch = read(n.call("2205", input={"data": [{**rows[0], "chrg_bchno": "B1"}]})).body

    assert ([7, serial_number("x-8")], []) == (some.line_nos, some.batches)
    assert ([], []) == (every.line_nos, every.batches)
    assert ([7], ["B1"]) == (batch.line_nos, batch.batches)


def statement(**changes: Any) -> dict[str, Any]:
    """The fields of 3201."""
    return {
        "insutype": "310", "clr_type": "11", "setl_optins": "310000", "stmt_begndate": "2026-03-01",
        "stmt_enddate": "2026-03-31", "medfee_sumamt": "-1.50", "fund_pay_sumamt": 0,
        "acct_pay": 0, "fixmedins_setl_cnt": 2, **changes,
    }  # fmt: skip


def test_a_statement_is_about_no_person() -> None:
    """3201 needs no insured region; sums may be negative, refunds count unless the flag is 0."""
    document = n.call("3201", insuplc_admdvs=None, input={"data": statement()})
    flagged = n.call("3201", input={"data": statement(refd_setl_flag=0)})

    body = read(document).body
    assert (-150, 2, True) == (body.total_fen, body.count, body.refunds)
    assert not read(flagged).body.refunds


def test_a_month_is_one_field_or_two() -> None:
    """`yyyyMM` in 3203 and 5206, year and month in 3260."""
    cumulated = read(n.call("5206", input={"data": {"psn_no": "1", "cum_ym": "202603"}})).body
    month = {"trt_year": 2026, "trt_month": "03", "startrow": 1}
    assert ("2026-03", "2026-03") == (
        cumulated.period, read(n.call("3260", input={"data": month})).body.period,
    )  # fmt: skip
    wrong = refusal(n.call("3260", input={"data": {**month, "trt_month": 13}}))
    assert ("E_DATE", "$.input.data.trt_month") == wrong


def test_a_file_is_base64_and_bounded() -> None:
    """9101: whatever is no Base64, or too long, is refused at its place."""

    def sent(content: bytes) -> dict[str, Any]:
        text = base64.b64encode(content).decode()
        return n.call("9101", input={"fsUploadIn": {"in": text, "filename": "a.zip"}})

    broken = n.call("9101", input={"fsUploadIn": {"in": "***", "filename": "a.zip"}})
    assert b"abc" == read(sent(b"abc")).body.content
    at = "$.input.fsUploadIn.in"
    assert ("E_DECODE", at) == refusal(broken)
    assert ("E_FRAME_TOO_LARGE", at) == refusal(sent(b"x" * (FILE_BYTES_MAX + 1)))


def test_a_confirmation_counts_its_rows_and_is_named_by_its_reference() -> None:
    """3261: `totalrow` is checked; 3262 will name the `inf_refmsgid` of its answer."""
    row = {"setl_sn": "A1", "mdtrt_id": "M", "mdtrt_setl_time": "2026-03-02 10:00:00",
           "medfee_sumamt": "1.00", "optins_pay_sumamt": "0.50", "cnfm_flag": "0"}  # fmt: skip
    data = {"trt_year": "2026", "trt_month": "03", "totalrow": 1}
    body = read(n.call("3261", input={"data": data, "detail": [row]})).body
    more = {"data": {**data, "totalrow": 2}, "detail": [row]}

    assert ("2026-03-02", 50, False) == (
        body.rows[0].day, body.rows[0].fund_fen, body.rows[0].included,
    )  # fmt: skip
    assert 30 == len(body.reference)
    assert ("E_CODE", "$.input.data.totalrow") == refusal(n.call("3261", input=more))
