"""JetStream as the NATS engine uses it: the stream and its consumers, publishing, pulling.

nats-py's own pull waits for a whole batch or a time-out; here requests for messages are kept
standing, so that a lone message comes at once and a flood is never waited for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec
import nats.errors
import nats.js.errors
from nats.aio.client import Client as NatsClient
from nats.aio.msg import Msg
from nats.js.api import (
    AckPolicy,
    ConsumerConfig,
    DiscardPolicy,
    RetentionPolicy,
    StorageType,
    StreamConfig,
)

from yidi.broker.engines.base import EngineOptions
from yidi.broker.engines.batching import MESSAGE_BYTES_MAX
from yidi.protocol.errors import (
    ConnectionLost,
    DeliveryTimeout,
    ErrorCode,
    LocalProtocolError,
    TransportError,
)
from yidi.protocol.instants import SECOND

TYPE_HEADER = "Content-Type"
CORRELATION_HEADER = "Correlation-Data"
SUBJECTS = "yidi.v1.>"
PER_SUBJECT_MAX = 100_000
"""Messages that may wait from one sender to one recipient; a silent node fills only its own."""
DUPLICATE_WINDOW_S = 0.1
"""The shortest that servers take: a foreign Nats-Msg-Id must not swallow another body."""
OS_CRASH_UNSAFE = "os-crash unsafe"
SYNC_ALWAYS_SINCE = (2, 10)
"""Servers before it do not know `sync_interval: always` (bad-input N03)."""
HEARTBEAT_S = 1.0
EXPIRES_S = 30.0
SILENCE_MAX_S = 3 * HEARTBEAT_S
API_WITHIN_S = 1.5
_NS = 1_000_000_000
_STREAM_FULL = frozenset({10077, 10047, 10054})
"""A limit of the stream, its resources, or the size. Source: nats-server, server/errors.json."""


def durability(version: str) -> str:
    """What a message that the server confirmed survives, by the server's version.

    A server from 2.10 on syncs before it confirms where its `sync_interval` is `always`, which
    clients cannot see; an older one cannot.
    """
    numbers = version.lstrip("v").split(".")
    parts = tuple(int(part) for part in numbers[:2] if part.isdecimal())
    if len(parts) == 2 and parts >= SYNC_ALWAYS_SINCE:
        return "os-crash safe with sync_interval: always"
    return OS_CRASH_UNSAFE


def stream_config(options: EngineOptions) -> StreamConfig:
    """The network's stream as it must be."""
    return StreamConfig(
        name=options.network,
        subjects=[SUBJECTS],
        retention=RetentionPolicy.WORK_QUEUE,
        storage=StorageType.FILE,
        discard=DiscardPolicy.NEW,
        discard_new_per_subject=True,
        max_msgs_per_subject=PER_SUBJECT_MAX,
        max_msg_size=MESSAGE_BYTES_MAX,
        max_age=options.message_expiry / SECOND,
        duplicate_window=DUPLICATE_WINDOW_S,
        num_replicas=options.replicas,
    )


def describe(config: StreamConfig) -> str:
    """What of a stream's configuration the network relies on, in one line."""
    facts = {
        "retention": _text(config.retention),
        "discard": _text(config.discard),
        "replicas": config.num_replicas,
        "storage": _text(config.storage),
        "subjects": ",".join(config.subjects or []),
    }
    return " ".join(f"{name}={value}" for name, value in facts.items())


def check_stream(config: StreamConfig, options: EngineOptions) -> None:
    """Refuse a stream that could drop, double or lose what we rely on.

    Raises:
        TransportError: `E_STREAM_CONFIG` with what is wanted and what there is.
    """
    want, got = describe(stream_config(options)), describe(config)
    if want != got:
        differing = [(w, g) for w, g in zip(want.split(), got.split(" "), strict=False) if w != g]
        raise TransportError(
            ErrorCode.E_STREAM_CONFIG,
            at=options.network,
            want=" ".join(pair[0] for pair in differing),
            got=" ".join(pair[1] for pair in differing),
        )


def _text(value: object) -> str:
    return str(getattr(value, "value", value))


