"""An engine whose parties of one process reach each other without it.

For a region that lives in one process with its hospital: what the two say to each other never
leaves the process, everything else goes by the engine outside.
"""

from __future__ import annotations

from yidi.broker.engines.base import (
    Admits,
    Attachment,
    Counters,
    Document,
    Engine,
    EngineOptions,
    RaiseAlarm,
    Receive,
    ReceiveDocument,
)
from yidi.broker.engines.embedded import EmbeddedEngine
from yidi.protocol.instants import SECOND, Duration

CLOSE_WITHIN = Duration(5 * SECOND)


class NearEngine:
    """An engine outside, and the embedded one for those who are here."""

    def __init__(self, outer: Engine) -> None:
        self.url = outer.url
        self.outer = outer
        self.inner = EmbeddedEngine(EngineOptions())
        self.here: set[str] = set()

    async def prepare(self) -> None:
        """As the engine outside."""
        await self.outer.prepare()

    async def attach(
        self,
        address: str,
        receive: Receive,
        *,
        receive_document: ReceiveDocument | None = None,
        alarm: RaiseAlarm | None = None,
        admits: Admits | None = None,
    ) -> Attachment:
        """Join both under one address."""
        inner = await self.inner.attach(address, receive, admits=admits)
        outer = await self.outer.attach(
            address, receive, receive_document=receive_document, alarm=alarm, admits=admits
        )
        self.here.add(address)
        return NearAttachment(inner, outer, self.here)

    async def close(self) -> None:
        """Close every attachment."""
        await self.inner.close()
        await self.outer.close()


class NearAttachment:
    """One address on both engines."""

    def __init__(self, inner: Attachment, outer: Attachment, here: set[str]) -> None:
        self.address = outer.address
        self.inner, self.outer, self.here = inner, outer, here
        self.counters: Counters = outer.counters
        """Of the engine outside, which is what is measured."""

    @property
    def connected(self) -> bool:
        """Whether the engine outside is there."""
        return self.outer.connected

    @property
    def pending(self) -> int:
        """Queued or unconfirmed on either."""
        return self.inner.pending + self.outer.pending

    def send(self, recipient: str, partition: int, frame: bytes) -> None:
        """Queue a frame on the way that its recipient lives at."""
        way = self.inner if recipient in self.here else self.outer
        way.send(recipient, partition, frame)

    def post(self, document: Document) -> None:
        """Queue a document for somebody outside."""
        self.outer.post(document)

    async def ready(self) -> None:
        """Return when the connection outside stands."""
        await self.outer.ready()

    async def drain(self) -> None:
        """Return when all is confirmed."""
        await self.inner.drain()
        await self.outer.drain()

    async def ended(self) -> None:
        """Return when the attachment outside was closed."""
        await self.outer.ended()

    async def close(self, within: Duration = CLOSE_WITHIN) -> None:
        """Close both."""
        await self.inner.close(within)
        await self.outer.close(within)

    async def abort(self) -> None:
        """Leave both at once."""
        await self.inner.abort()
        await self.outer.abort()
