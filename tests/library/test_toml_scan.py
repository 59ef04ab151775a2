"""The scanner: every key's line, whatever the text around it looks like."""

from __future__ import annotations

import tomllib
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.library.samples import TINY
from yidi.protocol.errors import ScenarioError
from yidi.scenarios.library.settings import write_toml
from yidi.scenarios.library.toml_scan import check_depth, line_index

TRICKY = '''
a = "not [ a # bracket" # comment with " and [
b = """
c = 1
[not.a.table]
""" # after
"quoted key" = [
  1, # first
  { x = 2, y = [3, 4] },
]
[t.u]
v.w = 'literal \\'
[[n]]
k = 1
[n.sub]
k = 2
[[n]]
k = 3
'''


def test_every_key_has_its_line():
    """Strings, comments and inline tables do not mislead the count."""
    index = line_index(TRICKY)

    wanted = {
        ("a",): 2,
        ("quoted key",): 7,
        ("quoted key", 0): 8,
        ("quoted key", 1, "y"): 9,
        ("t", "u", "v", "w"): 12,
        ("n", 0, "k"): 14,
        ("n", 0, "sub", "k"): 16,
        ("n", 1, "k"): 18,
    }
    assert wanted == {path: index.get(path) for path in wanted}
    assert ("c",) not in index


def _places(value, place=()):
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _places(inner, (*place, key))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _places(inner, (*place, number))
    if place:
        yield place


@pytest.mark.parametrize("text", [TINY, TRICKY])
def test_the_index_knows_every_place_of_the_document(text):
    """Whatever `tomllib` finds has a line."""
    index = line_index(text)

    assert [] == [place for place in _places(tomllib.loads(text)) if place not in index]


KEYS = st.text("ab-_ .[\"'#=", min_size=1, max_size=4)
VALUES = st.recursive(
    st.integers(0, 9) | st.text("ab[]{}#='\"\\\n", max_size=6) | st.booleans(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text("ab-_", min_size=1, max_size=4), VALUES, max_size=4))
def test_no_document_confuses_the_scanner(data):
    """The scanner passes over any text that parses, and its lines lie within the text."""
    text = write_toml(data)
    index = line_index(text)

    assert tomllib.loads(text) == data
    assert all(1 <= line <= text.count("\n") + 1 for line in index.values())


@given(st.text("[]{}\"'#=.,\n\\a1 ", max_size=60))
def test_the_depth_check_ends_on_any_text(text):
    """Nonsense is either passed on to the parser or refused; it never hangs or crashes."""
    with suppress(ScenarioError):
        assert check_depth(text, "x") is None
