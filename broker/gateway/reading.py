"""From the `input` of a call to a body of ours, by the table of `inputs`.

How the text of a field is read follows from the native field it becomes: the same forms that
the JSON twin has (`protocol.national`). What the table cannot say, a few *fixes* do, each for
the transactions it is registered for. Nothing here remembers anything.
"""

# ruff: noqa: ARG001 - the fixes share one signature; not each needs all of it

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import msgspec

from yidi.broker.gateway.envelope import Opened, explained, reference
from yidi.broker.gateway.fields import Call, ExpContent, Field, Node, many_of, read_type
from yidi.broker.gateway.inputs import CALLS, FROM_ENVELOPE
from yidi.protocol import transactions as t
from yidi.protocol.bodies import body_type
from yidi.protocol.checks import IDENTITY_CARD
from yidi.protocol.codes import check_code
from yidi.protocol.errors import DecodeError, ErrorCode, RemoteProtocolError
from yidi.protocol.messages import FeeLine, FeeUploadRequest
from yidi.protocol.messages_institution import FILE_BYTES_MAX
from yidi.protocol.national import twin_of
from yidi.protocol.national_forms import DAY, INSTANT, MONTH, Form
from yidi.protocol.transactions import Kind

Texts = dict[str, str]
"""The fields of one node as they were sent; what was left out, null or empty is not here."""

SERIAL_DIGITS = 15
"""A line's serial of so many digits is its number; any other is hashed to a greater one."""
_HASHED = 2**52
_SERIALS = ("line_no", "line_nos")
_EVERY_LINE = "0000"
_COUNT_DIGITS = 12
_OLD_CERTIFICATES = {"1": "01"}
_FORMS = {
    # `er_flag`: examinations before a planned operation, and planned operations, are none.
    "emergency": {"2": "0", "3": "0"},
    # Chronic (慢病) and special (特病) diseases apart, and emergencies by another code.
    "med_type": {"140104": "14", "140201": "14", "1301": "13"},
}
"""Forms of a code that provinces use, and the national one. Source: interface (d)."""


class Read(msgspec.Struct, frozen=True, kw_only=True):
    """A request as the network takes it."""

    call: Call
    texts: dict[str, Texts]
    """Node name → its fields; of rows, those of the first."""
    body: msgspec.Struct | None = None
    """None where the gateway answers by itself."""
    upload: FeeUploadRequest | None = None
    """Fee lines that go before the body: a pharmacy's call carries both."""
    serials: dict[int, str] = {}
    """Line number → the institution's own serial."""


def read_input(opened: Opened, call: Call) -> Read:
    """Read the `input` of a request whose envelope was checked.

    Raises:
        RemoteProtocolError: `E_MISSING_FIELD`, `E_DECODE`, `E_AMOUNT`, `E_DATE`, `E_CODE`,
            with the national path in `at`.
    """
    nodes = _nodes_of(opened, call)
    texts = {name: dict(rows[0]) for name, rows in nodes.items()}
    if not call.native:
        for node in call.nodes:
            _check_required(node, nodes)
        return Read(call=call, texts=texts)
    native = body_type(call.infno, Kind.REQUEST)
    values: dict[str, Any] = dict(call.given)
    own = {field.name for field in msgspec.structs.fields(native)}
    for name in (*FROM_ENVELOPE,):
        if name in own:
            values[name] = opened.texts.get(FROM_ENVELOPE[name], "")
    serials: dict[int, str] = {}
    forms = _forms(native if "lines" not in own else FeeUploadRequest)
    for node in call.nodes:
        _check_required(node, nodes)
        if node.many:
            rows = nodes[node.name]
            values.update(_shared(node, rows, forms))
            lines = node.to == "lines"
            values[node.to] = _lines(node, rows, serials) if lines else _rows(native, node, rows)
        else:
            values.update(_values(node.fields, nodes[node.name][0], forms, f"$.input.{node.name}"))
    for fix in _FIXES.get(call.infno, ()):
        fix(values, texts, opened)
    upload = _sale(values, opened) if "lines" in values and "lines" not in own else None
    body = native(**{name: value for name, value in values.items() if name in own})
    return Read(call=call, texts=texts, body=body, upload=upload, serials=serials)


