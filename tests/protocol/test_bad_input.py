"""One test or more for each row of the table of bad input, in native and in JSON form.

Each looks for the exact code and finds the nodes' memories as they were. W02, W04 and W05 of
frames with magic and checksum stand in `test_journal` and `test_journal_reader`, since only the
journal has such frames; here is the network's frame. More of W22 and W28 is in `test_link`.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.nodes import visit_harness as h
from yidi.broker.link import LinkEnd
from yidi.protocol import messages as m
from yidi.protocol import transactions as t
from yidi.protocol.codec import encode
from yidi.protocol.envelope import Envelope, Link, Origin, frame, seal, unframe
from yidi.protocol.errors import ErrorCode, RemoteProtocolError
from yidi.protocol.journal_reader import iterate_records
from yidi.protocol.national import from_national, to_national

QUERY = m.StatusQuery(person_no="P1", visit="V1")
UPLOAD = h.upload()
JSON_UPLOAD = to_national(UPLOAD)
LINK = Link("a", "b", 1, 0, h.START)


def error_of(call: Callable[[], object]) -> RemoteProtocolError:
    """The error that a call ends with."""
    with pytest.raises(RemoteProtocolError) as caught:
        call()
    assert len(caught.value.got) <= 64
    return caught.value


def refused(transaction: str, body: object, net: h.Net | None = None, **about: str) -> m.Rejection:
    """Send a request, see it refused, and see that no node remembers anything of it."""
    net = net or h.Net()
    before = [h.memory(node) for node in net.nodes.values()]
    answer = net.ask(transaction, body, **about)
    assert isinstance(answer, m.Rejection)
    assert before == [h.memory(node) for node in net.nodes.values()]
    return answer


def json_error(data: bytes, native: type = m.FeeUploadRequest, *, strict: bool = False):
    """The error that a JSON body ends with."""
    return error_of(lambda: from_national(native, data, strict=strict))


def changed(native: msgspec.Struct, field: str, value: object) -> bytes:
    """A body whose field holds a value that its type does not allow."""
    values = msgspec.msgpack.decode(encode(native))
    at = [one.name for one in msgspec.structs.fields(native)].index(field)
    return encode([*values[:at], value, *values[at + 1 :]])


# --- Frames and documents -----------------------------------------------------------------------


def test_w01_empty():
    """W01: nothing at all is E_FRAME_EMPTY, in both forms."""
    assert ErrorCode.E_FRAME_EMPTY == error_of(lambda: unframe(b"")).code
    assert ErrorCode.E_FRAME_EMPTY == json_error(b"").code


def test_w02_too_large():
    """W02: a frame beyond the limit is refused by its length alone, and the limit is named."""
    error = error_of(lambda: unframe(b"\xdd\xff\xff\xff\xff" + bytes(262_144)))

    assert (ErrorCode.E_FRAME_TOO_LARGE, 262_144) == (error.code, error.limit)


def test_w04_other_version():
    """W04: a frame of version 9 is E_FRAME_VERSION and says what came and what is wanted."""
    origin = h.Net().request(t.STATUS_QUERY, QUERY).origin_bytes
    error = error_of(lambda: unframe(encode([9, LINK, origin, None, b""])))

    assert (ErrorCode.E_FRAME_VERSION, "9", "1") == (error.code, error.got, error.want)


def test_w04_w05_journal():
    """W04, W05: foreign magic and one wrong bit of a journal are refused (more in its tests)."""
    with pytest.raises(Exception, match="E_FRAME_MAGIC"):
        list(iterate_records([b"RIFF" + bytes(200)]))


@given(st.integers(0, len(encode(UPLOAD)) - 1))
def test_w06_truncated_native(length):
    """W06: a body cut anywhere is E_DECODE truncated, at the byte where it ends."""
    answer = refused(t.OUTPATIENT_FEES, encode(UPLOAD)[:length])

    assert ("E_DECODE", f"byte {length}", "truncated") == (answer.code, answer.at, answer.facts)


@given(st.integers(1, len(JSON_UPLOAD) - 1))
def test_w06_truncated_json(length):
    """W06: a JSON body cut anywhere is E_DECODE truncated."""
    error = json_error(JSON_UPLOAD[:length])

    assert (ErrorCode.E_DECODE, "truncated") == (error.code, error.got)
    assert error.at.startswith("byte ")


def test_w07_trailing():
    """W07: bytes after the document are E_DECODE trailing."""
    answer, error = refused(t.STATUS_QUERY, encode(QUERY) + b"x"), json_error(JSON_UPLOAD + b" x")

    assert ("E_DECODE", "trailing bytes") == (answer.code, answer.facts)
    assert (ErrorCode.E_DECODE, "trailing bytes") == (error.code, error.got)


@pytest.mark.parametrize("text", [b"\xff\xfe", b"\xed\xa0\x80"])
def test_w08_not_utf8(text):
    """W08: bytes that are no UTF-8, and half of a surrogate pair, are E_DECODE utf8."""
    native = encode(QUERY).replace(b"\xa2P1", bytes([0xA0 + len(text)]) + text)

    assert "E_DECODE" == refused(t.STATUS_QUERY, native).code
    error = json_error(JSON_UPLOAD.replace(b'"V1"', b'"' + text + b'"'))
    assert (ErrorCode.E_DECODE, "valid utf8") == (error.code, error.want)


def test_w08_surrogate_and_mark():
    """W08: an escaped lone surrogate and a byte order mark are E_DECODE utf8 too."""
    lone = json_error(JSON_UPLOAD.replace(b'"V1"', b'"\\ud800"'))
    mark = json_error(b"\xef\xbb\xbf" + JSON_UPLOAD)

    assert [ErrorCode.E_DECODE] * 2 == [lone.code, mark.code]
    assert "utf8" in lone.want
    assert "utf8" in mark.want


DEEP = 100_000
NATIVE_DEEP = {
    "top level": b"\x91" * DEEP,
    "known field": b"\x92" + b"\x91" * DEEP,
    "unknown field": b"\x95\xa1a\xa1b\xa1c\xa1d" + b"\x91" * DEEP,
    "unknown maps": b"\x95\xa1a\xa1b\xa1c\xa1d" + b"\x81\x01" * DEEP,
    "unknown keys": b"\x95\xa1a\xa1b\xa1c\xa1d" + b"\x81" * DEEP,
}
JSON_DEEP = {
    "top level": b"[" * DEEP,
    "known field": b'{"psn_no":' + b"[" * DEEP,
    "unknown field": b'{"x":' + b'{"x":' * DEEP,
}


@pytest.mark.parametrize("name", NATIVE_DEEP)
def test_w09_deep_native(name):
    """W09: nesting 100,000 deep is E_DECODE wherever it stands."""
    assert "E_DECODE" == refused(t.STATUS_QUERY, NATIVE_DEEP[name]).code
    assert ErrorCode.E_DECODE == error_of(lambda: unframe(NATIVE_DEEP[name])).code


@pytest.mark.parametrize("name", JSON_DEEP)
def test_w09_deep_json(name):
    """W09: the same in JSON."""
    assert ErrorCode.E_DECODE == json_error(JSON_DEEP[name], m.StatusQuery).code


CHILD = """
import threading
from tests.protocol.test_bad_input import JSON_DEEP, NATIVE_DEEP, error_of, json_error
from tests.nodes import visit_harness as h
from yidi.protocol import messages as m
from yidi.protocol.bodies import open_body
from yidi.protocol.envelope import unframe

