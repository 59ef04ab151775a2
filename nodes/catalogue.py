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

_UNLISTED = CatalogueItem("03")


def split_lines(
    lines: list[FeeLine], catalogue: Catalogue
) -> tuple[list[FeeLine], LineTotals] | LineProblem:
    """Split every line; a line that carries its own four amounts is taken as it is.

    Returns:
        The split lines and their sums, or `E_ITEM_SUM` with the line's place.
    """
    split: list[FeeLine] = []
    for line in lines:
        amount, product = line.amount_fen, line.count_e4 * line.price_e6
        # Half up to the fen; a whole number of fen needs no rounding.
        if product != amount * _E8 and (2 * product + _E8) // (2 * _E8) != amount:
            return LineProblem(ErrorCode.E_ITEM_SUM, f"$.lines[{len(split)}]")
        split.append(
            line if _carried(line) else _by_catalogue(line, catalogue.get(line.item, _UNLISTED))
        )
    sums = check_lines(split)
    return sums if isinstance(sums, LineProblem) else (split, sums)


def check_lines(lines: list[FeeLine]) -> LineTotals | LineProblem:
    """What the insured region checks of lines that arrive split, and their sums."""
    total = full = over = prepay = scope = 0
    for line in lines:
        amount, scoped = line.amount_fen, line.in_scope_fen
        own, above, first = line.full_self_fen, line.over_limit_fen, line.prepay_fen
        if own + above + first + scoped != amount:
            return LineProblem(ErrorCode.E_ITEM_SUM, f"$.lines[{lines.index(line)}]")
        total += amount
        full += own
        over += above
        prepay += first
        scope += scoped
    return LineTotals(total, full, over, prepay, scope)


def _carried(line: FeeLine) -> bool:
    """Whether a line arrived with its four amounts."""
    return bool(line.full_self_fen + line.over_limit_fen + line.prepay_fen + line.in_scope_fen)


def _by_catalogue(line: FeeLine, item: CatalogueItem) -> FeeLine:
    amount, grade = line.amount_fen, item.grade
    number, code, count, price = line.line_no, line.item, line.count_e4, line.price_e6
    if grade == "03":
        return FeeLine(number, code, count, price, amount, amount, 0, 0, 0, grade)
    over, ceiling = 0, item.ceiling_e6
    if ceiling and price > ceiling:
        over = amount - (2 * count * ceiling + _E8) // (2 * _E8)
    # Half up to the fen, as `money.share`, without the call.
    prepay = (2 * (amount - over) * item.prepay_bp + 10_000) // 20_000
    return FeeLine(
        number, code, count, price, amount, 0, over, prepay, amount - over - prepay, grade
    )
