"""Which national node carries which native field: one row a transaction.

What the table does not say, the envelope does (`FROM_ENVELOPE`) or the treatment region knows
from the visit (`LEFT`). Paths, with their misspellings, are the national ones.

Source: interface (a) paths, (c) field lists. The nodes of 2101, 2102, 1201 and 1901 are not in
public client code; they follow general knowledge of the specification.
"""

from __future__ import annotations

from yidi.broker.gateway.fields import Call, call, node, optional, required, shared, unused
from yidi.broker.gateway.inputs_agency import AGENCY_CALLS
from yidi.protocol import transactions as t

PREFIX = "/fsi/api"
CALL_SERVICE = PREFIX + "/rsfComIfsService/callService"

FROM_ENVELOPE = {"institution": "fixmedins_code", "insured": "insuplc_admdvs"}
"""Native fields that the envelope carries."""

_PSN = required("psn_no", "person_no", 30)
_VISIT = required("mdtrt_id", "visit", 30)
_CERT = (required("mdtrt_cert_type", length=3), required("mdtrt_cert_no", "certificate_no"))
_SHOWN = (required("mdtrt_cert_type", length=3), required("mdtrt_cert_no"))
_AMOUNTS = (
    optional("fulamt_ownpay_amt"), optional("overlmt_selfpay"), optional("preselfpay_amt"),
    optional("inscp_scp_amt"),
)  # fmt: skip
LEFT = {"begin": 0, "end": 0, "med_type": "", "batch": "0"}
"""What a settlement of a stay leaves to the region's knowledge of the visit."""


_LINE = (
    required("feedetl_sn", "line_no", 30),
    required("fee_ocur_time"),
    required("med_list_codg", "item"),
    required("medins_list_codg", length=150),
    required("det_item_fee_sumamt", "amount_fen"),
    required("cnt", "count_e4"),
    required("pric", "price_e6"),
    *unused(
        *("init_feedetl_sn drord_no rxno rx_circ_flag sin_dos_dscr used_frqu_dscr".split()),
        *("prd_days medc_way_dscr bilg_dept_codg bilg_dept_name bilg_dr_codg bilg_dr_name".split()),
        *("acord_dept_codg acord_dept_name orders_dr_code orders_dr_name hosp_appr_flag".split()),
        *("tcmdrug_used_way etip_flag etip_hosp_code dscg_tkdrug_flag matn_fee_flag".split()),
        *("memo exp_content expi_gestation_nub_of_m comb_no".split()),
    ),
)
_OUTPATIENT_FEES = node(
    "feedetail", shared("mdtrt_id", "visit"), shared("psn_no", "person_no"),
    shared("chrg_bchno", "batch"), shared("dise_codg", "disease", needed=False), *_LINE,
    many=True,
)  # fmt: skip
_INPATIENT_FEES = node(
    "feedetail", shared("mdtrt_id", "visit"), shared("psn_no", "person_no"),
    shared("chrg_bchno", "batch", needed=False), shared("med_type", "med_type", 6),
    *unused("dise_codg"), *_LINE, many=True,
)  # fmt: skip
_OUTPATIENT_CLAIM = (
    _PSN, *_CERT, required("med_type", "med_type", 6), required("medfee_sumamt", "total_fen"),
    required("psn_setlway", length=6), _VISIT, required("chrg_bchno", "batch", 30),
    required("acct_used_flag", "account_used", 1), required("insutype", "insutype", 6),
    optional("invono", "invoice", 20), *_AMOUNTS, *unused("exp_content", "pub_hosp_rfom_flag"),
)  # fmt: skip
_INPATIENT_CLAIM = (
    _PSN, *_CERT, required("medfee_sumamt", "total_fen"), required("psn_setlway", length=6),
    _VISIT, optional("acct_used_flag", "account_used", 1), required("insutype", "insutype", 6),
    optional("invono", "invoice", 20), required("mid_setl_flag", length=3),
    optional("chrg_bchno", "batch", 30), optional("dscgTime", length=19), *_AMOUNTS,
    *unused("exp_content"),
)  # fmt: skip
_CANCEL = node(
    "data", required("setl_id", "settlement_id", 30), _VISIT, _PSN, *unused("exp_content")
)
_CHANGE = node("data", _VISIT, _PSN, *unused("ipt_otp_no", "exp_content"))
_DRUG_CLAIM = node(
    "druginfo", _PSN, *_CERT, optional("begntime", "begin", 19),
    required("medfee_sumamt", "total_fen"), optional("invono", "invoice", 20),
    required("insutype", "insutype", 6), optional("dise_codg", "disease", 30),
    required("acct_used_flag", "account_used", 1), required("med_type", "med_type", 6),
    *unused("begntime", "dise_name", "exp_content"),
)  # fmt: skip
_DRUG_LINES = node("drugdetail", *_LINE, many=True)
_ADMITTED = (
    _PSN, required("insutype", "insutype", 6), required("begntime", "begin", 19), *_SHOWN,
    required("med_type", "med_type", 6), required("ipt_no", "visit", 30),
    required("dscg_maindiag_code", "diagnosis", 20), required("dscg_maindiag_name", length=300),
    optional("er_flag", "emergency", 1),
    *unused(
        *("coner_name tel medrcdno atddr_no chfpdr_name adm_diag_dscr adm_dept_codg".split()),
        *("adm_dept_name adm_bed main_cond_dscr dise_codg dise_name oprn_oprt_code".split()),
        *("oprn_oprt_name fpsc_no matn_type birctrl_type latechb_flag geso_val fetts".split()),
        *("fetus_cnt pret_flag birctrl_matn_date dise_type_code exp_content".split()),
    ),
)  # fmt: skip

