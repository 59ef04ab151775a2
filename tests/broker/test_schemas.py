"""The JSON Schema document: whole, and true of what a run really sends."""

from __future__ import annotations

import json

import jsonschema
import msgspec
import pytest

from tests.broker.captured import captured, plain, validator
from yidi.broker.schemas import json_schema
from yidi.protocol.bodies import body_type, open_body
from yidi.protocol.envelope import Frame
from yidi.protocol.national import to_national
from yidi.protocol.transactions import TRANSACTIONS


def test_the_document_is_a_schema() -> None:
    """By the metaschema of 2020-12."""
    jsonschema.Draft202012Validator.check_schema(json_schema())


def test_every_transaction_is_in_it() -> None:
    """Request, result and rejection, in both forms, each a definition that is there."""
    document = json_schema()
    for row in TRANSACTIONS:
        for forms in document["x-transactions"][row.code].values():
            for reference in forms.values():
                assert reference.removeprefix("#/$defs/") in document["$defs"]


def test_a_run_has_enough_to_look_at() -> None:
    """Settlements, refusals, reversals, statements and clearing are among what was captured."""
    seen = {envelope.origin.transaction for _, envelope in captured()}

    assert {"1101", "2204", "2207", "2601", "D20", "C30"} <= seen
    assert len(captured()) > 100


def test_captured_messages_are_what_the_schema_says() -> None:
    """Frame, link, origin, stamp and body of each, as positional documents."""
    for raw, envelope in captured():
        frame = msgspec.msgpack.decode(raw, type=Frame)
        validator("Frame").validate(plain(raw))
        validator("Origin").validate(plain(frame.origin))
        body = body_type(envelope.origin.transaction, envelope.origin.kind)
        validator(body.__name__).validate(plain(frame.body))


def test_their_json_twins_are_what_the_schema_says() -> None:
    """The same bodies with national names."""
    for _, envelope in captured():
        body = open_body(envelope)
        twin = f"National{type(body).__name__}"
        validator(twin).validate(json.loads(to_national(body)))


@pytest.mark.parametrize(
    ("name", "wrong"),
    [("Origin", ["2207"]), ("Link", ["a", "b", -1, 0, 0]), ("FundPay", ["310100", -1]),
     ("NationalSettlementRequest", {"fixmedins_code": 7})],
)  # fmt: skip
def test_what_is_wrong_is_not_valid(name: str, wrong: object) -> None:
    """A schema that takes everything would say nothing."""
    assert not validator(name).is_valid(wrong)
