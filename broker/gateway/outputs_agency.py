"""Answers to what is not a settlement: statements, clearing, lists, queries, files.

Codes of accumulators (`cum_type_code`) are our own, since no public list of them was found.
Source: interface (c).
"""

# ruff: noqa: ARG001 - the writers share one signature; not each needs all of it

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from yidi.broker.gateway.asked import Asked, Nodes
from yidi.protocol import messages as m
from yidi.protocol import messages_institution as i
from yidi.protocol import transactions as t
from yidi.protocol.codes import label, normalise_chronic
from yidi.protocol.instants import Instant, local_text
from yidi.protocol.money import yuan

_RESULTS = {"0": "对平", "1": "中心多", "2": "医药机构多", "3": "数据不一致"}
_CUMULATED = (
    ("DEDC", "deductible_fen"), ("HIFP", "pool_fen"), ("OOP", "own_fen"), ("OTP", "outpatient_fen"),
)  # fmt: skip
"""Our codes of what a year adds up to; stays are counted as `IPT`."""


def _totals(asked: Asked, body: i.TotalsReconciliationResult) -> Nodes:
    said = (
        f"{_RESULTS[body.result]}：中心{body.count}笔，医疗费{yuan(body.total_fen)}，"
        f"基金{yuan(body.fund_fen)}，个人账户{yuan(body.account_fen)}"
    )
    info = {"setl_optins": body.office, "stmt_rslt": body.result, "stmt_rslt_dscr": said[:200]}
    return {"stmtinfo": info}


def _file(body: i.FileResult) -> Nodes:
    return {
        "file_qury_no": body.file_no,
        "filename": body.filename,
        "dld_endtime": local_text(Instant(body.until)),
    }


def _details(asked: Asked, body: i.FileResult) -> Nodes:
    return {"fileinfo": _file(body)}


def _uploaded(asked: Asked, body: i.FileResult) -> Nodes:
    return _file(body)


def _applied(asked: Asked, body: m.Accepted) -> Nodes:
    return {"result": {"clr_appy_evt_id": body.reference}}


def _listed(asked: Asked, body: m.Accepted) -> Nodes:
    return {"setl_list_id": body.reference}


def _allocation(asked: Asked, body: i.ClearingAllocationResult) -> Nodes:
    first = int(asked.data["startrow"])
    rows = [
        {
            "seqno": str(first + index),
            "mdtrtarea": asked.envelope["mdtrtarea_admvs"],
            "medins_no": asked.envelope["fixmedins_code"],
            "psn_no": row.person_no,
            "mdtrt_id": row.visit,
            "mdtrt_setl_time": row.day,
            "setl_sn": row.key,
            "fulamt_advpay_flag": "0",
            "medfee_sumamt": yuan(row.total_fen),
            "optins_pay_sumamt": yuan(row.fund_fen),
            "cnfm_flag": "1" if row.included else "0",
        }
        for index, row in enumerate(body.rows)
    ]
    return {"data": rows}


def _accumulators(asked: Asked, body: i.AccumulatorResult) -> Nodes:
    rows = []
    for year in body.years:
        base = {"insutype": year.insutype, "year": year.year}
        base["cum_ym"] = asked.data.get("cum_ym", "")
        rows.append({**base, "cum_type_code": "IPT", "cum": f"{year.stays}.00"})
        rows += [
            {**base, "cum_type_code": code, "cum": yuan(getattr(year, name))}
            for code, name in _CUMULATED
        ]
    return {"cuminfo": rows}


def _chronic(asked: Asked, body: i.ChronicResult) -> Nodes:
    rows = [
        {
            "opsp_dise_code": code,
            "opsp_dise_name": label("chronic", normalise_chronic(code) or code),
        }
        for code in body.chronic
    ]
    return {"feedetail": rows}


def _stays(asked: Asked, body: i.StayQueryResult) -> Nodes:
    rows = [
        {
            "mdtrt_id": stay.visit,
            "psn_no": stay.person_no,
            "insutype": stay.insutype,
            "med_type": stay.med_type,
            "begntime": local_text(Instant(stay.begin)),
            "fixmedins_code": stay.institution,
            "dscg_maindiag_code": stay.diagnosis,
        }
        for stay in body.stays
    ]
    return {"data": rows}


AGENCY_WRITERS: dict[str, Callable[[Asked, Any], Nodes]] = {
    t.TOTALS_RECONCILIATION: _totals,
    t.DETAIL_RECONCILIATION: _details,
    t.CLEARING_APPLICATION: _applied,
    t.ALLOCATION_QUERY: _allocation,
    t.SETTLEMENT_LIST: _listed,
    t.ACCUMULATOR_QUERY: _accumulators,
    t.CHRONIC_QUERY: _chronic,
    t.STAY_QUERY: _stays,
    t.FILE_UPLOAD: _uploaded,
}
