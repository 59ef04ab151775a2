"""Somebody's own node held against the rules: what it keeps, what it breaks, what nobody reached.

A `Play` is one scenario as it was played with the node under test: the story with what its steps
came to, and the conversation with the node. Rules of messages and identities are decided by the
conversation; what only the story can tell (the right amounts, the right refusals) by the steps
that name the rule. A rule is *passed* if it was looked at and never broken, *failed* if it was
broken once, and otherwise *not reached*, which is no pass: it says why.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import StrEnum

import msgspec

from yidi.protocol import transactions as t
from yidi.scenarios.judging.conform_asked import ASKED, asked_findings
from yidi.scenarios.judging.conform_findings import fen
from yidi.scenarios.judging.conform_rules import NOT_SERVED, OBSERVED, findings
from yidi.scenarios.judging.conversation import Conversation, Exchange, Message
from yidi.scenarios.library.cases import Case, Step
from yidi.scenarios.library.requirements import LEVELS, Level, Rule, load_requirements
from yidi.scenarios.running.script import CaseOutcome, StepOutcome

FAILURES_MAX = 5
"""Failures shown of one rule; the count goes on."""
CONFORM_SCHEMA = 1


class Reached(StrEnum):
    """What a rule came to."""

    PASS = "pass"  # noqa: S105 - not a password
    FAIL = "fail"
    NOT_REACHED = "not_reached"


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """One occasion on which the node broke a rule."""

    scenario: str
    case: str = ""
    step: str = ""
    """Of the story; empty where the conversation alone shows it."""
    facts: str
    key: str = ""
    chain: tuple[Message, ...] = ()
    """The messages of the case, as they passed between the network and the node."""


class Requirement(msgspec.Struct, frozen=True, kw_only=True):
    """One rule, and what the node came to by it."""

    id: str
    title: dict[str, str]
    level: str
    verdict: Reached
    looked: int
    """Occasions on which it could be kept or broken."""
    broken: int
    reason: dict[str, str] = {}
    """Why it was not reached, in both languages; empty where it was."""
    failures: tuple[Failure, ...] = ()


class Play(msgspec.Struct, frozen=True, kw_only=True):
    """A scenario as it was played with the node under test."""

    scenario: str
    cases: tuple[Case, ...]
    outcomes: tuple[CaseOutcome, ...]
    conversation: Conversation
    untold: frozenset[str] = frozenset()
    """Transactions that yidi's own node answered in the place of the node under test."""


class Occasion(msgspec.Struct, frozen=True, kw_only=True):
    """A rule was looked at once: kept, broken (with a failure), or out of reach (with a reason)."""

    rule: str
    failure: Failure | None = None
    missed: dict[str, str] = {}


def rules_for(role: str, level: Level) -> list[Rule]:
    """The rules by which a node of a role is judged at a level."""
    asked = LEVELS[: LEVELS.index(level) + 1]
    return [
        rule for rule in load_requirements().values() if role in rule.roles and rule.level in asked
    ]


def judge(role: str, level: Level, plays: Iterable[Play]) -> list[Requirement]:
    """Every rule of a role and level, judged over all that was played."""
    rules = rules_for(role, level)
    occasions: dict[str, list[Occasion]] = {rule.id: [] for rule in rules}
    served: set[str] = set()
    for play in plays:
        served |= _served([*play.conversation.exchanges(), *play.conversation.asked()])
        for occasion in (*_observed(play, role), *_told(play, role, rules)):
            if occasion.rule in occasions:
                occasions[occasion.rule].append(occasion)
    return [_requirement(rule, occasions[rule.id], served) for rule in rules]


