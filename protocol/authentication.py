"""Who said it: the origin's signature, the hub's MAC on its stamp, and the keys behind both.

Every owner (a node; the desk for all clients) shares an HMAC-SM3 key with each neighbour, one for
either direction, and has an SM2 key pair. A message is signed by its maker for its first hop; a
hub that relays it vouches for it, and for the accounting day, with a MAC of its own for the next.
So nobody can forge a message to somebody else with a key that it verifies with. Day and month
documents are signed with SM2 instead, which every hop verifies, to the end.

The signature stands in the origin and covers its bytes (without itself), and by the digest the
body; link and version are the carrier's and stay out. Which algorithm is due follows from the
transaction, never from the message. All of it is off unless a run switches it on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from yidi.protocol import transactions as t
from yidi.protocol.envelope import Envelope, Origin, Stamp
from yidi.protocol.errors import ErrorCode, RemoteProtocolError
from yidi.protocol.signatures import (
    DIGEST_SIZE,
    SM2_SIGNATURE_SIZE,
    Sm2Signer,
    hmac_sm3,
    is_same,
    sm2_private_key,
    sm2_verify,
    sm3,
)

DESK = "operator:desk"
"""Owner of the keys of all institutions, persons and operators: the host that serves them."""
HMAC, SM2 = "hmac", "sm2"
DOCUMENTS = frozenset(
    {
        t.DAILY_STATEMENT, t.DAILY_DETAIL, t.CLEARING_DECLARATION, t.CLEARING_DETAIL,
        t.CLEARING_TABLE, t.CLEARING_CLOSE, t.CLEARING_NOTICE, t.PAYMENT_FEEDBACK,
        t.FUND_TRANSFER, t.PREFUND_NOTICE, t.PREFUND_TRANSFER,
    }
)  # fmt: skip
"""Day and month documents: what two parties would show a third."""
_SIZES = {HMAC: DIGEST_SIZE, SM2: SM2_SIGNATURE_SIZE}
_CLIENTS = ("institution:", "person:", "operator:")
_ORIGIN_AT, _STAMP_AT = "$.origin.signature", "$.stamp.mac"
_GENERATION_BYTES = 2
_SIGNATURE_INDEX = Origin.__struct_fields__.index("signature")
_encode = msgspec.msgpack.Encoder().encode


class Keyring(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The keys of one owner. Its text never shows one."""

    owner: str
    purpose: str = "DEV"
    """`DEV`: made by us for one machine, and worth nothing elsewhere."""
    generation: int = 1
    """Of the keys that it signs with; a higher one follows a revocation."""
    makes: dict[str, bytes]
    """What it signs with, by the owner who verifies."""
    takes: dict[str, bytes]
    """What it verifies with, by key id."""
    private: bytes
    """Its SM2 key; empty where it signs no documents."""
    publics: dict[str, bytes]
    """Everybody's SM2 public keys, by key id."""
    revoked: frozenset[str] = frozenset()
    """Key ids that are no longer taken."""

    def __repr__(self) -> str:
        return f"Keyring({self.owner!r}, {self.purpose}, generation={self.generation})"


def key_id(scheme: str, owner: str, generation: int) -> str:
    """The name of a key: `hmac.insured:340600.1`."""
    return f"{scheme}.{owner}.{generation}"


def owner_of(address: str) -> str:
    """Whose keys an address signs with: its own without partition, or those of the desk."""
    return DESK if address.startswith(_CLIENTS) else address.partition("/")[0]


def scheme_of(transaction: str) -> str:
    """What a transaction is signed with."""
    return SM2 if transaction in DOCUMENTS else HMAC


def make_keyrings(
    owners: Iterable[str], secret: bytes, *, generation: int = 1
) -> dict[str, Keyring]:
    """The keys of a whole network, derived from one secret, by owner.

    Raises:
        MissingAlgorithm: SM3 or SM2 is missing.
    """
    names = sorted({DESK, *owners})
    pairs = {
        (maker, taker): hmac_sm3(secret, f"{maker}>{taker}#{generation}".encode())
        for maker in names
        for taker in names
    }
    privates = {name: sm2_private_key(hmac_sm3(secret, name.encode())) for name in names}
    publics = {key_id(SM2, name, generation): Sm2Signer(privates[name]).public for name in names}
    return {
        name: Keyring(
            owner=name,
            generation=generation,
            makes={taker: pairs[name, taker] for taker in names},
            takes={key_id(HMAC, maker, generation): pairs[maker, name] for maker in names},
            private=privates[name],
            publics=publics,
        )
        for name in names
    }  # fmt: skip


