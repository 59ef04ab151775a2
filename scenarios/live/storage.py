"""A node whose disk is nearly full: what begins is refused, what is under way is finished.

Below a reserve of free space nothing new is taken on: questions, fees and pre-settlements are
refused with E_STORAGE_FULL before they are journalled. They change no money, so the refusal is
true whether or not the node has heard them before. Settlements, cancellations, reversals and
answers still pass, on the reserve. When there is space again, everything does, by itself. A disk
that is full all the same ends the node (`E_STORAGE_FULL`, exit code 4); nothing is lost by that.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from yidi.protocol import transactions as t
from yidi.protocol.codec import encode
from yidi.protocol.envelope import Envelope, Origin, seal
from yidi.protocol.errors import ErrorCode
from yidi.protocol.identifiers import LETTER_SERIALS, letter_serial, sender_prefix
from yidi.protocol.instants import Instant, local_stamp
from yidi.protocol.messages import Rejection
from yidi.protocol.transactions import Kind

NEW_WORK = t.QUESTIONS | t.FEE_UPLOADS | t.PRE_SETTLEMENTS
"""What may be refused at any time, and heard before or not makes no difference."""
_SERIALS = 36**3
"""Of which the last ones, from Z on, are ours here."""


class Storage:
    """The free space under one data directory.

    Args:
        folder: the directory.
        reserve: bytes that must be free for new work; twice as many before it is taken again.
        free: how many bytes are free there.
    """

    def __init__(
        self, folder: Path, reserve: int, free: Callable[[Path], int] | None = None
    ) -> None:
        self.folder = folder
        self.reserve = reserve
        self.refused = 0
        """Requests turned away so far."""
        self._free = free or _free_bytes
        self._low = False

    def look(self) -> bool:
        """Look how much is free; whether that is too little for anything new."""
        self._low = self._free(self.folder) < self.reserve * (2 if self._low else 1)
        return self._low

    def refusal(self, address: str, envelope: Envelope, now: Instant) -> Envelope | None:
        """The answer to a request that must not be begun; None for whatever may pass.

        Args:
            address: the node that would handle it.
            envelope: what came for it.
            now: the instant.
        """
        asked, link = envelope.origin, envelope.link
        begins = asked.kind == Kind.REQUEST and asked.transaction in NEW_WORK
        if not begins or link is None or not self.look():
            return None
        self.refused += 1
        origin = Origin(
            asked.transaction, Kind.REJECTION, self._mint(address, now), asked.message_id,
            asked.recipient, asked.sender, asked.case_key, asked.treatment, asked.insured,
            asked.partition_key, now, 0, asked.trace_id or asked.message_id,
        )  # fmt: skip
        return seal(link.sender, origin, encode(Rejection(code=ErrorCode.E_STORAGE_FULL, at="$")))

    def _mint(self, address: str, now: Instant) -> str:
        """An id that the node itself never comes to: its serials of a second end before Z."""
        role, _, code = address.partition("/")[0].partition(":")
        serial = letter_serial(LETTER_SERIALS - _SERIALS + self.refused % _SERIALS)
        return sender_prefix(role[0] + code) + local_stamp(now) + serial


def _free_bytes(folder: Path) -> int:
    return shutil.disk_usage(folder).free
