"""Answers as scenario files see them: national field names, values as text.

Money is yuan with two decimals, ratios and codes are as they are written, days ISO dates. Only
what `expect` and `${step.field}` may name (`cases.NATIONAL_FIELDS`) stands here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from yidi.nodes.benefit import ASSISTANCE_FUND, LARGE_FUND, POOL_FUNDS, SERIOUS_FUND
from yidi.protocol import messages as m
from yidi.protocol.envelope import Envelope
from yidi.protocol.errors import ErrorCode, YidiError, sentence
from yidi.protocol.money import parse_yuan, yuan

_FUND_FIELDS = {
    **dict.fromkeys(POOL_FUNDS.values(), "hifp_pay"),
    str(LARGE_FUND): "hifob_pay",
    str(SERIOUS_FUND): "hifmi_pay",
    str(ASSISTANCE_FUND): "maf_pay",
}
_PREFIX_FIELDS = {"320": "cvlserv_pay", "370": "hifes_pay"}
FUND_FIELDS = (
    *("hifp_pay", "hifob_pay", "hifmi_pay", "cvlserv_pay"),
    *("hifes_pay", "maf_pay", "oth_pay"),
)


def fields_of(envelope: Envelope, body: msgspec.Struct) -> dict[str, str]:
    """The fields of an answer whose body is already open."""
    found = {"key": envelope.origin.case_key}
    if envelope.stamp is not None:
        found["day"] = envelope.stamp.day
    reader = _READERS.get(type(body))
    if reader is not None:
        found.update(reader(body))
    return found


def settlement_fields(body: m.SettlementResult) -> dict[str, str]:
    """A settlement's or pre-settlement's amounts."""
    funds = dict.fromkeys(FUND_FIELDS, 0)
    for pay in body.funds:
        kind = pay.fund_pay_type
        name = _FUND_FIELDS.get(kind) or _PREFIX_FIELDS.get(kind[:3], "oth_pay")
        funds[name] += pay.fund_fen
    return {
        "psn_no": body.person_no,
        "mdtrt_id": body.visit,
        "setl_id": body.settlement_id,
        "insutype": body.insutype,
        "psn_type": body.psn_type,
        "med_type": body.med_type,
        "medfee_sumamt": yuan(body.total_fen),
        "inscp_scp_amt": yuan(body.in_scope_fen),
        "act_pay_dedc": yuan(body.deductible_fen),
        "pool_prop_selfpay": f"{body.ratio_bp // 10_000}.{body.ratio_bp % 10_000:04d}",
        **{name: yuan(fen) for name, fen in funds.items()},
        "fund_pay_sumamt": yuan(body.fund_fen),
        "acct_pay": yuan(body.account_fen),
        "psn_cash_pay": yuan(body.cash_fen),
        "psn_part_amt": yuan(body.account_fen + body.cash_fen),
        "hosp_part_amt": yuan(body.hospital_fen),
        "balc": yuan(body.balance_fen),
        "filing": body.filing,
        "changed": body.differs,
        "state": "SETTLED" if body.settlement_id else "PRESETTLED",
    }


def _eligibility(body: m.EligibilityResult) -> dict[str, str]:
    found = {
        "psn_no": body.person_no,
        "psn_name": body.name,
        "certno": body.certificate_no,
        "gend": body.sex,
        "brdy": body.birth,
    }
    if body.insurances:
        first = body.insurances[0]
        found |= {
            "balc": yuan(first.balance_fen),
            "insutype": first.insutype,
            "psn_type": first.psn_type,
            "psn_insu_stas": first.status,
            "insuplc_admdvs": first.insured,
        }
    if body.filings:
        last = body.filings[-1]
        found |= {
            "filing": last.category,
            "rloc_admdvs": last.area,
            "trt_dcla_detl_sn": last.filing_id,
            "begndate": last.valid_from,
            "enddate": last.valid_to,
        }
    return found


def _benefit_check(body: m.BenefitCheckResult) -> dict[str, str]:
    return {
        "psn_no": body.person_no,
        "trt_enjymnt_flag": "1" if body.eligible else "0",
        "trt_chk_rslt": " ".join(body.hindrances),
        "filing": body.filing,
    }


def _fees(body: m.FeeUploadResult) -> dict[str, str]:
    return {
        "mdtrt_id": body.visit,
        "medfee_sumamt": yuan(body.total_fen),
        "fulamt_ownpay_amt": yuan(body.full_self_fen),
        "overlmt_selfpay": yuan(body.over_limit_fen),
        "preselfpay_amt": yuan(body.prepay_fen),
        "inscp_scp_amt": yuan(body.in_scope_fen),
        "cumulative": yuan(body.total_fen),
    }


def _cancellation(body: m.CancellationResult) -> dict[str, str]:
    return {
        "setl_id": body.settlement_id,
        "medfee_sumamt": yuan(body.total_fen),
        "fund_pay_sumamt": yuan(body.fund_fen),
        "acct_pay": yuan(body.account_fen),
        "psn_cash_pay": yuan(body.cash_fen),
        "balc": yuan(body.balance_fen),
        "refd_setl_flag": "1",
        "state": "REVERSED",
    }


def _reversal(body: m.ReversalResult) -> dict[str, str]:
    return {"state": body.outcome, "fund_pay_sumamt": yuan(body.fund_fen)}


def _status(body: m.StatusResult) -> dict[str, str]:
    found: dict[str, str] = {}
    if body.settlement:
        found = settlement_fields(msgspec.msgpack.decode(body.settlement, type=m.SettlementResult))
    return {**found, "state": body.state}


def _filing(body: m.FilingResult) -> dict[str, str]:
    return {
        "trt_dcla_detl_sn": body.filing_id,
        "state": body.status,
        "begndate": body.valid_from,
        "enddate": body.valid_to,
    }


def _rejection(body: m.Rejection) -> dict[str, str]:
    said = sentence(ErrorCode(body.code)) if body.code in ErrorCode.__members__ else body.facts
    return {"sentence": said}


_READERS: dict[type, Callable[[Any], dict[str, str]]] = {
    m.EligibilityResult: _eligibility,
    m.BenefitCheckResult: _benefit_check,
    m.FeeUploadResult: _fees,
    m.SettlementResult: settlement_fields,
    m.CancellationResult: _cancellation,
    m.ReversalResult: _reversal,
    m.StatusResult: _status,
    m.FilingResult: _filing,
    m.Rejection: _rejection,
}


def same_value(wanted: str, got: str) -> bool:
    """Whether a value is what was expected; amounts are compared as amounts."""
    if wanted == got:
        return True
    try:
        return parse_yuan(wanted) == parse_yuan(got)
    except YidiError:
        return False
