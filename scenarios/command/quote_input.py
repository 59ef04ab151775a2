"""The input of `yidi quote`: JSON in national field names, read strictly, into `Claim`s.

The standard library's parser is used with hooks, because three things must be seen that a
decoder into types would hide: a key that occurs twice, a number exactly as it was written (so
that no float ever exists and `1e3` is refused), and fields nobody knows. All mistakes of a
claim are collected; the first in the order of checking is answered: decode, missing field,
amount, date, code.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator

import msgspec

from yidi.nodes.benefit import Claim, YearToDate
from yidi.nodes.policy import VISIT_KINDS
from yidi.protocol.codes import DICTIONARIES
from yidi.protocol.errors import ErrorCode, RemoteProtocolError
from yidi.protocol.instants import parse_date
from yidi.protocol.money import parse_yuan

SIZE_MAX = 8 << 20
"""8 MiB: some twenty thousand claims; more belongs into several files."""

STAYS_MAX = 999
CODE_MAX = 40

PSN_TYPES = ("1101", "1102", "1103", "1201", "1300", "1401", "1402", "1403", "1404", "1501")
"""Person types that a claim may name. Source: domain 3.1; the wire's dictionary holds more."""

REQUIRED = (
    *("insuplc_admdvs", "mdtrtarea_admvs", "insutype", "psn_type", "med_type", "hosp_lv"),
    *("setl_date", "medfee_sumamt"),
)
AMOUNTS = ("medfee_sumamt", "fulamt_ownpay_amt", "overlmt_selfpay", "preselfpay_amt", "balc")
YEAR_AMOUNTS = ("deductible", "hifp_pay", "compliant_oop", "outpatient_pay")
REGIONS = ("insuplc_admdvs", "mdtrtarea_admvs")
CODES: dict[str, tuple[str, ...]] = {
    "insutype": tuple(DICTIONARIES["insutype"]),
    "psn_type": PSN_TYPES,
    "med_type": tuple(VISIT_KINDS),
    "hosp_lv": tuple(DICTIONARIES["hosp_lv"]),
    "filing": tuple(DICTIONARIES["filing"]),
    "acct_used_flag": ("0", "1"),
}
FREE_CODES = ("assistance", "dise_codg")
"""Checked for their shape only: a region names its own categories of assistance."""

FIELDS = (*REGIONS, *CODES, "setl_date", *AMOUNTS, *FREE_CODES, "year_to_date")

ORDER = (
    ErrorCode.E_DUPLICATE_KEY,
    ErrorCode.E_DECODE,
    ErrorCode.E_MISSING_FIELD,
    ErrorCode.E_AMOUNT,
    ErrorCode.E_DATE,
    ErrorCode.E_CODE,
)
"""The order in which the mistakes of one claim are answered. Source: data README."""

_REGION = re.compile(r"[0-9]{6}\Z")
_WHOLE = re.compile(r"[0-9]{1,3}\Z")


class Number(str):
    """A JSON number exactly as it was written."""

    __slots__ = ()


class JsonObject(dict[str, object]):
    """A JSON object that remembers a key which occurred twice, in itself or below."""

    duplicate: str | None = None


class Mistake(msgspec.Struct, frozen=True, kw_only=True):
    """One reason to refuse a claim."""

    code: ErrorCode
    at: str
    """JSON path."""
    want: tuple[str, str] = ("", "")
    """What was expected, in Chinese and English."""
    limit: int | None = None


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """One claim as read: the claim, or the mistake it is refused for; and ignored fields."""

    claim: Claim | None = None
    mistake: Mistake | None = None
    unknown: tuple[str, ...] = ()
    """JSON paths of fields that mean nothing here."""


