"""The engine over NATS JetStream, with nats-py, from one server to a replicated cluster.

One stream per network keeps what was not acknowledged: a work queue that refuses when it is full
rather than dropping what is old, with one durable consumer per attachment. A batch is published
without waiting for the one before, and is confirmed by the stream's PubAck, which proves nothing
to the nodes. Deduplication by `Nats-Msg-Id` is not used: it would drop another body under the same
id. What arrives is acknowledged once the receiver has it.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
from collections.abc import Awaitable, Callable
from functools import partial

import nats.errors
from nats.aio.client import Client as NatsClient
from nats.aio.msg import Msg

from yidi.broker.engines.base import (
    Admits,
    Attachment,
    Document,
    EngineOptions,
    RaiseAlarm,
    Receive,
    ReceiveDocument,
)
from yidi.broker.engines.batching import Batch, encode_batch
from yidi.broker.engines.credentials import load_credentials, load_tls
from yidi.broker.engines.inbox import Callbacks, Message
from yidi.broker.engines.jetstream import (
    CORRELATION_HEADER,
    OS_CRASH_UNSAFE,
    TYPE_HEADER,
    JetStream,
    Publisher,
    Puller,
    durability,
)
from yidi.broker.engines.pump import PumpedAttachment
from yidi.broker.engines.sessions import Session
from yidi.broker.engines.topics import (
    client_name,
    parse_topic,
    prepare_name,
    topic,
    topic_filter,
)
from yidi.protocol.errors import (
    ConnectionLost,
    ErrorCode,
    RemoteProtocolError,
    TransportError,
)
from yidi.protocol.instants import SECOND, Duration

CONNECT_WITHIN_S = 2
PREPARE_WITHIN_S = 10
WATCH_PAUSE_S = 0.05
WATCH_EVERY_S = 1.0
"""How often held messages are claimed anew and a silent server is asked again."""


class NatsEngine:
    """Servers at `nats://host:port[,host:port…]`, or `tls://`."""

    def __init__(self, url: str, options: EngineOptions) -> None:
        self.url = url
        self.options = options
        self.servers = _servers(url)
        self._attachments: list[NatsAttachment] = []

    async def prepare(self) -> None:
        """Make the network's stream, or check the one that is there; see `Engine`.

        A cluster takes seconds to choose its first leader; until then it is asked again.
        """
        pause = self.options.backoff_first / SECOND
        ends = asyncio.get_running_loop().time() + PREPARE_WITHIN_S
        for server in itertools.cycle(self.servers):
            try:
                await self._prepare_at(server)
            except ConnectionLost as error:
                if asyncio.get_running_loop().time() > ends:
                    raise TransportError(ErrorCode.E_ENGINE, at=server, got=error.got) from error
            else:
                return
            await asyncio.sleep(pause)

    async def _prepare_at(self, server: str) -> None:
        client = await connect(server, prepare_name(self.options.network), self.options)
        try:
            await JetStream(client, self.options).make_stream()
        except (nats.errors.Error, TimeoutError, OSError) as exc:
            raise ConnectionLost(at=server, got=str(exc) or type(exc).__name__) from exc
        finally:
            await client.close()

    async def attach(
        self,
        address: str,
        receive: Receive,
        *,
        receive_document: ReceiveDocument | None = None,
        alarm: RaiseAlarm | None = None,
        admits: Admits | None = None,
    ) -> Attachment:
        """Join under an address; see `Engine`."""
        callbacks = Callbacks(
            receive=receive, receive_document=receive_document, alarm=alarm, admits=admits
        )
        attachment = NatsAttachment(address, callbacks, self)
        self._attachments.append(attachment)
        attachment.start()
        return attachment

    async def close(self) -> None:
        """Close every attachment."""
        await asyncio.gather(*(attachment.close() for attachment in self._attachments))
        self._attachments.clear()


class NatsAttachment(PumpedAttachment):
    """One address on a stream."""

    def __init__(self, address: str, callbacks: Callbacks, engine: NatsEngine) -> None:
        super().__init__(address, callbacks, engine.options)
        self.name = client_name(engine.options.network, address)
        self.durability = ""
        """What a confirmed message survives, as far as the server's version tells."""
        self._engine = engine
        self._session = Session(self.name)
        self._publisher: Publisher | None = None
        self._lost = asyncio.Event()
        self._server = 0
        self._unacknowledged: dict[str, Msg] = {}

    def start(self) -> None:
        """Begin to connect."""
        self._start()

    # ------------------------------------------------------------------ connection

    async def _run(self) -> None:
        pause = self.options.backoff_first
        while not self._is_leaving:
            connects = self.counters.connects
            try:
                await self._hold_connection()
            except ConnectionLost as error:
                self._note_loss(error, is_first=self.counters.connects > connects)
            finally:
                self._publisher = None
                self._unacknowledged.clear()
                self._set_disconnected()
            if self.counters.connects > connects:
                pause = self.options.backoff_first
            self._server = (self._server + 1) % len(self._engine.servers)
            await asyncio.sleep(pause / SECOND)
            pause = Duration(min(2 * pause, self.options.backoff_max))

    async def _hold_connection(self) -> None:
        """Connect, bind the consumer, and keep watch until the connection breaks."""
        self._lost.clear()
        server = self._engine.servers[self._server]
        client = await connect(
            server, self.name, self.options, on_closed=self._on_closed, on_error=self._on_error
        )
        try:
            stream = JetStream(client, self.options)
            await self._check_stream(stream)
            await stream.make_consumer(self.name, topic_filter(self.address, "."))
            publisher = Publisher(client, self.options)
            await publisher.start()
            puller = Puller(stream, self.name, self._on_message)
            await puller.start()
            await stream.watch_dead_letters(self.name, self._on_dead_letter)
            await self._claim_session(client)
            version = client.connected_server_version
            self._state_durability(f"{version.major}.{version.minor}")
            self._publisher = publisher
            self._set_connected()
            await self._keep_watch(stream, puller)
        except (nats.errors.Error, TimeoutError, OSError) as exc:
            raise ConnectionLost(at=server, got=str(exc) or type(exc).__name__) from exc
        finally:
            await client.close()

    async def _check_stream(self, stream: JetStream) -> None:
        """A node starts on a stream as it must be only; lost later, it is made anew."""
        if self.counters.connects == 0:
            await stream.check_stream()
            if self.options.fresh:
                await stream.forget(topic_filter(self.address, "."))
        elif await stream.make_stream():
            self._raise_alarm(ErrorCode.E_STREAM_CONFIG, "the stream was lost and made anew")

    def _state_durability(self, version: str) -> None:
        """Say what the server's version allows; what a crash may take away is an alarm, once."""
        self.durability = durability(version)
        if self.durability == OS_CRASH_UNSAFE and self.counters.connects == 0:
            facts = f"{OS_CRASH_UNSAFE}: server {version} does not know sync_interval"
            self._raise_alarm(ErrorCode.E_STREAM_CONFIG, facts)

    async def _keep_watch(self, stream: JetStream, puller: Puller) -> None:
        while not self._lost.is_set():
            if puller.is_unserved:
                await self._mend_consumer(stream)
                puller.is_unserved = False
            await puller.ask_again_if_silent()
            for message in list(self._unacknowledged.values()):
                await message.in_progress()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(puller.woken_or(self._lost), WATCH_EVERY_S)
                # A server without a leader refuses at once: not to be asked without a pause.
                await asyncio.sleep(WATCH_PAUSE_S)
        raise ConnectionLost(at=self.address, got="closed by the server")

    async def _mend_consumer(self, stream: JetStream) -> None:
        """Nobody serves our requests: there is no leader now, or the consumer was deleted."""
        if not await stream.has_consumer(self.name):
            self._raise_alarm(ErrorCode.E_STREAM_CONFIG, f"consumer {self.name} was deleted")
            await stream.make_consumer(self.name, topic_filter(self.address, "."))

    async def _on_closed(self) -> None:
        self._lost.set()

    async def _on_error(self, error: Exception) -> None:
        """What matters comes back from the call that it concerns; but for what is not allowed."""
        if "permissions violation" in str(error).lower():
            self._raise_alarm(ErrorCode.E_DENIED, str(error))

    async def _claim_session(self, client: NatsClient) -> None:
        """Tell another process with our name that it is no longer the one."""
        subject = f"yidi.session.{self.name}"

        async def on_claim(message: Msg) -> None:
            if message.data == self._session.encoded:
                return
            if self._session.is_taken_by(message.data):
                self._lose_session()
            else:
                await client.publish(subject, self._session.encoded)

        await client.subscribe(subject, cb=on_claim)
        await client.publish(subject, self._session.encoded)

    # ------------------------------------------------------------------ the way out

    async def _publish(self, batch: Batch) -> None:
        publisher = self._publisher
        if publisher is None:
            raise ConnectionLost(at=self.address)
        subject = topic(self.base, batch.recipient, batch.partition, ".")
        first = batch.items[0]
        if isinstance(first, Document):
            headers = {
                TYPE_HEADER: first.content_type,
                CORRELATION_HEADER: first.correlation.hex(),
            }
            await publisher.publish(subject, first.content, headers)
        else:
            frames = [item for item in batch.items if isinstance(item, bytes)]
            await publisher.publish(subject, encode_batch(frames))

    # ------------------------------------------------------------------ the way in

    def _on_message(self, message: Msg) -> None:
        acknowledge = partial(self._acknowledge, message)
        self._unacknowledged[message.reply] = message
        try:
            sender, recipient, partition = parse_topic(message.subject, ".")
            headers = message.headers or {}
            arrived = Message(
                sender=sender,
                recipient=recipient,
                partition=partition,
                payload=message.data,
                content_type=headers.get(TYPE_HEADER, ""),
                correlation=_correlation(headers.get(CORRELATION_HEADER, "")),
            )
        except RemoteProtocolError as error:
            self._ignore(error, acknowledge)
        else:
            self._arrive(arrived, acknowledge)

    async def _acknowledge(self, message: Msg) -> None:
        """Tell the stream; after a lost connection it does nothing, and the message comes again."""
        if self._unacknowledged.pop(message.reply, None) is not None:
            try:
                await message.ack()
            except nats.errors.Error as exc:
                self._note_loss(ConnectionLost(at=self.address, got=str(exc)), is_first=False)

    def _on_dead_letter(self, deliveries: int) -> None:
        """The stream gave up on a message that no process of ours survived."""
        facts = f"{deliveries} deliveries to {self.address} without an acknowledgement"
        self._raise_alarm(ErrorCode.E_DEAD_LETTER, facts)


