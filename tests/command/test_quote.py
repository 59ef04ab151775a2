"""`yidi quote`: the worked examples, the order of refusals, and input that is not a claim."""

from __future__ import annotations

import json
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from yidi.scenarios.command.common import width
from yidi.scenarios.command.quote import quote

DATA = Path(__file__).parents[1] / "data"
EXAMPLES = json.loads((DATA / "worked-examples.json").read_text("utf-8"))
CLAIM = EXAMPLES[2]["claim"]
AMOUNTS = (
    *("inscp_scp_amt", "act_pay_dedc", "pool_prop_selfpay", "hifp_pay", "hifob_pay"),
    *("hifmi_pay", "cvlserv_pay", "maf_pay", "fund_pay_sumamt", "acct_pay", "psn_cash_pay"),
    *("psn_part_amt", "hosp_part_amt"),
)
SHAPE_ORDER = ("E_DECODE", "E_MISSING_FIELD", "E_AMOUNT", "E_DATE", "E_CODE")


def run(text, *options):
    """The exit code and output of `yidi quote -`; `text` may be bytes, text or a claim."""
    raw = text if isinstance(text, str | bytes) else json.dumps(text)
    done = CliRunner().invoke(quote, ["-", *options], input=raw, standalone_mode=False)
    if done.exception is not None:
        raise done.exception
    return done.return_value, done.stdout


def ask(text, *options):
    """The exit code and the JSON answer."""
    code, out = run(text, "--json", *options)
    return code, json.loads(out)


def refused(text):
    """The code of a claim that must be refused."""
    code, answer = ask(text)
    assert code == 1
    assert set(answer) <= {"code", "at", "sentence", "limit", "warn_msg"}
    return answer["code"]


def changed(**fields):
    """The claim with some fields set; `...` leaves one out."""
    return {key: value for key, value in (CLAIM | fields).items() if value is not ...}


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example["title"])
def test_every_worked_example_comes_out_exactly(example):
    """Each field of each worked example is as expected, and a refusal ends with 1."""
    expected = example["expected"]

    code, answer = ask(example["claim"])

    assert expected == {key: answer[key] for key in expected}
    assert code == (1 if "code" in expected else 0)
    if "code" not in expected:
        assert list(answer) == [*AMOUNTS, "steps"]


def test_a_list_is_answered_in_its_order_with_refusals_in_place():
    """A list of claims gives a list of the same length; one refusal makes the exit code 1."""
    code, answers = ask([example["claim"] for example in EXAMPLES])

    assert code == 1
    for example, answer in zip(EXAMPLES, answers, strict=True):
        expected = example["expected"]
        assert expected == {key: answer[key] for key in expected}
    assert (0, []) == ask([])


def test_a_broken_claim_in_a_list_does_not_stop_the_others():
    """Places in a list are named in the path of the refusal."""
    code, answers = ask([5, changed(setl_date=...), CLAIM])

    assert (code, "$[0]", "E_DECODE") == (1, answers[0]["at"], answers[0]["code"])
    assert ("$[1].setl_date", "E_MISSING_FIELD") == (answers[1]["at"], answers[1]["code"])
    assert "18900.00" == answers[2]["hifp_pay"]


def test_optional_fields_may_be_absent_or_null():
    """Absent and null mean none, 0.00 and `0` alike."""
    optional = [
        *("fulamt_ownpay_amt", "overlmt_selfpay", "preselfpay_amt", "acct_used_flag", "balc"),
        *("year_to_date", "assistance", "dise_codg"),
    ]
    absent = {key: value for key, value in CLAIM.items() if key not in optional}
    year = dict.fromkeys(("stays", "deductible", "hifp_pay", "compliant_oop", "outpatient_pay"))

    assert ask(absent) == ask(absent | dict.fromkeys(optional))
    assert ask(absent) == ask(absent | {"year_to_date": year})
    assert "E_NO_FILING" == refused(changed(filing=None)) == refused(changed(filing=...))


