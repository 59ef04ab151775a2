"""A live node under a tester's hand: between the network and the node, and as sans-IO as it.

The tester's orders are messages of the node's operator like any other, so the journal has them
and a replay obeys them again. An order makes *rules*; the next requests that fit one are refused,
delayed, ignored, answered into the void, or held until somebody decides. The node itself knows
nothing of it: it never sees what is refused or ignored here, and sees late what is held. Repeats
of a message share its fate, as they would at the node.

What changes outcomes needs `chaos`; adding a person and asking what waits do not.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from typing import Any

import msgspec

from yidi.nodes import insured_control
from yidi.nodes.agency import operator_of
from yidi.nodes.control_state import ControlState, Fate, Held, Rule
from yidi.nodes.insured_region import InsuredRegion
from yidi.protocol import transactions as t
from yidi.protocol.bodies import open_body
from yidi.protocol.codec import encode
from yidi.protocol.envelope import Envelope, frame, unframe
from yidi.protocol.errors import DecodeError, ErrorCode, RemoteProtocolError
from yidi.protocol.instants import Instant
from yidi.protocol.messages import Accepted, Rejection
from yidi.protocol.messages_control import (
    WAITING_MAX,
    ControlQuery,
    ControlStatus,
    Decision,
    NewPerson,
    NextOutcome,
    Reset,
    Waiting,
)
from yidi.protocol.transactions import Kind

COMMANDS = frozenset(row.code for row in t.TEST_CONTROL)
CHAOS = frozenset({t.TEST_OUTCOME, t.TEST_RESET, t.TEST_DECISION})
"""Commands that need `chaos`. Source: faults SEC-23, bad-input K08."""
RULES_MAX = WAITING_MAX
HELD_MAX = 10_000
"""Requests that may wait at once; what comes on top is answered E_BUSY."""
FATES_MAX = 10_000
"""Requests whose repeats are still treated as they were."""
_NAMES = (
    "now", "minted_second", "minted_serial", "sequence", "minted_day", "minted_cases", "settled",
    "relayed",
)  # fmt: skip
"""Parts of a node's memory from which it makes names: a reset leaves them, so none comes twice."""


