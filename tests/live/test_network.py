"""A scenario live, over the embedded engine: the same books as in virtual time."""

from __future__ import annotations

import socket
from functools import partial
from pathlib import Path

import pytest

from yidi.protocol.errors import TransportError
from yidi.scenarios.judging.judged_run import judged_run
from yidi.scenarios.judging.rows import Totals, case_rows
from yidi.scenarios.judging.verify import verify_run
from yidi.scenarios.library.loader import load
from yidi.scenarios.live.clock import real_now
from yidi.scenarios.live.network import run_live
from yidi.scenarios.running.run import RunHooks, RunResult, run_virtual

TINY = str(Path(__file__).parents[1] / "data" / "tiny.toml")


def books(result: RunResult) -> tuple[str, dict[str, int]]:
    """The books' hash and the cases by state."""
    totals = Totals()
    for row in case_rows(result.nodes, lambda place, visit: None):
        totals.add(row)
    return totals.books_hash, dict(totals.states)


@pytest.mark.parametrize("name", [TINY, "huaibei-outpatient-in-shanghai"])
def test_live_and_virtual_come_to_the_same_books(name: str) -> None:
    """Without faults the mode makes no difference to what is booked (INV-40)."""
    loaded = load(name)

    assert books(run_virtual(loaded)) == books(run_live(loaded))


def test_every_turn_is_synced_before_its_outputs_leave() -> None:
    """Inputs are made durable at least once per exchange."""
    syncs: list[int] = []
    result = run_live(load(TINY), hooks=RunHooks(sync=lambda: syncs.append(1)))

    assert 0 < len(syncs) <= result.envelopes


@pytest.mark.parametrize("name", ["timeout-query-reversal", "cancellation-in-doubt"])
def test_faults_act_live_as_in_virtual_time(name: str) -> None:
    """The same stories of doubt come to the same books, and every fault has acted."""
    loaded = load(name)
    live = run_live(loaded)

    assert books(run_virtual(loaded)) == books(live)
    assert () == live.idle_faults
    assert live.lost


def test_a_live_run_is_judged_as_any_other(tmp_path: Path) -> None:
    """Checks watch live nodes, too, and the bundle is verified by the same replay."""
    host = partial(run_live, engine="embedded")
    judged = judged_run(load("huaibei-outpatient-in-shanghai"), tmp_path, host=host)

    assert judged.report.verdict == "pass", [c for c in judged.report.checks if c.verdict != "pass"]
    assert verify_run(tmp_path).verdict == "pass"


def test_now_is_the_real_clocks_when_the_run_begins() -> None:
    """`start = "now"`: for live runs only, and the day in which somebody runs it."""
    before = real_now()
    result = run_live(load(TINY, ("start=now",)))

    assert before <= result.start <= real_now()
    assert {"CLEARED", "SETTLED"} & set(books(result)[1])


def test_an_engine_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run does not wait for ever for a broker that nobody has started: exit code 3's kind."""
    monkeypatch.setattr("yidi.scenarios.live.network.CONNECT_WITHIN", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

    with pytest.raises(TransportError, match=f"E_ENGINE.*mqtt://127.0.0.1:{port}"):
        run_live(load(TINY), engine=f"mqtt://127.0.0.1:{port}")
