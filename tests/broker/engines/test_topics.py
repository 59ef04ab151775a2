from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yidi.broker.engines.topics import (
    TOPIC_BYTES_MAX,
    client_name,
    destination,
    parse_topic,
    topic,
    topic_filter,
)
from yidi.protocol.errors import RemoteProtocolError

addresses = st.from_regex(r"[a-z]{1,16}:[A-Za-z0-9_]{1,31}", fullmatch=True)
partitions = st.integers(0, 65_535)
separators = st.sampled_from("/.")


@given(addresses, addresses, partitions, separators)
def test_a_topic_can_be_read_back(sender, recipient, partition, separator):
    """Sender, recipient and partition come out as they went in, over MQTT and NATS."""
    name = topic(sender, recipient, partition, separator)

    assert (sender, recipient, partition) == parse_topic(name, separator)
    assert len(name) <= TOPIC_BYTES_MAX


@given(st.text(max_size=60), separators)
def test_any_name_is_read_or_refused(name, separator):
    """Whatever the name, it is refused or reads back as it was."""
    try:
        sender, recipient, partition = parse_topic(name, separator)
    except RemoteProtocolError:
        return
    assert name == topic(sender, recipient, partition, separator)


@given(addresses, addresses)
def test_two_addresses_never_share_a_client_name(one, other):
    """A session belongs to one address: names are as different as addresses are."""
    assert (one == other) == (client_name("yidi", one) == client_name("yidi", other))
    assert client_name("yidi", one) != client_name("yidi", f"{one}/1")


@pytest.mark.parametrize(
    ("address", "separator", "wanted"),
    [
        ("insured:340600", "/", "yidi/v1/+/insured-340600/+"),
        ("insured:340600/3", "/", "yidi/v1/+/insured-340600/3"),
        ("hub:yrd", ".", "yidi.v1.*.hub-yrd.*"),
        ("hub:yrd/12", ".", "yidi.v1.*.hub-yrd.12"),
    ],
)
def test_a_node_subscribes_to_its_own(address, separator, wanted):
    """A filter takes any sender, one recipient, and one partition or all."""
    assert wanted == topic_filter(address, separator)


def test_the_partition_of_an_address_wins():
    """A placed address (`/n`) carries its partition; else the one given with it counts."""
    assert ("insured:340600", 3) == destination("insured:340600/3", 0)
    assert ("insured:340600", 5) == destination("insured:340600", 5)
