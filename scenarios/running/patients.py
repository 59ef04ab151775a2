"""A patient of a flow: one visit, step by step through the counters.

A visit knows only what it needs for its next message. Refused for good, the patient pays in
full and claims on paper (`ManualRow`). When the outcome of a settlement or cancellation is
unknown the counter asks (5203), with doubling pauses, and at last reverses (2601) naming the
original message: it never makes a new id for the same thing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from yidi.protocol import transactions as t
from yidi.protocol.codec import encode
from yidi.protocol.envelope import Envelope
from yidi.protocol.error_codes import is_refusal
from yidi.protocol.errors import ErrorCode
from yidi.protocol.instants import DAY, HOUR, MINUTE, SECOND, Instant, day_of
from yidi.protocol.messages import (
    CancellationRequest,
    EligibilityRequest,
    FeeLine,
    FeeUploadRequest,
    Rejection,
    ReversalRequest,
    SettlementRequest,
    SettlementResult,
    StatusQuery,
    StatusResult,
    VisitChange,
    VisitOpening,
)
from yidi.scenarios.running.bills import fee_lines
from yidi.scenarios.running.institutions import med_type_of
from yidi.scenarios.running.streams import below, between
from yidi.scenarios.running.world import partition_key

if TYPE_CHECKING:
    from yidi.scenarios.running.flows import FlowRun

ASK_AGAIN = MINUTE
"""After an unknown outcome."""
QUERIES_MAX = 6
"""Queries before a client reverses: about an hour of doubt, with doubling pauses."""
STAY_DAYS = (2, 8)
_BASIS = 10_000

_rejection = msgspec.msgpack.Decoder(Rejection).decode
_settlement = msgspec.msgpack.Decoder(SettlementResult).decode
_status = msgspec.msgpack.Decoder(StatusResult).decode


Step = tuple[int, "Callable[[Visit, Instant], None]"]
"""A pause in microseconds, and what is sent after it."""


class ManualRow(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who paid in full and claims on paper: a row of manual.jsonl."""

    institution: str
    visit: str
    psn_no: str
    treatment: str
    insured: str
    med_type: str
    total_fen: int
    day: str
    reason: str
    """Error code, or `pay_in_full` where the story has it so."""
    case_id: str = ""
    flow: str = ""


