"""Signatures of calls: both forms of cainfo, SM2 and HMAC-SM3, and what the modes make of them."""

from __future__ import annotations

import base64
import json
from typing import Any

import gmalg
import gmssl_pyx
import msgspec
import pytest

from tests.broker.gateway import net as n
from yidi.broker.gateway.calls import Calls
from yidi.broker.gateway.guards import Client, read_clients
from yidi.broker.gateway.signing import Form, Mode, Signatures, signed_content
from yidi.protocol.errors import ScenarioError
from yidi.protocol.signatures import Sm2Signer, hmac_sm3, sm2_private_key

SECRET = bytes(range(32))
SIGNER = Sm2Signer(sm2_private_key(b"a counter"))
NAMED = Sm2Signer(sm2_private_key(b"a counter"), b"client-7")
STRANGER = Sm2Signer(sm2_private_key(b"somebody else"))
BY_SM2, BY_SM3 = f"sm2=04{SIGNER.public.hex()}", f"sm3={SECRET.hex()}"


def known(*words: str) -> Client:
    """A client with keys, as its credentials name them."""
    return read_clients(" ".join(("counter", n.TOKEN, "*", *words)))[0]


def content(form: Form, document: dict[str, Any]) -> bytes:
    """What is signed of a document."""
    data = json.dumps(document, ensure_ascii=False).encode()
    return signed_content(form, msgspec.json.decode(data, type=dict[str, msgspec.Raw]))


def signed(form: Form, signtype: str = "SM2", **changes: Any) -> dict[str, Any]:
    """A call that is signed, then changed."""
    document = n.call(signtype=signtype)
    plain = content(form, document)
    if signtype == "SM3":
        signature = hmac_sm3(SECRET, plain)
    else:
        signature = (NAMED if form is Form.INPUT else SIGNER).sign(plain)
    upper = form is Form.ENVELOPE
    document["cainfo"] = signature.hex().upper() if upper else base64.b64encode(signature).decode()
    return {**document, **changes}


async def ask(
    document: dict[str, Any], client: Client, mode: Mode = Mode.ENFORCE, form: Form = Form.ENVELOPE
) -> tuple[dict[str, Any], int]:
    """The answer, and how many requests reached the network."""
    net = n.Net()
    calls = Calls(net, {}, b"s", signatures=Signatures(mode=mode, form=form))
    data = json.dumps(document, ensure_ascii=False).encode()
    return json.loads((await calls.answer(data, "", client)).body), len(net.asked)


def test_form_envelope_sorts_what_was_sent() -> None:
    """Every field but cainfo and input, those nobody defined too; null and empty are not there."""
    document = {
        "msgid": "M", "infno": 1101, "input": {"data": 1}, "cainfo": "C", "zz": "未定义",
        "dev_no": None, "sign_no": "", "Upper": True,
    }  # fmt: skip

    assert "Upper=true&infno=1101&msgid=M&zz=未定义".encode() == content(Form.ENVELOPE, document)


def test_form_input_is_the_bytes_as_they_stand() -> None:
    """Neither spaces nor the order of fields are touched."""
    data = b'{"infno":"1101", "input":  {"b" : 1.50,"a":"\\u4e2d"} }'
    pieces = msgspec.json.decode(data, type=dict[str, msgspec.Raw])

    assert b'{"b" : 1.50,"a":"\\u4e2d"}' == signed_content(Form.INPUT, pieces)


@pytest.mark.parametrize("form", Form)
@pytest.mark.parametrize("signtype", ["SM2", "SM3"])
async def test_a_good_signature_is_taken(form: Form, signtype: str) -> None:
    """Both algorithms in both forms; form `input` is made for the client's own name."""
    client = known(BY_SM2 if signtype == "SM2" else BY_SM3, "id=client-7")
    answer, reached = await ask(signed(form, signtype), client, form=form)

    assert (0, "", 1) == (answer["infcode"], answer["warn_msg"], reached)


async def test_signatures_of_another_library_are_taken() -> None:
    """gmssl signs, and so does gmalg with a nonce of its own."""
    private = sm2_private_key(b"a counter")
    document = n.call(signtype="SM2")
    plain = content(Form.ENVELOPE, document)
    r, s = gmalg.SM2(private, b"1234567812345678", b"\x04" + SIGNER.public).sign(plain)
    der = gmssl_pyx.sm2_sign(private, SIGNER.public, plain, signer_id=b"1234567812345678")
    length = der[3]
    halves = der[4 : 4 + length], der[6 + length :]
    theirs = b"".join(half.lstrip(b"\0").rjust(32, b"\0") for half in halves)

    for signature in (r.rjust(32, b"\0") + s.rjust(32, b"\0"), theirs):
        answer, _ = await ask({**document, "cainfo": signature.hex().upper()}, known(BY_SM2))
        assert 0 == answer["infcode"], answer["err_msg"]