class JetStream:
    """The stream and its consumers over one connection."""

    def __init__(self, client: NatsClient, options: EngineOptions) -> None:
        self.client = client
        self.options = options
        self._api = client.jsm(timeout=API_WITHIN_S)

    async def check_stream(self) -> None:
        """Check the stream that is there.

        Raises:
            TransportError: `E_STREAM_CONFIG`: it is missing or not as it must be.
        """
        try:
            info = await self._api.stream_info(self.options.network)
        except nats.js.errors.NotFoundError as exc:
            want = describe(stream_config(self.options))
            raise TransportError(
                ErrorCode.E_STREAM_CONFIG, at=self.options.network, want=want, got="no stream"
            ) from exc
        check_stream(info.config, self.options)

    async def make_stream(self) -> bool:
        """Make the stream where there is none, else check it; whether it was made.

        Raises:
            TransportError: `E_STREAM_CONFIG`.
        """
        try:
            info = await self._api.stream_info(self.options.network)
        except nats.js.errors.NotFoundError:
            await self._add_stream()
            return True
        check_stream(info.config, self.options)
        return False

    async def _add_stream(self) -> None:
        """Make it; a cluster that has no leader yet, or too few servers, may be asked again."""
        try:
            await self._api.add_stream(stream_config(self.options))
        except nats.js.errors.APIError as exc:
            raise ConnectionLost(at=self.options.network, got=str(exc.description)) from exc

    async def make_consumer(self, name: str, subjects: str) -> None:
        """Make the durable consumer of an attachment; the same again changes nothing."""
        options = self.options
        await self._api.add_consumer(
            options.network,
            ConsumerConfig(
                name=name,
                durable_name=name,
                filter_subject=subjects,
                ack_policy=AckPolicy.EXPLICIT,
                ack_wait=options.redeliver_after / SECOND,
                max_deliver=options.deliveries_max,
                max_ack_pending=options.receive_max,
            ),
        )

    async def forget(self, subjects: str) -> None:
        """Throw away what waits under these subjects."""
        await self._api.purge_stream(self.options.network, subject=subjects)

    async def has_consumer(self, name: str) -> bool:
        """Whether the durable consumer of an attachment is there."""
        try:
            await self._api.consumer_info(self.options.network, name)
        except nats.js.errors.NotFoundError:
            return False
        return True

    async def watch_dead_letters(self, name: str, tell: Callable[[int], None]) -> None:
        """Take what was delivered too often out of the stream, and tell how often it was."""
        network = self.options.network
        subject = f"$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.{network}.{name}"

        async def on_advisory(message: Msg) -> None:
            advisory = _advisories.decode(message.data)
            try:
                await self._api.delete_msg(network, advisory.stream_seq)
            finally:
                tell(advisory.deliveries)

        await self.client.subscribe(subject, cb=on_advisory)


class _Advisory(msgspec.Struct, frozen=True, gc=False):
    stream_seq: int
    deliveries: int


class _Refusal(msgspec.Struct, frozen=True, gc=False):
    description: str = ""
    err_code: int = 0


class _PubAck(msgspec.Struct, frozen=True, gc=False):
    error: _Refusal | None = None


_advisories = msgspec.json.Decoder(_Advisory)
_pub_acks = msgspec.json.Decoder(_PubAck)


class Publisher:
    """Publishes without waiting for the one before; each waits for its own PubAck."""

    def __init__(self, client: NatsClient, options: EngineOptions) -> None:
        self._client = client
        self._within = options.confirm_within / SECOND
        self._inbox = client.new_inbox()
        self._waiting: dict[str, asyncio.Future[Msg]] = {}
        self._count = 0

    async def start(self) -> None:
        """Subscribe to the confirmations."""
        await self._client.subscribe(f"{self._inbox}.*", cb=self._on_reply)

    async def publish(
        self, subject: str, payload: bytes, headers: dict[str, str] | None = None
    ) -> None:
        """Publish and wait until the stream has it.

        Raises:
            ConnectionLost: nobody serves the stream now.
            DeliveryTimeout: no answer in time.
            LocalProtocolError: `E_BUSY`: the stream is full and refuses what is new.
        """
        self._count += 1
        reply = f"{self._inbox}.{self._count}"
        answer = self._waiting[reply] = asyncio.get_running_loop().create_future()
        try:
            await self._client.publish(subject, payload, reply=reply, headers=headers)
            message = await asyncio.wait_for(answer, self._within)
        except TimeoutError as exc:
            raise DeliveryTimeout(at=subject) from exc
        except nats.errors.Error as exc:
            raise ConnectionLost(at=subject, got=str(exc)) from exc
        finally:
            del self._waiting[reply]
        _check_pub_ack(message, subject)

    async def _on_reply(self, message: Msg) -> None:
        answer = self._waiting.get(message.subject)
        if answer is not None and not answer.done():
            answer.set_result(message)


