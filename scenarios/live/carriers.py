"""How documents get to own nodes: HTTP, or the run's own engine.

Over HTTP a request is a POST and its answer the response; each runs as a task of its own. Over
MQTT and NATS a document is published in the name of whoever speaks to the own node, and answers
arrive, some time, on the topic back.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

import msgspec

from yidi.broker.engines.base import Document as Published
from yidi.broker.external.documents import JSON, Facts, write_document
from yidi.broker.external.http import FACT_HEADERS, HttpAnswer, HttpClient, HttpReply
from yidi.scenarios.live.own_node import OwnNode, Parcel
from yidi.scenarios.live.own_reading import Arrived


class HttpCarrier:
    """POSTs documents."""

    def __init__(self, client: HttpClient) -> None:
        self.client = client
        self._tasks: dict[asyncio.Task[None], None] = {}

    def send(self, own: OwnNode, parcel: Parcel) -> None:
        """Begin a POST; its answer goes to the own node."""
        task = asyncio.get_running_loop().create_task(self._exchange(own, parcel))
        self._tasks[task] = None
        task.add_done_callback(self._tasks.pop)

    async def _exchange(self, own: OwnNode, parcel: Parcel) -> None:
        data = write_document(parcel.document, None, own.observed.format)
        headers = {"Content-Type": parcel.content_type, **headers_of(parcel.facts)}
        own.note_sent(parcel, data, headers)
        within = own.external.answer_seconds
        reply = await self.client.post(own.external.url, data, headers, within)
        if not reply.status:
            own.give_up(parcel.message_id, reply.problem)
            return
        own.take(
            Arrived(
                data=reply.body, peer=parcel.peer, content_type=reply.content_type,
                correlation=parcel.message_id, facts=facts_in(reply.headers),
                headers={"status": str(reply.status)}, problem=problem_of(reply),
            )
        )  # fmt: skip

    async def close(self) -> None:
        """Break off what is under way."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.client.close()


class HttpReturn:
    """The way back of an answer to an own node's POST."""

    def __init__(self) -> None:
        self.answer: asyncio.Future[HttpAnswer] = asyncio.get_running_loop().create_future()

    def send(self, own: OwnNode, parcel: Parcel) -> None:
        """Answer the POST."""
        data = write_document(parcel.document, None, own.observed.format)
        headers = {"Content-Type": parcel.content_type, **headers_of(parcel.facts)}
        own.note_sent(parcel, data, headers)
        if not self.answer.done():
            self.answer.set_result(HttpAnswer(body=data, headers=headers))


class Poster(Protocol):
    """Publishes in the name of an address of this process."""

    def post(self, sender: str, document: Published) -> None:
        """Queue a document."""
        ...


class EngineCarrier:
    """Publishes documents on the run's engine."""

    def __init__(self, poster: Poster) -> None:
        self.poster = poster

    def send(self, own: OwnNode, parcel: Parcel) -> None:
        """Publish a document in the peer's name."""
        data = write_document(parcel.document, parcel.facts, own.observed.format)
        own.note_sent(parcel, data, {})
        self.poster.post(
            parcel.peer,
            Published(
                sender=parcel.peer, recipient=own.address,
                partition=parcel.facts.partition_key, content=data,
                content_type=parcel.content_type, correlation=parcel.message_id.encode(),
            ),
        )  # fmt: skip


def headers_of(facts: Facts) -> dict[str, str]:
    """The facts that are set, as HTTP headers."""
    return {
        header: str(value)
        for name, header in FACT_HEADERS.items()
        if (value := getattr(facts, name))
    }


def facts_in(headers: dict[str, str]) -> Facts:
    """The facts that an answer's headers say; what has another form says nothing."""
    lowered = {name.lower(): value for name, value in headers.items()}
    given = {
        name: lowered[header.lower()]
        for name, header in FACT_HEADERS.items()
        if header.lower() in lowered
    }
    try:
        return msgspec.convert(given, Facts, strict=False)
    except msgspec.ValidationError:
        return Facts()


def problem_of(reply: HttpReply) -> str:
    """Why a response is no answer; empty where it may be one."""
    if reply.problem:
        return reply.problem
    kind = reply.content_type.partition(";")[0].strip()
    if reply.status != 200:
        return f"HTTP {reply.status}"
    return "" if reply.body else f"HTTP 200 without a body ({kind or JSON})"
