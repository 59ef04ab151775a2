"""The insured region (参保地): decides how much is paid, and is the first to book it.

参保地政策: eligibility, filing, accumulators, deductible, ratio and caps are its business; the
treatment region sees the computed amounts only. A settlement is an effect: by its case key it
takes effect at most once, and whoever repeats it gets the first answer's body again. A reversal
that comes first leaves a tombstone, so that its late original is refused.

Path of a settlement here: `_on_settlement` → seen before? → `_computed` → book, post, answer.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from sys import intern

import msgspec

from yidi.nodes.base import Node
from yidi.nodes.benefit import Claim, YearToDate, accumulator_change, compute
from yidi.nodes.catalogue import LineProblem, check_lines
from yidi.nodes.claim import Split
from yidi.nodes.filing import Attendance, counting
from yidi.nodes.filing_desk import FilingDesk
from yidi.nodes.insured_questions import Questions
from yidi.nodes.insured_state import InsuredConfig, InsuredState, Person
from yidi.nodes.insured_undo import Undo
from yidi.nodes.ledger import PostingKind, settlement_legs
from yidi.nodes.lifecycle import NEW, PRESETTLED, REJECTED, REVERSED, SETTLED, Case, advance, may
from yidi.nodes.policy import PolicyBook
from yidi.nodes.region_books import RegionBooks, stamped_by
from yidi.nodes.visits import Unit, runs_of, unit_key
from yidi.protocol import transactions as t
from yidi.protocol.codec import encode
from yidi.protocol.envelope import Envelope
from yidi.protocol.errors import ErrorCode
from yidi.protocol.instants import Instant, day_of
from yidi.protocol.messages import (
    FeeUploadRequest,
    FeeUploadResult,
    FundPay,
    SettlementRequest,
    SettlementResult,
)

__all__ = ["InsuredConfig", "InsuredRegion", "InsuredState", "Person"]

COMPUTATIONS_MAX = 10_000
"""Pre-settlements whose computation is kept for the settlement that mostly follows."""


class Computed(msgspec.Struct, frozen=True, gc=False):
    """What a claim comes to, and what it would change.

    The same request for the same person comes to the same (INV-16): it is not computed twice.
    """

    request: bytes
    treatment: str
    basis: bytes
    """The person as it was: year, balance, filings, status."""
    result: SettlementResult
    answer: bytes
    """The result as the patient is told it; a settlement's id comes later."""
    change: YearToDate
    year: str
    told: bool = False
    """Somebody else's answer: booked as it is, with the settlement id it came with."""