@pytest.mark.parametrize(
    "amount", ["25000", "25000.0", "25000.00", "000025000", "JSON:25000", "JSON:25000.00"]
)
def test_an_amount_is_yuan_as_text_or_as_a_bounded_number(amount):
    """Strings and JSON numbers of at most two decimals are read alike."""
    text = json.dumps(changed(medfee_sumamt="@"))
    shown = amount.removeprefix("JSON:") if "JSON" in amount else f'"{amount}"'

    code, answer = ask(text.replace('"@"', shown))

    assert (0, "18900.00") == (code, answer["hifp_pay"])


@pytest.mark.parametrize(
    "amount",
    [
        *("NaN", "Infinity", "-Infinity", "1e3", "1E3", "-1", "-0", "1.005", "10000000000"),
        *('"NaN"', '"1e3"', '"1_0"', '"１２"', '"+1"', '"-1"', '" 1"', '"1 "', '"1,000.00"'),
        *('"1."', '".5"', '""', '"1.234"', '"1\\n"', "true", "false", "[]", "{}", "9" * 4000),
    ],
)
@pytest.mark.parametrize("field", ["medfee_sumamt", "balc", "year_to_date"])
def test_any_other_amount_is_refused(amount, field):
    """No sign, exponent, separator, third decimal, blank, foreign digit or other type."""
    value = {"hifp_pay": "@"} if field == "year_to_date" else "@"
    text = json.dumps(changed(**{field: value})).replace('"@"', amount)

    assert "E_AMOUNT" == refused(text)


@pytest.mark.parametrize(
    "day",
    [
        *("2026-02-29", "2026-13-01", "0001-01-01", "9999-01-01", "2026-03-16+08:00", "20260316"),
        *("", "2026-3-16", "２０２６-03-16", "2026-03-16\n", 20260316, True, []),
    ],
)
def test_a_date_is_iso_and_exists(day):
    """Every other form, and a year far away, is E_DATE."""
    assert "E_DATE" == refused(changed(setl_date=day))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("insutype", "311"), ("insutype", 310), ("insutype", ""), ("psn_type", "1202")),
        *(("psn_type", "11"), ("med_type", "12"), ("med_type", "52"), ("med_type", 21)),
        *(("hosp_lv", "4"), ("hosp_lv", 3), ("hosp_lv", "Provincial"), ("filing", "None")),
        *(("filing", ""), ("filing", []), ("acct_used_flag", "2"), ("acct_used_flag", True)),
        *(("insuplc_admdvs", "34050"), ("insuplc_admdvs", "34050A"), ("insuplc_admdvs", 340500)),
        *(("mdtrtarea_admvs", "３１００００"), ("mdtrtarea_admvs", "310000\n")),
        *(("assistance", ""), ("assistance", 1), ("dise_codg", {})),
        *(("assistance", "\ud800"), ("assistance", "a\u202eb"), ("dise_codg", "M 1")),
    ],
)
def test_a_value_outside_its_dictionary_is_refused(field, value):
    """A code of another value or type is E_CODE, and the place is named."""
    code, answer = ask(changed(**{field: value}))

    assert (1, "E_CODE", f"$.{field}") == (code, answer["code"], answer["at"])


@pytest.mark.parametrize("field", [*[*CLAIM][:7], "medfee_sumamt"])
def test_a_required_field_is_required(field):
    """Absent and null are E_MISSING_FIELD, naming the field."""
    for value in (..., None):
        code, answer = ask(changed(**{field: value}))
        assert (1, "E_MISSING_FIELD", f"$.{field}") == (code, answer["code"], answer["at"])


@given(st.sets(st.sampled_from(range(7)), min_size=1))
def test_the_first_refusal_in_the_order_of_checking_is_given(wrong):
    """Whatever else is wrong: decode, missing, amount, date, code, policy, filing, scope."""
    mistakes = [
        ("E_DECODE", {"year_to_date": {"stays": 1.5}}),
        ("E_MISSING_FIELD", {"med_type": None}),
        ("E_AMOUNT", {"balc": "1.005"}),
        ("E_DATE", {"setl_date": "2026-02-30"}),
        ("E_CODE", {"psn_type": "9999"}),
        ("E_NO_FILING", {"filing": "none"}),
        ("E_SCOPE", {"preselfpay_amt": "99999.00"}),
    ]
    claim = dict(CLAIM)
    for index in wrong:
        claim |= mistakes[index][1]

    assert mistakes[min(wrong)][0] == refused(claim)


