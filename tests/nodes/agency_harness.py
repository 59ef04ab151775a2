"""Real components of agency work on bare nodes, and a wire between them that keeps order.

Every hop goes through frame and unframe. `settle` books a case at its three nodes at once, as
a relayed settlement would; `close_days` is the hub's operator.
"""

from __future__ import annotations

from collections import deque
from typing import Any

import msgspec

from yidi.nodes.base import Node, NodeState
from yidi.nodes.clearing_plan import ClearingPlan
from yidi.nodes.hub_clearing import ClearingState, HubClearing
from yidi.nodes.hub_days import DaysState, HubDays
from yidi.nodes.hub_prefund import HubPrefund, PrefundState
from yidi.nodes.ledger import PostingKind, settlement_legs
from yidi.nodes.lifecycle import REVERSED, SETTLED, Case
from yidi.nodes.province import Province, ProvincePlan
from yidi.nodes.region_books import BooksState, RegionBooks
from yidi.protocol.bodies import open_body
from yidi.protocol.codec import encode
from yidi.protocol.digests import content_digest
from yidi.protocol.envelope import Envelope, Link, Origin, frame, seal, unframe
from yidi.protocol.instants import Instant, next_day, start_of_day
from yidi.protocol.messages import FundPay, Rejection
from yidi.protocol.messages_clearing import DayClose
from yidi.protocol.regions import province_of
from yidi.protocol.transactions import DAY_CLOSE

OPENING = "2026-03-01"
HUB = "hub:100000"


class HubTestState(NodeState, kw_only=True):
    """A hub's memory, agency work alone."""

    cases: dict[str, Case] = {}
    days: DaysState = msgspec.field(default_factory=DaysState)
    clearing: ClearingState = msgspec.field(default_factory=ClearingState)
    prefund: PrefundState = msgspec.field(default_factory=PrefundState)


class HubUnderTest(Node[HubTestState]):
    """A hub that relays nothing."""

    role = "hub"
    state_type = HubTestState

    def __init__(self, plan: ClearingPlan, state: HubTestState | None = None) -> None:
        super().__init__(HUB, state or HubTestState())
        self.cases = self.state.cases
        self.open: dict[str, int] = {}
        self.prefund = HubPrefund(self, self.state.prefund, plan)
        self.clearing = HubClearing(self, self.state.clearing, plan, self.prefund)
        self.days = HubDays(self, self.state.days, plan, self.clearing)

    def open_exchanges(self, day: str) -> int:
        """Exchanges of a day that a test has left open."""
        return self.open.get(day, 0)

    def forget_exchanges(self, day: str) -> None:
        """What a test left open is no longer asked for."""
        self.open.pop(day, None)

    def next_deadline(self) -> Instant | None:
        """Resends and statements."""
        times = [t for t in (self.outbox.next_deadline(), self.days.next_deadline()) if t]
        return min(times, default=None)

    def handle_deadline(self, now: Instant) -> list[Envelope]:
        """Resends and statements."""
        return super().handle_deadline(now) + self.days.handle_deadline(now)


class RegionTestState(NodeState, kw_only=True):
    """A region's memory, agency work alone."""

    cases: dict[str, Case] = {}
    books: BooksState = msgspec.field(default_factory=BooksState)


class RegionUnderTest(Node[RegionTestState]):
    """A region of either role."""

    role = "region"
    state_type = RegionTestState

    def __init__(self, address: str, state: RegionTestState | None = None) -> None:
        super().__init__(address, state or RegionTestState())
        self.cases = self.state.cases
        self.books = RegionBooks(self, self.cases, self.state.books, address.partition(":")[0])


