"""Who we are to a server, and how the line is secured: from files and the environment only.

A password never stands in a URL or on a command line, where `ps` and a shell's history show it.
"""

from __future__ import annotations

import os
import ssl
from pathlib import Path

from yidi.broker.engines.base import EngineOptions
from yidi.protocol.errors import ErrorCode, TransportError

USER_VARIABLE, PASSWORD_VARIABLE = "YIDI_ENGINE_USER", "YIDI_ENGINE_PASSWORD"
CREDENTIALS_BYTES_MAX = 1_024
KEY_BYTES_MAX = 65_536
"""A private key in PEM, with the chain of its certificate."""


def read_private(path: Path, limit: int) -> bytes:
    """The content of a file that only its owner may read.

    Raises:
        TransportError: `E_ENGINE`: it cannot be read, is open to others, or is longer than `limit`
            bytes. Nothing of its content is repeated.
    """
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_mode & 0o077:
                raise TransportError(ErrorCode.E_ENGINE, at=str(path), want="mode 0600")
            content = file.read(limit + 1)
    except OSError as error:
        raise TransportError(ErrorCode.E_ENGINE, at=str(path), want="a readable file") from error
    if len(content) > limit:
        raise TransportError(ErrorCode.E_ENGINE, at=str(path), want=f"at most {limit} bytes")
    return content


def load_credentials(options: EngineOptions) -> tuple[str, str] | None:
    """User and password, from the file or else the environment; None where neither names one.

    Raises:
        TransportError: `E_ENGINE`: the file cannot be read, is open to others, or has not the form
            `user:password`. Nothing of its content is repeated.
    """
    if not options.credentials_file:
        user = os.environ.get(USER_VARIABLE, "")
        return (user, os.environ.get(PASSWORD_VARIABLE, "")) if user else None
    path = Path(options.credentials_file)
    line = read_private(path, CREDENTIALS_BYTES_MAX).decode("utf-8", "replace").strip()
    if "\ufffd" in line:
        raise TransportError(ErrorCode.E_ENGINE, at=str(path), want="UTF-8")
    user, colon, password = line.partition(":")
    if not (user and colon and password):
        raise TransportError(ErrorCode.E_ENGINE, at=str(path), want="user:password")
    return user, password


def load_tls(options: EngineOptions, *, required: bool) -> ssl.SSLContext | None:
    """The TLS context, at least 1.2 and with the server's name checked; None for a plain line.

    Args:
        options: names the files.
        required: the URL asks for TLS; without `ca_file` the system's authorities are trusted.

    Raises:
        TransportError: `E_ENGINE`: a file cannot be read or is no certificate or key.
    """
    if not (options.ca_file or required):
        return None
    try:
        context = ssl.create_default_context(cafile=options.ca_file or None)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if options.certificate_file:
            read_private(Path(options.key_file or options.certificate_file), KEY_BYTES_MAX)
            context.load_cert_chain(options.certificate_file, options.key_file or None)
    except (OSError, ssl.SSLError) as error:
        raise TransportError(
            ErrorCode.E_ENGINE, at=options.ca_file, want="certificates in PEM", got=str(error)
        ) from error
    return context