_REGISTERED = (
    _PSN, required("insutype", "insutype", 6), required("begntime", "begin", 19), *_SHOWN,
    required("ipt_otp_no", "visit", 30), optional("med_type", "med_type", 6),
    optional("er_flag", "emergency", 1),
    *unused("atddr_no", "dr_name", "dept_code", "dept_name", "caty", "exp_content"),
)  # fmt: skip

_REFERRED = (
    _PSN, required("insutype", "insutype", 6), required("diag_code", "diagnosis", 20),
    required("mdtrtarea_admdvs", "area", 6), required("begndate", "valid_from", 19),
    optional("enddate", "valid_to", 19), required("refl_date", length=19),
    *unused(
        *("tel addr insu_optins diag_name dise_cond_dscr reflin_medins_no refl_type".split()),
        *("reflin_medins_name hosp_agre_refl_flag refl_rea refl_opnn refl_used_flag".split()),
        "exp_content",
    ),
)  # fmt: skip


_CORRECTED = (
    _VISIT, _PSN, optional("begntime", "begin", 19), optional("med_type", "med_type", 6),
    optional("dscg_maindiag_code", "diagnosis", 20), optional("dise_codg", "disease", 30),
    *unused(
        *("coner_name tel mdtrt_cert_type medrcdno atddr_no chfpdr_name adm_diag_dscr".split()),
        *("adm_dept_codg adm_dept_name adm_bed dscg_maindiag_name main_cond_dscr".split()),
        *("dise_name oprn_oprt_code oprn_oprt_name fpsc_no matn_type birctrl_type".split()),
        *("latechb_flag geso_val fetts fetus_cnt pret_flag birctrl_matn_date".split()),
        *("ipt_no endtime dise_type_code exp_content".split()),
    ),
)  # fmt: skip
_DIAGNOSED = node(
    "mdtrtinfo", _VISIT, _PSN, required("med_type", "med_type", 6),
    required("begntime", "begin", 19), optional("dise_codg", "disease", 30),
    *unused("main_cond_dscr", "dise_name", "birctrl_type", "birctrl_matn_date", "matn_type",
            "geso_val", "exp_content"),
)  # fmt: skip
_DISEASES = node(
    "diseinfo", required("diag_type", "kind", 3), required("diag_srt_no", "order", 2),
    required("diag_code", "code", 20), required("diag_name", "name", 100),
    required("vali_flag", "valid", 3), optional("maindiag_flag", "main", 3),
    *unused("diag_dept", "dise_dor_no", "dise_dor_name", "diag_time", "exp_content"),
    many=True, to="diagnoses", limit=50,
)  # fmt: skip
_LINE_NO = required("feedetl_sn", "line_nos", 30)

