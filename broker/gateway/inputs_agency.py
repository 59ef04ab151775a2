"""The same table for what is not a visit: statements, clearing, lists, queries, files.

Source: interface (c) field lists. The nodes of 5206 and 5303 follow general knowledge of the
specification; 3260 to 3262 are the in-province transactions, used across provinces here.
"""

from __future__ import annotations

from yidi.broker.gateway.fields import Call, call, node, optional, required, unused
from yidi.protocol import transactions as t
from yidi.protocol.messages_institution import PAGE_ROWS

_PSN = required("psn_no", "person_no", 30)
_STATEMENT = "/ybSettlementStmtService"
_SPAN = (required("stmt_begndate", "begin", 10), required("stmt_enddate", "end", 10))
_TOTALS = (
    required("medfee_sumamt", "total_fen"), required("fund_pay_sumamt", "fund_fen"),
    required("fixmedins_setl_cnt", "count", 10), optional("refd_setl_flag", "refunds", 6),
)  # fmt: skip
_MONTH = (required("trt_year", length=4), required("trt_month", length=2))
_LISTED = node(
    "setlinfo", _PSN, required("mdtrt_id", "visit", 30), required("setl_id", "settlement_id", 30),
    required("medcasno", "case_no", 40), optional("bill_no", "bill_no", 30),
    required("setl_begn_date", "begin", 19), required("setl_end_date", "end", 19),
    optional("hi_paymtd", "pay_way", 3),
    *unused(
        *("fixmedins_name fixmedins_code hi_setl_lv psn_name gend brdy age nwb_age".split()),
        *("psn_cert_type certno insuplc sp_psn_type ipt_med_type".split()),
        *("hi_no dcla_time ntly prfs curr_addr emp_name emp_addr emp_tel poscode".split()),
        *("coner_name patn_rlts coner_addr coner_tel nwb_adm_type nwb_bir_wt".split()),
        *("nwb_adm_wt opsp_diag_caty opsp_mdtrt_date adm_way trt_type adm_time".split()),
        *("adm_caty refldept_dept dscg_time dscg_caty otp_wm_dise wm_dise_code".split()),
        *("otp_tcm_dise tcm_dise_code vent_used_dura pwcry_bfadm_coma_dura bld_cat".split()),
        *("pwcry_afadm_coma_dura bld_amt bld_unt spga_nurscare_days".split()),
        *("lv1_nurscare_days scd_nurscare_days lv3_nurscare_days dscg_way".split()),
        *("acp_medins_name acp_optins_code bill_code biz_sn days_rinp_flag_31".split()),
        *("days_rinp_pup_31 chfpdr_name chfpdr_code medins_fill_dept".split()),
        *("medins_fill_psn resp_nurs_code stas_type exp_content".split()),
    ),
)  # fmt: skip
_LISTED_DISEASES = node(
    "diseinfo", required("diag_type", "kind", 3), required("diag_code", "code", 20),
    required("diag_name", "name", 100), required("maindiag_flag", "main", 3),
    *unused("adm_cond_type", "adm_cond", "diag_srt_no", "vali_flag", "exp_content"),
    many=True, to="diagnoses", limit=50,
)  # fmt: skip
_ALLOCATED = node(
    "detail", required("setl_sn", "key", 30), required("mdtrt_id", "visit", 30),
    optional("psn_no", "person_no", 30), required("mdtrt_setl_time", "day", 19),
    required("medfee_sumamt", "total_fen"), required("optins_pay_sumamt", "fund_fen"),
    required("cnfm_flag", "included", 3), *unused("certno", "seqno"),
    many=True, to="rows", limit=PAGE_ROWS,
)  # fmt: skip

AGENCY_CALLS: tuple[Call, ...] = (
    call(t.TOTALS_RECONCILIATION, f"{_STATEMENT}/stmtTotal", "医药机构费用结算对总账", node(
        "data", required("insutype", "insutype", 6), required("clr_type", "clr_type", 30),
        required("setl_optins", "office", 6), *_SPAN, required("acct_pay", "account_fen"),
        *_TOTALS, *unused("exp_content")), personal=False),
    call(t.DETAIL_RECONCILIATION, f"{_STATEMENT}/stmtDetail", "医药机构费用结算对明细账", node(
        "data", required("setl_optins", "office", 6), required("file_qury_no", "file_no", 30),
        *_SPAN, required("cash_payamt", "cash_fen"), *_TOTALS,
        optional("clr_type", "clr_type", 30), *unused("exp_content")), personal=False),
    call(t.CLEARING_APPLICATION, "", "清算申请", node(
        "data", required("clr_type", "clr_type", 30), optional("clr_way", "clr_way", 6),
        required("setlym", "period", 7), required("psntime", "persons", 6),
        required("medfee_sumamt", "total_fen"), required("med_sumfee", "accepted_fen"),
        required("fund_appy_sum", "fund_fen"), required("cash_payamt", "cash_fen"),
        required("acct_pay", "account_fen"), required("begndate", "begin", 10),
        required("enddate", "end", 10), optional("clr_optins", "office", 6),
        *unused("exp_content")), personal=False),
    call(t.CLEARING_APPLICATION_WITHDRAWAL, "", "清算申请撤销", node(
        "data", required("clr_appy_evt_id", "application", 30), optional("clr_optins", length=6),
        *unused("exp_content")), personal=False),
    call(t.ALLOCATION_QUERY, "", "提取异地清分明细", node(
        "data", *_MONTH, required("startrow", "start", 12)), personal=False),
    call(t.ALLOCATION_CONFIRMATION, "", "异地清分结果确认", node(
        "data", *_MONTH, required("totalrow", length=12)), _ALLOCATED, personal=False),
    call(t.ALLOCATION_ROLLBACK, "", "异地清分结果确认回退", node(
        "data", *_MONTH, required("otransid", "reference", 30)), personal=False),
    call(t.SETTLEMENT_LIST, "/medinfoupload/setllistinfoupldA", "医疗保障基金结算清单上传",
         _LISTED, _LISTED_DISEASES,
         ignored=("payinfo", "opspdiseinfo", "iteminfo", "oprninfo", "icuinfo", "bldinfo")),
    call(t.ACCUMULATOR_QUERY, "", "人员累计信息查询", node(
        "data", _PSN, optional("cum_ym", "period", 7), *unused("insutype", "exp_content"))),
    call(t.CHRONIC_QUERY, "", "人员慢特病备案查询", node(
        "data", _PSN, *unused("insutype", "exp_content"))),
    call(t.STAY_QUERY, "", "在院信息查询", node(
        "data", _PSN, optional("begntime", "begin", 19), optional("endtime", "end", 19),
        *unused("exp_content"))),
    call(t.FILE_UPLOAD, "/fileupload/upload", "文件上传", node(
        "fsUploadIn", required("in", "content", 262_144), required("filename", "filename", 200),
        optional("fixmedins_code", length=12)), personal=False),
    call(t.FILE_DOWNLOAD, "/fileupload/download", "文件下载", node(
        "fsDownloadIn", required("file_qury_no", "file_no", 30),
        optional("filename", "filename", 200), optional("fixmedins_code", length=12)),
         personal=False),
)  # fmt: skip
