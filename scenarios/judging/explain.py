"""Each message of a case in plain words: who says what, why, what of the money, what next.

The words are data (`explain.toml`, `advice.toml`), the facts come from the message's own body
(`explain_facts`), and what a case may do next from the life-cycle table. Nothing here decides
anything: a message without words of its own is a hole that a test finds.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files

import msgspec

from yidi.nodes.lifecycle import TRANSITIONS, CaseState
from yidi.nodes.observed import OUTSIDE
from yidi.protocol import transactions as t
from yidi.protocol.codes import labelled
from yidi.protocol.error_codes import BY_CODE
from yidi.protocol.errors import ErrorCode, sentence
from yidi.protocol.messages import Rejection
from yidi.scenarios.judging.chain import Chain, Hop, Mark
from yidi.scenarios.judging.explain_facts import facts_of, kept
from yidi.scenarios.judging.explain_states import states_along
from yidi.scenarios.judging.party_names import PartyNames, two

KINDS = ("request", "result", "rejection")
KIND_NAMES = {
    "request": ("请求", "request"),
    "result": ("应答", "answer"),
    "rejection": ("拒绝", "refusal"),
    "deadline": ("时限到", "deadline"),
}
BOOKED_BY_HUB = t.SETTLEMENTS
"""Whose results the hub opens and books for clearing."""


Pair = tuple[str, str]
NOTHING_MOVED: Pair = ("没有动钱。", "No money moves.")
ANSWER_DUE: Pair = ("等{asked}答复。", "{asked} is to answer.")
ANSWER_SENT: Pair = ("答复送往{asked}。", "The answer goes to {asked}.")


class Words(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One entry of `explain.toml`; each field is [Chinese, English]."""

    what: Pair
    why: Pair = ("", "")
    money: Pair | None = None
    next: Pair | None = None


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """One message explained in one language."""

    title: str
    """`门诊结算 2207 请求`."""
    sender: str
    recipient: str
    what: str
    why: str
    money: str
    next: str
    mark: str
    """What is particular about this copy; empty for an ordinary first sending."""
    states: str
    """How the case now stands at the parties; empty while there is no case."""


class _Advice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    thousand: dict[str, Pair]
    code: dict[str, Pair]


@cache
def words() -> Mapping[str, Words]:
    """Every entry of `explain.toml` by its name."""
    text = files("yidi.scenarios.judging").joinpath("explain.toml").read_bytes()
    return msgspec.toml.decode(text, type=dict[str, Words])


@cache
def _advice() -> _Advice:
    text = files("yidi.scenarios.judging").joinpath("advice.toml").read_bytes()
    return msgspec.toml.decode(text, type=_Advice)