class Net:
    """Nodes by address, one queue, a clock that a test moves."""

    def __init__(self, plan: ClearingPlan, provinces: dict[str, ProvincePlan] | None = None):
        self.now = start_of_day(OPENING)
        self.hub = HubUnderTest(plan)
        self.nodes: dict[str, Any] = {HUB: self.hub}
        codes = {province_of(code) for code in plan.treatment + plan.insured}
        for role, regions in (("treatment", plan.treatment), ("insured", plan.insured)):
            for code in regions:
                self.nodes[f"{role}:{code}"] = RegionUnderTest(f"{role}:{code}")
        for code in sorted(codes):
            prefunds = {a: f for (a, b), f in plan.prefunds.items() if b == code}
            own = (provinces or {}).get(code) or ProvincePlan(code=code, prefunds=prefunds)
            self.nodes[f"province:{code}"] = Province(own)
        self.queue: deque[tuple[str, Envelope]] = deque()
        self.log: list[tuple[str, str, str, int, Any]] = []
        """(sender, hop, transaction, kind, body) of all that was delivered."""
        self.outbound: list[tuple[str, Any]] = []
        """What operators got."""
        self.lose = lambda sender, envelope: False
        self.twice = False
        self.made = 0
        self.postings: dict[str, list[Any]] = {}

    def deliver(self, sender: str, outputs: list[Envelope]) -> None:
        """Put what a node sent on the wire."""
        for envelope in outputs:
            if not self.lose(sender, envelope):
                self.queue.extend([(sender, envelope)] * (2 if self.twice else 1))

    def run(self) -> None:
        """Deliver until nothing is on the wire."""
        while self.queue:
            sender, envelope = self.queue.popleft()
            self.now += 1
            link = Link(sender, envelope.hop, 1, 0, self.now)
            arrived = unframe(frame(envelope, link))
            origin = arrived.origin
            self.log.append(
                (sender, envelope.hop, origin.transaction, origin.kind, open_body(arrived))
            )
            node = self.nodes.get(envelope.hop)
            if node is None:
                self.outbound.append((envelope.hop, open_body(arrived)))
                continue
            self.deliver(node.address, node.handle(arrived, self.now))
            self.postings.setdefault(node.address, []).extend(node.ledger.take())

    def wait(self, span: int) -> None:
        """Let time pass: deadlines in order, each followed by what it sends."""
        until = self.now + span
        while True:
            due = [(n.next_deadline(), a) for a, n in self.nodes.items() if n.next_deadline()]
            if not due or min(due)[0] > until:
                break
            at, address = min(due)
            self.now = max(self.now, at)
            self.deliver(address, self.nodes[address].handle_deadline(self.now))
            self.run()
        self.now = max(self.now, until)

    def ask(self, sender: str, recipient: str, transaction: str, body: Any) -> Any:
        """Send one request by hand and return what comes back to the sender, or None."""
        self.made += 1
        origin = Origin(transaction, 0, f"TEST{self.made:08d}", "", sender, recipient,
                        "", "", "", 0, self.now, 0, "")  # fmt: skip
        self.outbound.clear()
        self.deliver(sender, [seal(recipient, origin, encode(body))])
        self.run()
        return next((said for to, said in self.outbound if to == sender), None)

    def close_day(self, day: str | None = None) -> Any:
        """DAY_CLOSE of the hub's current day, or of another one."""
        body = DayClose(day=day or self.hub.days.day)
        return self.ask("operator:100000", HUB, DAY_CLOSE, body)

    def close_until(self, day: str) -> None:
        """Close days until `day` is the accounting day, with a day of time each."""
        while self.hub.days.day < day:
            self.close_day()
            self.wait(20 * 3_600_000_000)

    def nodes_of(self, case: Case) -> list[tuple[str, Any]]:
        """The three nodes of a case, by role."""
        return [
            ("treatment", self.nodes[f"treatment:{case.treatment}"]),
            ("hub", self.hub),
            ("insured", self.nodes[f"insured:{case.insured}"]),
        ]

    def settle(self, case: Case, only: tuple[str, ...] = ("treatment", "hub", "insured")) -> None:
        """Book a settlement at its nodes (or some of them) on `case.day`."""
        for role, node in self.nodes_of(case):
            if role in only:
                copy = msgspec.structs.replace(case, state=SETTLED)
                node.cases[case.key] = copy
                sign = -1 if role == "insured" else 1
                legs = settlement_legs(case.funds, case.account_fen, "payable", sign)
                node.ledger.post(case.key, PostingKind.SETTLE, legs)
                (node.days if role == "hub" else node.books).note_settled(copy)

    def undo(
        self, key: str, day: str, only: tuple[str, ...] = ("treatment", "hub", "insured")
    ) -> None:
        """Take a case back at its nodes (or some of them) on an accounting day."""
        for role, node in self.nodes_of(self.any_case(key)):
            if role in only and key in node.cases:
                case = node.cases[key]
                case.state, case.undone_day = REVERSED, day
                (node.days if role == "hub" else node.books).note_undone(case, day)

    def any_case(self, key: str) -> Case:
        """A case at whichever node has it."""
        return next(
            node.cases[key] for node in self.nodes.values() if key in getattr(node, "cases", ())
        )


def make_case(number: int, day: str = OPENING, **fields: Any) -> Case:
    """A case with consistent amounts; `fund_fen` and the places may be given."""
    fund_fen = fields.pop("fund_fen", 1_000 + number)
    account_fen = fields.pop("account_fen", 0)
    return Case(
        **{
            "key": f"A310000260301{number:07d}",
            "treatment": "310000",
            "insured": "340600",
            "insutype": "310",
            "institution": "H31010100001",
            "visit": f"V{number}",
            "day": day,
            "total_fen": fund_fen + account_fen + 500,
            "fund_fen": fund_fen,
            "funds": [FundPay("310100", fund_fen)] if fund_fen else [],
            "account_fen": account_fen,
            "cash_fen": 500,
            "digest": content_digest(f"{number} {fund_fen} {account_fen}".encode()),
            **fields,
        }
    )


def plan(**fields: Any) -> ClearingPlan:
    """Shanghai treats, Huaibei and Suzhou pay."""
    return ClearingPlan(
        **{
            "opening_day": OPENING,
            "treatment": ("310000",),
            "insured": ("340600", "320500"),
            **fields,
        }
    )


def is_rejection(answer: Any, code: str) -> bool:
    """Whether an answer refuses with a code."""
    return isinstance(answer, Rejection) and answer.code == code


def days_between(first: str, last: str) -> list[str]:
    """Calendar days from first to last, both included."""
    days = [first]
    while days[-1] < last:
        days.append(next_day(days[-1]))
    return days