def _requirement(rule: Rule, found: list[Occasion], served: set[str]) -> Requirement:
    looked = [one for one in found if not one.missed]
    failures = [one.failure for one in looked if one.failure is not None]
    verdict = Reached.NOT_REACHED
    if looked:
        verdict = Reached.FAIL if failures else Reached.PASS
    return Requirement(
        id=rule.id,
        title={"zh": rule.zh, "en": rule.en},
        level=rule.level or "",
        verdict=verdict,
        looked=len(looked),
        broken=len(failures),
        reason={} if looked else _why_not(rule.id, found, served),
        failures=tuple(failures[:FAILURES_MAX]),
    )


# --- What the conversation shows ------------------------------------------------------------------


_BY_ROLE = {"insured": (findings, OBSERVED), "treatment": (asked_findings, ASKED)}
"""Role → what looks at its conversation, and the rules that this alone decides."""


def _observed(play: Play, role: str) -> Iterator[Occasion]:
    by_visit = {outcome.visit: outcome.case_id for outcome in play.outcomes}
    for finding in _BY_ROLE[role][0](play.conversation):
        failure = None
        if finding.facts:
            first = finding.about[0].request
            failure = Failure(
                scenario=play.scenario,
                case=by_visit.get(str(first.fields.get("mdtrt_id", "")), ""),
                facts=finding.facts,
                key=first.key,
                chain=tuple(play.conversation.chain(*finding.about)),
            )
        yield Occasion(rule=finding.rule, failure=failure)


# --- What the story shows -------------------------------------------------------------------------


def _told(play: Play, role: str, rules: list[Rule]) -> Iterator[Occasion]:
    wanted = {rule.id: rule for rule in rules if rule.id not in _BY_ROLE[role][1]}
    exchanges = [*play.conversation.exchanges(), *play.conversation.asked()]
    behind = _left_behind(play)
    for case, outcome in zip(play.cases, play.outcomes, strict=True):
        done = {step.step: step for step in outcome.steps}
        for step, name in zip(case.step, case.step_ids(), strict=True):
            came, about = done.get(name), _about(step, outcome, done.get(name), exchanges)
            since, why = behind.get(outcome.psn_no, (0, {}))
            missed = why if came is not None and why and came.at > since else {}
            for rule in step.requirements:
                if rule in wanted and missed:
                    yield Occasion(rule=rule, missed=missed)
                elif rule in wanted:
                    yield _judged(wanted[rule], (step, came), (play, outcome), about)


def _left_behind(play: Play) -> dict[str, tuple[int, dict[str, str]]]:
    """Persons of whom something happened that the node was not told: since when, and what.

    A filing or a cancellation that yidi's own node answered is unknown to the node under test, so
    nothing that hangs on it can be held against it.
    """
    found: dict[str, tuple[int, dict[str, str]]] = {}
    for outcome in play.outcomes:
        for step in outcome.steps:
            codes = set(_CHANGES.get(step.word, ())) & play.untold
            if not codes and step.outcome == "unknown":
                codes = {t.REVERSAL} & play.untold
            if codes and step.at < found.get(outcome.psn_no, (step.at + 1, {}))[0]:
                said = "/".join(sorted(codes))
                found[outcome.psn_no] = step.at, {
                    "zh": f"该节点不受理 {said}，不知此事", "en": f"the node was not told of {said}"
                }  # fmt: skip
    return found


def _judged(
    rule: Rule,
    at: tuple[Step, StepOutcome | None],
    of: tuple[Play, CaseOutcome],
    about: list[Exchange],
) -> Occasion:
    (step, done), (play, outcome) = at, of
    missed = _missed(step, done, about)
    if missed or done is None:
        return Occasion(rule=rule.id, missed=missed)
    wrong = [
        text for text in done.mismatches if rule.level == "amounts" or not _literal(step, text)
    ]
    if not wrong:
        return Occasion(rule=rule.id)
    failure = Failure(
        scenario=play.scenario,
        case=outcome.case_id,
        step=done.step,
        facts="; ".join(wrong),
        key=done.key,
        chain=tuple(play.conversation.chain(*about)),
    )
    return Occasion(rule=rule.id, failure=failure)


