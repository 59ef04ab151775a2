"""From an answer of the network to the `output` nodes of its transaction.

What the network does not compute is left out rather than made up. Amounts of a cancellation are
negative, as the refund rows of the national interface are. Source: interface (c).
"""

# ruff: noqa: ARG001 - the writers share one signature; not each needs all of it

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from yidi.broker.gateway.asked import Asked, Nodes
from yidi.broker.gateway.outputs_agency import AGENCY_WRITERS
from yidi.protocol import messages as m
from yidi.protocol import transactions as t
from yidi.protocol.codes import clr_type_of, label, pay_loc_of, pool_fund, pooled_fund
from yidi.protocol.errors import ErrorCode, RemoteProtocolError, sentence
from yidi.protocol.money import yuan
from yidi.protocol.national import national_fields, to_twin

_SETTLED = ("SETTLED", "CLEARED")
_CIVIL_SERVANT = "1102"


def output_of(asked: Asked, body: msgspec.Struct) -> Nodes:
    """The nodes of a positive answer.

    Raises:
        RemoteProtocolError: the answer says that there is nothing (5203 of what never was).
    """
    return _WRITERS[asked.read.call.infno](asked, body)


# --- Person and visit ---------------------------------------------------------------------------


def _eligibility(asked: Asked, body: m.EligibilityResult) -> Nodes:
    flat = national_fields(body)
    base = {name: flat[name] for name in ("psn_no", "psn_name", "certno", "gend", "brdy")}
    given = asked.data.get("psn_cert_type", "01").rjust(2, "0")
    insurances = [
        {
            **{k: v for k, v in national_fields(one).items() if v},
            "cvlserv_flag": "1" if one.psn_type == _CIVIL_SERVANT else "0",
        }
        for one in body.insurances
    ]
    return {
        "baseinfo": {**base, "psn_cert_type": given, "age": _age(body.birth, asked.today)},
        "insuinfo": insurances,
        "idetinfo": [],
        # Of our own: the filings that the treatment region may see, and chronic registrations.
        "out_appy": [national_fields(one) for one in body.filings],
        "opspinfo": [{"opsp_dise_code": code} for code in body.chronic],
    }


def _age(birth: str, today: str) -> str:
    years = int(today[:4]) - int(birth[:4]) - (today[5:] < birth[5:])
    return f"{years}.0"


def _benefit_check(asked: Asked, body: m.BenefitCheckResult) -> Nodes:
    said = "; ".join(
        f"{code} {sentence(ErrorCode(code), 'zh')}"
        for code in body.hindrances
        if code in ErrorCode.__members__
    )
    row = {
        "psn_no": body.person_no,
        "trt_chk_type": "01",
        "fund_pay_type": pool_fund(pooled_fund(asked.data["insutype"])),
        "trt_enjymnt_flag": "1" if body.eligible else "0",
        "begndate": asked.data["begntime"][:10],
        "trt_chk_rslt": said,
    }
    return {"trtinfo": [row]}


def _registered(asked: Asked, body: m.Accepted) -> Nodes:
    data = asked.data
    return {
        "data": {
            "mdtrt_id": body.reference,
            "psn_no": data["psn_no"],
            "ipt_otp_no": data["ipt_otp_no"],
        }
    }


def _admitted(asked: Asked, body: m.Accepted) -> Nodes:
    return {"result": {"mdtrt_id": body.reference}}


def _nothing(asked: Asked, body: msgspec.Struct) -> Nodes:
    """These have no output node."""
    return {}


def _fees(asked: Asked, body: m.FeeUploadResult) -> Nodes:
    rows = []
    for line in body.lines:
        row = msgspec.to_builtins(to_twin(line))
        row["feedetl_sn"] = asked.read.serials.get(line.line_no, str(line.line_no))
        rows.append(row)
    return {"result": rows}


# --- Settlement ---------------------------------------------------------------------------------


def _settled(asked: Asked, body: m.SettlementResult) -> Nodes:
    info = setlinfo(body)
    for name in ("fulamt_ownpay_amt", "overlmt_selfpay", "preselfpay_amt", "mdtrt_cert_type"):
        if name in asked.data:
            info[name] = asked.data[name]
    info["clr_optins"] = asked.envelope["mdtrtarea_admvs"]
    info["medins_setl_id"] = asked.envelope["msgid"]
    if body.settlement_id:
        info["setl_time"] = asked.envelope["inf_time"]
    else:
        info.pop("setl_id", None)
    return {"setlinfo": info, "setldetail": setldetail(body)}


