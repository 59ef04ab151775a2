"""Links of a live host: restarts, watermarks without messages, credit after a loss."""

from __future__ import annotations

import pytest

from yidi.broker.core import Router
from yidi.protocol.envelope import Envelope, Origin, seal
from yidi.protocol.errors import LocalProtocolError
from yidi.protocol.instants import Instant
from yidi.scenarios.live.core import OWED_SHARE, LiveCore

A, B = "treatment:310000", "hub:100000"
NOW = Instant(1_772_000_000_000_000)
WINDOW = 16


def core(incarnation: int = 1) -> LiveCore:
    """One host's core."""
    return LiveCore(Router([A, B]), incarnation, window=WINDOW)


def message(number: int) -> Envelope:
    """A message from A to B."""
    origin = Origin(
        "2207", 0, f"M{number}", "", A, B, "", "310000", "340600", 0, NOW, 0, ""
    )  # fmt: skip
    return seal(B, origin, b"\x90")


def send(sender: LiveCore, count: int) -> list[bytes]:
    """The frames of so many messages."""
    return [sender.send(A, message(number), NOW)[1] for number in range(count)]


def exchange(sender: LiveCore, receiver: LiveCore) -> None:
    """Let both say what they owe."""
    for one, other in ((sender, receiver), (receiver, sender)):
        for _, _, raw in [*one.questions(NOW), *one.watermarks(NOW)]:
            assert other.receive(raw, NOW) is None


def test_a_receiver_with_nothing_to_say_frees_the_window() -> None:
    """After a share of the window a bare frame goes out, so a one-way link never stops."""
    sender, receiver = core(), core()
    for raw in send(sender, WINDOW // OWED_SHARE):
        receiver.receive(raw, NOW)
    exchange(sender, receiver)

    assert sender.end(A, B).credit == WINDOW
    for _ in range(10 * WINDOW):
        receiver.receive(send(sender, 1)[0], NOW)
        exchange(sender, receiver)


def test_a_window_that_was_lost_is_found_out() -> None:
    """Nothing arrived, nothing comes back: the sender asks, and may send again."""
    sender, receiver = core(), core()
    lost = send(sender, WINDOW)
    with pytest.raises(LocalProtocolError, match="E_BUSY"):
        send(sender, 1)
    exchange(sender, receiver)

    assert sender.end(A, B).credit == WINDOW
    assert receiver.receive(send(sender, 1)[0], NOW) is not None
    # What was only late is taken still, once.
    assert receiver.receive(lost[3], NOW) is not None
    assert receiver.receive(lost[3], NOW) is None


def test_a_question_whose_answer_is_lost_is_asked_again() -> None:
    """Every question is answered, also when there is nothing new to tell."""
    sender, receiver = core(), core()
    send(sender, WINDOW)
    with pytest.raises(LocalProtocolError):
        send(sender, 1)
    for _, _, raw in sender.questions(NOW):
        receiver.receive(raw, NOW)
    assert len(list(receiver.watermarks(NOW))) == 1
    exchange(sender, receiver)

    assert sender.end(A, B).credit == WINDOW


def test_a_new_life_begins_its_own_count() -> None:
    """A restarted sender is heard, and what comes late from its earlier life is not."""
    receiver = core()
    old, new = send(core(1), 2), send(core(2), 2)
    assert receiver.receive(old[0], NOW) is not None
    assert receiver.receive(new[0], NOW) is not None
    assert receiver.receive(old[1], NOW) is None
    assert receiver.receive(new[1], NOW) is not None
    assert receiver.end(B, A).stale == 1


def test_a_restarted_receiver_tells_an_older_life_nothing() -> None:
    """The watermark of a receiver's new life counts what it has had, and frees that."""
    sender, receiver = core(), core()
    for raw in send(sender, WINDOW):
        receiver.receive(raw, NOW)
    restarted = core(2)
    with pytest.raises(LocalProtocolError):
        send(sender, 1)
    exchange(sender, restarted)

    assert sender.end(A, B).credit == WINDOW
