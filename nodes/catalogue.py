"""What is payable: the treatment region's catalogue splits each fee line into four amounts.

就医地目录: an item is 甲 (01, all in scope), 乙 (02, a share first paid by the person) or 丙
(03, all self-paid); above the price ceiling the person pays. An item the catalogue does not
list is self-paid in full. Per line: full self-pay + over the limit + paid first + in scope =
amount. Source: domain 1.1, 4.2 step 1; interface (c) 2204 `result`.
"""

from __future__ import annotations

import msgspec

from yidi.protocol.errors import ErrorCode
from yidi.protocol.messages import FeeLine

_E8 = 100_000_000
"""Ten-thousandths times millionths of a yuan, in fen."""


class CatalogueItem(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """How one national item is paid for in one treatment region."""

    grade: str
    """01 甲, 02 乙, 03 丙."""
    prepay_bp: int = 0
    """Share of a 乙 item paid by the person first, basis points."""
    ceiling_e6: int = 0
    """Highest payable unit price, millionths of a yuan; 0 for none."""


class LineProblem(msgspec.Struct, frozen=True):
    """Why a line is refused."""

    code: ErrorCode
    at: str


class LineTotals(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Sums over lines, in fen."""

    total_fen: int
    full_self_fen: int
    over_limit_fen: int
    prepay_fen: int
    in_scope_fen: int


Catalogue = dict[str, CatalogueItem]


def split_lines(
    lines: list[FeeLine], catalogue: Catalogue
) -> tuple[list[FeeLine], LineTotals] | LineProblem:
    """Split every line; a line that carries its own four amounts is taken as it is.

    Returns:
        The split lines and their sums, or `E_ITEM_SUM` with the line's place.
    """
    split: list[FeeLine] = []
    find, keep = catalogue.get, split.append
    total = full = over = prepay = 0
    for line in lines:
        amount, count, price = line.amount_fen, line.count_e4, line.price_e6
        # Half up to the fen; a whole number of fen needs no rounding.
        if count * price != amount * _E8 and _half_up(count * price) != amount:
            return LineProblem(ErrorCode.E_ITEM_SUM, f"$.lines[{len(split)}]")
        total += amount
        own, above, first = line.full_self_fen, line.over_limit_fen, line.prepay_fen
        if own or above or first or line.in_scope_fen:
            if own + above + first + line.in_scope_fen != amount:
                return LineProblem(ErrorCode.E_ITEM_SUM, f"$.lines[{len(split)}]")
            full, over, prepay = full + own, over + above, prepay + first
            keep(line)
            continue
        item = find(line.item)
        if item is None or item.grade == "03":
            full += amount
            keep(FeeLine(line.line_no, line.item, count, price, amount, amount, 0, 0, 0, "03"))
            continue
        if item.ceiling_e6 and price > item.ceiling_e6:
            above = amount - _half_up(count * item.ceiling_e6)
            over += above
        if item.prepay_bp:
            # Half up to the fen, as `money.share`, without the call.
            first = (2 * (amount - above) * item.prepay_bp + 10_000) // 20_000
            prepay += first
        scope = amount - above - first
        keep(
            FeeLine(
                line.line_no, line.item, count, price, amount, 0, above, first, scope, item.grade
            )
        )
    return split, LineTotals(total, full, over, prepay, total - full - over - prepay)


def check_lines(lines: list[FeeLine]) -> LineTotals | LineProblem:
    """What the insured region checks of lines that arrive split, and their sums."""
    total = full = over = prepay = 0
    for line in lines:
        amount, own = line.amount_fen, line.full_self_fen
        above, first = line.over_limit_fen, line.prepay_fen
        if own + above + first + line.in_scope_fen != amount:
            return LineProblem(ErrorCode.E_ITEM_SUM, f"$.lines[{lines.index(line)}]")
        total += amount
        full += own
        over += above
        prepay += first
    return LineTotals(total, full, over, prepay, total - full - over - prepay)


def _half_up(scaled: int) -> int:
    """Ten-thousandths times millionths of a yuan, rounded to the fen."""
    return (2 * scaled + _E8) // (2 * _E8)
