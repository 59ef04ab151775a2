"""The national algorithms that sign: SM3, HMAC-SM3 and SM2, for messages and at the gateway.

SM3 is OpenSSL's where Python was built with it, else the one of the extra `gm`; SM2 always needs
that extra. What is missing is said with `E_ALGORITHM`: no other algorithm ever takes its place.
An SM2 signature here is r and s, 32 bytes each. Its nonce is derived from the private key and what
is signed (as RFC 6979 does for ECDSA) instead of drawn: the same key and bytes give the same
signature, so that a run repeats and this room needs no chance.

Source: GB/T 32905-2016 (SM3), GB/T 32918-2016 (SM2).
"""

from __future__ import annotations

import hashlib
import hmac
import itertools
from collections.abc import Callable, Iterator
from functools import cache
from importlib import import_module
from typing import Any

from yidi.protocol.errors import MissingAlgorithm

DIGEST_SIZE = 32
"""Bytes of an SM3 digest and of an HMAC-SM3."""
SM2_SIGNATURE_SIZE = 64
SM2_PUBLIC_KEY_SIZE = 64
"""The point's coordinates, without the leading 04."""
SM2_PRIVATE_KEY_SIZE = 32
# The curve sm2p256v1. Source: GB/T 32918.5-2017.
_P = 0xFFFFFFFE_FFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFF_00000000_FFFFFFFF_FFFFFFFF
_A = _P - 3
_B = 0x28E9FA9E_9D9F5E34_4D5A9E4B_CF6509A7_F39789F5_15AB8F92_DDBCBD41_4D940E93
_N = 0xFFFFFFFE_FFFFFFFF_FFFFFFFF_FFFFFFFF_7203DF6B_21C6052B_53BBF409_39D54123
_BASE = (
    0x32C4AE2C_1F198119_5F990446_6A39C994_8FE30BBF_F2660BE1_715A4589_334C74C7,
    0xBC3736A2_F4F6779C_59BDCEE3_6B692153_D0A9877C_C62A4740_02DF32E5_2139F0A0,
)
SIGNER_DEFAULT = b"1234567812345678"
"""Who signs, where nobody has said. Source: GM/T 0009-2012, section 10."""


def sm3(data: bytes) -> bytes:
    """The SM3 digest, 32 bytes.

    Raises:
        MissingAlgorithm: neither OpenSSL nor the extra `gm` offers SM3.
    """
    digest: bytes = _sm3_functions()[0](data)
    return digest


def hmac_sm3(key: bytes, data: bytes) -> bytes:
    """The HMAC-SM3 of `data`, 32 bytes.

    Raises:
        MissingAlgorithm: as `sm3`.
    """
    mac: bytes = _sm3_functions()[1](key, data)
    return mac


def is_same(one: bytes, other: bytes) -> bool:
    """Compare two signatures in a time that does not tell where they differ."""
    return hmac.compare_digest(one, other)


class Sm2Signer:
    """A private key, and whoever signs with it.

    The arithmetic on the curve is that of the library ecdsa; what is signed, and how, is SM2's.

    Args:
        private: 32 bytes.
        signer: the signer's identity, part of what is signed.

    Raises:
        MissingAlgorithm: the extra `gm` is not installed.
        ValueError: the key is none.
    """

    __slots__ = ("_identity", "_key", "_private", "public")

    def __init__(self, private: bytes, signer: bytes = SIGNER_DEFAULT) -> None:
        self._key = int.from_bytes(private, "big")
        if len(private) != SM2_PRIVATE_KEY_SIZE or not 0 < self._key < _N - 1:
            raise ValueError("an SM2 private key has 32 bytes, is not 0 and is below the order")
        self._private = private
        point = self._key * _base_point()
        self.public = _octets(point.x()) + _octets(point.y())
        """64 bytes."""
        bits = (8 * len(signer)).to_bytes(2, "big")
        curve = b"".join(_octets(number) for number in (_A, _B, *_BASE))
        self._identity = sm3(bits + signer + curve + self.public)

    def sign(self, data: bytes) -> bytes:
        """Sign, always the same way: r and s, 64 bytes."""
        digest = int.from_bytes(sm3(self._identity + data), "big")
        for nonce in self._nonces(data):
            r = (digest + (nonce * _base_point()).x()) % _N
            s = pow(1 + self._key, -1, _N) * (nonce - r * self._key) % _N
            if r and s and r + nonce != _N:
                return _octets(r) + _octets(s)
        raise AssertionError("nonces do not end")

    def _nonces(self, data: bytes) -> Iterator[int]:
        """Numbers in the order's range for one signature: the first one nearly always does."""
        seed = hmac_sm3(self._private, b"nonce" + sm3(self._identity + data))
        for count in itertools.count():
            nonce = int.from_bytes(hmac_sm3(seed, b"%d" % count), "big")
            if 0 < nonce < _N:
                yield nonce


def sm2_private_key(seed: bytes) -> bytes:
    """A private key made of secret bytes, always the same one."""
    key = hmac_sm3(seed, b"SM2")
    # The first bit is cleared, so that it is below the order of the curve.
    return bytes([key[0] & 0x7F]) + key[1:]


def sm2_verify(
    public: bytes, data: bytes, signature: bytes, signer: bytes = SIGNER_DEFAULT
) -> bool:
    """Whether a signature of 64 bytes is that of `data` under a public key.

    Raises:
        MissingAlgorithm: the extra `gm` is not installed.
    """
    library = _need("gmssl_pyx")
    if len(signature) != SM2_SIGNATURE_SIZE:
        return False
    try:
        return bool(library.sm2_verify(public, data, _der(signature), signer_id=signer))
    except library.GmsslInnerError:  # a public key that is none, r or s out of range
        return False


def need_sm2() -> None:
    """Say at once, rather than at the first document, that SM2 is missing.

    Raises:
        MissingAlgorithm: the extra `gm` is not installed.
    """
    _base_point()
    _need("gmssl_pyx")


@cache
def _base_point() -> Any:
    """The curve's base point, with its multiples worked out in advance."""
    elliptic = _need("ecdsa.ellipticcurve")
    curve = elliptic.CurveFp(_P, _A, _B, 1)
    return elliptic.PointJacobi(curve, *_BASE, 1, _N, generator=True)


def _octets(number: int) -> bytes:
    return number.to_bytes(32, "big")


def _der(signature: bytes) -> bytes:
    """r and s as an ASN.1 sequence of two integers, as the C library reads them."""
    parts = b""
    for half in (signature[:32], signature[32:]):
        number = half.lstrip(b"\0") or b"\0"
        if number[0] & 0x80:
            number = b"\0" + number
        parts += b"\x02" + bytes([len(number)]) + number
    return b"\x30" + bytes([len(parts)]) + parts


@cache
def _sm3_functions() -> tuple[Callable[[bytes], bytes], Callable[[bytes, bytes], bytes]]:
    """Digest and MAC, looked for once."""
    try:
        hashlib.new("sm3")
    except ValueError:
        library = _need("gmssl_pyx")
        return library.sm3_hash, library.sm3_hmac
    return (
        lambda data: hashlib.new("sm3", data).digest(),
        lambda key, data: hmac.digest(key, data, "sm3"),
    )


@cache
def _need(name: str) -> Any:
    """A library of the extra `gm`, imported by those alone who sign."""
    try:
        return import_module(name)
    except ImportError as error:
        raise MissingAlgorithm(want="pip install 'yidi[gm]'", got=name) from error
