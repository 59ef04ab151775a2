"""A message as a document: what somebody's own node is sent, and what it answers.

The document is the national one, to the letter: a request is the envelope of `callService` with
the body under `input`, an answer has `infcode`, `err_msg` and the body under `output`. Fields
have their national names and amounts are yuan as strings (`protocol.national`). Scalar fields
stand in one node, lists beside it. What the national envelope has no place for (who speaks to
whom, the case key, the accounting day) are the `Facts`: HTTP headers, or the member `yidi` of a
document that a broker carries.

An answer is read leniently where the request already says it (visit, person, batch) and strictly
where it does not (amounts). Nothing here remembers anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from yidi.protocol import messages as m
from yidi.protocol import transactions as t
from yidi.protocol.bodies import body_type, open_body
from yidi.protocol.codec import check_depth, encode
from yidi.protocol.codes import pool_fund
from yidi.protocol.envelope import Envelope, Origin
from yidi.protocol.errors import DecodeError, ErrorCode, RemoteProtocolError
from yidi.protocol.extras import extras_of
from yidi.protocol.identifiers import check_message_id
from yidi.protocol.instants import Instant, local_text
from yidi.protocol.json_scan import scan
from yidi.protocol.money import yuan
from yidi.protocol.national import from_national, to_twin, twin_of
from yidi.protocol.regions import check_region
from yidi.protocol.transactions import Kind

JSON, MSGPACK = "application/json", "application/msgpack"
HANDSHAKE = "init"
"""Stands in `infno`: the first request that an own node gets."""
FACTS = "yidi"
"""The member of a document that holds what the national envelope has no place for."""
SYSTEM = "YIDI"
"""`recer_sys_code` of what we send."""
VERSION = "V1.0"
MEMBERS_MAX = 200

_json = msgspec.json.Encoder()
_NODE_OF_INPUT = "data"
SETTLING = t.PRE_SETTLEMENTS | t.SETTLEMENTS | t.CANCELLATIONS
"""Transactions whose answers stand in the node `setlinfo`."""
_CODE = ErrorCode.__members__

Document = dict[str, Any]


class Facts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a document says beside the national envelope."""

    sender: str = ""
    recipient: str = ""
    correlation_id: str = ""
    """Message id of the request that an answer belongs to."""
    case_key: str = ""
    """Key of the settlement unit's attempt: an effect happens once per key."""
    day: str = ""
    """Accounting day that the hub stamped."""
    deadline: str = ""
    """Until when the sender waits, `yyyy-MM-dd HH:mm:ss`."""
    partition_key: int = 0
    trace_id: str = ""
    sequence: int = 0
    """Level 1: of this document on this directed link; 1, 2, 3 …"""
    watermark: int = 0
    """Level 1: highest sequence that the sender has stored, in order, of the other direction."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """An answer that could be read."""

    kind: Kind
    body: msgspec.Struct
    message_id: str
    """`inf_refmsgid`, where it has the form of one; else empty."""
    warnings: tuple[str, ...] = ()
    """Fields that nobody defined."""


# --- Writing --------------------------------------------------------------------------------------


def facts_of(envelope: Envelope) -> Facts:
    """The facts of a message; sequence and watermark belong to its carrier."""
    origin, stamp = envelope.origin, envelope.stamp
    return Facts(
        sender=origin.sender,
        recipient=origin.recipient,
        correlation_id=origin.correlation_id,
        case_key=origin.case_key,
        day=stamp.day if stamp is not None else "",
        deadline=local_text(Instant(origin.deadline)) if origin.deadline else "",
        partition_key=origin.partition_key,
        trace_id=origin.trace_id,
    )


def request_document(envelope: Envelope) -> Document:
    """A request as the national envelope with its `input`.

    Raises:
        DecodeError: the body is none of its transaction.
    """
    origin = envelope.origin
    body = open_body(envelope)
    institution = str(getattr(body, "institution", "")) or origin.message_id[:12]
    fields = nodes_of(body, _NODE_OF_INPUT)
    for name, value in extras_of(envelope.body, origin.transaction).items():
        # Deliberate mistakes: a field that nobody defined, or one that is left out.
        if value is None:
            fields[_NODE_OF_INPUT].pop(name, None)
        else:
            fields[_NODE_OF_INPUT][name] = value
    return {
        **public_parameters(origin.transaction, origin.message_id, Instant(origin.created_at)),
        "mdtrtarea_admvs": origin.treatment,
        "insuplc_admdvs": origin.insured,
        "recer_admdvs": origin.recipient.partition(":")[2],
        "fixmedins_code": institution,
        "fixmedins_name": institution,
        "input": fields,
    }


def public_parameters(infno: str, message_id: str, now: Instant) -> Document:
    """The public parameters of a request of ours, in the order of the specification."""
    return {
        "infno": infno,
        "msgid": message_id,
        "mdtrtarea_admvs": "",
        "insuplc_admdvs": "",
        "recer_sys_code": SYSTEM,
        "dev_no": "",
        "dev_safe_info": "",
        "cainfo": "",
        "signtype": "",
        "infver": VERSION,
        "opter_type": "1",
        "opter": "yidi",
        "opter_name": "yidi",
        "inf_time": local_text(now),
        "fixmedins_code": "",
        "fixmedins_name": "",
        "sign_no": "",
    }


def answer_document(envelope: Envelope) -> Document:
    """An answer to a request of an own node, in the national form."""
    origin = envelope.origin
    body = open_body(envelope)
    refused = isinstance(body, m.Rejection)
    node = "setlinfo" if origin.transaction in SETTLING else _NODE_OF_INPUT
    stamp = local_text(Instant(origin.created_at))
    return {
        "infcode": -1 if refused else 0,
        "inf_refmsgid": origin.message_id,
        "refmsg_time": stamp,
        "respond_time": stamp,
        "err_msg": " ".join(filter(None, (body.code, body.facts)))
        if isinstance(body, m.Rejection)
        else "",
        "output": {} if refused else nodes_of(body, node),
    }


def nodes_of(body: msgspec.Struct, node: str) -> Document:
    """A body under its node: scalars in one object, lists of objects beside it."""
    flat: Document = msgspec.to_builtins(to_twin(body))
    lists = {name: value for name, value in flat.items() if isinstance(value, list | dict)}
    return {node: {k: v for k, v in flat.items() if k not in lists}, **lists}


def write_document(document: Document, facts: Facts | None, form: str = "json") -> bytes:
    """A document's bytes; `facts` None leaves the member `yidi` out, for a carrier with headers."""
    whole = {**document, FACTS: msgspec.to_builtins(facts)} if facts is not None else document
    return encode(whole) if form == "msgpack" else _json.encode(whole)


