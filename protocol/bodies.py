"""Which body a transaction carries, and its decoder, bound once.

`body_type(transaction, kind)` is the one place where wire numbers meet Python types; the nodes,
the JSON twin, the schema and the trace all ask here.
"""

from __future__ import annotations

import msgspec

from yidi.protocol import messages as m
from yidi.protocol import messages_clearing as c
from yidi.protocol import messages_control as x
from yidi.protocol import messages_institution as i
from yidi.protocol import transactions as t
from yidi.protocol.codec import DEEP, check_depth, decode_native
from yidi.protocol.envelope import Envelope
from yidi.protocol.errors import DecodeError, ErrorCode
from yidi.protocol.transactions import Kind

_PAIRS: dict[str, tuple[type, type]] = {
    t.ELIGIBILITY: (m.EligibilityRequest, m.EligibilityResult),
    t.BENEFIT_CHECK: (m.BenefitCheckRequest, m.BenefitCheckResult),
    t.REGISTRATION: (m.VisitOpening, m.Accepted),
    t.REGISTRATION_CANCELLATION: (m.VisitChange, m.Accepted),
    t.ADMISSION: (m.VisitOpening, m.Accepted),
    t.ADMISSION_CANCELLATION: (m.VisitChange, m.Accepted),
    t.DISCHARGE: (m.VisitChange, m.Accepted),
    t.DISCHARGE_CANCELLATION: (m.VisitChange, m.Accepted),
    **dict.fromkeys(t.FEE_UPLOADS, (m.FeeUploadRequest, m.FeeUploadResult)),
    **dict.fromkeys(t.PRE_SETTLEMENTS, (m.SettlementRequest, m.SettlementResult)),
    **dict.fromkeys(t.SETTLEMENTS, (m.SettlementRequest, m.SettlementResult)),
    **dict.fromkeys(t.CANCELLATIONS, (m.CancellationRequest, m.CancellationResult)),
    t.REVERSAL: (m.ReversalRequest, m.ReversalResult),
    t.STATUS_QUERY: (m.StatusQuery, m.StatusResult),
    t.REFERRAL_FILING: (m.FilingRequest, m.FilingResult),
    **dict.fromkeys(t.VISIT_DIAGNOSES, (i.VisitDiagnosis, m.Accepted)),
    **dict.fromkeys(t.FEE_WITHDRAWALS, (i.FeeWithdrawal, m.Accepted)),
    t.STAY_CHANGE: (i.StayChange, m.Accepted),
    t.TOTALS_RECONCILIATION: (i.TotalsReconciliation, i.TotalsReconciliationResult),
    t.DETAIL_RECONCILIATION: (i.DetailReconciliation, i.FileResult),
    t.CLEARING_APPLICATION: (i.ClearingApplication, m.Accepted),
    t.CLEARING_APPLICATION_WITHDRAWAL: (i.ClearingApplicationWithdrawal, m.Accepted),
    t.ALLOCATION_QUERY: (i.ClearingAllocationQuery, i.ClearingAllocationResult),
    t.ALLOCATION_CONFIRMATION: (i.ClearingAllocationConfirmation, m.Accepted),
    t.ALLOCATION_ROLLBACK: (i.ClearingAllocationRollback, m.Accepted),
    t.SETTLEMENT_LIST: (i.SettlementList, m.Accepted),
    t.ACCUMULATOR_QUERY: (i.AccumulatorQuery, i.AccumulatorResult),
    t.CHRONIC_QUERY: (i.ChronicQuery, i.ChronicResult),
    t.STAY_QUERY: (i.StayQuery, i.StayQueryResult),
    t.FILE_UPLOAD: (i.FileUpload, i.FileResult),
    t.FILE_DOWNLOAD: (i.FileQuery, i.FileContent),
    t.FILING: (m.FilingRequest, m.FilingResult),
    t.FILING_DECISION: (m.FilingDecision, m.FilingResult),
    t.FILING_WITHDRAWAL: (m.FilingWithdrawal, m.FilingResult),
    t.FILING_UPLOAD: (m.FilingUpload, m.Accepted),
    t.FILING_QUERY: (m.FilingQuery, m.FilingQueryResult),
    t.INSURANCE_STATUS: (m.InsuranceStatus, m.Accepted),
    t.DAY_CLOSE: (c.DayClose, m.Accepted),
    t.DAILY_STATEMENT: (c.DailyStatement, c.DailyStatementResult),
    t.DAILY_DETAIL: (c.DailyDetail, c.DailyDetailResult),
    t.CLEARING_DECLARATION: (c.ClearingDeclaration, c.ClearingDeclarationResult),
    t.CLEARING_DETAIL: (c.ClearingDetail, c.ClearingDetailResult),
    t.CLEARING_TABLE: (c.ClearingTable, m.Accepted),
    t.CLEARING_CLOSE: (c.ClearingClose, m.Accepted),
    t.CLEARING_NOTICE: (c.ClearingNotice, m.Accepted),
    t.PAYMENT_FEEDBACK: (c.PaymentFeedback, m.Accepted),
    t.FUND_TRANSFER: (c.FundTransfer, m.Accepted),
    t.PREFUND_ALARM: (c.PrefundAlarm, m.Accepted),
    t.PREFUND_NOTICE: (c.PrefundNotice, m.Accepted),
    t.PREFUND_TRANSFER: (c.FundTransfer, m.Accepted),
    t.ADJUSTMENT: (c.Adjustment, m.Accepted),
    t.TEST_OUTCOME: (x.NextOutcome, m.Accepted),
    t.TEST_RESET: (x.Reset, m.Accepted),
    t.TEST_PERSON: (x.NewPerson, m.Accepted),
    t.TEST_STATUS: (x.ControlQuery, x.ControlStatus),
    t.TEST_DECISION: (x.Decision, m.Accepted),
}

