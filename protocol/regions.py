"""Region codes (医保区划): six digits; who belongs to which province, and how to show a place.

A code reads from the left: two digits for the province, two for the city, two for the county.
The nation is 100000, a province PP0000, a city CCCC00; the platform adds units that GB/T 2260
does not have: 省本级 PP9900, 省直管 PP99nn, 市本级 CCCC99, and 660000 with 66nn00 for the
Production and Construction Corps. So a code is known by its *province prefix* alone, never by a
list of places. Cross-province means that the first two digits differ; 65 and 66 do, even
inside one town. Look-alikes: 宿州 341300, 宿迁 321300; 海南州 632500, 海南省 460000.
"""

from __future__ import annotations

from yidi.protocol.errors import ErrorCode, RemoteProtocolError
from yidi.protocol.region_tables import DELTA_CITIES, PLACES, PROVINCES

__all__ = [
    "DELTA_CITIES",
    "NATION",
    "PLACES",
    "PROVINCES",
    "check_pair",
    "check_region",
    "city_of",
    "is_cross_province",
    "is_delta",
    "is_province",
    "is_region",
    "label",
    "province_of",
    "region_name",
]

NATION = "100000"
"""The national hub's code; not a place where anyone is insured or treated."""

_NATION_NAME = ("国家", "National")
_PREFIXES = frozenset(code[:2] for code in PROVINCES)
_DELTA_PREFIXES = frozenset({"31", "32", "33", "34"})


def is_region(code: str) -> bool:
    """Whether a code is six ASCII digits with the prefix of a province-level unit."""
    return len(code) == 6 and code.isascii() and code.isdigit() and code[:2] in _PREFIXES


def check_region(code: str, at: str = "$") -> str:
    """Check a region code and return it; any code with a known province prefix is accepted.

    Raises:
        RemoteProtocolError: `E_REGION` for 000000, the nation, another length, digits that are
            not ASCII, or an unknown province prefix.
    """
    if is_region(code):
        return code
    raise RemoteProtocolError(
        ErrorCode.E_REGION,
        at=at,
        want="six digits with the prefix of a province",
        got=code,
    )


def check_pair(treatment: str, insured: str, at: str = "$") -> None:
    """Check the two regions of a case where treatment at home is forbidden.

    Raises:
        RemoteProtocolError: `E_REGION` for a bad code, or when both are the same.
    """
    check_region(treatment, at)
    check_region(insured, at)
    if treatment == insured:
        raise RemoteProtocolError(
            ErrorCode.E_REGION,
            at=at,
            want="two different regions",
            got=treatment,
        )


def province_of(code: str) -> str:
    """The province-level unit of a code: `340602` → `340000`, `660300` → `660000`."""
    return code[:2] + "0000"


def city_of(code: str) -> str:
    """The city of a code: `340602` → `340600`; a province is its own city."""
    return code[:4] + "00"


def is_province(code: str) -> bool:
    """Whether a code is one of the 32 province-level units."""
    return code in PROVINCES


def is_cross_province(first: str, second: str) -> bool:
    """Whether two codes lie in different province-level units."""
    return first[:2] != second[:2]


def is_delta(code: str) -> bool:
    """Whether a code lies in the Yangtze River Delta (Shanghai, Jiangsu, Zhejiang, Anhui)."""
    return code[:2] in _DELTA_PREFIXES


def region_name(code: str, lang: str = "zh") -> str:
    """The short name of a place without its province: `340600` → `淮北`, `Huaibei`.

    A place without a name here gets that of its province and the code: `安徽 341499`.
    """
    return _own_name(code, _index(lang)) or f"{_province_name(code, _index(lang))} {code}"


def label(code: str, lang: str = "zh") -> str:
    """A place for people, never a bare code: `安徽淮北 340600`, `Huaibei, Anhui 340600`."""
    index = _index(lang)
    names = [
        _province_name(code, index),
        _city_name(code, index),
        _own_name(code, index),
    ]
    # A municipality, a province and a city repeat themselves on the way down: say each once.
    distinct = [name for i, name in enumerate(names) if name and name not in names[:i]]
    # `Suzhou (Anhui)` needs its bracket only where the province does not follow.
    distinct = [name.partition(" (")[0] for name in distinct]
    text = "".join(distinct) if index == 0 else ", ".join(reversed(distinct))
    return f"{text} {code}".strip()


def _index(lang: str) -> int:
    return 0 if lang == "zh" else 1


def _province_name(code: str, index: int) -> str:
    if code == NATION:
        return _NATION_NAME[index]
    return PROVINCES.get(province_of(code), ("未知区划", "Unknown region"))[index]


def _city_name(code: str, index: int) -> str:
    named = PLACES.get(city_of(code))
    return named[index] if named else ""


def _own_name(code: str, index: int) -> str:
    """The name of exactly this code, the platform's own units included; empty if unknown."""
    if code == NATION:
        return _NATION_NAME[index]
    named = PLACES.get(code)
    if named:
        return named[index]
    if code[2:] == "9900":
        return ("省本级", "provincial schemes")[index]
    if code[2:4] == "99":
        return ("省直管", "under the province")[index]
    if code[4:] == "99":
        return ("市本级", "municipal schemes")[index]
    # Some systems write a municipality as its one city: 310100 for Shanghai.
    if code[2:] == "0100" and code[:2] in ("11", "12", "31", "50"):
        return PROVINCES[province_of(code)][index]
    return ""
