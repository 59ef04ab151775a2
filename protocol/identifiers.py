"""What identifies a thing on the wire: institutions, messages, settlement units, addresses.

All identifiers are plain strings of at most 30 printable ASCII characters. An institution is
`H` or `P` + its region (6) + serial (5). A message id is its sender (12) + `yyyyMMddHHmmss` +
serial (4). A case key is `A` + the treatment region (6) + yymmdd + seven digits. An address is
`role:code`, or `role:code/n` for one partition of a node. Builders trust their caller; the
`check_…` functions are for what comes from outside.

Source: interface.md (e), national message header fields 2 and 15.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import NewType

from yidi.protocol.errors import ErrorCode, LocalProtocolError, RemoteProtocolError
from yidi.protocol.regions import NATION, check_region, is_province, is_region

Address = NewType("Address", str)
"""Who a message is from or to: `treatment:310000`, `hub:yrd`, `insured:340600/3`."""

KEY_LENGTH_MAX = 30
"""C30 is the type of every key and message id of the national interface."""

PARTITIONS_MAX = 100
"""A partition is two digits of the case key."""

HUB_DELTA = "yrd"
"""The code of the Yangtze River Delta exchange; the national hub has 100000."""

# Printable ASCII without the space, without `/` (the partition of an address), and without
# `+` and `#` (wildcards of MQTT topics): a key can stand in a topic, a path and a file name.
_KEY = re.compile(r"[!\"$-*,\-.0-~]{1,30}\Z")
_INSTITUTION = re.compile(r"[HP]([0-9]{6})[0-9]{5}\Z")
_MESSAGE_ID = re.compile(r"[0-9A-Z]{12}[0-9]{14}[0-9]{4}\Z")
_CASE_KEY = re.compile(
    r"A([0-9]{6})([0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01]))([0-9]{7})\Z"
)
_ADDRESS = re.compile(r"([a-z]{3,11}):([0-9A-Za-z]{1,30})(?:/(0|[1-9][0-9]?))?\Z")
_SERIALS_PER_BLOCK = 100_000
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
DIGIT_SERIALS = 10_000
"""Serials of a message id that are digits alone."""
LETTER_SERIALS = 26 * 36**3
"""Those beyond, which begin with a letter."""


class Role(StrEnum):
    """The kinds of parties that send and receive messages."""

    TREATMENT = "treatment"
    INSURED = "insured"
    HUB = "hub"
    PROVINCE = "province"
    INSTITUTION = "institution"
    OPERATOR = "operator"
    PERSON = "person"


ROLE_NAMES: dict[Role, tuple[str, str]] = {
    Role.TREATMENT: ("就医地", "Treatment region"),
    Role.INSURED: ("参保地", "Insured region"),
    Role.HUB: ("平台", "Hub"),
    Role.PROVINCE: ("省级经办机构", "Province"),
    Role.INSTITUTION: ("定点医药机构", "Institution"),
    Role.OPERATOR: ("经办人员", "Operator"),
    Role.PERSON: ("参保人员", "Insured person"),
}
"""Roles for people: (zh, en)."""


# --- Keys ---------------------------------------------------------------------------------------


def check_key(text: str, at: str = "$") -> str:
    """Check any key, message id or serial from outside and return it.

    Raises:
        RemoteProtocolError: `E_KEY_FORMAT` when empty, longer than 30, or with anything but
            printable ASCII, or with a space, `/`, `+` or `#`.
    """
    # Nearly every key is letters and digits; what else is allowed takes the longer look.
    if (text.isalnum() and text.isascii() and len(text) <= KEY_LENGTH_MAX) or _KEY.match(text):
        return text
    raise _key_error(text, at, "1 to 30 printable ASCII characters without space, /, + and #")


def case_key(region: str, day: str, serial: int, partition: int = 0, partitions: int = 1) -> str:
    """The key of one settlement unit and attempt.

    Args:
        region: the treatment region that mints it.
        day: ISO date of minting.
        serial: counts from 0 within (region, day, partition).
        partition: of the minting node. The first two of the seven digits are the partition;
            when its block of 100,000 serials is full, the next block is `partitions` further
            on, so that one partition alone can mint 10,000,000 keys a day.
        partitions: how many there are.

    Raises:
        LocalProtocolError: `E_KEY_FORMAT` when the day's serials of the partition are used up.
    """
    block = partition + partitions * (serial // _SERIALS_PER_BLOCK)
    if block >= PARTITIONS_MAX:
        raise LocalProtocolError(ErrorCode.E_KEY_FORMAT, want="a serial that fits", got=str(serial))
    yymmdd = day[2:4] + day[5:7] + day[8:10]
    return f"A{region}{yymmdd}{block:02d}{serial % _SERIALS_PER_BLOCK:05d}"


def check_case_key(text: str, at: str = "$") -> str:
    """Check a case key of our own form and return it.

    Raises:
        RemoteProtocolError: `E_KEY_FORMAT` for another form, `E_REGION` for its region.
    """
    match = _CASE_KEY.match(text)
    if not match:
        raise _key_error(text, at, "A, six digits of region, yymmdd, seven digits")
    check_region(match[1], at)
    return text


def case_key_region(key: str) -> str:
    """The treatment region that minted a case key."""
    return key[1:7]


def case_key_partition(key: str, partitions: int = 1) -> int:
    """The partition that minted a case key, among `partitions`."""
    return int(key[13:15]) % partitions


# --- Message ids --------------------------------------------------------------------------------


def message_id(sender: str, stamp: str, serial: int) -> str:
    """A message id: sender (12 characters), `yyyyMMddHHmmss`, and `serial` modulo 10,000."""
    assert len(sender) == 12
    assert len(stamp) == 14
    return f"{sender}{stamp}{serial % 10_000:04d}"


def check_message_id(text: str, at: str = "$") -> str:
    """Check a message id of the national form and return it.

    Raises:
        RemoteProtocolError: `E_KEY_FORMAT`.
    """
    if _MESSAGE_ID.match(text):
        return text
    raise _key_error(text, at, "30 characters: sender (12), yyyyMMddHHmmss, serial (4)")


def sender_prefix(name: str) -> str:
    """The twelve characters that a node's message ids begin with: `i340600` → `I34060000000`."""
    return name.upper().ljust(12, "0")[:12]


