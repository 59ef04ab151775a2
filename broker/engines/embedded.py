"""The engine inside the process: mailboxes and queues, nothing to install.

A mailbox per address, or per partition where a node attached to one. It holds a batch until the
receiver has it, so a node that is closed or crashes finds the rest when it attaches again, as a
session of MQTT would have it. The memory ends with the process: nothing here is a record.
"""

from __future__ import annotations

from functools import partial
from typing import cast

from yidi.broker.engines.base import (
    Admits,
    Attachment,
    Document,
    EngineOptions,
    RaiseAlarm,
    Receive,
    ReceiveDocument,
)
from yidi.broker.engines.batching import CONTENT_TYPE, Batch
from yidi.broker.engines.inbox import Arrival, Callbacks
from yidi.broker.engines.pump import PumpedAttachment
from yidi.protocol.errors import DecodeError, ErrorCode

Place = tuple[str, int | None]
"""Address and partition; None for all partitions together."""


class Mailbox:
    """What waits for one place, in order."""

    __slots__ = ("bytes", "entries", "owner", "sequence")

    def __init__(self) -> None:
        self.entries: dict[int, tuple[str, Batch]] = {}
        """Sender and batch by number; what the receiver has is taken out."""
        self.bytes = 0
        self.sequence = 0
        self.owner: EmbeddedAttachment | None = None

    def put(self, sender: str, batch: Batch) -> None:
        """Keep a batch, and show it to the owner if there is one."""
        self.sequence += 1
        self.entries[self.sequence] = (sender, batch)
        self.bytes += batch.size
        if self.owner is not None:
            self.owner.take_in(self, self.sequence)

    def remove(self, number: int) -> None:
        """The receiver has it."""
        self.bytes -= self.entries.pop(number)[1].size


class EmbeddedEngine:
    """All mailboxes of one process."""

    def __init__(self, options: EngineOptions) -> None:
        self.url = "embedded"
        self.options = options
        self._mailboxes: dict[Place, Mailbox] = {}
        self._attachments: list[EmbeddedAttachment] = []

    async def prepare(self) -> None:
        """Nothing is to be made."""

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
        attachment = EmbeddedAttachment(address, callbacks, self)
        mailbox = self._mailboxes.setdefault((attachment.base, attachment.partition), Mailbox())
        if mailbox.owner is not None:
            mailbox.owner.give_way()
        self._adopt(mailbox, attachment)
        mailbox.owner = attachment
        self._attachments.append(attachment)
        attachment.start(mailbox)
        return attachment

    async def close(self) -> None:
        """Close every attachment."""
        for attachment in self._attachments:
            await attachment.close()
        self._attachments.clear()

    def deposit(self, sender: str, batch: Batch) -> bool:
        """Put a batch into its mailbox; False when that is full."""
        mailbox = self._mailboxes.get((batch.recipient, batch.partition))
        if mailbox is None:
            place = (batch.recipient, None)
            mailbox = self._mailboxes.get(place)
            if mailbox is None:
                mailbox = self._mailboxes[batch.recipient, batch.partition] = Mailbox()
        if mailbox.bytes >= self.options.queue_bytes_max:
            return False
        mailbox.put(sender, batch)
        return True

    def _adopt(self, mailbox: Mailbox, attachment: EmbeddedAttachment) -> None:
        """Who attaches to all partitions gets what waits for those that nobody holds."""
        if attachment.partition is not None:
            return
        for place, other in list(self._mailboxes.items()):
            if place[0] == attachment.base and other is not mailbox and other.owner is None:
                for sender, batch in other.entries.values():
                    mailbox.put(sender, batch)
                del self._mailboxes[place]


class EmbeddedAttachment(PumpedAttachment):
    """One address of the embedded engine."""

    def __init__(self, address: str, callbacks: Callbacks, engine: EmbeddedEngine) -> None:
        super().__init__(address, callbacks, engine.options)
        self._engine = engine
        self._mailbox: Mailbox

    def start(self, mailbox: Mailbox) -> None:
        """Begin to receive what the mailbox holds."""
        self._mailbox = mailbox
        self._start()
        self._set_connected()
        for number in list(mailbox.entries):
            self.take_in(mailbox, number)

    def take_in(self, mailbox: Mailbox, number: int) -> None:
        """A batch is there; it leaves the mailbox when the receiver has it."""
        sender, batch = mailbox.entries[number]
        first = batch.items[0]
        document = first if isinstance(first, Document) else None
        if document is not None and self._callbacks.receive_document is None:
            mailbox.remove(number)
            self._refuse(
                DecodeError(ErrorCode.E_DECODE, want=CONTENT_TYPE, got=document.content_type)
            )
            return
        frames = [] if document is not None else cast("list[bytes]", batch.items)
        frames = self._inbox.admitted(sender, frames)
        if document is not None and document.sender != sender:
            document = Document(
                sender=sender, recipient=document.recipient, partition=batch.partition,
                content=document.content, content_type=document.content_type,
                correlation=document.correlation,
            )  # fmt: skip
        self._inbox.take(Arrival(frames, document, partial(self._acknowledge, number)), batch.size)

    def give_way(self) -> None:
        """Another attachment has the address now."""
        self._lose_session()

    async def _acknowledge(self, number: int) -> None:
        if self._mailbox.owner is self:
            self._mailbox.remove(number)

    async def _run(self) -> None:
        """There is no connection to hold."""

    def _pump(self) -> None:
        """Everything leaves at once: there is nobody to wait for."""
        self._pump_is_due = False
        while self._connected and (batch := self._batcher.take()) is not None:
            if self._engine.deposit(self.base, batch):
                self._count(batch)
            else:
                self._drop(len(batch.items), ErrorCode.E_BUSY, f"{batch.recipient} is full")
        self._note_change()

    async def _leave(self, *, gracefully: bool) -> None:
        await super()._leave(gracefully=gracefully)
        if self._mailbox.owner is self:
            self._mailbox.owner = None
