"""Codes that mean something to a program, and the dictionaries that name them for people.

A *dictionary* (字典) is known by the name of its field (`med_type`, `insutype`, …). What our own
code branches on is an enum here; all other codes stay strings. Codes travel as they are
written; `check_code` refuses one that is not in its dictionary, `label` names it for a reader
and never fails. Local extensions (99xx, four-digit visit types) are not in the dictionaries.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from yidi.protocol import code_tables as tables
from yidi.protocol.errors import ErrorCode, RemoteProtocolError

DICTIONARIES: Mapping[str, Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "insutype": tables.INSUTYPE,
        "med_type": tables.MED_TYPE,
        "psn_type": tables.PSN_TYPE,
        "fund_pay_type": tables.FUND_PAY_TYPE,
        "clr_type": tables.CLR_TYPE,
        "clr_way": tables.CLR_WAY,
        "clr_stas": tables.CLR_STAS,
        "pay_loc": tables.PAY_LOC,
        "setl_type": tables.SETL_TYPE,
        "mdtrt_cert_type": tables.MDTRT_CERT_TYPE,
        "psn_cert_type": tables.PSN_CERT_TYPE,
        "gend": tables.GEND,
        "psn_insu_stas": tables.PSN_INSU_STAS,
        "psn_setlway": tables.PSN_SETLWAY,
        "hosp_lv": tables.HOSP_LV,
        "national_hosp_lv": tables.NATIONAL_HOSP_LV,
        "filing": tables.FILING,
        "national_filing": tables.NATIONAL_FILING,
        "chronic": tables.CHRONIC,
        "chrgitm_lv": tables.CHRGITM_LV,
        "stmt_rslt": tables.STMT_RSLT,
        "dscg_way": tables.DSCG_WAY,
        "flag": tables.FLAG,
        "case_state": tables.CASE_STATE,
        "posting_kind": tables.POSTING_KIND,
        "clearing_state": tables.CLEARING_STATE,
        "difference": tables.DIFFERENCE,
        "warning": tables.WARNING,
    }
)
"""Every dictionary by name: code → (zh, en)."""


class VisitKind(StrEnum):
    """The family of a visit type: which flow it takes."""

    OUTPATIENT = "outpatient"
    CHRONIC = "chronic"
    INPATIENT = "inpatient"
    PHARMACY = "pharmacy"


class ClrType(StrEnum):
    """清算类别: under which heading a settlement is cleared."""

    OUTPATIENT = "11"
    INPATIENT = "21"
    PHARMACY = "41"


class Filing(StrEnum):
    """Categories of remote filing (异地就医备案)."""

    NONE = "none"
    RESETTLED = "resettled"
    LONG_STAY = "long_stay"
    POSTED = "posted"
    REFERRAL = "referral"
    EMERGENCY = "emergency"
    OTHER_TEMPORARY = "other_temporary"


class HospitalLevel(StrEnum):
    """Our own scale of hospital levels; the national scale has eleven steps."""

    ONE = "1"
    TWO = "2"
    THREE = "3"
    PROVINCIAL = "provincial"


class CaseState(StrEnum):
    """Where a settlement unit stands in one node's books."""

    NEW = "NEW"
    PRESETTLED = "PRESETTLED"
    INDOUBT = "INDOUBT"
    SETTLED = "SETTLED"
    REJECTED = "REJECTED"
    REVERSED = "REVERSED"
    CLEARED = "CLEARED"


class PostingKind(StrEnum):
    """Why money moved in a ledger."""

    SETTLE = "SETTLE"
    CANCEL = "CANCEL"
    REVERSE = "REVERSE"
    REINSTATE = "REINSTATE"
    ADJUST = "ADJUST"
    PREFUND = "PREFUND"
    CLEAR = "CLEAR"


class ClearingState(StrEnum):
    """How far a closed clearing row has come."""

    CONFIRMED = "CONFIRMED"
    NOTIFIED = "NOTIFIED"
    PAID = "PAID"
    FAILED = "FAILED"


class Difference(StrEnum):
    """How the books of the three parties differ over one case (对账差异).

    With three parties a one-sided entry (单边账) is either alone in one book (`…_only`) or
    absent from one book (`…_missing`).
    """

    TREATMENT_ONLY = "treatment_only"
    HUB_ONLY = "hub_only"
    INSURED_ONLY = "insured_only"
    TREATMENT_MISSING = "treatment_missing"
    HUB_MISSING = "hub_missing"
    INSURED_MISSING = "insured_missing"
    AMOUNT = "amount"
    DUPLICATE = "duplicate"
    STATE = "state"
    DAY = "day"
    INSUTYPE = "insutype"