def letter_serial(number: int) -> str:
    """The serial of a message id beyond 9999, where letters go on: `A000` for 0.

    Args:
        number: how far beyond, below `LETTER_SERIALS`.
    """
    assert 0 <= number < LETTER_SERIALS
    a, rest = divmod(number, 46_656)
    b, rest = divmod(rest, 1_296)
    c, d = divmod(rest, 36)
    return f"{_DIGITS[10 + a]}{_DIGITS[b]}{_DIGITS[c]}{_DIGITS[d]}"


# --- Institutions -------------------------------------------------------------------------------


def institution_code(kind: str, region: str, serial: int) -> str:
    """A code of a hospital (`H`) or pharmacy (`P`): 12 characters; `serial` below 100,000."""
    assert kind in ("H", "P")
    assert 0 <= serial < 100_000
    return f"{kind}{region}{serial:05d}"


def check_institution(text: str, at: str = "$") -> str:
    """Check the code of a hospital or pharmacy and return it.

    Raises:
        RemoteProtocolError: `E_KEY_FORMAT` for another form, `E_REGION` for its region.
    """
    match = _INSTITUTION.match(text)
    if not match:
        raise _key_error(text, at, "H or P, six digits of region, five digits")
    check_region(match[1], at)
    return text


def institution_region(code: str) -> str:
    """The region an institution belongs to (characters 2 to 7 of its code)."""
    return code[1:7]


def is_pharmacy(code: str) -> bool:
    """Whether an institution's code is that of a pharmacy."""
    return code.startswith("P")


# --- Addresses ----------------------------------------------------------------------------------


def address(role: Role, code: str, partition: int | None = None) -> Address:
    """Put an address together: `address(Role.INSURED, "340600", 3)` → `insured:340600/3`."""
    tail = "" if partition is None else f"/{partition}"
    return Address(f"{role.value}:{code}{tail}")


def role_of(party: Address) -> str:
    """The role in an address, as in `Role`; empty when it has none."""
    return party.partition(":")[0]


def code_of(party: Address) -> str:
    """The code in an address, without role and partition."""
    return party.partition(":")[2].partition("/")[0]


def partition_of(party: Address) -> int | None:
    """The partition in an address, None when it names the whole node."""
    tail = party.partition("/")[2]
    return int(tail) if tail else None


def whole(party: Address) -> Address:
    """The address without its partition."""
    return Address(party.partition("/")[0])


def check_address(text: str, at: str = "$") -> Address:
    """Check an address from outside and return it.

    Raises:
        RemoteProtocolError: `E_KEY_FORMAT` for another form or an unknown role, `E_REGION`
            when the code is not one that the role can have.
    """
    match = _ADDRESS.match(text)
    if not match:
        raise _key_error(text, at, "role:code or role:code/partition")
    role, code, _ = match.groups()
    if role in ("treatment", "insured"):
        check_region(code, at)
    elif role == "institution":
        check_institution(code, at)
    elif not _plain_code_fits(role, code):
        wrong = ErrorCode.E_KEY_FORMAT if role not in ROLE_NAMES else ErrorCode.E_REGION
        raise RemoteProtocolError(wrong, at=at, want="a party of the network", got=text)
    return Address(text)


def _plain_code_fits(role: str, code: str) -> bool:
    hub = code in (NATION, HUB_DELTA)
    return (
        (role == "person")
        or (role == "hub" and hub)
        or (role == "province" and is_province(code))
        or (role == "operator" and (hub or is_region(code)))
    )


def _key_error(text: str, at: str, want: str) -> RemoteProtocolError:
    return RemoteProtocolError(
        ErrorCode.E_KEY_FORMAT, at=at, want=want, got=text, limit=KEY_LENGTH_MAX
    )
