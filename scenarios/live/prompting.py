"""Stories told to somebody's own treatment platform, step by step, with the network behind.

A platform that starts things itself is no server to be asked: it is told what to do (a line for a
person, a document for a hook), does it its own way through the national gateway, and is waited
for. What it asks, and what it hears, is overheard at the gateway. Its visit numbers and message
ids are its own; the clock is moved on to each step. What happens elsewhere (a filing, a
suspension) is done for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from yidi.nodes.policy import PolicyBook
from yidi.protocol import messages as m
from yidi.protocol.bodies import open_body
from yidi.protocol.codec import encode
from yidi.protocol.envelope import Envelope, Origin, seal
from yidi.protocol.error_codes import is_refusal
from yidi.protocol.errors import ErrorCode, ProtocolError, TransportError, YidiError
from yidi.protocol.instants import Instant
from yidi.scenarios.judging.conversation import (
    NOTHING,
    REJECTION,
    Conversation,
    Message,
    message_of,
)
from yidi.scenarios.library.cases import Case, Step
from yidi.scenarios.live.desk import Desk
from yidi.scenarios.live.gateway import Served
from yidi.scenarios.live.prompts import Prompt, prompt_of
from yidi.scenarios.running.answers import fields_of
from yidi.scenarios.running.clients import client_prefix
from yidi.scenarios.running.people import Insured
from yidi.scenarios.running.requests import PLAIN_ITEM, Story, request_of
from yidi.scenarios.running.script import CaseOutcome, StepOutcome, filled, mismatches_of
from yidi.scenarios.running.world import CatalogueRow, World

Tell = Callable[[Prompt], Awaitable[None]]
"""Brings a prompt to whoever is to act on it."""

DOUBT = ("status_query", "reversal")
"""Steps that a platform takes by itself when it does not know."""
_ELSEWHERE = (
    *("filing", "referral_filing", "filing_decision", "filing_withdrawal"),
    *("suspend_insurance", "resume_insurance"),
)
LOOK_EVERY = 0.05
"""Real seconds between two looks at whether the network has come to rest."""


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One call of the platform, with what it was told."""

    request: Envelope
    answer: Envelope | None = None
    code: str = ""
    """Why there is no answer."""


class Overheard:
    """Stands between the gateway and the desk, and hears every call."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.conversation = Conversation()
        self.calls: asyncio.Queue[Call] = asyncio.Queue()
        self.case_id = ""
        """Whose steps are being told."""
        self.traces: dict[str, str] = {}
        """Trace id → scripted case, for faults that name a case."""

    def now(self) -> Instant:
        """The network's clock."""
        return self.desk.now()

    async def ask(self, envelope: Envelope) -> Envelope:
        """Ask the desk; see `Desk.ask`."""
        self.traces[envelope.origin.trace_id] = self.case_id
        self.conversation.note(message_of(envelope, self.now(), to_node=False))
        try:
            answer = await self.desk.ask(envelope)
        except (ProtocolError, TransportError) as error:
            self._missed(envelope, error)
            raise
        self.conversation.note(message_of(answer, self.now(), to_node=True))
        self.calls.put_nowait(Call(request=envelope, answer=answer))
        return answer

    def _missed(self, envelope: Envelope, error: YidiError) -> None:
        """A call that came to no answer: refused before it was sent, or unknown."""
        refused = isinstance(error, ProtocolError)
        origin = envelope.origin
        self.conversation.note(
            Message(
                at=self.now(), to_node=True, transaction=origin.transaction,
                kind=REJECTION if refused else NOTHING, correlation=origin.message_id,
                code=error.code if refused else "", problem="" if refused else error.code,
            )
        )  # fmt: skip
        code = error.code if refused else ErrorCode.E_TIMEOUT
        self.calls.put_nowait(Call(request=envelope, code=code))


def with_plain_item(world: World, _: PolicyBook) -> World:
    """The same world, where every treatment region's catalogue has the plain item, as 甲."""
    known = {(row.region, row.code) for row in world.items}
    added = [
        CatalogueRow(region=region.code, code=PLAIN_ITEM, grade="01")
        for region in world.with_role("treatment")
        if (region.code, PLAIN_ITEM) not in known
    ]
    items = sorted([*world.items, *added], key=lambda row: (row.region, row.code))
    return msgspec.structs.replace(world, items=tuple(items))


