"""A run as one web page: self-contained, escaped, in two languages."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.judging.harness import CASE_ID, HOSPITAL_NAME, Stage, small_world
from yidi.protocol import transactions as t
from yidi.scenarios.judging.chain import read_chain
from yidi.scenarios.judging.page import page_text, write_page
from yidi.scenarios.judging.page_data import page_cases
from yidi.scenarios.judging.page_money import snapshots_along
from yidi.scenarios.judging.rows import ClearingRow, Notice, line_of

HOSTILE = (
    "<img src=x onerror=alert(1)>",
    '"><script>alert(2)</script>',
    "javascript:alert(3)",
    "<svg onload=alert(4)>",
    "{{7*7}}${7*7}",
    "</script><script>alert(5)</script>\u2028",
)
BATCH = "B202603-340000-310000-310-yrd"


class Tags(HTMLParser):
    """Every tag of a page with its attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An ordinary visit, a batch and its two notices."""
    stage = Stage()
    stage.visit()
    folder = stage.write(tmp_path_factory.mktemp("page"))
    row = ClearingRow(
        period="2026-03", payer="340000", payee="310000", insutype="310", hub="hub:yrd",
        batch=BATCH, count=1, total_fen=200_000, fund_fen=73_700, funds={"310101": 73_700},
        account_fen=0, adjust_fen=0, payable_fen=73_700, state="PAID",
    )  # fmt: skip
    (folder / "clearing.jsonl").write_bytes(line_of(row))
    notices = [
        Notice(
            kind=kind, notice=f"{kind[0].upper()}1", issuer="hub:yrd", day="2026-04-30",
            period="2026-03", payer="340000", payee="310000", insutype="310", batch=BATCH,
            amount_fen=73_700, amount="737.00", amount_words="", due_day="2026-05-21",
            granted_fen=0,
        )
        for kind in ("payment", "collection")
    ]  # fmt: skip
    (folder / "notices.jsonl").write_bytes(b"".join(map(line_of, notices)))
    return folder


@pytest.fixture(scope="module")
def text(bundle: Path) -> str:
    """The page of that run."""
    return page_text(bundle, "zh")


def _data(text: str) -> dict:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    return json.loads(found[1])


def test_the_policy_names_the_only_style_and_script(text: str):
    """The content security policy allows this style and this script by hash, and nothing else."""
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)[1]
    script = re.search(r"<script>(.*?)</script>", text, re.DOTALL)[1]
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)[1]
    for kind, source in (("style-src", style), ("script-src", script)):
        digest = b64encode(sha256(source.encode()).digest()).decode()
        assert f"{kind} 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy


def test_nothing_is_fetched_and_nothing_runs_from_an_attribute(text: str):
    """No address outside the page, no event handler, no style attribute."""
    for tag, attributes in Tags(text).found:
        for name, value in attributes.items():
            assert not name.startswith("on")
            assert name != "style"
            if name in ("src", "href", "action"):
                assert value.startswith("data:"), (tag, value)
    assert "@import" not in text
    assert "url(" not in text


def test_both_languages_stand_in_the_page(text: str):
    """Titles, tables and notices exist in Chinese and in English."""
    assert '<html lang="zh">' in text
    for pair in (("清算表", "Clearing tables"), ("付款通知书", "Payment notice"),
                 ("收款通知书", "Collection notice"), ("检查", "Checks")):  # fmt: skip
        for word in pair:
            assert word in text


def test_the_clearing_table_has_its_columns_and_sum(text: str):
    """全国跨省异地就医费用清算表: fund by scheme, payable, and a total."""
    assert "长三角跨省异地就医费用清算表　2026-03" in text
    assert text.count("737.00</td>") >= 4
    assert "职工统筹" in text
    assert "合计" in text


def test_a_notice_has_its_amount_in_figures_and_capitals(text: str):
    """A payment notice states its amount twice, and its due day."""
    assert "¥ 737.00" in text
    assert "柒佰叁拾柒元整" in text
    assert "seven hundred and thirty-seven yuan" in text
    assert "2026-05-21" in text


def test_checks_stand_with_their_counts_and_what_is_made_up_is_marked(text: str):
    """INV-01 with its count; persons and institutions are said to be made up."""
    assert re.search(r"INV-01.*?>3</td>", text, re.DOTALL)
    assert "虚构" in text
    assert "made-up" in text


def test_the_data_has_every_message_of_the_case(bundle: Path, text: str):
    """The page steps through exactly the hops of the chain, each with words and money."""
    (case,) = _data(text)["cases"]
    assert len(case["steps"]) == len(read_chain(bundle, CASE_ID).hops)
    for step in case["steps"]:
        assert all(step["says"][name][0] and step["says"][name][1] for name in ("what", "why"))
        assert 0 <= step["money"] < len(case["money"])
        assert {step["from"], step["to"]} <= {0, 1, 2, 3}


def test_the_money_moves_with_the_settlement_and_not_before(bundle: Path):
    """Before the insured region's settlement the account is whole; after it the debt stands."""
    chain = read_chain(bundle, CASE_ID)
    shots = snapshots_along(chain)
    trial = [s for s in shots if s.phase == "trial"]
    assert trial
    assert all(line.before_fen == line.now_fen for s in trial for line in s.ledger)
    assert [(line.before_fen, line.now_fen) for line in shots[-1].ledger] == [
        (50_000, 0), (0, 73_700), (0, 76_300),
    ]  # fmt: skip
    assert sum(part.fen for part in shots[-1].parts) == shots[-1].total_fen == 200_000


