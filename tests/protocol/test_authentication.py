"""Rows W23 and W24 of bad input, and SEC-13: what is not said by its sender has no effect."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from yidi.protocol import transactions as t
from yidi.protocol.authentication import (
    DESK,
    DOCUMENTS,
    Authenticator,
    Guard,
    Keyring,
    key_id,
    make_keyrings,
    owner_of,
    scheme_of,
)
from yidi.protocol.envelope import Envelope, Link, Origin, Stamp, frame, seal, unframe
from yidi.protocol.errors import ErrorCode, RemoteProtocolError
from yidi.protocol.signatures import Sm2Signer, hmac_sm3

HUB, TREATMENT, INSURED, PROVINCE = (
    "hub:100000", "treatment:310000", "insured:340600", "province:340000",
)  # fmt: skip
NOW = 1_772_000_000_000_000
RINGS = make_keyrings([HUB, TREATMENT, INSURED, PROVINCE], b"DEV secret of the tests")
HELD = {owner: Authenticator(ring) for owner, ring in RINGS.items()}
replace = msgspec.structs.replace


def message(transaction=t.OUTPATIENT_SETTLEMENT, sender=TREATMENT, recipient=INSURED):
    """A message that nobody has signed."""
    origin = Origin(
        transaction, 0, "M1", "", sender, recipient, "A310000260302000001",
        "310000", "340600", 7, NOW, NOW + 60_000_000, "T1",
    )  # fmt: skip
    return seal(HUB, origin, b"\x91\x01")


def hop(envelope, sender, recipient):
    """The message as the other end of a hop reads it."""
    return unframe(frame(envelope, Link(sender, recipient, 1, 0, NOW)))


def at_hub(envelope=None):
    """What the hub reads of a message that the treatment region has signed."""
    return hop(HELD[TREATMENT].protect(envelope or message(), HUB), TREATMENT, HUB)


def at_insured(envelope=None):
    """What the insured region reads of it, once the hub has stamped and relayed it."""
    relayed = (envelope or at_hub()).relayed(INSURED, Stamp("2026-03-02", 5, HUB))
    return hop(HELD[HUB].protect(relayed, INSURED), HUB, INSURED)


def with_origin(envelope, **changes):
    """The same with another origin, as somebody on the way could write it."""
    origin = replace(envelope.origin, **changes)
    return hop(
        Envelope(envelope.hop, origin, msgspec.msgpack.encode(origin), envelope.body,
                 envelope.stamp),
        envelope.link.sender, envelope.link.recipient,
    )  # fmt: skip


def refusal(envelope, verifier=HUB):
    """The code that a message is refused with."""
    with pytest.raises(RemoteProtocolError) as caught:
        HELD[verifier].check(envelope)
    return caught.value.code


# --- What passes --------------------------------------------------------------------------------


def test_what_was_signed_passes():
    """The first hop verifies the maker's MAC, the last one the hub's; the origin is one."""
    first, last = at_hub(), at_insured()
    HELD[HUB].check(first)
    HELD[INSURED].check(last)

    assert first.origin_bytes == last.origin_bytes
    assert "hmac.treatment:310000.1" == last.origin.key_id


def test_signing_again_gives_the_same_bytes():
    """A resend is signed as the first time, a document with SM2 too, so that a run repeats."""
    for one in (message(), message(t.CLEARING_TABLE)):
        first, second = (Authenticator(RINGS[TREATMENT]).protect(one, HUB) for _ in range(2))
        assert first.origin_bytes == second.origin_bytes


@pytest.mark.parametrize("transaction", sorted(DOCUMENTS))
def test_documents_are_signed_to_the_end(transaction):
    """A day or month document bears SM2, which both hops verify with the maker's public key."""
    first = at_hub(message(transaction))
    HELD[HUB].check(first)
    HELD[INSURED].check(at_insured(first))

    assert "sm2.treatment:310000.1" == first.origin.key_id
    assert 64 == len(first.origin.signature)