def serial_number(serial: str) -> int:
    """The line number of an institution's own serial: itself, or a hash above all of those."""
    if serial.isascii() and serial.isdigit() and serial[0] != "0" and len(serial) <= SERIAL_DIGITS:
        return int(serial)
    digest = sha256(serial.encode()).digest()
    return _HASHED + int.from_bytes(digest[:8], "big") % (_HASHED - 1)


def national_place(call: Call, at: str) -> str:
    """A path in native names (`$.lines[3].amount_fen`) as the client wrote it."""
    steps = at.removeprefix("$").lstrip(".").split(".")
    name, _, index = steps[0].partition("[")
    if not name:
        return at
    for node in call.nodes:
        if node.many and name == node.to:
            below = _name_of(node, steps[1]) if len(steps) > 1 else ""
            row = f"[{index}" if index else ""
            return f"$.input.{node.name}{row}" + (f".{below}" if below else "")
        found = _name_of(node, name)
        if found:
            return f"$.input.{node.name}.{found}"
    outer = FROM_ENVELOPE.get(name)
    return f"$.{outer}" if outer else at


def _name_of(node: Node, native: str) -> str:
    return next((one.name for one in node.fields if one.to == native), "")


# --- Decoding -----------------------------------------------------------------------------------


def _input_type(call: Call) -> Any:
    members: list[Any] = []
    for node in call.nodes:
        kind = read_type(f"Input{call.infno}{node.name}", node.fields)
        members.append((node.name, (many_of(kind, node.limit) if node.many else kind) | None, None))
    return msgspec.defstruct(f"Input{call.infno}", members, frozen=True)


_DECODERS = {call.infno: msgspec.json.Decoder(_input_type(call)) for call in CALLS}


def _nodes_of(opened: Opened, call: Call) -> dict[str, list[Texts]]:
    if not opened.input or opened.input == b"null":
        raise RemoteProtocolError(ErrorCode.E_MISSING_FIELD, at="$.input")
    try:
        read = _DECODERS[call.infno].decode(opened.input)
    except msgspec.ValidationError as error:
        raise explained(error, "$.input") from None
    nodes: dict[str, list[Texts]] = {}
    for node in call.nodes:
        value = getattr(read, node.name)
        if value is None:
            raise RemoteProtocolError(ErrorCode.E_MISSING_FIELD, at=f"$.input.{node.name}")
        nodes[node.name] = [_texts(row) for row in (value if node.many else [value])]
    return nodes


def _texts(row: msgspec.Struct) -> Texts:
    texts: Texts = {}
    for name in row.__struct_fields__:
        value = getattr(row, name)
        if isinstance(value, ExpContent):
            if value.er_flag:
                texts["er_flag"] = value.er_flag
        elif value:
            texts[name] = value
    return texts


def _check_required(node: Node, nodes: dict[str, list[Texts]]) -> None:
    for number, texts in enumerate(nodes[node.name]):
        for field in node.fields:
            if field.required and not texts.get(field.name, "").strip():
                row = f"[{number}]" if node.many else ""
                at = f"$.input.{node.name}{row}.{field.name}"
                raise RemoteProtocolError(ErrorCode.E_MISSING_FIELD, at=at)


# --- Values -------------------------------------------------------------------------------------


def _forms(native: type[msgspec.Struct]) -> dict[str, Form]:
    return {one.native: one.form for one in twin_of(native).fields if one.form is not None}


_LINE_FORMS = _forms(FeeLine)


def _values(
    fields: tuple[Field, ...], texts: Texts, forms: dict[str, Form], at: str
) -> dict[str, Any]:
    """The native values of the fields that were sent."""
    return {
        field.to: _value(field, texts[field.name], forms[field.to], f"{at}.{field.name}")
        for field in fields
        if field.to and field.name in texts
    }


