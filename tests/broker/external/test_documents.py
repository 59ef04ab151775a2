"""Documents: the national envelope out, the national answer in."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from tests.nodes.test_observed import ask, claim
from yidi.broker.external.documents import (
    MSGPACK,
    Facts,
    answer_document,
    answer_envelope,
    facts_of,
    read_answer,
    read_document,
    read_facts,
    request_document,
    write_document,
)
from yidi.protocol import messages as m
from yidi.protocol.bodies import open_body
from yidi.protocol.errors import RemoteProtocolError
from yidi.protocol.instants import Instant
from yidi.protocol.transactions import Kind

AMOUNTS = {
    "medfee_sumamt": "1000.00", "fund_pay_sumamt": "300.00", "acct_pay": "0.00",
    "psn_cash_pay": "700.00", "setl_id": "N1",
}  # fmt: skip
DETAIL = [{"fund_pay_type": "310100", "fund_payamt": "300.00"}]


def answer(**changes: Any) -> dict[str, Any]:
    """A positive answer, as an own node writes it."""
    info = {**AMOUNTS, **changes.pop("info", {})}
    return {"infcode": 0, "output": {"setlinfo": info, "setldetail": DETAIL}, **changes}


def read(document: dict[str, Any], transaction: str = "2207") -> m.SettlementResult:
    """The body of an answer."""
    parsed = read_document(json.dumps(document).encode())
    body = read_answer(parsed, ask(transaction, claim())).body
    assert isinstance(body, m.SettlementResult)
    return body


def test_a_request_is_the_national_envelope() -> None:
    """Every public parameter is there, the body under `input.data`, money as yuan."""
    document = request_document(ask("2207", claim()))

    assert {"infno": "2207", "mdtrtarea_admvs": "310000", "insuplc_admdvs": "340600"}.items() <= (
        document.items()
    )
    assert document["input"]["data"]["medfee_sumamt"] == "1000.00"
    assert document["input"]["data"]["acct_used_flag"] == "0"


def test_the_facts_say_what_the_national_envelope_cannot() -> None:
    """Who speaks to whom, the case key, and the accounting day."""
    facts = facts_of(ask("2207", claim()))

    assert facts.recipient == "insured:340600"
    assert facts.case_key == "A3100002603160000000"
    assert facts.day == "2026-03-16"


@pytest.mark.parametrize("form", ["json", "msgpack"])
def test_a_document_reads_back_in_both_forms(form: str) -> None:
    """JSON and MessagePack hold the same members."""
    facts = Facts(sender="hub:100000", recipient="insured:340600", sequence=3)
    data = write_document(answer(), facts, form)

    document = read_document(data, MSGPACK if form == "msgpack" else "")

    assert document["output"]["setlinfo"]["acct_pay"] == "0.00"
    assert read_facts(document) == facts


def test_an_answer_may_leave_out_what_the_request_says() -> None:
    """Person, visit and batch come from the request; amounts never do."""
    body = read(answer())

    assert (body.visit, body.batch, body.person_no) == ("V1", "B1", "P0001")
    assert (body.total_fen, body.fund_fen, body.cash_fen) == (100_000, 30_000, 70_000)
    assert body.funds == [m.FundPay("310101", 30_000)]


@pytest.mark.parametrize("name", ["medfee_sumamt", "fund_pay_sumamt", "acct_pay", "psn_cash_pay"])
def test_an_amount_that_is_left_out_is_missing(name: str) -> None:
    """Nobody makes an amount up."""
    document = answer()
    del document["output"]["setlinfo"][name]

    with pytest.raises(RemoteProtocolError, match="E_MISSING_FIELD"):
        read(document)


def test_a_settlement_has_an_id_and_a_pre_settlement_needs_none() -> None:
    """`setl_id` is the proof that money moved."""
    assert read(answer(info={"setl_id": ""}), "2206").settlement_id == ""
    with pytest.raises(RemoteProtocolError, match="E_MISSING_FIELD"):
        read(answer(info={"setl_id": ""}))


@pytest.mark.parametrize(
    ("said", "code", "facts"),
    [
        ("E_NO_FILING 没有备案", "E_NO_FILING", "没有备案"),
        ("该人员未参保", "E_REFUSED", "该人员未参保"),
        ("", "E_REFUSED", ""),
    ],
)
def test_a_refusal_keeps_its_own_words(said: str, code: str, facts: str) -> None:
    """A code of ours in front is taken as such; other words are facts of E_REFUSED."""
    parsed = read_document(json.dumps({"infcode": -1, "err_msg": said}).encode())

    answered = read_answer(parsed, ask("2207", claim()))

    assert answered.kind == Kind.REJECTION
    assert answered.body == m.Rejection(code=code, facts=facts)


def test_a_refund_is_negative_there_and_positive_here() -> None:
    """The refund rows of the national interface have a minus."""
    cancel = m.CancellationRequest(
        institution="H31010100001", visit="V1", batch="B1", person_no="P0001",
        settlement_id="N1",
    )  # fmt: skip
    info = {"setl_id": "N2", "medfee_sumamt": "-1000.00", "fund_pay_sumamt": "-300.00",
            "acct_pay": "0.00", "psn_cash_pay": "-700.00", "balc": "500.00"}  # fmt: skip
    document = read_document(json.dumps({"infcode": 0, "output": {"setlinfo": info}}).encode())

    body = read_answer(document, ask("2208", cancel)).body

    assert isinstance(body, m.CancellationResult)
    assert (body.original_id, body.fund_fen) == ("N1", 30_000)


def test_a_reversal_needs_no_output() -> None:
    """As the national interface has it; what it undid is not said."""
    undo = m.ReversalRequest(
        person_no="P0001", original_message_id="M", original_transaction="2207"
    )
    document = read_document(b'{"infcode": "0"}')

    body = read_answer(document, ask("2601", undo)).body

    assert isinstance(body, m.ReversalResult)
    assert body.outcome == ""


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "E_FRAME_EMPTY"),
        (b"[]", "E_DECODE"),
        (b'{"infcode": 0, "infcode": 0}', "E_DUPLICATE_KEY"),
        (b"\xc1", "E_DECODE"),
        (b"[" * 100_000, "E_DECODE"),
        (b"\x91" * 100_000, "E_DECODE"),
        (b'{"yidi": {"sequence": "x"}}', "E_DECODE"),
        (b'{"output": {}}', "E_MISSING_FIELD"),
        (b'{"infcode": 0, "output": 5}', "E_DECODE"),
        (b'{"infcode": 0, "output": {"setlinfo": {"acct_pay": 1.005}}}', "E_"),
    ],
)
def test_what_is_no_document_is_refused(data: bytes, code: str) -> None:
    """Whatever comes is an error with a code, never a traceback."""

    def whole() -> None:
        document = read_document(data)
        read_facts(document)
        read_answer(document, ask("2207", claim()))

    with pytest.raises(RemoteProtocolError, match=code):
        whole()


def test_our_answer_reads_back_as_the_same_body() -> None:
    """What an own node is answered has the form it answers in."""
    request = ask("2207", claim())
    answered = read_answer(read_document(json.dumps(answer()).encode()), request)
    envelope = answer_envelope(answered, request, "X" * 30, Instant(1))

    again = read_answer(
        read_document(write_document(answer_document(envelope), facts_of(envelope))), request
    )

    assert open_body(envelope) == again.body
    assert envelope.origin.correlation_id == request.origin.message_id
    assert isinstance(again.body, msgspec.Struct)