def test_hostile_names_stay_text(tmp_path: Path):
    """Names with markup, scripts and templates reach the page only as escaped text."""
    for number, name in enumerate(HOSTILE):
        stage = Stage(small_world(name=name[:50], hospital=name[:50]))
        stage.visit()
        text = page_text(stage.write(tmp_path / str(number)), "en")
        tags = [tag for tag, _ in Tags(text).found]
        assert tags.count("script") == 2
        assert "img" not in tags
        assert all(not a.startswith("on") for _, attrs in Tags(text).found for a in attrs)
        assert name[:50] in _data(text)["cases"][0]["name"][0]


def test_a_failed_run_opens_at_its_failing_message(bundle: Path, tmp_path: Path):
    """The first violation's case comes first and its message ids are named."""
    for path in bundle.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    hop = read_chain(bundle, CASE_ID).hops[-2]
    first = {"key": hop.origin.case_key, "node": "hub:yrd", "message_ids": [hop.origin.message_id],
             "facts": "<b>off by one</b>"}  # fmt: skip
    result = {"verdict": "fail", "checks": [
        {"id": "INV-02", "verdict": "fail", "count": 1, "first_violation": first}]}  # fmt: skip
    (tmp_path / "result.json").write_text(json.dumps(result), "utf-8")
    text = page_text(tmp_path, "zh")
    assert _data(text)["failing"] == [hop.origin.message_id]
    assert _data(text)["cases"][0]["failed"]
    assert "&lt;b&gt;off by one" in text


def test_a_broken_off_run_still_has_a_page(bundle: Path, tmp_path: Path):
    """With nothing but journal and cases there is a page, its verdict unknown."""
    for name in ("journal.bin", "cases.jsonl"):
        (tmp_path / name).write_bytes((bundle / name).read_bytes())
    write_page(tmp_path, tmp_path / "p.html", "en")
    text = (tmp_path / "p.html").read_text("utf-8")
    assert 'class="badge unknown"' in text
    assert _data(text)["cases"]


def test_resent_and_lost_messages_show_as_such(tmp_path: Path):
    """The picture knows lost messages, repeats and deadlines."""
    stage = Stage()
    stage.lost.add((t.OUTPATIENT_SETTLEMENT, 1, "treatment:310000"))
    stage.visit()
    stage.wait(60)
    (case,) = page_cases(stage.write(tmp_path), None, ())
    assert any(step["lost"] for step in case["steps"])
    assert any(step["again"] for step in case["steps"])
    assert any(step["kind"] == "deadline" for step in case["steps"])
    assert HOSPITAL_NAME in case["lanes"][0]["foot"][0]
