"""Which run a command means: a path, a folder below `runs/`, or `last`.

`runs/.last` holds the path of the run that was written last, wherever it was written; without
it, `last` is the newest folder below `runs/`.
"""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path

from yidi.protocol.errors import ErrorCode, ScenarioError

RUNS = Path("runs")
MANIFEST = "manifest.json"
JOURNAL = "journal.bin"
_LAST = ".last"


def find_run(name: str) -> Path:
    """The folder of a run.

    Raises:
        ScenarioError: `E_RUN_UNKNOWN`, with the nearest name; exit code 2.
    """
    if name == "last":
        found = _last()
        if found is not None:
            return found
        raise ScenarioError(ErrorCode.E_RUN_UNKNOWN, at=f"{RUNS}/", want="a run", got="none yet")
    for path in (Path(name), RUNS / name):
        if _is_run(path):
            return path
    near = get_close_matches(name.removeprefix("runs/"), [path.name for path in _runs()], n=1)
    want = f"a run's folder, did you mean {RUNS / near[0]}?" if near else "a run's folder, or last"
    raise ScenarioError(ErrorCode.E_RUN_UNKNOWN, at="RUN", want=want, got=name)


def remember_run(path: Path) -> None:
    """Make a run the one that `last` means; where that cannot be written, it stays as it is."""
    try:
        RUNS.mkdir(exist_ok=True)
        (RUNS / _LAST).write_text(f"{path.resolve()}\n", "utf-8")
    except OSError:
        return


def _last() -> Path | None:
    try:
        told = Path((RUNS / _LAST).read_text("utf-8").strip())
        if _is_run(told):
            return told
    except (OSError, UnicodeDecodeError):
        pass
    runs = sorted(_runs(), key=lambda path: (path.stat().st_mtime_ns, path.name))
    return runs[-1] if runs else None


def _runs() -> list[Path]:
    return [path for path in RUNS.glob("*") if _is_run(path)] if RUNS.is_dir() else []


def _is_run(path: Path) -> bool:
    return (path / MANIFEST).is_file() or (path / JOURNAL).is_file()
