"""A run as one web page to project in a classroom: no network, no third-party code.

Style and script stand inside the page, named by their hashes in a strict content security
policy; data stands in a block that is never run; texts reach the page through `textContent`
(script) or escaped (tables). It opens from a file on any browser, in both languages.
"""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec

from yidi.protocol.code_tables import CASE_STATE
from yidi.scenarios.judging.page_data import page_cases
from yidi.scenarios.judging.page_tables import (
    checks,
    clearing_tables,
    made_up,
    notices,
    read_rows,
    two,
    verdict_badge,
)
from yidi.scenarios.judging.rows import ClearingRow, Notice
from yidi.scenarios.judging.scripted_cases import read_scenario
from yidi.scenarios.judging.tour import STEPS
from yidi.scenarios.library.schema import Scenario

ICON = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'%3E"
    "%3Crect width='32' height='32' rx='7' fill='%230b63a5'/%3E%3Cpath d='M6 11h17l-4-4m4 4-4 4"
    "M26 21H9l4-4m-4 4 4 4' fill='none' stroke='white' stroke-width='2.6'/%3E%3C/svg%3E"
)
PHASES = {
    "none": ("还没有账单", "no bill yet"),
    "bill": ("账单已上传", "the bill is uploaded"),
    "scope": ("就医地按目录拆分", "split by the catalogue"),
    "trial": ("试算，没有动钱", "a trial: nothing moved"),
    "doubt": ("结果未知", "in doubt"),
    "settled": ("已结算", "settled"),
    "refused": ("被拒绝，没有动钱", "refused: nothing moved"),
    "undone": ("已退回", "taken back"),
    "cleared": ("已清算", "cleared"),
    "paid": ("已清算并付款", "cleared and paid"),
}
"""What the money bar is called at each phase of a case."""
_BUTTONS = (
    ("first", "|◀", "第一条", "first message"),
    ("back", "◀", "上一条", "previous message"),
    ("play", "▶❙❙", "播放或暂停", "play or pause"),
    ("forward", "▶", "下一条", "next message"),
    ("last", "▶|", "最后一条", "last message"),
)


def write_page(bundle_dir: Path, path: Path, language: str = "zh") -> None:
    """Write a run's page.

    Args:
        bundle_dir: the run's folder.
        path: the HTML file.
        language: the one it opens in, `zh` or `en`.

    Raises:
        StoredDataError: the bundle cannot be read.
        OSError: the file cannot be written.
    """
    path.write_text(page_text(bundle_dir, language), "utf-8")


def page_text(bundle_dir: Path, language: str) -> str:
    """The page as text.

    Raises:
        StoredDataError: the bundle cannot be read.
    """
    scenario = read_scenario(bundle_dir)
    result, manifest = _json(bundle_dir / "result.json"), _json(bundle_dir / "manifest.json")
    failed = _failed(result)
    keys = [str(one.get("key", "")) for one in failed]
    data = {
        "language": "en" if language == "en" else "zh",
        "cases": page_cases(bundle_dir, scenario, [key for key in keys if key]),
        "states": CASE_STATE,
        "phases": PHASES,
        "tour": [step.title for step in STEPS],
        "failing": [str(name) for one in failed for name in one.get("message_ids") or ()],
    }
    style, script = _asset("page.css"), _asset("page.js")
    body = "".join(
        [
            _header(scenario, result, manifest),
            _stage(),
            _sections(bundle_dir, result, scenario),
        ]
    )
    return _document(data, style, script, body, _title(scenario, manifest))


def _document(data: dict[str, Any], style: str, script: str, body: str, title: str) -> str:
    policy = (
        "default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'; "
        f"style-src '{_hash(style)}'; script-src '{_hash(script)}'"
    )
    return (
        f'<!doctype html>\n<html lang="{data["language"]}">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer">\n'
        f'<link rel="icon" href="{ICON}">\n<title>{escape(title)}</title>\n'
        f"<style>{style}</style>\n</head>\n<body>\n{body}\n"
        f'<script type="application/json" id="data">{_embedded(data)}</script>\n'
        f"<script>{script}</script>\n</body>\n</html>\n"
    )


def _embedded(data: object) -> str:
    """JSON that no name in it can end the block of."""
    text = msgspec.json.encode(data).decode()
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _hash(text: str) -> str:
    return "sha256-" + b64encode(sha256(text.encode()).digest()).decode()


def _asset(name: str) -> str:
    return files("yidi.scenarios.judging").joinpath(name).read_text("utf-8")