# --- Reading --------------------------------------------------------------------------------------


def read_document(data: bytes, content_type: str = "") -> Document:
    """The members of a document; numbers of a JSON document are texts, digit by digit.

    A document that does not say what it is, is JSON when it begins with a brace.

    Raises:
        RemoteProtocolError: no object, too large, nested too deeply, a key twice.
    """
    kind = content_type.partition(";")[0].strip().lower()
    packed = kind == MSGPACK or (kind != JSON and data.lstrip()[:1] != b"{")
    if data and packed:
        check_depth(data)
        try:
            data = _json.encode(msgspec.msgpack.decode(data, type=dict[str, Any]))
        except (msgspec.MsgspecError, ValueError, RecursionError, OverflowError, TypeError):
            raise DecodeError(ErrorCode.E_DECODE, want="JSON or MessagePack") from None
    scanned = scan(data, None)
    try:
        document: Document = msgspec.json.decode(scanned.document, type=dict[str, Any])
    except msgspec.MsgspecError:
        raise DecodeError(ErrorCode.E_DECODE, want="a JSON object") from None
    if len(document) > MEMBERS_MAX:
        raise DecodeError(ErrorCode.E_TOO_MANY_ITEMS, limit=MEMBERS_MAX)
    return document


def read_facts(document: Mapping[str, Any]) -> Facts:
    """The facts that a document carries, and none where it carries none.

    Raises:
        DecodeError: `E_DECODE` for facts of another form.
    """
    given = document.get(FACTS)
    if given is None:
        return Facts()
    try:
        return msgspec.convert(given, Facts, strict=False)
    except msgspec.ValidationError as error:
        raise DecodeError(ErrorCode.E_DECODE, at=f"$.{FACTS}", got=str(error)) from None


def is_bare(document: Mapping[str, Any]) -> bool:
    """Whether a document carries facts alone: a watermark that had nothing to travel with."""
    return "infno" not in document and "infcode" not in document and FACTS in document


def read_request(document: Mapping[str, Any], facts: Facts, sender: str, now: Instant) -> Envelope:
    """A request that an own node sends of itself.

    Args:
        document: with `infno`.
        facts: whom it is for, and about which case, where it says so.
        sender: address of the own node.
        now: the network's clock.

    Raises:
        RemoteProtocolError: as `read_answer`, and `E_INFNO_UNKNOWN`, `E_KEY_FORMAT`, `E_REGION`.
    """
    infno, message_id = str(document["infno"]), str(document.get("msgid") or "")
    if infno not in t.CATALOGUE:
        raise RemoteProtocolError(ErrorCode.E_INFNO_UNKNOWN, at="$.infno", got=infno)
    check_message_id(message_id, "$.msgid")
    native = body_type(infno, Kind.REQUEST)
    treatment, insured = (
        str(document.get(name) or "") for name in ("mdtrtarea_admvs", "insuplc_admdvs")
    )
    for code, at in ((treatment, "$.mdtrtarea_admvs"), (insured, "$.insuplc_admdvs")):
        if code:
            check_region(code, at)
    outer = {"fixmedins_code": document.get("fixmedins_code"), "insuplc_admdvs": insured}
    given = {**_of_type(outer, native), **_flat(_object(document, "input"))}
    body, _ = from_national(native, _json.encode(given), root="$.input")
    origin = Origin(
        infno, Kind.REQUEST, message_id, "", sender, facts.recipient or f"insured:{insured}",
        facts.case_key, treatment, insured, facts.partition_key, now, 0,
        facts.trace_id or message_id,
    )  # fmt: skip
    return Envelope("", origin, encode(origin), encode(body))


