"""Memory of a month: `python tests/benchmarks/month.py 26` runs about 100,000 visits.

The day of `tests/data/traffic.toml` becomes the 31 days of March, its rates and people are
multiplied; the per-event checks are on, the journal goes block by block to a file that is thrown
away. Printed are visits, envelopes, CPU seconds and the peak of resident memory. With `--run`
the whole command is measured: `yidi run`, with bundle, checks and page.
"""

from __future__ import annotations

import json
import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from yidi.scenarios.judging.event_checks import EventChecks
from yidi.scenarios.library.loader import load
from yidi.scenarios.running.run import RunHooks, run_virtual

DAY = Path(__file__).parents[1] / "data" / "traffic.toml"


def month(factor: int) -> str:
    """The scenario's text with so many times the traffic, for a month."""
    text = DAY.read_text("utf-8").replace('duration = "1d"', 'duration = "31d"')
    text = text.replace('start = "2026-03-02"', 'start = "2026-03-01"')
    text = re.sub(r"per_day = (\d+)", lambda m: f"per_day = {int(m[1]) * factor}", text)
    return re.sub(r"people = (\d+)", lambda m: f"people = {int(m[1]) * factor * 3}", text)


def main(factor: int) -> None:
    """Play the month and print what it took."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "month.toml"
        path.write_text(month(factor), "utf-8")
        with (Path(folder) / "journal.bin").open("wb") as journal:
            hooks = RunHooks(sink=journal.write)

            def watch(runner):
                nodes = {address: party.host for address, party in runner.parties.items()}
                runner.checks = EventChecks(nodes)

            hooks.built = watch
            started = time.process_time()
            result = run_virtual(load(str(path)), hooks=hooks)
            spent = time.process_time() - started
    visits = sum(count.arrived for count in result.driver.counts().values())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{visits} visits, {result.envelopes} envelopes, {spent:.0f} s CPU, peak {peak:.0f} MiB")


def command(factor: int) -> None:
    """Give the month to `yidi run` and print what the command took."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "month.toml"
        path.write_text(month(factor), "utf-8")
        words = ["run", str(path), "--out", f"{folder}/bundle", "--json"]
        program = [sys.executable, "-m", "yidi.scenarios.command.cli", *words]
        done = subprocess.run(program, capture_output=True, check=True)
        result = json.loads(done.stdout)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(
        f"yidi run: {result['verdict']}, {result['envelopes']} envelopes,"
        f" {used.ru_utime + used.ru_stime:.0f} s CPU, peak {used.ru_maxrss / 1024:.0f} MiB"
    )


if __name__ == "__main__":
    asked = [int(word) for word in sys.argv[1:] if word.isdecimal()]
    (command if "--run" in sys.argv else main)(*(asked or [1]))
