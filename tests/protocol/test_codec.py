from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import bodies, error_of
from yidi.protocol import codec
from yidi.protocol import messages as m
from yidi.protocol.codec import check_depth, decode_native, encode, named_path
from yidi.protocol.errors import DecodeError, ErrorCode

UPLOADS = msgspec.msgpack.Decoder(m.FeeUploadRequest)


def nested(depth: int, wide: bool) -> object:
    """Lists or maps inside each other."""
    value: object = 1
    for _ in range(depth):
        value = {"k": value} if wide else [value]
    return value


@given(bodies)
def test_every_body_is_read_as_it_was_written(body):
    """decode(encode(x)) == x, for every type of the catalogue."""
    assert body == decode_native(msgspec.msgpack.Decoder(type(body)), encode(body))


@given(bodies, st.data())
def test_damage_is_a_body_or_a_decode_error(body, data):
    """A byte changed anywhere gives a body or a DecodeError with a path, never anything else."""
    raw = bytearray(encode(body))
    raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    error = error_of(lambda: decode_native(msgspec.msgpack.Decoder(type(body)), bytes(raw)))
    if error is not None:
        assert error.at.startswith(("$", "byte"))
        assert len(error.got) <= 64


@given(bodies)
def test_a_later_version_may_append(body):
    """A field appended by a later version is passed over."""
    longer = encode([*msgspec.msgpack.decode(encode(body)), {"new": [1, 2]}])

    assert body == decode_native(msgspec.msgpack.Decoder(type(body)), longer)


@pytest.mark.parametrize(
    ("path", "named"),
    [
        ("$[6][17][4]", "$.lines[17].amount_fen"),
        ("$[6][...][1]", "$.lines[...].item"),
        ("$[0]", "$.institution"),
        ("$", "$"),
    ],
)
def test_a_position_becomes_a_name(path, named):
    """What a person mends is called by its field, not by its position."""
    assert named == named_path(m.FeeUploadRequest, path)


def test_the_place_of_an_error_inside_a_list():
    """The index and the field of the wrong line are told."""
    values = msgspec.msgpack.decode(
        encode(
            m.FeeUploadRequest(
                institution="H", visit="V", batch="B", person_no="P", insutype="310",
                med_type="11", lines=[m.FeeLine(n, "X", 1, 1, 1) for n in range(1, 4)],
            )
        )
    )  # fmt: skip
    values[6][2][4] = -5
    with pytest.raises(DecodeError) as caught:
        decode_native(UPLOADS, encode(values))

    assert ErrorCode.E_AMOUNT == caught.value.code
    assert caught.value.at.startswith("$.lines[")
    assert caught.value.at.endswith("].amount_fen")


@given(st.integers(1, 60), st.booleans(), st.booleans())
def test_depth_is_measured(depth, wide, padded):
    """The walk finds the depth of any document, behind whatever scalars stand before it."""
    before = [b"\x91" * 300, "钱" * 50, 2**40, -5, 1.5, None, True] if padded else []
    document = encode([*before, nested(depth, wide)])

    assert min(depth + 2, codec.DEPTH_MAX + 1) == codec._depth_of(document)


def test_a_document_full_of_headers_that_is_flat_is_no_danger():
    """Thousands of fee lines, or of Chinese characters, are walked and found to be flat."""
    lines = [m.FeeLine(n, "钱" * 16, 1, 1, 1) for n in range(1, 2_001)]

    check_depth(encode(lines))
    check_depth(encode(["钱" * 9_000]))


def test_a_document_that_could_overflow_a_stack_is_refused():
    """Beyond what any stack takes, nesting is refused before it is decoded."""
    with pytest.raises(DecodeError, match="nested too deeply"):
        check_depth(b"\x92\xa1a" + b"\x91" * 100_000)
