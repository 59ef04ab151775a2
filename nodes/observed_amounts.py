"""The amounts that somebody's own insured region answered, against what our policies come to.

The comparison is to the fen and only where there is a policy: without one, nobody here knows
better, and amounts are judged by their identities alone.
"""

from __future__ import annotations

import msgspec

from yidi.nodes.claim import YearToDate
from yidi.nodes.insured_region import Computed
from yidi.nodes.policy import CHRONIC, INPATIENT, VISIT_KINDS
from yidi.protocol.codec import encode
from yidi.protocol.codes import pool_fund, pooled_fund
from yidi.protocol.envelope import Envelope
from yidi.protocol.errors import ErrorCode, RemoteProtocolError
from yidi.protocol.instants import Instant, day_of
from yidi.protocol.messages import Rejection, SettlementRequest, SettlementResult

DIFFERENCES_MAX = 1_000
"""Differences that are kept; all are counted."""
_MONEY = ("total_fen", "fund_fen", "account_fen", "cash_fen", "hospital_fen")


class AmountDifference(msgspec.Struct, frozen=True, kw_only=True):
    """One answer that is not what the policy comes to."""

    key: str
    message_id: str
    transaction: str
    facts: str


class AmountsState(msgspec.Struct, kw_only=True):
    """What was compared."""

    compared: int = 0
    differing: int = 0
    differences: list[AmountDifference] = []
    without_policy: int = 0
    """Answers that no policy of ours speaks of."""


def compare(
    state: AmountsState,
    request: Envelope,
    told: SettlementResult | Rejection,
    ours: Computed | ErrorCode,
) -> None:
    """Hold one answer against our own computation, and remember what differs."""
    if ours == ErrorCode.E_NO_POLICY:
        state.without_policy += 1
        return
    state.compared += 1
    facts = _difference(told, ours)
    if not facts:
        return
    state.differing += 1
    if len(state.differences) < DIFFERENCES_MAX:
        origin = request.origin
        state.differences.append(
            AmountDifference(
                key=origin.case_key, message_id=origin.message_id,
                transaction=origin.transaction, facts=facts,
            )
        )  # fmt: skip


def _difference(told: SettlementResult | Rejection, ours: Computed | ErrorCode) -> str:
    """What differs, in words; empty where nothing does."""
    if isinstance(told, Rejection) or isinstance(ours, ErrorCode):
        said = f"refused {told.code}" if isinstance(told, Rejection) else "accepted"
        wanted = f"refused {ours}" if isinstance(ours, ErrorCode) else "accepted"
        return (
            ""
            if said.split(maxsplit=1)[0] == wanted.split(maxsplit=1)[0]
            else f"{said}, the policy: {wanted}"
        )
    wanted_result = ours.result
    parts = [
        f"{name} {getattr(told, name)}, the policy: {getattr(wanted_result, name)}"
        for name in _MONEY
        if getattr(told, name) != getattr(wanted_result, name)
    ]
    if not parts and _funds(told) != _funds(wanted_result):
        parts.append(f"funds {_funds(told)}, the policy: {_funds(wanted_result)}")
    return "; ".join(parts)


def _funds(result: SettlementResult) -> dict[str, int]:
    funds: dict[str, int] = {}
    for pay in result.funds:
        fund = pool_fund(pay.fund_pay_type)
        funds[fund] = funds.get(fund, 0) + pay.fund_fen
    return {fund: fen for fund, fen in sorted(funds.items()) if fen}


def told_amounts(request: Envelope, body: SettlementRequest, told: SettlementResult) -> Computed:
    """An answer from outside in the form in which a region books its own."""
    return Computed(
        request=request.body,
        treatment=request.origin.treatment,
        basis=b"",  # no computation of ours is ever spared for it
        result=told,
        answer=encode(told),
        change=_change(body, told),
        year=day_of(Instant(body.end))[:4],
        told=True,
    )


def _change(body: SettlementRequest, told: SettlementResult) -> YearToDate:
    """What an answer adds to the person's year, as far as the answer shows it."""
    try:
        pool = pool_fund(pooled_fund(body.insutype))
    except RemoteProtocolError:
        pool = ""
    pooled = sum(one.fund_fen for one in told.funds if pool_fund(one.fund_pay_type) == pool)
    kind = VISIT_KINDS.get(body.med_type)
    if kind == INPATIENT:
        return YearToDate(stays=1, hifp_fen=pooled)
    if kind == CHRONIC:
        return YearToDate(deductible_fen=told.deductible_fen, hifp_fen=pooled)
    return YearToDate(deductible_fen=told.deductible_fen, outpatient_fen=pooled)
