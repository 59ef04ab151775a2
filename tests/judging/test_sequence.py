"""The sequence diagram: well-formed, escaped, bilingual, the same from the same run."""

from __future__ import annotations

import runpy
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.judging.harness import CASE_ID, Stage, small_world
from yidi.protocol import transactions as t
from yidi.scenarios.judging.chain import read_chain
from yidi.scenarios.judging.party_names import read_names
from yidi.scenarios.judging.sequence import pause_text, sequence_svg

DOCS = Path(__file__).resolve().parents[2] / "docs"
SVG = "{http://www.w3.org/2000/svg}"


def _drawn(bundle: Path) -> str:
    return sequence_svg(read_chain(bundle, CASE_ID), read_names(bundle))


def test_every_message_is_an_arrow_with_both_names_above_it(tmp_path: Path):
    """One arrow a hop, and above it the transaction in Chinese and in English."""
    stage = Stage()
    stage.visit()
    bundle = stage.write(tmp_path)
    root = ET.fromstring(_drawn(bundle))
    arrows = [x for x in root.iter(f"{SVG}line") if "arrow" in x.get("class", "")]
    assert len(arrows) == len(read_chain(bundle, CASE_ID).hops)
    texts = [x.text or "" for x in root.iter(f"{SVG}text")]
    assert "门诊结算 2207" in texts
    assert "outpatient settlement" in texts


def test_lost_messages_end_in_a_cross_and_silences_are_gaps(tmp_path: Path):
    """What was lost has no arrow head, and minutes of waiting take one row."""
    stage = Stage()
    stage.lost.add((t.OUTPATIENT_SETTLEMENT, 1, "treatment:310000"))
    stage.visit()
    stage.wait(600)
    drawn = _drawn(stage.write(tmp_path))
    assert drawn.count("（丢失）") == 3
    assert "时限到" in drawn


def test_hostile_names_are_text_in_the_picture(tmp_path: Path):
    """A name with markup leaves the picture well-formed and without elements of its own."""
    stage = Stage(small_world(hospital="<script>alert(1)</script>&\"'"))
    stage.visit()
    root = ET.fromstring(_drawn(stage.write(tmp_path)))
    assert not list(root.iter(f"{SVG}script"))


@pytest.mark.parametrize(
    ("pause", "text"),
    [(90_000_000, "1 min"), (7_200_000_000, "2 h"), (49 * 86_400_000_000, "49 d")],
)
def test_a_silence_is_said_in_round_words(pause: int, text: str):
    """Minutes, hours and days, the largest unit alone."""
    assert text in pause_text(pause)


def test_the_picture_of_the_readmes_is_that_of_the_run():
    """docs/picture.svg is what `docs/make_picture.py` draws now."""
    maker = runpy.run_path(str(DOCS / "make_picture.py"))
    assert (DOCS / "picture.svg").read_text("utf-8") == maker["picture"]()
