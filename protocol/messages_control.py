"""Bodies of what a tester tells a live node: next outcome, reset, person, what waits, decision.

They travel as envelopes of the node's operator (`operator:CODE`), like every other command, so
that the journal has them and a replay does what was done. They are for testing only and no part
of the network's language: the catalogue of transactions, its schema and its digest leave them out.
Positional and append-only like all bodies.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from yidi.protocol.messages import Day, Fen, Text6, Text12, Text30, Text50, Text200, When

Outcome = Literal["refuse", "slow", "ignore", "lose", "hold", "clear"]
Verdict = Literal["approve", "refuse", "ignore"]

DELAY_MAX = 3_600_000_000
"""An hour: longer than anybody waits, and than any time-out of ours."""
TIMES_MAX = 1_000_000
WAITING_MAX = 200
"""Waiting messages, and rules, that one status lists: it fits one frame."""


class NextOutcome(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """What becomes of the next requests that fit; an empty criterion fits everything."""

    outcome: Outcome
    """`refuse` by code, `slow`, `ignore` (no answer, no effect), `lose` (effect, no answer),
    `hold` (wait for a decision); `clear` takes the rules back."""
    code: Text30 = ""
    """Of a refusal."""
    delay: Annotated[int, msgspec.Meta(ge=0, le=DELAY_MAX)] = 0
    """Of `slow`, microseconds."""
    times: Annotated[int, msgspec.Meta(ge=0, le=TIMES_MAX)] = 1
    """How many requests; 0 for all until it is cleared."""
    transactions: Annotated[list[Text6], msgspec.Meta(max_length=50)] = []
    """Empty: every transaction with a number of the national platform."""
    person_no: Text30 = ""
    certificate_no: Text50 = ""
    """The same person's, for requests that do not know the number yet."""
    institution: Text12 = ""
    treatment: Text6 = ""
    insured: Text6 = ""


class Reset(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """Back to the start: the node, or one insured person of it."""

    person_no: Text30 = ""


class NewPerson(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """An insured person that the scenario did not have; synthetic like all others."""

    person_no: Text30
    name: Text50
    certificate_no: Text50
    sex: Text6
    birth: Day
    insutype: Text6
    psn_type: Text6
    partition_key: Annotated[int, msgspec.Meta(ge=0, le=65_535)] = 0
    balance_fen: Fen = 0
    filed: Text6 = ""
    """Place for which a filing is effective at once; empty for none."""
    category: Text30 = "long_stay"
    """Of that filing."""


class ControlQuery(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """What is ordered here, and what waits."""


class Waiting(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """A request that waits for a decision, or for its time."""

    message_id: Text30
    transaction: Text6
    sender: Text50
    case_key: Text30
    person_no: Text30
    since: When
    until: When = 0
    """When it goes on by itself; 0 for never."""


class ControlStatus(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """Answer to `ControlQuery`."""

    day: Day = ""
    """The accounting day that is open; of a hub."""
    rules: Annotated[list[NextOutcome], msgspec.Meta(max_length=WAITING_MAX)] = []
    waiting: Annotated[list[Waiting], msgspec.Meta(max_length=WAITING_MAX)] = []
    waiting_count: Annotated[int, msgspec.Meta(ge=0, le=2**40)] = 0


class Decision(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """The user's word on a waiting request."""

    message_id: Text30
    verdict: Verdict
    code: Text30 = ""
    """Of a refusal."""
    facts: Text200 = ""
