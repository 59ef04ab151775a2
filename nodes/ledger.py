"""Double entry: every effect on money is one posting whose legs sum to zero.

Accounts are plain names: `fund:310101` per fund, `payable:…` and `receivable:…` per
counterparty and insurance type, `bank`, `prefund:…`. A node has one ledger; insurance types
stay apart because every fund and counterparty account names its own. Balances are a fold of
the postings; postings leave the node with its outputs and are not kept in its state.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from sys import intern

import msgspec

from yidi.protocol.errors import InvariantViolation
from yidi.protocol.messages import FundPay


class PostingKind(StrEnum):
    """What a posting does."""

    SETTLE = "SETTLE"
    CANCEL = "CANCEL"
    REVERSE = "REVERSE"
    REINSTATE = "REINSTATE"
    ADJUST = "ADJUST"
    PREFUND = "PREFUND"
    CLEAR = "CLEAR"


SETTLE = PostingKind.SETTLE


class Posting(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One effect: its key, kind and legs `(account, ±fen)`."""

    seq: int
    key: str
    kind: PostingKind
    legs: list[tuple[str, int]]


class LedgerState(msgspec.Struct, kw_only=True):
    """What a ledger remembers: balances, and how many postings there have been."""

    balances: dict[str, int] = {}
    seq: int = 0


class Ledger:
    """Posts to a node's balances and hands the postings to whoever keeps them."""

    def __init__(self, state: LedgerState) -> None:
        self.state = state
        self.posted: list[Posting] = []
        """Postings since the last time the host took them."""

    def post(self, key: str, kind: PostingKind, legs: list[tuple[str, int]]) -> Posting:
        """Book one effect.

        Raises:
            InvariantViolation: INV-02, the legs do not sum to zero; nothing is booked.
        """
        total = 0
        for _, fen in legs:
            total += fen
        if total:
            raise InvariantViolation("INV-02", f"{key} {kind}: legs sum to {total}")
        state = self.state
        balances = state.balances
        for account, fen in legs:
            balances[account] = balances.get(account, 0) + fen
        state.seq = seq = state.seq + 1
        posting = Posting(seq, key, kind, legs)
        self.posted.append(posting)
        return posting

    def take(self) -> list[Posting]:
        """Hand over what was posted since the last call."""
        posted, self.posted = self.posted, []
        return posted

    def balance(self, account: str) -> int:
        """Fen on an account; 0 where nothing was ever posted."""
        return self.state.balances.get(account, 0)


def settlement_legs(
    funds: list[FundPay], account_fen: int, counterparty: str, sign: int
) -> list[tuple[str, int]]:
    """The legs of a settlement: each fund and the personal account against one counterparty.

    `sign` is +1 where the funds owe the node (treatment region, hub), -1 where they pay
    (insured region); the same call with the sign turned gives the legs of its undoing.
    """
    legs = []
    due = account_fen
    for pay in funds:
        # Shared names: postings are kept by whoever checks them, a hundred thousand at a time.
        legs.append((intern(f"fund:{pay.fund_pay_type}"), sign * pay.fund_fen))
        due += pay.fund_fen
    if account_fen:
        legs.append(("account", sign * account_fen))
    if due:
        legs.append((intern(counterparty), -sign * due))
    return legs


def merged_legs(legs: Iterable[tuple[str, int]]) -> list[tuple[str, int]]:
    """One leg an account, in the order in which accounts first appear; none of 0 fen."""
    sums: dict[str, int] = {}
    for account, fen in legs:
        sums[account] = sums.get(account, 0) + fen
    return [(account, fen) for account, fen in sums.items() if fen]
