"""The library's stories as chains: what an onlooker concludes is what the books say."""

from __future__ import annotations

from pathlib import Path

import pytest

from yidi.protocol import transactions as t
from yidi.scenarios.judging.chain import read_chains
from yidi.scenarios.judging.explain import Narrator
from yidi.scenarios.judging.explain_facts import NONE
from yidi.scenarios.judging.explain_states import final_states
from yidi.scenarios.judging.judged_run import judged_run
from yidi.scenarios.judging.page_data import chosen_cases
from yidi.scenarios.judging.party_names import read_names
from yidi.scenarios.judging.scripted_cases import read_scenario
from yidi.scenarios.judging.tour import AFTER, steps_along
from yidi.scenarios.library.loader import library_names, load

STORIES = [name for name in library_names() if not name.endswith("-month")]


@pytest.fixture(scope="module", params=STORIES)
def chains(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory):
    """The chains of one story's cases, and the folder of its run."""
    bundle = tmp_path_factory.mktemp("story")
    judged_run(load(request.param), bundle)
    chosen = chosen_cases(bundle, read_scenario(bundle), ())
    return bundle, read_chains(bundle, chosen)


def test_the_messages_tell_the_same_end_as_the_books(chains: tuple[Path, list]):
    """From the messages alone follows the state of every case at every node."""
    _, found = chains
    told = {(r, k): s for c in found for k, of in final_states(c).items() for r, s in of.items()}
    booked = {
        (row.node.partition(":")[0], row.key): row.state
        for chain in found
        for row in chain.rows
        if row.key
    }
    assert booked == {place: told.get(place) for place in booked}


def test_every_scripted_case_can_be_followed_and_told(chains: tuple[Path, list]):
    """Each has messages, steps in order, and sentences without a hole in both languages."""
    bundle, found = chains
    names = read_names(bundle)
    scripted = {one.id for one in read_scenario(bundle).case}
    assert scripted == {c.selection.case_id for c in found}
    for chain in found:
        assert chain.folded
        assert chain.hops
        path = [step for step in steps_along(chain) if 0 <= step < AFTER]
        tries = t.PRE_SETTLEMENTS | t.SETTLEMENTS
        assert path[:1] == ([1] if any(h.transaction in tries for h in chain.hops) else [])
        for language in ("zh", "en"):
            narrator = Narrator(chain, names, language)
            told = [narrator.explain(index) for index in range(len(chain.hops))]
            texts = [x for e in told for x in (e.what, e.why, e.money, e.next, e.sender)]
            assert [text for text in texts if not text or NONE in text or "{" in text] == []
