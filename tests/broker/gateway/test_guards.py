"""Credentials and buckets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yidi.broker.gateway.guards import Buckets, Credentials, client, read_clients
from yidi.protocol.errors import ScenarioError

TOKEN = "a-token-of-twenty-chars"


@pytest.mark.parametrize(
    ("scope", "institution", "may"),
    [
        ("*", "H31010100001", True),
        ("H31010100001", "H31010100001", True),
        ("H31010100001", "H31010100002", False),
        ("3101*", "H31010100002", True),
        ("3101*", "P31010100002", True),
        ("H3101*", "P31010100002", False),
        ("32*", "H31010100002", False),
    ],
)
def test_a_scope_is_a_code_or_a_prefix(scope: str, institution: str, may: bool) -> None:
    """Of the whole code, or of its region."""
    assert may == client("x", TOKEN, (scope,)).may_speak_for(institution)


def test_credentials_are_read_from_lines() -> None:
    """Name, token, scopes, last day; comments and empty lines are skipped."""
    text = f"# clients\n\nward {TOKEN} H31010100001,3201* 2026-12-31 # until new year\n"
    (one,) = read_clients(text)

    assert ("ward", ("H31010100001", "3201*"), "2026-12-31") == (one.name, one.scopes, one.until)
    assert TOKEN not in repr(one)
    known = Credentials((one,))
    assert known.find(f"Bearer {TOKEN}", "2026-12-31") is one
    assert known.find(f"bearer {TOKEN}", "2027-01-01") is None


@pytest.mark.parametrize("line", ["name", "name short *", f"name {TOKEN}", f"a {TOKEN} * 1 2"])
def test_a_wrong_line_is_named_without_what_it_says(line: str) -> None:
    """The line's number; never the token."""
    with pytest.raises(ScenarioError) as caught:
        read_clients(f"\n{line}\n")

    assert ":2" in caught.value.at
    assert TOKEN not in caught.value.text()


@given(st.integers(1, 50), st.integers(1, 50), st.lists(st.integers(0, 300_000), max_size=200))
def test_a_bucket_never_gives_more_than_burst_and_rate(
    rate: int, burst: int, gaps: list[int]
) -> None:
    """Over any span: at most the burst, and the rate times the span."""
    buckets, now, given_at = Buckets(rate, burst), 0, []
    for gap in gaps:
        now += gap
        if not buckets.wait("peer", now):
            given_at.append(now)

    for index, first in enumerate(given_at):
        for count, later in enumerate(given_at[index:], 1):
            # One microsecond a call, since the cost of one is rounded down.
            assert (count - burst) * (1_000_000 // rate) <= later - first
