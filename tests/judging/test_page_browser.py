"""The page in a real Chromium: stepping, languages, hostile names, no network."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.judging.browser import open_page
from tests.judging.harness import Stage, small_world
from tests.judging.test_page import HOSTILE
from yidi.scenarios.judging.page import write_page


def _page(folder: Path, **names: str) -> Path:
    stage = Stage(small_world(**names))
    stage.visit()
    write_page(stage.write(folder / "run"), folder / "page.html", "zh")
    return folder / "page.html"


async def test_one_steps_by_keys_buttons_and_fragment(tmp_path: Path):
    """The fragment opens a message; arrows and buttons go on and back; the live line says it."""
    async with open_page(_page(tmp_path), "step=3&lang=en", tmp_path / "profile") as tab:
        assert (await tab.text("#count")).startswith("3 of 26")
        await tab.press("ArrowRight")
        assert (await tab.text("#count")).startswith("4 of 26")
        await tab.evaluate("document.getElementById('forward').click()")
        assert (await tab.text("#count")).startswith("5 of 26")
        await tab.press("ArrowLeft")
        await tab.press("End")
        assert (await tab.text("#count")).startswith("26 of 26")
        assert "763.00 yuan in cash" in await tab.text("#live")
        assert await tab.evaluate("document.getElementById('forward').disabled")
        assert "step=26" in str(await tab.evaluate("location.hash"))
        assert tab.errors == []


async def test_the_language_switches_everything(tmp_path: Path):
    """A click on English turns words, lanes and tables; the document says its language."""
    async with open_page(_page(tmp_path), "step=1&lang=zh", tmp_path / "profile") as tab:
        assert "就医地" in await tab.text("#heads")
        await tab.evaluate("document.getElementById('en').click()")
        assert "Treatment region" in await tab.text("#heads")
        assert await tab.evaluate("document.documentElement.lang") == "en"
        shown = "getComputedStyle(document.querySelector('section h2 [lang=zh]')).display"
        assert await tab.evaluate(shown) == "none"
        assert tab.errors == []


@pytest.mark.parametrize(("name", "hospital"), [HOSTILE[:2], (HOSTILE[3], HOSTILE[5])])
async def test_hostile_names_show_as_text(tmp_path: Path, name: str, hospital: str):
    """No dialog, no error, no element made from a name, and the name itself is readable."""
    page = _page(tmp_path, name=name, hospital=hospital)
    async with open_page(page, "step=6&lang=en", tmp_path / "profile") as tab:
        for _ in range(3):
            await tab.press("ArrowRight")
        assert tab.dialogs == []
        assert tab.errors == []
        made = "document.querySelectorAll('img, svg svg, [onerror]').length"
        assert await tab.evaluate(made) == 0
        assert name[:20] in await tab.text("#heads")
        assert [url for url in tab.requests if not url.startswith(("file:", "data:"))] == []


async def test_the_layout_holds_on_a_projector(tmp_path: Path):
    """At 1280 by 800 nothing is wider than the window, whatever the length of a name."""
    page = _page(tmp_path, hospital="很长的医院名称" * 7)
    async with open_page(page, "step=24&lang=zh", tmp_path / "profile") as tab:
        wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert await tab.evaluate(wide) == 0
        seen = "document.getElementById('forward').getBoundingClientRect().bottom <= innerHeight"
        assert await tab.evaluate(seen)
