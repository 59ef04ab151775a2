from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from yidi.broker.engines.sessions import Session


def test_the_later_process_takes_a_session():
    """Of two under one name the later wins, whoever hears of whom first."""
    first, second = Session("yidi-hub-1"), Session("yidi-hub-1")

    assert first.is_taken_by(second.encoded)
    assert not second.is_taken_by(first.encoded)


def test_nobody_takes_a_session_from_itself_or_another_name():
    """One's own announcement, and that of another partition, change nothing."""
    session = Session("yidi-hub-1")

    assert not session.is_taken_by(session.encoded)
    assert not session.is_taken_by(Session("yidi-hub-1-2").encoded)


@given(st.binary(max_size=64))
def test_rubbish_takes_no_session(payload):
    """What is no announcement is ignored."""
    assert not Session("yidi-hub-1").is_taken_by(payload)
