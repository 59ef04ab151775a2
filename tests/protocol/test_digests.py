from yidi.protocol.digests import CONTENT_DIGEST_SIZE, content_digest, hex_digest


def test_hex_digest_is_sha_256() -> None:
    """The whole digest is SHA-256, as FIPS 180-4 gives it for the three letters abc."""
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

    assert expected == hex_digest(b"abc")


def test_content_digest_is_its_beginning() -> None:
    """The content digest is the first sixteen bytes of the same hash."""
    assert hex_digest(b"abc")[: 2 * CONTENT_DIGEST_SIZE] == content_digest(b"abc").hex()
