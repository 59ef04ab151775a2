"""What an engine is: it carries frames from one address to another, and promises little.

A host attaches each of its nodes under the node's address and gets an `Attachment`. `send` only
queues; what is bound for one destination in one turn of the event loop goes out as one publish.
Frames that arrive are handed to `receive` in lists, and once it returns they count as durable and
are acknowledged to the engine. **An engine may lose, repeat and reorder**; outbox, link and keys of
the nodes make it right. What it does promise: while healthy it keeps the order per sender and
recipient, and what was queued when the connection broke is sent once it is back.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from typing import Protocol
from urllib.parse import urlsplit

import msgspec

from yidi.protocol.errors import ErrorCode, TransportError
from yidi.protocol.instants import DAY, MILLISECOND, SECOND, Duration

ALARMS_MAX = 1_000
"""Alarms kept for people to read; the counters go on."""
SIZE_BUCKETS = (1, 2, 4, 8, 16, 32, 64)
"""Upper bounds, in frames, of the histogram of batch sizes."""

Receive = Callable[[list[bytes]], Awaitable[None]]
"""Takes frames of one attachment, in order; returns once they are durable.

It may raise YidiError or OSError to have them delivered again, a few times. One call at a time.
"""


class Document(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A message that is no frame: what somebody's own node is sent and answers (level 0)."""

    sender: str
    """Address; on what arrives, as the topic or subject says."""
    recipient: str
    partition: int = 0
    content: bytes
    content_type: str = "application/json"
    correlation: bytes = b""
    """MQTT 5 correlation data, NATS header Correlation-Data; comes back with the answer."""