class Authenticator:
    """Signs what one owner sends, and verifies what it is given."""

    def __init__(self, ring: Keyring) -> None:
        self.ring = ring
        self._signer = Sm2Signer(ring.private, ring.owner.encode()) if ring.private else None

    def protect(self, envelope: Envelope, peer: str) -> Envelope:
        """The message as it leaves for `peer`: own ones signed, relayed ones vouched for."""
        origin, stamp = envelope.origin, envelope.stamp
        if owner_of(origin.sender) == self.ring.owner:
            origin = self._signed(origin, envelope.body, peer)
            return Envelope(envelope.hop, origin, _encode(origin), envelope.body, stamp)
        if stamp is None:
            return envelope
        generation = self.ring.generation.to_bytes(_GENERATION_BYTES, "big")
        key = self.ring.makes[owner_of(peer)]
        mac = generation + hmac_sm3(key, _stamp_part(stamp, envelope.origin_bytes))
        vouched = Stamp(stamp.day, stamp.sequence, stamp.hub, mac)
        return Envelope(envelope.hop, origin, envelope.origin_bytes, envelope.body, vouched)

    def _signed(self, origin: Origin, body: bytes, peer: str) -> Origin:
        ring, scheme = self.ring, scheme_of(origin.transaction)
        named = msgspec.structs.replace(
            origin,
            key_id=key_id(scheme, ring.owner, ring.generation),
            body_digest=sm3(body),
            signature=b"",
        )
        said = _origin_part(named, _encode(named))
        if scheme == HMAC:
            signature = hmac_sm3(ring.makes[owner_of(peer)], said)
        else:
            assert self._signer is not None, "an owner of documents has an SM2 key"
            signature = self._signer.sign(said)
        return msgspec.structs.replace(named, signature=signature)

    def check(self, envelope: Envelope) -> None:
        """Refuse what was not said by its sender, or not vouched for by the hub that relays it.

        Raises:
            RemoteProtocolError: `E_SIG_MISSING`, `E_SIG_FORMAT`, `E_SIG_ALG`, `E_SIG_REVOKED`,
                `E_SIG_BAD`, `E_SENDER_MISMATCH`.
        """
        origin, link = envelope.origin, envelope.link
        assert link is not None
        maker = self._check_form(origin)
        is_relayed = envelope.stamp is not None
        if is_relayed:
            self._check_stamp(envelope, link.sender)
        # Only its first hop shares the HMAC key of a message; the hub's MAC stands for it later.
        is_ours = scheme_of(origin.transaction) == SM2 or not is_relayed
        if is_ours and not self._is_signed(origin, envelope.origin_bytes):
            raise _refused(ErrorCode.E_SIG_BAD, got=origin.key_id)
        if not is_same(sm3(envelope.body), origin.body_digest):
            raise _refused(ErrorCode.E_SIG_BAD, at="$.body", got="another digest")
        if maker != owner_of(origin.sender):
            raise _refused(ErrorCode.E_SENDER_MISMATCH, want=maker, got=origin.sender)

    def _check_form(self, origin: Origin) -> str:
        """What needs no cryptography, first; the owner that the key id names."""
        due = scheme_of(origin.transaction)
        if not origin.key_id:
            raise _refused(ErrorCode.E_SIG_MISSING, at="$.origin.key_id")
        scheme, _, rest = origin.key_id.partition(".")
        if scheme != due:
            raise _refused(ErrorCode.E_SIG_ALG, at="$.origin.key_id", want=due, got=scheme)
        if not origin.signature:
            raise _refused(ErrorCode.E_SIG_MISSING)
        sizes = (len(origin.signature), len(origin.body_digest))
        if sizes != (_SIZES[due], DIGEST_SIZE):
            want = f"{_SIZES[due]} and a digest of {DIGEST_SIZE} bytes"
            raise _refused(ErrorCode.E_SIG_FORMAT, want=want, got=f"{sizes[0]} and {sizes[1]}")
        if origin.key_id in self.ring.revoked:
            raise _refused(ErrorCode.E_SIG_REVOKED, got=origin.key_id)
        return rest.rpartition(".")[0]

    def _is_signed(self, origin: Origin, raw: bytes) -> bool:
        said = _origin_part(origin, raw)
        if scheme_of(origin.transaction) == HMAC:
            key = self.ring.takes.get(origin.key_id)
            return key is not None and is_same(hmac_sm3(key, said), origin.signature)
        public, signer = self.ring.publics.get(origin.key_id), _owner_in(origin.key_id)
        return public is not None and sm2_verify(public, said, origin.signature, signer)

    def _check_stamp(self, envelope: Envelope, sender: str) -> None:
        """Only a hub vouches for others, and only for what it hands over itself."""
        stamp = envelope.stamp
        assert stamp is not None
        if not stamp.mac:
            raise _refused(ErrorCode.E_SIG_MISSING, at=_STAMP_AT)
        if len(stamp.mac) != _GENERATION_BYTES + DIGEST_SIZE:
            raise _refused(ErrorCode.E_SIG_FORMAT, at=_STAMP_AT, got=f"{len(stamp.mac)} bytes")
        if owner_of(stamp.hub) != owner_of(sender) or not sender.startswith("hub:"):
            raise _refused(ErrorCode.E_SENDER_MISMATCH, at=_STAMP_AT, want="its hub", got=sender)
        generation = int.from_bytes(stamp.mac[:_GENERATION_BYTES], "big")
        name = key_id(HMAC, owner_of(sender), generation)
        if name in self.ring.revoked:
            raise _refused(ErrorCode.E_SIG_REVOKED, at=_STAMP_AT, got=name)
        key = self.ring.takes.get(name)
        said = _stamp_part(stamp, envelope.origin_bytes)
        if key is None or not is_same(hmac_sm3(key, said), stamp.mac[_GENERATION_BYTES:]):
            raise _refused(ErrorCode.E_SIG_BAD, at=_STAMP_AT, got=name)


