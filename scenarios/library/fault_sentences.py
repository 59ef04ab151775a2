"""Faults in one sentence of business words, parsed into a plain rule.

    lose the 2nd settlement answer from 340600 to 310000 on day 3
    duplicate every 100th reversal
    delay every settlement answer from 340600 by 40s
    lose every settlement answer of case visit-1 between 9h and 10h
    cut 340600 off between 9h30m and 9h45m
    add exp_note to the 1st settlement from hub to 340600
    leave psn_no out of the 1st settlement of case visit-1
    change medfee_sumamt to 9.00 in the 1st settlement of case visit-1
    duplicate the 1st settlement of case visit-1 changing medfee_sumamt to 9.00 by 3s

*What* is a word of the transaction catalogue (or its number, or `message` for all), then
`request` (also where nothing is said), `answer` (refusals too) or `message` (both). *Which* is
`the 2nd`, `every 100th`, `every`, counted over what the rest of the sentence selects. Days
count from 1; `on day 3 between 9h and 10h` means that day's hours. Fields of a body go by their
national names; what `changing` says holds for the further copies alone.
"""

from __future__ import annotations

import re
from typing import Literal

import msgspec

from yidi.protocol.errors import ErrorCode, ScenarioError
from yidi.protocol.instants import DAY, MILLISECOND, Duration
from yidi.protocol.transactions import TRANSACTIONS, codes_of
from yidi.scenarios.library.toml_lines import suggest
from yidi.scenarios.library.values import read_duration

Action = Literal["lose", "duplicate", "delay", "cut", "change"]
ChangeKind = Literal["add", "omit", "set"]
Side = Literal["request", "answer", "any"]

HUB = "hub"
COPIES_MAX = 10
COPY_GAP = MILLISECOND
"""A second copy follows the first so much later, unless the sentence says `by`."""

