"""Engines against each other and against what people run today, in one run.

Every program is three processes: the treatment region with its hospital, the hub, the insured
region; 16 envelopes a settlement go through the broker. Ours are the nodes as they are: rules,
ledger, links, and a journal that is synced before anything leaves. The baseline *today*
(tests/benchmarks/today.py) has none of that. All are offered the same visits a second with the
same number under way at most, in rounds that take turns; each starts a broker of its own, empty.
Rates are wall time in the steady window, CPU is that of all processes and the broker.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from statistics import median
from time import time_ns

import msgspec

from yidi.scenarios.load import servers
from yidi.scenarios.load.engine_worker import Task
from yidi.scenarios.load.load_report import Batches, sum_batches
from yidi.scenarios.load.measure import Machine, Spread, describe_machine
from yidi.scenarios.load.parties import Said, cpu_seconds_of, party

TODAY = Path(__file__).parents[2] / "tests" / "benchmarks" / "today.py"
"""The baseline; a source checkout has it, an installed package does not."""
ROLES = ("hub", "insured", "treatment")


class EngineOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What every program is offered."""

    rate: float = 3_000.0
    """Visits a second."""
    in_flight: int = 64
    """Visits under way at most; they come in waves, so many more would blur a slow program."""
    seconds: float = 5.0
    warm_up: float = 1.0
    lone: int = 200
    """Requests asked for alone afterwards."""
    rounds: int = 3


class Program(msgspec.Struct, frozen=True, kw_only=True):
    """One of those that are compared."""

    name: str
    broker: Callable[[], AbstractContextManager[servers.Running]]
    batch_frames_max: int = 64
    """0: the baseline, which does not batch."""


class Round(msgspec.Struct, frozen=True, kw_only=True):
    """One program in one round."""

    per_second: float
    """Settlements a second of wall time, in the steady window."""
    cpu_us: float | None
    """CPU microseconds a settlement, of three processes and broker; None where unknown."""
    lone_us: float
    """Median of the lone requests."""
    settled: int
    batches: Batches | None
    """Of the publishes of all three processes."""


class ProgramReport(msgspec.Struct, frozen=True, kw_only=True):
    """One program over all rounds."""

    name: str
    per_second: Spread
    cpu_us: float | None
    lone_us: float
    mean_batch: float
    """Frames a publish; 1 for the baseline."""
    settled: int
    """Over all rounds; each was booked at all three parties with the same amounts."""
    times_today: Spread | None
    """Its rate over that of *today* in the same round."""
    cpu_times_today: float | None
    """CPU that *today* takes for a settlement over its own: what others' load moves least."""


class Goal(msgspec.Struct, frozen=True, kw_only=True):
    """A goal and how near we are. Source: performance P4."""

    name: str
    wanted: float
    at_most: bool = False
    reached: float | None
    """None where it was not measured."""


class EngineReport(msgspec.Struct, frozen=True, kw_only=True):
    """What `yidi bench engine` prints."""

    options: EngineOptions
    programs: list[ProgramReport]
    goals: list[Goal]
    left_out: dict[str, str]
    """What was not measured, and why."""
    machine: Machine


Tell = Callable[[int, str, Round], object]


def measure_engines(options: EngineOptions, tell: Tell | None = None) -> EngineReport:
    """Measure every program that this machine has, in turns.

    Raises:
        TransportError: `E_ENGINE`: mosquitto is not installed or does not start.
        AssertionError: what was measured is not what it should be.
    """
    programs, left_out = _programs()
    rounds: dict[str, list[Round]] = {program.name: [] for program in programs}
    for number in range(options.rounds):
        for program in programs:
            done = measure_once(program, options)
            rounds[program.name].append(done)
            if tell is not None:
                tell(number + 1, program.name, done)
    today = rounds.get("today")
    return EngineReport(
        options=options,
        programs=[_summed(name, done, today) for name, done in rounds.items()],
        goals=_goals(rounds),
        left_out=left_out,
        machine=describe_machine(),
    )


def _programs() -> tuple[list[Program], dict[str, str]]:
    """Those that can be measured here; mosquitto is a must."""
    left_out: dict[str, str] = {}
    programs = [
        Program(name="mosquitto", broker=servers.mosquitto),
        Program(name="mosquitto-single", broker=servers.mosquitto, batch_frames_max=1),
    ]
    if TODAY.is_file():
        programs.append(Program(name="today", broker=servers.mosquitto, batch_frames_max=0))
    else:
        left_out["today"] = "the baseline program is in a source checkout only"
    if servers.has_nats():
        programs += [
            Program(name="jetstream-r1", broker=lambda: servers.nats(1)),
            Program(name="jetstream-r1-single", broker=lambda: servers.nats(1), batch_frames_max=1),
            Program(name="jetstream-r3", broker=lambda: servers.nats(servers.REPLICAS)),
        ]
    else:
        left_out["jetstream"] = servers.HOW["nats-server"]
    return programs, left_out


# --- One program, once ----------------------------------------------------------------------------


