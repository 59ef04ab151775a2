"""Signatures of calls: `cainfo`, in the two forms that clients use, and what becomes of a bad one.

Form `envelope`: every field that was sent but `cainfo` and `input`, sorted by name and joined as
`k=v&k=v`; the signature in upper-case hexadecimal. Form `input`: the bytes of `input` as they
stand in the body, with the client's own name as the signer's identity; Base64. SM2 signatures
are r and s, 64 bytes (SM2 with SM3). `signtype` SM3 is an HMAC-SM3 with a key that both sides
hold, since a bare digest proves nothing; which of the two a client uses is fixed by its keys.

Public clients often leave `cainfo` empty, so verification is a mode: `off` does not look, `warn`
names what is wrong in `warn_msg`, `enforce` refuses. Source: interface (h); bad-input W23.
"""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Mapping
from enum import StrEnum
from typing import Protocol

import msgspec

from yidi.protocol.errors import DecodeError, ErrorCode, RemoteProtocolError
from yidi.protocol.signatures import (
    DIGEST_SIZE,
    SIGNER_DEFAULT,
    SM2_SIGNATURE_SIZE,
    hmac_sm3,
    is_same,
    sm2_verify,
)

AT = "$.cainfo"
_UNSIGNED = ("cainfo", "input")
_loose = msgspec.json.Decoder(dict[str, msgspec.Raw])


class Mode(StrEnum):
    """What a signature that does not verify leads to."""

    OFF = "off"
    WARN = "warn"
    ENFORCE = "enforce"


class Form(StrEnum):
    """What is signed, and how the signature is written."""

    ENVELOPE = "envelope"
    INPUT = "input"


class SigningKey(msgspec.Struct, frozen=True, kw_only=True):
    """One key of a client."""

    algorithm: str
    """SM2 (a public key, 64 bytes) or SM3 (a shared key)."""
    value: bytes
    revoked: bool = False


class Signer(Protocol):
    """A client, as far as signatures go."""

    @property
    def keys(self) -> tuple[SigningKey, ...]:
        """Its keys."""
        ...

    @property
    def signer(self) -> str:
        """Its identity in form `input`; empty for the default."""
        ...


class Signatures(msgspec.Struct, frozen=True, kw_only=True):
    """How a gateway looks at signatures."""

    mode: Mode = Mode.OFF
    form: Form = Form.ENVELOPE

    def problem(self, data: bytes, signer: Signer) -> RemoteProtocolError | None:
        """What is wrong with the signature of a call; None when nothing is, or nobody looks.

        Args:
            data: the request's body, already known to be one JSON object without equal keys.
            signer: the client whose token came with it.
        """
        if self.mode is Mode.OFF:
            return None
        try:
            self._check(_loose.decode(data.removeprefix(b"\xef\xbb\xbf")), signer)
        except RemoteProtocolError as error:
            return error
        return None

    def _check(self, pieces: Mapping[str, msgspec.Raw], signer: Signer) -> None:
        given = _text(pieces.get("cainfo"))
        if not given:
            raise RemoteProtocolError(ErrorCode.E_SIG_MISSING, at=AT)
        algorithm = _text(pieces.get("signtype")).upper()
        keys = [key for key in signer.keys if key.algorithm == algorithm]
        if not keys:
            wanted = sorted({key.algorithm for key in signer.keys}) or ["a key of this client"]
            raise RemoteProtocolError(
                ErrorCode.E_SIG_ALG, at="$.signtype", want=" or ".join(wanted), got=algorithm[:10]
            )
        size = SM2_SIGNATURE_SIZE if algorithm == "SM2" else DIGEST_SIZE
        signature = self._decoded(given, size)
        content = signed_content(self.form, pieces)
        identity = signer.signer.encode() if self.form is Form.INPUT else b""
        for key in keys:
            if _verifies(key, content, signature, identity or SIGNER_DEFAULT):
                if key.revoked:
                    raise RemoteProtocolError(ErrorCode.E_SIG_REVOKED, at=AT)
                return
        raise RemoteProtocolError(ErrorCode.E_SIG_BAD, at=AT)

    def _decoded(self, given: str, size: int) -> bytes:
        upper = self.form is Form.ENVELOPE
        try:
            signature = bytes.fromhex(given) if upper else b64decode(given, validate=True)
        except (ValueError, binascii.Error):
            signature = b""
        if len(signature) != size or (upper and given != given.upper()):
            want = f"{size} bytes in {'upper-case hexadecimal' if upper else 'Base64'}"
            raise DecodeError(ErrorCode.E_SIG_FORMAT, at=AT, want=want)
        return signature


def signed_content(form: Form, pieces: Mapping[str, msgspec.Raw]) -> bytes:
    """What is signed of a request.

    Args:
        form: which of the two.
        pieces: the outer document, each value as it stands in the body.
    """
    if form is Form.INPUT:
        return bytes(pieces.get("input", b""))
    texts = {name: _text(raw) for name, raw in pieces.items() if name not in _UNSIGNED}
    return "&".join(f"{name}={texts[name]}" for name in sorted(texts) if texts[name]).encode()


def _text(raw: msgspec.Raw | None) -> str:
    """A value as text: strings without their quotes, null as nothing, the rest as it stands."""
    if raw is None:
        return ""
    plain = bytes(raw)
    if plain[:1] == b'"':
        return msgspec.json.decode(plain, type=str)
    return "" if plain == b"null" else plain.decode()


def _verifies(key: SigningKey, content: bytes, signature: bytes, identity: bytes) -> bool:
    if key.algorithm == "SM2":
        return sm2_verify(key.value, content, signature, identity)
    return is_same(hmac_sm3(key.value, content), signature)