def _value(field: Field, text: str, form: Form, at: str) -> Any:
    if field.to in _SERIALS:
        return serial_number(text)
    if field.to == "content":
        return _file(text, at)
    if form.is_count:
        return _count(text, at)
    text = _FORMS.get(field.to, {}).get(text, text)
    if form is INSTANT and len(text) == 10:
        text += " 00:00:00"
    if form is DAY:
        text = text[:10]
    if form is MONTH and len(text) == 6:
        text = f"{text[:4]}-{text[4:]}"
    return form.read(text, at)


def _count(text: str, at: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= _COUNT_DIGITS):
        raise DecodeError(ErrorCode.E_DECODE, at=at, want="a whole number", got=text[:64])
    return int(text)


def _file(text: str, at: str) -> bytes:
    """The content of a file: Base64, as clients write `byte[]`."""
    try:
        content = b64decode(text, validate=True)
    except ValueError:
        raise DecodeError(ErrorCode.E_DECODE, at=at, want="Base64") from None
    if len(content) > FILE_BYTES_MAX:
        raise DecodeError(ErrorCode.E_FRAME_TOO_LARGE, at=at, limit=FILE_BYTES_MAX)
    return content


def _shared(node: Node, rows: list[Texts], forms: dict[str, Form]) -> dict[str, Any]:
    """What every row repeats and the message says once."""
    shared = tuple(field for field in node.fields if field.shared)
    for number, row in enumerate(rows):
        for field in shared:
            if row.get(field.name) != rows[0].get(field.name):
                at = f"$.input.{node.name}[{number}].{field.name}"
                raise RemoteProtocolError(ErrorCode.E_CODE, at=at, want="the same in every row")
    return _values(shared, rows[0], forms, f"$.input.{node.name}[0]")


def _rows(native: type[msgspec.Struct], node: Node, rows: list[Texts]) -> list[Any]:
    """The rows of a node as the structs, or the single values, of the native list."""
    own = tuple(field for field in node.fields if field.to and not field.shared)
    target = next(one for one in twin_of(native).fields if one.native == node.to)
    found = []
    for number, row in enumerate(rows):
        at = f"$.input.{node.name}[{number}]"
        if target.twin is not None:
            kind = target.twin.native
            found.append(kind(**_values(own, row, _forms(kind), at)))
        else:
            assert target.form is not None
            (field,) = own
            found.append(_value(field, row[field.name], target.form, f"{at}.{field.name}"))
    return found


def _lines(node: Node, rows: list[Texts], serials: dict[int, str]) -> list[FeeLine]:
    own = tuple(field for field in node.fields if field.to and not field.shared)
    lines = []
    for number, row in enumerate(rows):
        line = FeeLine(**_values(own, row, _LINE_FORMS, f"$.input.{node.name}[{number}]"))
        serials[line.line_no] = row["feedetl_sn"]
        lines.append(line)
    return lines


# --- Fixes --------------------------------------------------------------------------------------

Fix = Callable[[dict[str, Any], dict[str, Texts], Opened], None]


def _certificate(values: dict[str, Any], texts: dict[str, Texts], opened: Opened) -> None:
    """1101: an identity card is its own number; a token or card is named beside one."""
    data = texts["data"]
    kind = check_code("mdtrt_cert_type", data["mdtrt_cert_type"], "$.input.data.mdtrt_cert_type")
    given = data["psn_cert_type"]
    check_code("psn_cert_type", _OLD_CERTIFICATES.get(given, given), "$.input.data.psn_cert_type")
    if kind == IDENTITY_CARD:
        if data.get("certno", data["mdtrt_cert_no"]) != data["mdtrt_cert_no"]:
            raise RemoteProtocolError(ErrorCode.E_PERSON_MISMATCH, at="$.input.data.certno")
        values["certificate_no"] = data["mdtrt_cert_no"]
    elif "certno" not in data and "psn_no" not in data:
        raise RemoteProtocolError(ErrorCode.E_MISSING_FIELD, at="$.input.data.certno")
    values.setdefault("person_no", "")


