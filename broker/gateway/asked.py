"""What an answer needs to know of its request, and of the institution that asked."""

from __future__ import annotations

from typing import Any

import msgspec

from yidi.broker.gateway.reading import Read
from yidi.protocol.identifiers import is_pharmacy

Nodes = dict[str, Any]
"""The nodes of an answer's `output`."""
_LEVELS = {"1": "08", "2": "05", "3": "02", "provincial": "02"}
"""Our scale in the national one: the 甲 of each level, since ours has no grades."""
_NO_LEVEL = "11"


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """An institution as 1201 and 5203 show it."""

    code: str
    name: str
    region: str
    level: str

    @property
    def hosp_lv(self) -> str:
        """Its level on the national scale, 01 to 11; a pharmacy has none."""
        return _NO_LEVEL if is_pharmacy(self.code) else _LEVELS[self.level]


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A request, as the writers of answers see it."""

    read: Read
    envelope: dict[str, str]
    today: str
    """Calendar day by the network's clock."""
    place: Place | None = None
    """The institution that asks; None where the network does not have it."""

    @property
    def data(self) -> dict[str, str]:
        """The fields of the request's first node."""
        return next(iter(self.read.texts.values()))
