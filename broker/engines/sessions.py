"""Who holds a session: two processes under one address must not both go on.

Mosquitto closes the older of two connections with the same client id without a word, so that it
would come back and throw the newer out, for ever; JetStream gives both a share of the messages.
So each attachment announces itself, and the one that started earlier ends with E_SESSION_TAKEN.
"""

from __future__ import annotations

import os
import time

import msgspec

SESSION_TYPE = "application/vnd.yidi.session+msgpack"


class Announcement(msgspec.Struct, frozen=True, array_like=True, order=True, gc=False):
    """One attachment of a process; later ones compare greater."""

    started: int
    """Nanoseconds since 1970 by the clock of its machine."""
    nonce: bytes
    name: str
    """Name of the session."""


_encode = msgspec.msgpack.Encoder().encode
_decoder = msgspec.msgpack.Decoder(Announcement)


class Session:
    """This attachment's claim to its name."""

    def __init__(self, name: str) -> None:
        self.own = Announcement(time.time_ns(), os.urandom(8), name)
        self.encoded = _encode(self.own)

    def is_taken_by(self, payload: bytes) -> bool:
        """Whether an announcement is of a later attachment under the same name."""
        try:
            other = _decoder.decode(payload)
        except msgspec.MsgspecError:
            return False
        return other.name == self.own.name and other > self.own