def advice(code: str, language: str) -> str:
    """What to do about a refusal with this code."""
    table = _advice()
    row = BY_CODE.get(ErrorCode(code)) if code in ErrorCode.__members__ else None
    thousand = str(row.number // 1000) if row is not None else "1"
    return two(table.code.get(code) or table.thousand[thousand], language)


def explain_code(code: str, language: str) -> str:
    """A code of the registry in full: sentence, whether it is definite, what to do."""
    row = BY_CODE[ErrorCode(code)]
    sure = (
        ("确定没有生效", "certainly not done") if row.definite else ("结果未知", "outcome unknown")
    )
    zh = language == "zh"
    said = sentence(row.code, language)
    facts = f"{code}，{sure[0]}" if zh else f"{code}, {sure[1]}"
    return (
        f"{said}（{facts}）。{advice(code, language)}"
        if zh
        else (f"{said} ({facts}) {advice(code, language)}")
    )


def is_sure(body: Rejection) -> bool:
    """Whether a refusal is definite; an unknown code is not."""
    row = BY_CODE.get(ErrorCode(body.code)) if body.code in ErrorCode.__members__ else None
    return row is not None and row.definite


def _after(hop: Hop) -> Pair:
    return ANSWER_SENT if hop.kind == t.Kind.RESULT else ANSWER_DUE


def words_for(transaction: str, kind: int, role: str, *, relayed: bool) -> Words:
    """The entry that tells a message: by its word and kind, by who speaks, or as a relay.

    Raises:
        KeyError: the table has a hole.
    """
    table, kind_name = words(), KINDS[kind]
    if relayed:
        if kind == t.Kind.RESULT and transaction in BOOKED_BY_HUB:
            return table["relay.booked"]
        return table[f"relay.{kind_name}"]
    if kind == t.Kind.REJECTION:
        return table["refusal.definite"]
    word = t.CATALOGUE[transaction].word
    return table.get(f"{word}.{kind_name}.{role}") or table[f"{word}.{kind_name}"]


class Narrator:
    """Tells a chain in one language."""

    def __init__(self, chain: Chain, names: PartyNames, language: str) -> None:
        self.chain, self.names, self.language = chain, names, language
        self.states = states_along(chain)

    def explain(self, index: int) -> Explanation:
        """What one hop of the chain is about."""
        hop = self.chain.hops[index]
        entry = self._entry(hop)
        facts = facts_of(self.chain, hop, self.names, self.language)
        if isinstance(hop.body, Rejection):
            facts |= self._refusal(hop.body)
        mark = words().get(f"mark.{hop.mark}") if hop.mark is not Mark.FIRST else None
        return Explanation(
            title=self.title(hop),
            sender=self.names.party(hop.sender, self.language),
            recipient=self.names.party(hop.recipient, self.language),
            what=self._say(entry.what, facts),
            why=self._say(entry.why, facts),
            money=self._say((mark and mark.money) or entry.money or NOTHING_MOVED, facts),
            next=self._say(entry.next or _after(hop), facts) + self._may_become(index),
            mark=self._say(mark.what, facts) if mark is not None else "",
            states=self._states(index),
        )

    def title(self, hop: Hop) -> str:
        """Name, number and kind: `门诊结算 2207 请求`."""
        if hop.origin is None:
            return two(KIND_NAMES["deadline"], self.language)
        kind = two(KIND_NAMES[KINDS[hop.kind]], self.language)
        return f"{t.title(hop.transaction, self.language)} {kind}"

    def _entry(self, hop: Hop) -> Words:
        origin = hop.origin
        if origin is None:
            return words()[f"deadline.{self._deadline_kind(hop)}"]
        for side, party in (("to", hop.recipient), ("from", hop.sender)):
            if party.startswith(OUTSIDE):
                return words()[f"outside.{side}"]
        if isinstance(hop.body, Rejection) and hop.sender == origin.sender:
            return words()["refusal.definite" if is_sure(hop.body) else "refusal.indefinite"]
        role = origin.sender.partition(":")[0]
        return words_for(hop.transaction, hop.kind, role, relayed=hop.sender != origin.sender)

    def _deadline_kind(self, hop: Hop) -> str:
        """Whether a deadline sent again what was sent before, or gave up and went on."""
        if not hop.causes:
            return "expired"
        before = [one.transaction for one in self.chain.hops if one.lsn < hop.lsn]
        if all(code in before for code in hop.causes):
            return "resend"
        asks = t.STATUS_QUERY in hop.causes or t.REVERSAL in hop.causes
        return "expired" if asks else "other"

    def _refusal(self, body: Rejection) -> dict[str, str]:
        known = body.code in ErrorCode.__members__
        said = sentence(ErrorCode(body.code), self.language) if known else body.code
        return {
            "code": body.code,
            "sentence": said,
            "facts": f" {body.facts}" if body.facts else "",
            "advice": advice(body.code, self.language),
        }

    def _say(self, pair: Pair, facts: Mapping[str, str]) -> str:
        said = two(pair, self.language).format_map(kept(facts))
        return said[:1].upper() + said[1:]

    def _states(self, index: int) -> str:
        now = self.states[index]
        zh = self.language == "zh"
        parts = [
            f"{self.names.role(role, self.language)} {labelled('case_state', state, self.language)}"
            for role, state in now.items()
        ]
        return ("；" if zh else "; ").join(parts)

    def _may_become(self, index: int) -> str:
        """What the life-cycle table lets the case at the treatment region become."""
        state = self.states[index].get("treatment")
        if state is None or (index and self.states[index - 1].get("treatment") == state):
            return ""
        ways = sorted(TRANSITIONS["treatment"][CaseState(state)] - {CaseState(state)})
        zh = self.language == "zh"
        now = labelled("case_state", state, self.language)
        names = [labelled("case_state", way, self.language) for way in ways]
        if not names:
            return f"此案现为 {now}，不再变化。" if zh else f" The case is {now} for good."
        if zh:
            return f"此案现为 {now}，之后可能：{'、'.join(names)}。"
        return f" The case is now {now}; it may become {', '.join(names)}."
