"""Whatever a client sends: an envelope, or a refusal that the edge knows; never a bug."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.broker.gateway import net as n
from yidi.broker.gateway.calls import Calls, Doubt
from yidi.broker.gateway.guards import client
from yidi.broker.gateway.inputs import CALLS
from yidi.protocol.envelope import Envelope
from yidi.protocol.errors import DecodeError
from yidi.protocol.messages import Rejection

EVERYBODY = client("all", n.TOKEN)
scalars = st.one_of(
    st.none(), st.booleans(), st.integers(-(10**20), 10**20),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=12), st.sampled_from(["01", "1", "2026-03-02", "2026-03-02 10:00:00", "21"]),
)  # fmt: skip
anything = st.recursive(scalars, lambda below: st.lists(below, max_size=3), max_leaves=5)


async def refuse(envelope: Envelope) -> Envelope:
    """A network in which nothing goes."""
    return n.answered(envelope, Rejection(code="E_NO_FILING", at="$.visit", facts="x"), 2)


def answer(document: Any) -> dict[str, Any] | None:
    """The gateway's envelope; None where the edge answers without one."""
    calls = Calls(n.Net(refuse), {}, b"secret")
    try:
        data = json.dumps(document).encode()
        return json.loads(asyncio.run(calls.answer(data, "", EVERYBODY)).body)
    except (DecodeError, Doubt):
        return None


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    """A call of any transaction, with its own nodes and fields, filled with anything."""
    call = draw(st.sampled_from(CALLS))
    inputs: dict[str, Any] = {}
    for node in call.nodes:
        names = st.sampled_from([field.name for field in node.fields])
        row = st.dictionaries(names, anything, max_size=12)
        inputs[node.name] = draw(st.lists(row, max_size=3) if node.many else row)
    changes = draw(st.dictionaries(st.sampled_from(list(n.call())), anything, max_size=2))
    return {**n.call(call.infno, input=inputs), **changes}


@given(documents())
def test_any_document_gets_an_envelope_to_the_letter(document: dict[str, Any]) -> None:
    """infcode 0 or -1, a code in front of every err_msg, never more than 200 characters."""
    got = answer(document)

    if got is not None:
        assert got["infcode"] in (0, -1)
        assert len(got["inf_refmsgid"]) == 30
        assert (got["infcode"] == 0) == (got["err_msg"] == "")
        assert got["err_msg"].startswith("E_") or not got["err_msg"]
        assert len(got["err_msg"]) <= 200


@given(st.one_of(anything, st.dictionaries(st.text(max_size=8), anything, max_size=4)))
def test_any_json_is_answered(document: Any) -> None:
    """What is no object has no envelope; what is one gets infcode -1."""
    got = answer(document)

    assert (got is None) == (not isinstance(document, dict))
    assert got is None or got["infcode"] == -1


def test_a_refusal_names_the_field_as_the_client_wrote_it() -> None:
    """The region speaks of `$.visit`, the client of `$.input.data.mdtrt_id`."""
    data = {"mdtrt_id": "ZY1", "psn_no": "1"}
    got = answer(n.call("2404", input={"data": data}))

    assert got is not None
    assert got["err_msg"].startswith("E_NO_FILING")
    assert "at=$.input.data.mdtrt_id" in got["err_msg"]
