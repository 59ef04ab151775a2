"""A scenario played with one node under test, and everything that passed at its door.

In virtual time the node is one of the run: its inputs and outputs are listened to where the
runner hands them over. That is how yidi's own nodes are held against the rules, and how a test
holds a node with a planted fault against them. Somebody's own node is played with in
`live.conform`, where the wire is listened to.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from yidi.protocol.envelope import Envelope
from yidi.protocol.errors import ErrorCode, ScenarioError
from yidi.protocol.instants import Instant
from yidi.protocol.regions import is_region
from yidi.scenarios.judging.conformance import Play
from yidi.scenarios.judging.conversation import Conversation, message_of
from yidi.scenarios.judging.judged_run import JudgedRun, judged_run
from yidi.scenarios.library.borrowed import lent, may_borrow
from yidi.scenarios.library.loader import LoadedScenario, library_names, load
from yidi.scenarios.running.parties import Party
from yidi.scenarios.running.runner import Runner

TAG = "conform"


def conform_scenarios(role: str, code: str) -> list[LoadedScenario]:
    """The library's scenarios tagged `conform` in which a region plays a role, or can.

    Raises:
        ScenarioError: `E_REGION`, the code is no region's.
    """
    if not is_region(code):
        want = "six digits with the prefix of a province"
        raise ScenarioError(ErrorCode.E_REGION, at=role, want=want, got=code)
    found: list[LoadedScenario] = []
    for name in library_names():
        loaded = load(name)
        if TAG not in loaded.scenario.tags:
            continue
        if any(region.code == code and role in region.roles for region in loaded.scenario.region):
            found.append(loaded)
        elif may_borrow(loaded, role, code):
            found.append(lent(loaded, role, code))
    return found


def play_virtual(
    loaded: LoadedScenario, address: str, folder: Path | None = None, *, seed: int | None = None
) -> tuple[Play, JudgedRun]:
    """Play a scenario in virtual time and listen at one of its own nodes."""
    conversation = Conversation()

    def listen(runner: Runner) -> None:
        listen_at(runner.parties[address], conversation)

    judged = judged_run(loaded, folder, seed=seed, built=listen)
    return play_of(judged, conversation), judged


def play_of(judged: JudgedRun, conversation: Conversation) -> Play:
    """What a run and a conversation come to."""
    scenario = judged.result.loaded.scenario
    return Play(
        scenario=scenario.name,
        cases=scenario.case,
        outcomes=tuple(judged.result.driver.outcomes()),
        conversation=conversation,
        untold=frozenset(
            code for external in judged.report.externals for code in external.stood_in
        ),
    )


def listen_at(party: Party, conversation: Conversation) -> None:
    """Note everything that a party of a virtual run hears and says."""
    handle, wake = party.handle, party.handle_deadline

    def heard(envelope: Envelope, now: Instant) -> list[Envelope]:
        conversation.note(message_of(envelope, now, to_node=True))
        return said(handle(envelope, now), now)

    def said(outputs: list[Envelope], now: Instant) -> list[Envelope]:
        for envelope in outputs:
            conversation.note(message_of(envelope, now, to_node=False))
        return outputs

    place: Any = party
    place.handle = heard
    place.handle_deadline = lambda now: said(wake(now), now)
