"""What all attachments share: the way out in batches, and how a life begins and ends.

`send` fills the `Batcher` and asks the event loop, once a turn, to pump: batches are taken and
given to the subclass's `_publish` until `window` of them are unconfirmed. The queue grows while
the window is full, and so do the next batches; nothing waits for a timer. A lost connection puts
what is unconfirmed back to the front. The way in is the `Inbox`'s.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine

from yidi.broker.engines.base import (
    Alarm,
    Counters,
    Document,
    EngineOptions,
)
from yidi.broker.engines.batching import (
    Batch,
    Batcher,
    Destination,
    check_frame,
)
from yidi.broker.engines.inbox import Acknowledge, Callbacks, Inbox, Message
from yidi.broker.engines.topics import destination, split_address
from yidi.protocol.errors import (
    ConnectionLost,
    DeliveryTimeout,
    ErrorCode,
    LocalProtocolError,
    RemoteProtocolError,
    TransportError,
    YidiError,
)
from yidi.protocol.instants import MILLISECOND, SECOND, Duration

PLACES_MAX = 10_000
NOW = Duration(0)
RETRY_AFTER = Duration(100 * MILLISECOND)
"""Pause before what the engine did not confirm is published again."""
DRAIN_WITHIN = Duration(5 * SECOND)
LEAVE_WITHIN = 5 * SECOND
"""A receiver that takes longer is cut off when the attachment closes."""


class PumpedAttachment:
    """Base of the attachments of every engine."""

    def __init__(self, address: str, callbacks: Callbacks, options: EngineOptions) -> None:
        self.address = address
        self.base, self.partition = split_address(address)
        self.options = options
        self.counters = Counters()
        self._callbacks = callbacks
        self._loop = asyncio.get_running_loop()
        self._connected = False
        self._is_leaving = False
        # The way out.
        self._batcher = Batcher(options.batch_frames_max)
        self._flying: dict[int, tuple[Batch, asyncio.Task[None]]] = {}
        self._published = 0
        self._pump_is_due = False
        self._places: dict[tuple[str, int], Destination] = {}
        self._inbox = Inbox(address, callbacks, options, self.counters, self._raise_alarm)
        # What others wait for.
        self._changed = asyncio.Event()
        self._end: asyncio.Future[None] = self._loop.create_future()
        self._runner: asyncio.Task[None]
        self._receiver: asyncio.Task[None]

    # ------------------------------------------------------------------ for the host

    @property
    def connected(self) -> bool:
        """Whether what is sent now would leave now."""
        return self._connected

    @property
    def pending(self) -> int:
        """Frames and documents queued or not yet confirmed."""
        return self._batcher.count + sum(len(batch.items) for batch, _ in self._flying.values())

    def send(self, recipient: str, partition: int, frame: bytes) -> None:
        """Queue a frame; see `Attachment`."""
        check_frame(frame)
        self._put(recipient, partition, frame)

    def post(self, document: Document) -> None:
        """Queue a document; see `Attachment`."""
        check_frame(document.content)
        self._put(document.recipient, document.partition, document)

    async def ready(self) -> None:
        """Return when the first connection stands; see `Attachment`."""
        await self._until(lambda: self.counters.connects > 0)

    async def drain(self) -> None:
        """Return when all that was queued is confirmed; see `Attachment`."""
        await self._until(lambda: not self.pending)

    async def ended(self) -> None:
        """Return when closed; raises what ended the attachment for good."""
        await asyncio.shield(self._end)

    async def close(self, within: Duration = DRAIN_WITHIN) -> None:
        """Drain for a while, finish the delivery under way, disconnect."""
        if not self._end.done():
            with contextlib.suppress(TimeoutError, TransportError):
                await asyncio.wait_for(self.drain(), within / SECOND)
        await self._leave(gracefully=True)

    async def abort(self) -> None:
        """Disconnect at once, as a crash would."""
        await self._leave(gracefully=False)

    # ------------------------------------------------------------------ for the subclass

    async def _publish(self, batch: Batch) -> None:
        """Publish one batch and return when the engine confirmed it.

        Raises:
            ConnectionLost, DeliveryTimeout: the batch goes back to the queue.
            LocalProtocolError: the engine will not take it; it is dropped, with an alarm.
        """
        raise NotImplementedError

    async def _run(self) -> None:
        """Hold the connection until it ends for good; started by `_start`."""
        raise NotImplementedError

    async def _disconnect(self) -> None:
        """Leave the engine in order; `_run` is cancelled after it."""

    def _start(self) -> None:
        self._receiver = self._spawn(self._inbox.run())
        self._runner = self._spawn(self._run())

    def _set_connected(self) -> None:
        self.counters.connects += 1
        self.counters.reconnects = self.counters.connects - 1
        self._connected = True
        self._note_change()
        self._schedule_pump()

    def _set_disconnected(self) -> None:
        """Put what is unconfirmed back to the front, in its order."""
        self._connected = False
        flying, self._flying = self._flying, {}
        for _, task in flying.values():
            task.cancel()
        self._put_back([flying[number][0] for number in sorted(flying)])
        self._note_change()

    def _arrive(self, message: Message, acknowledge: Acknowledge) -> None:
        """Take in a message of the engine, or refuse it and have done with it."""
        try:
            arrival = self._inbox.read(message, acknowledge)
        except RemoteProtocolError as error:
            self._ignore(error, acknowledge)
        else:
            self._inbox.take(arrival, len(message.payload))

    def _ignore(self, error: RemoteProtocolError, acknowledge: Acknowledge) -> None:
        """Refuse an arrival."""
        self._refuse(error)
        self._inbox.discard(acknowledge)

    def _refuse(self, error: YidiError) -> None:
        """Count what is ignored; the alarm says why."""
        self._raise_alarm(error.code, error.text())

    def _note_loss(self, error: ConnectionLost, *, is_first: bool) -> None:
        """Count a lost connection; only the first of a row of failures is an alarm."""
        if is_first or error.code not in self.counters.refused:
            self._refuse(error)
        else:
            self.counters.refuse(error.code)

    def _raise_alarm(self, code: ErrorCode, facts: str) -> None:
        alarm = Alarm(code=code, facts=facts)
        self.counters.refuse(code)
        self.counters.alarms.append(alarm)
        if self._callbacks.alarm is not None:
            self._callbacks.alarm(alarm)

    # ------------------------------------------------------------------ life and end

    def _spawn(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = self._loop.create_task(work)
        task.add_done_callback(self._note_end)
        return task

    def _note_end(self, task: asyncio.Task[None]) -> None:
        """A task that fails ends the attachment; whoever waits is told why."""
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._finish(error)

    def _finish(self, error: BaseException | None) -> None:
        if not self._end.done():
            if error is None:
                self._end.set_result(None)
            else:
                self._end.set_exception(error)
                self._end.exception()  # that nobody waits for it is no mistake
                self._receiver.cancel()
                if asyncio.current_task() is not self._runner:
                    self._runner.cancel()  # else it is on its way out, and disconnects in order
                self._set_disconnected()
        self._note_change()

    def _lose_session(self) -> TransportError:
        """Stop at once: another process has the address now; the error that says so."""
        error = TransportError(ErrorCode.E_SESSION_TAKEN, got=self.address)
        self._refuse(error)
        self._finish(error)
        return error

    async def _leave(self, *, gracefully: bool) -> None:
        if self._end.done() and self._end.exception() is None:
            return
        self._is_leaving = True
        self._inbox.stop()
        if gracefully:
            await asyncio.wait([self._receiver], timeout=LEAVE_WITHIN / SECOND)
            await self._disconnect()
        self._connected = False
        tasks = [self._receiver, self._runner, *(task for _, task in self._flying.values())]
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        self._finish(None)

    async def _until(self, holds: Callable[[], bool]) -> None:
        while not holds():
            if self._end.done():
                self._end.result()
                raise ConnectionLost(at=self.address, got="closed")
            self._changed.clear()
            await self._changed.wait()

    def _note_change(self) -> None:
        self._changed.set()

    # ------------------------------------------------------------------ the way out

    def _put(self, recipient: str, partition: int, item: bytes | Document) -> None:
        to = self._places.get((recipient, partition))
        if to is None:
            to = self._place(recipient, partition)
        if self._batcher.bytes >= self.options.queue_bytes_max:
            self._drop(1, ErrorCode.E_BUSY, f"the queue of {self.address} is full")
            return
        self._batcher.put(to, item)
        if not self._pump_is_due:
            self._schedule_pump()

    def _place(self, recipient: str, partition: int) -> Destination:
        """Check a destination once; clients come and go, so what is known is bounded."""
        if len(self._places) >= PLACES_MAX:
            self._places.clear()
        to = self._places[recipient, partition] = destination(recipient, partition)
        return to

    def _schedule_pump(self, after: Duration = NOW) -> None:
        """Pump at the end of this turn, or after a pause that the engine needs."""
        if self._connected and not self._pump_is_due:
            self._pump_is_due = True
            if after:
                self._loop.call_later(after / SECOND, self._pump)
            else:
                self._loop.call_soon(self._pump)

    def _pump(self) -> None:
        self._pump_is_due = False
        while self._connected and len(self._flying) < self.options.window:
            batch = self._batcher.take()
            if batch is None:
                return
            self._published += 1
            task = self._spawn(self._confirm(self._published, batch))
            self._flying[self._published] = (batch, task)

    async def _confirm(self, number: int, batch: Batch) -> None:
        problem: YidiError | None = None
        try:
            await self._publish(batch)
        except (ConnectionLost, DeliveryTimeout, LocalProtocolError) as error:
            problem = error
        if self._flying.pop(number, None) is None:
            return  # given up with its connection; it is in the queue again
        if problem is None:
            self._count(batch)
        elif isinstance(problem, LocalProtocolError):
            self._drop(len(batch.items), problem.code, problem.text())
        else:
            self.counters.refuse(problem.code)
            self._put_back([batch])
            self._schedule_pump(RETRY_AFTER)
        if not self._flying and not self._batcher.count:
            self._note_change()
        elif self._batcher.count:
            self._schedule_pump()

    def _count(self, batch: Batch) -> None:
        if isinstance(batch.items[0], Document):
            self.counters.documents_sent += 1
        else:
            self.counters.count_batch(len(batch.items), batch.size)

    def _drop(self, items: int, code: ErrorCode, facts: str) -> None:
        """Let go of what the sender's outbox holds too; one alarm per kind, not per frame."""
        if code in self.counters.refused:
            self.counters.refuse(code)
        else:
            self._raise_alarm(code, facts)
        self.counters.dropped += items

    def _put_back(self, batches: list[Batch]) -> None:
        self.counters.repeated += sum(len(batch.items) for batch in batches)
        self._batcher.put_back(batches)
