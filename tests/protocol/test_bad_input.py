"""One test or more for each row of the table of bad input, in native and in JSON form.

Frames and documents are here, values, sizes and sums in `test_bad_values`. Each looks for the
exact code and finds the nodes' memories as they were. W02, W04 and W05 of frames with magic and
checksum stand in `test_journal` and `test_journal_reader`, since only the journal has such
frames; here is the network's frame. More of W22 and W28 is in `test_link`.
"""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.nodes import visit_harness as h
from tests.refusals import JSON_UPLOAD, LINK, QUERY, UPLOAD, error_of, json_error, refused
from yidi.protocol import messages as m
from yidi.protocol import transactions as t
from yidi.protocol.codec import encode
from yidi.protocol.envelope import frame, unframe
from yidi.protocol.errors import ErrorCode
from yidi.protocol.journal_reader import iterate_records
from yidi.protocol.national import from_national

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
from tests.protocol.test_bad_input import JSON_DEEP, NATIVE_DEEP
from tests.refusals import error_of, json_error
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
        child, cwd=request.config.rootpath, capture_output=True, encoding="utf-8", check=False
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
