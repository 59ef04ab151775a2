"""`--external ROLE:CODE[=URL]`: who of the network is somebody's own node, and how to reach it.

A code may be a prefix (`insured:34*`), since one installation often serves a whole province, and
both roles may stand at one URL. Without a URL the node itself connects to the run's engine. What
the option does not say, the node's answer to the handshake does, and what neither says is level 0,
JSON, and every transaction that the role answers.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec

from yidi.nodes.observed import Observed
from yidi.protocol import transactions as t
from yidi.protocol.errors import ErrorCode, ScenarioError

ROLES = ("treatment", "insured", "hub", "province")
ANSWER_SECONDS = 20.0
"""Real seconds an answer may take; less than the 25 after which a treatment region asks again."""
WAIT_SECONDS = 30.0
"""Real seconds the network waits for an own node to be there."""
SECONDS_MAX = 3_600
FORMATS = ("json", "msgpack")

_CASE = sorted(
    t.PRE_SETTLEMENTS | t.SETTLEMENTS | t.CANCELLATIONS | t.FEE_UPLOADS
    | {t.ELIGIBILITY, t.BENEFIT_CHECK, t.REVERSAL, t.STATUS_QUERY}
)  # fmt: skip
SERVED: dict[str, tuple[str, ...]] = {
    "insured": (*_CASE, t.REFERRAL_FILING),
    "treatment": (
        *_CASE, t.REGISTRATION, t.REGISTRATION_CANCELLATION, t.ADMISSION, t.DISCHARGE,
        t.ADMISSION_CANCELLATION, t.DISCHARGE_CANCELLATION,
    ),
    "hub": (*_CASE, t.FILING_QUERY),
    "province": (t.CLEARING_TABLE, t.CLEARING_NOTICE, t.PREFUND_ALARM, t.PREFUND_NOTICE),
}  # fmt: skip
"""What a role serves where nobody says otherwise: the transactions with a national number."""


class External(msgspec.Struct, frozen=True, kw_only=True):
    """One own node, as the option names it."""

    address: str
    url: str = ""
    """Empty: over the run's engine."""
    serves: tuple[str, ...] | None = None
    level: int | None = None
    format: str = ""
    amounts: bool = True
    """False: amounts are judged by their identities alone."""
    answer_seconds: float = ANSWER_SECONDS
    wait_seconds: float = WAIT_SECONDS

    def carrier(self, engine: str) -> str:
        """`http`, `mqtt` or `nats`."""
        if self.url:
            return "http"
        return "mqtt" if engine.startswith("mqtt") else "nats"


class Introduction(msgspec.Struct, frozen=True, kw_only=True):
    """What a node says of itself in its answer to the handshake; it may leave everything out."""

    serves: tuple[str, ...] | None = None
    level: int | None = None
    format: str = ""


def parse_externals(
    texts: Sequence[str], addresses: Iterable[str], engine: str = "embedded"
) -> tuple[External, ...]:
    """Read the options and expand their prefixes.

    Args:
        texts: `ROLE:CODE[=URL][#serves=2206,2207&level=0&format=json&amounts=off]`, each.
        addresses: of the network's nodes.
        engine: of the run; an own node without URL is met there.

    Raises:
        ScenarioError: `E_REGION` for nobody of this network, `E_REFERENCE` for a node named
            twice, `E_ENGINE` where there is no way to it, `E_EXPRESSION` for another form.
    """
    known = sorted(addresses)
    found: dict[str, External] = {}
    for text in texts:
        for external in _one(text, known, engine):
            if external.address in found:
                raise _wrong(ErrorCode.E_REFERENCE, text, f"{external.address} once")
            found[external.address] = external
    return tuple(found.values())


def observed_of(external: External, said: Introduction, engine: str) -> Observed:
    """How an own node takes part: the option first, then its own word, then the default."""
    serves = external.serves or said.serves
    if serves is None:
        serves = SERVED[external.address.partition(":")[0]]
    level = external.level if external.level is not None else said.level
    return Observed(
        address=external.address,
        serves=tuple(sorted(serves)),
        level=level or 0,
        carrier=external.carrier(engine),
        format=external.format or said.format or "json",
        amounts=external.amounts,
    )


def _one(text: str, known: list[str], engine: str) -> list[External]:
    place, _, settings = text.partition("#")
    name, equals, url = place.partition("=")
    role, _, code = name.partition(":")
    if role not in ROLES or not code:
        raise _wrong(ErrorCode.E_EXPRESSION, text, f"ROLE:CODE[=URL], ROLE {'|'.join(ROLES)}")
    parts = urlsplit(url)
    if equals and parts.scheme not in ("http", "https"):
        raise _wrong(ErrorCode.E_ENGINE, text, "http://HOST:PORT/PATH, or no URL")
    if "@" in parts.netloc:
        raise _wrong(ErrorCode.E_ENGINE, name, "credentials in YIDI_EXTERNAL_TOKEN")
    if not equals and engine == "embedded":
        raise _wrong(ErrorCode.E_ENGINE, text, "a URL, or --engine mqtt:// or nats://")
    addresses = [one for one in known if _matches(one, role, code)]
    if not addresses:
        want = ", ".join(one for one in known if one.startswith(role + ":")) or f"a {role}"
        raise _wrong(ErrorCode.E_REGION, text, want[:200])
    options = _settings(text, settings)
    return [External(address=one, url=url, **options) for one in addresses]


def _matches(address: str, role: str, code: str) -> bool:
    own_role, _, own_code = address.partition(":")
    if own_role != role:
        return False
    return own_code.startswith(code[:-1]) if code.endswith("*") else own_code == code


def _settings(text: str, settings: str) -> dict[str, Any]:
    """What stands behind the `#`."""
    options: dict[str, Any] = {}
    try:
        pairs = parse_qsl(settings, keep_blank_values=True, strict_parsing=bool(settings))
        for name, value in pairs:
            options |= _setting(name, value)
    except ValueError:
        want = "#serves=2206,2207&level=0|1&format=json|msgpack&amounts=off&answer=20&wait=30"
        raise _wrong(ErrorCode.E_EXPRESSION, text, want) from None
    return options


def _setting(name: str, value: str) -> dict[str, Any]:
    match name:
        case "serves":
            codes = tuple(filter(None, value.split(",")))
            if not codes or any(code not in t.CATALOGUE for code in codes):
                raise ValueError
            return {"serves": codes}
        case "level" if value in ("0", "1"):
            return {"level": int(value)}
        case "format" if value in FORMATS:
            return {"format": value}
        case "amounts" if value in ("on", "off"):
            return {"amounts": value == "on"}
        case "answer" | "wait":
            seconds = float(value)
            if not 0 < seconds <= SECONDS_MAX:  # also refuses what is no number
                raise ValueError
            return {f"{name}_seconds": seconds}
    raise ValueError


def _wrong(code: ErrorCode, text: str, want: str) -> ScenarioError:
    return ScenarioError(code, at=f"--external {text[:120]}", want=want)
