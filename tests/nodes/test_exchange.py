from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from yidi.nodes.exchange import DELTA_HUB, NATIONAL_HUB, DeltaAgreement, choose_hub

AGREEMENT = DeltaAgreement(provinces=("31", "32", "33", "34"), med_types=("11", "14"))
CODES = st.sampled_from(["310000", "320100", "340600", "110000", "650100"])


@given(CODES, CODES, st.sampled_from(["", "11", "14", "21", "41"]))
def test_the_delta_takes_its_own_pairs_and_visits(insured, treatment, med_type):
    """hub:yrd exactly where both sides and the visit are the agreement's; one hub a case."""
    covered = {insured[:2], treatment[:2]} <= {"31", "32", "33", "34"}
    visit = med_type in ("", "11", "14")
    hub = choose_hub(AGREEMENT, insured, treatment, med_type)

    assert (DELTA_HUB if covered and visit else NATIONAL_HUB) == hub


@given(CODES, CODES, st.text(max_size=2))
def test_without_the_exchange_all_goes_through_the_nation(insured, treatment, med_type):
    """Where a scenario lists no Delta exchange there is only the national hub."""
    assert NATIONAL_HUB == choose_hub(None, insured, treatment, med_type)