class ControlledNode:
    """A node with a tester's orders in front of it; everything else of it shows through.

    Args:
        node: the node.
        fresh: makes it as it was set up, for a reset.
        chaos: whether outcomes may be changed.
    """

    def __init__(self, node: Any, fresh: Callable[[], Any], *, chaos: bool) -> None:
        self.node = node
        self.address: str = node.address
        self.chaos = chaos
        self._fresh = fresh
        self._operator = operator_of(node.address)
        self._commands: dict[str, Callable[[Envelope, Any, Instant], list[Envelope]]] = {
            t.TEST_OUTCOME: self._on_outcome,
            t.TEST_RESET: self._on_reset,
            t.TEST_PERSON: self._on_person,
            t.TEST_STATUS: self._on_query,
            t.TEST_DECISION: self._on_decision,
        }

    def __getattr__(self, name: str) -> Any:
        """Whatever is asked of the node and is not control's."""
        return getattr(self.node, name)

    @property
    def control(self) -> ControlState:
        """The orders of this node; made on first use."""
        state = self.node.state
        if state.control is None:
            state.control = ControlState()
        control: ControlState = state.control
        return control

    # ------------------------------------------------------------- the three calls of a host

    def handle(self, envelope: Envelope, now: Instant) -> list[Envelope]:
        """Apply a command, or let a message meet the rules, and then the node.

        Raises:
            RemoteProtocolError: the message is nonsense; no state has changed.
        """
        node = self.node
        if envelope.origin.transaction in COMMANDS:
            return self._on_command(envelope, now)
        if node.state.control is None:
            sent: list[Envelope] = node.handle(envelope, now)
            return sent
        if envelope.origin.kind == Kind.REQUEST:
            stopped = self._stopped(envelope, now)
            if stopped is not None:
                self._observe(now)
                return stopped
        return self._audible(node.handle(envelope, now))

    def next_deadline(self) -> Instant | None:
        """When the node or a delayed request is due."""
        due: Instant | None = self.node.next_deadline()
        control = self.node.state.control
        if control is None or not control.held:
            return due
        ends = [Instant(held.until) for held in control.held.values() if held.until]
        return min(ends if due is None else [*ends, due], default=None)

    def handle_deadline(self, now: Instant) -> list[Envelope]:
        """The node's own deadlines, then the requests whose delay is over."""
        outputs = self._audible(self.node.handle_deadline(now))
        control = self.node.state.control
        if control is None:
            return outputs
        for message_id, held in list(control.held.items()):
            if held.until and held.until <= now:
                outputs += self._release(message_id, now)
        return outputs

    # ------------------------------------------------------------- messages under rules

    def _stopped(self, envelope: Envelope, now: Instant) -> list[Envelope] | None:
        """What becomes of a request that does not reach the node now; None if it does."""
        control, message_id = self.control, envelope.origin.message_id
        if message_id in control.held:
            return []  # under way: whoever repeats it waits for the same answer
        fate = control.fates.get(message_id)
        if fate is not None:
            if fate.gist != _gist(envelope):
                return self._refuse(envelope, ErrorCode.E_KEY_REUSED, now)
            return self._answer_with(envelope, fate.answer, now)
        if message_id in control.lost:
            return None
        rule = self._rule_for(envelope)
        if rule is None:
            return None
        if len(control.held) >= HELD_MAX:
            return self._refuse(envelope, ErrorCode.E_BUSY, now)
        # From here the operation succeeds.
        if rule.left:
            rule.left -= 1
            if not rule.left:
                control.rules.remove(rule)
        return self._apply(rule.outcome, envelope, now)

    def _apply(self, order: NextOutcome, envelope: Envelope, now: Instant) -> list[Envelope] | None:
        control, message_id = self.control, envelope.origin.message_id
        if order.outcome == "lose":
            _keep(control.lost, message_id, True)
            return None
        if order.outcome in ("slow", "hold"):
            assert envelope.link is not None
            until = now + order.delay if order.outcome == "slow" else 0
            raw = frame(envelope, envelope.link)
            control.held[message_id] = Held(frame=raw, since=now, until=until)
            return []
        body = b""
        if order.outcome == "refuse":
            body = encode(Rejection(code=order.code, facts="ordered by a tester"))
        _keep(control.fates, message_id, Fate(_gist(envelope), body))
        return self._answer_with(envelope, body, now)

    def _rule_for(self, envelope: Envelope) -> Rule | None:
        for rule in self.control.rules:
            if _fits(rule.outcome, envelope):
                return rule
        return None

    def _release(self, message_id: str, now: Instant) -> list[Envelope]:
        """Give a waiting request to the node, as if it came now."""
        envelope = unframe(self.control.held.pop(message_id).frame)
        try:
            return self._audible(self.node.handle(envelope, now))
        except RemoteProtocolError as error:
            self._observe(now)
            silence: list[Envelope] = self.node.count(error.code)
            return silence

    def _audible(self, outputs: list[Envelope]) -> list[Envelope]:
        """Without the answers that are ordered to be lost."""
        control = self.node.state.control
        if control is None or not control.lost:
            return outputs
        return [one for one in outputs if one.origin.correlation_id not in control.lost]

    def _answer_with(self, envelope: Envelope, body: bytes, now: Instant) -> list[Envelope]:
        """A refusal by its bytes, or silence."""
        if not body:
            return []
        assert envelope.link is not None
        origin = envelope.origin
        return [self.node.answered(origin, envelope.link.sender, body, now, Kind.REJECTION)]

    # ------------------------------------------------------------- commands

    def _on_command(self, envelope: Envelope, now: Instant) -> list[Envelope]:
        """A command of this node's operator; the same message id gets the same answer."""
        origin = envelope.origin
        self._observe(now)
        if origin.kind != Kind.REQUEST or origin.recipient != self.address:
            silence: list[Envelope] = self.node.count(ErrorCode.E_UNMATCHED)
            return silence
        if origin.sender != self._operator:
            return self._refuse(envelope, ErrorCode.E_ROLE, now)
        if origin.transaction in CHAOS and not self.chaos:
            return self._refuse(envelope, ErrorCode.E_CHAOS_OFF, now)
        again: list[Envelope] | None = self.node.first_answer(envelope, now)
        if again is not None:
            return again
        try:
            body = open_body(envelope)
        except DecodeError as error:
            return self._refuse(envelope, error.code, now)
        return self._commands[origin.transaction](envelope, body, now)

    def _on_outcome(self, envelope: Envelope, body: NextOutcome, now: Instant) -> list[Envelope]:
        rules = self.control.rules
        if body.outcome == "refuse" and body.code not in ErrorCode.__members__:
            return self._refuse(envelope, ErrorCode.E_CODE, now)
        if body.outcome != "clear" and len(rules) >= RULES_MAX:
            return self._refuse(envelope, ErrorCode.E_BUSY, now)
        # From here the operation succeeds.
        if body.outcome == "clear":
            # What the node was set up with is the scenario's, and stays.
            start: ControlState | None = self._fresh().state.control
            rules[:] = start.rules if start is not None else []
        else:
            rules.append(Rule(outcome=body, left=body.times))
        return self._accept(envelope, body.outcome, now)

    def _on_reset(self, envelope: Envelope, body: Reset, now: Instant) -> list[Envelope]:
        if body.person_no:
            return self._reset_person(envelope, body.person_no, now)
        # From here the operation succeeds.
        old, fresh = self.node, self._fresh()
        for name in _NAMES:
            if hasattr(old.state, name):
                setattr(fresh.state, name, getattr(old.state, name))
        if fresh.role == "hub":
            # The accounting day changes by a day close and by nothing else.
            fresh.days.state.day = old.days.state.day
        # Hosts hold on to the ledger; its books begin anew, its numbers go on.
        fresh.state.ledger.seq = old.state.ledger.seq
        old.ledger.state, fresh.ledger = fresh.state.ledger, old.ledger
        self.node = fresh
        return self._accept(envelope, self.address, now)

    def _reset_person(self, envelope: Envelope, person_no: str, now: Instant) -> list[Envelope]:
        region = self.node
        if not isinstance(region, InsuredRegion) or person_no not in region.state.persons:
            return self._refuse(envelope, ErrorCode.E_PERSON_UNKNOWN, now)
        # From here the operation succeeds.
        insured_control.uncount(region, person_no)
        added = self.control.persons.get(person_no)
        if added is not None:
            outputs = insured_control.withdraw_filings(region, person_no, now)
            outputs += insured_control.add_person(region, added, now)
        else:
            start = self._fresh().state.persons[person_no]
            outputs = insured_control.put_back(region, start, now)
        return self._accept(envelope, person_no, now) + outputs

    def _on_person(self, envelope: Envelope, body: NewPerson, now: Instant) -> list[Envelope]:
        region = self.node
        if not isinstance(region, InsuredRegion):
            return self._refuse(envelope, ErrorCode.E_ROLE, now)
        problem = insured_control.problem_of(region, body)
        if problem is not None:
            return self._refuse(envelope, problem, now)
        # From here the operation succeeds.
        outputs: list[Envelope] = []
        if body.person_no not in region.state.persons:
            self.control.persons[body.person_no] = body
            outputs = insured_control.add_person(region, body, now)
        return self._accept(envelope, body.person_no, now) + outputs

    def _on_query(self, envelope: Envelope, _: ControlQuery, now: Instant) -> list[Envelope]:
        control = self.node.state.control or ControlState()
        status = ControlStatus(
            day=self.node.days.state.day if self.node.role == "hub" else "",
            rules=[
                msgspec.structs.replace(rule.outcome, times=rule.left) for rule in control.rules
            ],
            waiting=[
                _waiting(message_id, held)
                for message_id, held in list(control.held.items())[:WAITING_MAX]
            ],
            waiting_count=len(control.held),
        )
        sent: list[Envelope] = self.node.answer(envelope, status, now)
        return sent

    def _on_decision(self, envelope: Envelope, body: Decision, now: Instant) -> list[Envelope]:
        control = self.control
        held = control.held.get(body.message_id)
        if held is None:
            return self._refuse(envelope, ErrorCode.E_NOT_PENDING, now)
        if body.verdict == "refuse" and body.code not in ErrorCode.__members__:
            return self._refuse(envelope, ErrorCode.E_CODE, now)
        # From here the operation succeeds.
        if body.verdict == "approve":
            return self._accept(envelope, body.message_id, now) + self._release(
                body.message_id, now
            )
        del control.held[body.message_id]
        waited = unframe(held.frame)
        answer = b""
        if body.verdict == "refuse":
            answer = encode(Rejection(code=body.code, facts=body.facts))
        _keep(control.fates, body.message_id, Fate(_gist(waited), answer))
        return self._accept(envelope, body.message_id, now) + self._answer_with(waited, answer, now)

    # ------------------------------------------------------------- answers

    def _accept(self, envelope: Envelope, reference: str, now: Instant) -> list[Envelope]:
        """Say that a command was obeyed, and remember it for its repeats."""
        accepted = Accepted(reference=reference)
        self.node.remember(envelope.origin.message_id, envelope.body, Kind.RESULT, encode(accepted))
        sent: list[Envelope] = self.node.answer(envelope, accepted, now)
        return sent

    def _refuse(self, envelope: Envelope, code: ErrorCode, now: Instant) -> list[Envelope]:
        sent: list[Envelope] = self.node.refuse(envelope, code, now)
        return sent

    def _observe(self, now: Instant) -> None:
        state = self.node.state
        assert now >= state.now, "time never goes back (INV-38)"
        state.now = now