def measure_once(program: Program, options: EngineOptions) -> Round:
    """Start broker and processes, offer the load, ask alone, and hold the books together.

    Raises:
        AssertionError: a settlement is missing at one of the parties, or amounts differ.
    """
    with program.broker() as broker, ExitStack() as stack:
        parties = {
            role: stack.enter_context(party(_command(program, role, broker.url, options)))
            for role in ROLES
        }
        for one in parties.values():
            one.hear("ready")
        pids = (*broker.pids, *(one.process.pid for one in parties.values()))
        before = cpu_seconds_of(pids)
        counter = parties["treatment"]
        loaded = counter.order("go", "loaded")
        after = cpu_seconds_of(pids)
        alone = counter.order("lone", "done")
        others = [parties[role].end() for role in ("hub", "insured")]
    _assert_same_books(program.name, loaded, others, alone.lone_us, options)
    parts = [one.batches for one in (loaded, *others) if one.batches is not None]
    cpu = None if before is None or after is None else after - before
    return Round(
        per_second=round(loaded.steady / (options.seconds - options.warm_up), 1),
        cpu_us=None if cpu is None else round(1e6 * cpu / loaded.settled, 1),
        lone_us=float(median(alone.lone_us)),
        settled=loaded.settled,
        batches=sum_batches(parts) if parts else None,
    )


def _assert_same_books(
    name: str, counter: Said, others: list[Said], lone_us: list[int], options: EngineOptions
) -> None:
    """The validity gate: each settled visit is booked by all three, with the same money."""
    assert counter.settled > 0, f"{name}: nothing was settled"
    assert counter.steady > 0, f"{name}: nothing was settled in the steady window"
    for other in others:
        theirs, ours = (other.settled, other.fund_fen), (counter.settled, counter.fund_fen)
        assert theirs == ours, f"{name}: books differ, {theirs} and {ours}"
    assert len(lone_us) == options.lone, f"{name}: {len(lone_us)} of {options.lone} lone answers"


def _command(program: Program, role: str, url: str, options: EngineOptions) -> list[str]:
    if not program.batch_frames_max:
        numbers = {
            "port": url.rpartition(":")[2], "rate": options.rate, "in-flight": options.in_flight,
            "seconds": options.seconds, "warm-up": options.warm_up, "lone": options.lone,
        }  # fmt: skip
        words = [word for name, value in numbers.items() for word in (f"--{name}", str(value))]
        return [sys.executable, str(TODAY), role, *words]
    task = Task(
        role=role, engine=url, anchor_us=time_ns() // 1_000,
        batch_frames_max=program.batch_frames_max, rate=options.rate,
        in_flight=options.in_flight, seconds=options.seconds, warm_up=options.warm_up,
        lone=options.lone,
    )  # fmt: skip
    words = ["-m", "yidi.scenarios.load.engine_worker", msgspec.json.encode(task).decode()]
    return [sys.executable, *words]


# --- What it came to ------------------------------------------------------------------------------


def _summed(name: str, rounds: list[Round], today: list[Round] | None) -> ProgramReport:
    rates = [one.per_second for one in rounds]
    times = [
        ours.per_second / theirs.per_second
        for ours, theirs in zip(rounds, today or [], strict=False)
    ]
    savings = [
        theirs.cpu_us / ours.cpu_us
        for ours, theirs in zip(rounds, today or [], strict=False)
        if ours.cpu_us and theirs.cpu_us
    ]
    costs = [one.cpu_us for one in rounds if one.cpu_us is not None]
    return ProgramReport(
        name=name,
        per_second=_spread(rates),
        cpu_us=round(median(costs), 1) if costs else None,
        lone_us=median(one.lone_us for one in rounds),
        mean_batch=round(median(one.batches.mean if one.batches else 1.0 for one in rounds), 2),
        settled=sum(one.settled for one in rounds),
        times_today=_spread(times) if times else None,
        cpu_times_today=round(median(savings), 2) if savings else None,
    )


def _spread(values: list[float]) -> Spread:
    return Spread(
        median=round(median(values), 2), least=round(min(values), 2), most=round(max(values), 2)
    )


def _goals(rounds: dict[str, list[Round]]) -> list[Goal]:
    """P4, each as the median of the rounds' own ratios."""

    def rate(ours: str, theirs: str) -> float | None:
        return _ratio(rounds, ours, theirs, lambda one: one.per_second)

    def alone(ours: str, theirs: str) -> float | None:
        return _ratio(rounds, ours, theirs, lambda one: one.lone_us)

    single = "-single"
    return [
        Goal(name="mosquitto / today", wanted=12, reached=rate("mosquitto", "today")),
        Goal(name="jetstream-r1 / today", wanted=10, reached=rate("jetstream-r1", "today")),
        Goal(name="jetstream-r3 / today", wanted=5, reached=rate("jetstream-r3", "today")),
        *(
            Goal(name=f"{name} / {name}{single}", wanted=wanted, reached=rate(name, name + single))
            for name, wanted in (("mosquitto", 10), ("jetstream-r1", 4))
        ),
        *(
            Goal(
                name=f"lone request: {name} / {name}{single}", wanted=1.2, at_most=True,
                reached=alone(name, name + single),
            )
            for name in ("mosquitto", "jetstream-r1")
        ),
    ]  # fmt: skip


def _ratio(
    rounds: dict[str, list[Round]], ours: str, theirs: str, of: Callable[[Round], float]
) -> float | None:
    if not rounds.get(ours) or not rounds.get(theirs):
        return None
    pairs = zip(rounds[ours], rounds[theirs], strict=True)
    return round(median(of(one) / of(other) for one, other in pairs), 2)
