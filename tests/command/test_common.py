"""What the verbs share: language, seeds, text that is safe to show, tables."""

from __future__ import annotations

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from yidi.scenarios.command.common import (
    SEED,
    SEED_MAX,
    language_of,
    print_json,
    print_table,
    printable,
    width,
)


@pytest.mark.parametrize(
    ("words", "environment", "language"),
    [
        ([], {}, "zh"),
        ([], {"LANG": "C"}, "zh"),
        ([], {"LANG": "en_GB.UTF-8"}, "en"),
        ([], {"LANG": "en_GB.UTF-8", "LC_ALL": "zh_CN.UTF-8"}, "zh"),
        ([], {"LANG": "en_GB.UTF-8", "LC_ALL": ""}, "en"),
        (["run", "--lang", "zh"], {"LANG": "en_GB.UTF-8"}, "zh"),
        (["run", "--lang=en"], {}, "en"),
        (["--lang", "en", "run", "--lang", "zh"], {}, "zh"),
        (["run", "--lang", "xx"], {}, "zh"),
        (["run", "--lang"], {}, "zh"),
    ],
)
def test_the_language_is_asked_for_or_that_of_the_locale(words, environment, language):
    """The last `--lang` wins, then LC_ALL, LC_MESSAGES and LANG, then Chinese."""
    assert language == language_of(words, environment)


@given(st.integers(0, SEED_MAX))
def test_every_seed_of_64_bits_is_read(seed):
    """A seed is read as the number it is written as."""
    assert seed == SEED.convert(str(seed), None, None)


@pytest.mark.parametrize("text", ["", "abc", "-1", "+1", "1.0", "1_0", " 1", "٣", str(2**64)])
def test_c02_another_seed_is_refused(text):
    """C02: what is not a whole number of 64 bits is E_SEED, a mistake of usage."""
    with pytest.raises(click.BadParameter, match="E_SEED"):
        SEED.convert(text, None, None)


@given(st.text())
def test_shown_text_cannot_move_the_cursor(text):
    """No control, direction or surrogate character is left, and plain text is untouched."""
    shown = printable(text)

    bare = shown.replace("\n", "").replace("\t", "")
    assert all(character.isprintable() or character.isspace() for character in bare)
    assert len(bare.splitlines()) <= 1
    assert shown == printable(shown)
    shown.encode("utf-8")


@given(st.lists(st.tuples(st.text("甲乙ab1 ", max_size=9), st.integers()), min_size=1))
def test_columns_of_a_table_stand_under_each_other(rows):
    """Each line of a table has its second column flush right at the same place."""
    with pytest.MonkeyPatch.context() as patch:
        lines = []
        patch.setattr("builtins.print", lines.append)
        print_table(("名称", "n"), rows, right=[1])

    assert 1 + len(rows) == len(lines)
    assert 1 == len({width(line) for line in lines})


def test_json_is_printed_as_it_is_read(capsys):
    """JSON output keeps Chinese as text and ends with one newline."""
    print_json({"name": "淮北", "fen": 12})

    assert '{\n  "name": "淮北",\n  "fen": 12\n}\n' == capsys.readouterr().out
