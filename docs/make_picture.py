"""Draws docs/picture.svg: one settlement of the library's first story, from a run of it.

    .venv/bin/python docs/make_picture.py

The same run gives the same picture; a test compares it with the file.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from yidi.scenarios.judging.chain import read_chain
from yidi.scenarios.judging.judged_run import judged_run
from yidi.scenarios.judging.party_names import read_names
from yidi.scenarios.judging.sequence import sequence_svg
from yidi.scenarios.judging.tour import steps_along
from yidi.scenarios.library.loader import load

SCENARIO, CASE = "huaibei-outpatient-in-shanghai", "visit"
TITLE = "一次结算的路 · The path of one settlement"
PICTURE = Path(__file__).with_name("picture.svg")


def picture() -> str:
    """Run the story and draw its settlement."""
    with TemporaryDirectory() as folder:
        bundle = Path(folder)
        judged_run(load(SCENARIO), bundle)
        chain = read_chain(bundle, CASE)
        steps = steps_along(chain)
        path = [index for index, step in enumerate(steps) if 1 <= step <= 7]
        numbers = [steps[index] for index in path]
        return sequence_svg(chain, read_names(bundle), path, TITLE, numbers)


if __name__ == "__main__":
    PICTURE.write_text(picture(), "utf-8")
