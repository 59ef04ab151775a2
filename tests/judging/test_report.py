from __future__ import annotations

import msgspec
import pytest

from tests.judging.runs import TINY, bundle_in
from yidi.protocol.errors import StoredDataError
from yidi.scenarios.judging.report import read_report, sections_of, state_text
from yidi.scenarios.judging.verdicts import Verdict, Violation


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A bundle with clearing, alarms and flows."""
    return bundle_in(tmp_path_factory.mktemp("report"))


def text_of(sections):
    """Everything a reader sees."""
    parts = []
    for section in sections:
        parts += [section.title, *section.lines, *section.headers]
        parts += [cell for row in section.rows for cell in row]
    return "\n".join(parts)


@pytest.mark.parametrize(
    ("language", "wanted"),
    [
        ("zh", ("结论: 通过", "安徽淮北 340600", "上海 310000", "职工基本医疗保险 310",
                "已支付 PAID", "预付金红色预警", "已清算 CLEARED", "示意数据", "outpatient",
                "费用拆分平")),
        ("en", ("Verdict: PASS", "Huaibei, Anhui 340600", "paid PAID", "red prefund alarms",
                "cleared CLEARED", "illustrative", "the parts of every bill add up")),
    ],
)  # fmt: skip
def test_a_report_tells_the_run_in_the_readers_language(folder, language, wanted):
    """Verdict, states, pairs, clearing, alarms, checks; a code never stands alone."""
    text = text_of(sections_of(folder, read_report(folder), language))
    assert [one for one in wanted if one not in text] == []


def test_every_check_has_its_line_with_a_count_or_a_reason(folder):
    """The table of checks leaves none out."""
    report = read_report(folder)
    (table,) = [s for s in sections_of(folder, report, "en") if s.title == "Checks"]
    assert [row[0] for row in table.rows] == [check.id for check in report.checks]
    assert all(row[3] != "0" for row in table.rows)


def test_a_failure_is_told_in_full(folder):
    """Facts, key, node, messages and the line that shows it again."""
    report = read_report(folder)
    found = Violation(key="A1", node="hub:yrd", message_ids=("M1",), replay="yidi run x", facts="F",
                      lsn=7)  # fmt: skip
    check = msgspec.structs.replace(
        report.checks[0], verdict=Verdict.FAIL, first_violation=found, violations=2
    )
    report = msgspec.structs.replace(report, checks=[check], verdict=Verdict.FAIL)
    text = text_of(sections_of(folder, report, "zh"))
    for wanted in (
        "结论: 不通过",
        "业务键: A1",
        "节点: hub:yrd",
        "报文: M1",
        "重放: yidi run x",
        "日志序号: 7",
    ):
        assert wanted in text


def test_empty_parts_are_left_out(tmp_path):
    """A run without clearing has no clearing table, and no flows."""
    folder = bundle_in(tmp_path, TINY, ())
    titles = [section.title for section in sections_of(folder, read_report(folder), "en")]
    assert "Clearing" not in titles
    assert "Background traffic" not in titles


def test_a_bundle_that_is_not_whole_is_said_so(tmp_path):
    """Without its result, or with a line that is no row, the file is named."""
    folder = bundle_in(tmp_path, TINY, ())
    report = read_report(folder)
    (folder / "cases.jsonl").write_text("{}\n", "utf-8")
    with pytest.raises(StoredDataError, match=r"cases\.jsonl:1"):
        sections_of(folder, report, "en")
    (folder / "result.json").unlink()
    with pytest.raises(StoredDataError, match=r"result\.json"):
        read_report(folder)


def test_states_are_named_beside_their_codes():
    """`已结算 SETTLED`; an unknown one stands as it is."""
    assert state_text("SETTLED", "zh") == "已结算 SETTLED"
    assert state_text("X", "en") == "X"
