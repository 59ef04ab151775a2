"""What bytes that decode can still get wrong, where somebody outside speaks to a node.

Institutions, persons and operators are outside; nodes trust what another node has checked. So a
key that stands in paths and topics, a region, a day and an identity number are looked at once,
at the edge, and relaying stays as cheap as it was. Amounts that must add up are checked where
they are booked (`check_split`, `split_lines`). Source: bad-input W18 to W21.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from operator import attrgetter

import msgspec

from yidi.protocol import messages as m
from yidi.protocol import messages_institution as i
from yidi.protocol.bodies import body_type
from yidi.protocol.envelope import Origin
from yidi.protocol.identifiers import check_key
from yidi.protocol.identity import check_identity
from yidi.protocol.instants import Instant, day_of, parse_date
from yidi.protocol.regions import PROVINCES, check_region
from yidi.protocol.transactions import TRANSACTIONS, Kind

EDGE_ROLES = ("institution:", "person:", "operator:")
"""How the address of somebody outside begins; `str.startswith` takes the tuple."""

IDENTITY_CARD = "02"
"""`mdtrt_cert_type`: the certificate is an identity number."""

Check = Callable[[str, str], object]

_KEYS = frozenset(
    "visit batch settlement_id original_message_id filing_id file_no application reference".split()
)
_REGIONS = frozenset({"insured", "area"})
_DAY_LENGTH = 10
_A_KEY = "[0-9A-Za-z]{1,30}"
"""Letters and digits; what else a key may hold takes the longer look."""
_A_REGION = f"(?:{'|'.join(sorted({code[:2] for code in PROVINCES}))})[0-9]{{4}}"
_FORMS: dict[Callable[[str, str], object], str] = {
    check_key: _A_KEY,
    check_region: _A_REGION,
    parse_date: "",
}
"""The plain form of what a check accepts; of a day only that there is none."""
# A stay settled once has no interim serial, what was never settled no settlement id.
_NEVER_EMPTY = {
    (m.ReversalRequest, "original_message_id"),
    (m.VisitOpening, "visit"),
    (m.FeeUploadRequest, "visit"),
    (m.SettlementRequest, "visit"),
    (i.VisitDiagnosis, "visit"),
    (i.StayChange, "visit"),
    (i.FeeWithdrawal, "visit"),
    (i.SettlementList, "visit"),
    (i.FileQuery, "file_no"),
    (i.DetailReconciliation, "file_no"),
    (i.ClearingApplicationWithdrawal, "application"),
    (i.ClearingAllocationRollback, "reference"),
    (m.FilingWithdrawal, "from_day"),
    (m.InsuranceStatus, "from_day"),
}


def check_request(origin: Origin, body: msgspec.Struct, now: Instant) -> None:
    """Check a request from outside beyond its form.

    Raises:
        RemoteProtocolError: `E_KEY_FORMAT`, `E_REGION`, `E_DATE` or `E_IDCARD`, with the native
            path in `at`.
    """
    plain = _PLAIN.get(type(body))
    if plain is not None and plain.accepts(origin, body):
        return
    check_key(origin.message_id, "$.message_id")
    if origin.case_key:
        check_key(origin.case_key, "$.case_key")
    if origin.treatment:
        check_region(origin.treatment, "$.treatment")
    if origin.insured:
        check_region(origin.insured, "$.insured")
    check_body(body, now)


def check_body(body: msgspec.Struct, now: Instant) -> None:
    """Check the keys, regions, days and the identity number of a request's body.

    A field that is optional and empty is not looked at.

    Raises:
        RemoteProtocolError: as `check_request`.
    """
    for name, at, check, required in _CHECKS.get(type(body), ()):
        value = getattr(body, name)
        if value or required:
            check(value, at)
    if (
        isinstance(body, m.EligibilityRequest)
        and body.certificate_type == IDENTITY_CARD
        and body.certificate_no
    ):
        check_identity(body.certificate_no, day_of(now), "$.certificate_no")


class _Plain:
    """One look at all that `check_request` would check one by one, for nearly every request.

    What this accepts needs no second look; what it does not is looked at field by field, which
    also finds the sentence. So it may be stricter than the checks, never more lenient.
    """

    def __init__(self, checks: tuple[tuple[str, str, Check, bool], ...]) -> None:
        names = [name for name, *_ in checks]
        forms = [
            _FORMS[check] if required else f"(?:{_FORMS[check]})?"
            for _, _, check, required in checks
        ]
        self._of_origin = attrgetter("message_id", "case_key", "treatment", "insured")
        # The last one twice: asked for two names or more, an attrgetter gives a tuple.
        self._of_body = attrgetter(*names, names[-1])
        optional = [f"(?:{form})?" for form in (_A_KEY, _A_REGION, _A_REGION)]
        self._matches = re.compile("/".join([_A_KEY, *optional, *forms, forms[-1]])).fullmatch

    def accepts(self, origin: Origin, body: msgspec.Struct) -> bool:
        """Whether every field has its plain form."""
        return self._matches("/".join(self._of_origin(origin) + self._of_body(body))) is not None


def _checks_of(native: type[msgspec.Struct]) -> tuple[tuple[str, str, Check, bool], ...]:
    """Per field to look at: name, path, check, and whether an empty value is checked too."""
    info = msgspec.inspect.type_info(native)
    assert isinstance(info, msgspec.inspect.StructType)
    found: list[tuple[str, str, Check, bool]] = []
    for field in info.fields:
        at = f"$.{field.name}"
        if field.name in _KEYS:
            found.append((field.name, at, check_key, (native, field.name) in _NEVER_EMPTY))
        elif field.name in _REGIONS:
            found.append((field.name, at, check_region, field.required))
        elif isinstance(field.type, msgspec.inspect.StrType) and (
            field.type.max_length == _DAY_LENGTH
        ):
            found.append((field.name, at, parse_date, (native, field.name) in _NEVER_EMPTY))
    return tuple(found)


_CHECKS = {
    native: _checks_of(native)
    for native in (body_type(row.code, Kind.REQUEST) for row in TRANSACTIONS)
    if native.__module__ in (m.__name__, i.__name__)
}

_PLAIN = {
    native: _Plain(checks)
    for native, checks in _CHECKS.items()
    if checks and not any(check is parse_date and required for _, _, check, required in checks)
}
_PLAIN[m.EligibilityRequest] = _Plain(
    (*_CHECKS[m.EligibilityRequest], ("certificate_no", "", parse_date, False))
)
"""A person asked for by number; an identity number has no plain form."""
