"""Measuring: floor and flow in turns inside one process, so that only their ratio counts.

A shared machine changes its clock between two runs and within one; what it does to the floor it
does to the flow a moment later. So a round is floor, flow, floor; its ratio is the flow's CPU
time over the mean of the two floors, and the result is the median over the rounds. Every figure
comes with the check of what was measured: all settled, books balanced, the corpus's envelopes,
the same journal in every round.
"""

from __future__ import annotations

import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path
from statistics import median
from time import process_time

import msgspec

from yidi.scenarios.load import corpus as corpora
from yidi.scenarios.load.floor import Floor
from yidi.scenarios.load.flow import ENVELOPES, FlowResult, record_messages, run_flow

FLOOR_SHARE = 4
"""The floor does this part of a round's settlements, twice: it is the smaller program."""


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """Where and of what a figure was taken; figures of two machines are not compared."""

    machine: str
    cpus: int
    python: str
    msgspec: str
    yidi: str
    commit: str
    """`unknown` outside a repository; with `+` when the tree had changes."""
    corpus: int


class Spread(msgspec.Struct, frozen=True, kw_only=True):
    """The median of the rounds, the least and the most."""

    median: float
    least: float
    most: float


class FlowReport(msgspec.Struct, frozen=True, kw_only=True):
    """What `yidi bench flow` came to; rates are per CPU-second of one core."""

    settlements_per_cpu_second: float
    floor_per_cpu_second: float
    ratio_to_codec_floor: float
    ratio: Spread
    envelopes_per_settlement: int
    """Between treatment region, hub and insured region; the institution's are `edge_envelopes`."""
    edge_envelopes: int
    routed_envelopes_per_cpu_second: float
    codec_operations_per_cpu_second: float
    """Encodings and decodings of the floor, which does nothing else."""
    rounds: int
    settlements: int
    """In each round."""
    in_flight: int
    seed: int
    journal_hash: str
    journal_bytes_per_settlement: int
    machine: Machine


def measure_flow(
    *, rounds: int = 9, settlements: int = 1_000, in_flight: int = 50, seed: int = 1
) -> FlowReport:
    """Measure the flow against the codec floor.

    Raises:
        AssertionError: what was measured is not what it should be.
    """
    corpus = corpora.load()
    check_corpus(corpus)
    floor = Floor(corpus)
    ratios: list[float] = []
    flows: list[float] = []
    floors: list[float] = []
    results: list[FlowResult] = []
    for _ in range(rounds):
        before = _floor_seconds(floor, settlements)
        result = run_flow(settlements, in_flight, seed=seed)
        base = (before + _floor_seconds(floor, settlements)) / 2
        each = result.cpu_seconds / settlements
        ratios.append(each / base)
        flows.append(1 / each)
        floors.append(1 / base)
        results.append(result)
    check_results(results)
    return FlowReport(
        settlements_per_cpu_second=round(median(flows), 1),
        floor_per_cpu_second=round(median(floors), 1),
        ratio_to_codec_floor=round(median(ratios), 2),
        ratio=Spread(
            median=round(median(ratios), 2),
            least=round(min(ratios), 2),
            most=round(max(ratios), 2),
        ),
        envelopes_per_settlement=ENVELOPES,
        edge_envelopes=results[0].envelopes // settlements - ENVELOPES,
        routed_envelopes_per_cpu_second=round(ENVELOPES * median(flows), 1),
        codec_operations_per_cpu_second=round(floor.operations_per_settlement * median(floors), 1),
        rounds=rounds,
        settlements=settlements,
        in_flight=in_flight,
        seed=seed,
        journal_hash=results[0].journal_hash,
        journal_bytes_per_settlement=results[0].journal_bytes // settlements,
        machine=describe_machine(),
    )


def check_corpus(corpus: corpora.Corpus) -> None:
    """Assert that the flow sends exactly the messages that the corpus holds."""
    sent = corpora.record(record_messages()).messages
    assert [_looks(one) for one in sent] == [_looks(one) for one in corpus.messages], (
        "the flow's messages are not those of the corpus: a change of a message type makes a new"
        " version of it (scenarios/load/corpus.py)"
    )


def _looks(message: corpora.Recorded) -> tuple[str, int, int, bytes]:
    """A message but for the instants and serials in its origin, which hang on the links."""
    return message.transaction, message.kind, len(message.origin), message.body


def check_results(results: list[FlowResult]) -> None:
    """Assert that all rounds did the same."""
    hashes = {result.journal_hash for result in results}
    assert len(hashes) == 1, f"the rounds' journals differ: {sorted(hashes)}"
    counts = {(result.settlements, result.envelopes) for result in results}
    assert len(counts) == 1, f"the rounds' counts differ: {sorted(counts)}"


def _floor_seconds(floor: Floor, settlements: int) -> float:
    """CPU seconds of the floor for one settlement."""
    count = max(1, settlements // FLOOR_SHARE)
    started = process_time()
    floor.run(count)
    return (process_time() - started) / count


def describe_machine() -> Machine:
    """This machine and this code."""
    return Machine(
        machine=f"{platform.system()} {platform.machine()} {_processor()}".strip(),
        cpus=os.cpu_count() or 0,
        python=platform.python_version(),
        msgspec=version("msgspec"),
        yidi=version("yidi"),
        commit=_commit(),
        corpus=corpora.VERSION,
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor()
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor())


def _commit() -> str:
    here = Path(__file__).parent
    try:
        head = _git(here, "rev-parse", "--short=10", "HEAD")
        changed = _git(here, "status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return head + ("+" if changed else "")


def _git(folder: Path, *words: str) -> str:
    done = subprocess.run(  # noqa: S603 - fixed words
        ["git", *words],  # noqa: S607 - the git that the reader has
        cwd=folder, capture_output=True, check=True, timeout=10, encoding="utf-8",
    )  # fmt: skip
    return done.stdout.strip()