_OUTPATIENT, _STAY = "/outpatientSettleService", "/hospSettService"
_REGISTER, _DISCHARGE = "/hospitalRegisterService", "/dscgService"
_NO_BATCH = {"batch": ""}
_SALE = {"begin": 0, "end": 0, "batch": "1"}

CALLS: tuple[Call, ...] = (
    call("9001", "/signInSignOutService/signIn", "签到", node(
        "signIn", required("opter_no", length=20), optional("mac", length=20),
        optional("ip", length=20)), native=False),
    call("9002", "/signInSignOutService/signOut", "签退", node(
        "signOut", required("sign_no", length=30), required("opter_no", length=20)), native=False),
    call("1201", "/fsiFixMedInsService/queryFixMedIns", "医药机构信息获取", node(
        "medinsinfo", optional("fixmedins_type", length=6), optional("fixmedins_name", length=200),
        optional("fixmedins_code", length=12)), native=False),
    call("1901", "/catalogqueryservice/queryDataDic", "字典查询", node(
        "data", required("type", length=100), optional("value", length=30),
        *unused("parentValue", "admdvs", "date", "vali_flag")), native=False),
    call(t.ELIGIBILITY, "/fsiPsnInfoService/queryPsnInfo", "人员信息获取", node(
        "data", required("mdtrt_cert_type", "certificate_type", 3),
        required("mdtrt_cert_no"), optional("card_sn", length=32),
        optional("begntime", "begin", 19), required("psn_cert_type", length=6),
        optional("certno", "certificate_no"), optional("psn_name", "name"),
        optional("psn_no", "person_no", 30), *unused("exp_content"))),
    call(t.BENEFIT_CHECK, "/fsiPsnPriorityInfoService/queryPsnPriorityInfo", "待遇享受检查", node(
        "data", _PSN, required("insutype", "insutype", 6), required("med_type", "med_type", 6),
        required("begntime", "begin", 19), optional("dise_codg", "disease", 30),
        optional("er_flag", "emergency", 1), optional("fixmedins_code", length=12),
        *unused("endtime", "dise_name", "oprn_oprt_code", "oprn_oprt_name", "matn_type",
                "birctrl_type", "exp_content"))),
    call(t.PHARMACY_PRE_SETTLEMENT, "", "药店预结算", _DRUG_CLAIM, _DRUG_LINES,
          given=_SALE),
    call(t.PHARMACY_SETTLEMENT, "", "药店结算", _DRUG_CLAIM, _DRUG_LINES,
          given=_SALE),
    call(t.PHARMACY_CANCELLATION, "", "药店结算撤销", _CANCEL, given=_NO_BATCH),
    # (sic), here and below: the national paths are misspelt.
    call(t.REGISTRATION, "/outpatientDocInfoService/outpatientRregistration", "门诊挂号",
          node("data", *_REGISTERED), given={"med_type": "11"}),
    call(t.REGISTRATION_CANCELLATION, "/outpatientDocInfoService/outpatientRegistrationCancel",
          "挂号撤销", _CHANGE),
    call(t.VISIT_DIAGNOSIS, "/outpatientDocInfoService/outpatientMdtrtinfoUp", "门诊就诊信息上传",
         _DIAGNOSED, _DISEASES),
    call(t.VISIT_DIAGNOSIS_A, "/outpatientDocInfoService/outpatientMdtrtinfoUpA",
         "门诊就诊信息上传", _DIAGNOSED, _DISEASES),
    call(t.OUTPATIENT_FEE_WITHDRAWAL, "/outpatientDocInfoService/outpatientFeeListUpCancel",
         "门诊费用明细撤销", node(
             "data", shared("mdtrt_id", "visit"), shared("psn_no", "person_no"),
             shared("chrg_bchno", "batches"), _LINE_NO, *unused("exp_content"), many=True,
             to="line_nos")),
    call(t.OUTPATIENT_FEES, "/outpatientDocInfoService/outpatientFeeListUp", "门诊费用明细上传",
          _OUTPATIENT_FEES, given={"insutype": "", "med_type": ""}),
    call(t.OUTPATIENT_PRE_SETTLEMENT, f"{_OUTPATIENT}/preSettletment", "门诊预结算",
          node("data", *_OUTPATIENT_CLAIM), given=LEFT),
    call(t.OUTPATIENT_SETTLEMENT, f"{_OUTPATIENT}/saveSettletmentV2", "门诊结算",
          node("data", *_OUTPATIENT_CLAIM), given=LEFT),
    call(t.OUTPATIENT_CANCELLATION, f"{_OUTPATIENT}/cancleSettletment", "门诊结算撤销", _CANCEL,
          given=_NO_BATCH),
    call(t.INPATIENT_FEES, "/hospFeeDtlService/feeDtlUp", "住院费用明细上传", _INPATIENT_FEES,
          given={"insutype": "", "batch": "0"}),
    call(t.INPATIENT_FEE_WITHDRAWAL, "/hospFeeDtlService/feeDtlCl", "住院费用明细撤销", node(
        "data", shared("mdtrt_id", "visit"), shared("psn_no", "person_no"), _LINE_NO,
        *unused("exp_content"), many=True, to="line_nos")),
    call(t.INPATIENT_PRE_SETTLEMENT, f"{_STAY}/preSett", "住院预结算",
          node("data", *_INPATIENT_CLAIM), given=LEFT),
    call(t.INPATIENT_SETTLEMENT, f"{_STAY}/settV2", "住院结算",
          node("data", *_INPATIENT_CLAIM), given=LEFT),
    call(t.INPATIENT_CANCELLATION, f"{_STAY}/settCl", "住院结算撤销", _CANCEL, given=_NO_BATCH),
    call(t.ADMISSION, f"{_REGISTER}/hospitalRegisterSave", "入院办理",
          node("mdtrtinfo", *_ADMITTED), ignored=("diseinfo",)),
    call(t.DISCHARGE, f"{_DISCHARGE}/dischargeProcess", "出院办理", node(
        "dscginfo", _VISIT, _PSN, required("insutype", length=6),
        required("endtime", "end", 19), required("dscg_way", length=3),
        *unused("dscg_dept_codg", "dscg_dept_name", "dscg_bed", "die_date", "cop_flag", "matn_type",
                "birctrl_type", "latechb_flag", "geso_val", "fetts", "fetus_cnt", "pret_flag",
                "birctrl_matn_date", "exp_content")), ignored=("diseinfo",)),
    call(t.STAY_CHANGE, f"{_REGISTER}/hospitalRegisterEdit", "住院信息变更",
         node("adminfo", *_CORRECTED), ignored=("diseinfo",)),
    call(t.ADMISSION_CANCELLATION, f"{_REGISTER}/hospitalRegisterCancel", "入院撤销", _CHANGE),
    call(t.DISCHARGE_CANCELLATION, f"{_DISCHARGE}/dischargeUndo", "出院撤销", _CHANGE),
    call(t.REFERRAL_FILING, "", "转院备案", node("refmedin", *_REFERRED),
          given={"category": "referral"}),
    call(t.REVERSAL, "/reverseService/revsMethod", "冲正", node(
        "data", _PSN, required("omsgid", "original_message_id", 30),
        required("oinfno", "original_transaction", 5))),
    call(t.STATUS_QUERY, "/fsiIntegratedQueryService/querySetlDB", "结算信息查询", node(
        "data", _PSN, required("mdtrt_id", "visit", 30), optional("setl_id", "settlement_id", 30))),
    *AGENCY_CALLS,
)  # fmt: skip

BY_INFNO: dict[str, Call] = {call.infno: call for call in CALLS}
BY_PATH: dict[str, Call] = {PREFIX + call.path: call for call in CALLS if call.path}
