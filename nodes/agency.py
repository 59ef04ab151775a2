"""What the components of agency work need of the node they belong to.

Reconciliation, clearing and prefund are components: they register handlers with a node, send
through it and keep their memory in plain structs that its state embeds. These protocols say
which part of the node they touch, so that a component can be read and tested without the rest.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import msgspec

from yidi.nodes.ledger import Ledger
from yidi.nodes.lifecycle import Case
from yidi.nodes.outbox import FOREVER, NOTHING, About, Outbox, Pending, Wait
from yidi.protocol.chinese_money import chinese_capitals
from yidi.protocol.envelope import Envelope, Origin
from yidi.protocol.errors import ErrorCode, RemoteProtocolError
from yidi.protocol.instants import Instant, parse_date
from yidi.protocol.money import yuan


class Host(Protocol):
    """A node, as its components see it."""

    address: str
    code: str
    outbox: Outbox
    ledger: Ledger
    requests: dict[str, Callable[[Envelope, Any, Instant], list[Envelope]]]
    results: dict[str, Callable[[Envelope, Pending, Instant], list[Envelope]]]

    def send(
        self,
        recipient: str,
        transaction: str,
        body: msgspec.Struct,
        now: Instant,
        about: Origin | About = NOTHING,
        wait: Wait = FOREVER,
    ) -> Envelope:
        """Make a request and put it into the outbox."""

    def answer(self, request: Envelope, body: msgspec.Struct, now: Instant) -> list[Envelope]:
        """Answer a request where it came from."""

    def answered(
        self,
        asked: Origin,
        hop: str,
        body: bytes,
        now: Instant,
        kind: int = 1,
        *,
        case_key: str = "",
    ) -> Envelope:
        """An answer to `asked`, by body bytes."""

    def refuse(
        self, request: Envelope, code: ErrorCode, now: Instant, *, at: str = "$", facts: str = ""
    ) -> list[Envelope]:
        """Refuse a request with a code of the registry."""

    def count(self, code: ErrorCode) -> list[Envelope]:
        """Count what is answered by silence."""


class HubHost(Host, Protocol):
    """The hub, as reconciliation and clearing see it."""

    @property
    def cases(self) -> dict[str, Case]:
        """Every case the hub remembers, by key."""

    def open_exchanges(self, day: str) -> int:
        """How many relayed exchanges stamped with an accounting day still wait for an answer."""

    def forget_exchanges(self, day: str) -> None:
        """The statements of a day go out: its exchanges need not be remembered any longer."""


class NoticeRow(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A row of notices.jsonl: what was put on paper, its amount in figures and in words."""

    kind: str
    """`payment`, `collection`, `yellow`, `red`, `prefund`."""
    notice: str
    issuer: str
    """Address of the node that issued it."""
    day: str
    """Accounting day of issue."""
    period: str
    payer: str
    payee: str
    amount_fen: int
    """Of an alarm: what the period's clearing uses of the prefund."""
    insutype: str = ""
    batch: str = ""
    due_day: str = ""
    granted_fen: int = 0

    @property
    def amount(self) -> str:
        """Yuan in figures."""
        return yuan(self.amount_fen)

    @property
    def amount_words(self) -> str:
        """Yuan in Chinese capitals."""
        return chinese_capitals(self.amount_fen)


def operator_of(address: str) -> str:
    """The address of a node's operator: `hub:100000` → `operator:100000`."""
    return "operator:" + address.partition(":")[2]


def is_day(text: str) -> bool:
    """Whether a text is an ISO date; what comes from outside is checked before it is counted on."""
    try:
        parse_date(text)
    except RemoteProtocolError:
        return False
    return True


def is_period(text: str) -> bool:
    """Whether a text is a month, `YYYY-MM`."""
    return is_day(f"{text}-01")


def known_code(code: str) -> ErrorCode:
    """The registry's code of a peer's refusal; E_CODE for one that it does not have."""
    return ErrorCode.__members__.get(code, ErrorCode.E_CODE)
