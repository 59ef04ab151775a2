from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from yidi.protocol.envelope import Origin, seal
from yidi.protocol.instants import MILLISECOND, SECOND
from yidi.scenarios.running.clients import (
    PATIENCE,
    REPEATS_MAX,
    Clients,
    client_prefix,
)

NOW = 1_772_000_000_000_000
PARTIES = ("institution:H31010100001", "treatment:310000")


class Asker:
    """An actor that keeps what it hears."""

    def __init__(self, *, repeats=True):
        self.heard, self.wakes, self.silent, self.again = [], [], [], repeats

    def woken(self, now):
        """Keep the instant."""
        self.wakes.append(now)

    def answered(self, envelope, now):
        """Keep the answer."""
        self.heard.append(envelope.origin.message_id)

    def unanswered(self, message_id, now):
        """Keep what was given up."""
        self.silent.append(message_id)

    def repeats(self, message_id):
        """As the test wants it."""
        return self.again


def answer_to(envelope):
    """The answer to a request."""
    asked = envelope.origin
    origin = Origin(
        asked.transaction, 1, "A1", asked.message_id, asked.recipient, asked.sender, "", "", "",
        0, NOW, 0, "",
    )  # fmt: skip
    return seal(asked.sender, origin, b"\x90")


def ask(desk, actor, now=NOW):
    """One question of an institution."""
    return desk.ask(actor, PARTIES, "1101", b"\x90", now)


def test_an_answer_reaches_who_asked_once():
    """The answer goes to the asker; the same answer again is counted and goes to nobody."""
    desk, actor = Clients(), Asker()
    sent = ask(desk, actor)
    desk.handle(answer_to(sent), NOW)
    desk.handle(answer_to(sent), NOW)
    assert (actor.heard, desk.unmatched, desk.open_questions) == (["A1"], 1, 0)
    assert desk.next_deadline() is None


def test_silence_is_repeated_under_the_same_id():
    """Without an answer the very same message goes out again after a client's patience."""
    desk, actor = Clients(), Asker()
    sent = ask(desk, actor)
    assert desk.handle_deadline(NOW) == [sent]
    assert desk.next_deadline() == NOW + PATIENCE
    assert desk.handle_deadline(NOW + PATIENCE) == [sent]


def test_repeating_ends():
    """After the last repeat the asker is told that nothing came, and no timer is left."""
    desk, actor = Clients(), Asker()
    sent = ask(desk, actor)
    outputs = []
    while (at := desk.next_deadline()) is not None:
        outputs += desk.handle_deadline(at)
    assert outputs == [sent] * (REPEATS_MAX + 1)
    assert (actor.silent, desk.given_up) == ([sent.origin.message_id], 1)


def test_an_actor_may_give_up_at_once():
    """An actor that does not repeat is told of the silence when its patience ends."""
    desk, actor = Clients(), Asker(repeats=False)
    sent = ask(desk, actor)
    desk.handle_deadline(NOW)
    assert desk.handle_deadline(NOW + PATIENCE) == []
    assert actor.silent == [sent.origin.message_id]


@given(st.lists(st.integers(0, 10 * SECOND), max_size=30))
def test_wakes_come_in_order_and_on_whole_milliseconds(offsets):
    """Every wake comes once, in the order of the instants, never early, less than 1 ms late."""
    desk, actor = Clients(), Asker()
    for offset in offsets:
        desk.wake(actor, NOW + offset)
    while (at := desk.next_deadline()) is not None:
        assert at % MILLISECOND == 0
        desk.handle_deadline(at)
    late = [got - NOW - want for got, want in zip(actor.wakes, sorted(offsets), strict=True)]
    assert all(0 <= one < MILLISECOND for one in late)


@given(st.integers(1, 40), st.integers(0, 3))
def test_message_ids_are_unique(count, seconds):
    """Ids are 30 characters, begin with the sender and never repeat."""
    desk = Clients()
    ids = [
        desk.mint("H31010100001", NOW + second * SECOND)
        for second in range(seconds + 1)
        for _ in range(count)
    ]
    assert len(set(ids)) == len(ids)
    assert all(len(one) == 30 and one.startswith("H31010100001") for one in ids)


def test_a_busy_second_goes_on_in_letters():
    """The ten thousandth id of a second is still unique and still 30 characters."""
    desk = Clients()
    ids = {desk.mint("H31010100001", NOW) for _ in range(10_050)}
    assert len(ids) == 10_050
    assert {len(one) for one in ids} == {30}


def test_prefixes_are_twelve_characters():
    """Every client has a prefix of twelve characters, an institution its own code."""
    assert client_prefix("institution:H31010100001") == "H31010100001"
    assert client_prefix("person:340600000000509415") == "P00000509415"
    assert client_prefix("operator:340600") == "O00000340600"
