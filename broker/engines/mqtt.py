"""The engine over MQTT 5, with aiomqtt (asyncio-mqtt under its present name).

The only module that imports aiomqtt: its next major version changes its interface. One client per
attachment, named after the address, with a session that outlives the connection. A publish is QoS
1 and carries response topic, correlation data, expiry, content type and user properties. What
arrives is acknowledged by hand once the receiver has it, which aiomqtt 2 does not offer: this
module reaches for the paho client behind it, at the end of this module and nowhere else.
"""

from __future__ import annotations

import asyncio
import copy
import logging
import socket
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import aiomqtt
from paho.mqtt.client import Client as PahoClient
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from yidi.broker.engines.base import (
    Admits,
    Attachment,
    Document,
    EngineOptions,
    RaiseAlarm,
    Receive,
    ReceiveDocument,
)
from yidi.broker.engines.batching import (
    CONTENT_TYPE,
    MESSAGE_BYTES_MAX,
    Batch,
    encode_batch,
)
from yidi.broker.engines.credentials import load_credentials, load_tls
from yidi.broker.engines.inbox import Acknowledge, Callbacks, Message
from yidi.broker.engines.pump import PLACES_MAX, PumpedAttachment
from yidi.broker.engines.sessions import SESSION_TYPE, Session
from yidi.broker.engines.topics import client_name, parse_topic, topic, topic_filter
from yidi.protocol.errors import (
    ConnectionLost,
    DeliveryTimeout,
    ErrorCode,
    RemoteProtocolError,
    TransportError,
)
from yidi.protocol.instants import SECOND, Duration

