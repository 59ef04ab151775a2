"""The words of a scripted step as messages: who sends what to whom.

A `Story` is what a case has come to so far: visit, batches and their totals, the messages sent,
the fields of their answers. `request_of` makes a step's message from it; what the step does not
say is the natural choice (the batch of before, the whole bill, today).
"""

# ruff: noqa: ARG001 - the makers share one signature; not each needs all of it

from __future__ import annotations

from collections.abc import Callable

import msgspec

from yidi.protocol import messages as m
from yidi.protocol import transactions as t
from yidi.protocol.envelope import Envelope
from yidi.protocol.instants import HOUR, Instant, day_of, start_of_day
from yidi.protocol.messages_clearing import Adjustment
from yidi.protocol.money import parse_yuan
from yidi.scenarios.library.cases import Case, Fields, Item, Step
from yidi.scenarios.running.people import Insured
from yidi.scenarios.running.world import partition_key

_E4 = 10_000
PLAIN_ITEM = "001102000010000-110200001"
"""What a bill of one `amount` is made of."""
VISIT_LENGTH = 26
"""Characters of a visit number: the case's id where it is short enough."""


class Request(msgspec.Struct, frozen=True):
    """One message to send."""

    sender: str
    recipient: str
    transaction: str
    body: msgspec.Struct


def visit_of(case: Case) -> str:
    """The institution's number of a scripted case's visit."""
    return case.id[:VISIT_LENGTH]


class Story:
    """What a scripted case has come to so far."""

    def __init__(self, case: Case, person: Insured, treatment: str, at: Instant) -> None:
        self.case = case
        self.person = person
        self.treatment = treatment
        self.visit = visit_of(case)
        self.begin_at = at
        self.end_at = 0
        self.med_type = "11"
        self.batch = ""
        self.insured = person.region
        """As named at the counter."""
        self.disease = ""
        self.emergency = False
        self.account_used = False
        self.line_no = 0
        self.totals: dict[str, int] = {}
        """Batch → what its accepted fee lines come to, in fen."""
        self.sent: dict[str, Envelope] = {}
        """Step → the message it sent."""
        self.batches: dict[str, str] = {}
        """Step → the batch it was about."""
        self.fields: dict[str, dict[str, str]] = {}
        """Step → the fields of its answer."""
        self.words: dict[str, str] = {}
        """Step → its word."""

    @property
    def about(self) -> tuple[str, str, int, str]:
        """What origins of this case carry: regions, partition key, trace id."""
        first = next(iter(self.sent.values()), None)
        trace = first.origin.trace_id if first is not None else ""
        return self.treatment, self.insured, partition_key(self.person.household), trace

    def last(self, *words: str) -> str:
        """The last step so far of one of these words; empty when there is none."""
        return next((name for name in reversed(self.words) if self.words[name] in words), "")

    def note(self, fields: Fields) -> None:
        """Take over what a step says of the visit as a whole."""
        self.med_type = fields.med_type or self.med_type
        self.disease = fields.disease or self.disease
        self.insured = fields.claimed_region or self.insured
        if fields.emergency is not None:
            self.emergency = fields.emergency
        if fields.account_used is not None:
            self.account_used = fields.account_used
        if fields.serial is not None:
            self.batch = str(fields.serial)
        elif fields.batch is not None:
            self.batch = fields.batch
        elif not self.batch:
            self.batch = "0" if self.med_type[0] == "2" else "1"


def request_of(story: Story, step: Step, fields: Fields, now: Instant) -> Request:
    """The message of a step; `fields` are the step's own with references filled in."""
    story.note(fields)
    transaction, sender, recipient, body = _MAKERS[step.do](story, step, fields, now)
    return Request(sender, recipient, transaction, body)


_Made = tuple[str, str, str, msgspec.Struct]


def _counter(story: Story, transaction: str, body: msgspec.Struct) -> _Made:
    """From the case's institution to its region."""
    return (
        transaction, f"institution:{story.case.institution}", f"treatment:{story.treatment}", body,
    )  # fmt: skip


def _eligibility(story: Story, step: Step, fields: Fields, now: Instant) -> _Made:
    person = story.person
    body = m.EligibilityRequest(
        person_no=person.psn_no,
        certificate_no=person.certno,
        name=fields.claimed_name or person.name,
        begin=fields.day or day_of(now),
    )
    return _counter(story, t.ELIGIBILITY, body)