def _only_identity(values: dict[str, Any], texts: dict[str, Texts], opened: Opened) -> None:
    """A settlement passes an identity number on, and no token of another system."""
    node = next(iter(texts.values()))
    kind = check_code("mdtrt_cert_type", node["mdtrt_cert_type"], "$.input.data.mdtrt_cert_type")
    if kind != IDENTITY_CARD:
        values.pop("certificate_no", None)


def _chronic(values: dict[str, Any], texts: dict[str, Texts], opened: Opened) -> None:
    """2204: lines with a disease code belong to a chronic outpatient visit."""
    if values.get("disease"):
        values["med_type"] = "14"


def _interim(values: dict[str, Any], texts: dict[str, Texts], opened: Opened) -> None:
    """An interim settlement has a serial of its own."""
    data = texts["data"]
    check_code("flag", data["mid_setl_flag"], "$.input.data.mid_setl_flag")
    if data["mid_setl_flag"] == "1" and "chrg_bchno" not in data:
        raise RemoteProtocolError(ErrorCode.E_MISSING_FIELD, at="$.input.data.chrg_bchno")


def _withdrawn(values: dict[str, Any], texts: dict[str, Texts], opened: Opened) -> None:
    """2205, 2302: the serial 0000 stands for every line; a stay's batches are all open ones."""
    if serial_number(_EVERY_LINE) in values["line_nos"]:
        values["line_nos"] = []
    values["batches"] = [values["batches"]] if "batches" in values else []


def _month(values: dict[str, Any], texts: dict[str, Texts], opened: Opened) -> None:
    """3260 to 3262: year and month are fields of their own."""
    data = texts["data"]
    values["period"] = MONTH.read(
        f"{data['trt_year']}-{data['trt_month']}", "$.input.data.trt_month"
    )


def _confirmed(values: dict[str, Any], texts: dict[str, Texts], opened: Opened) -> None:
    """3261 is named by 3262 by the reference its answer has; it says how many rows it has."""
    if texts["data"]["totalrow"] != str(len(values["rows"])):
        at, got = "$.input.data.totalrow", texts["data"]["totalrow"][:12]
        raise RemoteProtocolError(ErrorCode.E_CODE, at=at, want=str(len(values["rows"])), got=got)
    values["reference"] = reference(opened.texts, sha256(opened.input).digest())


def _purchase(values: dict[str, Any], texts: dict[str, Texts], opened: Opened) -> None:
    """A pharmacy has no registration: each call is a visit, named after its message."""
    values["visit"] = opened.texts["msgid"]


def _sale(values: dict[str, Any], opened: Opened) -> FeeUploadRequest:
    return FeeUploadRequest(
        institution=opened.texts["fixmedins_code"],
        visit=values["visit"],
        batch=values["batch"],
        person_no=values["person_no"],
        insutype=values["insutype"],
        med_type=values["med_type"],
        lines=values["lines"],
        disease=values.get("disease", ""),
    )


_FIXES: dict[str, tuple[Fix, ...]] = {
    **dict.fromkeys(t.FEE_WITHDRAWALS, (_withdrawn,)),
    t.ALLOCATION_QUERY: (_month,),
    t.ALLOCATION_CONFIRMATION: (_month, _confirmed),
    t.ALLOCATION_ROLLBACK: (_month,),
    t.ELIGIBILITY: (_certificate,),
    t.OUTPATIENT_FEES: (_chronic,),
    t.OUTPATIENT_PRE_SETTLEMENT: (_only_identity,),
    t.OUTPATIENT_SETTLEMENT: (_only_identity,),
    t.INPATIENT_PRE_SETTLEMENT: (_only_identity, _interim),
    t.INPATIENT_SETTLEMENT: (_only_identity, _interim),
    t.PHARMACY_PRE_SETTLEMENT: (_only_identity, _purchase),
    t.PHARMACY_SETTLEMENT: (_only_identity, _purchase),
}