class Guard:
    """The authenticators of all owners that one process hosts."""

    def __init__(self, rings: Iterable[Keyring]) -> None:
        self._held: Mapping[str, Authenticator] = {
            ring.owner: Authenticator(ring) for ring in rings
        }

    def protect(self, local: str, peer: str, envelope: Envelope) -> Envelope:
        """The message as it leaves `local` for `peer`."""
        return self._held[owner_of(local)].protect(envelope, peer)

    def check(self, envelope: Envelope) -> None:
        """Verify an arrival for the owner that it is handed to; see `Authenticator.check`.

        What is for nobody here is left to the core, which refuses it.
        """
        holder = self._held.get(owner_of(envelope.hop))
        if holder is not None:
            holder.check(envelope)


def _origin_part(origin: Origin, raw: bytes) -> bytes:
    """The bytes of an origin that are signed: all but its signature, as they came.

    A later version appends fields behind the signature; they are signed, too, and kept by whoever
    does not know them.
    """
    before = _encode(msgspec.structs.astuple(origin)[:_SIGNATURE_INDEX])
    # Up to 15 values an array's head is one byte, from 16 on it is three.
    start = len(before) - 1 + 3
    mark = _encode(origin.signature)
    if raw[start : start + len(mark)] != mark:
        raise _refused(ErrorCode.E_SIG_FORMAT, want="an origin in its shortest form")
    return b"origin" + raw[:start] + raw[start + len(mark) :]


def _stamp_part(stamp: Stamp, origin_bytes: bytes) -> bytes:
    return b"stamp" + _encode((stamp.day, stamp.sequence, stamp.hub, origin_bytes))


def _owner_in(name: str) -> bytes:
    """The owner that a key id names: whom an SM2 signature has as its signer."""
    return name.partition(".")[2].rpartition(".")[0].encode()


def _refused(
    code: ErrorCode, *, at: str = _ORIGIN_AT, want: str = "", got: str = ""
) -> RemoteProtocolError:
    return RemoteProtocolError(code, at=at, want=want, got=got)
