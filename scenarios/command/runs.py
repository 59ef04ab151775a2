"""Which run a command means: a path, a folder below `runs/`, or `last`.

Reading is `outputs.find_run`; what is added here is a nearest name, and that a run which is not
there is a mistake on the command line (exit code 2), not stored data that went bad.
"""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path

from yidi.protocol.errors import ErrorCode, ScenarioError, StoredDataError
from yidi.scenarios.judging.outputs import RUNS, find_run

JOURNAL = "journal.bin"


def run_folder(name: str, runs: Path = RUNS) -> Path:
    """The folder of a run that can be read.

    Raises:
        ScenarioError: `E_RUN_UNKNOWN`, with the nearest name.
    """
    for candidate in (name, str(runs / name)):
        try:
            folder = find_run(candidate, runs)
        except StoredDataError:
            continue
        if (folder / JOURNAL).is_file():
            return folder
    known = sorted(path.name for path in runs.glob("*") if (path / JOURNAL).is_file())
    near = get_close_matches(name.rstrip("/").rpartition("/")[2], known, n=1, cutoff=0.5)
    hint = f", did you mean {runs / near[0]}?" if near else ""
    raise ScenarioError(ErrorCode.E_RUN_UNKNOWN, at="RUN", want=f"a folder or last{hint}", got=name)
