"""What a treatment platform's own requests say of the rules: above all, what it does in doubt.

The platform starts everything, so it is judged by what it asks, in which order, and by what the
network had to refuse it. An answer that never came, or one that leaves the outcome open, puts a
settlement or cancellation in doubt; from then on the rules say what may come next.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from yidi.protocol import transactions as t
from yidi.protocol.error_codes import is_refusal
from yidi.protocol.errors import ErrorCode
from yidi.scenarios.judging.conform_findings import Finding, differing
from yidi.scenarios.judging.conversation import Conversation, Exchange

_EFFECTS = t.SETTLEMENTS | t.CANCELLATIONS
_ENDED = ("SETTLED", "CLEARED", "REVERSED", "REJECTED")
Rule = Callable[[list[Exchange]], Iterator[Finding]]

ASKED = frozenset({"REV-01", "REV-02", "REV-03", "SET-10", "SET-11", "SET-12", "MSG-03", "MSG-05"})
"""Rules that the platform's requests alone decide."""


def asked_findings(conversation: Conversation) -> list[Finding]:
    """Everything that the requests of a treatment platform show."""
    exchanges = conversation.asked()
    return [finding for rule in RULES for finding in rule(exchanges)]


def _doubts(exchanges: list[Exchange]) -> Iterator[tuple[Exchange, list[Exchange]]]:
    """Each effect whose outcome nobody told, and what came after it about the same visit."""
    seen: set[str] = set()
    for number, one in enumerate(exchanges):
        request = one.request
        if request.transaction not in _EFFECTS or request.message_id in seen:
            continue
        seen.add(request.message_id)
        sendings = [other for other in exchanges if other.request.message_id == request.message_id]
        if any(_is_told(other) for other in sendings):
            continue
        yield one, [other for other in exchanges[number + 1 :] if _is_about(other, one)]


def _is_told(one: Exchange) -> bool:
    """Whether an answer says what became of the request."""
    if one.accepted:
        return True
    return one.refused and one.answer is not None and is_refusal(one.answer.code)


def _is_about(other: Exchange, one: Exchange) -> bool:
    """Whether a request is about the same visit, or names the message in doubt."""
    fields, own = other.request.fields, one.request.fields
    if other.request.transaction == t.REVERSAL:
        return fields.get("omsgid") == one.request.message_id
    return fields.get("mdtrt_id") == own.get("mdtrt_id") is not None


def _never_anew(exchanges: list[Exchange]) -> Iterator[Finding]:
    """REV-01: while it is in doubt, nothing new is sent for the same thing."""
    for one, after in _doubts(exchanges):
        fresh = _sent_anew(one, after)
        if fresh is None:
            yield Finding(rule="REV-01")
        else:
            facts = f"sent anew as {fresh.request.message_id} while the first is in doubt"
            yield Finding(rule="REV-01", facts=facts, about=(one, fresh))


def _sent_anew(one: Exchange, after: list[Exchange]) -> Exchange | None:
    for other in after:
        if _resolves(other):
            return None
        is_fresh = other.request.message_id != one.request.message_id
        if is_fresh and other.request.transaction in _EFFECTS and _unit(other) == _unit(one):
            return other
    return None


def _asks_first(exchanges: list[Exchange]) -> Iterator[Finding]:
    """REV-02: it asks (5203) before it reverses."""
    for one, after in _doubts(exchanges):
        kinds = [other.request.transaction for other in after]
        if t.REVERSAL in kinds and t.STATUS_QUERY not in kinds[: kinds.index(t.REVERSAL)]:
            reversal = after[kinds.index(t.REVERSAL)]
            facts = "reversed without having asked"
            yield Finding(rule="REV-02", facts=facts, about=(one, reversal))
        elif t.STATUS_QUERY in kinds:
            yield Finding(rule="REV-02")


def _ends_doubt(exchanges: list[Exchange]) -> Iterator[Finding]:
    """REV-03: it is not left in doubt."""
    for one, after in _doubts(exchanges):
        ended = any(_resolves(other) for other in after)
        facts = "" if ended else "left in doubt: neither settled by a query nor reversed"
        yield Finding(rule="REV-03", facts=facts, about=(one, *after) if facts else ())


def _resolves(one: Exchange) -> bool:
    """Whether an exchange tells for good what became of the effect before it."""
    if one.request.transaction == t.REVERSAL:
        return one.accepted or _is_told(one)
    if one.request.transaction == t.STATUS_QUERY:
        return str(one.result.get("state", "")) in _ENDED
    return False


def _one_content(exchanges: list[Exchange]) -> Iterator[Finding]:
    """SET-12: a message id is for one content."""
    first: dict[str, Exchange] = {}
    for one in exchanges:
        before = first.setdefault(one.request.message_id, one)
        if before is not one:
            wrong = differing(before.request.fields, one.request.fields)
            facts = f"other content under the same message id: {wrong}" if wrong else ""
            yield Finding(rule="SET-12", facts=facts, about=(before, one) if facts else ())


_REFUSALS: dict[str, tuple[str, frozenset[str]]] = {
    "SET-10": (ErrorCode.E_TOTAL_MISMATCH, t.SETTLEMENTS),
    "SET-11": (ErrorCode.E_IN_HOSPITAL, frozenset({t.INPATIENT_SETTLEMENT})),
    "MSG-03": (ErrorCode.E_MISSING_FIELD, frozenset()),
    "MSG-05": (ErrorCode.E_AMOUNT, t.SETTLEMENTS | t.FEE_UPLOADS),
}
"""Rule → the refusal that shows it broken, and transactions whose acceptance shows it kept."""


def _as_refused(exchanges: list[Exchange]) -> Iterator[Finding]:
    for one in exchanges:
        code = one.answer.code if one.answer is not None else ""
        for rule, (refusal, kept_by) in _REFUSALS.items():
            if one.refused and code == refusal:
                yield Finding(rule=rule, facts=f"refused: {code}", about=(one,))
            elif one.accepted and one.request.transaction in kept_by:
                yield Finding(rule=rule)


def _unit(one: Exchange) -> tuple[str, ...]:
    names = ("fixmedins_code", "mdtrt_id", "chrg_bchno")
    family = "cancel" if one.request.transaction in t.CANCELLATIONS else "settle"
    return (family, *(str(one.request.fields.get(name, "")) for name in names))


RULES: tuple[Rule, ...] = (_never_anew, _asks_first, _ends_doubt, _one_content, _as_refused)