def read_document(raw: bytes) -> object:
    """Parse one JSON document.

    Raises:
        RemoteProtocolError: `E_DECODE` with the byte offset, or `E_FRAME_TOO_LARGE`.
    """
    if len(raw) > SIZE_MAX:
        raise RemoteProtocolError(ErrorCode.E_FRAME_TOO_LARGE, limit=SIZE_MAX)
    try:
        text = raw.decode("utf-8")
        return json.loads(
            text,
            object_pairs_hook=_object,
            parse_float=Number,
            parse_int=Number,
            parse_constant=Number,
        )
    except UnicodeDecodeError as error:
        at = f"byte {error.start}"
        raise RemoteProtocolError(ErrorCode.E_DECODE, at=at, want="UTF-8") from None
    except json.JSONDecodeError as error:
        at = f"byte {len(text[: error.pos].encode('utf-8', 'surrogatepass'))}"
        want = f"JSON: {error.msg}"
        raise RemoteProtocolError(ErrorCode.E_DECODE, at=at, want=want) from None
    except RecursionError:
        raise RemoteProtocolError(ErrorCode.E_DECODE, want="JSON less deeply nested") from None


def read_claim(value: object, at: str = "$") -> Reading:
    """Check one claim and read it; a mistake is a value, since a list goes on after it."""
    if not isinstance(value, JsonObject):
        want = ("一个 JSON 对象", "a JSON object")
        return Reading(mistake=Mistake(code=ErrorCode.E_DECODE, at=at, want=want))
    year = value.get("year_to_date")
    mistakes = sorted(_mistakes(value, at), key=lambda found: ORDER.index(found.code))
    unknown = [f"{at}.{key}" for key in value if key not in FIELDS]
    if isinstance(year, JsonObject):
        known = ("stays", *YEAR_AMOUNTS)
        unknown += [f"{at}.year_to_date.{key}" for key in year if key not in known]
    if mistakes:
        return Reading(mistake=mistakes[0], unknown=tuple(unknown))
    return Reading(claim=_claim(value), unknown=tuple(unknown))


# --- Checks ------------------------------------------------------------------------------------


