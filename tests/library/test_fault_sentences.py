"""Fault sentences: what each says, and what a misspelt one is answered."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yidi.protocol.errors import ErrorCode, ScenarioError
from yidi.protocol.instants import DAY, HOUR, MINUTE, SECOND
from yidi.protocol.transactions import TRANSACTIONS, codes_of
from yidi.scenarios.library.fault_sentences import Change, parse_fault

SETTLEMENTS = ("2102", "2207", "2304")


@pytest.mark.parametrize(
    ("sentence", "wanted"),
    [
        ("lose the 2nd settlement answer from 340600 to 310000 on day 3",
         {"action": "lose", "nth": 2, "transactions": SETTLEMENTS, "side": "answer",
          "sender": "340600", "recipient": "310000", "starts": 2 * DAY, "ends": 3 * DAY}),
        ("duplicate every 100th reversal",
         {"action": "duplicate", "nth": None, "every": 100, "transactions": ("2601",),
          "side": "request", "copies": 2}),
        ("delay every settlement answer from 340600 by 40s",
         {"action": "delay", "every": 1, "delay": 40 * SECOND, "recipient": None}),
        ("cut 340600 off between 9h30m and 9h45m",
         {"action": "cut", "region": "340600", "starts": 9 * HOUR + 30 * MINUTE,
          "ends": 9 * HOUR + 45 * MINUTE}),
        ("Lose every settlement answer of case Visit-1 after 9h until 10h",
         {"case": "Visit-1", "starts": 9 * HOUR, "ends": 10 * HOUR}),
        ("lose the first message from hub to 310000 on day 2 between 1h and 2h",
         {"transactions": (), "side": "any", "sender": "hub", "starts": DAY + HOUR,
          "ends": DAY + 2 * HOUR}),
        ("cut the hub off after 3d", {"region": "hub", "starts": 3 * DAY, "ends": None}),
        ("duplicate all fee uploads with 3 copies by 2s",
         {"transactions": ("2204", "2301"), "copies": 4, "delay": 2 * SECOND}),
        ("lose the 1st 2207 request", {"transactions": ("2207",), "nth": 1}),
        ("add exp_note to every settlement of case visit from hub to 340600",
         {"action": "change", "change": Change(kind="add", field="exp_note"), "every": 1,
          "case": "visit", "sender": "hub", "recipient": "340600"}),
        ("leave psn_no out of the 1st settlement from hub to 340600",
         {"action": "change", "change": Change(kind="omit", field="psn_no"), "nth": 1,
          "sender": "hub"}),
        ("change mdtrt_id to Visit-2 in the 2nd pre-settlement",
         {"action": "change", "change": Change(kind="set", field="mdtrt_id", value="Visit-2"),
          "nth": 2}),
        ("duplicate the 1st settlement changing medfee_sumamt to 9.00 by 3s",
         {"action": "duplicate", "delay": 3 * SECOND,
          "change": Change(kind="set", field="medfee_sumamt", value="9.00")}),
    ],
)  # fmt: skip
def test_a_sentence_says_what_it_says(sentence, wanted):
    """Each part of the sentence has its place in the rule."""
    rule = parse_fault(sentence)

    assert wanted == {name: getattr(rule, name) for name in wanted}


@given(st.sampled_from(TRANSACTIONS), st.sampled_from(["_", "-", " "]), st.booleans())
def test_every_word_of_the_catalogue_may_be_named(row, joint, many):
    """With underscores, hyphens or blanks, singular or plural."""
    word = row.word.replace("_", joint) + ("s" if many and not row.word.endswith("s") else "")

    assert codes_of(row.word) == parse_fault(f"lose every {word} answer").transactions


@pytest.mark.parametrize(
    ("sentence", "want"),
    [
        ("loose the 2nd settlement", 'did you mean "lose"?'),
        ("lose the 2nd setlement answer", 'did you mean "settlement"?'),
        ("lose every settlement answr", 'did you mean "answer"?'),
        ("lose every settlement form 340600", 'did you mean "from"?'),
        ("delay every settlement", "by and a duration, such as `by 40s`"),
        ("lose settlement", "the 2nd, every 100th, or every"),
        ("lose the 0th settlement", "an ordinal from 1st"),
        ("cut 3406 off", "a region code of six digits, or hub"),
        ("cut 340600 of", "off"),
        ("lose every settlement on day 0", "a number 1..3660"),
        ("lose every settlement of case", "the id of a case"),
        ("lose every settlement between 1h and", "a duration"),
        ("add 9 to every settlement", "a field, such as psn_no"),
        ("leave psn_no out every settlement", "of"),
        ("change psn_no to 1 every settlement", "in"),
        ("lose every settlement changing psn_no to 1", "changing beside duplicate alone"),
        ("", "an action"),
    ],
)
def test_a_misspelt_sentence_is_answered_with_what_was_expected(sentence, want):
    """E_EXPRESSION, and the word it stands at."""
    with pytest.raises(ScenarioError) as caught:
        parse_fault(sentence)

    assert (ErrorCode.E_EXPRESSION, want) == (caught.value.code, caught.value.want)


@given(st.text("abc 0123456789thndsr-'{}", max_size=40), st.sampled_from(["lose ", "cut ", ""]))
def test_any_text_is_parsed_or_refused(text, action):
    """Nonsense is a scenario error, never a crash."""
    with suppress(ScenarioError):
        assert action + text == parse_fault(action + text).sentence


def test_a_table_narrows_the_window_of_its_sentence():
    """`from` and `until` of [[fault]] are laid over the sentence's own."""
    rule = parse_fault("lose every settlement between 1h and 3h").within(2 * HOUR, None)

    assert (2 * HOUR, 3 * HOUR) == (rule.starts, rule.ends)
