"""What the bytes on the wire say of somebody's own node: OBS-1 to OBS-4 and OBS-6.

A fold of wire.jsonl and of nothing else, so that `verify` comes to the same from the file. The
documents are read here by their national names alone; no type of ours and no code of the nodes
takes part. What the own node books inside cannot be seen, and no check here claims it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from yidi.broker.external.documents import HANDSHAKE, read_document
from yidi.protocol import transactions as t
from yidi.protocol.errors import ErrorCode, RemoteProtocolError
from yidi.protocol.money import parse_yuan
from yidi.scenarios.judging.verdicts import Tally, TallyBook
from yidi.scenarios.judging.wire import NO_MESSAGE, OUT, TIMEOUT, WireEntry

READABLE, ANSWERED, SAME, IDENTITIES = "OBS-1", "OBS-2", "OBS-3", "OBS-4"
LINKS = "OBS-6"
EXCHANGES_MAX = 100_000
"""Exchanges remembered for their repeats; the oldest are forgotten."""
_CLAIMS = t.PRE_SETTLEMENTS | t.SETTLEMENTS
_ECHOED = ("psn_no", "mdtrt_id", "chrg_bchno", "insutype", "med_type", "medfee_sumamt")
_PARTS = ("fund_pay_sumamt", "acct_pay", "psn_cash_pay", "hosp_part_amt")
_UNKNOWN = (TIMEOUT, "connection", "HTTP 5")
"""How the problem of an exchange begins whose outcome nobody knows."""


class Exchange:
    """One request and what has come back for it."""

    __slots__ = ("answer", "case_key", "node", "request", "transaction")

    def __init__(self, entry: WireEntry) -> None:
        self.node, self.transaction = entry.node, entry.transaction
        self.case_key = entry.case_key
        self.request = entry
        self.answer: WireEntry | None = None


class LinkWatch:
    """Level 1: how far both directions of one link are."""

    __slots__ = ("received", "sent", "watermark")

    def __init__(self) -> None:
        self.sent = self.received = self.watermark = 0


class WireChecks:
    """Judges entries as they come; `finish` says what never came."""

    def __init__(self, book: TallyBook) -> None:
        self.book = book
        self.exchanges: dict[str, Exchange] = {}
        self.links: dict[tuple[str, str], LinkWatch] = {}
        self.unanswered = 0

    def feed(self, entry: WireEntry) -> None:
        """Judge one entry."""
        if entry.transaction == HANDSHAKE:
            return
        self._check_link(entry)
        if entry.direction == OUT:
            if entry.kind == "request" and entry.message_id not in self.exchanges:
                self.exchanges[entry.message_id] = Exchange(entry)
                self._forget()
            return
        exchange = self.exchanges.get(entry.correlation)
        if entry.problem.startswith(_UNKNOWN):
            return  # nothing came; whether anything does, the end shows
        if entry.kind == NO_MESSAGE:
            self._unread(entry, exchange)
            return
        self._tally(READABLE).count += 1
        if exchange is not None:
            self._judge(entry, exchange)

    def finish(self) -> None:
        """A request that was never answered leaves its outcome unknown."""
        for exchange in self.exchanges.values():
            self._close(exchange)
        if self.unanswered:
            self._tally(
                ANSWERED
            ).unknown = (
                f"{self.unanswered} requests were not answered: what became of them is unknown"
            )

    def _close(self, exchange: Exchange) -> None:
        if exchange.answer is None:
            self.unanswered += 1
        else:
            self._tally(ANSWERED).count += 1

    def _forget(self) -> None:
        if len(self.exchanges) > EXCHANGES_MAX:
            self._close(self.exchanges.pop(next(iter(self.exchanges))))

    def _tally(self, check: str) -> Tally:
        return self.book[check]

    # ------------------------------------------------------------------ one answer

    def _unread(self, entry: WireEntry, exchange: Exchange | None) -> None:
        """Bytes that are no answer: a copy of one, an answer to nothing, or nonsense."""
        if entry.problem.startswith(ErrorCode.E_UNMATCHED):
            if exchange is None:
                self._fail(ANSWERED, entry, "an answer to nothing that was asked")
            else:
                self._check_same(entry, exchange)
            return
        self._tally(READABLE).count += 1
        self._fail(READABLE, entry, entry.problem)

    def _judge(self, entry: WireEntry, exchange: Exchange) -> None:
        if exchange.answer is not None:
            self._check_same(entry, exchange)
            return
        exchange.answer = entry
        if exchange.transaction in _CLAIMS and entry.kind == "result":
            self._tally(IDENTITIES).count += 1
            for problem in identity_problems(
                _said(exchange.request, "input"), _said(entry, "output")
            ):
                self._fail(IDENTITIES, entry, problem, exchange.case_key)

    def _check_same(self, entry: WireEntry, exchange: Exchange) -> None:
        """OBS-3: the same request, the same answer."""
        first = exchange.answer
        if first is None:
            return
        self._tally(SAME).count += 1
        before, now = _content(first), _content(entry)
        if before != now:
            what = f"{exchange.transaction} answered {before}, and then {now}"
            self._fail(SAME, entry, what, exchange.case_key)

    # ------------------------------------------------------------------ level 1

    def _check_link(self, entry: WireEntry) -> None:
        """OBS-6: sequences count up by one; a watermark only grows, never beyond what was sent."""
        if not (entry.sequence or entry.watermark):
            return
        link = self.links.setdefault((entry.node, entry.peer), LinkWatch())
        if entry.direction == OUT:
            link.sent = max(link.sent, entry.sequence)
            return
        tally = self._tally(LINKS)
        tally.count += 1
        if entry.sequence > link.received + 1:
            self._fail(LINKS, entry, f"sequence {entry.sequence} after {link.received}")
        link.received = max(link.received, entry.sequence)
        if entry.watermark > link.sent:
            self._fail(LINKS, entry, f"watermark {entry.watermark}, sent was {link.sent}")
        elif entry.watermark < link.watermark:
            self._fail(LINKS, entry, f"watermark {entry.watermark} after {link.watermark}")
        link.watermark = max(link.watermark, entry.watermark)

    def _fail(self, check: str, entry: WireEntry, facts: str, key: str = "") -> None:
        ids = tuple(filter(None, (entry.correlation or entry.message_id,)))
        self._tally(check).fail(
            f"wire {entry.number}: {facts}", key=key or entry.case_key, node=entry.node,
            message_ids=ids,
        )  # fmt: skip


# --- Documents ------------------------------------------------------------------------------------


def identity_problems(asked: Mapping[str, Any], said: Mapping[str, Any]) -> Iterator[str]:
    """What in an answer's amounts cannot be right, whatever the policy.

    Args:
        asked: the fields of the request's `input`.
        said: the fields of the answer's `output`.
    """
    for name in _ECHOED:
        if name in said and name in asked and not _same_value(name, said[name], asked[name]):
            yield f"{name} {said[name]!r}, asked was {asked[name]!r}"
    try:
        total = _fen(said, "medfee_sumamt")
        parts = [_fen(said, name) for name in _PARTS]
        funds = [_fen(one, "fund_payamt") for one in said.get("setldetail") or ()]
    except (RemoteProtocolError, TypeError, AttributeError):
        return  # told as unreadable
    if total != sum(parts):
        yield f"medfee_sumamt {total} fen is not {' + '.join(map(str, parts))}"
    if sum(funds) != parts[0]:
        yield f"setldetail sums to {sum(funds)} fen, fund_pay_sumamt is {parts[0]}"
    # Nothing of ours reads this one, so nobody else would say that it is no amount.
    if "psn_part_amt" in said and not _is_amount(said["psn_part_amt"], parts[1] + parts[2]):
        yield "psn_part_amt is not acct_pay + psn_cash_pay"


def _same_value(name: str, one: Any, other: Any) -> bool:
    if name != "medfee_sumamt":
        return str(one) == str(other)
    try:
        return _is_amount(one, parse_yuan(str(other)))
    except RemoteProtocolError:
        return False


def _is_amount(text: Any, fen: int) -> bool:
    try:
        return parse_yuan(str(text)) == fen
    except RemoteProtocolError:
        return False


def _fen(said: Mapping[str, Any], name: str) -> int:
    value = said.get(name)
    return 0 if value in (None, "") else parse_yuan(str(value), f"$.{name}")


def _said(entry: WireEntry, member: str) -> dict[str, Any]:
    """The fields of a document's nodes as one object; empty where it cannot be read."""
    try:
        document = read_document(entry.raw(), entry.content_type)
    except RemoteProtocolError:
        return {}
    nodes = document.get(member)
    flat: dict[str, Any] = {}
    for name, value in nodes.items() if isinstance(nodes, dict) else ():
        flat |= value if isinstance(value, dict) else {name: value}
    return flat


def _content(entry: WireEntry) -> str:
    """What of an answer must not change: the outcome and the output."""
    try:
        document = read_document(entry.raw(), entry.content_type)
    except RemoteProtocolError:
        return entry.problem
    kept = {"infcode": str(document.get("infcode")), "output": document.get("output") or {}}
    return msgspec.json.encode(kept, order="sorted").decode()
