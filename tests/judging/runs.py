"""Small whole runs for the tests of judging: a few days of weather, and the clearing after them."""

from __future__ import annotations

import shutil
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

from yidi.scenarios.judging.event_checks import EventChecks
from yidi.scenarios.judging.judged_run import judged_run
from yidi.scenarios.judging.outputs import open_folder
from yidi.scenarios.library.loader import load
from yidi.scenarios.running.run import RunHooks, run_virtual

DATA = Path(__file__).parents[1] / "data"
STORM, TINY = str(DATA / "storm.toml"), str(DATA / "tiny.toml")
FEW = (
    "duration=3d",
    "flow[0].arrivals.per_day=4",
    "flow[1].arrivals.per_day=4",
    'region[0].prefund."310000"="10000.00"',
    'region[1].prefund."310000"="10000.00"',
)
"""Three days instead of a month, and prefunds small enough for an alarm."""


def finished(path=STORM, settings=FEW):
    """A finished run and the checks that watched it; every call makes a fresh one."""
    watching = []

    def built(runner):
        nodes = {address: party.host for address, party in runner.parties.items()}
        runner.checks = EventChecks(nodes)
        watching.append(runner.checks)

    result = run_virtual(load(path, settings), hooks=RunHooks(built=built))
    watching[0].finish()
    return result, watching[0]


@cache
def _bundle(path, settings):
    folder = open_folder(Path(mkdtemp()) / "run")
    judged_run(load(path, settings), folder)
    return folder


def bundle_in(folder, path=STORM, settings=FEW):
    """A bundle of its own below `folder`; the run itself is made once."""
    number = sum(1 for _ in folder.iterdir())
    return Path(shutil.copytree(_bundle(path, tuple(settings)), folder / f"run-{number}"))


def cases(result, role, state):
    """The cases of a role in a state, by key."""
    return {
        key: case
        for address, node in result.nodes.items()
        if address.startswith(role)
        for key, case in node.state.cases.items()
        if case.state == state
    }


def some_case(result, role, state="CLEARED", **wanted):
    """The first case of a role in a state with these values."""
    return next(
        case
        for case in cases(result, role, state).values()
        if all(getattr(case, name) == value for name, value in wanted.items())
    )
