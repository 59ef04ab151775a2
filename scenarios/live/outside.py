"""What a live host knows of somebody's own nodes: where HTTP and documents begin, and it ends."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from yidi.broker.engines.base import Document
from yidi.protocol.envelope import Envelope


class Outside(Protocol):
    """The own nodes of a run; see `edge`."""

    @property
    def nodes(self) -> Collection[str]:
        """Their addresses: these are met outside, not on the engine."""
        ...

    @property
    def busy(self) -> bool:
        """Whether an answer may still come in time."""
        ...

    def check(self) -> None:
        """Raise where the record of what they said cannot be kept."""
        ...

    def send(self, address: str, envelope: Envelope) -> None:
        """Send a message whose hop is the outside."""
        ...

    async def on_document(self, document: Document) -> None:
        """A document arrived on the engine for one of our nodes."""
        ...