class Telling:
    """One scenario, told to a platform.

    Args:
        served: the network.
        overheard: what stands before its desk.
        tell: brings prompts to the platform.
        about: what every prompt says: the scenario, the gateway's address, and the token for it.
        wait: real seconds that the platform may take for a step.
    """

    def __init__(
        self,
        served: Served,
        overheard: Overheard,
        tell: Tell,
        about: dict[str, str],
        wait: float,
    ) -> None:
        self.served, self.overheard, self.tell = served, overheard, tell
        self.about, self.wait = about, wait
        self.told = 0
        """Prompts so far."""
        self._serial = 0

    async def play(self) -> list[CaseOutcome]:
        """Tell every case, one after the other, in the order of their time."""
        scenario, start = self.served.scenario, self.served.cast.start
        people = {one.case.id: one.story.person for one in self.served.cast.driver.cases}
        found: dict[str, CaseOutcome] = {}
        for case in sorted(scenario.case, key=lambda one: one.at.at(start)):
            found[case.id] = await self._case(case, people[case.id])
        return [found[case.id] for case in scenario.case]

    async def _case(self, case: Case, person: Insured) -> CaseOutcome:
        start = self.served.cast.start
        regions = {row.code: row.region for row in self.served.cast.world.institutions}
        story = Story(case, person, regions[case.institution], case.at.at(start))
        outcome = CaseOutcome(
            case_id=case.id, institution=case.institution, visit=story.visit, psn_no=person.psn_no
        )
        self.overheard.case_id = case.id
        await self._move_to(case.at.at(start))
        for step, name in zip(case.step, case.step_ids(), strict=True):
            await self._move_to(Instant(self.overheard.now() + step.after))
            done = await self._step(step, name, story, outcome)
            if done is None:
                return outcome
        outcome.finished = True
        return outcome

    # ------------------------------------------------------------------ one step

    async def _step(
        self, step: Step, name: str, story: Story, outcome: CaseOutcome
    ) -> StepOutcome | None:
        """Have a step done; None where nobody did it in time."""
        done = StepOutcome(step=name, word=step.do)
        outcome.steps.append(done)
        story.words[name] = step.do
        fields = filled(step.fields, story.fields)
        unsure = any(one.outcome == "unknown" for one in outcome.steps)
        if step.do == "pay_in_full" or (fields.again and fields.amount):
            done.outcome = "accepted"  # no message, or a mistake that nobody is asked to make
            return done
        call: Call | None
        if step.do in _ELSEWHERE:
            call = await self._elsewhere(step, name, story)
        else:
            story.note(fields)
            prompt = prompt_of(
                self.about, self.told, story, step, name, fields,
                in_doubt=unsure and step.do in DOUBT,
            )  # fmt: skip
            self.told += 1
            await self.tell(prompt)
            call = await self._heard(prompt, story)
        if call is None:
            return None
        self._take(call, step, done, story)
        if unsure and step.do in DOUBT:
            done.mismatches = []  # how a platform finds out is its own affair
        visit = getattr(open_body(call.request), "visit", "")
        outcome.visit = visit or outcome.visit
        return done

    async def _heard(self, prompt: Prompt, story: Story) -> Call | None:
        """The platform's call for a prompt; what else it asks meanwhile is its own affair."""
        wanted = set(prompt.transactions)
        try:
            async with asyncio.timeout(self.wait):
                while True:
                    call = await self.overheard.calls.get()
                    if call.request.origin.transaction in wanted and _is_of(call.request, story):
                        return call
        except TimeoutError:
            return None

    def _take(self, call: Call, step: Step, done: StepOutcome, story: Story) -> None:
        done.message_id = call.request.origin.message_id
        done.at = self.overheard.now()
        story.sent[done.step] = call.request
        if call.answer is None:
            done.outcome = "refused" if is_refusal(call.code) else "unknown"
            done.code = call.code
        else:
            body = open_body(call.answer)
            done.fields = fields_of(call.answer, body)
            done.key = done.fields.get("key", "")
            done.outcome = "accepted"
            if isinstance(body, m.Rejection):
                done.outcome = "refused" if is_refusal(body.code) else "unknown"
                done.code = body.code
        story.fields[done.step] = done.fields
        done.mismatches = mismatches_of(step, done, story.fields)

    async def _elsewhere(self, step: Step, name: str, story: Story) -> Call:
        """What is not the platform's to do."""
        now = self.overheard.now()
        made = request_of(story, step, filled(step.fields, story.fields), now)
        self._serial += 1
        prefix = client_prefix(made.sender)
        message_id = f"{prefix}{self._serial:018d}"[:30]
        origin = Origin(
            made.transaction, 0, message_id, "", made.sender, made.recipient, "", story.treatment,
            story.insured, story.about[2], now, 0, message_id,
        )  # fmt: skip
        request = seal(made.recipient, origin, encode(made.body))
        try:
            answer = await self.overheard.desk.ask(request)
        except YidiError as error:
            return Call(request=request, code=error.code)
        return Call(request=request, answer=answer)

    # ------------------------------------------------------------------ the clock

    async def _move_to(self, at: int) -> None:
        """Let the clock show an instant, stopping wherever something is due before."""
        host, clock = self.served.host, self.served.host.clock
        while clock.now() < at:
            due = host.next_deadline()
            clock.jump_to(Instant(at if due is None else max(clock.now(), min(due, at))))
            if due is None or due > at:
                return
            host.look()
            await asyncio.sleep(LOOK_EVERY)


def _is_of(request: Envelope, story: Story) -> bool:
    """Whether a call is about the person (or, where it names none, of the institution)."""
    if request.origin.sender != f"institution:{story.case.institution}":
        return False
    body: Any = open_body(request)
    known = {story.person.psn_no, story.person.certno}
    named = {getattr(body, name, "") for name in ("person_no", "certificate_no")} - {""}
    return not named or bool(named & known)
