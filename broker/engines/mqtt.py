"""To come: the engine of mqtt."""

from __future__ import annotations

from yidi.broker.engines.base import (
    Attachment,
    EngineOptions,
    RaiseAlarm,
    Receive,
    ReceiveDocument,
)
from yidi.protocol.errors import ErrorCode, TransportError


class MqttEngine:
    """Not built yet."""

    def __init__(self, url: str, options: EngineOptions) -> None:
        self.url = url
        self.options = options

    async def prepare(self) -> None:
        """Nothing is to be made."""

    async def attach(
        self,
        address: str,
        receive: Receive,
        *,
        receive_document: ReceiveDocument | None = None,
        alarm: RaiseAlarm | None = None,
    ) -> Attachment:
        """Join under an address; see `Engine`."""
        raise TransportError(ErrorCode.E_ENGINE, got=self.url)

    async def close(self) -> None:
        """Close every attachment."""