class Fund(StrEnum):
    """基金支付类型 in the national form (…100); the pool's form is …101."""

    EMPLOYEE_POOL = "310100"
    ACCOUNT = "310200"
    CIVIL_SERVANTS = "320100"
    LARGE_EXPENSE = "330100"
    VETERAN_CADRES = "340100"
    DISABLED_SERVICEMEN = "350100"
    RED_ARMY = "360100"
    ENTERPRISE = "370100"
    RESIDENT_POOL = "390100"
    SERIOUS_ILLNESS = "390200"
    LONG_TERM_CARE = "410100"
    MATERNITY = "510100"
    ASSISTANCE = "610100"
    OTHER = "999997"


_INPATIENT = frozenset({"21", "22", "23", "24", "25", "26", "27", "28", "52"})
_CHRONIC_VISITS = frozenset({"14", "140104", "140201"})
_MUNICIPALITIES = frozenset({"11", "12", "31", "50"})
_CLR_TYPES = {
    VisitKind.OUTPATIENT: ClrType.OUTPATIENT,
    VisitKind.CHRONIC: ClrType.OUTPATIENT,
    VisitKind.INPATIENT: ClrType.INPATIENT,
    VisitKind.PHARMACY: ClrType.PHARMACY,
}
_LONG_STAY = frozenset({Filing.RESETTLED, Filing.LONG_STAY, Filing.POSTED})
# The pool that `hifp_pay` comes out of; residents' older and supplementary schemes share one.
_POOLS = {
    "310": Fund.EMPLOYEE_POOL,
    "320": Fund.CIVIL_SERVANTS,
    "330": Fund.LARGE_EXPENSE,
    "340": Fund.VETERAN_CADRES,
    "350": Fund.DISABLED_SERVICEMEN,
    "360": Fund.RED_ARMY,
    "370": Fund.ENTERPRISE,
    "380": Fund.RESIDENT_POOL,
    "390": Fund.RESIDENT_POOL,
    "391": Fund.RESIDENT_POOL,
    "392": Fund.SERIOUS_ILLNESS,
    "399": Fund.OTHER,
    "410": Fund.LONG_TERM_CARE,
    "510": Fund.MATERNITY,
}
# Codes 09 and 10 name whole groups. An emergency is deemed filed and has no code of its own: it
# is sent as 10, but 10 is read as other_temporary, since only an emergency marker makes one.
_FILING_FROM_NATIONAL = {
    "02": Filing.RESETTLED,
    "06": Filing.REFERRAL,
    "07": Filing.LONG_STAY,
    "08": Filing.POSTED,
    "09": Filing.LONG_STAY,
    "10": Filing.OTHER_TEMPORARY,
    "11": Filing.OTHER_TEMPORARY,
}
_FILING_TO_NATIONAL: dict[str, str] = {
    Filing.RESETTLED: "02",
    Filing.REFERRAL: "06",
    Filing.LONG_STAY: "07",
    Filing.POSTED: "08",
    Filing.EMERGENCY: "10",
    Filing.OTHER_TEMPORARY: "11",
}
_CHRONIC_PARENTS = {code[:4]: code for code in tables.CHRONIC}


def check_code(dictionary: str, code: str, at: str = "$") -> str:
    """Check that a code is in its dictionary and return it.

    Raises:
        RemoteProtocolError: `E_CODE`, naming the dictionary.
        KeyError: no such dictionary (the caller's mistake).
    """
    if code in DICTIONARIES[dictionary]:
        return code
    raise _unknown(dictionary, code, at)


def label(dictionary: str, code: str, lang: str = "zh") -> str:
    """A code's name for people; the code itself when the dictionary lacks it."""
    named = DICTIONARIES[dictionary].get(code)
    if named is None:
        return code
    return named[0] if lang == "zh" else named[1]


def labelled(dictionary: str, code: str, lang: str = "zh") -> str:
    """Name and code together, as a reader meets them: `普通门诊 11`."""
    name = label(dictionary, code, lang)
    return name if name == code else f"{name} {code}"


