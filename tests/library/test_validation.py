"""Every row of the scenario-file table (S01-S16): its code, and file:line:key."""

from __future__ import annotations

import os

import pytest

from tests.library.samples import FLOW, TINY, line_of, refusal, replaced
from yidi.protocol.errors import ErrorCode, ScenarioError
from yidi.scenarios.library.loader import load, load_bytes

LINK = 'to = "*"'
SECOND = """[[case]]
id = "visit-1"
person = "lin"
institution = "H31010100001"
[[case.step]]
do = "eligibility"
"""


def _fault(sentence: str, more: str = "") -> str:
    return f'{TINY}\n[[fault]]\ndo = "{sentence}"\n{more}'


@pytest.mark.parametrize("what", ["missing", "directory", "device", "fifo", "large"])
def test_s01_only_regular_files_of_at_most_a_mebibyte_are_read(tmp_path, what):
    """S01: anything else is E_SCENARIO_FILE, at once."""
    path = tmp_path / "story.toml"
    if what == "directory":
        path.mkdir()
    elif what == "fifo":
        os.mkfifo(path)
    elif what == "large":
        path.write_bytes(b"#" * (2 << 20))
    name = "/dev/zero" if what == "device" else str(path)

    with pytest.raises(ScenarioError) as caught:
        load(name)

    assert (ErrorCode.E_SCENARIO_FILE, name) == (caught.value.code, caught.value.at)


def test_s02_a_bom_and_windows_line_ends_are_accepted():
    """S02: what editors add does no harm."""
    raw = b"\xef\xbb\xbf" + TINY.replace("\n", "\r\n").encode()

    assert "tiny" == load_bytes(raw, "story.toml").scenario.name


@pytest.mark.parametrize("piece", [b"\xff\xfe", b"\x00", b"\xc3\x28", "中".encode("gbk")])
def test_s02_other_bytes_do_not_parse(piece):
    """S02: not UTF-8, or a NUL, is E_SCENARIO_PARSE with the line."""
    raw = TINY.encode().replace(b"seed = 7", b"# " + piece + b"\nseed = 7")

    with pytest.raises(ScenarioError) as caught:
        load_bytes(raw, "story.toml")

    assert ErrorCode.E_SCENARIO_PARSE == caught.value.code
    assert f"story.toml:{line_of('seed = 7', TINY)}" == caught.value.at


@pytest.mark.parametrize(
    "deep",
    ["x = " + "[" * 5_000 + "]" * 5_000, "a" + ".a" * 20_000 + " = 1", "[a" + ".a" * 20 + "]",
     "x = " + "{ a = " * 30 + "1" + " }" * 30],
)  # fmt: skip
def test_s03_deep_nesting_is_refused_before_anything_recurses(deep):
    """S03: E_SCENARIO_DEPTH with its limit, at the line."""
    error = refusal(replaced("seed = 7", deep))

    assert (ErrorCode.E_SCENARIO_DEPTH, 16) == (error.code, error.limit)
    assert f"story.toml:{line_of('seed = 7', TINY)}" == error.at


def test_s04_an_endless_integer_does_not_parse():
    """S04: 5,000 digits are E_SCENARIO_PARSE, and are not echoed."""
    error = refusal(replaced("seed = 7", "seed = " + "7" * 5_000))

    assert ErrorCode.E_SCENARIO_PARSE == error.code
    assert len(error.text()) < 200


@pytest.mark.parametrize(
    ("old", "new", "at", "near"),
    [
        (LINK, LINK + "\nlos = 0.1", "link[0].los", "loss"),
        ("duration =", "durations =", "durations", "duration"),
        ("birth =", "brith =", "person[0].brith", "birth"),
        ("after =", "aftr =", "case[0].step[1].aftr", "after"),
        ("psn_cash_pay =", "psn_csh_pay =", "case[0].step[3].expect.psn_csh_pay", "psn_cash_pay"),
        ("[[expect]]", "[clearing]\ncalender = {}\n[[expect]]", "clearing.calender", "calendar"),
    ],
)
def test_s05_an_unknown_key_is_named_with_its_line_and_its_neighbour(old, new, at, near):
    """S05: file, line, key, and a did-you-mean."""
    text = replaced(old, new)
    error = refusal(text)

    key = at.rpartition(".")[2]
    assert ErrorCode.E_UNKNOWN_KEY == error.code
    assert (f"story.toml:{line_of(key + ' =', text)}:{at}", key) == (error.at, error.got)
    assert f'did you mean "{near}"?' == error.want


@pytest.mark.parametrize("loss", ["1.5", "-0.1", '"10%"', "nan", "inf", "-inf", "true", "1e400"])
def test_s06_a_chance_lies_between_0_and_1(loss):
    """S06: E_RANGE, want 0..1."""
    error = refusal(replaced(LINK, f"{LINK}\nloss = {loss}"))

    assert (ErrorCode.E_RANGE, "0..1") == (error.code, error.want)
    assert error.at.endswith(":link[0].loss")


@pytest.mark.parametrize(
    ("old", "new", "at"),
    [
        ('region = "340600"', 'region = "340500"', "person[0].region"),
        ('region = "310000"', 'region = "310100"', "institution[0].region"),
        ('code = "310000"', 'code = "340600"', "region[1].code"),
        ('from = "hub:*"', 'from = "insured:320100"', "link[0].from"),
        ('{ "310000" = "2', '{ "320000" = "2', "region[0].prefund.320000"),
        ('from = "hub:*"\nto = "*"', 'from = "hub:100000"\nto = "hub:100000"', "link[0].to"),
    ],
)
def test_s07_regions_are_defined_once_and_speak_to_others(old, new, at):
    """S07: E_REGION_REF for an undefined region, one defined twice, or one talking to itself."""
    error = refusal(replaced(old, new))

    assert ErrorCode.E_REGION_REF == error.code
    assert error.at.endswith(f":{at}")


