"""What the conversation with an insured region says of the rules, whatever the story was.

Each function is one rule of requirements.toml. It goes through the exchanges and yields a
`Finding` for every occasion on which the rule could be kept or broken; a rule without an occasion
was not reached. Amounts are compared as fen; nothing here knows a policy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from yidi.protocol import transactions as t
from yidi.protocol.errors import ErrorCode
from yidi.scenarios.judging.conform_findings import (
    Finding,
    amounts_differ,
    differing,
    fen,
    same,
)
from yidi.scenarios.judging.conversation import (
    NOTHING,
    Conversation,
    Exchange,
    missing_fields,
    unknown_fields,
)

_CLAIMS = t.PRE_SETTLEMENTS | t.SETTLEMENTS
_ECHOED = ("psn_no", "mdtrt_id", "chrg_bchno", "medfee_sumamt")
_AMOUNTS = (
    *("medfee_sumamt", "inscp_scp_amt", "act_pay_dedc", "fund_pay_sumamt", "acct_pay"),
    *("psn_cash_pay", "hosp_part_amt", "balc"),
)
_PARTS = ("fund_pay_sumamt", "acct_pay", "psn_cash_pay", "hosp_part_amt")
_TAKEN_BACK = ("fund_pay_sumamt", "acct_pay", "psn_cash_pay")
_STANDS = ("SETTLED", "CLEARED")
NOT_SERVED = frozenset({ErrorCode.E_INFNO_UNKNOWN})
"""Refusals that say nothing of the matter: the node does not know the transaction."""


Rule = Callable[[Conversation, list[Exchange]], Iterator[Finding]]


def findings(conversation: Conversation) -> list[Finding]:
    """Everything that the conversation with an insured region shows."""
    exchanges = conversation.exchanges()
    return [finding for rule in RULES for finding in rule(conversation, exchanges)]


def _answered(_: Conversation, exchanges: list[Exchange]) -> Iterator[Finding]:
    """MSG-01."""
    for one in exchanges:
        answer = one.answer
        if answer is None:
            yield Finding(rule="MSG-01", facts="no answer", about=(one,))
        elif answer.kind == NOTHING and ErrorCode.E_AMOUNT not in answer.problem:
            yield Finding(rule="MSG-01", facts=answer.problem, about=(one,))
        else:
            yield Finding(rule="MSG-01")


def _unknown_field(_: Conversation, exchanges: list[Exchange]) -> Iterator[Finding]:
    """MSG-02: refused with a field too many, where the like without it is accepted."""
    plain = {one.request.transaction for one in exchanges
             if one.accepted and not unknown_fields(one.request)}  # fmt: skip
    for one in exchanges:
        names = unknown_fields(one.request)
        if names and one.accepted:
            yield Finding(rule="MSG-02")
        elif names and one.refused and one.request.transaction in plain:
            facts = f"refused with {', '.join(names)}, accepted without: {_code(one)}"
            yield Finding(rule="MSG-02", facts=facts, about=(one,))


def _missing_field(_: Conversation, exchanges: list[Exchange]) -> Iterator[Finding]:
    """MSG-03."""
    for one in exchanges:
        names = missing_fields(one.request)
        if names and (one.accepted or one.refused) and not _not_served(one):
            facts = f"accepted without {', '.join(names)}" if one.accepted else ""
            yield Finding(rule="MSG-03", facts=facts, about=(one,))


def _echo(_: Conversation, exchanges: list[Exchange]) -> Iterator[Finding]:
    """MSG-04."""
    for one in _results(exchanges, _CLAIMS):
        if missing_fields(one.request):
            continue
        for name in _ECHOED:
            asked, said = one.request.fields.get(name), one.result.get(name)
            if said is not None and asked is not None and not same(asked, said):
                facts = f"{name} {said}, asked for {asked}"
                yield Finding(rule="MSG-04", facts=facts, about=(one,))
                break
        else:
            yield Finding(rule="MSG-04")


def _form(_: Conversation, exchanges: list[Exchange]) -> Iterator[Finding]:
    """MSG-05."""
    for one in exchanges:
        answer = one.answer
        if answer is not None and answer.kind == NOTHING and ErrorCode.E_AMOUNT in answer.problem:
            yield Finding(rule="MSG-05", facts=answer.problem, about=(one,))
        given = {name: one.result[name] for name in _AMOUNTS if name in one.result}
        wrong = [f"{name} {value}" for name, value in given.items() if fen(value) is None]
        if wrong:
            yield Finding(rule="MSG-05", facts=", ".join(wrong), about=(one,))
        elif given:
            yield Finding(rule="MSG-05")


def _same_again(_: Conversation, exchanges: list[Exchange]) -> Iterator[Finding]:
    """SET-02: what came again is answered as it was the first time."""
    first: dict[str, Exchange] = {}
    for one in exchanges:
        before = first.setdefault(one.request.message_id, one)
        if before is one or before.request.fields != one.request.fields:
            continue
        if not (before.accepted and (one.accepted or one.refused)):
            continue
        if one.refused:
            yield Finding(rule="SET-02", facts=f"refused the second time: {_code(one)}",
                          about=(before, one))  # fmt: skip
            continue
        wrong = differing(before.result, one.result)
        facts = f"another answer the second time: {wrong}" if wrong else ""
        yield Finding(rule="SET-02", facts=facts, about=(before, one) if wrong else ())


def _reused(_: Conversation, exchanges: list[Exchange]) -> Iterator[Finding]:
    """SET-12: other content under a message id that was answered before."""
    first: dict[str, Exchange] = {}
    for one in exchanges:
        before = first.setdefault(one.request.message_id, one)
        if before.request.fields == one.request.fields or not before.accepted:
            continue
        if one.accepted:
            wrong = differing(before.request.fields, one.request.fields)
            facts = f"accepted with other content: {wrong}"
            yield Finding(rule="SET-12", facts=facts, about=(before, one))
        elif one.refused:
            yield Finding(rule="SET-12")


def _as_agreed(_: Conversation, exchanges: list[Exchange]) -> Iterator[Finding]:
    """SET-03: a settlement is as pre-settled, or says that it is not."""
    agreed: dict[str, Exchange] = {}
    seen: set[str] = set()
    for one in _results(exchanges, _CLAIMS):
        key = one.request.key
        if one.request.message_id in seen:
            continue  # SET-02 and SET-12 look at what came again
        seen.add(one.request.message_id)
        if one.request.transaction in t.PRE_SETTLEMENTS:
            agreed[key] = one
            continue
        before = agreed.get(key)
        if before is None:
            continue
        wrong = amounts_differ(before.result, one.result, _PARTS)
        facts = f"not as pre-settled, and does not say so: {wrong}" if wrong else ""
        if one.result.get("changed"):
            facts = ""
        yield Finding(rule="SET-03", facts=facts, about=(before, one) if facts else ())


def _sums(_: Conversation, exchanges: list[Exchange]) -> Iterator[Finding]:
    """BEN-09."""
    for one in _results(exchanges, _CLAIMS):
        facts = _unbalanced(one)
        if facts is not None:
            yield Finding(rule="BEN-09", facts=facts, about=(one,) if facts else ())


def _unbalanced(one: Exchange) -> str | None:
    """Why a split does not add up; empty where it does, None where it cannot be read (MSG-05)."""
    said = one.result
    asked = one.request.fields.get("medfee_sumamt")
    rows = said.get("setldetail")
    total = fen(said.get("medfee_sumamt", asked))
    parts = [fen(said.get(name, "0")) for name in _PARTS]
    funds = [fen(row.get("fund_payamt")) for row in rows] if isinstance(rows, list) else []
    amounts = [amount for amount in (total, *parts, *funds) if amount is not None]
    if total is None or len(amounts) != 1 + len(parts) + len(funds):
        return None
    split, by_fund = amounts[1 : 1 + len(parts)], amounts[1 + len(parts) :]
    if min(amounts) < 0:
        return "a negative amount"
    if sum(split) != total:
        return f"funds, account, cash and hospital are {sum(split)} fen of {total}"
    if by_fund and sum(by_fund) != split[0]:
        return f"setldetail is {sum(by_fund)} fen, fund_pay_sumamt {split[0]}"
    return ""


def _account(_: Conversation, exchanges: list[Exchange]) -> Iterator[Finding]:
    """BEN-10: no account payment unasked, and none beyond what the account holds."""
    for one in _results(exchanges, _CLAIMS):
        used = str(one.request.fields.get("acct_used_flag", "0")) == "1"
        paid, left = fen(one.result.get("acct_pay", "0")), fen(one.result.get("balc", "0"))
        if paid is None or left is None:
            continue
        facts = ""
        if paid and not used:
            facts = f"the account pays {paid} fen unasked"
        elif left < 0:
            facts = f"the account is left with {left} fen"
        if used or facts:
            yield Finding(rule="BEN-10", facts=facts, about=(one,) if facts else ())


def _query(_: Conversation, exchanges: list[Exchange]) -> Iterator[Finding]:
    """REV-02: 5203 is answered by what the node said before."""
    settled: dict[str, Exchange] = {}
    for one in exchanges:
        key, code = one.request.key, one.request.transaction
        if code in t.SETTLEMENTS and one.accepted:
            settled.setdefault(key, one)
        elif code in (*t.CANCELLATIONS, t.REVERSAL) and one.accepted:
            settled.pop(key, None)
        elif code == t.STATUS_QUERY and one.accepted and key in settled:
            state = str(one.result.get("state", ""))
            facts = "" if state in _STANDS else f"settled before, and now {state or 'unknown'}"
            yield Finding(rule="REV-02", facts=facts, about=(settled[key], one) if facts else ())


def _taken_back(_: Conversation, exchanges: list[Exchange]) -> Iterator[Finding]:
    """REV-04: a cancellation takes back what was settled, to the fen."""
    settled: dict[str, Exchange] = {}
    for one in exchanges:
        key, code = one.request.key, one.request.transaction
        if code in t.SETTLEMENTS and one.accepted:
            settled.setdefault(key, one)
        elif code in t.CANCELLATIONS and one.accepted and key in settled:
            wrong = amounts_differ(settled[key].result, one.result, _TAKEN_BACK)
            facts = f"takes back other amounts: {wrong}" if wrong else ""
            yield Finding(rule="REV-04", facts=facts, about=(settled[key], one) if wrong else ())


def _tombstone(_: Conversation, exchanges: list[Exchange]) -> Iterator[Finding]:
    """REV-06: an original that comes after its reversal was accepted is refused."""
    reversed_by: dict[str, Exchange] = {}
    for one in exchanges:
        request = one.request
        if request.transaction == t.REVERSAL and one.accepted:
            reversed_by.setdefault(str(request.fields.get("omsgid", "")), one)
        elif request.message_id in reversed_by and (one.accepted or one.refused):
            reversal = reversed_by[request.message_id]
            facts = "accepted after its reversal" if one.accepted else ""
            yield Finding(rule="REV-06", facts=facts, about=(reversal, one) if facts else ())


def _nothing_to_undo(_: Conversation, exchanges: list[Exchange]) -> Iterator[Finding]:
    """REV-08: the reversal of what never came is accepted."""
    came: set[str] = set()
    for one in exchanges:
        request = one.request
        original = str(request.fields.get("omsgid", ""))
        if request.transaction != t.REVERSAL:
            came.add(request.message_id)
        elif original not in came and (one.accepted or one.refused) and not _not_served(one):
            facts = f"refused: {_code(one)}" if one.refused else ""
            yield Finding(rule="REV-08", facts=facts, about=(one,) if facts else ())


OBSERVED = frozenset(
    {
        *("MSG-01", "MSG-02", "MSG-03", "MSG-04", "MSG-05", "SET-02", "SET-03", "SET-12"),
        *("BEN-09", "BEN-10", "REV-02", "REV-04", "REV-06", "REV-08"),
    }
)
"""Rules that the conversation alone decides; the steps of a story add nothing to them."""
RULES: tuple[Rule, ...] = (
    _answered, _unknown_field, _missing_field, _echo, _form, _same_again, _reused,
    _as_agreed, _sums, _account, _query, _taken_back, _tombstone, _nothing_to_undo,
)  # fmt: skip


def _results(exchanges: list[Exchange], codes: frozenset[str]) -> list[Exchange]:
    return [one for one in exchanges if one.request.transaction in codes and one.accepted]


def _not_served(one: Exchange) -> bool:
    return one.refused and _code(one) in NOT_SERVED


def _code(one: Exchange) -> str:
    return one.answer.code if one.answer is not None else ""