def attack():
    net, codes = h.Net(), []
    for data in NATIVE_DEEP.values():
        codes += [error_of(lambda: open_body(net.request("5203", data))).code]
        codes += [error_of(lambda: unframe(data)).code]
    codes += [json_error(data, m.StatusQuery).code for data in JSON_DEEP.values()]
    print("alive", *codes)

threading.stack_size(256 * 1024)
thread = threading.Thread(target=attack)
thread.start()
thread.join()
"""


@pytest.mark.slow
def test_w09_no_small_stack_overflows(request):
    """W09: on a thread with a stack of 256 KiB the process lives and refuses each of them."""
    child = [sys.executable, "-c", CHILD]
    run = subprocess.run(
        child, cwd=request.config.rootpath, capture_output=True, text=True, check=False
    )

    assert (0, 13) == (run.returncode, run.stdout.count("E_DECODE")), run.stderr[-2000:]


@pytest.mark.parametrize("head", [b"\xdd", b"\xdf", b"\xc6", b"\xdb"])
@pytest.mark.parametrize("before", [b"", b"\x92", b"\x95\xa1a\xa1b\xa1c\xa1d"])
def test_w10_huge_headers(head, before):
    """W10: a header that announces 4 G of anything is E_DECODE, without any of it allocated."""
    assert "E_DECODE" == refused(t.STATUS_QUERY, before + head + b"\xff\xff\xff\xff").code


@pytest.mark.parametrize("ext", [b"\xd4\x05\x00", b"\xd6\xff\x00\x00\x00\x00"])
def test_w11_extensions(ext):
    """W11: an extension type and a timestamp are E_DECODE ext not allowed."""
    answer = refused(t.STATUS_QUERY, b"\x92" + ext + b"\xa1b")

    assert ("E_DECODE", "ext not allowed") == (answer.code, answer.facts)


def test_w12_unknown_transaction():
    """W12: number 9999 is E_INFNO_UNKNOWN, in the frame and at a node that does not serve it."""
    error = error_of(lambda: unframe(frame(h.Net().request("9999", QUERY), LINK)))

    assert (ErrorCode.E_INFNO_UNKNOWN, "9999") == (error.code, error.got)
    assert "E_INFNO_UNKNOWN" == refused(t.DAY_CLOSE, b"\x91\xa0").code


def test_w13_unknown_field():
    """W13: strict refuses what nobody defined, else it is ignored and named."""
    data = JSON_UPLOAD[:-1] + b',"x":[1]}'

    body, warnings = from_national(m.FeeUploadRequest, data)
    assert (UPLOAD, ["E_UNKNOWN_FIELD at=$.x"]) == (body, warnings)
    error = json_error(data, strict=True)
    assert (ErrorCode.E_UNKNOWN_FIELD, "$.x") == (error.code, error.at)


def test_w14_missing_field():
    """W14: what is required and absent is E_MISSING_FIELD with its whole path."""
    data = JSON_UPLOAD.replace(b'"psn_no":"P0001",', b"")
    error = error_of(lambda: from_national(m.FeeUploadRequest, data, root="$.input"))

    assert (ErrorCode.E_MISSING_FIELD, "$.input.psn_no") == (error.code, error.at)
    nested = json_error(JSON_UPLOAD.replace(b'"cnt":"1.0000",', b""))
    assert (ErrorCode.E_MISSING_FIELD, "$.feedetail[0].cnt") == (nested.code, nested.at)
    assert "E_MISSING_FIELD" == refused(t.STATUS_QUERY, encode(["P1"])).code


@pytest.mark.parametrize("again", [b'"amt"', b'"am\\u0074"'])
def test_w15_duplicate_key(again):
    """W15: a key that comes twice is E_DUPLICATE_KEY, however it is escaped."""
    error = json_error(b'{"amt":1,' + again + b":2}")

    assert (ErrorCode.E_DUPLICATE_KEY, "$.amt") == (error.code, error.at)


# --- Values -------------------------------------------------------------------------------------


BAD_NATIVE_AMOUNTS = [
    *(1.0, 1e3, -0.0, float("nan"), "100", "9" * 4000, True, None, -1, 10**12, 2**64 - 1),
]


@pytest.mark.parametrize("value", BAD_NATIVE_AMOUNTS, ids=lambda value: repr(value)[:8])
def test_w16_native_amounts(value):
    """W16: an amount that is not an integer of 0 to 10^11 fen is E_AMOUNT at its field."""
    answer = refused(t.OUTPATIENT_SETTLEMENT, changed(h.bill(), "total_fen", value))

    assert ("E_AMOUNT", "$.total_fen") == (answer.code, answer.at)


BAD_JSON_AMOUNTS = ["1e3", "true", "null", "-1", "-0", "1000000000", "9" * 4000, '"NaN"', '"1_0"',
                    '"１"', "1.234", '"1,000.00"', "[]", "{}", '""']  # fmt: skip


@pytest.mark.parametrize("text", BAD_JSON_AMOUNTS, ids=lambda text: text[:8])
def test_w16_json_amounts(text):
    """W16: in JSON an amount is yuan with at most two decimals, bare or quoted."""
    error = json_error(JSON_UPLOAD.replace(b'"1000.00"', text.encode()))

    assert ErrorCode.E_AMOUNT == error.code
    assert "$.feedetail[0].det_item_fee_sumamt" == error.at


def test_w17_split():
    """W17: an answer whose parts do not add up is E_SPLIT at hub and treatment region."""
    net = h.Net()
    net.ask(t.OUTPATIENT_FEES, h.upload())
    net.lose = lambda sender, envelope: sender == h.INSURED
    net.ask(t.OUTPATIENT_SETTLEMENT, h.bill())
    case, sent = net.case(), net.passed[-1]
    wrong = m.SettlementResult(
        institution=h.HOSPITAL, visit="V1", batch="B1", person_no=h.PERSON, insutype="310",
        psn_type="1101", med_type="11", settlement_id="S1", total_fen=100_000, in_scope_fen=0,
        deductible_fen=0, ratio_bp=0, funds=[], fund_fen=0, account_fen=0, cash_fen=99_999,
        hospital_fen=0, balance_fen=0,
    )  # fmt: skip
    for node, hop in ((net.hub, h.INSURED), (net.treatment, h.HUB)):
        origin = Origin(
            t.OUTPATIENT_SETTLEMENT, 1, "M1", sent.origin.message_id, h.INSURED, h.TREATMENT,
            case.key, "310000", "340600", 0, net.now, 0, "",
        )  # fmt: skip
        link = Link(hop, node.address, 1, 0, net.now)
        forged = Envelope(node.address, origin, b"", encode(wrong), None, link)
        before = h.memory(node)
        error = error_of(lambda: node.handle(forged, net.now))  # noqa: B023
        assert (ErrorCode.E_SPLIT, before) == (error.code, h.memory(node))
        assert "total=100000 sum=99999" == error.got


BAD_IDENTITIES = {
    "checksum": h.IDENTITY[:-1] + ("0" if h.IDENTITY[-1] != "0" else "1"),
    "17 digits": h.IDENTITY[:17],
    "lower-case x": h.IDENTITY[:17] + "x",
    "full-width": "９９" + h.IDENTITY[2:],
    "19990230": "990000199902300017",
    "future": "990000209901010017",
}


@pytest.mark.parametrize("name", BAD_IDENTITIES)
def test_w18_identity(name):
    """W18: a wrong identity number is E_IDCARD, and the answer does not repeat it."""
    number = BAD_IDENTITIES[name]
    answer = refused(t.ELIGIBILITY, m.EligibilityRequest(person_no=h.PERSON, certificate_no=number))

    assert ("E_IDCARD", "$.certificate_no") == (answer.code, answer.at)
    assert number not in answer.facts


def test_w18_other_certificates():
    """W18 is about identity numbers: a passport, or no certificate at all, is not measured."""
    net = h.Net()
    passport = m.EligibilityRequest(
        person_no=h.PERSON, certificate_type="09", certificate_no="E12345678"
    )

    assert "E_PERSON_MISMATCH" == net.ask(t.ELIGIBILITY, passport).code
    assert isinstance(
        net.ask(t.ELIGIBILITY, m.EligibilityRequest(person_no=h.PERSON)), m.EligibilityResult
    )


@pytest.mark.parametrize("code", ["000000", "100000", "999999", "34060", "３４０６００", "34060a"])
def test_w19_region(code):
    """W19: a code without the prefix of a province is E_REGION, where it is insured or filed."""
    answer = refused(t.ELIGIBILITY, m.EligibilityRequest(person_no=h.PERSON), insured=code)
    opening = m.VisitOpening(
        visit="V1", person_no="P", insured=code, insutype="310", med_type="11", begin=1
    )

    assert ("E_REGION", "$.insured") == (answer.code, answer.at)
    assert "E_REGION" == refused(t.REGISTRATION, opening).code


def test_w19_region_not_in_the_network():
    """W19: a region that exists but is not connected is E_REGION, said by the hub."""
    answer = h.Net().ask(t.ELIGIBILITY, m.EligibilityRequest(person_no="P"), insured="650100")

    assert "E_REGION" == answer.code


BAD_KEYS = ["", "a b", "a\nb", "a\x00b", "a/b", "a+b", "a#b", "钥匙"]


@pytest.mark.parametrize("key", BAD_KEYS, ids=ascii)
def test_w20_keys(key):
    """W20: a visit or message id with anything that does not belong is E_KEY_FORMAT."""
    upload = h.upload(visit=key)
    asked = refused(t.OUTPATIENT_FEES, h.upload(), message_id=key)

    assert ("E_KEY_FORMAT", "$.visit") == (refused(t.OUTPATIENT_FEES, upload).code, "$.visit")
    assert ("E_KEY_FORMAT", "$.message_id") == (asked.code, asked.at)
    if key:
        assert "E_KEY_FORMAT" == refused(t.OUTPATIENT_FEES, h.upload(batch=key)).code
        assert "E_KEY_FORMAT" == refused(t.STATUS_QUERY, QUERY, case_key=key).code


def test_w20_key_too_long():
    """W20: a key of 31 characters is E_KEY_FORMAT, in the body, the origin and in JSON."""
    answer = refused(t.OUTPATIENT_FEES, changed(UPLOAD, "visit", "v" * 31))
    long = h.Net().request(t.STATUS_QUERY, QUERY, message_id="M" * 31)
    json = json_error(JSON_UPLOAD.replace(b'"V1"', b'"' + b"v" * 31 + b'"'))

    assert ("E_KEY_FORMAT", "$.visit") == (answer.code, answer.at)
    assert ErrorCode.E_KEY_FORMAT == error_of(lambda: unframe(frame(long, LINK))).code
    assert (ErrorCode.E_KEY_FORMAT, "$.mdtrt_id") == (json.code, json.at)


BAD_DAYS = ["2026-02-29", "2026-13-01", "0001-01-01", "9999-01-01", "2026-3-1", "２０２６-03-01"]


@pytest.mark.parametrize("day", BAD_DAYS)
def test_w21_days(day):
    """W21: an impossible day, or one of no plausible year, is E_DATE in both forms."""
    body = m.BenefitCheckRequest(
        person_no="P", insutype="310", institution=h.HOSPITAL, med_type="11", begin=day
    )
    answer = refused(t.BENEFIT_CHECK, body)
    error = json_error(to_national(body), m.BenefitCheckRequest)

    assert ("E_DATE", "$.begin") == (answer.code, answer.at)
    assert (ErrorCode.E_DATE, "$.begntime") == (error.code, error.at)


@pytest.mark.parametrize(
    "text", ["2026-02-29 00:00:00", "2026-03-16T08:00:00+08:00", "2026-03-16 24:00:00", "1"]
)
def test_w21_instants(text):
    """W21: an instant with a zone, or at no time of day, is E_DATE."""
    data = to_national(h.bill()).replace(b"2026-03-16 00:00:00", text.encode(), 1)
    error = json_error(data, m.SettlementRequest)

    assert (ErrorCode.E_DATE, "$.begntime") == (error.code, error.at)


def test_w21_day_with_a_zone():
    """W21: a day with a time and a zone does not fit into a day, which is E_DATE."""
    body = changed(h.filing(), "valid_from", "2026-03-16T08:00:00+08:00")

    assert "E_DATE" == refused(t.FILING, body, **h.FROM_PERSON).code


def test_w22_clock_skew():
    """W22: a frame sent ten minutes off the hub's clock is E_CLOCK_SKEW skew=600s max=300s."""
    hub = LinkEnd(h.HUB, h.TREATMENT, checks_clock=True)
    message = seal(h.HUB, h.Net().request(t.STATUS_QUERY, QUERY).origin, b"")
    off = frame(message, Link(h.TREATMENT, h.HUB, 1, 0, h.START - 600_000_000))
    error = error_of(lambda: hub.receive(off, h.START))

    assert (ErrorCode.E_CLOCK_SKEW, "skew=600s", "max=300s") == (error.code, error.got, error.want)
    assert 0 == hub.received