_TYPES: dict[tuple[str, int], type] = {}
for _code, (_request, _result) in _PAIRS.items():
    _TYPES[_code, Kind.REQUEST] = _request
    _TYPES[_code, Kind.RESULT] = _result
    _TYPES[_code, Kind.REJECTION] = m.Rejection

_BY_TYPE: dict[type, msgspec.msgpack.Decoder[msgspec.Struct]] = {
    kind: msgspec.msgpack.Decoder(kind) for kind in dict.fromkeys(_TYPES.values())
}
_DECODERS = tuple({code: _BY_TYPE[_TYPES[code, kind]] for code in _PAIRS} for kind in sorted(Kind))
"""By kind, then by transaction."""


def body_type(transaction: str, kind: int) -> type[msgspec.Struct]:
    """The struct that a transaction's request, result or rejection carries.

    Raises:
        DecodeError: `E_INFNO_UNKNOWN`.
    """
    try:
        return _TYPES[transaction, kind]
    except KeyError:
        raise DecodeError(ErrorCode.E_INFNO_UNKNOWN, got=transaction) from None


def open_body(envelope: Envelope) -> msgspec.Struct:
    """Decode an envelope's body into its type.

    Raises:
        DecodeError: as `decode_native`, or `E_INFNO_UNKNOWN`.
    """
    origin, body = envelope.origin, envelope.body
    try:
        decoder = _DECODERS[origin.kind][origin.transaction]
    except (KeyError, IndexError):
        raise DecodeError(ErrorCode.E_INFNO_UNKNOWN, got=origin.transaction) from None
    if len(body) > DEEP:
        check_depth(body)
    try:
        return decoder.decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError, OverflowError):
        return decode_native(decoder, body)


def schema_text() -> bytes:
    """A canonical description of every body, in catalogue order; its digest names the schema."""
    lines = []
    for row in t.TRANSACTIONS:
        for kind in Kind:
            body = _TYPES[row.code, kind]
            fields = ",".join(
                f"{f.name}:{f.encode_name}:{f.default!r}" for f in msgspec.structs.fields(body)
            )
            lines.append(f"{row.code}/{int(kind)} {body.__name__}({fields})")
    return "\n".join(lines).encode()