def _check_pub_ack(message: Msg, subject: str) -> None:
    if message.headers and not message.data:
        raise ConnectionLost(at=subject, got=f"status {message.headers.get('Status', '')}")
    try:
        error = _pub_acks.decode(message.data).error
    except msgspec.MsgspecError as exc:
        raise DeliveryTimeout(at=subject, got="an answer that is no PubAck") from exc
    if error is None:
        return
    if error.err_code in _STREAM_FULL:
        raise LocalProtocolError(ErrorCode.E_BUSY, at=subject, got=error.description)
    raise ConnectionLost(at=subject, got=error.description)


class Puller:
    """Keeps requests for messages standing, so that as many as allowed are under way."""

    def __init__(self, stream: JetStream, consumer: str, on_message: Callable[[Msg], None]) -> None:
        self.is_unserved = False
        """Our requests find nobody; look whether the consumer is still there."""
        self._client = stream.client
        self._most = stream.options.receive_max
        self._subject = f"$JS.API.CONSUMER.MSG.NEXT.{stream.options.network}.{consumer}"
        self._inbox = stream.client.new_inbox()
        self._on_message = on_message
        self._asked = 0
        """Messages asked for and not come."""
        self._heard_at = 0.0
        self._woken = asyncio.Event()

    async def start(self) -> None:
        """Subscribe to the answers and ask for the first messages."""
        await self._client.subscribe(self._inbox, cb=self._on_answer)
        await self._ask()

    async def ask_again_if_silent(self) -> None:
        """A request whose server died is never answered, nor are its heartbeats."""
        if asyncio.get_running_loop().time() - self._heard_at > SILENCE_MAX_S:
            self._asked = 0
        await self._ask()

    async def woken_or(self, other: asyncio.Event) -> None:
        """Return when the consumer needs looking after, or on the other event."""
        waits = [asyncio.ensure_future(event.wait()) for event in (self._woken, other)]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        self._woken.clear()

    async def _ask(self) -> None:
        if self.is_unserved or self._asked > self._most // 2:
            return
        wanted = self._most - self._asked
        if self._asked == 0:
            self._heard_at = asyncio.get_running_loop().time()
        self._asked = self._most
        request = {
            "batch": wanted,
            "expires": int(EXPIRES_S * _NS),
            "idle_heartbeat": int(HEARTBEAT_S * _NS),
        }
        await self._client.publish(self._subject, msgspec.json.encode(request), reply=self._inbox)

    async def _on_answer(self, message: Msg) -> None:
        self._heard_at = asyncio.get_running_loop().time()
        headers = message.headers or {}
        status = headers.get("Status")
        if status is None:
            self._asked = max(0, self._asked - 1)
            self._on_message(message)
            await self._ask()
        elif status != "100":  # anything but a heartbeat ends a request
            await self._on_end(status, headers)

    async def _on_end(self, status: str, headers: dict[str, str]) -> None:
        """A request expired (408), or was ended by the server (409, 404, 503)."""
        left = headers.get("Nats-Pending-Messages", "")
        self._asked = max(0, self._asked - int(left)) if left.isdecimal() else 0
        if status == "408":
            await self._ask()
            return
        description = headers.get("Description", "")
        self.is_unserved |= status == "503" or description == "Consumer Deleted"
        self._woken.set()  # the watch asks again, a little later