# --- Sizes and sums -----------------------------------------------------------------------------


def test_w25_too_many_lines():
    """W25: more than 2,000 fee lines are E_TOO_MANY_ITEMS limit=2000 in both forms."""
    lines = [m.FeeLine(number, "XA", 1, 1, 0) for number in range(1, 2_002)]
    answer = refused(t.OUTPATIENT_FEES, h.upload(lines=lines))
    error = json_error(to_national(h.upload(lines=lines)))
    million = json_error(b'{"feedetail":[' + b"{}," * 100_000 + b"{}]}")

    assert ("E_TOO_MANY_ITEMS", "$.lines", "limit=2000") == (answer.code, answer.at, answer.facts)
    assert (ErrorCode.E_TOO_MANY_ITEMS, 2_000) == (error.code, error.limit)
    assert (ErrorCode.E_TOO_MANY_ITEMS, 2_000) == (million.code, million.limit)
    assert "$.feedetail" == error.at == million.at


def test_w26_item_sum():
    """W26: a line whose quantity times price is another amount is E_ITEM_SUM at its place."""
    lines = [m.FeeLine(n, "XA", 10_000, 1_000_000, 100 + (n == 18)) for n in range(1, 21)]
    answer = refused(t.OUTPATIENT_FEES, h.upload(lines=lines))

    assert ("E_ITEM_SUM", "$.lines[17]") == (answer.code, answer.at)


