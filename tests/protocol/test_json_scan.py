from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import error_of
from yidi.protocol.errors import DecodeError
from yidi.protocol.json_scan import DEPTH_MAX, ITEMS_MAX, scan

SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
VALUES = st.recursive(
    SCALARS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


def quoted(value: object) -> object:
    """A document with every number as the text that JSON writes for it."""
    if isinstance(value, dict):
        return {key: quoted(one) for key, one in value.items()}
    if isinstance(value, list):
        return [quoted(one) for one in value]
    return json.dumps(value) if type(value) in (int, float) else value


@given(VALUES, st.booleans(), st.sampled_from([None, 1]))
def test_any_json_passes_with_its_numbers_quoted(value, ascii_only, indent):
    """What json writes is walked, and every number leaves as the digits it came with."""
    text = json.dumps(value, ensure_ascii=ascii_only, indent=indent)

    assert quoted(value) == json.loads(scan(text.encode(), None).document)


@given(st.text(' \t\n{}[]:,"\\0123456789.eE+-truefalsn\x00\u0131', max_size=24))
def test_what_python_reads_is_read_and_all_else_is_refused(text):
    """On any text the walk agrees with json on whether it is a document at all."""

    def no_constant(name):
        raise ValueError(name)

    repeats = []

    def pairs(items):
        repeats.append(len(items) != len({key for key, _ in items}))

    try:
        json.loads(text, object_pairs_hook=pairs, parse_constant=no_constant)
        valid = not any(repeats)
    except ValueError:
        valid = False
    error = error_of(lambda: scan(text.encode(), None))

    assert valid is (error is None), error


@given(st.binary(max_size=60))
def test_any_bytes_pass_or_are_a_decode_error(data):
    """Nothing a peer can send raises anything else."""
    error = error_of(lambda: scan(data, {}))

    assert error is None or len(error.got) <= 64


@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_depth_has_a_limit(opening):
    """The deepest allowed document passes, one level more is refused."""
    closing = "]" if opening == "[" else "}"
    for depth, passes in ((DEPTH_MAX, True), (DEPTH_MAX + 1, False)):
        data = (opening * depth + "1" + closing * depth).encode()
        if passes:
            scan(data, None)
        else:
            with pytest.raises(DecodeError, match="nested too deeply"):
                scan(data, None)


def test_an_array_has_a_limit():
    """2,000 items pass, 2,001 are E_TOO_MANY_ITEMS at the array's path."""
    scan(b'{"a":[' + b",".join([b"1"] * ITEMS_MAX) + b"]}", None)
    with pytest.raises(DecodeError) as caught:
        scan(b'{"a":[' + b",".join([b"1"] * (ITEMS_MAX + 1)) + b"]}", None)

    assert ("E_TOO_MANY_ITEMS", "$.a") == (caught.value.code, caught.value.at)


def test_unknown_paths_are_named_once_and_whole():
    """Known objects are looked into, unknown ones are named and left alone."""
    shape = {"a": {"b": None}, "c": None}
    found = scan(b'{"a":[{"b":1},{"x":{"y":1}}],"c":{"z":1},"\\u0000":2}', shape, "$.input")

    assert ("$.input.a[1].x", "$.input.\\x00") == found.unknown
