"""Which messages of a journal belong to which case.

Most say so themselves: they carry the case key, or the trace id that a visit's messages share.
The rest is told by its body: what an institution says of a visit before there is a key, a
person's filings, and the agencies' work on the batch that the case is cleared in. A first pass
over the journal learns the trace ids, filings and batches; the second asks.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from yidi.protocol import transactions as t
from yidi.protocol.bodies import open_body
from yidi.protocol.envelope import Envelope
from yidi.protocol.errors import DecodeError

OF_A_PERSON = frozenset({t.FILING, t.FILING_WITHDRAWAL, t.REFERRAL_FILING, t.FILING_UPLOAD,
                         t.INSURANCE_STATUS})  # fmt: skip
"""Requests that name a person and no visit: they open, or close, the way for the case."""
OF_A_FILING = frozenset({t.FILING_DECISION})
OF_A_VISIT = frozenset({t.REGISTRATION, t.REGISTRATION_CANCELLATION, t.ADMISSION, t.DISCHARGE,
                        t.ADMISSION_CANCELLATION, t.DISCHARGE_CANCELLATION, *t.FEE_UPLOADS,
                        *t.PRE_SETTLEMENTS, *t.SETTLEMENTS, *t.CANCELLATIONS,
                        t.STATUS_QUERY})  # fmt: skip
OF_THE_COUNTER = frozenset({t.ELIGIBILITY, t.BENEFIT_CHECK})
OF_CASES = frozenset({t.CLEARING_DETAIL, t.CLEARING_CLOSE, t.DAILY_DETAIL, t.ADJUSTMENT})
"""Agencies' requests that name cases by key."""
OF_A_BATCH = frozenset({t.CLEARING_TABLE, t.CLEARING_NOTICE, t.PAYMENT_FEEDBACK, t.FUND_TRANSFER})


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """One case to follow; what is not known is empty and learned from the journal."""

    name: str
    """What it was asked for by."""
    case_id: str = ""
    keys: tuple[str, ...] = ()
    traces: tuple[str, ...] = ()
    person_no: str = ""
    institution: str = ""
    visit: str = ""
    treatment: str = ""
    insured: str = ""
    hub: str = ""