def test_w26_parts_of_an_item():
    """W26: a line that carries its four amounts must have them add up."""
    lines = [m.FeeLine(1, "XA", 10_000, 1_000_000, 100, 1, 1, 1, 1)]

    assert "E_ITEM_SUM" == refused(t.OUTPATIENT_FEES, h.upload(lines=lines)).code


def test_w26_bill_differs_from_lines():
    """W26: a bill that is not what the lines come to is E_TOTAL_MISMATCH, and forwards nothing."""
    net = h.Net()
    net.ask(t.OUTPATIENT_FEES, h.upload())

    assert "E_TOTAL_MISMATCH" == refused(t.OUTPATIENT_SETTLEMENT, h.bill(fen=99_999), net).code


@pytest.mark.parametrize("sequence", [0, 1 + 10**9])
def test_w28_sequence(sequence):
    """W28: a jump of 10^9 or a reset to 0 is E_SEQ_GAP, and the end remembers nothing of it."""
    end = LinkEnd(h.HUB, h.TREATMENT)
    message = seal(h.HUB, h.Net().request(t.STATUS_QUERY, QUERY).origin, b"")
    bad = frame(message, Link(h.TREATMENT, h.HUB, sequence, 0, h.START))

    assert ErrorCode.E_SEQ_GAP == error_of(lambda: end.receive(bad, h.START)).code
    assert (0, 0) == (end.received, len(end.missing))


