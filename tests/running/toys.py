"""Two toy nodes and a toy client: a question goes out, over a hub, and is answered."""

from __future__ import annotations

from yidi.nodes.base import Node, NodeState
from yidi.nodes.ledger import PostingKind
from yidi.nodes.outbox import Wait
from yidi.protocol.codec import encode
from yidi.protocol.envelope import Origin, seal
from yidi.protocol.journal import JournalWriter, Opening
from yidi.protocol.messages import Accepted, EligibilityRequest
from yidi.protocol.transactions import ELIGIBILITY
from yidi.scenarios.running.pipes import LinkTable
from yidi.scenarios.running.runner import Runner
from yidi.scenarios.running.streams import Streams

START = 1_772_000_000_000_000
HUB, ASKER, CLIENT = "hub:100000", "treatment:310000", "institution:H31010100001"


class ToyHub(Node[NodeState]):
    """Answers every question, once per message id, and books one fen for it."""

    role = "hub"
    state_type = NodeState

    def __init__(self):
        super().__init__(HUB, NodeState())
        self.requests[ELIGIBILITY] = self._on_question

    def _on_question(self, envelope, body, now):
        if (again := self.first_answer(envelope, now)) is not None:
            return again
        answer = Accepted(reference=body.person_no)
        self.remember(envelope.origin.message_id, envelope.body, 1, encode(answer))
        self.ledger.post(envelope.origin.message_id, PostingKind.SETTLE, [("a", 1), ("b", -1)])
        return self.answer(envelope, answer, now)


class ToyAsker(Node[NodeState]):
    """Passes a client's question on to the hub and its answer back; resends until answered."""

    role = "treatment"
    state_type = NodeState

    def __init__(self, code="310000"):
        super().__init__(f"treatment:{code}", NodeState())
        self.requests[ELIGIBILITY] = self._on_question
        self.results[ELIGIBILITY] = self._on_answer

    def _on_question(self, envelope, body, now):
        asked = envelope.origin
        return [self.send(HUB, ELIGIBILITY, body, now, asked, Wait(client=asked))]

    def _on_answer(self, envelope, pending, now):
        self.outbox.take(pending.origin.message_id)
        return [self.answered(pending.client, pending.client.sender, envelope.body, now)]


class ToyClient:
    """Asks `count` questions, one a second, and keeps when each answer came."""

    def __init__(self, count, asker=ASKER, sender=CLIENT):
        self.count, self.asker, self.sender = count, asker, sender
        self.asked = 0
        self.answers = []

    def handle(self, envelope, now):
        """Keep the answer's instant."""
        self.answers.append((envelope.origin.correlation_id, now))
        return []

    def next_deadline(self):
        """When the next question is due."""
        return START + self.asked * 1_000_000 if self.asked < self.count else None

    def handle_deadline(self, now):
        """Ask the next question."""
        self.asked += 1
        body = EligibilityRequest(person_no=f"P{self.asked}")
        origin = Origin(
            ELIGIBILITY, 0, f"Q{self.asked}", "", self.sender, self.asker, "", "310000", "340600",
            0, now, 0, f"T{self.asked}",
        )  # fmt: skip
        return [seal(self.asker, origin, encode(body))]


def make_runner(count=5, *, seed=1, links=(), nodes=None, client=None, sink=None):
    """A runner over the two toys; extra nodes come after them in the journal's order."""
    nodes = nodes if nodes is not None else {HUB: ToyHub(), ASKER: ToyAsker()}
    opening = Opening(
        seed=seed, scenario_digest="toy", rules_version="toy", schema_digest="toy",
        nodes=tuple(nodes), start=START,
    )  # fmt: skip
    journal = JournalWriter(sink, opening)
    table = LinkTable(links, Streams(seed))
    return Runner(nodes, client or ToyClient(count), table, journal, start=START)
