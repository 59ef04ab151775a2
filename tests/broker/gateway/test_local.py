"""What the gateway answers by itself: sign-in, institutions, dictionaries."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.broker.gateway import net as n
from yidi.broker.gateway.asked import Place
from yidi.broker.gateway.calls import Calls
from yidi.broker.gateway.guards import client

EVERYBODY = client("all", n.TOKEN)
PLACES = {
    n.HOSPITAL: Place(code=n.HOSPITAL, name="上海市测试第一医院", region="310000", level="3"),
    "P31010100001": Place(code="P31010100001", name="测试大药房", region="310000", level="1"),
}


async def ask(infno: str, inputs: dict[str, Any], secret: bytes = b"s") -> dict[str, Any]:
    """The answer to a call of the gateway's own."""
    net = n.Net()
    calls = Calls(net, PLACES, secret)
    data = json.dumps(n.call(infno, input=inputs)).encode()
    answer = json.loads((await calls.answer(data, infno, EVERYBODY)).body)
    assert [] == net.asked
    return answer


async def test_any_gateway_with_the_key_knows_a_sign_in_again() -> None:
    """9001's number is taken by 9002, by another gateway too; with another key it is not."""
    signed = await ask("9001", {"signIn": {"opter_no": "7", "mac": "1", "ip": "2"}})
    number = signed["output"]["signinoutb"]["sign_no"]
    out = {"signOut": {"sign_no": number, "opter_no": "7"}}

    assert 30 == len(number)
    assert 0 == (await ask("9002", out))["infcode"]
    for changed in ({**out["signOut"], "opter_no": "8"}, {**out["signOut"], "sign_no": "1"}):
        assert -1 == (await ask("9002", {"signOut": changed}))["infcode"]
    assert -1 == (await ask("9002", out, b"other"))["infcode"]


async def test_institutions_are_found_by_code_or_name() -> None:
    """1201: by code, by a part of the name; neither is a missing field."""
    by_code = await ask("1201", {"medinsinfo": {"fixmedins_code": n.HOSPITAL}})
    by_name = await ask("1201", {"medinsinfo": {"fixmedins_name": "测试"}})
    nobody = await ask("1201", {"medinsinfo": {"fixmedins_code": "H31010100009"}})
    nothing = await ask("1201", {"medinsinfo": {}})

    found = by_code["output"]["medinsinfo"]
    assert [(n.HOSPITAL, "1", "02")] == [
        (one["fixmedins_code"], one["fixmedins_type"], one["hosp_lv"]) for one in found
    ]
    assert ["02", "11"] == [one["hosp_lv"] for one in by_name["output"]["medinsinfo"]]
    assert nobody["err_msg"].startswith("E_INSTITUTION_UNKNOWN")
    assert nothing["err_msg"].startswith("E_MISSING_FIELD")


@pytest.mark.parametrize(("name", "first"), [("INSUTYPE", "310"), ("hosp_lv", "01")])
async def test_dictionaries_are_those_of_the_protocol(name: str, first: str) -> None:
    """1901: every entry of a dictionary, levels by the national scale."""
    rows = (await ask("1901", {"data": {"type": name}}))["output"]["list"]

    assert first == rows[0]["value"]


async def test_an_unknown_dictionary_is_refused() -> None:
    """With the place of its name."""
    answer = await ask("1901", {"data": {"type": "colour"}})

    assert answer["err_msg"].startswith("E_CODE")
    assert "at=$.input.data.type" in answer["err_msg"]


async def test_strict_gateways_refuse_what_others_only_name() -> None:
    """W13: `state` is without effect and named, or refused."""
    data = json.dumps(n.call(state="SETTLED")).encode()
    lenient = json.loads((await Calls(n.Net(), {}, b"s").answer(data, "", EVERYBODY)).body)
    strict = json.loads(
        (await Calls(n.Net(), {}, b"s", strict=True).answer(data, "", EVERYBODY)).body
    )

    assert (0, "E_UNKNOWN_FIELD at=$.state") == (lenient["infcode"], lenient["warn_msg"])
    assert (-1, "E_UNKNOWN_FIELD") == (strict["infcode"], strict["err_msg"].split()[0])


async def test_path_and_body_must_agree() -> None:
    """A call to …/callService/2304 that says 1101 is refused."""
    data = json.dumps(n.call("1101")).encode()
    answer = json.loads((await Calls(n.Net(), {}, b"s").answer(data, "2304", EVERYBODY)).body)

    assert "E_CODE" == answer["err_msg"].split()[0]
    assert "at=$.infno" in answer["err_msg"]