class Matcher:
    """Tells the cases that a message belongs to, by their index in `selections`."""

    def __init__(self, selections: Sequence[Selection]) -> None:
        self.selections = list(selections)
        self._by_key: dict[str, int] = {}
        self._by_trace: dict[str, list[int]] = {}
        self._by_person: dict[str, list[int]] = {}
        self._by_visit: dict[tuple[str, str], int] = {}
        self._by_filing: dict[str, list[int]] = {}
        self._by_batch: dict[str, list[int]] = {}
        self._agency_ids: dict[str, list[int]] = {}
        """Message ids of agencies' requests that belong to cases, for their answers."""
        self._asked: set[str] = set()
        """Insured regions that were asked on the way of a case."""
        for index, one in enumerate(self.selections):
            for key in one.keys:
                self._by_key[key] = index
            for trace in one.traces:
                self._by_trace.setdefault(trace, []).append(index)
            if one.person_no:
                self._by_person.setdefault(one.person_no, []).append(index)
            if one.visit:
                self._by_visit[one.institution, one.visit] = index

    def addresses(self) -> frozenset[str]:
        """The regions of all cases, whose outputs are worth folding for.

        One that was asked by mistake is among them.
        """
        regions = [f"treatment:{one.treatment}" for one in self.selections if one.treatment]
        regions += [f"insured:{one.insured}" for one in self.selections if one.insured]
        return frozenset(self._asked.union(regions))

    def learn(self, envelope: Envelope | None) -> None:
        """Take from one message whatever makes others recognisable."""
        if envelope is None:
            return
        origin = envelope.origin
        found = self._named(envelope)
        for index in found:
            self._note(index, envelope)
        if not found and origin.case_key == "" and origin.trace_id in self._by_trace:
            for index in self._by_trace[origin.trace_id]:
                self._note(index, envelope)

    def of(self, envelope: Envelope) -> list[int]:
        """The cases that a message belongs to."""
        origin = envelope.origin
        index = self._by_key.get(origin.case_key)
        if index is not None:
            return [index]
        if origin.trace_id in self._by_trace:
            return self._by_trace[origin.trace_id]
        if origin.correlation_id in self._agency_ids:
            return self._agency_ids[origin.correlation_id]
        return self._named(envelope)

    def _named(self, envelope: Envelope) -> list[int]:
        """The cases that a message names, by key or in its body."""
        origin = envelope.origin
        index = self._by_key.get(origin.case_key)
        if index is not None:
            return [index]
        transaction = origin.transaction
        if origin.kind != t.Kind.REQUEST:
            return []
        if transaction in OF_A_VISIT or transaction in OF_THE_COUNTER:
            if origin.sender.startswith("institution:"):
                return self._of_visit(envelope)
        elif transaction in OF_A_PERSON:
            return self._by_person.get(_text(_body(envelope), "person_no"), [])
        elif transaction in OF_A_FILING:
            return self._by_filing.get(_text(_body(envelope), "filing_id"), [])
        elif transaction in OF_CASES or transaction in OF_A_BATCH:
            return self._of_agencies(envelope)
        return []

    def _of_visit(self, envelope: Envelope) -> list[int]:
        institution = envelope.origin.sender.partition(":")[2]
        counter = envelope.origin.transaction in OF_THE_COUNTER
        found: list[int] = []
        for index, one in enumerate(self.selections):
            needle = one.person_no if counter else one.visit
            if one.institution != institution or not needle:
                continue
            if needle.encode() in envelope.body:
                name = "person_no" if counter else "visit"
                if _text(_body(envelope), name) == needle:
                    found.append(index)
        return found

    def _of_agencies(self, envelope: Envelope) -> list[int]:
        body = _body(envelope)
        keys: list[str] = [*getattr(body, "keys", ()), _text(body, "key")]
        found = {self._by_key[key]: True for key in keys if key in self._by_key}
        names = [_text(body, name) for name in ("batch", "reference", "notice")]
        for name in names:
            found |= dict.fromkeys(self._by_batch.get(name, ()), True)
        return sorted(found)

    def _note(self, index: int, envelope: Envelope) -> None:
        """Remember a message of a case by what its relatives share with it."""
        origin, body = envelope.origin, None
        transaction = origin.transaction
        if transaction in OF_CASES or transaction in OF_A_BATCH:
            body = _body(envelope)
            self._agency_ids.setdefault(origin.message_id, [])
            _add(self._agency_ids, origin.message_id, index)
            if transaction != t.DAILY_DETAIL:
                for name in ("batch", "notice"):
                    _add(self._by_batch, _text(body, name), index)
            return
        if transaction in OF_A_PERSON and origin.kind == t.Kind.RESULT:
            _add(self._by_filing, _text(_body(envelope), "filing_id"), index)
        _add(self._by_trace, origin.trace_id, index)
        if origin.insured:
            self._asked.add(f"insured:{origin.insured}")
        self.selections[index] = _grown(self.selections[index], envelope)


def _grown(one: Selection, envelope: Envelope) -> Selection:
    """A selection with the trace of a message, and what it tells of what was not known."""
    origin = envelope.origin
    known = origin.trace_id in one.traces
    if known and all((one.treatment, one.insured, one.hub, one.person_no, one.institution)):
        return one
    role, _, code = origin.sender.partition(":")
    at_counter = role == "institution" and origin.kind == t.Kind.REQUEST
    hub = next((hop for hop in _ends(envelope) if hop.startswith("hub:") and not one.hub), one.hub)
    return msgspec.structs.replace(
        one,
        traces=one.traces if known else (*one.traces, origin.trace_id),
        treatment=one.treatment or origin.treatment,
        insured=one.insured or origin.insured,
        institution=one.institution or (code if at_counter else ""),
        person_no=one.person_no or (_text(_body(envelope), "person_no") if at_counter else ""),
        hub=hub,
    )


def _ends(envelope: Envelope) -> tuple[str, ...]:
    link = envelope.link
    return (link.sender, link.recipient) if link is not None else ()


def _add(index_of: dict[str, list[int]], name: str, index: int) -> None:
    if name:
        found = index_of.setdefault(name, [])
        if index not in found:
            found.append(index)


def _body(envelope: Envelope) -> msgspec.Struct | None:
    try:
        return open_body(envelope)
    except DecodeError:
        return None


def _text(body: msgspec.Struct | None, name: str) -> str:
    value = getattr(body, name, "")
    return value if isinstance(value, str) else ""
