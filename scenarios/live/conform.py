"""A scenario played live with somebody's own node in its place, and everything it says heard.

A node that answers is met where `--external` says, and the wire is listened to. A platform that
starts things itself is told what to do and comes through the national gateway (`prompting`).
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Self

import msgspec

from yidi.broker.external.http import HttpClient
from yidi.broker.gateway.guards import client
from yidi.broker.gateway.server import ServerOptions
from yidi.protocol.errors import ErrorCode, TransportError
from yidi.scenarios.judging.conform_play import play_of
from yidi.scenarios.judging.conform_wire import message_of_entry
from yidi.scenarios.judging.conformance import Play
from yidi.scenarios.judging.conversation import Conversation
from yidi.scenarios.judging.judged_run import JudgedRun, judged_run
from yidi.scenarios.judging.wire import WireEntry
from yidi.scenarios.library.loader import LoadedScenario
from yidi.scenarios.live.desk import Desk
from yidi.scenarios.live.faults import LiveFaults
from yidi.scenarios.live.gateway import ServeOptions, serving
from yidi.scenarios.live.network import run_live
from yidi.scenarios.live.prompting import Overheard, Telling, with_plain_item
from yidi.scenarios.live.prompts import Prompt
from yidi.scenarios.running.faults import FaultPlan, rules_of
from yidi.scenarios.running.run import RunHooks, RunResult

WAIT_SECONDS = 300.0
"""Real seconds that a platform, or the person at it, may take for one step."""
HOOK_SECONDS = 30.0
SCALE = 10_000
"""Ten times real speed: a time-out of 25 s is seen in two and a half."""


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


class PromptOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How a platform that starts things itself is told what to do."""

    hook: str = ""
    """URL that gets every prompt as JSON; empty shows them to a person."""
    port: int = 0
    """Of the gateway; 0 takes a free one."""
    wait_seconds: float = WAIT_SECONDS
    """Real seconds that a step may take."""
    scale: int = SCALE
    """Scenario time per real time, in thousandths."""


async def play_prompted(
    loaded: LoadedScenario, options: PromptOptions, show: Callable[[Prompt], object]
) -> Play:
    """Tell a scenario to a platform behind the national gateway, and listen there.

    Args:
        loaded: the scenario.
        options: how it is told, and how long it is waited for.
        show: gets every prompt, for people to read.

    Raises:
        OSError: the gateway's port cannot be had.
        TransportError: `E_ENGINE`, the hook does not take a prompt.
    """
    token = secrets.token_urlsafe(24)
    heard: list[Overheard] = []

    def between(desk: Desk) -> Overheard:
        heard.append(Overheard(desk))
        return heard[0]

    serve = ServeOptions(
        clients=(client("platform", token),), scale=options.scale,
        http=ServerOptions(port=options.port),
    )  # fmt: skip
    async with (
        serving(loaded, serve, between=between, extend=with_plain_item) as served,
        Hook(options.hook) as hook,
    ):
        overheard = heard[0]
        rules = rules_of(loaded.scenario.fault)
        if rules:
            plan = FaultPlan(rules, served.cast.start)
            served.host.faults = LiveFaults(plan, overheard.traces.get)
        about = {
            "scenario": loaded.scenario.name, "token": token,
            "gateway": f"http://127.0.0.1:{served.server.port}",
        }  # fmt: skip

        async def tell(prompt: Prompt) -> None:
            show(prompt)
            await hook.tell(prompt)

        outcomes = await Telling(served, overheard, tell, about, options.wait_seconds).play()
    return Play(
        scenario=loaded.scenario.name,
        cases=loaded.scenario.case,
        outcomes=tuple(outcomes),
        conversation=overheard.conversation,
    )


class Hook:
    """POSTs prompts to the operator's own URL; without one it does nothing.

    Args:
        url: where to; empty for nowhere.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.client = HttpClient()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.client.close()

    async def tell(self, prompt: Prompt) -> None:
        """Send one prompt; any answer of 2xx will do."""
        if not self.url:
            return
        data = msgspec.json.encode(prompt)
        headers = {"Content-Type": "application/json"}
        reply = await self.client.post(self.url, data, headers, HOOK_SECONDS)
        if not 200 <= reply.status < 300:
            got = reply.problem or f"HTTP {reply.status}"
            raise TransportError(ErrorCode.E_ENGINE, at=self.url, want="a hook", got=got)
