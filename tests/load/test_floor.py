from __future__ import annotations

from yidi.scenarios.load import corpus
from yidi.scenarios.load.floor import Floor


def test_the_floor_moves_every_message_over_two_hops():
    """So many envelopes and codec operations a settlement, and the same bytes each time."""
    messages = corpus.load().messages
    floor = Floor(corpus.load())
    once = floor.run(1)

    assert 2 * len(messages) == floor.envelopes_per_settlement == 16
    assert 9 * len(messages) + 1 == floor.operations_per_settlement
    assert 3 * once == floor.run(3)
    assert once > 2 * sum(len(one.origin) + len(one.body) for one in messages)


def test_the_hub_opens_what_it_books():
    """Of the flow's messages the hub opens the settlement answer alone."""
    booked = [(one.word, one.kind) for one in corpus.load().messages if one.is_booked]

    assert [("settlement", 1)] == booked
