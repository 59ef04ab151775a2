"""Identifiers: what is built can be read back, and what is malformed is refused by code."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yidi.protocol import identifiers
from yidi.protocol.errors import ErrorCode, LocalProtocolError, RemoteProtocolError
from yidi.protocol.identifiers import Role
from yidi.protocol.regions import PROVINCES

regions = st.builds(
    lambda province, rest: f"{province[:2]}{rest:04d}",
    st.sampled_from(list(PROVINCES)),
    st.integers(0, 9999),
)
days = st.dates().filter(lambda day: day.year >= 2000).map(lambda day: day.isoformat())
KEY_CHARACTERS = sorted(set(string.ascii_letters + string.digits + string.punctuation) - set("/+#"))


@st.composite
def addresses(draw: st.DrawFn) -> tuple[Role, str, int | None]:
    """A role, a code that it can have, and perhaps a partition."""
    role = draw(st.sampled_from(list(Role)))
    code = {
        Role.TREATMENT: regions,
        Role.INSURED: regions,
        Role.HUB: st.sampled_from(["100000", "yrd"]),
        Role.PROVINCE: st.sampled_from(list(PROVINCES)),
        Role.INSTITUTION: st.builds("H{}{:05d}".format, regions, st.integers(0, 99_999)),
        Role.OPERATOR: regions | st.sampled_from(["100000", "yrd"]),
        Role.PERSON: st.from_regex(r"[0-9A-Za-z]{1,30}", fullmatch=True),
    }[role]
    return role, draw(code), draw(st.none() | st.integers(0, 99))


@given(st.text(KEY_CHARACTERS, min_size=1, max_size=30))
def test_a_key_is_up_to_30_printable_characters(key: str) -> None:
    """Any printable ASCII but the space, `/`, `+` and `#` may stand in a key."""
    assert key == identifiers.check_key(key)


@given(st.text(max_size=60))
def test_anything_else_is_not_a_key(text: str) -> None:
    """Everything outside the form is E_KEY_FORMAT, shown escaped and cut to 64."""
    if 1 <= len(text) <= 30 and set(text) <= set(KEY_CHARACTERS):
        return
    with pytest.raises(RemoteProtocolError) as caught:
        identifiers.check_key(text)

    assert ErrorCode.E_KEY_FORMAT == caught.value.code
    assert caught.value.got.isprintable()
    assert len(caught.value.got) <= 64


@pytest.mark.parametrize(
    "key", ["", "A" * 31, "a\x1bb", "a\x00", "a\n", "a/b", "a+b", "a#", "键", "a b", "\x7f"]
)
def test_w20_bad_keys(key: str) -> None:
    """Row W20: too long, empty, control characters, NUL, `/ + #` and non-ASCII."""
    with pytest.raises(RemoteProtocolError) as caught:
        identifiers.check_key(key, at="$.key")

    assert ErrorCode.E_KEY_FORMAT == caught.value.code
    assert "$.key" == caught.value.at
    assert 30 == caught.value.limit


@given(regions, days, st.integers(1, 100), st.data())
def test_a_case_key_names_its_region_and_partition(
    region: str, day: str, partitions: int, data: st.DataObject
) -> None:
    """A minted key is a valid case key of 20 characters from which both can be read."""
    partition = data.draw(st.integers(0, partitions - 1))
    blocks = (99 - partition) // partitions + 1
    serial = data.draw(st.integers(0, blocks * 100_000 - 1))
    key = identifiers.case_key(region, day, serial, partition, partitions)

    assert key == identifiers.check_case_key(identifiers.check_key(key))
    assert 20 == len(key)
    assert day[2:].replace("-", "") == key[7:13]
    assert region == identifiers.case_key_region(key)
    assert partition == identifiers.case_key_partition(key, partitions)


def test_serials_go_on_with_letters_in_order() -> None:
    """Beyond 9999 every serial has four characters, is another one, and comes after the last."""
    last = identifiers.LETTER_SERIALS - 1
    texts = [identifiers.letter_serial(number) for number in (0, 1, 35, 36, 46_656, last)]

    assert ["A000", "A001", "A00Z", "A010", "B000", "ZZZZ"] == texts
    assert sorted(texts) == texts > ["9999"]


@given(
    st.integers(1, 7),
    st.sets(st.tuples(st.integers(0, 6), st.integers(0, 1_399_999)), max_size=20),
)
def test_case_keys_do_not_collide(partitions: int, minted: set[tuple[int, int]]) -> None:
    """Different partitions and serials of one day give different keys."""
    pairs = [(partition, serial) for partition, serial in minted if partition < partitions]
    keys = {
        identifiers.case_key("310000", "2026-03-16", serial, partition, partitions)
        for partition, serial in pairs
    }

    assert len(pairs) == len(keys)


def test_one_partition_mints_ten_million_keys_a_day_and_no_more() -> None:
    """The seven digits are used up, and then our own caller is at fault."""
    assert "A3100002603169999999" == identifiers.case_key("310000", "2026-03-16", 9_999_999)
    with pytest.raises(LocalProtocolError) as caught:
        identifiers.case_key("310000", "2026-03-16", 10_000_000)
    assert ErrorCode.E_KEY_FORMAT == caught.value.code


@pytest.mark.parametrize(
    ("key", "code"),
    [
        ("A000000260316000000", ErrorCode.E_KEY_FORMAT),
        ("A0000002603160000001", ErrorCode.E_REGION),
        ("S3100002603160000001", ErrorCode.E_KEY_FORMAT),
        ("A3100002613160000001", ErrorCode.E_KEY_FORMAT),
        ("A3100002603000000001", ErrorCode.E_KEY_FORMAT),
        ("A310000260316000000１", ErrorCode.E_KEY_FORMAT),
        ("A3100002603160000001\n", ErrorCode.E_KEY_FORMAT),
    ],
)
def test_bad_case_keys(key: str, code: ErrorCode) -> None:
    """A form error is E_KEY_FORMAT, an unknown region E_REGION."""
    with pytest.raises(RemoteProtocolError) as caught:
        identifiers.check_case_key(key)

    assert code == caught.value.code


@given(regions, st.integers(0, 10**6))
def test_a_message_id_has_30_characters(region: str, serial: int) -> None:
    """Sender 12, time 14, serial 4, which starts over after 9,999."""
    sender = identifiers.institution_code("H", region, serial % 100_000)
    minted = identifiers.message_id(sender, "20260316083000", serial)

    assert minted == identifiers.check_message_id(identifiers.check_key(minted))
    assert 30 == len(minted)
    assert minted.startswith(sender)
    assert minted.endswith(f"{serial % 10_000:04d}")


@pytest.mark.parametrize("text", ["", "H" * 30, "H3101010000120260316083000000", "h" + "1" * 29])
def test_bad_message_ids(text: str) -> None:
    """Another length or another alphabet is E_KEY_FORMAT."""
    with pytest.raises(RemoteProtocolError) as caught:
        identifiers.check_message_id(text)

    assert ErrorCode.E_KEY_FORMAT == caught.value.code


@given(st.sampled_from("HP"), regions, st.integers(0, 99_999))
def test_an_institution_carries_its_region(kind: str, region: str, serial: int) -> None:
    """Characters 2 to 7 are the region, the first says hospital or pharmacy."""
    code = identifiers.institution_code(kind, region, serial)

    assert code == identifiers.check_institution(code)
    assert 12 == len(code)
    assert region == identifiers.institution_region(code)
    assert (kind == "P") == identifiers.is_pharmacy(code)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("H0000000001", ErrorCode.E_KEY_FORMAT),
        ("H00000000001", ErrorCode.E_REGION),
        ("D31010100001", ErrorCode.E_KEY_FORMAT),
        ("h31010100001", ErrorCode.E_KEY_FORMAT),
        ("H31010100001 ", ErrorCode.E_KEY_FORMAT),
        ("H3101010000１", ErrorCode.E_KEY_FORMAT),
    ],
)
def test_bad_institutions(text: str, code: ErrorCode) -> None:
    """A form error is E_KEY_FORMAT, an unknown region E_REGION."""
    with pytest.raises(RemoteProtocolError) as caught:
        identifiers.check_institution(text)

    assert code == caught.value.code


@given(addresses())
def test_an_address_gives_back_its_parts(parts: tuple[Role, str, int | None]) -> None:
    """Role, code and partition survive, and the whole node is the address without the last."""
    role, code, partition = parts
    party = identifiers.address(role, code, partition)

    assert party == identifiers.check_address(party)
    assert role == identifiers.role_of(party)
    assert code == identifiers.code_of(party)
    assert partition == identifiers.partition_of(party)
    assert identifiers.address(role, code) == identifiers.whole(party)


@given(st.text(alphabet="insured:hub/3406001yrd\n+#", max_size=24))
def test_a_text_that_is_accepted_as_an_address_is_one(text: str) -> None:
    """Acceptance means that putting the parts together gives the same text."""
    try:
        party = identifiers.check_address(text)
    except RemoteProtocolError as error:
        code: str = error.code
    else:
        code = ""
        role = Role(identifiers.role_of(party))
        parts = identifiers.code_of(party), identifiers.partition_of(party)
        assert text == identifiers.address(role, *parts)
    assert code in ("", ErrorCode.E_KEY_FORMAT, ErrorCode.E_REGION)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", ErrorCode.E_KEY_FORMAT),
        ("insured", ErrorCode.E_KEY_FORMAT),
        ("insured:", ErrorCode.E_KEY_FORMAT),
        ("hospital:340600", ErrorCode.E_KEY_FORMAT),
        ("insured:000000", ErrorCode.E_REGION),
        ("insured:100000", ErrorCode.E_REGION),
        ("treatment:yrd", ErrorCode.E_REGION),
        ("hub:340600", ErrorCode.E_REGION),
        ("province:340600", ErrorCode.E_REGION),
        ("operator:999999", ErrorCode.E_REGION),
        ("institution:310101", ErrorCode.E_KEY_FORMAT),
        ("insured:340600/100", ErrorCode.E_KEY_FORMAT),
        ("insured:340600/01", ErrorCode.E_KEY_FORMAT),
        ("insured:340600/", ErrorCode.E_KEY_FORMAT),
        ("insured:340600/#", ErrorCode.E_KEY_FORMAT),
        ("insured:340600\n", ErrorCode.E_KEY_FORMAT),
        ("person:" + "9" * 31, ErrorCode.E_KEY_FORMAT),
    ],
)
def test_bad_addresses(text: str, code: ErrorCode) -> None:
    """An unknown role or form is E_KEY_FORMAT, a code the role cannot have E_REGION."""
    with pytest.raises(RemoteProtocolError) as caught:
        identifiers.check_address(text, at="$.to")

    assert code == caught.value.code
    assert "$.to" == caught.value.at


def test_every_role_is_named_in_both_languages() -> None:
    """A reader never meets the bare word of the address."""
    assert list(Role) == list(identifiers.ROLE_NAMES)
    assert all(zh and en for zh, en in identifiers.ROLE_NAMES.values())
