"""The edge of a live network: all own nodes of a run, and the handshake with each.

Before a run begins, every own node is told who it is here, what the clock will show, and what a
node of ours would know from its setup: persons and policies. The network waits for its answer,
which may say what it serves; a node that answers anything at all is there.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from secrets import token_urlsafe
from typing import Any

import msgspec

from yidi.broker.engines.base import Document as Published
from yidi.broker.engines.base import Engine
from yidi.broker.external.documents import (
    HANDSHAKE,
    JSON,
    Document,
    Facts,
    public_parameters,
    read_document,
    read_facts,
    write_document,
)
from yidi.broker.external.http import HttpAnswer, HttpClient, HttpDoor
from yidi.nodes.observed import HUB, OUTSIDE, Observed
from yidi.protocol import transactions as t
from yidi.protocol.envelope import Envelope
from yidi.protocol.errors import ErrorCode, RemoteProtocolError, TransportError
from yidi.protocol.identifiers import sender_prefix
from yidi.protocol.instants import Instant, local_stamp
from yidi.scenarios.judging.wire import IN, OUT, WireLog, draft
from yidi.scenarios.live.carriers import (
    EngineCarrier,
    HttpCarrier,
    HttpReturn,
    Poster,
    facts_in,
    headers_of,
)
from yidi.scenarios.live.desk import ANSWER_SECONDS
from yidi.scenarios.live.externals import External, Introduction, observed_of
from yidi.scenarios.live.own_node import Carrier, OwnNode
from yidi.scenarios.live.own_reading import Arrived

GREETER = "operator:init"
"""Who introduces the network to its own nodes."""
PATH_BYTES = 16
TOKEN_VARIABLE = "YIDI_EXTERNAL_TOKEN"  # noqa: S105 - where the secret is, not the secret
AGAIN_AFTER = 0.5
"""Real seconds between two handshakes to a node that is not there yet."""


class Greeting(msgspec.Struct, frozen=True, kw_only=True):
    """What the handshake tells one node."""

    now: Instant
    data: Document
    """Scalars: its address, the clock, where the network is."""
    lists: Document
    """Persons and the like."""


class Edge:
    """The own nodes of one run.

    Args:
        wire: where every message is noted.
        engine: of the run.
    """

    def __init__(self, wire: WireLog, engine: Engine) -> None:
        self.wire, self.engine = wire, engine
        self.client = HttpClient(os.environ.get(TOKEN_VARIABLE, ""))
        self.externals: tuple[External, ...] = ()
        self.observed: tuple[Observed, ...] = ()
        """How each takes part, in the same order."""
        self.nodes: dict[str, OwnNode] = {}
        self.door = HttpDoor(self.on_post)
        self.paths: dict[str, str] = {}
        """Path at the door → own node; only the own node was told it."""
        self._http = HttpCarrier(self.client)

    # ------------------------------------------------------------------ before the run

    async def introduce(
        self, externals: Sequence[External], greeting: Callable[[External], Greeting]
    ) -> None:
        """Tell every own node who it is, and wait until it has answered.

        Raises:
            TransportError: `E_ENGINE`: one was not there in time.
        """
        over_engine = [one for one in externals if not one.url]
        if len(over_engine) < len(externals):
            await self.door.open()
        greeter = Greeter(self) if over_engine else None
        try:
            if greeter is not None:
                await greeter.attach(self.engine)
            found = await asyncio.gather(
                *(self._introduce(one, greeting(one), greeter) for one in externals)
            )
        finally:
            if greeter is not None:
                await greeter.close()
        self.externals, self.observed = tuple(externals), tuple(found)

    async def _introduce(
        self, external: External, greeting: Greeting, greeter: Greeter | None
    ) -> Observed:
        loop = asyncio.get_running_loop()
        ends = loop.time() + external.wait_seconds
        document, facts = _handshake(external, greeting, self._network_for(external))
        said: Introduction | None = None
        while said is None:
            begun = loop.time()
            within = max(AGAIN_AFTER, ends - begun)
            if external.url:
                said = await self._by_http(external, document, facts, within)
            else:
                assert greeter is not None
                said = await greeter.ask(external, document, facts)
            if said is None and loop.time() >= ends:
                raise TransportError(
                    ErrorCode.E_ENGINE, at=external.address,
                    want=f"its answer within {external.wait_seconds:g} s",
                    got=external.url or self.engine.url,
                )  # fmt: skip
            if said is None:
                await asyncio.sleep(max(0.0, AGAIN_AFTER - (loop.time() - begun)))
        return observed_of(external, said, self.engine.url)

    def _network_for(self, external: External) -> str:
        """Where an own node finds the network: a path of its own at the door, or the engine."""
        if not external.url:
            return self.engine.url
        path = f"/{external.address.replace(':', '-')}/{token_urlsafe(PATH_BYTES)}"
        self.paths[path] = external.address
        return self.door.url + path

    async def _by_http(
        self, external: External, document: Document, facts: Facts, within: float
    ) -> Introduction | None:
        data = write_document(document, None)
        headers = {"Content-Type": JSON, **headers_of(facts)}
        self.note(OUT, external, data, "request", message_id=document["msgid"])
        reply = await self.client.post(external.url, data, headers, within)
        kind = "result" if reply.status == 200 else "none"
        self.note(
            IN, external, reply.body, kind, correlation=document["msgid"],
            headers={"status": str(reply.status)}, problem=reply.problem,
        )  # fmt: skip
        if not reply.status:
            return None
        return read_introduction(reply.body, reply.content_type)

    def note(self, direction: str, external: External, data: bytes, kind: str, **more: Any) -> None:
        """Note a message of the handshake."""
        entry = draft(direction, external.address, GREETER, external.carrier(self.engine.url))
        self.wire.note(
            msgspec.structs.replace(entry, transaction=HANDSHAKE, kind=kind, **more), data
        )

    # ------------------------------------------------------------------ during the run

    def open(
        self, now: Callable[[], int], deliver: Callable[[str, bytes], object], poster: Poster
    ) -> None:
        """Begin to carry messages to and from the nodes that were introduced.

        Args:
            now: the clock of the run.
            deliver: takes (address, frame): what an own node said.
            poster: publishes on the engine in the name of our nodes.
        """
        self.wire.now = now
        by_engine = EngineCarrier(poster)
        for external, one in zip(self.externals, self.observed, strict=True):
            carrier: Carrier = self._http if external.url else by_engine
            address = one.address
            self.nodes[address] = OwnNode(
                external, one, self.wire, _bound(deliver, address), carrier
            )

    def send(self, address: str, envelope: Envelope) -> None:
        """Send a message whose hop is the outside."""
        assert envelope.hop.startswith(OUTSIDE)
        self.nodes[address].send(envelope)

    async def on_document(self, document: Published) -> None:
        """A document arrived on the engine for one of our nodes."""
        own = self.nodes.get(document.sender)
        if own is None:
            return  # somebody's who takes no part; the engine's counters know of it
        own.take(
            Arrived(
                data=document.content, peer=document.recipient,
                content_type=document.content_type,
                correlation=document.correlation.decode("ascii", "replace"),
            )
        )  # fmt: skip

    async def on_post(self, path: str, data: bytes, headers: Mapping[str, str]) -> HttpAnswer:
        """An own node posted what it asks of the network; its answer is the response."""
        address = self.paths.get(path)
        if address is None:
            return HttpAnswer(status=404)
        own = self.nodes.get(address)
        if own is None:
            return HttpAnswer(status=503)  # the run has not begun
        back = HttpReturn()
        facts = facts_in(dict(headers))
        peer = facts.recipient if facts.recipient.startswith("hub:") else HUB
        content_type = headers.get("Content-Type", "")
        arrived = Arrived(
            data=data, peer=peer, content_type=content_type, facts=facts, headers={"path": path}
        )
        reading = own.take(arrived, back)
        if reading.request is None:
            return refused(reading.problem or f"{ErrorCode.E_MISSING_FIELD} infno")
        try:
            return await asyncio.wait_for(back.answer, ANSWER_SECONDS)
        except TimeoutError:
            own.asking.pop(reading.request.origin.message_id, None)
            return HttpAnswer(status=504)

    def check(self) -> None:
        """End the run where its record cannot be kept.

        Raises:
            StoredDataError: as the sink of the wire log.
        """
        if self.wire.failure is not None:
            raise self.wire.failure

    @property
    def busy(self) -> bool:
        """Whether any own node may still answer in time."""
        return any(own.busy for own in self.nodes.values())

    async def close(self) -> None:
        """Break off what is under way, and close the connections."""
        await self._http.close()
        await self.door.close()


class Greeter:
    """The handshake over an engine, under an address of its own."""

    def __init__(self, edge: Edge) -> None:
        self.edge = edge
        self.externals: dict[str, External] = {}
        self.answers: dict[str, asyncio.Future[Introduction]] = {}
        self._attachment: Any = None

    async def attach(self, engine: Engine) -> None:
        """Join the engine."""
        self._attachment = await engine.attach(
            GREETER, self._refuse, receive_document=self._on_document
        )
        await self._attachment.ready()

    async def _refuse(self, frames: list[bytes]) -> None:
        """Nobody has frames for a greeter."""

    async def _on_document(self, document: Published) -> None:
        external = self.externals.get(document.sender)
        if external is None:
            return
        data = document.content
        self.edge.note(IN, external, data, "result", content_type=document.content_type)
        future = self.answers.get(document.sender)
        if future is not None and not future.done():
            future.set_result(read_introduction(data, document.content_type))

    async def ask(
        self, external: External, document: Document, facts: Facts
    ) -> Introduction | None:
        """Publish a handshake and wait a little for its answer."""
        data = write_document(document, facts)
        self.externals[external.address] = external
        future = self.answers.setdefault(
            external.address, asyncio.get_running_loop().create_future()
        )
        self.edge.note(OUT, external, data, "request", message_id=document["msgid"])
        self._attachment.post(
            Published(
                sender=GREETER, recipient=external.address, content=data, content_type=JSON,
                correlation=str(document["msgid"]).encode(),
            )
        )  # fmt: skip
        await asyncio.wait([future], timeout=AGAIN_AFTER)
        return future.result() if future.done() else None

    async def close(self) -> None:
        """Leave the engine."""
        if self._attachment is not None:
            await self._attachment.close()


def read_introduction(data: bytes, content_type: str) -> Introduction:
    """What a node says of itself; one that does not know the handshake says nothing."""
    try:
        document = read_document(data, content_type)
        read_facts(document)
    except RemoteProtocolError:
        return Introduction()
    output = document.get("output")
    if str(document.get("infcode")) != "0" or not isinstance(output, dict):
        return Introduction()
    said: Document = {}
    for name, value in output.items():
        said |= value if isinstance(value, dict) else {name: value}
    try:
        read = msgspec.convert(said, Introduction, strict=False)
    except msgspec.ValidationError:
        return Introduction()
    serves = tuple(code for code in read.serves or () if code in t.CATALOGUE)
    return msgspec.structs.replace(read, serves=serves or None)


def refused(problem: str) -> HttpAnswer:
    """A refusal of what was no request, in the national form."""
    document = {"infcode": -1, "err_msg": problem, "output": {}}
    return HttpAnswer(body=write_document(document, None), headers={"Content-Type": JSON})


def _handshake(external: External, greeting: Greeting, network: str) -> tuple[Document, Facts]:
    code = external.address.partition(":")[2]
    message_id = sender_prefix(f"YIDI{code}") + local_stamp(greeting.now) + "0001"
    document = {
        **public_parameters(HANDSHAKE, message_id, greeting.now),
        "recer_admdvs": code,
        "input": {"data": {**greeting.data, "network": network}, **greeting.lists},
    }
    return document, Facts(sender=GREETER, recipient=external.address)


def _bound(deliver: Callable[[str, bytes], object], address: str) -> Callable[[bytes], object]:
    return lambda frame: deliver(address, frame)