def visit_kind(med_type: str, at: str = "$") -> VisitKind:
    """The family of a visit type.

    Raises:
        RemoteProtocolError: `E_CODE` for a visit type that is not in the dictionary.
    """
    if med_type in _INPATIENT:
        return VisitKind.INPATIENT
    if med_type in _CHRONIC_VISITS:
        return VisitKind.CHRONIC
    if med_type == "41":
        return VisitKind.PHARMACY
    check_code("med_type", med_type, at)
    return VisitKind.OUTPATIENT


def clr_type_of(med_type: str, at: str = "$") -> ClrType:
    """The clearing category of a visit type.

    Raises:
        RemoteProtocolError: `E_CODE` for a visit type that is not in the dictionary.
    """
    return _CLR_TYPES[visit_kind(med_type, at)]


def is_retired(psn_type: str) -> bool:
    """Whether a person type is that of a retired employee (12xx)."""
    return psn_type.startswith("12")


def is_long_stay(filing: str) -> bool:
    """Whether a filing category belongs to the long-stay group, whose ratio is never cut."""
    return filing in _LONG_STAY


def pay_loc_of(treatment: str, insured: str) -> str:
    """支付地点 of two region codes: 4 in another province, 3 in another city, else 2.

    Cities differ when the first four digits do, as clients of the interface decide it; a
    municipality is one city, whichever of its codes is written (310000, 310100).
    """
    if treatment[:2] != insured[:2]:
        return "4"
    same = treatment[:4] == insured[:4] or treatment[:2] in _MUNICIPALITIES
    return "2" if same else "3"


def pooled_fund(insutype: str, at: str = "$") -> Fund:
    """The fund that an insurance type's pooled pay (`hifp_pay`) comes out of.

    Raises:
        RemoteProtocolError: `E_CODE`.
    """
    fund = _POOLS.get(insutype)
    if fund is None:
        raise _unknown("insutype", insutype, at)
    return fund


def national_fund(fund_pay_type: str) -> str:
    """A fund in the national form: `310101` → `310100`, `310201` → `310200`."""
    if fund_pay_type.endswith("01") and len(fund_pay_type) == 6:
        return fund_pay_type[:5] + "0"
    return fund_pay_type


def pool_fund(fund_pay_type: str) -> str:
    """A fund in the form that settlement answers show: `310100` → `310101`."""
    own_form = fund_pay_type[:5] + "1"
    return own_form if own_form in tables.FUND_PAY_TYPE else fund_pay_type


def hospital_level(national: str, at: str = "$") -> HospitalLevel:
    """Our level for a national one: 01-04 are level 3, 05-07 level 2, the rest level 1.

    Level `provincial` (省属) is a matter of who owns the hospital and has no national code.

    Raises:
        RemoteProtocolError: `E_CODE`.
    """
    check_code("national_hosp_lv", national, at)
    if national <= "04":
        return HospitalLevel.THREE
    return HospitalLevel.TWO if national <= "07" else HospitalLevel.ONE


def filing_from_national(code: str, at: str = "$") -> Filing:
    """Our filing category for a national one (`rloc_rea`); 10 is read as other_temporary.

    Raises:
        RemoteProtocolError: `E_CODE`.
    """
    category = _FILING_FROM_NATIONAL.get(code)
    if category is None:
        raise _unknown("national_filing", code, at)
    return category


def filing_to_national(filing: str, at: str = "$") -> str:
    """The national code of a filing category; an emergency is sent as 10.

    Raises:
        RemoteProtocolError: `E_CODE` for `none` and for an unknown category.
    """
    code = _FILING_TO_NATIONAL.get(filing)
    if code is None:
        raise _unknown("filing", filing, at)
    return code


def normalise_chronic(code: str) -> str | None:
    """The national parent of a chronic disease code, None when it is not one of the ten.

    `M00503` → `M00500`: four leading characters decide, as local sub-codes vary.

    Source: interface.md (d), M-codes.
    """
    if len(code) != 6 or not code.isascii() or not code[1:].isdigit():
        return None
    return _CHRONIC_PARENTS.get(code[:4])


def _unknown(dictionary: str, code: str, at: str) -> RemoteProtocolError:
    return RemoteProtocolError(
        ErrorCode.E_CODE,
        at=at,
        want=f"a code of {dictionary}",
        got=code,
    )
