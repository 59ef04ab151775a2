"""Bills of background patients: a sum, parted into fee lines that already carry their split.

The treatment region takes a line as split when its four amounts add up, so a flow needs no
catalogue: `in_scope_bp` decides how much of the bill the policy's scope holds. What lies
outside comes on the first lines, as 丙 items paid in full and one 乙 item paid in part.
"""

from __future__ import annotations

from collections.abc import Callable

from yidi.protocol.messages import FeeLine

_E4 = 10_000
ITEMS = (
    "XC01CAD061B002010103",
    "XA02BCA012A001010201",
    "XJ01DCT008B001010303",
    "XN02BEA045A001010404",
    "001102000010000-110200001",
    "002503030010000-250303001",
    "002201000020000-220100002",
    "C0101010010100100001",
)
"""Catalogue codes that flows bill; illustrative."""


def fee_lines(
    bits: Callable[[int], int], count: int, total_fen: int, out_fen: int, first: int = 1
) -> list[FeeLine]:
    """Part a bill into `count` lines numbered from `first`.

    Args:
        bits: a stream's `getrandbits`.
        count: how many lines; fewer where the bill has fewer fen.
        total_fen: the bill.
        out_fen: how much of it is outside the scope.
        first: number of the first line.
    """
    count = max(1, min(count, total_fen))
    weights = [64 + bits(8) for _ in range(count)]
    scale = sum(weights)
    lines: list[FeeLine] = []
    left, outside = total_fen, out_fen
    for index, weight in enumerate(weights):
        rest = count - index - 1
        amount = left if not rest else max(1, min(total_fen * weight // scale, left - rest))
        left -= amount
        self_paid = amount if outside >= amount else 0
        first_paid = 0 if self_paid else outside
        outside -= self_paid + first_paid
        grade = "03" if self_paid else "02" if first_paid else "01"
        lines.append(
            FeeLine(
                first + index, ITEMS[(first + index) % len(ITEMS)], _E4, amount * _E4, amount,
                self_paid, 0, first_paid, amount - self_paid - first_paid, grade,
            )
        )  # fmt: skip
    return lines