def test_clients_sign_as_the_desk():
    """Institutions, persons and operators are vouched for by the host that serves them."""
    sender = "institution:H31010100001"
    request = message(sender=sender, recipient=TREATMENT)
    signed = hop(HELD[DESK].protect(request, TREATMENT), sender, TREATMENT)
    HELD[TREATMENT].check(signed)

    assert "hmac.operator:desk.1" == signed.origin.key_id
    assert {DESK} == {owner_of(a) for a in (sender, "person:3406", "operator:hub", DESK)}
    assert INSURED == owner_of(f"{INSURED}/3")


def test_fields_that_a_later_version_appends_are_signed_too():
    """An appended field is covered by the signature, and kept by who does not know it."""
    signed = HELD[TREATMENT].protect(message(), HUB).origin
    fields = list(msgspec.structs.astuple(signed))
    longer = msgspec.msgpack.encode([*fields[:-1], b"", "new"])
    mac = hmac_sm3(RINGS[TREATMENT].makes[HUB], b"origin" + longer.replace(b"\xc4\x00", b"", 1))
    raw = [msgspec.msgpack.encode([*fields[:-1], mac, new]) for new in ("new", "now")]
    good, bad = (hop(Envelope(HUB, signed, origin, b"\x91\x01"), TREATMENT, HUB) for origin in raw)
    HELD[HUB].check(good)

    assert ErrorCode.E_SIG_BAD is refusal(bad)


# --- W23 ----------------------------------------------------------------------------------------


def test_w23_missing():
    """W23: without a key id, a signature or the hub's MAC it is E_SIG_MISSING."""
    for wrong in (
        hop(message(), TREATMENT, HUB), with_origin(at_hub(), key_id=""),
        with_origin(at_hub(), signature=b""),
    ):  # fmt: skip
        assert ErrorCode.E_SIG_MISSING is refusal(wrong)
    bare = at_hub().relayed(INSURED, Stamp("2026-03-02", 5, HUB))
    assert ErrorCode.E_SIG_MISSING is refusal(hop(bare, HUB, INSURED), INSURED)


@pytest.mark.parametrize(
    "changes", [{"signature": b"x"}, {"signature": bytes(64)}, {"body_digest": b""}]
)
def test_w23_wrong_length(changes):
    """W23: a signature or digest of another length is E_SIG_FORMAT."""
    assert ErrorCode.E_SIG_FORMAT is refusal(with_origin(at_hub(), **changes))


def test_w23_wrong_length_of_the_stamp():
    """W23: the same of the hub's MAC."""
    good = at_insured()
    wrong = Envelope(
        INSURED, good.origin, good.origin_bytes, good.body, replace(good.stamp, mac=b"x")
    )
    assert ErrorCode.E_SIG_FORMAT is refusal(hop(wrong, HUB, INSURED), INSURED)


def test_w23_another_form_of_the_same_origin():
    """W23: an origin that is written longer than it need be is E_SIG_FORMAT."""
    good = at_hub()
    longer = good.origin_bytes.replace(b"\xa42207", b"\xd9\x042207", 1)
    wrong = Envelope(HUB, good.origin, longer, good.body)

    assert longer != good.origin_bytes
    assert ErrorCode.E_SIG_FORMAT is refusal(hop(wrong, TREATMENT, HUB))


def test_w23_over_other_bytes():
    """W23: a signature of other bytes, or of another body, is E_SIG_BAD."""
    good = at_hub()
    other_body = Envelope(HUB, good.origin, good.origin_bytes, b"\x91\x02")
    other = HELD[TREATMENT].protect(message(t.STATUS_QUERY), HUB).origin.signature

    assert ErrorCode.E_SIG_BAD is refusal(hop(other_body, TREATMENT, HUB))
    assert ErrorCode.E_SIG_BAD is refusal(with_origin(good, signature=other))


def test_w23_revoked():
    """W23: what a revoked key signed is E_SIG_REVOKED, whichever key it was; a new one passes."""
    names = {key_id(scheme, TREATMENT, 1) for scheme in ("hmac", "sm2")}
    revoking = Authenticator(replace(RINGS[HUB], revoked=frozenset(names)))
    for transaction in (t.OUTPATIENT_SETTLEMENT, t.CLEARING_TABLE):
        with pytest.raises(RemoteProtocolError, match="E_SIG_REVOKED"):
            revoking.check(at_hub(message(transaction)))
    renewed = make_keyrings(RINGS, b"another DEV secret", generation=2)
    signed = Authenticator(renewed[TREATMENT]).protect(message(), HUB)
    taking = replace(renewed[HUB], revoked=frozenset(names))

    Authenticator(taking).check(hop(signed, TREATMENT, HUB))