class InsuredRegion(Node[InsuredState]):
    """An insured region as a sans-IO machine."""

    role = "insured"
    state_type = InsuredState

    def __init__(
        self, config: InsuredConfig, book: PolicyBook, state: InsuredState | None = None
    ) -> None:
        super().__init__(f"insured:{config.code}", state or InsuredState())
        self.config = config
        self.book = book
        self.books = RegionBooks(self, self.state.cases, self.state.books, "insured")
        self._computations: dict[str, Computed] = {}
        """By case key, the pre-settlement's: the same claim need not be computed twice."""
        self.desk = FilingDesk(self)
        self.undo = Undo(self)
        self.questions = Questions(self)
        self.decide: Callable[[Envelope, SettlementRequest], Computed | ErrorCode] = self._computed
        """What a claim comes to; observed nodes put the answer of somebody's own in its place."""
        for transaction in t.FEE_UPLOADS:
            self.requests[transaction] = self._on_fees
        for transaction in t.PRE_SETTLEMENTS:
            self.requests[transaction] = self._on_pre_settlement
        for transaction in t.SETTLEMENTS:
            self.requests[transaction] = self._on_settlement

    # ------------------------------------------------------------- for its parts

    def say(self, envelope: Envelope, body: bytes, now: Instant) -> list[Envelope]:
        """Answer a repeatable and save the answer for its message id."""
        origin, link = envelope.origin, envelope.link
        assert link is not None
        self.remember(origin.message_id, envelope.body, 1, body)
        return [self.answered(origin, link.sender, body, now)]

    def on_referral_list(self, insutype: str, diagnosis: str, day: str) -> bool:
        """Whether a referral for this diagnosis may be filed; no list means any may."""
        policy = self.book.find(self.config.policy_region, insutype, day or "9999-12-31")
        if policy is None or not policy.referral_list:
            return True
        return diagnosis.startswith(policy.referral_list)

    # ------------------------------------------------------------- fee lines

    def _on_fees(self, envelope: Envelope, body: FeeUploadRequest, now: Instant) -> list[Envelope]:
        if (again := self.first_answer(envelope, now)) is not None:
            return again
        if body.person_no not in self.state.persons:
            return self.refuse(envelope, ErrorCode.E_PERSON_UNKNOWN, now)
        sums = check_lines(body.lines)
        if isinstance(sums, LineProblem):
            return self.refuse(envelope, sums.code, now, at=sums.at)
        place = unit_key(body.institution, body.visit, body.batch)
        if place in self.state.live_units:
            return self.refuse(envelope, ErrorCode.E_ALREADY_SETTLED, now)
        unit = self.state.units.get(place)
        numbers = runs_of(body.lines)
        novel: bool | None = True
        if unit is not None and numbers is not None:
            novel = unit.novelty(body.lines, numbers)
        if numbers is None or novel is None:
            return self.refuse(envelope, ErrorCode.E_KEY_REUSED, now)
        # From here the operation succeeds.
        if unit is None:
            unit = self.state.units[place] = Unit()
        if novel:
            unit.add(envelope.body, numbers, sums)
        result = FeeUploadResult(
            visit=body.visit,
            batch=body.batch,
            count=unit.count,
            total_fen=unit.total_fen,
            full_self_fen=unit.full_self_fen,
            over_limit_fen=unit.over_limit_fen,
            prepay_fen=unit.prepay_fen,
            in_scope_fen=unit.in_scope_fen,
        )
        return self.say(envelope, encode(result), now)

    # ------------------------------------------------------------- settlement

    def _on_pre_settlement(
        self, envelope: Envelope, body: SettlementRequest, now: Instant
    ) -> list[Envelope]:
        """Compute and remember what the patient is told; nothing moves."""
        if (again := self.first_answer(envelope, now)) is not None:
            return again
        case = self._case(envelope, body)
        if not may("insured", case, PRESETTLED):
            return self.refuse(envelope, _closed(case), now)
        computed = self.decide(envelope, body)
        if isinstance(computed, ErrorCode):
            return self._reject(envelope, case, computed, now)
        # From here the operation succeeds.
        self.state.cases[case.key] = case
        advance("insured", case, PRESETTLED)
        case.pre_answer = computed.answer
        if len(self._computations) >= COMPUTATIONS_MAX:
            self._computations.clear()
        self._computations[case.key] = computed
        return self.say(envelope, computed.answer, now)

    def _on_settlement(
        self, envelope: Envelope, body: SettlementRequest, now: Instant
    ) -> list[Envelope]:
        """Seen before → the same answer; else compute, book, post and answer."""
        digest = sha256(envelope.body).digest()[:16]
        case = self._case(envelope, body)
        if case.request_digest:
            return self._settled_before(envelope, case, digest, now)
        if envelope.origin.message_id in self.state.tombstones:
            return self.refuse(envelope, ErrorCode.E_REVERSED, now)
        if not may("insured", case, SETTLED) or case.state == REVERSED:
            return self.refuse(envelope, _closed(case), now)
        place = unit_key(body.institution, body.visit, body.batch)
        if place in self.state.live_units:
            return self._reject(envelope, case, ErrorCode.E_ALREADY_SETTLED, now, digest)
        computed = self.decide(envelope, body)
        if isinstance(computed, ErrorCode):
            return self._reject(envelope, case, computed, now, digest)
        # From here the operation succeeds.
        self.state.cases[case.key] = case
        case.request_digest = digest
        case.settle_message_id = envelope.origin.message_id
        result = self._final(case, computed)
        self._book(envelope, case, result, computed)
        link = envelope.link
        assert link is not None
        return [self.answered(envelope.origin, link.sender, case.answer, now)]

    def _settled_before(
        self, envelope: Envelope, case: Case, digest: bytes, now: Instant
    ) -> list[Envelope]:
        """The key has had its settlement: the first answer's body again, or a refusal."""
        if case.request_digest != digest:
            return self.refuse(envelope, ErrorCode.E_KEY_REUSED, now)
        if case.state == REJECTED:
            return self.refuse(envelope, ErrorCode(case.reason), now)
        link = envelope.link
        assert link is not None
        return [self.answered(envelope.origin, link.sender, case.answer, now)]

    def _case(self, envelope: Envelope, body: SettlementRequest) -> Case:
        """The case of the origin's key; a new one is not kept before the checks are done."""
        origin = envelope.origin
        case = self.state.cases.get(origin.case_key)
        if case is None:
            case = Case(key=origin.case_key, treatment=intern(origin.treatment), insured=self.code)
        if not case.institution:
            case.institution, case.visit = intern(body.institution), body.visit
            case.batch, case.person_no = intern(body.batch), body.person_no
            case.insutype, case.med_type = intern(body.insutype), intern(body.med_type)
        return case

    def _reject(
        self,
        envelope: Envelope,
        case: Case,
        code: ErrorCode,
        now: Instant,
        digest: bytes = b"",
    ) -> list[Envelope]:
        """Refuse for good: the key is used up, no money has moved."""
        self.state.cases[case.key] = case
        if may("insured", case, REJECTED):
            advance("insured", case, REJECTED)
            case.reason, case.request_digest = code, digest
        return self.refuse(envelope, code, now)

    def _computed(self, envelope: Envelope, body: SettlementRequest) -> Computed | ErrorCode:
        """Every check of the insured region, then the benefit computation (a pure function)."""
        person = self.state.persons.get(body.person_no)
        if person is None or person.insutype != body.insutype:
            return ErrorCode.E_PERSON_UNKNOWN
        if body.certificate_no and body.certificate_no != person.certificate_no:
            return ErrorCode.E_PERSON_MISMATCH
        treatment, basis = envelope.origin.treatment, encode(person)
        known = self._computations.get(envelope.origin.case_key)
        if known is not None and (known.request, known.treatment, known.basis) != (
            envelope.body, treatment, basis,
        ):  # fmt: skip
            known = None
        last = day_of(Instant(body.end))
        if known is None and person.is_suspended(last):
            return ErrorCode.E_INSURANCE_SUSPENDED
        unit = self.state.units.get(unit_key(body.institution, body.visit, body.batch))
        if unit is not None and unit.total_fen != body.total_fen:
            return ErrorCode.E_TOTAL_MISMATCH
        if known is not None:
            return known
        computed = self._split(body, person, treatment, last)
        if isinstance(computed, ErrorCode):
            return computed
        result, change = computed
        return Computed(envelope.body, treatment, basis, result, encode(result), change, last[:4])

    def _split(
        self, body: SettlementRequest, person: Person, treatment: str, last: str
    ) -> tuple[SettlementResult, YearToDate] | ErrorCode:
        """What a claim that ends on day `last` comes to, and what it adds to the year."""
        chronic = person.chronic_problem(body.med_type, body.disease)
        if chronic is not None:
            return chronic
        first = last if body.begin == body.end else day_of(Instant(body.begin))
        visit = Attendance(
            self.config.policy_region, treatment, body.insutype, body.med_type, body.emergency,
            first, last,
        )  # fmt: skip
        filing, why = counting(person.filings, self.book, visit)
        claim = Claim(
            insured=self.config.policy_region,
            treatment=treatment,
            insutype=body.insutype,
            psn_type=person.psn_type,
            med_type=body.med_type,
            hosp_lv=body.level,
            setl_date=last,
            total_fen=body.total_fen,
            full_self_fen=body.full_self_fen,
            over_limit_fen=body.over_limit_fen,
            prepay_fen=body.prepay_fen,
            filing=filing,
            account_used=body.account_used,
            balance_fen=person.balance_fen,
            assistance=person.assistance or None,
            ytd=person.years.get(last[:4]) or _NEW_YEAR,
            dise_codg=body.disease,
        )
        split = compute(claim, self.book)
        if isinstance(split, ErrorCode):
            return why if split == ErrorCode.E_NO_FILING else split
        return _result(body, person, split, filing), accumulator_change(claim, split)

    def _final(self, case: Case, computed: Computed) -> SettlementResult:
        """Give the settlement its id, and say so if it is not what the patient agreed to."""
        state, result = self.state, computed.result
        if computed.told:
            return result
        differs = ""
        if case.pre_answer and computed.answer != case.pre_answer:
            differs = _difference(case.pre_answer, result)
        state.settled += 1
        return msgspec.structs.replace(
            result, settlement_id=f"S{self.code}{state.settled:013d}", differs=differs
        )

    def _book(
        self, envelope: Envelope, case: Case, result: SettlementResult, computed: Computed
    ) -> None:
        advance("insured", case, SETTLED)
        case.answer, case.pre_answer = encode(result), b""
        case.digest = sha256(case.answer).digest()[:16]
        case.settlement_id = result.settlement_id
        case.total_fen, case.fund_fen, case.funds = result.total_fen, result.fund_fen, result.funds
        case.account_fen, case.cash_fen = result.account_fen, result.cash_fen
        case.hospital_fen = result.hospital_fen
        case.day = intern(envelope.stamp.day) if envelope.stamp is not None else ""
        self._computations.pop(case.key, None)
        case.change, case.benefit_year = computed.change, computed.year
        person = self.state.persons[case.person_no]
        year = computed.year
        person.years[year] = person.years.get(year, _NEW_YEAR).plus(computed.change)
        person.balance_fen -= result.account_fen
        place = unit_key(case.institution, case.visit, case.batch)
        self.state.live_units[place] = case.key
        self.state.units.pop(place, None)
        self.ledger.post(case.key, PostingKind.SETTLE, self.legs(case, -1))
        self.books.note_settled(case, stamped_by(envelope))

    def legs(self, case: Case, sign: int) -> list[tuple[str, int]]:
        """Funds and account against what is owed to the treatment region; sign -1 pays."""
        counterparty = f"payable:{case.treatment}:{case.insutype}"
        return settlement_legs(case.funds, case.account_fen, counterparty, sign)