SESSION_TAKEN_OVER = 0x8E
"""Source: MQTT 5.0, 3.14.2.1."""
REFUSED_FROM = 0x80
"""Reason codes from here on say that something failed. Source: MQTT 5.0, 2.4."""
PACKET_BYTES_MAX = 1 << 20
"""More than we take, so that what is a little too large is counted; the rest stays away."""
NO_DELAY = (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
"""Without it one QoS 1 exchange stalls for 88 ms."""
_silent = logging.getLogger(__name__)
_silent.addHandler(logging.NullHandler())
_silent.propagate = False  # what matters becomes an error or an alarm


class MqttEngine:
    """A broker at `mqtt://host:port`, or `mqtts://` with TLS."""

    def __init__(self, url: str, options: EngineOptions) -> None:
        self.url = url
        self.options = options
        self.host, self.port = _host_and_port(url)
        self._attachments: list[MqttAttachment] = []

    async def prepare(self) -> None:
        """Nothing is to be made: topics exist as they are used."""

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
        attachment = MqttAttachment(address, callbacks, self)
        self._attachments.append(attachment)
        attachment.start()
        return attachment

    async def close(self) -> None:
        """Close every attachment."""
        await asyncio.gather(*(attachment.close() for attachment in self._attachments))
        self._attachments.clear()


class MqttAttachment(PumpedAttachment):
    """One address on an MQTT broker."""

    def __init__(self, address: str, callbacks: Callbacks, engine: MqttEngine) -> None:
        super().__init__(address, callbacks, engine.options)
        self.name = client_name(engine.options.network, address)
        self._engine = engine
        self._client: aiomqtt.Client | None = None
        self._session = Session(self.name)
        self._held: Acknowledge | None = None
        self._credentials = load_credentials(engine.options)
        self._tls = load_tls(engine.options, required=engine.url.startswith("mqtts:"))
        self._connect_properties = _connect_properties(engine.options)
        self._templates: dict[tuple[str, int], tuple[str, Properties]] = {}

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
            except aiomqtt.MqttError as exc:
                if _is_takeover(exc):
                    raise self._lose_session() from exc
                error = ConnectionLost(at=self.address, got=str(exc.__cause__ or exc))
                self._note_loss(error, is_first=self.counters.connects > connects)
            finally:
                self._client = self._held = None
                self._set_disconnected()
            if self.counters.connects > connects:
                pause = self.options.backoff_first
            await asyncio.sleep(pause / SECOND)
            pause = Duration(min(2 * pause, self.options.backoff_max))

    async def _hold_connection(self) -> None:
        """Connect, subscribe, and take in messages until the connection breaks."""
        client = self._make_client()
        try:
            await self._serve(client)
        finally:
            _forget_end(client)

    async def _serve(self, client: aiomqtt.Client) -> None:
        async with client:
            granted = await client.subscribe(
                topic_filter(self.address),
                options=SubscribeOptions(qos=1, retainAsPublished=True),
            )
            code = granted[0]
            if isinstance(code, ReasonCode) and code.value >= REFUSED_FROM:
                raise aiomqtt.MqttCodeError(code, "subscription refused")
            await self._announce(client)
            self._client = client
            self._set_connected()
            async for message in client.messages:
                await self._on_message(client, message)

    def _make_client(self) -> aiomqtt.Client:
        options = self.options
        user, password = self._credentials or (None, None)
        client = aiomqtt.Client(
            self._engine.host,
            self._engine.port,
            protocol=aiomqtt.ProtocolVersion.V5,
            identifier=self.name,
            clean_start=options.fresh and not self.counters.connects,
            properties=self._connect_properties,
            username=user,
            password=password,
            tls_context=self._tls,
            keepalive=max(1, options.keepalive // SECOND),
            timeout=options.confirm_within / SECOND,
            max_inflight_messages=options.window,
            socket_options=[NO_DELAY],
            logger=_silent,
        )
        client.pending_calls_threshold = options.window
        raw = _raw(client)
        raw.manual_ack_set(on=True)
        raw.on_publish = self._noticing_refusals(raw.on_publish)
        return client

    def _noticing_refusals(self, confirmed: Any) -> Any:
        """What aiomqtt does not look at: a broker confirms what it did not take, with a reason."""

        def on_publish(client: Any, userdata: Any, mid: int, code: ReasonCode, more: Any) -> None:
            if code.value >= REFUSED_FROM:
                self._raise_alarm(ErrorCode.E_DENIED, f"publish from {self.address}: {code}")
            confirmed(client, userdata, mid, code, more)

        return on_publish

    async def _announce(self, client: aiomqtt.Client) -> None:
        """Tell another process with our name that it has lost the session to us.

        We are sent this ourselves and leave it unacknowledged, so that the broker hands it to
        whoever takes the session over next.
        """
        properties = _properties(PacketTypes.PUBLISH)
        properties.ContentType = SESSION_TYPE
        properties.MessageExpiryInterval = self.options.session_expiry // SECOND
        name = topic(self.base, self.base, self.partition or 0)
        await client.publish(name, self._session.encoded, qos=1, properties=properties)

    async def _on_announcement(self, payload: bytes, acknowledge: Acknowledge) -> None:
        if self._session.is_taken_by(payload):
            raise self._lose_session()
        if payload != self._session.encoded:
            await acknowledge()
            return
        # One is kept back; what is kept already came with an earlier connection.
        earlier, self._held = self._held, acknowledge
        if earlier is not None:
            await earlier()

    # ------------------------------------------------------------------ the way out

    async def _publish(self, batch: Batch) -> None:
        client = self._client
        if client is None:
            raise ConnectionLost(at=self.address)
        name, template = self._template(batch)
        properties = copy.copy(template)
        first = batch.items[0]
        if isinstance(first, Document):
            payload = first.content
            properties.ContentType = first.content_type
            properties.CorrelationData = first.correlation
        else:
            payload = encode_batch([item for item in batch.items if isinstance(item, bytes)])
            properties.CorrelationData = b"%d" % self._published
        try:
            await client.publish(name, payload, qos=1, properties=properties)
        except aiomqtt.MqttCodeError as exc:
            raise ConnectionLost(at=self.address, got=str(exc)) from exc
        except aiomqtt.MqttError as exc:
            raise DeliveryTimeout(at=self.address, got=str(exc)) from exc

    def _template(self, batch: Batch) -> tuple[str, Properties]:
        """Topic and properties of a destination; built once, copied for each publish."""
        to = (batch.recipient, batch.partition)
        found = self._templates.get(to)
        if found is None:
            properties = _properties(PacketTypes.PUBLISH)
            properties.ContentType = CONTENT_TYPE
            properties.MessageExpiryInterval = self.options.message_expiry // SECOND
            properties.ResponseTopic = topic(batch.recipient, self.base, self.partition or 0)
            properties.UserProperty = [("yidi", "1")]
            if len(self._templates) >= PLACES_MAX:
                self._templates.clear()
            found = self._templates[to] = (topic(self.base, *to), properties)
        return found

    # ------------------------------------------------------------------ the way in

    async def _on_message(self, client: aiomqtt.Client, message: aiomqtt.Message) -> None:
        acknowledge = partial(_acknowledge, client, message)
        try:
            arrived = self._check(message)
        except RemoteProtocolError as error:
            self._ignore(error, acknowledge)
            return
        if arrived.content_type == SESSION_TYPE and arrived.sender == self.base:
            await self._on_announcement(arrived.payload, acknowledge)
        else:
            self._arrive(arrived, acknowledge)

    def _check(self, message: aiomqtt.Message) -> Message:
        """Refuse what no node of ours publishes: retained, QoS 0, a topic that is none."""
        if message.retain:
            raise RemoteProtocolError(ErrorCode.E_RETAINED, got=str(message.topic))
        if message.qos == 0:
            raise RemoteProtocolError(ErrorCode.E_QOS, want=">=1", got="0")
        sender, recipient, partition = parse_topic(str(message.topic))
        properties = message.properties
        assert properties is not None  # we speak MQTT 5
        return Message(
            sender=sender,
            recipient=recipient,
            partition=partition,
            payload=bytes(message.payload),
            content_type=getattr(properties, "ContentType", ""),
            correlation=getattr(properties, "CorrelationData", b""),
        )


async def _acknowledge(client: aiomqtt.Client, message: aiomqtt.Message) -> None:
    """Tell the broker; on another connection than the message's own it does nothing."""
    _raw(client).ack(message.mid, message.qos)


def _forget_end(client: aiomqtt.Client) -> None:
    """Look at how a connection ended, which aiomqtt does only where it iterates messages.

    Else asyncio complains of an exception that nobody retrieved.
    """
    end = client._disconnected  # noqa: SLF001
    if end.done() and not end.cancelled():
        end.exception()


def _raw(client: aiomqtt.Client) -> PahoClient:
    """The paho client, for acknowledgement by hand; aiomqtt 2 has no other way to it."""
    return client._client  # noqa: SLF001


def _host_and_port(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        port = 0
    if not parts.hostname or port == 0 or parts.path.strip("/"):
        raise TransportError(ErrorCode.E_ENGINE, want="mqtt://host:port", got=url)
    return parts.hostname, port or (8883 if parts.scheme == "mqtts" else 1883)


def _properties(packet: int) -> Properties:
    return Properties(packet)  # type: ignore[no-untyped-call]  # paho types this one not


def _connect_properties(options: EngineOptions) -> Properties:
    properties = _properties(PacketTypes.CONNECT)
    properties.SessionExpiryInterval = options.session_expiry // SECOND
    properties.ReceiveMaximum = options.receive_max
    properties.MaximumPacketSize = max(PACKET_BYTES_MAX, 2 * MESSAGE_BYTES_MAX)
    return properties


def _is_takeover(exc: aiomqtt.MqttError) -> bool:
    """Whether the broker told us that another client has our name; mosquitto does not."""
    codes = [getattr(cause, "rc", None) for cause in (exc, exc.__cause__)]
    return any(isinstance(code, ReasonCode) and code.value == SESSION_TAKEN_OVER for code in codes)
