"""The tiny scenario, and what becomes of it when one piece of its text is replaced."""

from __future__ import annotations

from pathlib import Path

import pytest

from yidi.protocol.errors import ScenarioError
from yidi.scenarios.library.loader import load_text

TINY_PATH = Path(__file__).resolve().parent.parent / "data" / "tiny.toml"
TINY = TINY_PATH.read_text("utf-8")

FLOW = """
[[flow]]
name = "huaibei-shanghai"
from = "340600"
to = "310000"
visit = "outpatient"
arrivals = { process = "poisson", per_day = 20 }
bill = { p50 = "120", p90 = "400", p99 = "1500", max = "8000" }
"""


def replaced(old: str, new: str, text: str = TINY) -> str:
    """The text with the first occurrence of a piece replaced."""
    assert old in text
    return text.replace(old, new, 1)


def refusal(text: str, settings: tuple[str, ...] = ()) -> ScenarioError:
    """The error with which a scenario's text is refused."""
    with pytest.raises(ScenarioError) as caught:
        load_text(text, "story.toml", settings)
    return caught.value


def accepted(text: str):
    """The scenario of a text that holds."""
    return load_text(text, "story.toml").scenario


def line_of(piece: str, text: str) -> int:
    """The line, from 1, on which a piece first stands."""
    return text[: text.index(piece)].count("\n") + 1