def _benefit_check(story: Story, step: Step, fields: Fields, now: Instant) -> _Made:
    body = m.BenefitCheckRequest(
        person_no=story.person.psn_no,
        insutype=story.person.insutype,
        institution=story.case.institution,
        med_type=story.med_type,
        begin=fields.day or day_of(now),
        disease=story.disease,
        emergency=story.emergency,
    )
    return _counter(story, t.BENEFIT_CHECK, body)


def _opening(story: Story, step: Step, fields: Fields, now: Instant) -> _Made:
    story.begin_at = _moment(fields.day, now)
    body = m.VisitOpening(
        visit=story.visit,
        person_no=story.person.psn_no,
        insured=story.insured,
        insutype=story.person.insutype,
        med_type=story.med_type,
        begin=story.begin_at,
        diagnosis=fields.diagnosis or "",
        emergency=story.emergency,
    )
    return _counter(story, t.ADMISSION if step.do == "admission" else t.REGISTRATION, body)


def _change(story: Story, step: Step, fields: Fields, now: Instant) -> _Made:
    end = 0
    if step.do == "discharge":
        end = story.end_at = _moment(fields.day, now)
    elif step.do == "discharge_cancellation":
        story.end_at = 0
    code = {
        "discharge": t.DISCHARGE,
        "discharge_cancellation": t.DISCHARGE_CANCELLATION,
        "admission_cancellation": t.ADMISSION_CANCELLATION,
    }[step.do]
    return _counter(
        story, code, m.VisitChange(visit=story.visit, person_no=story.person.psn_no, end=end)
    )


def _fees(story: Story, step: Step, fields: Fields, now: Instant) -> _Made:
    body = m.FeeUploadRequest(
        institution=story.case.institution,
        visit=story.visit,
        batch=story.batch,
        person_no=story.person.psn_no,
        insutype=story.person.insutype,
        med_type=story.med_type,
        lines=_lines(story, fields),
        disease=story.disease,
    )
    return _counter(story, t.family_code("fee_upload", story.med_type), body)


def _lines(story: Story, fields: Fields) -> list[m.FeeLine]:
    """The step's items; or one line of `amount`, split as the step says."""
    if fields.items:
        return [_line(story, item) for item in fields.items]
    total = parse_yuan(fields.amount)
    full = parse_yuan(fields.full_self_pay or "0")
    over = parse_yuan(fields.over_limit or "0")
    first = parse_yuan(fields.self_pay_first or "0")
    story.line_no += 1
    grade = "02" if first or over else "01"
    scope = total - full - over - first
    return [
        m.FeeLine(
            story.line_no, PLAIN_ITEM, _E4, total * _E4, total, full, over, first,
            scope, grade,
        )
    ]  # fmt: skip


def _line(story: Story, item: Item) -> m.FeeLine:
    story.line_no += 1
    return m.FeeLine(
        story.line_no, item.code, item.count * _E4, item.price_fen * _E4, item.total_fen
    )


def _claim(story: Story, step: Step, fields: Fields, now: Instant) -> _Made:
    total = parse_yuan(fields.amount) if fields.amount else story.totals.get(story.batch, 0)
    visited = _moment(fields.day, story.begin_at)
    body = m.SettlementRequest(
        institution=story.case.institution,
        visit=story.visit,
        batch=story.batch,
        person_no=story.person.psn_no,
        insutype=story.person.insutype,
        med_type=story.med_type,
        total_fen=total,
        begin=story.begin_at if story.med_type[0] == "2" else visited,
        end=(story.end_at or now) if story.med_type[0] == "2" else visited,
        account_used=story.account_used,
        emergency=story.emergency,
        disease=story.disease,
    )
    return _counter(story, t.family_code(step.do, story.med_type), body)


def _cancellation(story: Story, step: Step, fields: Fields, now: Instant) -> _Made:
    of = fields.original or story.last("settlement")
    body = m.CancellationRequest(
        institution=story.case.institution,
        visit=story.visit,
        batch=story.batches.get(of, story.batch),
        person_no=story.person.psn_no,
        settlement_id=story.fields.get(of, {}).get("setl_id", ""),
    )
    return _counter(story, t.family_code("cancellation", story.med_type), body)


def _reversal(story: Story, step: Step, fields: Fields, now: Instant) -> _Made:
    of = fields.original or story.last("settlement", "cancellation")
    original = story.sent.get(of)
    body = m.ReversalRequest(
        person_no=story.person.psn_no,
        original_message_id=original.origin.message_id if original else "",
        original_transaction=original.origin.transaction if original else t.OUTPATIENT_SETTLEMENT,
        total_fen=parse_yuan(fields.amount) if fields.amount else 0,
    )
    return _counter(story, t.REVERSAL, body)


