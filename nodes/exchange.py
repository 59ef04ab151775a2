"""Which hub a message goes through: a case goes through exactly one.

`hub:yrd` takes the pairs and visits of the Yangtze River Delta's agreement where the scenario
lists that exchange; everything else goes through the national hub. Both run the same class.
"""

from __future__ import annotations

import msgspec

NATIONAL_HUB = "hub:100000"
DELTA_HUB = "hub:yrd"


class DeltaAgreement(msgspec.Struct, frozen=True, kw_only=True):
    """The pairs (by province prefix, both sides) and visits that the Delta exchange takes."""

    provinces: tuple[str, ...]
    med_types: tuple[str, ...]


def choose_hub(
    agreement: DeltaAgreement | None, insured: str, treatment: str, med_type: str
) -> str:
    """The hub of a visit; `med_type` empty (1101, 2001 before a visit) asks for the pair alone."""
    if (
        agreement is not None
        and insured[:2] in agreement.provinces
        and treatment[:2] in agreement.provinces
        and (not med_type or med_type in agreement.med_types)
    ):
        return DELTA_HUB
    return NATIONAL_HUB
