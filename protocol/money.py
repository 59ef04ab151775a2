"""Money is integer fen; ratios are integer basis points; rounding is half up, once per amount.

Native messages carry fen. People and the national JSON carry yuan: a string with at most two
decimals, or at JSON edges a number, which is read as a bounded `Decimal` and never as a float.
"""

from __future__ import annotations

import re
from decimal import Decimal

from yidi.protocol.errors import ErrorCode, RemoteProtocolError

FEN_MAX = 100_000_000_000
"""Upper bound of one amount: one billion yuan, far above any bill, far below 2**53."""

BASIS_POINTS = 10_000

_YUAN = re.compile(r"\d{1,9}(\.\d{1,2})?\Z", re.ASCII)


def parse_yuan(value: object, at: str = "$") -> int:
    """Read yuan (`"12.30"`, `"12"`, or a bounded Decimal or int from JSON) as fen.

    Raises:
        RemoteProtocolError: `E_AMOUNT` for a sign, an exponent, a third decimal, a separator,
            a float, a boolean, null, or more than nine digits of yuan.
    """
    if isinstance(value, int) and not 0 <= value < 10**9:
        # Before it is written out: Python refuses to print an integer of 4,301 digits.
        raise RemoteProtocolError(ErrorCode.E_AMOUNT, at=at, got="an integer out of range")
    text = str(value) if isinstance(value, Decimal | int) and value is not True else value
    if isinstance(text, str) and _YUAN.match(text) and value is not False:
        yuan, _, cents = text.partition(".")
        return int(yuan) * 100 + int(cents.ljust(2, "0") or "0")
    raise RemoteProtocolError(ErrorCode.E_AMOUNT, at=at, got=str(value)[:64])


def yuan(fen: int) -> str:
    """Write fen as yuan with two decimals: `123456` → `"1234.56"`; negative amounts keep a sign."""
    sign = "-" if fen < 0 else ""
    return f"{sign}{abs(fen) // 100}.{abs(fen) % 100:02d}"


def yuan_grouped(fen: int) -> str:
    """Write fen for people: `"1,234.56"`."""
    sign = "-" if fen < 0 else ""
    return f"{sign}{abs(fen) // 100:,}.{abs(fen) % 100:02d}"


def round_half_up(numerator: int, denominator: int) -> int:
    """Divide two non-negative integers, rounding half up."""
    return (2 * numerator + denominator) // (2 * denominator)


def share(fen: int, basis_points: int) -> int:
    """A ratio of an amount, half up to the fen; `fen` ≥ 0."""
    return (2 * fen * basis_points + BASIS_POINTS) // (2 * BASIS_POINTS)


def ratio_text(basis_points: int) -> str:
    """A ratio as a decimal with four places: `8500` → `"0.8500"` (`pool_prop_selfpay`)."""
    return f"{basis_points // BASIS_POINTS}.{basis_points % BASIS_POINTS:04d}"
