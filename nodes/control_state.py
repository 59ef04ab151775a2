"""What a tester has ordered at a node: plain structs, part of the node's memory."""

from __future__ import annotations

import msgspec

from yidi.protocol.messages_control import NewPerson, NextOutcome


class Rule(msgspec.Struct, kw_only=True):
    """An ordered outcome, and how often it is still due."""

    outcome: NextOutcome
    left: int
    """0 for ever."""


class Held(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A request that has come and has not been handled."""

    frame: bytes
    """As it came, so that it can be handled as if it came now."""
    since: int
    until: int = 0
    """When it goes on; 0 when somebody decides."""


class Fate(msgspec.Struct, frozen=True, gc=False):
    """What was done to a request, for its repeats: the same."""

    gist: bytes
    answer: bytes = b""
    """The refusal it got; empty: silence."""


class ControlState(msgspec.Struct, kw_only=True):
    """Everything a tester has ordered here."""

    rules: list[Rule] = []
    held: dict[str, Held] = {}
    """By message id, in the order in which they came."""
    fates: dict[str, Fate] = {}
    lost: dict[str, bool] = {}
    """Message ids of requests whose answers do not leave."""
    persons: dict[str, NewPerson] = {}
    """Who was added."""
