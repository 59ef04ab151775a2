from __future__ import annotations

import ssl

import pytest

from yidi.broker.engines.base import EngineOptions
from yidi.broker.engines.credentials import load_credentials, load_tls
from yidi.protocol.errors import TransportError


@pytest.fixture
def secret(tmp_path):
    """A file of credentials that only its owner reads."""
    path = tmp_path / "secret"
    path.write_text("hub:pass:word\n", "utf-8")
    path.chmod(0o600)
    return path


def _options(path):
    return EngineOptions(credentials_file=str(path))


def test_a_file_holds_user_and_password(secret):
    """The first colon divides; the password may hold more of them."""
    assert ("hub", "pass:word") == load_credentials(_options(secret))


def test_the_environment_holds_them_too(monkeypatch):
    """Without a file the two variables count; without those nobody logs in."""
    monkeypatch.delenv("YIDI_ENGINE_USER", raising=False)
    assert load_credentials(EngineOptions()) is None
    monkeypatch.setenv("YIDI_ENGINE_USER", "hub")
    monkeypatch.setenv("YIDI_ENGINE_PASSWORD", "secret")
    assert ("hub", "secret") == load_credentials(EngineOptions())


def test_a_file_open_to_others_is_refused(secret):
    """A password that others can read is not used."""
    secret.chmod(0o640)

    with pytest.raises(TransportError, match="want=mode 0600"):
        load_credentials(_options(secret))


@pytest.mark.parametrize("content", [b"", b"hub", b":hidden", b"hidden:", b"\xff:hidden"])
def test_a_file_of_another_form_is_refused(secret, content):
    """What is no user:password is refused, and nothing of it is repeated."""
    secret.write_bytes(content)

    with pytest.raises(TransportError, match="E_ENGINE") as caught:
        load_credentials(_options(secret))
    assert "hidden" not in str(caught.value)


def test_a_missing_file_is_refused(tmp_path):
    """The path is named."""
    with pytest.raises(TransportError, match="nowhere"):
        load_credentials(_options(tmp_path / "nowhere"))


def test_tls_is_used_where_asked_for(tmp_path):
    """By a file or by the URL; at least TLS 1.2, and the server's name is checked."""
    assert load_tls(EngineOptions(), required=False) is None
    context = load_tls(EngineOptions(), required=True)

    assert ssl.TLSVersion.TLSv1_2 == context.minimum_version
    assert context.check_hostname


def test_a_file_that_is_no_certificate_is_refused(secret):
    """Neither another file nor a missing one is taken for an authority."""
    for name in (str(secret), "nowhere.pem"):
        with pytest.raises(TransportError, match="want=certificates in PEM"):
            load_tls(EngineOptions(ca_file=name), required=False)