class Visit:
    """One patient: a list of steps, each an exchange, with a pause before each."""

    __slots__ = (
        "about", "account_used", "batches", "begin_at", "cancels", "disease", "effect", "emergency",
        "end_at", "flow", "med_type", "number", "parties", "person", "place", "queries",
        "scheduled", "settlement_id", "steps", "total_fen",
    )  # fmt: skip

    def __init__(self, flow: FlowRun, number: str, now: Instant) -> None:
        spec, stream = flow.flow, flow.stream
        self.flow = flow
        self.number = number
        self.person = person = flow.patient()
        level = flow.levels.draw(stream)
        places = flow.places[level]
        self.place = places[below(stream, len(places))].code
        self.emergency = person.category == "emergency"
        self.med_type = med_type_of(spec, self.emergency)
        self.disease = person.chronic[0] if self.med_type == "14" else ""
        bill = flow.bills.draw(stream)
        share = between(stream, *spec.in_scope_bp)
        self.account_used = below(stream, _BASIS) < spec.account_bp
        self.cancels = below(stream, _BASIS) < spec.cancel_bp
        days = between(stream, *STAY_DAYS)
        count = between(stream, *spec.items)
        is_stay = self.med_type[0] == "2"
        self.batches = _batches(stream.getrandbits, (count, bill, share), days if is_stay else 1)
        self.total_fen = sum(line.amount_fen for batch in self.batches for line in batch)
        self.scheduled = now
        """When the patient should have come, whenever somebody had time to let them in."""
        self.begin_at = now
        self.end_at = now
        self.settlement_id = ""
        self.effect: Envelope | None = None
        """The settlement or cancellation sent last: what a query or reversal is about."""
        self.queries = 0
        self.parties = (f"institution:{self.place}", f"treatment:{spec.to}")
        self.about = (spec.to, spec.from_, partition_key(person.household), "")
        self.steps = _program(self.med_type, days)
        if not flow.pauses:
            self.steps = [(0, step) for _, step in self.steps]

    # ------------------------------------------------------------------ steps

    def begin(self, now: Instant) -> None:
        """The first step, at once."""
        self.steps[0][1](self, now)

    def woken(self, now: Instant) -> None:
        """The pause is over."""
        self.steps[0][1](self, now)

    def answered(self, envelope: Envelope, now: Instant) -> None:
        """Go on, or find another way."""
        origin = envelope.origin
        if origin.kind == 1:
            if origin.transaction in _NOTED:
                _NOTED[origin.transaction](self, envelope, now)
                return
            self.advance(now)
            return
        code = _rejection(envelope.body).code
        if origin.transaction == t.STATUS_QUERY:
            self.ask_later(now)
        elif code == ErrorCode.E_BUSY:
            self.try_again(code, now)
        elif is_refusal(code):
            if origin.transaction in t.CANCELLATIONS:
                self.close()
            else:
                self.pay_in_full(code, now)
        elif origin.transaction in t.REVERSIBLE:
            self.ask_later(now)
        else:
            self.try_again(code, now)

    def unanswered(self, message_id: str, now: Instant) -> None:
        """The region is out of reach for hours."""
        self.pay_in_full(ErrorCode.E_TIMEOUT, now)

    def repeats(self, message_id: str) -> bool:
        """Always."""
        return True

    def advance(self, now: Instant) -> None:
        """The next step after its pause."""
        del self.steps[0]
        if not self.steps:
            self.close()
            return
        pause = self.steps[0][0]
        if pause:
            self.flow.clients.wake(self, now + pause)
        else:
            self.woken(now)

    def try_again(self, code: str, now: Instant) -> None:
        """No definite answer, and nothing that money hangs on: the step once more, a few times."""
        self.queries += 1
        if self.queries > QUERIES_MAX:
            self.pay_in_full(code, now)
            return
        self.flow.clients.wake(self, now + ASK_AGAIN)

    # ------------------------------------------------------------------ doubt

    def ask_later(self, now: Instant) -> None:
        """The outcome is unknown: ask after a pause, each twice as long as the one before."""
        self.queries += 1
        step = _query if self.queries <= QUERIES_MAX else _reverse
        if self.steps[0][1] in (_query, _reverse):
            self.steps[0] = (0, step)
        else:
            self.steps.insert(0, (0, step))
        self.flow.clients.wake(self, now + (ASK_AGAIN << min(self.queries - 1, 5)))

    def pay_in_full(self, code: str, now: Instant) -> None:
        """No direct settlement: the patient pays, and claims on paper."""
        flow, counts = self.flow, self.flow.counts
        counts.manual += 1
        counts.reasons[code] = counts.reasons.get(code, 0) + 1
        flow.manual.append(
            ManualRow(
                institution=self.place, visit=self.number, psn_no=self.person.psn_no,
                treatment=flow.flow.to, insured=flow.flow.from_, med_type=self.med_type,
                total_fen=self.total_fen, day=day_of(now), reason=code, flow=flow.flow.name,
            )
        )  # fmt: skip
        self.close()

    def close(self) -> None:
        """Go home."""
        self.steps = []
        self.flow.open_visits -= 1

    def ask(self, transaction: str, body: msgspec.Struct, now: Instant) -> Envelope:
        """Send a request to the treatment region."""
        return self.flow.clients.ask(
            self, self.parties, transaction, encode(body), now, self.about
        )  # fmt: skip

    def claim(self) -> SettlementRequest:
        """The body of pre-settlement and settlement alike."""
        return SettlementRequest(
            institution=self.place,
            visit=self.number,
            batch="1",
            person_no=self.person.psn_no,
            insutype=self.person.insutype,
            med_type=self.med_type,
            total_fen=self.total_fen,
            begin=self.begin_at,
            end=self.end_at,
            account_used=self.account_used,
            emergency=self.emergency,
            disease=self.disease,
        )