async def connect(
    server: str,
    name: str,
    options: EngineOptions,
    on_closed: Callable[[], Awaitable[None]] | None = None,
    on_error: Callable[[Exception], Awaitable[None]] | None = None,
) -> NatsClient:
    """One connection to one server, which is not mended when it breaks.

    Raises:
        ConnectionLost: nobody answers, or we are refused.
        TransportError: `E_ENGINE`: credentials or certificates cannot be used.
    """
    user, password = load_credentials(options) or (None, None)
    client = NatsClient()
    try:
        async with asyncio.timeout(CONNECT_WITHIN_S):
            await client.connect(
                [server],
                name=name,
                allow_reconnect=False,
                max_reconnect_attempts=1,  # else it goes on for two minutes before it gives up
                reconnect_time_wait=0,
                ping_interval=max(1, options.keepalive // SECOND),
                user=user,
                password=password,
                tls=load_tls(options, required=server.startswith("tls:")),
                inbox_prefix=f"_INBOX.{name}",
                error_cb=on_error or _ignore_error,
                closed_cb=on_closed,
            )
    except (nats.errors.Error, OSError, TimeoutError) as exc:
        cause = client.last_error or exc
        await client.close()
        raise ConnectionLost(at=server, got=str(cause) or type(cause).__name__) from exc
    return client


def _is_worth_telling(record: logging.LogRecord) -> bool:
    """All but what asyncio says of every TLS line that nats-py ends, which means nothing."""
    return "eof_received() has no effect when using ssl" not in record.getMessage()


logging.getLogger("asyncio").addFilter(_is_worth_telling)


async def _ignore_error(_error: Exception) -> None:
    """What matters comes back from the call that it concerns, or as a closed connection."""


def _correlation(text: str) -> bytes:
    """Correlation data travels in hexadecimal; what a foreign node wrote itself stays text."""
    try:
        return bytes.fromhex(text)
    except ValueError:
        return text.encode("utf-8", "surrogateescape")


def _servers(url: str) -> list[str]:
    scheme, _, rest = url.partition("://")
    hosts = rest.strip("/").split(",")
    for host in hosts:
        name, _, port = host.rpartition(":")
        if not name or not port.isdecimal() or not 0 < int(port) < 65_536:
            raise TransportError(ErrorCode.E_ENGINE, want="nats://host:port[,host:port]", got=url)
    return [f"{scheme}://{host}" for host in hosts]