def _query(story: Story, step: Step, fields: Fields, now: Instant) -> _Made:
    of = fields.original or story.last("settlement")
    body = m.StatusQuery(
        person_no=story.person.psn_no,
        visit=story.visit,
        settlement_id=story.fields.get(of, {}).get("setl_id", ""),
        batch=story.batches.get(of, story.batch),
    )
    return _counter(story, t.STATUS_QUERY, body)


def _filing(story: Story, step: Step, fields: Fields, now: Instant) -> _Made:
    person = story.person
    body = m.FilingRequest(
        person_no=person.psn_no,
        insutype=person.insutype,
        category=fields.category or "referral",
        area=fields.area or story.treatment,
        valid_from=fields.valid_from or day_of(now),
        valid_to=fields.valid_to or "",
        diagnosis=fields.diagnosis or "",
        # Where an operator decides later in the story, it was not filed on a commitment.
        commitment=not any(later.do == "filing_decision" for later in story.case.step),
    )
    home = f"insured:{person.region}"
    if step.do == "referral_filing":
        return t.REFERRAL_FILING, f"institution:H{person.region}00001", home, body
    return t.FILING, f"person:{person.psn_no}", home, body


def _filing_id(story: Story, fields: Fields) -> str:
    of = fields.original or story.last("filing", "referral_filing")
    return story.fields.get(of, {}).get("trt_dcla_detl_sn", "")


def _operator(story: Story, fields: Fields, region: str) -> str:
    return fields.by or f"operator:{region}"


def _decision(story: Story, step: Step, fields: Fields, now: Instant) -> _Made:
    body = m.FilingDecision(
        filing_id=_filing_id(story, fields),
        approve=fields.decision == "approve",
        reason=fields.reason or "",
    )
    region = story.person.region
    return t.FILING_DECISION, _operator(story, fields, region), f"insured:{region}", body


def _withdrawal(story: Story, step: Step, fields: Fields, now: Instant) -> _Made:
    person = story.person
    filing_id = _filing_id(story, fields)
    if not filing_id:
        held = story.fields.get(story.last("eligibility"), {})
        filing_id = held.get("trt_dcla_detl_sn", "")
    body = m.FilingWithdrawal(
        person_no=person.psn_no, filing_id=filing_id, from_day=fields.day or day_of(now)
    )
    return t.FILING_WITHDRAWAL, f"person:{person.psn_no}", f"insured:{person.region}", body


def _insurance(story: Story, step: Step, fields: Fields, now: Instant) -> _Made:
    person = story.person
    body = m.InsuranceStatus(
        person_no=person.psn_no,
        insutype=person.insutype,
        status="2" if step.do == "suspend_insurance" else "1",
        from_day=fields.day or day_of(now),
    )
    sender = _operator(story, fields, person.region)
    return t.INSURANCE_STATUS, sender, f"insured:{person.region}", body


def _adjustment(story: Story, step: Step, fields: Fields, now: Instant) -> _Made:
    of = fields.original or story.last("settlement")
    fen = parse_yuan(fields.amount)
    sender = _operator(story, fields, story.treatment)
    body = Adjustment(
        adjustment=f"J{story.treatment}-{story.visit}-{len(story.words)}",
        key=story.fields.get(of, {}).get("key", ""),
        amount_fen=-fen if fields.direction == "deduct" else fen,
        reason=fields.reason or "",
        operator=f"{sender}-1",
        second_operator=f"{sender}-2",
    )
    return t.ADJUSTMENT, sender, f"treatment:{story.treatment}", body


def _moment(day: str | None, otherwise: Instant | int) -> Instant:
    """Ten in the morning of a day that is named, else the instant given."""
    if day is None:
        return Instant(otherwise)
    return Instant(start_of_day(day) + 10 * HOUR)


_MAKERS: dict[str, Callable[[Story, Step, Fields, Instant], _Made]] = {
    "eligibility": _eligibility,
    "benefit_check": _benefit_check,
    "registration": _opening,
    "admission": _opening,
    "admission_cancellation": _change,
    "discharge": _change,
    "discharge_cancellation": _change,
    "fee_upload": _fees,
    "pre_settlement": _claim,
    "settlement": _claim,
    "cancellation": _cancellation,
    "reversal": _reversal,
    "status_query": _query,
    "filing": _filing,
    "referral_filing": _filing,
    "filing_decision": _decision,
    "filing_withdrawal": _withdrawal,
    "suspend_insurance": _insurance,
    "resume_insurance": _insurance,
    "adjustment": _adjustment,
}
