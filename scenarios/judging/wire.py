"""wire.jsonl: every message to and from somebody's own node, raw bytes and times.

It is the journal of the outside: what arrives is written here, byte for byte, before anybody
looks for it, so that an answer that comes early, late, or to nothing at all is never missed. The
network's own journal holds what could be read of it, as the input of the observed node.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Callable
from time import monotonic_ns

import msgspec

from yidi.protocol.errors import YidiError

OUT, IN = "out", "in"
TIMEOUT = "timeout"
"""`problem` of an exchange in which no answer came in time."""
KINDS = ("request", "result", "rejection")
NO_MESSAGE = "none"
"""`kind` of what is no message: a time-out, a lost connection, bytes that cannot be read."""
_encode = msgspec.json.Encoder().encode


class WireEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One message to or from an own node, or the lack of one."""

    number: int
    """1, 2, 3 … in this run."""
    at: int
    """Instant by the run's clock."""
    elapsed_us: int
    """Real microseconds since the log began: latencies are differences of these."""
    direction: str
    """`out` or `in`."""
    node: str
    """Address of the own node."""
    peer: str
    """Whom it speaks with."""
    carrier: str
    """`http`, `mqtt` or `nats`."""
    transaction: str = ""
    """`init` is the handshake."""
    kind: str = NO_MESSAGE
    message_id: str = ""
    correlation: str = ""
    """Message id of the request that an answer belongs to."""
    case_key: str = ""
    sequence: int = 0
    watermark: int = 0
    content_type: str = ""
    headers: dict[str, str] = {}
    """Over HTTP: the facts, and the status of an answer."""
    text: str = ""
    """The bytes, where they are UTF-8."""
    base64: str = ""
    """The bytes, where they are not."""
    problem: str = ""
    """What was wrong: code, place and facts; `timeout`; `HTTP 500`. Empty where nothing was."""

    def raw(self) -> bytes:
        """The bytes as they were sent or received."""
        return b64decode(self.base64) if self.base64 else self.text.encode()


class WireLog:
    """Numbers the entries of a run, and hands each on before the next is made.

    Args:
        now: the run's clock.
        sinks: get every entry, in order.
    """

    def __init__(self, now: Callable[[], int], *sinks: Callable[[WireEntry], object]) -> None:
        self.now = now
        self.sinks = list(sinks)
        self.count = 0
        self.failure: YidiError | None = None
        """Why an entry could not be kept; whoever plays the run ends it for that."""
        self._began = monotonic_ns()

    def note(self, entry: WireEntry, data: bytes = b"") -> WireEntry:
        """Complete an entry by number, times and bytes, and hand it on."""
        self.count += 1
        text, coded = _as_text(data)
        whole: WireEntry = msgspec.structs.replace(
            entry,
            number=self.count,
            at=self.now(),
            elapsed_us=(monotonic_ns() - self._began) // 1_000,
            text=text,
            base64=coded,
        )
        try:
            for sink in self.sinks:
                sink(whole)
        except YidiError as error:
            # Carriers and timers call here, where nobody would hear an exception.
            self.failure = self.failure or error
        return whole


def draft(direction: str, node: str, peer: str, carrier: str) -> WireEntry:
    """An entry to be completed by `WireLog.note`."""
    return WireEntry(
        number=0, at=0, elapsed_us=0, direction=direction, node=node, peer=peer, carrier=carrier
    )


def wire_line(entry: WireEntry) -> bytes:
    """An entry as wire.jsonl holds it."""
    return _encode(entry) + b"\n"


def _as_text(data: bytes) -> tuple[str, str]:
    try:
        return data.decode("utf-8"), ""
    except UnicodeDecodeError:
        return "", b64encode(data).decode("ascii")
