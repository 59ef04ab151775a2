"""One process of a measured network: a region, the hub, or the treatment region with its hospital.

Started by `engine_bench`, which speaks with it in lines of JSON, as it does with the baseline
program: a line when it is ready, one when all who came have gone, one when it is done. Each
process has a journal of its own and syncs it before anything leaves, as nodes always do.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from time import time_ns
from typing import Any

import msgspec

from yidi.nodes.lifecycle import SETTLED
from yidi.protocol.instants import SECOND, Instant
from yidi.protocol.journal import Opening
from yidi.scenarios.judging.journal_file import create_journal
from yidi.scenarios.live.clock import LiveClock
from yidi.scenarios.live.engines import engine_of
from yidi.scenarios.live.event_loop import run_on_loop
from yidi.scenarios.live.host import Ground, LiveHost
from yidi.scenarios.live.tuning import Tuning
from yidi.scenarios.load.drive import standing
from yidi.scenarios.load.flow import START, build
from yidi.scenarios.load.hospital import Hospital, visits_of
from yidi.scenarios.load.load_report import batches_of
from yidi.scenarios.load.near import NearEngine
from yidi.scenarios.load.parties import Said, say
from yidi.scenarios.running.run import quiet_collector

LOOK_EVERY = 0.01


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """What a process is told to be; its one argument, as JSON."""

    role: str
    """`treatment`, `hub` or `insured`."""
    engine: str
    anchor_us: int
    """Real time at which the network's clock shows its start."""
    batch_frames_max: int = 64
    rate: float
    in_flight: int
    seconds: float
    warm_up: float
    lone: int


def main(text: str) -> None:
    """Be what the argument says, until done or told to stop."""
    task = msgspec.json.decode(text, type=Task)
    with TemporaryDirectory(prefix="yidi-bench-") as folder:
        run_on_loop(_serve(task, Path(folder)))


async def _serve(task: Task, folder: Path) -> None:
    is_counter = task.role == "treatment"
    hospital = Hospital(task.rate, task.in_flight, task.seconds, task.lone) if is_counter else None
    nodes = build(visits_of(task.rate, task.seconds) + task.lone if task.role == "insured" else 0)
    (address,) = (name for name in nodes if name.startswith(task.role + ":"))
    passed = max(0, time_ns() // 1_000 - task.anchor_us)
    clock = LiveClock(Instant(START + passed))
    tuning = Tuning(batch_frames_max=task.batch_frames_max)
    engine = engine_of(task.engine, tuning)
    opening = Opening(
        seed=0, scenario_digest="", rules_version="", schema_digest="", nodes=(address,),
        start=START,
    )  # fmt: skip
    with create_journal(folder / "journal.bin", opening) as journal:
        ground = Ground(
            engine=NearEngine(engine) if is_counter else engine,
            journal=journal.writer,
            clock=clock,
            sync=journal.commit,
            peers=tuple(nodes),
        )
        node = nodes[address]
        del nodes
        host = LiveHost({address: node}, hospital, ground)
        with quiet_collector():
            await _run(host, hospital, task)
    _assert_balanced(node)


async def _run(host: LiveHost, hospital: Hospital | None, task: Task) -> None:
    """Serve; where the hospital is, work through what it is told."""
    await host.engine.prepare()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, host.stop)
    try:
        serving = await standing(host, lambda: False)
        say(Said(say="ready"))
        if hospital is not None:
            await _order("go")
            hospital.offer(host.clock.now())
            await _until(lambda: hospital.has_offered(host.clock.now()), serving)
            say(_loaded(host, hospital, task))
            await _order("lone")
            hospital.ask_alone(host.clock.now())
            await _until(lambda: hospital.has_asked, serving)
            host.stop()
        await serving
    finally:
        await host.engine.close()
    said = _books(host, "done")
    said.lone_us = hospital.lone_us if hospital is not None else []
    say(said)


async def _order(word: str) -> None:
    line = await asyncio.to_thread(sys.stdin.readline)
    if line.strip() != word:
        raise SystemExit(f"told {line!r}, expected {word}")


async def _until(holds: Callable[[], bool], serving: asyncio.Task[None]) -> None:
    while not holds():
        if serving.done():
            await serving
            raise SystemExit("the host ended before its work was done")
        await asyncio.sleep(LOOK_EVERY)


def _loaded(host: LiveHost, hospital: Hospital, task: Task) -> Said:
    first, last = round(task.warm_up * SECOND), round(task.seconds * SECOND)
    assert hospital.refused == 0, f"{hospital.refused} refusals"
    said = _books(host, "loaded")
    said.steady = sum(first <= at < last for at in hospital.settled_at)
    return said


def _books(host: LiveHost, word: str) -> Said:
    (party,) = host.parties.values()
    cases = [case for case in party.cases.values() if case.state == SETTLED]
    attachment = party.attachment
    return Said(
        say=word,
        settled=len(cases),
        fund_fen=sum(case.fund_fen for case in cases),
        batches=batches_of([attachment.counters]) if attachment is not None else None,
        commits=host.commits,
    )


def _assert_balanced(node: Any) -> None:
    assert not sum(node.ledger.state.balances.values()), f"{node.address} is out of balance"


if __name__ == "__main__":
    main(sys.argv[1])
