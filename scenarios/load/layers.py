"""Where the time goes: the flow, built up layer by layer, each priced by what it adds.

*codec* is the floor. *nodes* is the three nodes handling every message, frames encoded and
decoded between them, driven by hand; *network* adds the runner, links and latency; *journal* the
journal on disk with its digests; *checks* the per-event checks. By construction the layers sum to
the whole. Every program stands between two floors, by whose mean it is divided, since a shared
machine changes its clock within a second. Beside it: what signed messages would add, and what the
hub pays to relay a fee upload, against an eligibility request.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from statistics import median
from time import process_time
from typing import Any

import msgspec

from yidi.nodes.base import Node
from yidi.protocol.envelope import Envelope, Link, frame, unframe
from yidi.protocol.errors import MissingAlgorithm
from yidi.protocol.signatures import need_sm2
from yidi.scenarios.load import corpus as corpora
from yidi.scenarios.load.floor import Floor
from yidi.scenarios.load.flow import ENVELOPES, START, Parts, build, requests, run_flow
from yidi.scenarios.load.measure import Machine, describe_machine
from yidi.scenarios.running.run import quiet_collector

STEPS = ("codec", "nodes", "network", "journal", "checks")
RELAYS = 2_000
"""Relays of one message in one round."""


class Layer(msgspec.Struct, frozen=True, kw_only=True):
    """One layer."""

    name: str
    microseconds: float
    """CPU time that it adds to a settlement."""
    nanoseconds_per_envelope: int
    in_floors: float
    """The same as a multiple of the codec floor."""


class LayersReport(msgspec.Struct, frozen=True, kw_only=True):
    """What `yidi bench layers` came to."""

    layers: list[Layer]
    whole_microseconds: float
    ratio_to_codec_floor: float
    signing_microseconds: float | None
    """What signed messages would add to a settlement, which in the flow they are not; None where
    the extra `gm` is not installed."""
    relay_ratio: float
    """Relaying a 30-line fee upload over relaying an eligibility request, at the hub."""
    rounds: int
    settlements: int
    machine: Machine


def measure_layers(
    *, rounds: int = 9, settlements: int = 1_000, in_flight: int = 50, seed: int = 1
) -> LayersReport:
    """Price every layer; each round does all of them, one after the other.

    Raises:
        AssertionError: a round did not settle everything.
    """
    floor = Floor(corpora.load())
    programs: list[Callable[[], float]] = [
        lambda: run_nodes(settlements),
        *(
            lambda parts=parts: (
                run_flow(settlements, in_flight, seed=seed, parts=parts).cpu_seconds / settlements
            )
            for parts in (
                Parts(journal=False, checks=False), Parts(checks=False), Parts(),
                *([Parts(signatures=True)] if _can_sign() else []),
            )
        ),
    ]  # fmt: skip
    sums: list[list[float]] = [[] for _ in programs]
    relays = []
    floors = [_floor_seconds(floor, settlements)]
    for _ in range(rounds):
        for times, program in zip(sums, programs, strict=True):
            took = program()
            floors.append(_floor_seconds(floor, settlements))
            times.append(2 * took / (floors[-2] + floors[-1]))
        relays.append(_relay_ratio())
    floor_us = 1e6 * median(floors)
    medians = [1.0, *(median(times) for times in sums)]
    whole, signed = medians[: len(STEPS)], medians[len(STEPS) :]
    added = [1.0, *(after - before for before, after in pairwise(whole))]
    return LayersReport(
        layers=[
            Layer(
                name=name,
                microseconds=round(floors * floor_us, 1),
                nanoseconds_per_envelope=round(1e3 * floors * floor_us / ENVELOPES),
                in_floors=round(floors, 2),
            )
            for name, floors in zip(STEPS, added, strict=True)
        ],
        whole_microseconds=round(whole[-1] * floor_us, 1),
        ratio_to_codec_floor=round(whole[-1], 2),
        signing_microseconds=round((signed[0] - whole[-1]) * floor_us, 1) if signed else None,
        relay_ratio=round(median(relays), 2),
        rounds=rounds,
        settlements=settlements,
        machine=describe_machine(),
    )


def _can_sign() -> bool:
    try:
        need_sm2()
    except MissingAlgorithm:
        return False
    return True


def run_nodes(settlements: int) -> float:
    """Drive the three nodes by hand; returns CPU seconds of one settlement."""
    visits, nodes = requests(settlements), build(settlements)
    with quiet_collector():
        started = process_time()
        for visit in visits:
            for request in visit:
                _exchange(nodes, request)
            for node in nodes.values():
                node.ledger.take()
        return (process_time() - started) / settlements


def _exchange(nodes: Mapping[str, Node[Any]], request: Envelope) -> None:
    sender, envelope = request.origin.sender, request
    while (node := nodes.get(envelope.hop)) is not None:
        arrived = unframe(frame(envelope, Link(sender, envelope.hop, 1, 0, START)))
        sender = envelope.hop
        (envelope,) = node.handle(arrived, START)


def _floor_seconds(floor: Floor, settlements: int) -> float:
    started = process_time()
    floor.run(settlements)
    return (process_time() - started) / settlements


def _relay_ratio() -> float:
    eligibility, upload = (_relay_seconds(message) for message in corpora.load().messages[:3:2])
    return upload / eligibility


def _relay_seconds(message: corpora.Recorded) -> float:
    """CPU seconds in which the hub takes a frame, handles it and writes the next one."""
    (hub,) = [node for address, node in build(1).items() if address.startswith("hub:")]
    origin, _ = message.opened()
    link = Link(origin.sender, hub.address, 1, 0, START)
    raw = frame(Envelope(hub.address, origin, message.origin, message.body), link)
    started = process_time()
    for _ in range(RELAYS):
        (relayed,) = hub.handle(unframe(raw), START)
        frame(relayed, link)
    return (process_time() - started) / RELAYS