def _object(document: Mapping[str, Any], member: str) -> Mapping[str, Any]:
    value = document.get(member) or {}
    if not isinstance(value, dict):
        raise DecodeError(ErrorCode.E_DECODE, at=f"$.{member}", want="an object")
    return value


def read_answer(document: Mapping[str, Any], request: Envelope) -> Answer:
    """The answer to a request.

    Raises:
        RemoteProtocolError: `E_MISSING_FIELD`, `E_DECODE`, `E_AMOUNT` and the like, with the
            national path in `at`.
    """
    infcode = str(document.get("infcode", ""))
    if not infcode:
        raise RemoteProtocolError(ErrorCode.E_MISSING_FIELD, at="$.infcode")
    message_id = str(document.get("inf_refmsgid") or "")
    if not (message_id.isalnum() and message_id.isascii() and len(message_id) == 30):
        message_id = ""
    if infcode != "0":
        refusal = _refusal(document)
        return Answer(kind=Kind.REJECTION, body=refusal, message_id=message_id)
    given = _flat(_object(document, "output"))
    body, warnings = _body_of(given, request)
    return Answer(kind=Kind.RESULT, body=body, message_id=message_id, warnings=tuple(warnings))


def answer_envelope(answer: Answer, request: Envelope, message_id: str, now: Instant) -> Envelope:
    """An answer as a native message; `message_id` stands in where it has none of its own."""
    asked = request.origin
    origin = Origin(
        asked.transaction, answer.kind, answer.message_id or message_id, asked.message_id,
        asked.recipient, asked.sender, asked.case_key, asked.treatment, asked.insured,
        asked.partition_key, now, 0, asked.trace_id,
    )  # fmt: skip
    return Envelope("", origin, encode(origin), encode(answer.body))


def _refusal(document: Mapping[str, Any]) -> m.Rejection:
    """A refusal: the code of ours that its text begins with, else `E_REFUSED` and its words."""
    words = str(document.get("err_msg") or "")
    first, _, rest = words.strip().partition(" ")
    if first in _CODE:
        return m.Rejection(code=first, facts=rest[:200])
    return m.Rejection(code=ErrorCode.E_REFUSED, facts=words[:200])


def _flat(output: Mapping[str, Any]) -> Document:
    """The nodes of an output as one object: the fields of objects, and lists by their name."""
    flat: Document = {}
    for name, value in output.items():
        if isinstance(value, dict):
            flat.update(value)
        else:
            flat[name] = value
    return flat


def _body_of(given: Document, request: Envelope) -> tuple[msgspec.Struct, list[str]]:
    """The body of a result; what it leaves out and the request says is taken from there."""
    transaction = request.origin.transaction
    native = body_type(transaction, Kind.RESULT)
    asked = open_body(request)
    known = _known(asked, native)
    if transaction in t.CANCELLATIONS:
        # The refund rows of the national interface are negative.
        given = {k: v.removeprefix("-") if isinstance(v, str) else v for k, v in given.items()}
    merged = {**known, **{name: value for name, value in given.items() if value is not None}}
    body, warnings = from_national(native, _json.encode(merged), root="$.output")
    if isinstance(body, m.SettlementResult):
        if transaction in t.SETTLEMENTS and not body.settlement_id:
            raise RemoteProtocolError(ErrorCode.E_MISSING_FIELD, at="$.output.setl_id")
        funds = [m.FundPay(pool_fund(one.fund_pay_type), one.fund_fen) for one in body.funds]
        body = msgspec.structs.replace(body, funds=funds)
    return body, warnings


def _known(asked: msgspec.Struct, native: type[msgspec.Struct]) -> Document:
    """What the answer may leave out: what it would repeat, and what has one plain meaning."""
    known: Document = msgspec.to_builtins(to_twin(asked))
    if native is m.SettlementResult:
        assert isinstance(asked, m.SettlementRequest)
        in_scope = asked.total_fen - asked.full_self_fen - asked.over_limit_fen - asked.prepay_fen
        known |= {
            "psn_type": "", "setl_id": "", "act_pay_dedc": "0.00", "pool_prop_selfpay": "0.0000",
            "hosp_part_amt": "0.00", "balc": "0.00",
            "inscp_scp_amt": yuan(max(0, in_scope)),
        }  # fmt: skip
        del known["medfee_sumamt"]
    elif native is m.CancellationResult:
        assert isinstance(asked, m.CancellationRequest)
        known |= {"init_setl_id": asked.settlement_id}
        known.pop("setl_id", None)
    elif native is m.ReversalResult:
        known |= {"state": ""}
    elif native is m.EligibilityResult:
        known |= {"out_appy": [], "opsp_dise_code": [], "partition_key": 0}
    return _of_type(known, native)


def _of_type(given: Document, native: type[msgspec.Struct]) -> Document:
    """The fields that a body has."""
    names = {field.encode_name for field in msgspec.structs.fields(twin_of(native).type)}
    return {name: value for name, value in given.items() if name in names and value is not None}
