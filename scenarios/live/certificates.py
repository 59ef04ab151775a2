"""Development certificates: an authority that lives as long as one call, and what it issues.

The authority's key is never written: nobody can issue anything more in its name, and a network
gets new certificates by being made anew. All of them say DEV.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from yidi.protocol.errors import ErrorCode, TransportError

VALID_DAYS = 90
ORGANISATION = "yidi DEV, not for production"
_BEFORE = timedelta(minutes=5)
"""Clocks of one machine agree; those of two may not."""


class Issued(msgspec.Struct, frozen=True, kw_only=True):
    """A certificate and its key, both in PEM. Its text shows neither."""

    certificate: bytes
    key: bytes

    def __repr__(self) -> str:
        return "Issued(DEV)"


class Authority:
    """A certificate authority of one network.

    Args:
        network: its name.
        now: when its certificates begin.

    Raises:
        TransportError: `E_ENGINE`: the extra `secure` is not installed.
    """

    def __init__(self, network: str, now: datetime | None = None) -> None:
        self._tools = _tools()
        self.now = now or datetime.now(UTC)
        self._key = self._tools.ec.generate_private_key(self._tools.ec.SECP256R1())
        self._name = self._subject(f"DEV {network}")
        self._certificate = self._builder(self._name, self._key, VALID_DAYS, authority=True).sign(
            self._key, self._tools.hashes.SHA256()
        )

    @property
    def certificate(self) -> bytes:
        """In PEM, for whoever verifies."""
        return self._pem(self._certificate)

    def issue(self, name: str, hosts: Iterable[str] = (), *, days: int = VALID_DAYS) -> Issued:
        """A certificate for a server or a node.

        Args:
            name: who it is; also its first alternative name.
            hosts: names and addresses under which it is reached.
            days: how long it holds; negative for one that has expired.
        """
        x509, serialization = self._tools.x509, self._tools.serialization
        key = self._tools.ec.generate_private_key(self._tools.ec.SECP256R1())
        names = [x509.DNSName(name), *(self._alternative(host) for host in hosts)]
        builder = self._builder(self._subject(name), key, days, authority=False)
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        certificate = builder.sign(self._key, self._tools.hashes.SHA256())
        private = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        return Issued(certificate=self._pem(certificate), key=private)

    def _builder(self, subject: Any, key: Any, days: int, *, authority: bool) -> Any:
        x509 = self._tools.x509
        issuer_key = self._key.public_key()
        usage = x509.KeyUsage(
            digital_signature=not authority, key_cert_sign=authority, crl_sign=authority,
            content_commitment=False, key_encipherment=False, data_encipherment=False,
            key_agreement=False, encipher_only=False, decipher_only=False,
        )  # fmt: skip
        end = self.now + timedelta(days=days)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(min(self.now, end) - _BEFORE)
            .not_valid_after(end)
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
            )
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key), critical=False
            )
        )

    def _subject(self, name: str) -> Any:
        x509, oid = self._tools.x509, self._tools.oid
        return x509.Name(
            [
                x509.NameAttribute(oid.ORGANIZATION_NAME, ORGANISATION),
                x509.NameAttribute(oid.COMMON_NAME, name),
            ]
        )

    def _alternative(self, host: str) -> Any:
        try:
            return self._tools.x509.IPAddress(ipaddress.ip_address(host))
        except ValueError:
            return self._tools.x509.DNSName(host)

    def _pem(self, certificate: Any) -> bytes:
        encoded: bytes = certificate.public_bytes(self._tools.serialization.Encoding.PEM)
        return encoded


class _Tools(msgspec.Struct, frozen=True, kw_only=True):
    """What is used of the library cryptography."""

    x509: Any
    oid: Any
    ec: Any
    hashes: Any
    serialization: Any


def _tools() -> _Tools:
    # Imported where certificates are made: it costs more to load than most commands.
    try:
        from cryptography import x509  # noqa: PLC0415
        from cryptography.hazmat.primitives import hashes, serialization  # noqa: PLC0415
        from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415
    except ImportError as error:
        raise TransportError(
            ErrorCode.E_ENGINE, want="pip install 'yidi[secure]'", got="cryptography"
        ) from error
    return _Tools(
        x509=x509, oid=x509.oid.NameOID, ec=ec, hashes=hashes, serialization=serialization
    )
