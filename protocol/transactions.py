"""Every transaction that has a flow here: its number, its word, and how it may be repeated.

The numbers are the national platform's where it has one; what has none (the leg between a
province and the nation is nowhere published) carries a letter and is our own design. A
transaction is an *effect* (idempotent by case key and transaction: the first answer's body
again, byte for byte), *repeatable* (the same message id gets the same answer, a new one is
computed afresh), or *local* to one region and its institutions or operators.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum

import msgspec


class Kind(IntEnum):
    """What an envelope is within its exchange."""

    REQUEST = 0
    RESULT = 1
    REJECTION = 2


# A member of an enumeration costs a lookup through its class; every message passes here.
REQUEST, RESULT, REJECTION = Kind.REQUEST.value, Kind.RESULT.value, Kind.REJECTION.value


class Manner(StrEnum):
    """How a transaction may be repeated; see the module's text."""

    EFFECT = "effect"
    REPEATABLE = "repeatable"
    LOCAL = "local"


class Transaction(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the catalogue."""

    code: str
    word: str
    """The word scenario files and fault sentences use; several numbers may share one."""
    zh: str
    en: str
    manner: Manner


ELIGIBILITY = "1101"
BENEFIT_CHECK = "2001"
PHARMACY_PRE_SETTLEMENT, PHARMACY_SETTLEMENT, PHARMACY_CANCELLATION = "2101", "2102", "2103"
REGISTRATION, REGISTRATION_CANCELLATION = "2201", "2202"
VISIT_DIAGNOSIS, VISIT_DIAGNOSIS_A = "2203", "2203A"
OUTPATIENT_FEES = "2204"
OUTPATIENT_FEE_WITHDRAWAL = "2205"
OUTPATIENT_PRE_SETTLEMENT, OUTPATIENT_SETTLEMENT = "2206", "2207"
OUTPATIENT_CANCELLATION = "2208"
INPATIENT_FEES = "2301"
INPATIENT_FEE_WITHDRAWAL = "2302"
INPATIENT_PRE_SETTLEMENT, INPATIENT_SETTLEMENT = "2303", "2304"
INPATIENT_CANCELLATION = "2305"
ADMISSION, DISCHARGE, STAY_CHANGE = "2401", "2402", "2403"
ADMISSION_CANCELLATION, DISCHARGE_CANCELLATION = "2404", "2405"
REFERRAL_FILING = "2501"
REVERSAL = "2601"
TOTALS_RECONCILIATION, DETAIL_RECONCILIATION = "3201", "3202"
CLEARING_APPLICATION, CLEARING_APPLICATION_WITHDRAWAL = "3203", "3204"
ALLOCATION_QUERY, ALLOCATION_CONFIRMATION, ALLOCATION_ROLLBACK = "3260", "3261", "3262"
SETTLEMENT_LIST = "4101A"
STATUS_QUERY = "5203"
ACCUMULATOR_QUERY, CHRONIC_QUERY, STAY_QUERY = "5206", "5301", "5303"
FILE_UPLOAD, FILE_DOWNLOAD = "9101", "9102"
FILING, FILING_DECISION, FILING_WITHDRAWAL = "F10", "F11", "F12"
FILING_UPLOAD, FILING_QUERY = "F20", "F30"
DAY_CLOSE = "D10"
DAILY_STATEMENT, DAILY_DETAIL = "D20", "D30"
CLEARING_DECLARATION, CLEARING_DETAIL = "C10", "C20"
CLEARING_TABLE, CLEARING_CLOSE = "C30", "C40"
CLEARING_NOTICE, PAYMENT_FEEDBACK = "C50", "C60"
FUND_TRANSFER = "C70"
PREFUND_ALARM, PREFUND_NOTICE, PREFUND_TRANSFER = "P10", "P20", "P30"
INSURANCE_STATUS, ADJUSTMENT = "O10", "O20"
TEST_OUTCOME, TEST_RESET, TEST_PERSON = "X10", "X20", "X30"
TEST_STATUS, TEST_DECISION = "X40", "X50"

_E, _R, _L = Manner.EFFECT, Manner.REPEATABLE, Manner.LOCAL


def _row(code: str, word: str, zh: str, en: str, manner: Manner) -> Transaction:
    return Transaction(code=code, word=word, zh=zh, en=en, manner=manner)


TRANSACTIONS: tuple[Transaction, ...] = (
    _row(ELIGIBILITY, "eligibility", "人员信息获取", "eligibility", _R),
    _row(BENEFIT_CHECK, "benefit_check", "待遇享受检查", "benefit check", _R),
    _row(PHARMACY_PRE_SETTLEMENT, "pre_settlement", "药店预结算", "pharmacy pre-settlement", _R),
    _row(PHARMACY_SETTLEMENT, "settlement", "药店结算", "pharmacy settlement", _E),
    _row(PHARMACY_CANCELLATION, "cancellation", "药店结算撤销", "pharmacy cancellation", _E),
    _row(REGISTRATION, "registration", "门诊挂号", "outpatient registration", _L),
    _row(REGISTRATION_CANCELLATION, "registration_cancellation", "挂号撤销",
         "registration cancelled", _L),
    _row(VISIT_DIAGNOSIS, "visit_diagnosis", "门诊就诊信息上传", "visit diagnosis", _L),
    _row(VISIT_DIAGNOSIS_A, "visit_diagnosis", "门诊就诊信息上传", "visit diagnosis", _L),
    _row(OUTPATIENT_FEES, "fee_upload", "门诊费用明细上传", "outpatient fee upload", _R),
    _row(OUTPATIENT_FEE_WITHDRAWAL, "fee_withdrawal", "门诊费用明细撤销",
         "outpatient fees withdrawn", _R),
    _row(OUTPATIENT_PRE_SETTLEMENT, "pre_settlement", "门诊预结算", "outpatient pre-settlement",
         _R),
    _row(OUTPATIENT_SETTLEMENT, "settlement", "门诊结算", "outpatient settlement", _E),
    _row(OUTPATIENT_CANCELLATION, "cancellation", "门诊结算撤销", "outpatient cancellation", _E),
    _row(INPATIENT_FEES, "fee_upload", "住院费用明细上传", "inpatient fee upload", _R),
    _row(INPATIENT_FEE_WITHDRAWAL, "fee_withdrawal", "住院费用明细撤销",
         "inpatient fees withdrawn", _R),
    _row(INPATIENT_PRE_SETTLEMENT, "pre_settlement", "住院预结算", "inpatient pre-settlement", _R),
    _row(INPATIENT_SETTLEMENT, "settlement", "住院结算", "inpatient settlement", _E),
    _row(INPATIENT_CANCELLATION, "cancellation", "住院结算撤销", "inpatient cancellation", _E),
    _row(ADMISSION, "admission", "入院办理", "admission", _L),
    _row(DISCHARGE, "discharge", "出院办理", "discharge", _L),
    _row(STAY_CHANGE, "stay_change", "住院信息变更", "stay corrected", _L),
    _row(ADMISSION_CANCELLATION, "admission_cancellation", "入院撤销", "admission cancelled", _L),
    _row(DISCHARGE_CANCELLATION, "discharge_cancellation", "出院撤销", "discharge cancelled", _L),
    _row(REFERRAL_FILING, "referral_filing", "转院备案", "referral filing", _E),
    _row(REVERSAL, "reversal", "冲正", "reversal", _E),
    _row(TOTALS_RECONCILIATION, "totals_reconciliation", "医药机构费用结算对总账",
         "reconciliation of totals", _L),
    _row(DETAIL_RECONCILIATION, "detail_reconciliation", "医药机构费用结算对明细账",
         "reconciliation of details", _L),
    _row(CLEARING_APPLICATION, "clearing_application", "清算申请", "clearing application", _L),
    _row(CLEARING_APPLICATION_WITHDRAWAL, "clearing_application_withdrawal", "清算申请撤销",
         "clearing application withdrawn", _L),
    _row(ALLOCATION_QUERY, "allocation_query", "异地清分明细提取", "allocation details", _L),
    _row(ALLOCATION_CONFIRMATION, "allocation_confirmation", "异地清分结果确认",
         "allocation confirmed", _L),
    _row(ALLOCATION_ROLLBACK, "allocation_rollback", "异地清分结果确认回退",
         "allocation rolled back", _L),
    _row(SETTLEMENT_LIST, "settlement_list", "医疗保障基金结算清单上传", "settlement list", _L),
    _row(STATUS_QUERY, "status_query", "结算信息查询", "status query", _R),
    _row(ACCUMULATOR_QUERY, "accumulator_query", "人员累计信息查询", "accumulators", _R),
    _row(CHRONIC_QUERY, "chronic_query", "人员慢特病备案查询", "chronic registrations", _R),
    _row(STAY_QUERY, "stay_query", "在院信息查询", "stays under way", _L),
    _row(FILE_UPLOAD, "file_upload", "文件上传", "file upload", _L),
    _row(FILE_DOWNLOAD, "file_download", "文件下载", "file download", _L),
    _row(FILING, "filing", "异地就医备案", "remote filing", _E),
    _row(FILING_DECISION, "filing_decision", "备案审核", "filing decision", _E),
    _row(FILING_WITHDRAWAL, "filing_withdrawal", "备案撤销", "filing withdrawn", _E),
    _row(FILING_UPLOAD, "filing_upload", "备案信息上报", "filing uploaded to the hub", _E),
    _row(FILING_QUERY, "filing_query", "备案信息查询", "filing query", _R),
    _row(DAY_CLOSE, "day_close", "日切", "day close", _E),
    _row(DAILY_STATEMENT, "daily_statement", "日对账单", "daily statement", _R),
    _row(DAILY_DETAIL, "daily_detail", "日对账明细", "daily detail", _R),
    _row(CLEARING_DECLARATION, "clearing_declaration", "清算申报", "clearing declaration", _R),
    _row(CLEARING_DETAIL, "clearing_detail", "清分明细核对", "clearing detail check", _R),
    _row(CLEARING_TABLE, "clearing_table", "清算表签章确认", "clearing table to confirm", _E),
    _row(CLEARING_CLOSE, "clearing_close", "清算批次关闭", "clearing batch closed", _E),
    _row(CLEARING_NOTICE, "clearing_notice", "清算通知书", "clearing notice", _E),
    _row(PAYMENT_FEEDBACK, "payment_feedback", "支付反馈", "payment feedback", _E),
    _row(FUND_TRANSFER, "fund_transfer", "财政拨款", "transfer between finance accounts", _E),
    _row(PREFUND_ALARM, "prefund_alarm", "预付金预警", "prefund alarm", _E),
    _row(PREFUND_NOTICE, "prefund_notice", "预付金紧急调增通知书", "prefund top-up notice", _E),
    _row(PREFUND_TRANSFER, "prefund_transfer", "预付金拨付", "prefund paid", _E),
    _row(INSURANCE_STATUS, "insurance_status", "参保状态变更", "insurance status changed", _L),
    _row(ADJUSTMENT, "adjustment", "清算调整", "adjustment of a cleared case", _E),
)  # fmt: skip

TEST_CONTROL: tuple[Transaction, ...] = (
    _row(TEST_OUTCOME, "test_outcome", "设定下一结果", "next outcome set", _L),
    _row(TEST_RESET, "test_reset", "恢复初始状态", "reset", _L),
    _row(TEST_PERSON, "test_person", "新增测试人员", "person added", _L),
    _row(TEST_STATUS, "test_status", "查看待处理报文", "what waits", _L),
    _row(TEST_DECISION, "test_decision", "处理待处理报文", "decision on what waits", _L),
)
"""What a tester tells a live node: no part of the network's language, nor of its schema."""

CATALOGUE: dict[str, Transaction] = {row.code: row for row in (*TRANSACTIONS, *TEST_CONTROL)}
"""Everything that an envelope may carry."""

PRE_SETTLEMENTS = frozenset(
    {PHARMACY_PRE_SETTLEMENT, OUTPATIENT_PRE_SETTLEMENT, INPATIENT_PRE_SETTLEMENT}
)
SETTLEMENTS = frozenset({PHARMACY_SETTLEMENT, OUTPATIENT_SETTLEMENT, INPATIENT_SETTLEMENT})
CANCELLATIONS = frozenset({PHARMACY_CANCELLATION, OUTPATIENT_CANCELLATION, INPATIENT_CANCELLATION})
FEE_UPLOADS = frozenset({OUTPATIENT_FEES, INPATIENT_FEES})
FEE_WITHDRAWALS = frozenset({OUTPATIENT_FEE_WITHDRAWAL, INPATIENT_FEE_WITHDRAWAL})
VISIT_DIAGNOSES = frozenset({VISIT_DIAGNOSIS, VISIT_DIAGNOSIS_A})
QUESTIONS = frozenset({ELIGIBILITY, BENEFIT_CHECK, ACCUMULATOR_QUERY, CHRONIC_QUERY})
"""What a treatment region merely passes on to the insured region, and back."""
MONEY_ANSWERS = SETTLEMENTS | CANCELLATIONS | {REVERSAL, STATUS_QUERY}
"""Transactions whose answers the hub opens, because it must book them."""
REVERSIBLE = SETTLEMENTS | CANCELLATIONS
"""What 2601 may name here (2401 is local to a region and undone by 2404). Source: interface (g)."""


def title(code: str, language: str = "en") -> str:
    """The transaction as people read it: name and number, `门诊结算 2207`."""
    row = CATALOGUE[code]
    return f"{row.zh if language == 'zh' else row.en} {code}"


def codes_of(word: str) -> tuple[str, ...]:
    """Every number that a word stands for: `settlement` → 2102, 2207, 2304."""
    return tuple(row.code for row in TRANSACTIONS if row.word == word)


_CODES_BY_WORD = {row.word: codes_of(row.word) for row in TRANSACTIONS}


def is_of(code: str, med_type: str) -> bool:
    """Whether a number of a family is the one for a visit: 2206, 2207, 2208 for outpatients."""
    return code in _CODES_OF_VISIT.get(med_type[:1], _CODES_OF_VISIT["1"])


def family_code(word: str, med_type: str) -> str:
    """The number of `fee_upload`, `pre_settlement`, `settlement` or `cancellation` for a visit."""
    codes = _CODES_BY_WORD[word]
    if word == "fee_upload":
        return codes[1] if med_type[0] == "2" else codes[0]
    return codes[{"4": 0, "2": 2}.get(med_type[0], 1)]


_FAMILIES = ("fee_upload", "pre_settlement", "settlement", "cancellation")
_CODES_OF_VISIT = {
    first: frozenset(family_code(word, first) for word in _FAMILIES) for first in "0123456789"
}
"""By the first digit of `med_type`."""