def _missed(step: Step, done: StepOutcome | None, about: list[Exchange]) -> dict[str, str]:
    """Why a step says nothing of the node; empty where it does."""
    word = f"{step.do} {'/'.join(t.codes_of(step.do))}".strip()
    if done is None or not done.outcome:
        return {"zh": f"没有进行到 {word}", "en": f"the story ended before {word}"}
    if not about:
        return {"zh": f"没有向该节点发出 {word}", "en": f"the node was not asked {word}"}
    wanted = step.expect.outcome if step.expect is not None else None
    if done.outcome == "unknown" and wanted != "unknown":
        return {"zh": f"{word} 没有应答", "en": f"no answer to {word}"}
    if done.code in NOT_SERVED and done.outcome != wanted:
        return {"zh": f"该节点不受理 {word}", "en": f"the node does not serve {word}"}
    return {}


def _about(
    step: Step, outcome: CaseOutcome, done: StepOutcome | None, exchanges: list[Exchange]
) -> list[Exchange]:
    """What the node was asked for a step: its transaction, of its visit, or of its person."""
    codes = t.codes_of(step.do) if done is not None else ()
    found = []
    for one in exchanges:
        request = one.request
        visit = request.fields.get("mdtrt_id")
        is_case = visit == outcome.visit if visit is not None else _is_person(one, outcome)
        if request.transaction in codes and is_case:
            found.append(one)
    return found


def _is_person(one: Exchange, outcome: CaseOutcome) -> bool:
    return one.request.fields.get("psn_no") == outcome.psn_no


def _literal(step: Step, mismatch: str) -> bool:
    """Whether a mismatch is of an amount that the story names, not of one that was said before."""
    name = mismatch.partition(":")[0]
    value = step.expect.fields.get(name, "") if step.expect is not None else ""
    return "${" not in value and fen(value) is not None


_CHANGES: dict[str, tuple[str, ...]] = {
    **{word: t.codes_of(word) for word in (
        "filing", "referral_filing", "filing_decision", "filing_withdrawal", "cancellation",
        "reversal",
    )},
    "suspend_insurance": (t.INSURANCE_STATUS,),
    "resume_insurance": (t.INSURANCE_STATUS,),
}  # fmt: skip
"""Step → transactions that change what the next answers must be."""

# --- Why a rule was not reached -------------------------------------------------------------------

_NEEDS: dict[str, frozenset[str]] = {
    "SET-02": t.SETTLEMENTS,
    "SET-03": t.SETTLEMENTS,
    "SET-12": t.SETTLEMENTS,
    "BEN-09": t.SETTLEMENTS,
    "BEN-10": t.SETTLEMENTS,
    "MSG-02": t.SETTLEMENTS,
    "MSG-03": t.SETTLEMENTS,
    "MSG-04": t.SETTLEMENTS,
    "MSG-05": t.SETTLEMENTS,
    "REV-02": frozenset({t.STATUS_QUERY}),
    "REV-04": t.CANCELLATIONS,
    "REV-06": frozenset({t.REVERSAL}),
    "REV-08": frozenset({t.REVERSAL}),
}
"""Rule of the conversation → transactions without which it has no occasion."""


def _served(exchanges: list[Exchange]) -> set[str]:
    """Transactions that the node has accepted at least once."""
    return {one.request.transaction for one in exchanges if one.accepted}


def _why_not(rule: str, found: list[Occasion], served: set[str]) -> dict[str, str]:
    for one in found:
        if one.missed:
            return one.missed
    needed = _NEEDS.get(rule, frozenset())
    if needed and not needed & served:
        codes = sorted(needed)
        return {
            "zh": f"该节点没有受理过 {'、'.join(codes)}",
            "en": f"the node accepted no {' or '.join(codes)}",
        }
    return {"zh": "没有场景触及", "en": "no scenario came to it"}
