"""Facts as headers, and which responses are no answers."""

from __future__ import annotations

import pytest

from yidi.broker.external.documents import Facts
from yidi.broker.external.http import HttpReply
from yidi.scenarios.live.carriers import facts_in, headers_of, problem_of


def test_facts_read_back_from_headers_in_any_case() -> None:
    """HTTP names have no case."""
    facts = Facts(sender="hub:yrd", case_key="A1", sequence=3, watermark=2, partition_key=7)
    headers = {name.lower(): value for name, value in headers_of(facts).items()}

    assert facts == facts_in(headers)


def test_headers_of_another_form_say_nothing() -> None:
    """A proxy may add what it likes."""
    assert Facts() == facts_in({"Yidi-Sequence": "many"})


@pytest.mark.parametrize(
    ("reply", "problem"),
    [
        (HttpReply(status=200, body=b"{}"), ""),
        (HttpReply(status=200), "HTTP 200 without a body"),
        (HttpReply(status=504), "HTTP 504"),
        (HttpReply(status=404, body=b"{}"), "HTTP 404"),
        (HttpReply(status=200, body=b"{}", problem="more than"), "more than"),
    ],
)
def test_only_a_whole_200_may_be_an_answer(reply: HttpReply, problem: str) -> None:
    """Everything else leaves the outcome open, or is told as wrong."""
    assert problem_of(reply).startswith(problem)
    assert bool(problem) == bool(problem_of(reply))
