"""What can be wrong, and whose fault it is.

Five kinds, never mixed: our own bug (`InvariantViolation`), a protocol error (ours or the
peer's), a business refusal (a `Rejection` *message*, not an exception), a transport error
(engines only), and a scenario error. Each carries its facts as attributes; the text is built
from the registry in `error_codes`. Raw input is never echoed beyond 64 characters.
"""

from __future__ import annotations

import msgspec

from yidi.protocol.error_codes import BY_CODE, ErrorCode

__all__ = [
    "ConnectionLost",
    "DecodeError",
    "DeliveryTimeout",
    "ErrorCode",
    "InvariantViolation",
    "LocalProtocolError",
    "MissingAlgorithm",
    "Problem",
    "ProtocolError",
    "RemoteProtocolError",
    "ScenarioError",
    "StoredDataError",
    "TransportError",
    "YidiError",
    "sentence",
]


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """The error object of every edge: `{"code","at","sentence","limit"}`."""

    code: str
    at: str
    """A JSON path (`$.input.psn_no`), a byte offset, or `file:line:key`."""
    sentence: str
    limit: int | None = None


def sentence(code: ErrorCode, language: str = "en") -> str:
    """The registry's sentence for a code, `zh` or `en`."""
    entry = BY_CODE[code]
    return entry.zh if language == "zh" else entry.en


class YidiError(Exception):
    """Base of the errors that are reported by code; catch it only at an edge.

    `want` and `got` say what was expected and what came; `limit` names a bound.
    """

    def __init__(
        self,
        code: ErrorCode,
        *,
        at: str = "$",
        want: str = "",
        got: str = "",
        limit: int | None = None,
    ) -> None:
        self.code = code
        self.at = at
        self.want = want
        # Escaped where it must be, so that no input reaches a terminal or a log as a command.
        self.got = got[:64] if got.isprintable() else ascii(got[:64])[1:-1][:64]
        self.limit = limit
        super().__init__(self.text())

    def text(self, language: str = "en") -> str:
        """One line: code, place, sentence and facts, without any more of the input."""
        facts = [f"at={self.at}"] if self.at != "$" else []
        facts += [f"want={self.want}"] if self.want else []
        facts += [f"got={self.got}"] if self.got else []
        facts += [f"limit={self.limit}"] if self.limit is not None else []
        return " ".join([self.code, sentence(self.code, language), *facts])

    def problem(self, language: str = "en") -> Problem:
        """The error object for a JSON edge."""
        said = sentence(self.code, language)
        facts = ", ".join(
            f"{name} {value}" for name, value in (("want", self.want), ("got", self.got)) if value
        )
        return Problem(
            code=self.code,
            at=self.at,
            sentence=f"{said} ({facts})" if facts else said,
            limit=self.limit,
        )


class ProtocolError(YidiError):
    """A message breaks the protocol; the state of every node is untouched."""


class LocalProtocolError(ProtocolError):
    """We were about to send nonsense: a caller's mistake on our side of the wire."""


class RemoteProtocolError(ProtocolError):
    """The peer sent nonsense; the delivery is rejected and counted."""


class DecodeError(RemoteProtocolError):
    """The peer's bytes are not a document of the expected type; `at` names the place."""


class TransportError(YidiError):
    """An engine failed; what it carried may have arrived or not. Raised by engines only."""


class ConnectionLost(TransportError):
    """The connection broke, or could not be made; the engine keeps trying."""

    def __init__(self, *, at: str = "$", want: str = "", got: str = "") -> None:
        super().__init__(ErrorCode.E_CONNECTION, at=at, want=want, got=got)


class DeliveryTimeout(TransportError):
    """The engine did not confirm in time; the copy is sent again and may arrive twice."""

    def __init__(self, *, at: str = "$", want: str = "", got: str = "") -> None:
        super().__init__(ErrorCode.E_DELIVERY_TIMEOUT, at=at, want=want, got=got)


class ScenarioError(YidiError):
    """A scenario or policy file is wrong; the user's to mend. Exit code 2."""


class StoredDataError(YidiError):
    """Stored data is corrupt, locked, full or unwritable; exit code 4."""


class MissingAlgorithm(YidiError):
    """This machine cannot sign or verify as it is asked to; exit code 3. Nothing weaker is used."""

    def __init__(self, *, want: str, got: str) -> None:
        super().__init__(ErrorCode.E_ALGORITHM, want=want, got=got)


class InvariantViolation(AssertionError):
    """A rule of the world was broken: our bug, never caught below the runner."""

    def __init__(self, invariant: str, facts: str) -> None:
        self.invariant = invariant
        self.facts = facts
        super().__init__(f"{invariant}: {facts}")
