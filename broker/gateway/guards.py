"""Who may call, on whose behalf, and how often.

A *client* is a token with the institutions it speaks for: a code, or a prefix of one followed by
`*`, matched against the whole code or, where it begins with a digit, against its region. Tokens
come from a file or the environment, are kept as digests only, and every one is compared, in
constant time, whichever matches. Buckets refill with time that the caller tells.
"""

from __future__ import annotations

import hmac
from collections import OrderedDict
from hashlib import sha256

import msgspec

from yidi.broker.gateway.signing import SigningKey
from yidi.protocol.errors import ErrorCode, ScenarioError
from yidi.protocol.instants import parse_date
from yidi.protocol.signatures import SM2_PUBLIC_KEY_SIZE

TOKEN_MIN, TOKEN_MAX = 16, 256
_REVOKED, _POINT = "revoked:", 4
_KEY_BYTES = {"SM2": (SM2_PUBLIC_KEY_SIZE,), "SM3": range(16, 129)}
PEERS_MAX = 4_096
"""Buckets kept; the one that was quiet longest makes room."""


class Client(msgspec.Struct, frozen=True, kw_only=True):
    """One credential."""

    name: str
    digest: bytes
    """SHA-256 of the token."""
    scopes: tuple[str, ...]
    until: str = ""
    """Last day on which the token is taken; empty for no end."""
    keys: tuple[SigningKey, ...] = ()
    """What it signs with."""
    signer: str = ""
    """Its identity in signatures; empty for the default one."""

    def may_speak_for(self, institution: str) -> bool:
        """Whether the client may send in the name of an institution."""
        for scope in self.scopes:
            whole = institution[1:] if scope[0].isdigit() else institution
            if scope in ("*", whole):
                return True
            if scope.endswith("*") and whole.startswith(scope[:-1]):
                return True
        return False


def client(name: str, token: str, scopes: tuple[str, ...] = ("*",), until: str = "") -> Client:
    """A credential of a token; the token itself is not kept."""
    return Client(name=name, digest=_digest(token), scopes=scopes, until=until)


def read_clients(text: str, at: str = "credentials") -> tuple[Client, ...]:
    """Read credentials, one a line; `#` begins a comment.

    `name token scope[,scope…] [last day] [sm2=HEX] [sm3=HEX] [id=NAME]`: an SM2 public key (64
    bytes, with or without 04 in front) or the shared key of HMAC-SM3, as many as there are, a
    revoked one with `revoked:` in front; and the identity that signatures of `input` are made for.

    Raises:
        ScenarioError: `E_AUTH` with the line's number; never with what it says.
    """
    found: list[Client] = []
    for number, line in enumerate(text.splitlines(), 1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        plain = [word for word in words if "=" not in word or word == words[1]]
        if not 3 <= len(plain) <= 4 or not TOKEN_MIN <= len(words[1]) <= TOKEN_MAX:
            raise _unreadable(f"{at}:{number}")
        until = parse_date(plain[3], f"{at}:{number}") if len(plain) > 3 else ""
        one = client(plain[0], plain[1], tuple(filter(None, plain[2].split(","))), until)
        keys, signer = _signing(words[3:], f"{at}:{number}")
        found.append(msgspec.structs.replace(one, keys=keys, signer=signer))
    return tuple(found)


def _signing(words: list[str], at: str) -> tuple[tuple[SigningKey, ...], str]:
    """The keys and the identity among the words of a line."""
    keys, signer = [], ""
    for word in words:
        name, equals, value = word.partition("=")
        revoked = name.startswith(_REVOKED)
        algorithm = name.removeprefix(_REVOKED).upper()
        if not equals:
            continue
        if name == "id" and value:
            signer = value
            continue
        try:
            key = bytes.fromhex(value)
        except ValueError:
            key = b""
        if algorithm == "SM2" and len(key) == SM2_PUBLIC_KEY_SIZE + 1 and key[0] == _POINT:
            key = key[1:]
        if algorithm not in _KEY_BYTES or len(key) not in _KEY_BYTES[algorithm]:
            raise _unreadable(at)
        keys.append(SigningKey(algorithm=algorithm, value=key, revoked=revoked))
    return tuple(keys), signer


def _unreadable(at: str) -> ScenarioError:
    want = (
        f"name token({TOKEN_MIN}..{TOKEN_MAX}) scope[,scope...] [yyyy-MM-dd] "
        "[sm2=HEX] [sm3=HEX] [id=NAME]"
    )
    return ScenarioError(ErrorCode.E_AUTH, at=at, want=want)


class Credentials:
    """All clients of a gateway."""

    def __init__(self, clients: tuple[Client, ...]) -> None:
        self.clients = clients

    def find(self, authorization: str, today: str) -> Client | None:
        """The client of an `Authorization` header; None when there is none, or it has expired."""
        scheme, _, token = authorization.partition(" ")
        digest = _digest(token.strip()[: TOKEN_MAX + 1])
        found = None
        for one in self.clients:
            if hmac.compare_digest(one.digest, digest):
                found = one
        if found is None or scheme.lower() != "bearer" or (found.until and found.until < today):
            return None
        return found


class Buckets:
    """Token buckets by name.

    Args:
        rate: calls a second, in the long run.
        burst: calls at once.
    """

    def __init__(self, rate: int, burst: int) -> None:
        self.rate = rate
        self.burst = burst
        self._full_at: OrderedDict[str, int] = OrderedDict()
        """Name → microsecond at which its bucket is full again."""

    def wait(self, name: str, now_us: int) -> int:
        """Take one; 0 when it was there, else whole seconds until the next one is."""
        cost = 1_000_000 // self.rate
        full_at = max(self._full_at.pop(name, now_us), now_us) + cost
        short = full_at - now_us - self.burst * cost
        self._full_at[name] = full_at if short <= 0 else full_at - cost
        if len(self._full_at) > PEERS_MAX:
            self._full_at.popitem(last=False)
        return -(-short // 1_000_000) if short > 0 else 0


def _digest(token: str) -> bytes:
    return sha256(token.encode("utf-8", "surrogateescape")).digest()