def test_w23_revoked_hub():
    """W23: a relay vouched for with a revoked key of the hub is E_SIG_REVOKED."""
    revoked = frozenset({key_id("hmac", HUB, 1)})
    with pytest.raises(RemoteProtocolError, match="E_SIG_REVOKED"):
        Authenticator(replace(RINGS[INSURED], revoked=revoked)).check(at_insured())


@pytest.mark.parametrize("name", ["none", "none.treatment:310000.1", "sha1.x.1", "sm2.a:1.1"])
def test_w23_downgraded(name):
    """W23: another algorithm than the transaction's, `none` above all, is E_SIG_ALG."""
    for signature in (b"", bytes(32)):
        wrong = with_origin(at_hub(), key_id=name, signature=signature)
        assert ErrorCode.E_SIG_ALG is refusal(wrong)


def test_w23_a_document_with_a_mac():
    """W23: a document that bears only an HMAC has a weaker algorithm than is due: E_SIG_ALG."""
    signed = HELD[TREATMENT].protect(message(), HUB).origin
    wrong = with_origin(at_hub(), **{**_fields(signed), "transaction": t.CLEARING_TABLE})
    assert ErrorCode.E_SIG_ALG is refusal(wrong)


# --- W24 ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("claimed", [TREATMENT, INSURED])
@pytest.mark.parametrize("transaction", [t.OUTPATIENT_SETTLEMENT, t.CLEARING_TABLE])
def test_w24_signed_by_another(transaction, claimed):
    """W24: A's valid signature on a message that claims B is E_SENDER_MISMATCH on any link."""
    assert ErrorCode.E_SENDER_MISMATCH is refusal(signed_by_insured(transaction, claimed))


def test_w24_only_a_hub_vouches():
    """W24: a region that stamps and vouches for what another says is no hub."""
    fake = message(sender=PROVINCE)
    origin = replace(
        fake.origin, key_id=key_id("hmac", PROVINCE, 1), signature=bytes(32), body_digest=bytes(32)
    )
    stamped = seal(HUB, origin, fake.body, Stamp("2026-03-02", 1, INSURED))
    vouched = HELD[INSURED].protect(stamped, HUB)

    assert vouched.stamp.mac
    assert ErrorCode.E_SENDER_MISMATCH is refusal(hop(vouched, INSURED, HUB))


# --- SEC-13 -------------------------------------------------------------------------------------


def _fields(origin):
    return msgspec.structs.asdict(origin)


def signed_by_insured(transaction, claimed, ring=RINGS[INSURED]):
    """A message of the treatment region, signed with the insured region's valid key."""
    ring = replace(ring, owner=TREATMENT)
    mine = Authenticator(ring).protect(message(transaction), HUB).origin
    named = replace(mine, key_id=mine.key_id.replace(TREATMENT, INSURED), signature=b"")
    raw = msgspec.msgpack.encode(named).removesuffix(b"\xc4\x00")
    if transaction in DOCUMENTS:
        made = Sm2Signer(ring.private, INSURED.encode()).sign(b"origin" + raw)
    else:
        made = hmac_sm3(ring.makes[HUB], b"origin" + raw)
    origin = replace(named, signature=made)
    envelope = seal(HUB, origin, b"\x91\x01")
    return hop(envelope, claimed, HUB)


FLIPS = {
    "transaction": t.STATUS_QUERY, "kind": 1, "message_id": "M2", "correlation_id": "M0",
    "sender": "treatment:320000", "recipient": "insured:340800", "case_key": "",
    "treatment": "320000", "insured": "340800", "partition_key": 8, "created_at": NOW + 1,
    "deadline": 0, "trace_id": "T2", "key_id": "hmac.insured:340600.1",
    "body_digest": bytes(32), "signature": bytes(32),
}  # fmt: skip


@pytest.mark.parametrize("field", Origin.__struct_fields__)
def test_sec13_every_field_is_signed(field):
    """SEC-13: whichever field of the origin is another, hub and last hop say E_SIG_BAD."""
    changed = {field: FLIPS[field]}

    assert ErrorCode.E_SIG_BAD is refusal(with_origin(at_hub(), **changed))
    assert ErrorCode.E_SIG_BAD is refusal(with_origin(at_insured(), **changed), INSURED)


