"""A scripted case at work: step after step, each judged against what the story expects.

A step begins when the one before it has been answered (`on = "sent"`: as soon as it was sent)
and `after` has passed. An indefinite answer is reported as it is where the story expects it
(`outcome = "unknown"`, or an indefinite code); else the client does what a good client does: it
repeats what may be repeated, and of a settlement or cancellation it asks until it knows.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from yidi.protocol import messages as m
from yidi.protocol import transactions as t
from yidi.protocol.bodies import open_body
from yidi.protocol.codec import encode
from yidi.protocol.envelope import Envelope, seal
from yidi.protocol.error_codes import is_refusal
from yidi.protocol.errors import ErrorCode, YidiError
from yidi.protocol.instants import MINUTE, Instant, day_of
from yidi.scenarios.library.cases import Case, Fields, Step
from yidi.scenarios.running.answers import fields_of, same_value
from yidi.scenarios.running.clients import Clients
from yidi.scenarios.running.patients import ManualRow
from yidi.scenarios.running.people import Insured
from yidi.scenarios.running.requests import Request, Story, request_of

TRIES_MAX = 8
"""Repeats or queries of one step before its outcome is reported as unknown."""
_REFERENCE = re.compile(r"\$\{([^{}.]*)\.([^{}]*)\}")
_EFFECTS = t.SETTLEMENTS | t.CANCELLATIONS


class StepOutcome(msgspec.Struct, kw_only=True):
    """What became of one step."""

    step: str
    word: str
    outcome: str = ""
    """accepted, refused, unknown; empty while it is open."""
    code: str = ""
    at: int = 0
    """Instant of the answer."""
    message_id: str = ""
    key: str = ""
    fields: dict[str, str] = {}
    mismatches: list[str] = []
    """What the story expected otherwise."""


class CaseOutcome(msgspec.Struct, kw_only=True):
    """What became of one scripted case."""

    case_id: str
    institution: str
    visit: str
    psn_no: str
    steps: list[StepOutcome] = []
    manual: ManualRow | None = None
    finished: bool = False

    @property
    def holds(self) -> bool:
        """Whether every step came to what the story expects."""
        return self.finished and not any(step.mismatches for step in self.steps)


Known = Mapping[str, Mapping[str, str]]
"""Step → the fields of its answer."""


def filled(fields: Fields, known: Known) -> Fields:
    """The fields of a step with every `${step.field}` replaced."""
    changes = {
        name: _resolved(value, known)
        for name in Fields.__struct_fields__
        if isinstance(value := getattr(fields, name), str) and "${" in value
    }
    return msgspec.structs.replace(fields, **changes) if changes else fields


def mismatches_of(step: Step, done: StepOutcome, known: Known) -> list[str]:
    """What a step came to otherwise than the story expects."""
    expect = step.expect
    if expect is None:
        return []
    wrong: list[str] = []
    if expect.outcome is not None and expect.outcome != done.outcome:
        wrong.append(f"outcome: want {expect.outcome}, got {done.outcome} {done.code}".rstrip())
    if expect.code is not None and expect.code != done.code:
        wrong.append(f"code: want {expect.code}, got {done.code or done.outcome}")
    for name, value in expect.fields.items():
        wanted, got = _resolved(value, known), done.fields.get(name, "")
        if not same_value(wanted, got):
            wrong.append(f"{name}: want {wanted}, got {got or 'nothing'}")
    return wrong


def _resolved(text: str, known: Known) -> str:
    return _REFERENCE.sub(lambda found: known.get(found[1], {}).get(found[2], ""), text)


class ScriptedCase:
    """One `[[case]]` as an actor."""

    def __init__(
        self, case: Case, person: Insured, treatment: str, at: Instant, clients: Clients
    ) -> None:
        self.case = case
        self.clients = clients
        self.names = case.step_ids()
        self.story = Story(case, person, treatment, at)
        self.outcome = CaseOutcome(
            case_id=case.id, institution=case.institution, visit=self.story.visit,
            psn_no=person.psn_no,
        )  # fmt: skip
        self.traces: dict[str, None] = {}
        """Trace ids of this case's messages."""
        self._next = 0
        self._open: dict[str, int] = {}
        """Message id → the step it belongs to."""
        self._tries: dict[int, int] = {}
        self._agenda: list[tuple[int, int, bool]] = []
        """What is to come: instant, the step to take up again or -1 to begin the next one, and
        whether to take it up by a query."""
        self._waiting_for: int | None = None
        self._plan(at + case.step[0].after)

    @property
    def is_open(self) -> bool:
        """Whether the case has steps to come or answers to wait for."""
        return not self.outcome.finished

    def woken(self, now: Instant) -> None:
        """Take up steps again, or begin the next one."""
        due = [entry for entry in self._agenda if entry[0] <= now]
        self._agenda = [entry for entry in self._agenda if entry[0] > now]
        for _, number, by_query in due:
            if number < 0:
                self._begin(now)
            else:
                self._retry(number, by_query, now)

    def answered(self, envelope: Envelope, now: Instant) -> None:
        """Judge an answer and go on."""
        number = self._open.pop(envelope.origin.correlation_id)
        body = open_body(envelope)
        if isinstance(body, m.Rejection):
            self._refused(number, envelope, body, now)
        elif envelope.origin.transaction == t.STATUS_QUERY and self._is_effect(number):
            self._queried(number, envelope, body, now)
        else:
            self._report(number, "accepted", "", envelope, body, now)

    def unanswered(self, message_id: str, now: Instant) -> None:
        """Nothing came at all."""
        number = self._open.pop(message_id)
        self._close(number, "unknown", ErrorCode.E_TIMEOUT, {}, now)

    def repeats(self, message_id: str) -> bool:
        """Yes, unless the story is about not knowing: then the counter reports it at once."""
        return not self._expects_unknown(self._open[message_id])

    # ------------------------------------------------------------------ sending

    def _begin(self, now: Instant) -> None:
        number = self._next
        self._next += 1
        step, name = self.case.step[number], self.names[number]
        done = StepOutcome(step=name, word=step.do)
        self.outcome.steps.append(done)
        self.story.words[name] = step.do
        fields = filled(step.fields, self.story.fields)
        if step.do == "pay_in_full":
            self._pay_in_full(number, fields, now)
            return
        try:
            envelope = self._send(number, step, fields, now)
        except YidiError as error:  # a reference came to nothing: the story cannot go on so
            self._close(number, "refused", error.code, {}, now)
            return
        done.message_id = envelope.origin.message_id
        self.story.sent[name] = envelope
        self.story.batches[name] = self.story.batch
        self.traces[envelope.origin.trace_id] = None
        following = self.case.step[number + 1] if number + 1 < len(self.case.step) else None
        if following is not None and following.on == "sent":
            self._plan(now + following.after)
        else:
            self._waiting_for = number

    def _send(self, number: int, step: Step, fields: Fields, now: Instant) -> Envelope:
        if fields.again is not None:
            envelope = self.story.sent[fields.again]
            self.story.batch = self.story.batches[fields.again]
            if fields.amount is not None:
                # Other content under the same message id: what E_KEY_REUSED is for.
                body = encode(request_of(self.story, step, fields, now).body)
                envelope = seal(envelope.hop, envelope.origin, body)
            self._open[envelope.origin.message_id] = number
            self.clients.send(self, envelope, now)
            return envelope
        made = request_of(self.story, step, fields, now)
        return self._ask(number, made, now)

    def _ask(self, number: int, made: Request, now: Instant) -> Envelope:
        envelope = self.clients.ask(
            self, (made.sender, made.recipient), made.transaction, encode(made.body), now,
            self.story.about,
        )  # fmt: skip
        self._open[envelope.origin.message_id] = number
        return envelope

    def _plan(self, at: int, number: int = -1, by_query: bool = False) -> None:
        self._agenda.append((at, number, by_query))
        self.clients.wake(self, at)

    # ------------------------------------------------------------------ answers

    def _is_effect(self, number: int) -> bool:
        envelope = self.story.sent.get(self.names[number])
        return envelope is not None and envelope.origin.transaction in _EFFECTS

    def _expects_unknown(self, number: int) -> bool:
        expect = self.case.step[number].expect
        if expect is None:
            return False
        if expect.outcome is not None:
            return expect.outcome == "unknown"
        return expect.code is not None and not is_refusal(expect.code)

    def _refused(self, number: int, envelope: Envelope, body: m.Rejection, now: Instant) -> None:
        definite = is_refusal(body.code)
        queried = envelope.origin.transaction == t.STATUS_QUERY and self._is_effect(number)
        if definite and body.code != ErrorCode.E_BUSY and not queried:
            self._report(number, "refused", body.code, envelope, body, now)
        elif self._expects_unknown(number) or self._tries.get(number, 0) >= TRIES_MAX:
            self._report(number, "unknown", body.code, envelope, body, now)
        else:
            tries = self._tries[number] = self._tries.get(number, 0) + 1
            by_query = self._is_effect(number) and body.code != ErrorCode.E_BUSY
            self._plan(now + (MINUTE << min(tries - 1, 5)), number, by_query)

    def _retry(self, number: int, by_query: bool, now: Instant) -> None:
        envelope = self.story.sent[self.names[number]]
        if by_query:
            story = self.story
            batch = story.batches[self.names[number]]
            body = m.StatusQuery(person_no=story.person.psn_no, visit=story.visit, batch=batch)
            made = Request(envelope.origin.sender, envelope.origin.recipient, t.STATUS_QUERY, body)
            self._ask(number, made, now)
            return
        self._open[envelope.origin.message_id] = number
        self.clients.send(self, envelope, now)

    def _queried(self, number: int, envelope: Envelope, body: msgspec.Struct, now: Instant) -> None:
        """What a query says of the effect whose outcome was unknown."""
        assert isinstance(body, m.StatusResult)
        cancels = self.case.step[number].do == "cancellation"
        done = body.state == "REVERSED" if cancels else body.state in ("SETTLED", "CLEARED")
        if done:
            self._report(number, "accepted", "", envelope, body, now)
        else:
            self._report(number, "unknown", ErrorCode.E_TIMEOUT, envelope, body, now)

    def _report(
        self,
        number: int,
        outcome: str,
        code: str,
        envelope: Envelope,
        body: msgspec.Struct,
        now: Instant,
    ) -> None:
        fields = fields_of(envelope, body)
        if outcome == "accepted" and isinstance(body, m.FeeUploadResult):
            self.story.totals[body.batch] = body.total_fen
        self._close(number, outcome, code, fields, now)

    def _close(
        self, number: int, outcome: str, code: str, fields: dict[str, str], now: Instant
    ) -> None:
        """Judge a step by what it came to, and go on with the story."""
        done = self.outcome.steps[number]
        done.outcome, done.code, done.at = outcome, code, now
        done.fields, done.key = fields, fields.get("key", "")
        self.story.fields[self.names[number]] = fields
        done.mismatches = mismatches_of(self.case.step[number], done, self.story.fields)
        if self._waiting_for == number:
            self._waiting_for = None
            if self._next < len(self.case.step):
                self._plan(now + self.case.step[self._next].after)
        self.outcome.finished = (
            self._next >= len(self.case.step) and not self._open and not self._agenda
        )

    def _pay_in_full(self, number: int, fields: Fields, now: Instant) -> None:
        """The person pays at the counter and claims at home."""
        story = self.story
        total = max(story.totals.values(), default=0)
        self.outcome.manual = ManualRow(
            institution=self.case.institution,
            visit=story.visit,
            psn_no=story.person.psn_no,
            treatment=story.treatment,
            insured=story.person.region,
            med_type=story.med_type,
            total_fen=total,
            day=day_of(now),
            reason=self._last_refusal(),
            case_id=self.case.id,
        )
        self._waiting_for = number
        self._close(number, "accepted", "", {}, now)

    def _last_refusal(self) -> str:
        refused = [step.code for step in self.outcome.steps if step.code]
        return refused[-1] if refused else "pay_in_full"
