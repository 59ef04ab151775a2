from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yidi.broker.core import DEAD_LETTERS_MAX, Core, Router
from yidi.protocol.envelope import Envelope, Link, Origin, frame, seal
from yidi.protocol.errors import LocalProtocolError

HUB, TREATMENT, INSURED = "hub:100000", "treatment:310000", "insured:340600"
NOW = 1_772_000_000_000_000


def message(hop: str = HUB, partition_key: int = 0) -> Envelope:
    """A settlement request on its way to a hop."""
    origin = Origin(
        "2207", 0, "M1", "", TREATMENT, INSURED, "", "310000", "340600", partition_key, NOW, 0, ""
    )
    return seal(hop, origin, b"\x90")


def core(window: int = 10) -> Core:
    """A core that serves three nodes."""
    return Core(Router([HUB, TREATMENT, INSURED]), window=window)


def test_a_message_goes_to_its_hop_and_arrives():
    """What is sent comes out at the other party with the link's two names."""
    ours = core()
    peer, raw = ours.send(TREATMENT, message(), NOW)
    got = ours.receive(raw, NOW)
    assert peer == HUB
    assert (got.link.sender, got.link.recipient, got.link.sequence) == (TREATMENT, HUB, 1)
    assert got.origin.message_id == "M1"


@given(st.integers(0, 65_535), st.integers(2, 100))
def test_partitioned_nodes_are_reached_by_key(key, count):
    """A partitioned address is served by the partition that its key names, always the same."""
    router = Router([HUB], {INSURED: count})
    assert router.place(INSURED, key) == f"{INSURED}/{key % count}"


@pytest.mark.parametrize(
    ("hop", "code"),
    [("insured:110000", "E_REGION"), ("hub:yrd", "E_REGION"), ("nobody", "E_NOT_MINE")],
)
def test_unknown_parties_are_reported(hop, code):
    """A region that takes no part is E_REGION, anything else E_NOT_MINE; both are counted."""
    ours = core()
    with pytest.raises(LocalProtocolError) as caught:
        ours.send(TREATMENT, message(hop), NOW)
    assert (caught.value.code, ours.refused) == (code, {code: 1})


def test_clients_need_no_entry():
    """Institutions, persons and operators are reached through the host that serves them."""
    assert Router([HUB]).place("institution:H31010100001") == "institution:H31010100001"


@given(st.binary(max_size=64))
def test_rubbish_becomes_a_dead_letter(raw):
    """Any bytes that are no frame are refused, counted and described, never raised."""
    ours = core()
    assert ours.receive(raw, NOW) is None
    assert sum(ours.refused.values()) == 1
    assert (ours.dead_letters[0].size, ours.dead_letters[0].at) == (len(raw), NOW)


def test_a_frame_for_nobody_here_is_refused():
    """MF9: a misrouted frame is E_NOT_MINE and makes no link."""
    ours = core()
    assert ours.receive(frame(message(), Link(TREATMENT, "hub:yrd", 1, 0, NOW)), NOW) is None
    assert ours.refused == {"E_NOT_MINE": 1}
    assert ours.totals()["links"] == 0


def test_dead_letters_are_bounded_and_counted():
    """However many deliveries are refused, a bounded list is kept and all are counted."""
    ours = core()
    for _ in range(DEAD_LETTERS_MAX + 5):
        ours.receive(b"\xc1", NOW)
    assert len(ours.dead_letters) == DEAD_LETTERS_MAX
    assert ours.refused["E_DECODE"] == DEAD_LETTERS_MAX + 5


def test_out_of_credit_is_an_explicit_error():
    """INV-37: the window full, the sender gets E_BUSY and nothing is dropped silently."""
    ours = core(window=2)
    sent = [ours.send(TREATMENT, message(), NOW)[1] for _ in range(2)]
    with pytest.raises(LocalProtocolError) as caught:
        ours.send(TREATMENT, message(), NOW)
    assert (caught.value.code, len(sent), ours.refused) == ("E_BUSY", 2, {"E_BUSY": 1})


def test_only_nodes_are_held_to_the_hubs_clock():
    """The hub checks the clock of nodes that speak to it, never that of a client."""
    ours = core()
    assert ours.end(HUB, TREATMENT).checks_clock
    assert not ours.end(HUB, "operator:100000").checks_clock
    assert not ours.end(TREATMENT, HUB).checks_clock
