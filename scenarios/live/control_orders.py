"""Bodies of `/_yidi/`: what a tester posts, as JSON. Unknown fields are refused, always."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from yidi.protocol.messages_control import DELAY_MAX, TIMES_MAX, Outcome, Verdict

Address = Annotated[str, msgspec.Meta(max_length=48)]
Text = Annotated[str, msgspec.Meta(max_length=50)]
Milliseconds = Annotated[int, msgspec.Meta(ge=0, le=DELAY_MAX // 1_000)]


class _Order(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of all."""


class DayOrder(_Order, frozen=True, kw_only=True):
    """POST day-close: the accounting day that is open ends."""

    hub: Address = ""
    """Empty: every hub."""


class ResetOrder(_Order, frozen=True, kw_only=True):
    """POST reset: one person, one node, or with neither everything."""

    node: Address = ""
    person: Text = ""
    """Person number, or certificate number of somebody of the scenario."""


class PersonOrder(_Order, frozen=True, kw_only=True):
    """POST persons: somebody new; what is left out is made up, validly."""

    region: Annotated[str, msgspec.Meta(max_length=6)]
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=50)]
    birth: Annotated[str, msgspec.Meta(max_length=10)] = "1980-01-01"
    sex: Literal["1", "2"] = "1"
    insutype: Annotated[str, msgspec.Meta(max_length=6)] = "310"
    psn_type: Annotated[str, msgspec.Meta(max_length=6)] = ""
    """Empty: employee at work, or adult resident, by the insurance type."""
    certno: Annotated[str, msgspec.Meta(max_length=18)] = ""
    balc: str = "0.00"
    """Personal account, yuan."""
    filed: Annotated[str, msgspec.Meta(max_length=6)] = ""
    """Place for which a filing is effective at once."""
    category: Annotated[str, msgspec.Meta(max_length=30)] = "long_stay"


class OutcomeOrder(_Order, frozen=True, kw_only=True):
    """POST outcomes: what becomes of the next requests of a person, institution or region."""

    outcome: Outcome
    person: Text = ""
    institution: Text = ""
    region: Annotated[str, msgspec.Meta(max_length=6)] = ""
    node: Address = ""
    """Where; empty: the person's insured region, the institution's treatment region, or the
    region in the role it has (insured, where it has both)."""
    transactions: Annotated[list[Text], msgspec.Meta(max_length=20)] = []
    """Numbers or words (`settlement`); empty: all."""
    code: Annotated[str, msgspec.Meta(max_length=30)] = ""
    milliseconds: Milliseconds = 0
    times: Annotated[int, msgspec.Meta(ge=0, le=TIMES_MAX)] = 1


class DecisionOrder(_Order, frozen=True, kw_only=True):
    """POST pending: the word on a message that waits."""

    node: Address
    msgid: Text
    verdict: Verdict
    code: Annotated[str, msgspec.Meta(max_length=30)] = ""