def _object(pairs: list[tuple[str, object]]) -> JsonObject:
    """The hook of every object: keeps the last value of a key, and the name of a repeated one."""
    found = JsonObject(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                found.duplicate = key
                break
            seen.add(key)
    for key, value in pairs if found.duplicate is None else ():
        inner = _duplicate_in(value)
        if inner is not None:
            found.duplicate = f"{key}{inner}"
            break
    return found


def _duplicate_in(value: object) -> str | None:
    """The path below a value to a repeated key; lists are looked through one level."""
    if isinstance(value, JsonObject):
        return None if value.duplicate is None else f".{value.duplicate}"
    for index, item in enumerate(value if isinstance(value, list) else ()):
        if isinstance(item, JsonObject) and item.duplicate is not None:
            return f"[{index}].{item.duplicate}"
    return None


def _mistakes(value: JsonObject, at: str) -> Iterator[Mistake]:
    """Everything wrong with a claim, in the order of its fields."""
    if value.duplicate is not None:
        yield Mistake(code=ErrorCode.E_DUPLICATE_KEY, at=f"{at}.{value.duplicate}"[:200])
    for name in REQUIRED:
        if value.get(name) is None:
            yield Mistake(code=ErrorCode.E_MISSING_FIELD, at=f"{at}.{name}")
    for name in AMOUNTS:
        yield from _amount_mistake(value.get(name), f"{at}.{name}")
    if value.get("setl_date") is not None and not _is_date(value["setl_date"]):
        want = ("如 2026-03-16", "such as 2026-03-16")
        yield Mistake(code=ErrorCode.E_DATE, at=f"{at}.setl_date", want=want)
    for name, allowed in CODES.items():
        if not _absent_or(value.get(name), allowed.__contains__):
            listed = ", ".join(allowed)
            yield _code_mistake(f"{at}.{name}", (f"取值 {listed}", f"one of {listed}"))
    for name in REGIONS:
        if not _absent_or(value.get(name), lambda text: bool(_REGION.match(text))):
            yield _code_mistake(f"{at}.{name}", ("六位数字", "six digits"))
    for name in FREE_CODES:
        if not _absent_or(value.get(name), _is_free_code):
            want = (f"不超过 {CODE_MAX} 字的代码", f"a code of at most {CODE_MAX} characters")
            yield _code_mistake(f"{at}.{name}", want)
    yield from _year_mistakes(value.get("year_to_date"), f"{at}.year_to_date")


def _year_mistakes(year: object, at: str) -> Iterator[Mistake]:
    if year is None:
        return
    if not isinstance(year, JsonObject):
        want = ("一个 JSON 对象", "a JSON object")
        yield Mistake(code=ErrorCode.E_DECODE, at=at, want=want)
        return
    stays = year.get("stays")
    if stays is not None and not (isinstance(stays, Number) and _WHOLE.match(stays)):
        want = (f"整数 0..{STAYS_MAX}", f"an integer 0..{STAYS_MAX}")
        yield Mistake(code=ErrorCode.E_DECODE, at=f"{at}.stays", want=want)
    for name in YEAR_AMOUNTS:
        yield from _amount_mistake(year.get(name), f"{at}.{name}")


def _amount_mistake(value: object, at: str) -> Iterator[Mistake]:
    if value is not None and _fen(value) is None:
        want = ('元，最多两位小数，如 "12.30"', 'yuan with at most two decimals, such as "12.30"')
        yield Mistake(code=ErrorCode.E_AMOUNT, at=at, want=want)


def _code_mistake(at: str, want: tuple[str, str]) -> Mistake:
    return Mistake(code=ErrorCode.E_CODE, at=at, want=want)


def _absent_or(value: object, accept: Callable[[str], bool]) -> bool:
    """Whether a value is absent, or a string (not a number) that is accepted."""
    if value is None:
        return True
    return isinstance(value, str) and not isinstance(value, Number) and accept(value)


def _is_free_code(text: str) -> bool:
    """Whether a text can be a code of somebody's own: short, visible, in one piece."""
    return 0 < len(text) <= CODE_MAX and text.isprintable() and " " not in text


def _is_date(value: object) -> bool:
    try:
        return isinstance(value, str) and not isinstance(value, Number) and bool(parse_date(value))
    except RemoteProtocolError:
        return False


def _fen(value: object) -> int | None:
    """Yuan as fen, None if it is none: no object, no sign, no exponent, no third decimal."""
    try:
        return parse_yuan(str(value)) if isinstance(value, str) else None
    except RemoteProtocolError:
        return None


# --- The claim, from fields that were checked --------------------------------------------------


def _claim(value: JsonObject) -> Claim:
    year = value.get("year_to_date")
    return Claim(
        insured=_text(value, "insuplc_admdvs"),
        treatment=_text(value, "mdtrtarea_admvs"),
        insutype=_text(value, "insutype"),
        psn_type=_text(value, "psn_type"),
        med_type=_text(value, "med_type"),
        hosp_lv=_text(value, "hosp_lv"),
        setl_date=_text(value, "setl_date"),
        total_fen=_fen(value.get("medfee_sumamt")) or 0,
        full_self_fen=_fen(value.get("fulamt_ownpay_amt")) or 0,
        over_limit_fen=_fen(value.get("overlmt_selfpay")) or 0,
        prepay_fen=_fen(value.get("preselfpay_amt")) or 0,
        filing=_text(value, "filing") or "none",
        account_used=value.get("acct_used_flag") == "1",
        balance_fen=_fen(value.get("balc")) or 0,
        assistance=_text(value, "assistance") or None,
        ytd=_year_to_date(year if isinstance(year, JsonObject) else JsonObject()),
        dise_codg=_text(value, "dise_codg") or None,
    )


def _year_to_date(year: JsonObject) -> YearToDate:
    return YearToDate(
        stays=int(_text(year, "stays") or 0),
        deductible_fen=_fen(year.get("deductible")) or 0,
        hifp_fen=_fen(year.get("hifp_pay")) or 0,
        compliant_oop_fen=_fen(year.get("compliant_oop")) or 0,
        outpatient_fen=_fen(year.get("outpatient_pay")) or 0,
    )


def _text(value: JsonObject, name: str) -> str:
    found = value.get(name)
    return found if isinstance(found, str) else ""