def _json(path: Path) -> dict[str, Any]:
    """A JSON object of the bundle; empty where it is missing, as after a broken-off run."""
    try:
        value = msgspec.json.decode(path.read_bytes())
    except (OSError, msgspec.MsgspecError):
        return {}
    return value if isinstance(value, dict) else {}


def _failed(result: dict[str, Any]) -> list[dict[str, Any]]:
    """First violations of the checks that failed."""
    rows = [row for row in result.get("checks", []) if isinstance(row, dict)]
    firsts = [row.get("first_violation") for row in rows if row.get("verdict") != "pass"]
    return [first for first in firsts if isinstance(first, dict)]


def _title(scenario: Scenario | None, manifest: dict[str, Any]) -> str:
    name = str(manifest.get("scenario", "yidi"))
    return f"{scenario.title.zh} · {scenario.title.en}" if scenario is not None else name


def _header(scenario: Scenario | None, result: dict[str, Any], manifest: dict[str, Any]) -> str:
    name = str(manifest.get("scenario", "yidi"))
    title = two(scenario.title.zh, scenario.title.en) if scenario is not None else escape(name)
    story = two(scenario.story.zh, scenario.story.en) if scenario is not None else ""
    verdict = verdict_badge(str(result.get("verdict", "unknown")))
    seed = escape(str(manifest.get("seed", "")))
    return (
        f'<header><div class="top"><h1>{title}</h1>'
        f'<p class="facts">{verdict} <span>{escape(name)}</span> '
        f"<span>{two('种子', 'seed')} {seed}</span></p>"
        '<div class="language" role="group" aria-label="语言 language">'
        '<button type="button" id="zh">中文</button>'
        '<button type="button" id="en">English</button></div></div>'
        f'<details class="story"><summary>{two("故事", "The story")}</summary><p>{story}</p>'
        f"</details></header>"
    )


def _stage() -> str:
    """The frame that the script fills: case, lanes, words, money, controls."""
    buttons = "".join(
        f'<button type="button" id="{name}" data-zh="{zh}" data-en="{en}">{sign}</button>'
        for name, sign, zh, en in _BUTTONS
    )
    return (
        '<main><section class="stage">'
        f'<div class="chooser"><label for="case">{two("案例", "case")}</label>'
        '<select id="case"></select></div>'
        '<div class="lanes"><div id="heads"></div>'
        '<div id="messages" tabindex="0"><svg id="picture" role="img"></svg></div></div>'
        '<div class="words"><p class="count"><span id="count"></span> <span id="at"></span></p>'
        '<h2 id="title"></h2><p id="way"></p><p id="what"></p><p id="mark"></p>'
        f'<dl><div><dt>{two("为什么", "why")}</dt><dd id="why"></dd></div>'
        f'<div><dt>{two("钱", "money")}</dt><dd id="money"></dd></div>'
        f'<div><dt>{two("接着", "next")}</dt><dd id="next"></dd></div></dl></div>'
        f'<div class="bill"><h2>{two("这张账单谁付", "Who pays this bill")} '
        f'<span id="phase"></span> <span id="made-up" class="made-up" hidden>'
        f"{two('含示意参数', 'with made-up parameters')}</span></h2>"
        f'<div id="bar" role="img"></div><ul id="legend"></ul>'
        '<table id="ledger"></table></div>'
        f'<nav class="controls"><span id="steps"></span>{buttons}'
        '<input type="range" id="scrub" min="1" value="1"></nav>'
        '<p id="live" class="unseen" aria-live="polite"></p></section>'
        f"<noscript><p>{two('逐条播放需要脚本。', 'Stepping needs JavaScript.')}</p></noscript>"
    )


def _sections(bundle: Path, result: dict[str, Any], scenario: Scenario | None) -> str:
    cleared = read_rows(bundle / "clearing.jsonl", ClearingRow)
    issued = read_rows(bundle / "notices.jsonl", Notice)
    tag = f' <span class="made-up">{two("含示意数字", "contains made-up numbers")}</span>'
    summary = two("本案全部报文", "All messages of this case")
    listed = f'<details><summary>{summary}</summary><ol id="all"></ol></details>'
    parts = (
        ("", listed),
        (two("清算表", "Clearing tables") + tag, clearing_tables(cleared)),
        (two("通知书", "Notices") + tag, notices(issued)),
        (two("检查", "Checks"), checks(result)),
        (
            two("示意的数字", "Numbers that are made up"),
            made_up(scenario),
        ),
    )
    said = "".join(
        f"<section>{f'<h2>{title}</h2>' if title else ''}{body}</section>" for title, body in parts
    )
    foot = two("由 yidi 模拟生成，不是真实数据。", "Simulated by yidi; not real data.")
    return f"{said}</main><footer><p>{foot}</p></footer>"
