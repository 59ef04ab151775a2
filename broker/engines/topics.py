"""Names on the wire: an address as one level of a topic, token of a subject, name of a client.

A topic is `yidi/v1/{sender}/{recipient}/{partition}`, a NATS subject the same with dots, so that
a server can grant each node only its own. The colon of an address becomes a hyphen, which no
address contains, so that the way back is certain: `insured:340600` is `insured-340600`. Nothing
else of an address needs care: anything but letters, digits and `_` is refused with E_TOPIC.
"""

from __future__ import annotations

import re

from yidi.protocol.errors import ErrorCode, LocalProtocolError, RemoteProtocolError

TOPIC_BYTES_MAX = 160
"""Two addresses of at most 48 characters, the root and a partition."""
PARTITIONS_MAX = 65_536
_ADDRESS = re.compile(r"([a-z]{1,16}:[A-Za-z0-9_]{1,31})(?:/(0|[1-9]\d{0,4}))?\Z", re.ASCII)
_LEVEL = re.compile(r"[a-z]{1,16}-[A-Za-z0-9_]{1,31}\Z", re.ASCII)
_PARTITION = re.compile(r"(?:0|[1-9]\d{0,4})\Z", re.ASCII)
_WANT = "role:code or role:code/partition"


def split_address(address: str) -> tuple[str, int | None]:
    """`insured:340600/3` as address and partition; None where it names no partition.

    Raises:
        LocalProtocolError: `E_TOPIC`.
    """
    match = _ADDRESS.match(address)
    partition = match[2] if match is not None else None
    if match is None or (partition is not None and int(partition) >= PARTITIONS_MAX):
        raise LocalProtocolError(ErrorCode.E_TOPIC, want=_WANT, got=address)
    return match[1], None if partition is None else int(partition)


def destination(recipient: str, partition: int) -> tuple[str, int]:
    """Where a message goes; the partition that stands in the recipient's address wins.

    Raises:
        LocalProtocolError: `E_TOPIC`.
    """
    address, own = split_address(recipient)
    if not 0 <= partition < PARTITIONS_MAX:
        raise LocalProtocolError(ErrorCode.E_TOPIC, want="partition 0..65535", got=str(partition))
    return address, partition if own is None else own


def level(address: str) -> str:
    """An address without partition as one level or token."""
    return address.replace(":", "-", 1)


def client_name(network: str, address: str) -> str:
    """The name of a session: one per attachment, the same after a restart."""
    base, partition = split_address(address)
    suffix = "" if partition is None else f"-{partition}"
    return f"{network}-{level(base)}{suffix}"


def prepare_name(network: str) -> str:
    """The name of a client that looks after a network's stream, whoever it is."""
    return f"{network}-prepare"


def topic(sender: str, recipient: str, partition: int, separator: str = "/") -> str:
    """The topic of one destination; with `.` the NATS subject."""
    return separator.join(("yidi", "v1", level(sender), level(recipient), str(partition)))


def topic_filter(address: str, separator: str = "/") -> str:
    """What an attachment subscribes to: its own topics, from anybody."""
    base, partition = split_address(address)
    any_one, rest = ("+", "+") if separator == "/" else ("*", "*")
    last = rest if partition is None else str(partition)
    return separator.join(("yidi", "v1", any_one, level(base), last))


def parse_topic(name: str, separator: str = "/") -> tuple[str, str, int]:
    """Sender, recipient and partition of a topic.

    Raises:
        RemoteProtocolError: `E_TOPIC`: no topic of ours, wildcards, control characters, an empty
            level, too long.
    """
    levels = name.split(separator) if len(name) <= TOPIC_BYTES_MAX else []
    if len(levels) == 5 and levels[:2] == ["yidi", "v1"]:
        _, _, sender, recipient, partition = levels
        if _LEVEL.match(sender) and _LEVEL.match(recipient) and _PARTITION.match(partition):
            return sender.replace("-", ":", 1), recipient.replace("-", ":", 1), int(partition)
    raise RemoteProtocolError(
        ErrorCode.E_TOPIC, want="yidi/v1/SENDER/RECIPIENT/PARTITION", got=name
    )