def test_no_policy_comes_before_filing_and_scope():
    """A region, insurance type, visit, level or date without policy is E_NO_POLICY first."""
    worse = {"filing": "none", "preselfpay_amt": "99999.00"}

    for without in (
        {"insuplc_admdvs": "999999"},
        {"insuplc_admdvs": "110000"},
        {"insutype": "510"},
        {"med_type": "14"},
        {"hosp_lv": "provincial", "insuplc_admdvs": "632800"},
        {"setl_date": "2023-12-31"},
    ):
        assert "E_NO_POLICY" == refused(changed(**worse, **without))


def test_every_treatment_region_is_accepted():
    """Six digits are enough for the place of treatment; nothing is looked up."""
    assert 0 == ask(changed(mdtrtarea_admvs="000000"))[0]
    assert 0 == ask(changed(mdtrtarea_admvs="999999"))[0]


@pytest.mark.parametrize(
    "stays", ["1.0", "-1", '"2"', "true", "1e1", "1.5", "[]", "10000000000000000000000"]
)
def test_stays_is_a_small_whole_number(stays):
    """Anything else is not the document that was asked for."""
    text = json.dumps(changed(year_to_date={"stays": "@"})).replace('"@"', stays)

    assert "E_DECODE" == refused(text)


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        *((b"", "E_DECODE"), (b"{", "E_DECODE"), (b"{} {}", "E_DECODE"), (b"null", "E_DECODE")),
        *((b"\xff", "E_DECODE"), (b"\xef\xbb\xbf{}", "E_DECODE"), (b'"\\ud800"', "E_DECODE")),
        *((b"[" * 100_000, "E_DECODE"), (b'{"a":' * 100_000, "E_DECODE"), (b"7", "E_DECODE")),
        *((b'{"a":1,"a":2}', "E_DUPLICATE_KEY"), (b" " * (8 << 20) + b"{}", "E_FRAME_TOO_LARGE")),
        (b'{"year_to_date":{"stays":1,"stays":2}}', "E_DUPLICATE_KEY"),
        (b'{"year_to_date":[]}', "E_DECODE"),
    ],
    ids=range(14),
)
def test_input_that_is_no_claim_is_refused_in_json(raw, code):
    """One refusal object comes back, whatever the bytes."""
    assert code == refused(raw)


@given(st.binary(max_size=40) | st.text(max_size=40))
def test_no_input_breaks_the_verb(raw):
    """Any bytes give a JSON document and exit code 0 or 1."""
    code, _ = ask(raw)

    assert code in (0, 1)


def test_a_key_that_occurs_twice_is_named():
    """The path leads to the key, however deep it stands."""
    text = json.dumps(CLAIM)[:-1] + ', "year_to_date": {"stays": 1, "stays": 2}}'

    assert "$.year_to_date" == ask(text)[1]["at"]
    inner = json.dumps(changed(year_to_date={"a": 1})).replace('"a": 1', '"stays": 1, "stays": 1')
    assert "$.year_to_date.stays" == ask(inner)[1]["at"]


def test_an_unknown_field_is_ignored_and_named():
    """Unknown fields, and those only the answer has, change nothing and stand in warn_msg."""
    _, plain = ask(CLAIM)
    unknown = {"preselfpay": "1.00", "hifp_pay": "9.99", "a\u202e\x1b": {}}

    code, answer = ask(changed(**unknown, year_to_date={"stay": 1}), "--lang", "en")

    warning = answer.pop("warn_msg")
    assert (0, {**plain, "steps": []}) == (code, {**answer, "steps": []})
    assert "$.preselfpay → preselfpay_amt?" in warning
    assert "$.year_to_date.stay → stays?" in warning
    assert "\u202e" not in warning


