"""Bad input of values, sizes and sums: rows W16 to W31, in native and in JSON form."""

from __future__ import annotations

import gzip
import zlib

import msgspec
import pytest

from tests.nodes import visit_harness as h
from tests.refusals import JSON_UPLOAD, LINK, QUERY, UPLOAD, changed, error_of, json_error, refused
from yidi.broker.link import LinkEnd
from yidi.protocol import messages as m
from yidi.protocol import transactions as t
from yidi.protocol.codec import encode
from yidi.protocol.envelope import Envelope, Link, Origin, frame, seal, unframe
from yidi.protocol.errors import ErrorCode
from yidi.protocol.national import to_national

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


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress])
def test_w27_a_body_is_never_inflated(pack):
    """W27: nothing is compressed between nodes, so a bomb does not decode, and grows to nothing.

    Of an archive that an institution uploads (9101) it is E_DECOMPRESS_LIMIT limit=1048576, in
    `test_institution_files`.
    """
    assert "E_DECODE" == refused(t.STATUS_QUERY, pack(bytes(4_000_000))).code


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