def _batches(
    bits: Callable[[int], int], spec: tuple[int, int, int], parts: int
) -> list[list[FeeLine]]:
    """The bill's lines, in as many uploads as there are days, largest first day."""
    count, bill, share = spec
    out_fen = bill * (_BASIS - share) // _BASIS
    lines = fee_lines(bits, count, bill, out_fen)
    size = -(-len(lines) // parts)
    return [lines[start : start + size] for start in range(0, len(lines), size)]


# --- Steps: each sends one message ---------------------------------------------------------------


def _ask_eligibility(visit: Visit, now: Instant) -> None:
    person = visit.person
    body = EligibilityRequest(
        person_no=person.psn_no, certificate_no=person.certno, name=person.name
    )
    visit.ask(t.ELIGIBILITY, body, now)


def _admit(visit: Visit, now: Instant) -> None:
    visit.begin_at = now
    body = VisitOpening(
        visit=visit.number, person_no=visit.person.psn_no, insured=visit.flow.flow.from_,
        insutype=visit.person.insutype, med_type=visit.med_type, begin=now,
        emergency=visit.emergency,
    )  # fmt: skip
    visit.ask(t.ADMISSION, body, now)


def _upload(visit: Visit, now: Instant) -> None:
    if not visit.batches:
        visit.advance(now)
        return
    code = t.INPATIENT_FEES if visit.med_type[0] == "2" else t.OUTPATIENT_FEES
    body = FeeUploadRequest(
        institution=visit.place,
        visit=visit.number,
        batch="1",
        person_no=visit.person.psn_no,
        insutype=visit.person.insutype,
        med_type=visit.med_type,
        lines=visit.batches[0],
        disease=visit.disease,
    )
    visit.ask(code, body, now)


def _discharge(visit: Visit, now: Instant) -> None:
    visit.end_at = now
    body = VisitChange(visit=visit.number, person_no=visit.person.psn_no, end=now)
    visit.ask(t.DISCHARGE, body, now)


def _pre_settle(visit: Visit, now: Instant) -> None:
    visit.ask(t.family_code("pre_settlement", visit.med_type), visit.claim(), now)


def _settle(visit: Visit, now: Instant) -> None:
    if visit.effect is not None:
        visit.flow.clients.send(visit, visit.effect, now)  # the same message, never a fresh id
        return
    visit.effect = visit.ask(t.family_code("settlement", visit.med_type), visit.claim(), now)


def _cancel(visit: Visit, now: Instant) -> None:
    body = CancellationRequest(
        institution=visit.place, visit=visit.number, batch="1", person_no=visit.person.psn_no,
        settlement_id=visit.settlement_id,
    )  # fmt: skip
    visit.effect = visit.ask(t.family_code("cancellation", visit.med_type), body, now)


def _query(visit: Visit, now: Instant) -> None:
    body = StatusQuery(person_no=visit.person.psn_no, visit=visit.number, batch="1")
    visit.ask(t.STATUS_QUERY, body, now)


def _reverse(visit: Visit, now: Instant) -> None:
    assert visit.effect is not None
    body = ReversalRequest(
        person_no=visit.person.psn_no,
        original_message_id=visit.effect.origin.message_id,
        original_transaction=visit.effect.origin.transaction,
    )
    visit.ask(t.REVERSAL, body, now)


# --- What a visit notes of an answer -------------------------------------------------------------


def _note_fees(visit: Visit, envelope: Envelope, now: Instant) -> None:  # noqa: ARG001
    del visit.batches[0]
    visit.advance(now)


def _note_settlement(visit: Visit, envelope: Envelope, now: Instant) -> None:
    visit.flow.counts.settled += 1
    if not visit.cancels:
        visit.close()
        return
    visit.settlement_id = _settlement(envelope.body).settlement_id
    visit.steps = [visit.steps[0], (DAY if visit.flow.pauses else 0, _cancel)]
    visit.advance(now)


def _note_cancellation(visit: Visit, envelope: Envelope, now: Instant) -> None:  # noqa: ARG001
    visit.flow.counts.cancelled += 1
    visit.close()


def _note_status(visit: Visit, envelope: Envelope, now: Instant) -> None:
    status = _status(envelope.body)
    if visit.settlement_id:  # a cancellation was in doubt
        visit.flow.counts.cancelled += status.state == "REVERSED"
        visit.close()
    elif status.state in ("SETTLED", "CLEARED"):
        visit.flow.counts.settled += 1
        visit.close()
    elif status.state in ("", "REJECTED", "REVERSED"):
        visit.pay_in_full(ErrorCode.E_TIMEOUT, now)
    else:
        visit.ask_later(now)


def _note_reversal(visit: Visit, envelope: Envelope, now: Instant) -> None:  # noqa: ARG001
    if visit.settlement_id:
        visit.close()
    else:
        visit.pay_in_full(ErrorCode.E_TIMEOUT, now)


_NOTED = {
    **dict.fromkeys(t.FEE_UPLOADS, _note_fees),
    **dict.fromkeys(t.SETTLEMENTS, _note_settlement),
    **dict.fromkeys(t.CANCELLATIONS, _note_cancellation),
    t.STATUS_QUERY: _note_status,
    t.REVERSAL: _note_reversal,
}


def _program(med_type: str, days: int) -> list[Step]:
    """Pauses and steps of a visit: the counter's, or those of a stay of some days."""
    ending: list[Step] = [(MINUTE, _pre_settle), (30 * SECOND, _settle)]
    if med_type[0] != "2":
        return [(0, _ask_eligibility), (4 * MINUTE, _upload), *ending]
    return [
        (0, _ask_eligibility),
        (10 * MINUTE, _admit),
        *((DAY if number else HOUR, _upload) for number in range(days)),
        (20 * HOUR, _discharge),
        *ending,
    ]
