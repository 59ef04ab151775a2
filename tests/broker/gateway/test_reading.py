"""From national documents to our bodies: the table, the forms, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.broker.gateway import net as n
from yidi.broker.gateway.envelope import check_envelope, open_call
from yidi.broker.gateway.inputs import BY_PATH, CALLS, FROM_ENVELOPE, Call
from yidi.broker.gateway.reading import Read, national_place, read_input, serial_number
from yidi.protocol.bodies import body_type
from yidi.protocol.errors import RemoteProtocolError
from yidi.protocol.messages import FeeLine, FeeUploadRequest, SettlementRequest
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


@pytest.mark.parametrize("call", NATIVE, ids=lambda call: call.infno)
def test_every_native_field_comes_from_somewhere(call: Call) -> None:
    """Each row's targets exist, and each required native field is filled."""
    native = body_type(call.infno, Kind.REQUEST)
    rows = {one.name for one in msgspec.structs.fields(FeeLine)}
    own = {one.name: one for one in msgspec.structs.fields(native)}
    made = {"visit"} if call.infno in ("2101", "2102") else {"certificate_no", "person_no"}
    found = {*call.given, *FROM_ENVELOPE, *made, "lines"}
    for node in call.nodes:
        for field in node.fields:
            assert not field.to or field.to in (rows if node.many else own) or field.shared
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
        ({"infno": "2203"}, "E_INFNO_UNKNOWN", "$.infno"),
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
