"""The option `--external`, and who takes part as what."""

from __future__ import annotations

import pytest

from yidi.nodes.observed import Observed
from yidi.protocol.errors import ScenarioError
from yidi.scenarios.live.externals import SERVED, Introduction, observed_of, parse_externals

KNOWN = ("hub:100000", "insured:340100", "insured:340600", "insured:320500", "treatment:310000",
         "treatment:340600", "province:340000")  # fmt: skip
URL = "http://127.0.0.1:9000/callService"


def test_a_prefix_names_every_region_that_begins_so() -> None:
    """One installation serves a province."""
    found = parse_externals([f"insured:34*={URL}"], KNOWN)

    assert [("insured:340100", URL), ("insured:340600", URL)] == [
        (one.address, one.url) for one in found
    ]


def test_both_roles_may_stand_at_one_address() -> None:
    """Each is a node of its own here."""
    found = parse_externals([f"insured:340600={URL}", f"treatment:340600={URL}"], KNOWN)

    assert ["insured:340600", "treatment:340600"] == [one.address for one in found]


def test_without_url_it_comes_over_the_engine() -> None:
    """MQTT or NATS, as the run has it."""
    found = parse_externals(["insured:340600"], KNOWN, "mqtt://127.0.0.1:1883")[0]

    assert ("mqtt", "nats") == (found.carrier("mqtt://x"), found.carrier("nats://x"))


def test_settings_stand_behind_the_hash() -> None:
    """What the node serves, its level, its form, and how long is waited."""
    text = f"insured:340600={URL}#serves=2206,2207&level=1&format=msgpack&amounts=off&answer=2.5"
    found = parse_externals([text], KNOWN)[0]

    assert (("2206", "2207"), 1, "msgpack", False, 2.5, URL) == (
        found.serves, found.level, found.format, found.amounts, found.answer_seconds, found.url,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("340600", "E_EXPRESSION"),
        ("insured", "E_EXPRESSION"),
        ("person:340600=http://h/", "E_EXPRESSION"),
        ("insured:340600=ftp://h/", "E_ENGINE"),
        ("insured:340600", "E_ENGINE"),
        ("insured:340600=http://me:secret@h/", "E_ENGINE"),
        ("insured:999999=http://h/", "E_REGION"),
        ("insured:99*=http://h/", "E_REGION"),
        ("insured:340600=http://h/#serves=9999", "E_EXPRESSION"),
        ("insured:340600=http://h/#serves=", "E_EXPRESSION"),
        ("insured:340600=http://h/#level=2", "E_EXPRESSION"),
        ("insured:340600=http://h/#answer=0", "E_EXPRESSION"),
        ("insured:340600=http://h/#answer=nan", "E_EXPRESSION"),
        ("insured:340600=http://h/#colour=red", "E_EXPRESSION"),
        ("insured:340600=http://h/#serves", "E_EXPRESSION"),
    ],
)
def test_what_is_no_own_node_of_this_network_is_refused(text: str, code: str) -> None:
    """Exit code 2, with what was wanted."""
    with pytest.raises(ScenarioError, match=code):
        parse_externals([text], KNOWN)


def test_a_secret_on_the_command_line_is_not_repeated() -> None:
    """The refusal names the node and where credentials belong, and nothing else."""
    with pytest.raises(ScenarioError) as refused:
        parse_externals(["insured:340600=http://me:secret@h/"], KNOWN)

    assert "secret" not in str(refused.value)


def test_one_node_is_named_once() -> None:
    """Twice the same address is a mistake."""
    with pytest.raises(ScenarioError, match="E_REFERENCE"):
        parse_externals([f"insured:34*={URL}", f"insured:340600={URL}"], KNOWN)


def test_the_option_beats_the_nodes_word_and_that_the_default() -> None:
    """In that order, for each setting."""
    plain, told = parse_externals(
        [f"insured:340600={URL}", f"insured:340100={URL}#serves=2206&level=0"], KNOWN
    )
    word = Introduction(serves=("2207",), level=1)

    assert (("2206",), 0) == settings(observed_of(told, word, "embedded"))
    assert (("2207",), 1) == settings(observed_of(plain, word, "embedded"))
    default = observed_of(plain, Introduction(), "embedded")
    assert (tuple(sorted(SERVED["insured"])), 0) == settings(default)


def settings(observed: Observed) -> tuple[tuple[str, ...], int]:
    """What the two may say."""
    return observed.serves, observed.level
