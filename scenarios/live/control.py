"""`/_yidi/`: a tester's hand on a live network, for testing only.

Every command becomes an envelope of the node's operator and goes through the desk and over the
engine like any client's, so it works the same in one process and in many, stands in the node's
journal, and is obeyed again after a restart. Only reading what was said goes past the nodes, to
their journals.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from secrets import randbelow
from typing import Any, TypeVar

import msgspec

from yidi.broker.gateway.control import ControlReply
from yidi.nodes.agency import operator_of
from yidi.protocol import transactions as t
from yidi.protocol.bodies import open_body
from yidi.protocol.codec import encode
from yidi.protocol.envelope import Origin, seal
from yidi.protocol.errors import (
    ErrorCode,
    Problem,
    RemoteProtocolError,
    TransportError,
    YidiError,
    sentence,
)
from yidi.protocol.instants import local_stamp, local_text
from yidi.protocol.messages import Rejection
from yidi.protocol.messages_clearing import DayClose
from yidi.protocol.messages_control import (
    ControlQuery,
    ControlStatus,
    Decision,
    NextOutcome,
    Reset,
)
from yidi.protocol.transactions import Kind
from yidi.scenarios.live.control_orders import (
    DayOrder,
    DecisionOrder,
    OutcomeOrder,
    PersonOrder,
    ResetOrder,
)
from yidi.scenarios.live.control_people import Directory, new_person
from yidi.scenarios.live.desk import Desk
from yidi.scenarios.live.messages import MessageLog, Readers
from yidi.scenarios.running.clients import client_prefix

ANSWERS_WITHIN = 10.0
"""Real seconds a command waits: a node of a live network answers at once or is away."""
_SERIALS = 10_000
_encode = msgspec.json.Encoder().encode
_Order = TypeVar("_Order", bound=msgspec.Struct)

STATUS = {
    ErrorCode.E_CHAOS_OFF: 403,
    ErrorCode.E_NOT_PENDING: 404,
    ErrorCode.E_PERSON_UNKNOWN: 404,
    ErrorCode.E_CASE_UNKNOWN: 404,
    ErrorCode.E_DELIVERY_TIMEOUT: 504,
}
"""Others: 400 what was asked wrongly, 409 what a node refused."""


class Refused(Exception):
    """A node refused a command."""

    def __init__(self, node: str, answer: Rejection) -> None:
        self.code = ErrorCode(answer.code)
        self.at = node
        super().__init__(answer.code)


class LiveControl:
    """Answers `/_yidi/`.

    Args:
        desk: the way to the nodes.
        directory: who and what is in the network.
        readers: opens the journals of all nodes.
        chaos: whether outcomes may be changed.
        flush: called where the journal is written, before it is read.
    """

    def __init__(
        self,
        desk: Desk,
        directory: Directory,
        readers: Readers,
        *,
        chaos: bool,
        flush: Callable[[], None] = lambda: None,
    ) -> None:
        self.desk = desk
        self.directory = directory
        self.readers = readers
        self.chaos = chaos
        self._flush = flush
        # A gateway that is started again within one second must not use the same ids.
        self._serial = randbelow(_SERIALS)
        self._gets: dict[str, Callable[[Mapping[str, str]], Awaitable[Any]]] = {
            "": self._status,
            "pending": self._pending,
            "statements": self._statements,
            "messages": self._messages,
        }
        self._posts: dict[str, tuple[type, Callable[[Any], Awaitable[Any]]]] = {
            "day-close": (DayOrder, self._close_day),
            "reset": (ResetOrder, self._reset),
            "persons": (PersonOrder, self._add_person),
            "outcomes": (OutcomeOrder, self._order_outcome),
            "pending": (DecisionOrder, self._decide),
        }

    async def serve(
        self, method: str, path: str, query: Mapping[str, str], data: bytes
    ) -> ControlReply | None:
        """Answer a call; None where there is no such route."""
        try:
            if method == "GET":
                read = self._gets.get(path)
                answer = None if read is None else await read(query)
            else:
                kind, act = self._posts.get(path, (None, None))
                answer = None if kind is None or act is None else await act(_read(data, kind))
        except Refused as refused:
            return _problem(refused.code, refused.at, STATUS.get(refused.code, 409))
        except YidiError as error:
            status = STATUS.get(error.code, 400)
            return ControlReply(status, _encode(error.problem()))
        return None if answer is None else ControlReply(200, _encode(answer))

    # ------------------------------------------------------------------ reading

    async def _status(self, _: Mapping[str, str]) -> Any:
        nodes = list(self.directory.nodes)
        found = await asyncio.gather(*map(self._ask_status, nodes))
        return {
            "for": "testing only",
            "clock": local_text(self.desk.now()),
            "chaos": self.chaos,
            "nodes": [
                {
                    "node": node,
                    "answers": status is not None,
                    "day": status.day if status is not None else "",
                    "rules": [] if status is None else [_shown_rule(one) for one in status.rules],
                    "pending": 0 if status is None else status.waiting_count,
                }
                for node, status in zip(nodes, found, strict=True)
            ],
        }

    async def _ask_status(self, node: str) -> ControlStatus | None:
        try:
            return await self.status_of(node)
        except TransportError:
            return None

    async def status_of(self, node: str) -> ControlStatus:
        """What is ordered at a node and what waits there; raises as `tell`."""
        status = await self.tell(node, t.TEST_STATUS, ControlQuery())
        assert isinstance(status, ControlStatus)
        return status

    async def _pending(self, _: Mapping[str, str]) -> Any:
        nodes = list(self.directory.nodes)
        found = await asyncio.gather(*map(self._ask_status, nodes))
        return [
            {
                "node": node,
                "msgid": one.message_id,
                "infno": one.transaction,
                "sender": one.sender,
                "key": one.case_key,
                "psn_no": one.person_no,
                "since": local_text(one.since),  # type: ignore[arg-type] # an instant on the wire
                "until": local_text(one.until) if one.until else "",  # type: ignore[arg-type]
            }
            for node, status in zip(nodes, found, strict=True)
            for one in (status.waiting if status is not None else ())
        ]

    async def _statements(self, query: Mapping[str, str]) -> Any:
        self._flush()
        log = MessageLog(self.readers, self.desk.heard)
        return await asyncio.to_thread(log.statements, query.get("day", ""))

    async def _messages(self, query: Mapping[str, str]) -> Any:
        name = query.get("name", "")
        if not name or len(name) > 64:
            raise RemoteProtocolError(ErrorCode.E_PARAM, at="name", want="key, msgid, setl_id, …")
        self._flush()
        log = MessageLog(self.readers, self.desk.heard)
        rows = await asyncio.to_thread(log.chain, name)
        if not rows:
            raise RemoteProtocolError(ErrorCode.E_CASE_UNKNOWN, at="name", got=name)
        return rows

    # ------------------------------------------------------------------ commands

    async def _close_day(self, order: DayOrder) -> Any:
        hubs = [one for one in self.directory.nodes if one.startswith("hub:")]
        if order.hub:
            hubs = [self.directory.node(order.hub)]
        closed = []
        for hub in hubs:
            day = (await self.status_of(hub)).day
            await self.tell(hub, t.DAY_CLOSE, DayClose(day=day))
            closed.append({"hub": hub, "day": day, "clock": local_text(self.desk.now())})
        return closed

    async def _reset(self, order: ResetOrder) -> Any:
        if order.person:
            person_no, region = self.directory.person(order.person)
            node = self.directory.node(order.node) if order.node else f"insured:{region}"
            await self.tell(node, t.TEST_RESET, Reset(person_no=person_no))
            return {"reset": [node], "psn_no": person_no}
        nodes = [self.directory.node(order.node)] if order.node else list(self.directory.nodes)
        await asyncio.gather(*(self.tell(node, t.TEST_RESET, Reset()) for node in nodes))
        return {"reset": nodes}

    async def _add_person(self, order: PersonOrder) -> Any:
        node = self.directory.node(f"insured:{order.region}")
        person = new_person(order, self.desk.now())
        await self.tell(node, t.TEST_PERSON, person)
        return {
            "psn_no": person.person_no,
            "certno": person.certificate_no,
            "name": person.name,
            "insuplc_admdvs": order.region,
            "insutype": person.insutype,
            "filed": person.filed,
        }

    async def _order_outcome(self, order: OutcomeOrder) -> Any:
        node, rule = self.directory.rule(order)
        await self.tell(node, t.TEST_OUTCOME, rule)
        return {"node": node, "order": _shown_rule(rule)}

    async def _decide(self, order: DecisionOrder) -> Any:
        node = self.directory.node(order.node)
        word = Decision(message_id=order.msgid, verdict=order.verdict, code=order.code)
        await self.tell(node, t.TEST_DECISION, word)
        return {"node": node, "msgid": order.msgid, "verdict": order.verdict}

    async def tell(self, node: str, transaction: str, body: msgspec.Struct) -> msgspec.Struct:
        """Send a command to a node as its operator, and return the answer.

        Raises:
            Refused: the node refused it.
            TransportError: it did not answer in time; it may obey all the same.
        """
        sender, now = operator_of(node), self.desk.now()
        self._serial = (self._serial + 1) % _SERIALS
        message_id = f"{client_prefix(sender)}{local_stamp(now)}{self._serial:04d}"
        origin = Origin(
            transaction,
            Kind.REQUEST,
            message_id,
            "",
            sender,
            node,
            "",
            "",
            "",
            0,
            now,
            0,
            message_id,
        )
        try:
            async with asyncio.timeout(ANSWERS_WITHIN):
                answer = await self.desk.ask(seal(node, origin, encode(body)))
        except TimeoutError:
            raise TransportError(ErrorCode.E_DELIVERY_TIMEOUT, at=node) from None
        told = open_body(answer)
        if isinstance(told, Rejection):
            raise Refused(node, told)
        return told


def _read(data: bytes, kind: type[_Order]) -> _Order:
    try:
        return msgspec.json.decode(data or b"{}", type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        said = str(error).partition(" - at `")
        at = said[2].rstrip("`") or "$"
        raise RemoteProtocolError(ErrorCode.E_PARAM, at=at, want=said[0][:120]) from None


def _problem(code: ErrorCode, at: str, status: int) -> ControlReply:
    return ControlReply(status, _encode(Problem(code=code, at=at, sentence=sentence(code))))


def _shown_rule(rule: NextOutcome) -> dict[str, Any]:
    """An order without what it leaves open."""
    shown = {
        "outcome": rule.outcome,
        "code": rule.code,
        "milliseconds": rule.delay // 1_000,
        "transactions": rule.transactions,
        "psn_no": rule.person_no,
        "institution": rule.institution,
    }
    return {name: value for name, value in shown.items() if value} | {"times": rule.times}
