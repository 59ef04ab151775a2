"""Which national field name each native field has at the JSON edges.

One table, by native name; what differs for a body type stands in `EXCEPTIONS`. A field that is
in neither keeps its own name, because the national interface has none for it: the leg between
a province and the nation is our own design. Amounts never keep theirs: JSON carries yuan, and
a name that ends in `_fen` would lie. Source: interface (c), the field lists.
"""

from __future__ import annotations

NAMES: dict[str, str] = {
    "person_no": "psn_no",
    "certificate_type": "mdtrt_cert_type",
    "certificate_no": "mdtrt_cert_no",
    "name": "psn_name",
    "sex": "gend",
    "birth": "brdy",
    "insurances": "insuinfo",
    "filings": "out_appy",
    "chronic": "opsp_dise_code",
    "suspended_from": "paus_insu_date",
    "insured": "insuplc_admdvs",
    "treatment": "mdtrtarea_admvs",
    "institution": "fixmedins_code",
    "visit": "mdtrt_id",
    "batch": "chrg_bchno",
    "disease": "dise_codg",
    "diagnosis": "diag_code",
    "emergency": "er_flag",
    "begin": "begntime",
    "end": "endtime",
    "invoice": "invono",
    "level": "hosp_lv",
    "account_used": "acct_used_flag",
    "lines": "feedetail",
    "line_no": "feedetl_sn",
    "item": "med_list_codg",
    "count_e4": "cnt",
    "price_e6": "pric",
    "grade": "chrgitm_lv",
    "total_fen": "medfee_sumamt",
    "full_self_fen": "fulamt_ownpay_amt",
    "over_limit_fen": "overlmt_selfpay",
    "prepay_fen": "preselfpay_amt",
    "in_scope_fen": "inscp_scp_amt",
    "deductible_fen": "act_pay_dedc",
    "ratio_bp": "pool_prop_selfpay",
    "funds": "setldetail",
    "fund_fen": "fund_pay_sumamt",
    "account_fen": "acct_pay",
    "cash_fen": "psn_cash_pay",
    "hospital_fen": "hosp_part_amt",
    "balance_fen": "balc",
    "settlement_id": "setl_id",
    "original_id": "init_setl_id",
    "original_message_id": "omsgid",
    "original_transaction": "oinfno",
    "settlement": "setlinfo",
    "filing_id": "trt_dcla_detl_sn",
    "category": "filing",
    "area": "rloc_admdvs",
    "valid_from": "begndate",
    "valid_to": "enddate",
    "status": "state",
    "outcome": "state",
    "eligible": "trt_enjymnt_flag",
    "hindrances": "trt_chk_rslt",
    "differs": "changed",
    "reason": "memo",
    "amount_fen": "amt",
    "amounts": "amts",
    "adjust_fen": "adjust_amt",
    "payable_fen": "payable_amt",
    "used_fen": "used_amt",
    "granted_fen": "granted_amt",
    "diagnoses": "diseinfo",
    "batches": "chrg_bchno",
    "line_nos": "feedetl_sn",
    "office": "setl_optins",
    "refunds": "refd_setl_flag",
    "file_no": "file_qury_no",
    "until": "dld_endtime",
    "application": "clr_appy_evt_id",
    "case_no": "medcasno",
    "pay_way": "hi_paymtd",
}
"""Native field name to national name."""

# A clearing batch is not a charge batch, and a case of a clearing has no fee lines.
_CLEARING = {"batch": "batch", "lines": "lines"}
_STATEMENT = {
    "begin": "stmt_begndate", "end": "stmt_enddate", "count": "fixmedins_setl_cnt",
    "cash_fen": "cash_payamt", "result": "stmt_rslt",
}  # fmt: skip
_APPLICATION = {
    "period": "setlym", "begin": "begndate", "end": "enddate", "persons": "psntime",
    "accepted_fen": "med_sumfee", "fund_fen": "fund_appy_sum", "cash_fen": "cash_payamt",
    "office": "clr_optins",
}  # fmt: skip

EXCEPTIONS: dict[str, dict[str, str]] = {
    "Insurance": {"status": "psn_insu_stas"},
    "PrefundAlarm": {"level": "level"},
    "InsuranceStatus": {"status": "psn_insu_stas"},
    "EligibilityResult": {"certificate_no": "certno"},
    "FundPay": {"fund_fen": "fund_payamt"},
    "FundSum": {"fund_fen": "fund_payamt"},
    "FeeLine": {"amount_fen": "det_item_fee_sumamt", "over_limit_fen": "overlmt_amt"},
    "FeeUploadResult": {"lines": "result"},
    "FilingUpload": {"filing": "out_appy"},
    "DailyDetailResult": _CLEARING,
    "ClearingDetail": _CLEARING,
    "ClearingDetailResult": _CLEARING,
    "ClearingTable": _CLEARING,
    "ClearingClose": _CLEARING,
    "ClearingNotice": _CLEARING,
    "PaymentFeedback": _CLEARING,
    "Diagnosis": {
        "kind": "diag_type",
        "order": "diag_srt_no",
        "code": "diag_code",
        "name": "diag_name",
        "valid": "vali_flag",
        "main": "maindiag_flag",
    },
    "TotalsReconciliation": _STATEMENT,
    "TotalsReconciliationResult": _STATEMENT,
    "DetailReconciliation": _STATEMENT,
    "ClearingApplication": _APPLICATION,
    "ClearingAllocationQuery": {"start": "startrow"},
    "ClearingAllocationRow": {
        "key": "setl_sn",
        "day": "mdtrt_setl_time",
        "fund_fen": "optins_pay_sumamt",
        "included": "cnfm_flag",
    },
    "ClearingAllocationResult": {"rows": "data"},
    "ClearingAllocationConfirmation": {"rows": "detail"},
    "ClearingAllocationRollback": {"reference": "otransid"},
    "SettlementList": {"begin": "setl_begn_date", "end": "setl_end_date"},
    "Accumulator": {
        "pool_fen": "hifp_pay",
        "own_fen": "compliant_oop",
        "outpatient_fen": "outpatient_pay",
    },
}
"""Body type to the names that differ there."""

FLAGS = frozenset({"account_used", "emergency", "eligible", "refunds", "included", "valid", "main"})
"""Native booleans that the national interface writes as the codes 0 and 1."""

FUND_COLUMNS: dict[str, str] = {
    "320100": "cvlserv_pay",
    "330100": "hifob_pay",
    "350100": "hifdm_pay",
    "370100": "hifes_pay",
    "390200": "hifmi_pay",
    "610100": "maf_pay",
}
"""Fund (national form) to the column that `setlinfo` has for it, where it is not the pool's."""

POOL_COLUMN, OTHER_COLUMN = "hifp_pay", "oth_pay"


def national_name(body_type: str, field: str) -> str:
    """The national name of a native field of a body type; its own where there is none."""
    exceptions = EXCEPTIONS.get(body_type)
    if exceptions is not None and field in exceptions:
        return exceptions[field]
    return NAMES.get(field, field)
