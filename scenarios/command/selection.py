"""`-k EXPR`: which scenarios and which of their scripted cases a run is about.

Words, `and`, `or`, `not` and brackets; a word matches a name, a tag or a case id that contains
it. A scenario whose name or tags match is run whole; one of which only some cases match is run
with these cases alone, and without the expectations and faults that speak of others.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from yidi.protocol.errors import ErrorCode, ScenarioError
from yidi.scenarios.library.loader import LoadedScenario, load_text
from yidi.scenarios.library.settings import write_toml
from yidi.scenarios.library.toml_lines import parse_toml

_TOKEN = re.compile(r"\s*(\(|\)|[^\s()]+)")
Matcher = Callable[[Iterable[str]], bool]


def parse_selection(text: str) -> Matcher:
    """Parse an expression into a function of the names it is held against.

    Raises:
        ScenarioError: `E_EXPRESSION`.
    """
    tokens = _TOKEN.findall(text)
    matcher, rest = _either(tokens, text)
    if rest:
        raise _wrong(text)
    return matcher


def _either(tokens: list[str], text: str) -> tuple[Matcher, list[str]]:
    left, tokens = _both(tokens, text)
    while tokens and tokens[0] == "or":
        right, tokens = _both(tokens[1:], text)
        left = _joined(any, left, right)
    return left, tokens


def _both(tokens: list[str], text: str) -> tuple[Matcher, list[str]]:
    left, tokens = _one(tokens, text)
    while tokens and tokens[0] == "and":
        right, tokens = _one(tokens[1:], text)
        left = _joined(all, left, right)
    return left, tokens


def _one(tokens: list[str], text: str) -> tuple[Matcher, list[str]]:
    if not tokens or tokens[0] in (")", "and", "or") or len(tokens) > 200:
        raise _wrong(text)
    first, rest = tokens[0], tokens[1:]
    if first == "not":
        inner, rest = _one(rest, text)
        return (lambda names: not inner(list(names))), rest
    if first == "(":
        inner, rest = _either(rest, text)
        if not rest or rest[0] != ")":
            raise _wrong(text)
        return inner, rest[1:]
    word = first.lower()
    return (lambda names: any(word in name.lower() for name in names)), rest


def _joined(how: Callable[[Iterable[bool]], bool], left: Matcher, right: Matcher) -> Matcher:
    def matches(names: Iterable[str]) -> bool:
        held = list(names)
        return how([left(held), right(held)])

    return matches


def _wrong(text: str) -> ScenarioError:
    want = "words with and, or, not and brackets, such as 'clearing and not delta'"
    return ScenarioError(ErrorCode.E_EXPRESSION, at="-k", want=want, got=text[:60])


def select(loaded: LoadedScenario, matches: Matcher) -> LoadedScenario | None:
    """The scenario, whole or with the matching cases alone; None where nothing matches."""
    scenario = loaded.scenario
    if matches([scenario.name, *scenario.tags]):
        return loaded
    # A case is held against its own id: the scenario as a whole was not meant.
    kept = {case.id for case in scenario.case if matches([case.id])}
    if not kept or len(kept) == len(scenario.case):
        return loaded if kept else None
    data = parse_toml(loaded.text, loaded.path).data
    dropped = [case.id for case in scenario.case if case.id not in kept]
    return load_text(write_toml(_reduced(data, kept, dropped)), loaded.path)


def _reduced(data: dict[str, Any], kept: set[str], dropped: list[str]) -> dict[str, Any]:
    """The document without the other cases, their expectations, and faults that name them."""
    reduced = {key: value for key, value in data.items() if key != "flow"}
    reduced["case"] = [case for case in data["case"] if case.get("id") in kept]
    # Counts over all rows no longer hold when most cases are gone.
    reduced["expect"] = [one for one in data.get("expect", []) if one.get("case") in kept]
    reduced["fault"] = [
        fault for fault in data.get("fault", []) if not any(name in fault["do"] for name in dropped)
    ]
    return {key: value for key, value in reduced.items() if value != []}