_WORDS = tuple(dict.fromkeys(row.word for row in TRANSACTIONS))
_NUMBERS = tuple(row.code for row in TRANSACTIONS)
_ORDINALS = {"first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5}
_ACTIONS: dict[str, Action] = {
    "lose": "lose",
    "drop": "lose",
    "duplicate": "duplicate",
    "repeat": "duplicate",
    "delay": "delay",
    "cut": "cut",
    "add": "change",
    "leave": "change",
    "change": "change",
}
_SIDES: dict[str, Side] = {
    "request": "request",
    "requests": "request",
    "answer": "answer",
    "answers": "answer",
    "reply": "answer",
    "message": "any",
    "messages": "any",
}
_CLAUSES = (
    *("from", "to", "of", "on", "between", "after", "until", "by", "twice", "copies", "changing"),
)
_ORDINAL = re.compile(r"(\d{1,9})(?:st|nd|rd|th)\Z", re.ASCII)
_REGION = re.compile(r"\d{6}\Z", re.ASCII)
_FIELD = re.compile(r"[a-z][a-z0-9_]{1,39}\Z", re.ASCII)


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of one field of a body on its way."""

    kind: ChangeKind
    field: str
    """National name."""
    value: str = ""
    """As national JSON writes it; of `set` alone."""


class FaultRule(msgspec.Struct, frozen=True, kw_only=True):
    """One parsed fault. Offsets and delays are microseconds."""

    sentence: str
    action: Action
    nth: int | None = None
    """Only the nth that matches, from 1."""
    every: int = 1
    """Every so-manieth that matches."""
    transactions: tuple[str, ...] = ()
    """Numbers; empty for all."""
    side: Side = "request"
    sender: str | None = None
    """Region code or `hub`."""
    recipient: str | None = None
    case: str | None = None
    starts: Duration = Duration(0)
    ends: Duration | None = None
    copies: int = 2
    """How many arrive in all, for `duplicate`."""
    delay: Duration = Duration(0)
    region: str | None = None
    """Who is cut off."""
    change: Change | None = None
    """Of the message; for `duplicate`, of its further copies."""

    def within(self, starts: int | None, ends: int | None) -> FaultRule:
        """The rule with the window of its `[[fault]]` table laid over its own."""
        later = max(self.starts, starts or 0)
        known = [end for end in (self.ends, ends) if end is not None]
        earlier = Duration(min(known)) if known else None
        return msgspec.structs.replace(self, starts=Duration(later), ends=earlier)


def parse_fault(sentence: str) -> FaultRule:
    """Parse one sentence.

    Raises:
        ScenarioError: `E_EXPRESSION` with what was expected instead of which word;
            `E_FAULT_WINDOW` for a window that ends before it starts.
    """
    reader = _Sentence(sentence)
    found = {"sentence": sentence, **reader.read()}
    rule = msgspec.convert(found, FaultRule)
    if rule.ends is not None and rule.ends <= rule.starts:
        raise ScenarioError(ErrorCode.E_FAULT_WINDOW, want="an end after the start", got=sentence)
    return rule


class _Sentence:
    """The words of a sentence, read from the left."""

    def __init__(self, sentence: str) -> None:
        self.words = sentence.lower().replace(",", " ").split()
        self.original = sentence.replace(",", " ").split()
        self.place = 0
        self.found: dict[str, object] = {}
        self.day: int | None = None
        self.starts: int | None = None
        self.ends: int | None = None

    def read(self) -> dict[str, object]:
        action = _ACTIONS.get(self._next("an action"))
        if action is None:
            raise self._unknown(tuple(_ACTIONS))
        self.found["action"] = action
        if action == "cut":
            self.found["region"] = self._party()
            self._expect("off")
        else:
            if action == "change":
                self.found["change"] = self._change(self.words[0])
            self._which()
            self._what()
        while self.place < len(self.words):
            self._clause()
        self._close_window()
        if action == "delay" and not self.found.get("delay"):
            raise self._wanted("by and a duration, such as `by 40s`")
        if "change" in self.found and action not in ("change", "duplicate"):
            raise self._wanted("changing beside duplicate alone")
        return self.found

    def _next(self, want: str) -> str:
        if self.place >= len(self.words):
            raise self._wanted(want)
        self.place += 1
        return self.words[self.place - 1]

    def _peek(self) -> str:
        return self.words[self.place] if self.place < len(self.words) else ""

    def _expect(self, word: str) -> None:
        if self._next(word) != word:
            raise self._wanted(word)

    def _wanted(self, want: str) -> ScenarioError:
        said = " ".join(self.original[max(0, self.place - 2) : self.place])
        return ScenarioError(ErrorCode.E_EXPRESSION, want=want, got=said or "nothing more")

    def _unknown(self, known: tuple[str, ...]) -> ScenarioError:
        word = self.words[self.place - 1]
        return ScenarioError(ErrorCode.E_EXPRESSION, want=suggest(word, list(known)), got=word)

    def _change(self, verb: str) -> Change:
        """`add FIELD to`, `leave FIELD out of`, `change FIELD to VALUE in`."""
        field = self._field()
        if verb == "add":
            self._expect("to")
            return Change(kind="add", field=field)
        if verb == "leave":
            self._expect("out")
            self._expect("of")
            return Change(kind="omit", field=field)
        change = self._setting(field)
        self._expect("in")
        return change

    def _setting(self, field: str) -> Change:
        self._expect("to")
        self._next("a value")
        return Change(kind="set", field=field, value=self.original[self.place - 1])

    def _field(self) -> str:
        word = self._next("a field, such as psn_no")
        if not _FIELD.match(word):
            raise self._wanted("a field, such as psn_no")
        return word

    def _which(self) -> None:
        word = self._peek()
        if word in ("the", "every", "all", "any"):
            self.place += 1
        number = self._ordinal()
        if number is not None:
            self.found["every" if word == "every" else "nth"] = number
        elif word not in ("every", "all", "any"):
            self._next("the 2nd, every 100th, or every")
            raise self._wanted("the 2nd, every 100th, or every")

    def _ordinal(self) -> int | None:
        word = self._peek()
        found = _ORDINAL.match(word)
        number = int(found[1]) if found else _ORDINALS.get(word)
        if number is None:
            return None
        self.place += 1
        if number < 1:
            raise self._wanted("an ordinal from 1st")
        return number

    def _what(self) -> None:
        first = self._next("a transaction, such as settlement")
        if first in _SIDES:
            self.found["side"] = _SIDES[first]
            return
        self.found["transactions"] = self._transaction(first)
        if self._peek() in _SIDES:
            self.found["side"] = _SIDES[self._next("")]

    def _transaction(self, first: str) -> tuple[str, ...]:
        """One word, hyphenated, underscored or parted, singular or plural; or a number."""
        if first.upper() in _NUMBERS:
            return (first.upper(),)
        for length in (3, 2, 1):
            last = self.place - 1 + length
            joined = "_".join(self.words[self.place - 1 : last]).replace("-", "_")
            for word in (joined, joined.removesuffix("s")):
                if word in _WORDS and last <= len(self.words):
                    self.place = last
                    return codes_of(word)
        raise self._unknown((*_WORDS, *_SIDES))

    def _party(self) -> str:
        word = self._next("a region code or hub")
        if word == "the" and self._peek() == HUB:
            word = self._next(HUB)
        if word != HUB and not _REGION.match(word):
            raise self._wanted("a region code of six digits, or hub")
        return word

    def _clause(self) -> None:
        match self._next("a clause"):
            case "from":
                self.found["sender"] = self._party()
            case "to":
                self.found["recipient"] = self._party()
            case "of":
                self._expect("case")
                self._next("the id of a case")
                self.found["case"] = self.original[self.place - 1]
            case "on":
                self._expect("day")
                self.day = self._count(1, 3660)
            case "between":
                self.starts = self._duration()
                self._expect("and")
                self.ends = self._duration()
            case "after":
                self.starts = self._duration()
            case "until":
                self.ends = self._duration()
            case "by":
                self.found["delay"] = self._duration()
            case "changing":
                self.found["change"] = self._setting(self._field())
            case "twice":
                self.found["copies"] = 3
            case "with":
                self.found["copies"] = self._count(1, COPIES_MAX) + 1
                if self._next("copies") not in ("copy", "copies"):
                    raise self._wanted("copies")
            case _:
                raise self._unknown((*_CLAUSES, *_SIDES))

    def _duration(self) -> int:
        word = self._next("a duration")
        try:
            return read_duration(word)
        except ScenarioError as error:
            raise self._wanted(error.want) from None

    def _count(self, least: int, most: int) -> int:
        word = self._next("a number")
        if not word.isascii() or not word.isdigit() or not least <= int(word[:9]) <= most:
            raise self._wanted(f"a number {least}..{most}")
        return int(word)

    def _close_window(self) -> None:
        base = 0 if self.day is None else (self.day - 1) * DAY
        if self.day is not None:
            self.found["ends"] = base + DAY
        if self.starts is not None:
            self.found["starts"] = base + self.starts
        elif self.day is not None:
            self.found["starts"] = base
        if self.ends is not None:
            self.found["ends"] = base + self.ends
