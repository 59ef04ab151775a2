"""What follows from what somebody's own hub forwards and answers: our stand-in books it.

The stand-in is given every request first, as any hub is: it knows the regions, remembers the
exchange and stamps the accounting day, which the own hub is told and may put on what it forwards.
When the own hub answers, the stand-in books the answer and relays it; an own hub that changes
what it only relays contradicts itself, and what it said is relayed all the same.
"""

from __future__ import annotations

from typing import Any

import msgspec

from yidi.nodes.observed import CASES_MAX, OUTSIDE, Follower
from yidi.protocol.envelope import Envelope, Link, frame, unframe
from yidi.protocol.instants import Instant
from yidi.protocol.messages import Rejection
from yidi.protocol.transactions import Kind


class HubFollower(Follower):
    """Follows an own hub."""

    def takes(self, origin: Any) -> bool:
        """A hub is passed what is for others."""
        return bool(origin.recipient != self.stand_in.address)

    def passed_on(self, request: Envelope, now: Instant) -> list[Envelope]:
        """Stamp it as ours would; what the stand-in refuses, nobody needs to see."""
        assert request.link is not None
        outputs = self.stand_in.handle(request, now)
        return [
            request.relayed(OUTSIDE + request.link.sender, one.stamp)
            if one.origin.kind == Kind.REQUEST
            else one
            for one in outputs
        ]

    def asked(self, request: Envelope, peer: str, now: Instant) -> Envelope:
        """It forwards a request: to whom it is addressed, with the stamp it bears."""
        return request.relayed(request.origin.recipient, request.stamp)

    def heard(self, answer: Envelope, now: Instant) -> None:
        """The addressee has answered the hub; it is booked when the hub passes it on."""
        assert answer.link is not None
        answers = self.seen.answers
        answers[answer.origin.correlation_id] = frame(answer, answer.link)
        if len(answers) > CASES_MAX:
            del answers[next(iter(answers))]

    def answered(
        self, request: Envelope, answer: Envelope, body: msgspec.Struct, now: Instant
    ) -> list[Envelope]:
        """It passes an answer on: booked, and relayed with the day of its request."""
        raw = self.seen.answers.pop(request.origin.message_id, None)
        given = unframe(raw) if raw is not None else None
        if given is not None and given.body == answer.body:
            return self.stand_in.handle(given, now)
        if given is not None:
            self._contradict(request, "its answer is not the one it was handed")
        elif not isinstance(body, Rejection):
            self._contradict(request, "answered without asking whom it was for")
        origin = answer.origin
        link = Link(origin.sender, self.stand_in.address, 0, 0, now)
        return self.stand_in.handle(
            Envelope(answer.hop, origin, answer.origin_bytes, answer.body, None, link), now
        )

    def _contradict(self, request: Envelope, facts: str) -> None:
        if len(self.seen.contradictions) < CASES_MAX:
            self.seen.contradictions.append((request.origin.case_key, facts))
