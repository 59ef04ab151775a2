"""The outer document of a call and of its answer, to the letter of the national interface.

`open_call` reads as much of a request as it can: what is no JSON at all is refused by it, and
then there is no envelope to answer in. Everything else is found wrong later, piece by piece, and
answered inside an envelope. Source: interface (a).
"""

from __future__ import annotations

import re
from hashlib import sha256
from typing import Any

import msgspec

from yidi.broker.gateway.fields import Call, Field, optional, required, shape_of
from yidi.broker.gateway.inputs import BY_INFNO
from yidi.protocol.errors import DecodeError, ErrorCode, RemoteProtocolError
from yidi.protocol.identifiers import check_institution, check_message_id
from yidi.protocol.instants import Instant, local_stamp, parse_datetime
from yidi.protocol.json_scan import Shape, scan
from yidi.protocol.regions import check_region

ENVELOPE: tuple[Field, ...] = (
    required("infno", length=6),
    required("msgid", length=30),
    required("mdtrtarea_admvs", length=6),  # (sic): the others are spelt with admdvs
    optional("insuplc_admdvs", length=6),
    required("recer_sys_code", length=10),
    optional("dev_no", length=100),
    optional("dev_safe_info", length=2_000),
    optional("cainfo", length=1_024),
    optional("signtype", length=10),
    required("infver", length=6),
    required("opter_type", length=3),
    required("opter", length=30),
    required("opter_name", length=50),
    required("inf_time", length=19),
    required("fixmedins_code", length=30),
    required("fixmedins_name", length=200),
    optional("sign_no", length=30),
    optional("enc_type", length=10),
    optional("encType", length=10),
    optional("recer_admdvs", length=6),
)
"""Public parameters of a request, in the order of the specification."""

ERR_MSG_MAX = 200
SERIALS = 10**10
_OPERATORS = ("1", "2", "3")
_INFNO = re.compile(rb'"infno"\s*:\s*"?([0-9A-Za-z]{1,6})"?')
_AT = re.compile(r" - at `\$([^`]*)`")
_loose = msgspec.json.Decoder(dict[str, msgspec.Raw])


class Opened(msgspec.Struct, frozen=True, kw_only=True):
    """A request whose outer document could be read."""

    texts: dict[str, str]
    """The envelope's own fields that were sent."""
    call: Call | None
    """None where the transaction is not known."""
    input: bytes
    unknown: tuple[str, ...]
    """Paths of fields that nobody defined."""


class Answer(msgspec.Struct, kw_only=True, omit_defaults=False):
    """Public parameters of a response, in the order of the specification."""

    infcode: int
    """0 or -1."""
    inf_refmsgid: str
    refmsg_time: str
    respond_time: str
    err_msg: str = ""
    warn_msg: str = ""
    signtype: str = ""
    cainfo: str = ""
    output: dict[str, Any] = {}


def input_shape(call: Call | None) -> Shape | None:
    """The names that `input` may have; None takes any."""
    if call is None:
        return None
    nodes: Shape = {node.name: shape_of(node) for node in call.nodes}
    return {**nodes, **dict.fromkeys(call.ignored)}


def open_call(data: bytes, expected: str = "") -> Opened:
    """Read the outer document.

    Args:
        data: the request's body.
        expected: the transaction that the path names; empty where it names none.

    Raises:
        DecodeError: the body is no JSON object, or has a key twice; there is no envelope.
    """
    found = _INFNO.search(data)
    hint = expected or (found[1].decode() if found else "")
    scanned = scan(data, _shape(hint))
    try:
        pieces = _loose.decode(scanned.document)
    except msgspec.MsgspecError:
        raise DecodeError(ErrorCode.E_DECODE, want="a JSON object") from None
    infno = _plain(pieces.get("infno"))
    if infno != hint:
        scanned = scan(data, _shape(infno))
    texts = {field.name: _plain(pieces.get(field.name)) for field in ENVELOPE}
    return Opened(
        texts={name: text for name, text in texts.items() if text},
        call=BY_INFNO.get(infno),
        input=bytes(pieces.get("input", b"")),
        unknown=scanned.unknown,
    )