@pytest.mark.parametrize(
    ("old", "new", "at"),
    [
        ('duration = "1d"', 'duration = "0s"', "duration"),
        ('duration = "1d"', 'duration = "-1d"', "duration"),
        ('duration = "1d"', 'duration = "367d"', "duration"),
        ("per_day = 20", "per_day = 0", "flow[0].arrivals.per_day"),
        ("per_day = 20", "per_day = -1", "flow[0].arrivals.per_day"),
        ("per_day = 20", "per_day = 1000000000", "flow[0].arrivals.per_day"),
    ],
)
def test_s08_rates_and_durations_are_positive_and_within_reason(old, new, at):
    """S08: E_RANGE at the key."""
    error = refusal(replaced(old, new, TINY + FLOW))

    assert ErrorCode.E_RANGE == error.code
    assert error.at.endswith(f":{at}")


def test_s08_an_absurd_size_is_refused_with_an_estimate():
    """S08: the sentence says how many events it would need."""
    settings = ("duration=400d",)

    assert "would need ~" in refusal(TINY + FLOW, settings).want
    assert "would need ~" in refusal(TINY + FLOW, ("flow[0].arrivals.per_day=999999999",)).want


@pytest.mark.parametrize(
    ("sentence", "more"),
    [
        ("cut 340600 off between 9h45m and 9h30m", ""),
        ("cut 340600 off between 9h and 25h", ""),
        ("lose every settlement on day 2", ""),
        ("lose every settlement", 'from = "3h"\nuntil = "2h"'),
        ("lose every settlement between 1h and 2h", 'from = "5h"\nuntil = "6h"'),
    ],
)
def test_s09_a_fault_ends_after_it_starts_and_within_the_duration(sentence, more):
    """S09: E_FAULT_WINDOW."""
    error = refusal(_fault(sentence, more))

    assert ErrorCode.E_FAULT_WINDOW == error.code
    assert ":fault[0]" in error.at


@pytest.mark.parametrize("name", ["{0.__class__}", "$(id)", "%n", "=cmd|x", "<img src=x>", "😀"])
def test_s12_a_name_is_text_and_nothing_else(name):
    """S12: what looks like an expression is kept as it is written."""
    from tests.library.samples import accepted

    assert name == accepted(replaced("上海市测试第一医院", name)).institution[0].name


@pytest.mark.parametrize(
    "mark", ["\\u001b[31m", "\\u0007", "\\u202e", "\\u2066", "\\u0085", "\\n", "\\t"]
)
def test_s12_control_and_direction_characters_are_refused(mark):
    """S12: E_NAME, without echoing them."""
    error = refusal(replaced("上海市测试第一医院", f"医院{mark}"))

    assert (ErrorCode.E_NAME, "") == (error.code, error.got)
    assert error.at.endswith(":institution[0].name")


@pytest.mark.parametrize(
    "amount", ['"1.005"', '"-1"', '"+1"', '"1e3"', '"1,000.00"',
     "1.005", "-1", '"１"', "true", '""']
)  # fmt: skip
def test_s13_money_is_plain_yuan_with_two_decimals(amount):
    """S13: E_AMOUNT."""
    error = refusal(replaced('balance = "800.00"', f"balance = {amount}"))

    assert ErrorCode.E_AMOUNT == error.code
    assert error.at.endswith(":person[0].balance")


@pytest.mark.parametrize("seed", ["-1", "1.0", str(2**64), '"7"', "true", "nan"])
def test_s14_a_seed_is_an_integer_of_64_bits(seed):
    """S14: E_SEED."""
    assert ErrorCode.E_SEED == refusal(replaced("seed = 7", f"seed = {seed}")).code


def test_s14_a_missing_seed_is_the_documented_default():
    """S14: without a seed, 1."""
    from tests.library.samples import accepted

    assert 1 == accepted(replaced("seed = 7\n", "")).seed
    assert 2**64 - 1 == accepted(replaced("seed = 7", f"seed = {2**64 - 1}")).seed


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("[[expect]]", f"{SECOND}[[expect]]"),
        ('id = "pre"', 'id = "eligibility"'),
        ('at = "9h30m"', 'at = "2026-03-01 23:59:59"'),
        ('at = "9h30m"', 'at = "1d"'),
    ],
)  # fmt: skip
def test_s15_an_event_has_its_own_id_and_lies_within_the_scenario(old, new):
    """S15: E_EVENT for an id used twice and for a moment outside."""
    assert ErrorCode.E_EVENT == refusal(replaced(old, new)).code


def test_s15_ten_million_events_are_too_many():
    """S15: E_TOO_MANY_EVENTS with the limit and an estimate."""
    error = refusal(TINY + FLOW, ("flow[0].arrivals.per_day=700000",))

    assert (ErrorCode.E_TOO_MANY_EVENTS, 5_000_000) == (error.code, error.limit)
    assert "would need ~11200016 events" in error.want


@pytest.mark.parametrize("version", ["99", "0", "-1", '"1"', "1.0", "true"])
def test_s16_another_schema_version_is_refused_before_anything_else(version):
    """S16: E_SCENARIO_VERSION supported=1, even where other keys are unknown too."""
    text = replaced("schema = 1", f"schema = {version}\nnovelty = 2")
    error = refusal(text)

    assert (ErrorCode.E_SCENARIO_VERSION, "supported=1") == (error.code, error.want)