def test_steps_explain_in_the_language_asked_for():
    """Each step has rule, numbers and sentence; illustrative parameters are marked."""
    claim = EXAMPLES[7]["claim"]
    (_, zh), (_, en) = ask(claim, "--lang", "zh"), ask(claim, "--lang", "en")

    assert ["BEN-01", "BEN-03", "BEN-04", "BEN-05", "BEN-09", "BEN-10"] == [
        step["rule"] for step in zh["steps"]
    ]
    assert [step["numbers"] for step in zh["steps"]] == [step["numbers"] for step in en["steps"]]
    assert "起付线 650.00" in zh["steps"][1]["sentence"]
    assert "deductible of 650.00" in en["steps"][1]["sentence"]
    assert zh["steps"][2]["illustrative"]
    assert "示意" in zh["steps"][2]["sentence"]
    assert "illustrative" in en["steps"][2]["sentence"]
    assert not en["steps"][1]["illustrative"]


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_without_json_a_person_reads_a_table(lang):
    """Amounts, steps and sources are shown, refusals in place; amounts end in one column."""
    code, out = run([CLAIM, EXAMPLES[15]["claim"]], "--lang", lang)

    assert code == 1
    assert "18900.00" in out
    assert "E_NO_FILING" in out
    assert "S3 马医保发〔2023〕14号" in out
    assert ("安徽马鞍山 340500" if lang == "zh" else "Anhui 340500") in out
    rows = [line for line in out.splitlines() if line.endswith(("hifp_pay", "psn_cash_pay"))]
    assert 1 == len({width(row[: row.index(".") + 3]) for row in rows})


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("{", "E_DECODE byte 1: The document cannot be decoded."),
        (changed(psn_type="9"), "E_CODE $.psn_type: The code is not in its dictionary."),
        (changed(preselfpay="1"), "Note: Unknown, ignored: $.preselfpay → preselfpay_amt?"),
        (EXAMPLES[-1]["claim"], "illustrative: calibrated to the local plan"),
        (changed(preselfpay_amt="30000"), "E_SCOPE $: More is excluded from scope"),
        (changed(**dict.fromkeys(map(str, range(12)))), "$.9, … +2"),
    ],
    ids=range(6),
)
def test_whatever_is_answered_is_shown_to_a_person(text, shown):
    """Refusals, warnings and marks stand in the table too."""
    _, out = run(text, "--lang", "en")

    assert shown in out


@pytest.mark.parametrize("name", ["claim.json", "-"])
def test_a_file_is_read_like_standard_input(tmp_path, name):
    """The claim may come from a file or from a pipe."""
    path = tmp_path / "claim.json"
    path.write_text(json.dumps(CLAIM), encoding="utf-8")

    source = name if name == "-" else str(path)
    done = CliRunner().invoke(quote, [source, "--json"], input=path.read_bytes())

    assert "18900.00" == json.loads(done.stdout)["hifp_pay"]


def test_ones_own_policy_is_laid_over_the_built_in(tmp_path):
    """`--policies` replaces the policy of the region and insurance type that it names."""
    own = tmp_path / "own.toml"
    own.write_text(
        'schema = 1\n[[policy]]\nregion = "340500"\nname = "马鞍山市"\ninsutype = "310"\n'
        'valid_from = "2026-01-01"\n[policy.inpatient]\ndeductible = { "3" = "0.00" }\n'
        'ratio = { "3" = 5000 }\nannual_cap = "300000.00"\n',
        encoding="utf-8",
    )

    assert "10800.00" == ask(CLAIM, "--policies", str(own))[1]["hifp_pay"]
    assert 0 == ask(EXAMPLES[0]["claim"], "--policies", str(own))[0]


@pytest.mark.parametrize("name", ["absent.json", "."])
def test_an_unreadable_file_is_a_usage_error(tmp_path, name):
    """Exit code 2 is for what is not there; a claim that is wrong is answered."""
    with pytest.raises(click.UsageError):
        quote.main([str(tmp_path / name)], standalone_mode=False)