def check_envelope(opened: Opened, expected: str = "") -> Call:
    """Check the public parameters and return the transaction they name.

    Raises:
        RemoteProtocolError: with the national path in `at`.
    """
    texts = opened.texts
    for field in ENVELOPE:
        value = texts.get(field.name, "")
        if field.required and not value.strip():
            raise RemoteProtocolError(ErrorCode.E_MISSING_FIELD, at=f"$.{field.name}")
        if len(value) > field.length:
            raise DecodeError(ErrorCode.E_DECODE, at=f"$.{field.name}", limit=field.length)
    infno = texts["infno"]
    if expected and infno != expected:
        raise RemoteProtocolError(ErrorCode.E_CODE, at="$.infno", want=expected, got=infno)
    if opened.call is None:
        raise RemoteProtocolError(ErrorCode.E_INFNO_UNKNOWN, at="$.infno", got=infno)
    institution = check_institution(texts["fixmedins_code"], "$.fixmedins_code")
    if check_message_id(texts["msgid"], "$.msgid")[:12] != institution:
        want = "fixmedins_code in front"
        raise RemoteProtocolError(ErrorCode.E_KEY_FORMAT, at="$.msgid", want=want)
    check_region(texts["mdtrtarea_admvs"], "$.mdtrtarea_admvs")
    if opened.call.native:
        if opened.call.personal and "insuplc_admdvs" not in texts:
            raise RemoteProtocolError(ErrorCode.E_MISSING_FIELD, at="$.insuplc_admdvs")
        if "insuplc_admdvs" in texts:
            check_region(texts["insuplc_admdvs"], "$.insuplc_admdvs")
    parse_datetime(texts["inf_time"], "$.inf_time")
    if texts["opter_type"] not in _OPERATORS:
        raise RemoteProtocolError(ErrorCode.E_CODE, at="$.opter_type", want="1, 2 or 3")
    for name in ("enc_type", "encType"):
        if texts.get(name):
            raise RemoteProtocolError(ErrorCode.E_CODE, at=f"$.{name}", want="no encryption")
    return opened.call


def reference(texts: dict[str, str], content: bytes) -> str:
    """`inf_refmsgid`: receiver (6), yyyyMMddHHmmss, serial (10).

    It is made of the request alone, so that a repeat gets the same one although no gateway
    remembers it; time and serial belong to the request's message id.
    """
    msgid = texts.get("msgid", "")
    region = texts.get("mdtrtarea_admvs", "")
    serial = int.from_bytes(sha256(msgid.encode() + b"\n" + content).digest()[:8], "big") % SERIALS
    stamp = msgid[12:26] if len(msgid) == 30 and msgid[12:26].isdigit() else "0" * 14
    receiver = region if len(region) == 6 and region.isdigit() else "0" * 6
    return f"{receiver}{stamp}{serial:010d}"


def stamp_17(now: Instant) -> str:
    """`yyyyMMddHHmmssSSS`, as `refmsg_time` and `respond_time` have it."""
    return f"{local_stamp(now)}{now // 1_000 % 1_000:03d}"


def problem_text(error: RemoteProtocolError) -> str:
    """`err_msg`: code, sentence, place and facts, in at most 200 characters."""
    return error.text("zh")[:ERR_MSG_MAX]


def explained(error: msgspec.ValidationError, root: str) -> DecodeError:
    """msgspec's sentence as one of our errors, with a national path."""
    text = str(error)
    place = _AT.search(text)
    return DecodeError(ErrorCode.E_DECODE, at=root + (place[1] if place else ""),
                       got=_AT.sub("", text))  # fmt: skip


def _shape(infno: str) -> Shape:
    names: Shape = {field.name: None for field in ENVELOPE}
    return {**names, "input": input_shape(BY_INFNO.get(infno))}


def _plain(raw: msgspec.Raw | None) -> str:
    """A scalar of the outer document as text; what is none reads as missing."""
    if raw is None:
        return ""
    try:
        return msgspec.json.decode(raw, type=str | None) or ""
    except msgspec.ValidationError:
        return ""