_NEW_YEAR = YearToDate()


def _closed(case: Case) -> ErrorCode:
    """Why a case takes no further settlement."""
    if case.state == REVERSED:
        return ErrorCode.E_REVERSED
    if case.state == REJECTED:
        return ErrorCode(case.reason) if case.reason else ErrorCode.E_REVERSED
    return ErrorCode.E_ALREADY_SETTLED if case.state != NEW else ErrorCode.E_BUSY


def _result(body: SettlementRequest, person: Person, split: Split, filing: str) -> SettlementResult:
    return SettlementResult(
        institution=body.institution,
        visit=body.visit,
        batch=body.batch,
        person_no=body.person_no,
        insutype=body.insutype,
        psn_type=person.psn_type,
        med_type=body.med_type,
        settlement_id="",
        total_fen=split.total_fen,
        in_scope_fen=split.inscp_fen,
        deductible_fen=split.deductible_fen,
        ratio_bp=split.ratio_bp,
        funds=[FundPay(fund, fen) for fund, fen in split.funds],
        fund_fen=split.fund_fen,
        account_fen=split.account_fen,
        cash_fen=split.cash_fen,
        hospital_fen=split.hospital_fen,
        balance_fen=person.balance_fen - split.account_fen,
        filing=filing,
    )


def _difference(pre_answer: bytes, result: SettlementResult) -> str:
    """Why a settlement is not what was pre-settled (INV-14)."""
    agreed = msgspec.msgpack.decode(pre_answer, type=SettlementResult)
    if agreed.total_fen != result.total_fen:
        return f"the bill changed: {agreed.total_fen} -> {result.total_fen} fen"
    if agreed.filing != result.filing:
        return f"the filing changed: {agreed.filing} -> {result.filing}"
    return f"the person's year moved on: fund {agreed.fund_fen} -> {result.fund_fen} fen"