@pytest.mark.parametrize("field", [name for name in Origin.__struct_fields__ if name != "key_id"])
def test_sec13_every_field_of_a_document(field):
    """SEC-13: the same of a document under SM2, which the last hop verifies itself."""
    flip = {**FLIPS, "transaction": t.CLEARING_NOTICE, "signature": bytes(64)}[field]
    document = at_hub(message(t.CLEARING_TABLE))

    assert ErrorCode.E_SIG_BAD is refusal(with_origin(document, **{field: flip}))
    assert ErrorCode.E_SIG_BAD is refusal(
        with_origin(at_insured(document), **{field: flip}), INSURED
    )


@pytest.mark.parametrize("changes", [{"day": "2026-03-03"}, {"sequence": 6}, {"mac": bytes(34)}])
def test_sec13_the_stamp_is_signed(changes):
    """Another accounting day, or another place in the hub's order, is E_SIG_BAD."""
    good = at_insured()
    wrong = Envelope(
        INSURED, good.origin, good.origin_bytes, good.body, replace(good.stamp, **changes)
    )
    assert ErrorCode.E_SIG_BAD is refusal(hop(wrong, HUB, INSURED), INSURED)


def test_sec13_a_relay_without_its_stamp():
    """Without the hub's stamp the maker's MAC is not for this hop: E_SIG_BAD."""
    good = at_insured()
    wrong = Envelope(INSURED, good.origin, good.origin_bytes, good.body)

    assert ErrorCode.E_SIG_BAD is refusal(hop(wrong, HUB, INSURED), INSURED)
    assert ErrorCode.E_SIG_BAD is refusal(hop(wrong, TREATMENT, INSURED), INSURED)


@given(st.data())
def test_sec13_any_bit(data):
    """Whatever bit of the signed bytes is flipped, nothing passes."""
    good = at_hub()
    place = data.draw(st.integers(0, 8 * len(good.origin_bytes) - 1))
    raw = bytearray(good.origin_bytes)
    raw[place // 8] ^= 1 << place % 8
    with pytest.raises(RemoteProtocolError):
        HELD[HUB].check(hop(Envelope(HUB, good.origin, bytes(raw), good.body), TREATMENT, HUB))


# --- Keys ---------------------------------------------------------------------------------------


def test_nobody_verifies_with_a_key_to_others():
    """Each direction of each pair has a key of its own, so that a verifier can forge nothing."""
    made = [key for ring in RINGS.values() for key in ring.makes.values()]

    assert len(made) == len(set(made))
    assert RINGS[TREATMENT].makes[HUB] == RINGS[HUB].takes[key_id("hmac", TREATMENT, 1)]


def test_a_ring_never_shows_a_key():
    """Neither its text nor that of what holds it has a key in it, and DEV stands there."""
    ring = RINGS[HUB]
    text = f"{ring!r} {ring} {[ring]!r}"

    assert "DEV" in text
    assert "b'" not in text


def test_a_ring_can_be_written_and_read():
    """A ring in JSON is the same ring again."""
    encoded = msgspec.json.encode(RINGS[HUB])

    assert RINGS[HUB] == msgspec.json.decode(encoded, type=Keyring)


def test_a_guard_serves_several_owners():
    """Each arrival is verified by whom it is for; what is for nobody here is left to the core."""
    guard = Guard([RINGS[HUB], RINGS[INSURED]])
    guard.check(at_hub())
    guard.check(at_insured())
    guard.check(hop(message(), TREATMENT, PROVINCE))

    signed = guard.protect(INSURED, HUB, message(sender=INSURED, recipient=TREATMENT))
    assert "hmac.insured:340600.1" == signed.origin.key_id
    with pytest.raises(RemoteProtocolError):
        guard.check(hop(message(), TREATMENT, HUB))


def test_what_is_signed_with_what():
    """A settlement bears a MAC, a clearing notice a signature."""
    assert "hmac" == scheme_of(t.OUTPATIENT_SETTLEMENT)
    assert "sm2" == scheme_of(t.CLEARING_NOTICE)