def _fits(order: NextOutcome, envelope: Envelope) -> bool:
    """Whether a request meets every criterion of an order."""
    origin = envelope.origin
    if order.transactions:
        if origin.transaction not in order.transactions:
            return False
    elif not origin.transaction.isdigit():
        return False
    if order.treatment and order.treatment != origin.treatment:
        return False
    if order.insured and order.insured != origin.insured:
        return False
    if not (order.person_no or order.certificate_no or order.institution):
        return True
    try:
        body = open_body(envelope)
    except DecodeError:
        return False  # the node says what is wrong with it
    from_there = origin.sender == f"institution:{order.institution}"
    if order.institution and not from_there and order.institution != _text(body, "institution"):
        return False
    if not (order.person_no or order.certificate_no):
        return True
    return any(
        asked and asked == _text(body, name)
        for name, asked in (
            ("person_no", order.person_no),
            ("certificate_no", order.certificate_no),
        )
    )


def _waiting(message_id: str, held: Held) -> Waiting:
    envelope = unframe(held.frame)
    origin = envelope.origin
    try:
        body: msgspec.Struct | None = open_body(envelope)
    except DecodeError:
        body = None
    return Waiting(
        message_id=message_id,
        transaction=origin.transaction,
        sender=origin.sender,
        case_key=origin.case_key,
        person_no=_text(body, "person_no"),
        since=held.since,
        until=held.until,
    )


def _text(body: msgspec.Struct | None, name: str) -> str:
    value = getattr(body, name, "")
    return value if isinstance(value, str) else ""


def _gist(envelope: Envelope) -> bytes:
    return sha256(envelope.body).digest()[:16]


def _keep(memory: dict[str, Any], message_id: str, value: object) -> None:
    """Remember, at the cost of what was remembered longest ago."""
    memory[message_id] = value
    if len(memory) > FATES_MAX:
        del memory[next(iter(memory))]
