from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yidi.broker.link import (
    CLOCK_SKEW_MAX,
    EXPIRY_GRACE,
    GAP_MAX,
    MISSING_MAX,
    LinkEnd,
)
from yidi.protocol.envelope import Envelope, Link, Origin, frame, seal
from yidi.protocol.errors import LocalProtocolError, RemoteProtocolError

A, B = "treatment:310000", "hub:100000"
NOW = 1_772_000_000_000_000


def message(number: int, *, kind: int = 0, deadline: int = 0) -> Envelope:
    """A message of the settlement exchange, told apart by its number."""
    origin = Origin(
        "2207", kind, f"M{number}", "", A, "insured:340600", "", "310000", "340600", 0, NOW,
        deadline, "",
    )  # fmt: skip
    return seal(B, origin, b"\x90")


def raw(sequence: int, *, sent_at: int = NOW, watermark: int = 0) -> bytes:
    """The frame that carries a sequence of our choice."""
    return frame(message(sequence), Link(A, B, sequence, watermark, sent_at))


@given(st.data())
def test_no_sequence_is_delivered_twice_and_what_arrives_is_delivered(data):
    """With loss, copies and any order, each arriving sequence comes out exactly once."""
    sender, receiver = LinkEnd(A, B), LinkEnd(B, A)
    count = data.draw(st.integers(1, 40))
    raws = [sender.send(message(number), NOW) for number in range(1, count + 1)]
    arrivals = data.draw(st.lists(st.sampled_from(raws), max_size=120))
    out = [got for one in arrivals if (got := receiver.receive(one, NOW)) is not None]
    sequences = [one.link.sequence for one in out]
    assert len(sequences) == len(set(sequences))
    assert set(sequences) == {raws.index(one) + 1 for one in arrivals}
    assert receiver.received == max(sequences, default=0)


@given(st.lists(st.booleans(), max_size=60))
def test_order_is_kept_where_only_loss_happens(kept):
    """Frames that are only lost, never reordered, come out in the order of sending."""
    sender, receiver = LinkEnd(A, B), LinkEnd(B, A)
    raws = [sender.send(message(number), NOW) for number in range(len(kept))]
    out = [receiver.receive(one, NOW) for one, keep in zip(raws, kept, strict=True) if keep]
    ids = [one.origin.message_id for one in out]
    assert ids == [f"M{number}" for number, keep in enumerate(kept) if keep]


@given(st.lists(st.integers(1, GAP_MAX), max_size=12))
def test_memory_of_gaps_is_bounded(steps):
    """However large the gaps, an end remembers at most MISSING_MAX skipped sequences."""
    receiver, sequence = LinkEnd(B, A), 0
    for step in steps:
        sequence += step
        receiver.receive(raw(sequence), NOW)
        assert len(receiver.missing) <= MISSING_MAX


@pytest.mark.parametrize("sequence", [0, 1_000_000_005, GAP_MAX + 7])
def test_a_jump_or_a_reset_is_refused_and_changes_nothing(sequence):
    """W28: a jump of 10^9 or a reset to 0 is E_SEQ_GAP, and names where to resend from."""
    receiver = LinkEnd(B, A)
    for number in range(1, 6):
        receiver.receive(raw(number), NOW)
    with pytest.raises(RemoteProtocolError) as caught:
        receiver.receive(raw(sequence), NOW)
    assert (caught.value.code, caught.value.want) == ("E_SEQ_GAP", "resend from 6")
    assert (receiver.received, len(receiver.missing)) == (5, 0)


@given(st.integers(-(10**10), 10**10))
def test_clock_skew_is_refused_beyond_five_minutes(skew):
    """W22: the hub refuses a node's frame exactly when its sent-at is over 300 s off."""
    receiver = LinkEnd(B, A, checks_clock=True)
    one = raw(1, sent_at=NOW + skew)
    if abs(skew) <= CLOCK_SKEW_MAX:
        assert receiver.receive(one, NOW) is not None
        return
    with pytest.raises(RemoteProtocolError) as caught:
        receiver.receive(one, NOW)
    assert caught.value.code == "E_CLOCK_SKEW"
    assert receiver.received == 0


def test_a_frame_that_was_overtaken_is_late_not_skewed():
    """A frame delayed for hours that later ones have passed is taken; its clock is not judged."""
    sender, receiver = LinkEnd(A, B), LinkEnd(B, A, checks_clock=True)
    late, other = sender.send(message(1), NOW), sender.send(message(2), NOW)
    assert receiver.receive(other, NOW) is not None
    assert receiver.receive(late, NOW + 100 * CLOCK_SKEW_MAX) is not None


@pytest.mark.parametrize("kind", [0, 1, 2])
def test_only_requests_expire(kind):
    """A request whose deadline has surely passed is dropped and counted; an answer never."""
    sender, receiver = LinkEnd(A, B), LinkEnd(B, A)
    one = sender.send(message(1, kind=kind, deadline=NOW), NOW)
    got = receiver.receive(one, NOW + EXPIRY_GRACE + 1)
    assert (got is None) == (kind == 0)
    assert receiver.expired == (kind == 0)


def test_the_window_gives_credit_back_by_watermark():
    """Out of credit a send is E_BUSY; the watermark of any frame back frees the window."""
    sender, receiver = LinkEnd(A, B, window=3), LinkEnd(B, A)
    for number in range(3):
        receiver.receive(sender.send(message(number), NOW), NOW)
    with pytest.raises(LocalProtocolError) as caught:
        sender.send(message(4), NOW)
    assert (caught.value.code, sender.sent, sender.credit) == ("E_BUSY", 3, 0)
    sender.receive(receiver.send(message(9, kind=1), NOW), NOW)
    assert sender.credit == 3
    sender.send(message(4), NOW)


def test_a_watermark_beyond_what_was_sent_is_refused():
    """A peer that acknowledges what was never sent is wrong, and frees no credit."""
    end = LinkEnd(B, A)
    with pytest.raises(RemoteProtocolError) as caught:
        end.receive(raw(1, watermark=1), NOW)
    assert (caught.value.code, end.received, end.acknowledged) == ("E_SEQ_GAP", 0, 0)


def test_a_frame_of_another_link_is_not_mine():
    """MF9: a frame that names other parties than this link's is refused unread."""
    with pytest.raises(RemoteProtocolError) as caught:
        LinkEnd("hub:yrd", A).receive(raw(1), NOW)
    assert caught.value.code == "E_NOT_MINE"


def test_a_new_session_counts_from_one():
    """After `restart` on both ends frames flow again from sequence 1."""
    sender, receiver = LinkEnd(A, B), LinkEnd(B, A)
    for number in range(4):
        receiver.receive(sender.send(message(number), NOW), NOW)
    sender.restart()
    receiver.restart()
    assert receiver.receive(sender.send(message(5), NOW), NOW).link.sequence == 1