@pytest.mark.parametrize("transaction", [t.OUTPATIENT_SETTLEMENT, t.REVERSAL, t.STATUS_QUERY])
@pytest.mark.parametrize("address", [h.TREATMENT, h.INSURED])
def test_w29_answer_to_nothing(address, transaction):
    """W29: an answer to a request that was never sent is counted and changes nothing else."""
    net = h.Net()
    node = net.nodes[address]
    origin = Origin(transaction, 1, "M1", "NEVER", h.HUB, address, "K", "310000", "340600", 0, 1,
                    0, "")  # fmt: skip
    before = h.memory(node)
    envelope = Envelope(address, origin, b"", b"\xc1", None, Link(h.HUB, address, 1, 0, 1))
    outputs = node.handle(envelope, net.now)

    assert ([], {"E_UNMATCHED": 1}) == (outputs, node.state.counters)
    node.state.counters.clear()
    assert before == h.memory(node)


@pytest.mark.parametrize(
    ("field", "value"),
    [("person_no", "P9"), ("original_transaction", t.INPATIENT_SETTLEMENT), ("total_fen", 99_999)],
)
def test_w30_reversal_of_something_else(field, value):
    """W30: a reversal with another person, transaction or amount is E_REVERSAL_MISMATCH."""
    net = h.Net()
    h.settled(net)
    original = next(
        one.origin.message_id
        for one in net.passed
        if one.origin.transaction == t.OUTPATIENT_SETTLEMENT
    )
    given = {"person_no": h.PERSON, "original_message_id": original,
             "original_transaction": t.OUTPATIENT_SETTLEMENT, field: value}  # fmt: skip

    assert "E_REVERSAL_MISMATCH" == refused(t.REVERSAL, m.ReversalRequest(**given), net).code
    assert ("SETTLED", "SETTLED", "SETTLED") == net.states()


def test_w31_a_million_keys():
    """W31: a map of a million keys is E_FRAME_TOO_LARGE before anything is built of it."""
    native = msgspec.msgpack.encode({str(number): 0 for number in range(100_000)})
    json = b"{" + b",".join(b'"%d":0' % number for number in range(120_000)) + b"}"

    assert ErrorCode.E_FRAME_TOO_LARGE == error_of(lambda: unframe(native)).code
    error = json_error(json)
    assert (ErrorCode.E_FRAME_TOO_LARGE, 1_048_576) == (error.code, error.limit)