class Alarm(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Something that a person should know; nothing was changed by it."""

    code: ErrorCode
    facts: str


ReceiveDocument = Callable[[Document], Awaitable[None]]
Admits = Callable[[str, bytes], bool]
"""Whether a frame may have come from the sender that topic or subject names; it never raises.

What may not is acknowledged and ignored; whoever says no counts it.
"""
RaiseAlarm = Callable[[Alarm], None]


class Counters(msgspec.Struct, kw_only=True):
    """What one attachment did so far; read it whenever you like."""

    batches_sent: int = 0
    """Publishes confirmed by the engine."""
    frames_sent: int = 0
    bytes_sent: int = 0
    batches_received: int = 0
    frames_received: int = 0
    bytes_received: int = 0
    documents_sent: int = 0
    documents_received: int = 0
    repeated: int = 0
    """Frames sent again since their publish was not confirmed; they may arrive twice."""
    dropped: int = 0
    """Frames that found the queue full; the sender's outbox still holds them."""
    connects: int = 0
    reconnects: int = 0
    refused: dict[str, int] = msgspec.field(default_factory=dict)
    """Arrivals that were ignored, and alarms, by error code."""
    sizes: list[int] = msgspec.field(default_factory=lambda: [0] * len(SIZE_BUCKETS))
    """Batches sent of up to SIZE_BUCKETS frames."""
    alarms: deque[Alarm] = msgspec.field(default_factory=lambda: deque(maxlen=ALARMS_MAX))

    def count_batch(self, frames: int, size: int) -> None:
        """Count one confirmed publish of `frames` frames and `size` bytes."""
        self.batches_sent += 1
        self.frames_sent += frames
        self.bytes_sent += size
        self.sizes[(frames - 1).bit_length()] += 1

    def refuse(self, code: ErrorCode) -> None:
        """Count what was ignored, or an alarm."""
        self.refused[code] = self.refused.get(code, 0) + 1


class EngineOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How to use an engine. The defaults are what the network runs with."""

    network: str = "yidi"
    """Name of the JetStream stream, and first part of client names; letters and digits."""
    fresh: bool = False
    """Throw away what the engine still holds for an address when it first attaches: for a network
    that begins with nothing, to which an earlier one's messages would be those of a stranger."""
    batch_frames_max: int = 64
    """Frames in one publish; 1 switches micro-batching off."""
    window: int = 16
    """Publishes that may be unconfirmed; more frames wait, and fill the next batches."""
    queue_bytes_max: int = 256 * 1024 * 1024
    """Bytes that may wait to be published; what comes on top is dropped and counted."""
    receive_max: int = 64
    """Messages that the engine may hand over before the first is durable."""
    deliveries_max: int = 5
    """Times that a frame is handed over before it becomes a dead letter."""
    confirm_within: Duration = Duration(5 * SECOND)
    redeliver_after: Duration = Duration(10 * SECOND)
    """JetStream only: after a crash, what was not acknowledged comes again so much later."""
    message_expiry: Duration = Duration(DAY)
    """The engine may drop a message that nobody fetched for so long; outboxes send it anew."""
    session_expiry: Duration = Duration(DAY)
    backoff_first: Duration = Duration(50 * MILLISECOND)
    backoff_max: Duration = Duration(5 * SECOND)
    keepalive: Duration = Duration(20 * SECOND)
    replicas: int = 1
    """JetStream only: how many servers hold each message."""
    credentials_file: str = ""
    """`user:password`, one line, owner-only. Else YIDI_ENGINE_USER and YIDI_ENGINE_PASSWORD."""
    ca_file: str = ""
    """PEM of the authority that signed the server's certificate; switches TLS on."""
    certificate_file: str = ""
    key_file: str = ""


class Attachment(Protocol):
    """One address on an engine."""

    address: str
    counters: Counters

    @property
    def connected(self) -> bool:
        """Whether what is sent now would leave now."""
        ...

    @property
    def pending(self) -> int:
        """Frames and documents queued or not yet confirmed."""
        ...

    def send(self, recipient: str, partition: int, frame: bytes) -> None:
        """Queue a frame; it leaves at the end of this turn of the event loop.

        A recipient written with its partition (`insured:340600/3`) needs no `partition`.

        Raises:
            LocalProtocolError: `E_TOPIC`, `E_FRAME_EMPTY`, `E_FRAME_TOO_LARGE`.
        """
        ...

    def post(self, document: Document) -> None:
        """Queue a document, which is published alone; raises as `send`."""
        ...

    async def ready(self) -> None:
        """Return when the first connection stands.

        Raises:
            TransportError: the attachment ended for good (E_SESSION_TAKEN, E_STREAM_CONFIG).
        """
        ...

    async def drain(self) -> None:
        """Return when all that was queued is confirmed by the engine; raises as `ready`."""
        ...

    async def ended(self) -> None:
        """Return when the attachment was closed; raises what ended it for good."""
        ...

    async def close(self, within: Duration = ...) -> None:
        """Drain for at most `within`, finish the delivery under way, disconnect.

        What arrived and was not handed over stays with the engine for the next attachment.
        """
        ...

    async def abort(self) -> None:
        """Disconnect at once, as a crash would: nothing drained, nothing acknowledged."""
        ...


class Engine(Protocol):
    """Something that carries frames."""

    url: str

    async def prepare(self) -> None:
        """Make what the network needs once, before its nodes attach (the JetStream stream).

        Raises:
            TransportError: `E_ENGINE`, `E_STREAM_CONFIG`.
        """
        ...

    async def attach(
        self,
        address: str,
        receive: Receive,
        *,
        receive_document: ReceiveDocument | None = None,
        alarm: RaiseAlarm | None = None,
        admits: Admits | None = None,
    ) -> Attachment:
        """Join under an address, and return at once: the connection is made behind it.

        An address without partition gets what is sent to any partition of it. Await
        `attachment.ready()` where the first connection must stand.

        Raises:
            LocalProtocolError: `E_TOPIC`.
            TransportError: `E_ENGINE`: credentials or certificates cannot be used.
        """
        ...

    async def close(self) -> None:
        """Close every attachment."""
        ...


def engine_from_url(url: str, options: EngineOptions | None = None) -> Engine:
    """The engine of `embedded`, `mqtt://host:port` or `nats://host:port[,host:port…]`.

    Raises:
        TransportError: `E_ENGINE` for another form, for credentials in the URL (they belong into a
            file or the environment), and where the engine's client is not installed.
    """
    options = options or EngineOptions()
    scheme = url.partition(":")[0]
    if scheme not in ("embedded", "mqtt", "mqtts", "nats", "tls"):
        raise TransportError(
            ErrorCode.E_ENGINE, want="embedded, mqtt://host:port or nats://host:port", got=url
        )
    if scheme != "embedded" and "@" in urlsplit(url).netloc:
        raise TransportError(ErrorCode.E_ENGINE, want="credentials in a file or the environment")
    # Each client is imported only where its URL is used: nobody else pays for it.
    try:
        if scheme == "embedded":
            from yidi.broker.engines.embedded import EmbeddedEngine  # noqa: PLC0415

            return EmbeddedEngine(options)
        if scheme.startswith("mqtt"):
            from yidi.broker.engines.mqtt import MqttEngine  # noqa: PLC0415

            return MqttEngine(url, options)
        from yidi.broker.engines.nats import NatsEngine  # noqa: PLC0415
    except ImportError as error:
        raise TransportError(
            ErrorCode.E_ENGINE, want="pip install 'yidi[cluster]'", got=str(error)
        ) from error
    return NatsEngine(url, options)
