from __future__ import annotations

import hashlib

import gmalg
import gmssl_pyx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yidi.protocol import signatures
from yidi.protocol.errors import MissingAlgorithm
from yidi.protocol.signatures import (
    Sm2Signer,
    hmac_sm3,
    is_same,
    need_sm2,
    sm2_private_key,
    sm2_verify,
    sm3,
)

KEY = sm2_private_key(b"DEV")
STANDARD_KEY = bytes.fromhex("3945208F7B2144B13F36E38AC6D39F95889393692860B51A42FB81EF4DF7C5B8")
STANDARD_PUBLIC = bytes.fromhex(
    "09F9DF311E5421A150DD7D161E4BC5C672179FAD1833FC076BB08FF356F35020"
    "CCEA490CE26775A52DC6EA718CC1AA600AED05FBF35E084A6632F6072DA9AD13"
)
STANDARD_SIGNATURE = bytes.fromhex(
    "F5A03B0648D2C4630EEAC513E1BB81A15944DA3827D5B74143AC7EACEEE720B3"
    "B1B6AA29DF212FD8763182BC0D421CA1BB9038FD1F7F42D4840B69C485BBC1AA"
)
"""Source: GB/T 32918.5-2017, annex A."""


@pytest.fixture
def without(monkeypatch):
    """A machine that lacks libraries or OpenSSL's SM3."""

    def lack(*names):
        found, new = signatures.import_module, hashlib.new

        def importing(name):
            if name in names:
                raise ImportError(name)
            return found(name)

        def hashing(name, *rest):
            if name in names:
                raise ValueError(name)
            return new(name, *rest)

        monkeypatch.setattr(signatures, "import_module", importing)
        monkeypatch.setattr(hashlib, "new", hashing)
        signatures._need.cache_clear()
        signatures._sm3_functions.cache_clear()
        signatures._base_point.cache_clear()

    yield lack
    monkeypatch.undo()
    signatures._need.cache_clear()
    signatures._sm3_functions.cache_clear()
    signatures._base_point.cache_clear()


def test_sm3_of_the_standard():
    """The standard's first example. Source: GB/T 32905-2016, annex A.1."""
    expected = "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"

    assert expected == sm3(b"abc").hex()


@given(st.binary(min_size=1, max_size=80), st.binary(max_size=200))
def test_hmac_agrees_with_another_implementation(key, data):
    """OpenSSL and GmSSL compute the same HMAC-SM3."""
    assert gmssl_pyx.sm3_hmac(key, data) == hmac_sm3(key, data)


def test_sm3_without_openssl(without):
    """Where OpenSSL has no SM3 the extra's is the same one, never another algorithm."""
    expected = sm3(b"abc"), hmac_sm3(b"key", b"abc")
    without("sm3")

    assert expected == (sm3(b"abc"), hmac_sm3(b"key", b"abc"))


def test_what_is_missing_is_said(without):
    """Without any SM3, and without SM2, there is an error that says what to install."""
    without("sm3", "gmssl_pyx", "ecdsa.ellipticcurve")

    for call in (lambda: sm3(b""), lambda: hmac_sm3(b"key", b""), need_sm2,
                 lambda: Sm2Signer(KEY), lambda: sm2_verify(b"", b"", b"")):  # fmt: skip
        with pytest.raises(MissingAlgorithm, match=r"E_ALGORITHM .*yidi\[gm\]"):
            call()


def test_sm2_verifies_the_standard():
    """The standard's example verifies, and its private key has its public key."""
    assert STANDARD_PUBLIC == Sm2Signer(STANDARD_KEY).public
    assert sm2_verify(STANDARD_PUBLIC, b"message digest", STANDARD_SIGNATURE)


def test_sm2_signs_the_standard(monkeypatch):
    """With the nonce of the standard's example it is the standard's signature."""
    nonce = 0x59276E27_D506861A_16680F3A_D9C02DCC_EF3CC1FA_3CDBE4CE_6D54B80D_EAC1BC21
    monkeypatch.setattr(Sm2Signer, "_nonces", lambda *_: iter([nonce]))

    assert STANDARD_SIGNATURE == Sm2Signer(STANDARD_KEY).sign(b"message digest")


@settings(max_examples=15, deadline=None)
@given(st.binary(min_size=1, max_size=32), st.binary(max_size=300))
def test_sm2_signs_always_the_same_way(seed, data):
    """A signature verifies in both implementations, and the same key and data give it again."""
    signer = Sm2Signer(sm2_private_key(seed), b"hub:100000")
    signature = signer.sign(data)

    assert 64 == len(signature)
    assert signature == Sm2Signer(sm2_private_key(seed), b"hub:100000").sign(data)
    assert sm2_verify(signer.public, data, signature, b"hub:100000")
    oracle = gmalg.SM2(uid=b"hub:100000", pk=b"\x04" + signer.public)
    assert oracle.verify(data, signature[:32], signature[32:])


def test_sm2_refuses_anything_else():
    """Other data, another signer, another key, a flipped bit or another length: not verified."""
    signer = Sm2Signer(KEY)
    signature = signer.sign(b"data")
    other = Sm2Signer(sm2_private_key(b"other")).public
    flipped = bytes([signature[0] ^ 1]) + signature[1:]

    assert sm2_verify(signer.public, b"data", signature)
    assert not sm2_verify(signer.public, b"date", signature)
    assert not sm2_verify(signer.public, b"data", signature, b"somebody")
    assert not sm2_verify(other, b"data", signature)
    for wrong in (flipped, b"", signature[:-1], signature + b"\0", bytes(64), b"\xff" * 64):
        assert not sm2_verify(signer.public, b"data", wrong)


@pytest.mark.parametrize("public", [bytes(64), b"\xff" * 64, b"", b"\x04" + bytes(63)])
def test_a_public_key_that_is_none(public):
    """What is no point of the curve verifies nothing."""
    assert not sm2_verify(public, b"data", STANDARD_SIGNATURE)


def test_two_signatures_never_share_a_nonce():
    """r, which is the nonce's trace, differs for other data and for another signer."""
    one, other = Sm2Signer(KEY), Sm2Signer(KEY, b"somebody")

    assert 3 == len({one.sign(b"a")[:32], one.sign(b"b")[:32], other.sign(b"a")[:32]})


@pytest.mark.parametrize("private", [b"", bytes(32), bytes(31), b"x" * 33, b"\xff" * 32])
def test_a_private_key_that_is_none(private):
    """Zero, the order and more, and other lengths are refused."""
    with pytest.raises(ValueError, match="32 bytes"):
        Sm2Signer(private)


def test_the_comparison():
    """Equal bytes are the same, others are not."""
    assert is_same(b"abc", b"abc")
    assert not is_same(b"abc", b"abd")