def setlinfo(body: m.SettlementResult) -> dict[str, str]:
    """The fields of `setlinfo` that a settlement's answer says."""
    info = national_fields(body)
    info["acct_mulaid_pay"] = yuan(0)
    info["clr_way"], info["clr_type"] = "1", str(clr_type_of(body.med_type))
    for ours in ("changed", "filing"):
        if not info.get(ours):
            info.pop(ours, None)
    return info


def setldetail(body: m.SettlementResult) -> list[dict[str, str]]:
    """What each fund pays; the sum is `fund_pay_sumamt`."""
    return [
        {
            "fund_pay_type": pool_fund(pay.fund_pay_type),
            "inscp_scp_amt": yuan(body.in_scope_fen),
            "fund_payamt": yuan(pay.fund_fen),
            "fund_pay_type_name": label("fund_pay_type", pool_fund(pay.fund_pay_type)),
        }
        for pay in body.funds
    ]


def _cancelled(asked: Asked, body: m.CancellationResult) -> Nodes:
    info = {
        "setl_id": body.settlement_id,
        "init_setl_id": body.original_id,
        "mdtrt_id": asked.data["mdtrt_id"],
        "psn_no": asked.data["psn_no"],
        "medfee_sumamt": yuan(-body.total_fen),
        "fund_pay_sumamt": yuan(-body.fund_fen),
        "acct_pay": yuan(-body.account_fen),
        "psn_cash_pay": yuan(-body.cash_fen),
        "psn_part_amt": yuan(-body.account_fen - body.cash_fen),
        "balc": yuan(body.balance_fen),
        "refd_setl_flag": "1",
        "setl_time": asked.envelope["inf_time"],
        "clr_optins": asked.envelope["mdtrtarea_admvs"],
        "medins_setl_id": asked.envelope["msgid"],
    }
    return {"setlinfo": info, "setldetail": []}


def _status(asked: Asked, body: m.StatusResult) -> Nodes:
    if body.state in _SETTLED and body.settlement:
        saved = msgspec.msgpack.decode(body.settlement, type=m.SettlementResult)
        envelope = asked.envelope
        info = {
            **setlinfo(saved),
            "refd_setl_flag": "0",
            "cash_payamt": yuan(saved.cash_fen),
            "insu_optins": envelope["insuplc_admdvs"],
            "pay_loc": pay_loc_of(envelope["mdtrtarea_admvs"], envelope["insuplc_admdvs"]),
        }
        if asked.place is not None:
            info["fixmedins_name"], info["hosp_lv"] = asked.place.name, asked.place.hosp_lv
        return {"setlinfo": info, "setldetail": setldetail(saved)}
    if body.state == "REVERSED":
        names = ("psn_no", "mdtrt_id", "setl_id")
        info = {name: asked.data[name] for name in names if name in asked.data}
        return {"setlinfo": {**info, "refd_setl_flag": "1"}, "setldetail": []}
    raise RemoteProtocolError(ErrorCode.E_NOT_SETTLED, got=body.state)


def _filed(asked: Asked, body: m.FilingResult) -> Nodes:
    return {"result": {"trt_dcla_detl_sn": body.filing_id}}


_WRITERS: dict[str, Callable[[Asked, Any], Nodes]] = {
    t.ELIGIBILITY: _eligibility,
    t.BENEFIT_CHECK: _benefit_check,
    t.REGISTRATION: _registered,
    t.ADMISSION: _admitted,
    **dict.fromkeys(
        (t.REGISTRATION_CANCELLATION, t.ADMISSION_CANCELLATION, t.DISCHARGE,
         t.DISCHARGE_CANCELLATION, t.REVERSAL, t.STAY_CHANGE, t.CLEARING_APPLICATION_WITHDRAWAL,
         t.ALLOCATION_CONFIRMATION, t.ALLOCATION_ROLLBACK,
         *sorted(t.VISIT_DIAGNOSES | t.FEE_WITHDRAWALS)),
        _nothing,
    ),
    **dict.fromkeys(sorted(t.FEE_UPLOADS), _fees),
    **dict.fromkeys(sorted(t.PRE_SETTLEMENTS | t.SETTLEMENTS), _settled),
    **dict.fromkeys(sorted(t.CANCELLATIONS), _cancelled),
    t.STATUS_QUERY: _status,
    t.REFERRAL_FILING: _filed,
    **AGENCY_WRITERS,
}  # fmt: skip
