"""A scenario played live with somebody's own node in its place, and the wire listened to."""

from __future__ import annotations

from pathlib import Path

import msgspec

from yidi.scenarios.judging.conform_play import play_of
from yidi.scenarios.judging.conform_wire import message_of_entry
from yidi.scenarios.judging.conformance import Play
from yidi.scenarios.judging.conversation import Conversation
from yidi.scenarios.judging.judged_run import JudgedRun, judged_run
from yidi.scenarios.judging.wire import WireEntry
from yidi.scenarios.library.loader import LoadedScenario
from yidi.scenarios.live.network import run_live
from yidi.scenarios.running.run import RunHooks, RunResult


def play_live(
    loaded: LoadedScenario,
    external: str,
    folder: Path | None = None,
    *,
    seed: int | None = None,
    engine: str = "embedded",
) -> tuple[Play, JudgedRun]:
    """Play a scenario with an own node.

    Args:
        loaded: the scenario.
        external: the node, as `--external` names it.
        folder: where the run's files go; None keeps none.
        seed: overrides the scenario's.
        engine: of the run; a node without a URL is met there.

    Raises:
        ScenarioError: the node is none of the scenario's.
        TransportError: the engine or the node could not be had.
    """
    conversation = Conversation()

    def host(loaded: LoadedScenario, *, seed: int | None, hooks: RunHooks) -> RunResult:
        keep = hooks.wire

        def listen(entry: WireEntry) -> None:
            if keep is not None:
                keep(entry)
            message = message_of_entry(entry)
            if message is not None:
                conversation.note(message)

        heard = msgspec.structs.replace(hooks, wire=listen)
        return run_live(loaded, engine=engine, seed=seed, hooks=heard, externals=(external,))

    judged = judged_run(loaded, folder, seed=seed, host=host)
    return play_of(judged, conversation), judged
