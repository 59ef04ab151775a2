"""A load on processes over a real Mosquitto, in a tiny form."""

from __future__ import annotations

import pytest

from tests.broker.engines.servers import need_program
from tests.load.test_load_run import load_within
from yidi.protocol.errors import TransportError
from yidi.scenarios.library.loader import load
from yidi.scenarios.load import servers
from yidi.scenarios.load.load_run import LoadOptions, run_load
from yidi.scenarios.load.open_loop import STAGES, VISIT


@pytest.mark.slow
def test_every_node_has_a_process_and_the_journals_are_checked_afterwards():
    """The generator is alone in its process; all visits are in three books, folded from disk."""
    need_program("mosquitto", "apt-get install mosquitto")
    with servers.mosquitto() as broker:
        options = LoadOptions(rate=20, seconds=1.5, engine=broker.url)
        report = run_load(load_within("p(99)<1h"), options)
    looked = {row.id for row in report.checks if row.count}

    assert (30, 30, True) == (report.offered, report.settled, report.gate.holds)
    assert [*STAGES, VISIT] == [row.stage for row in report.stages]
    assert "pass" == report.verdict
    assert {"INV-01", "INV-02", "INV-05", "INV-06", "INV-07", "INV-12", "INV-36"} <= looked
    # Two hubs, two regions, two provinces, and the generator.
    assert (7, True) == (report.processes, report.generator.alone)
    assert report.commits > 30
    assert report.batches.frames >= 24 * 30


def test_a_broker_that_is_not_there_ends_the_run(monkeypatch):
    """Once the time is over that a first connection may take, and with the code for it."""
    monkeypatch.setattr("yidi.broker.engines.nats.PREPARE_WITHIN_S", 0.3)
    (port,) = servers.free_ports(1)
    options = LoadOptions(rate=20, seconds=1, engine=f"nats://127.0.0.1:{port}")

    with pytest.raises(TransportError, match="E_ENGINE"):
        run_load(load("docs/examples/load.toml"), options)
