"""The hub's filing library: what insured regions have uploaded, for treatment regions to see.

A treatment region sees only filings that name it or its municipality. The library is a copy:
whether a filing counts is decided by the insured region alone. Source: domain 1.1, 2.5.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from yidi.nodes.filing import covers
from yidi.protocol import transactions as t
from yidi.protocol.envelope import Envelope
from yidi.protocol.errors import ErrorCode
from yidi.protocol.instants import Instant
from yidi.protocol.messages import (
    Accepted,
    FilingQuery,
    FilingQueryResult,
    FilingUpload,
    FilingView,
)

if TYPE_CHECKING:
    from yidi.nodes.hub import Hub

FilingLibrary = dict[str, dict[str, FilingView]]
"""`insured/person` → filing id → the filing as uploaded last."""


class HubFilings:
    """Keeps the library current and answers queries from it."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        hub.requests[t.FILING_UPLOAD] = self._on_upload
        hub.requests[t.FILING_QUERY] = self._on_query

    def _on_upload(self, envelope: Envelope, body: FilingUpload, now: Instant) -> list[Envelope]:
        hub = self.hub
        if envelope.origin.sender != f"insured:{body.insured}":
            return hub.refuse(envelope, ErrorCode.E_SENDER_MISMATCH, now)
        # From here the operation succeeds.
        held = hub.state.filings.setdefault(f"{body.insured}/{body.person_no}", {})
        held[body.filing.filing_id] = body.filing
        return hub.answer(envelope, Accepted(reference=body.filing.filing_id), now)

    def _on_query(self, envelope: Envelope, body: FilingQuery, now: Instant) -> list[Envelope]:
        asking = envelope.origin.sender.partition(":")[2]
        held = self.hub.state.filings.get(f"{body.insured}/{body.person_no}", {})
        seen = [view for view in held.values() if covers(view.area, asking)]
        return self.hub.answer(envelope, FilingQueryResult(filings=seen), now)