BAD = [
    ({"cainfo": None}, "E_SIG_MISSING", "$.cainfo"),
    ({"cainfo": ""}, "E_SIG_MISSING", "$.cainfo"),
    ({"cainfo": "AB"}, "E_SIG_FORMAT", "$.cainfo"),
    ({"cainfo": "ab" * 64}, "E_SIG_FORMAT", "$.cainfo"),
    ({"cainfo": "zz" * 64}, "E_SIG_FORMAT", "$.cainfo"),
    ({"cainfo": "AB" * 64}, "E_SIG_BAD", "$.cainfo"),
    ({"opter": "002"}, "E_SIG_BAD", "$.cainfo"),
    ({"state": "SETTLED"}, "E_SIG_BAD", "$.cainfo"),
    ({"signtype": "none"}, "E_SIG_ALG", "$.signtype"),
    ({"signtype": "SM3"}, "E_SIG_ALG", "$.signtype"),
    ({"signtype": None}, "E_SIG_ALG", "$.signtype"),
]


@pytest.mark.parametrize(("changes", "code", "at"), BAD)
async def test_w23_a_bad_signature_is_refused_before_anything_is_asked(
    changes: dict[str, Any], code: str, at: str
) -> None:
    """Missing, of another form, over other content, downgraded: infcode -1, nothing reached."""
    answer, reached = await ask(signed(Form.ENVELOPE, **changes), known(BY_SM2))

    assert (-1, code, 0) == (answer["infcode"], answer["err_msg"].split()[0], reached)
    assert f"at={at}" in answer["err_msg"]


async def test_w23_a_revoked_key_and_a_strangers() -> None:
    """The revoked one is named as such; a key of somebody else is simply wrong."""
    revoked, _ = await ask(signed(Form.ENVELOPE), known(f"revoked:{BY_SM2}"))
    stranger, _ = await ask(signed(Form.ENVELOPE), known(f"sm2={STRANGER.public.hex()}"))
    keyless, _ = await ask(signed(Form.ENVELOPE), known())

    assert ["E_SIG_REVOKED", "E_SIG_BAD", "E_SIG_ALG"] == [
        one["err_msg"].split()[0] for one in (revoked, stranger, keyless)
    ]


async def test_form_input_covers_the_input_and_the_name() -> None:
    """Another input, or another name in the credentials, does not verify."""
    document = signed(Form.INPUT)
    changed = {**document, "input": {"data": {**document["input"]["data"], "psn_name": "甲"}}}
    other, _ = await ask(changed, known(BY_SM2, "id=client-7"), form=Form.INPUT)
    misnamed, _ = await ask(document, known(BY_SM2), form=Form.INPUT)
    hexadecimal, _ = await ask(signed(Form.ENVELOPE), known(BY_SM2), form=Form.INPUT)

    assert ["E_SIG_BAD", "E_SIG_BAD", "E_SIG_FORMAT"] == [
        one["err_msg"].split()[0] for one in (other, misnamed, hexadecimal)
    ]


async def test_modes_refuse_warn_or_do_not_look() -> None:
    """The same bad signature three times."""
    bad = signed(Form.ENVELOPE, opter="002")
    warned, reached = await ask(bad, known(BY_SM2), Mode.WARN)
    unseen, _ = await ask(bad, known(BY_SM2), Mode.OFF)

    assert (0, 1) == (warned["infcode"], reached)
    assert warned["warn_msg"].startswith("E_SIG_BAD 验签失败")
    assert (0, "") == (unseen["infcode"], unseen["warn_msg"])


async def test_the_edge_hands_the_clients_keys_on() -> None:
    """Over HTTP, by the token that came with the call."""
    signatures = Signatures(mode=Mode.ENFORCE)
    async with n.gateway(clients=(known(BY_SM2),), signatures=signatures) as server:
        good = await n.send(server, n.request(signed(Form.ENVELOPE)))
        bad = await n.send(server, n.request(n.call()))

    assert 0 == good.json["infcode"]
    assert (200, "E_SIG_MISSING") == (bad.status, bad.json["err_msg"].split()[0])


@pytest.mark.parametrize(
    "words",
    ["sm2=00", "sm2=zz", "sm3=00", "sm9=" + "00" * 64, f"sm2=02{SIGNER.public.hex()}", "id="],
)
def test_keys_that_are_none_are_refused_with_their_line(words: str) -> None:
    """E_AUTH; the line's number and never what it says."""
    with pytest.raises(ScenarioError) as caught:
        known(words)

    assert ("E_AUTH", "credentials:1") == (caught.value.code, caught.value.at)


def test_credentials_keep_their_older_form() -> None:
    """Name, token, scopes and last day, with keys after them; a token may hold an equals sign."""
    token = n.TOKEN + "=="
    one = read_clients(f"counter {token} 310000* 2026-12-31 {BY_SM3} {BY_SM2} id=c # note")[0]

    assert ("counter", ("310000*",), "2026-12-31", "c") == (
        one.name, one.scopes, one.until, one.signer,
    )  # fmt: skip
    assert [("SM3", SECRET), ("SM2", SIGNER.public)] == [(k.algorithm, k.value) for k in one.keys]
