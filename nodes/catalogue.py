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
from yidi.protocol.money import share

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
    total = full = over = prepay = scope = 0
    for line in lines:
        amount = line.amount_fen
        if (2 * line.count_e4 * line.price_e6 + _E8) // (2 * _E8) != amount:
            return LineProblem(ErrorCode.E_ITEM_SUM, f"$.lines[{len(split)}]")
        f, o, p, s = line.full_self_fen, line.over_limit_fen, line.prepay_fen, line.in_scope_fen
        carried = f + o + p + s
        if carried == 0 and amount:
            line = _by_catalogue(line, catalogue.get(line.item))
            f, o, p, s = line.full_self_fen, line.over_limit_fen, line.prepay_fen, line.in_scope_fen
        elif carried != amount:
            return LineProblem(ErrorCode.E_ITEM_SUM, f"$.lines[{len(split)}]")
        split.append(line)
        total += amount
        full += f
        over += o
        prepay += p
        scope += s
    return split, LineTotals(total, full, over, prepay, scope)


def check_lines(lines: list[FeeLine]) -> LineTotals | LineProblem:
    """What the insured region checks of lines that arrive split, and their sums."""
    total = full = over = prepay = scope = 0
    for index, line in enumerate(lines):
        f, o, p, s = line.full_self_fen, line.over_limit_fen, line.prepay_fen, line.in_scope_fen
        amount = line.amount_fen
        if f + o + p + s != amount:
            return LineProblem(ErrorCode.E_ITEM_SUM, f"$.lines[{index}]")
        total += amount
        full += f
        over += o
        prepay += p
        scope += s
    return LineTotals(total, full, over, prepay, scope)


def _by_catalogue(line: FeeLine, item: CatalogueItem | None) -> FeeLine:
    amount = line.amount_fen
    if item is None or item.grade == "03":
        return FeeLine(
            line.line_no, line.item, line.count_e4, line.price_e6, amount, amount, 0, 0, 0, "03"
        )
    over = prepay = 0
    ceiling = item.ceiling_e6
    if ceiling and line.price_e6 > ceiling:
        over = amount - (2 * line.count_e4 * ceiling + _E8) // (2 * _E8)
    if item.prepay_bp:
        prepay = share(amount - over, item.prepay_bp)
    scope = amount - over - prepay
    return FeeLine(
        line.line_no, line.item, line.count_e4, line.price_e6, amount, 0, over, prepay, scope,
        item.grade,
    )  # fmt: skip
