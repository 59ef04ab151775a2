"""What an institution leaves out because its region knows it.

At the national interface a settlement of a stay names visit and person, but not its kind, begin
and end; a cancellation and a query name a settlement, but not its charge batch. A gateway has no
memory, so the treatment region fills in what its own books say before it looks at the request.
What was said is never changed: only empty fields are filled. Source: interface (c).
"""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any

import msgspec

from yidi.nodes.base import Handler
from yidi.nodes.institution_state import institution_of
from yidi.nodes.visits import Visit, last_upload, unit_key, visit_key
from yidi.protocol import transactions as t
from yidi.protocol.envelope import Envelope
from yidi.protocol.errors import ErrorCode
from yidi.protocol.instants import Instant
from yidi.protocol.messages import (
    CancellationRequest,
    FeeUploadRequest,
    SettlementRequest,
    StatusQuery,
)

if TYPE_CHECKING:
    from yidi.nodes.treatment_region import TreatmentRegion

Visited = FeeUploadRequest | SettlementRequest | CancellationRequest | StatusQuery


def complete_from_visits(region: TreatmentRegion) -> None:
    """Let the handlers of a treatment region see requests with what their visit says."""
    for transaction in sorted(_NEVER_LEFT_OUT):
        region.requests[transaction] = _completing(region, transaction)


_NEVER_LEFT_OUT = (
    dict.fromkeys(t.FEE_UPLOADS, attrgetter("med_type"))
    | dict.fromkeys(t.PRE_SETTLEMENTS | t.SETTLEMENTS, attrgetter("begin"))
    | dict.fromkeys((*t.CANCELLATIONS, t.STATUS_QUERY), attrgetter("batch"))
)
"""The field that a request of our own clients never leaves out, by transaction."""


def is_complete(transaction: str, body: Visited) -> bool:
    """Whether nothing is left to the region."""
    return bool(_NEVER_LEFT_OUT[transaction](body))


def _completing(region: TreatmentRegion, transaction: str) -> Handler:
    handler, said = region.requests[transaction], _NEVER_LEFT_OUT[transaction]

    def handle(envelope: Envelope, body: Any, now: Instant) -> list[Envelope]:
        if said(body):
            return handler(envelope, body, now)
        code = institution_of(envelope)
        visit = region.state.visits.get(visit_key(code, body.visit))
        if visit is None and getattr(body, "med_type", "-") == "":
            known = code in region.config.institutions
            problem = ErrorCode.E_VISIT_UNKNOWN if known else ErrorCode.E_INSTITUTION_UNKNOWN
            return region.refuse(envelope, problem, now)
        if visit is not None:
            body = _completed(region, code, visit, body)
        return handler(envelope, body, now)

    return handle


def _completed(region: TreatmentRegion, code: str, visit: Visit, body: Visited) -> Visited:
    if isinstance(body, FeeUploadRequest):
        return msgspec.structs.replace(
            body,
            med_type=visit.med_type,
            insutype=body.insutype or visit.insutype,
            disease=body.disease or visit.disease,
        )
    if isinstance(body, SettlementRequest):
        unit = region.state.units.get(unit_key(code, body.visit, body.batch))
        uploaded = last_upload(unit) if unit is not None else None
        return msgspec.structs.replace(
            body,
            med_type=body.med_type or visit.med_type,
            insutype=body.insutype or visit.insutype,
            begin=visit.begin,
            end=body.end or visit.end or visit.begin,
            emergency=body.emergency or visit.emergency,
            disease=body.disease
            or (uploaded.disease if uploaded is not None else "")
            or visit.disease,
        )
    return msgspec.structs.replace(body, batch=_batch_of(region, code, visit, body))


def _batch_of(
    region: TreatmentRegion, code: str, visit: Visit, body: CancellationRequest | StatusQuery
) -> str:
    """The batch that a settlement id belongs to; the last one where none is named."""
    for batch in visit.units:
        unit = region.state.units[unit_key(code, body.visit, batch)]
        case = region.state.cases.get(unit.key)
        if case is not None and body.settlement_id and case.settlement_id == body.settlement_id:
            return batch
    return visit.units[-1] if visit.units and not body.settlement_id else ""
