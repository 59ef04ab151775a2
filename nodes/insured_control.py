"""A tester's changes to the persons of an insured region: somebody new, somebody as before.

A person that is reset has balance, accumulators, status and filings of the start; what was
settled stays settled, but no longer counts towards the year, so undoing it later takes nothing
off accumulators that do not have it any more.
"""

from __future__ import annotations

from yidi.nodes.filing import Filing, end_of_validity
from yidi.nodes.filing_desk import CATEGORIES
from yidi.nodes.insured_region import InsuredRegion, Person
from yidi.protocol.envelope import Envelope
from yidi.protocol.errors import ErrorCode
from yidi.protocol.instants import Instant, day_of
from yidi.protocol.messages_control import NewPerson


def problem_of(region: InsuredRegion, body: NewPerson) -> ErrorCode | None:
    """Why a person cannot be added; the same person again is no problem."""
    known = region.state.persons.get(body.person_no)
    if known is not None and known.certificate_no != body.certificate_no:
        return ErrorCode.E_KEY_REUSED
    if any(
        one.certificate_no == body.certificate_no and one.person_no != body.person_no
        for one in region.state.persons.values()
    ):
        return ErrorCode.E_KEY_REUSED
    if body.filed and body.category not in CATEGORIES:
        return ErrorCode.E_CODE
    return None


def add_person(region: InsuredRegion, body: NewPerson, now: Instant) -> list[Envelope]:
    """Enrol a person, or one that was added before anew, and tell the hubs of the filing."""
    region.state.persons[body.person_no] = person = Person(
        person_no=body.person_no,
        name=body.name,
        certificate_no=body.certificate_no,
        sex=body.sex,
        birth=body.birth,
        insutype=body.insutype,
        psn_type=body.psn_type,
        balance_fen=body.balance_fen,
        partition_key=body.partition_key,
    )
    region.questions.forget_certificates()
    if not body.filed:
        return []
    region.state.sequence += 1
    first = day_of(now)
    filing = Filing(
        filing_id=f"F{region.code}{region.state.sequence:08d}",
        insutype=body.insutype,
        category=body.category,
        area=body.filed,
        valid_from=first,
        valid_to=end_of_validity(body.category, first, ""),
        status="effective",
        submitted_at=now,
    )
    person.filings.append(filing)
    region.state.filing_owners[filing.filing_id] = body.person_no
    return region.desk.upload(body.person_no, filing, now)


def withdraw_filings(region: InsuredRegion, person_no: str, now: Instant) -> list[Envelope]:
    """Tell the hubs that a person's filings no longer stand."""
    outputs: list[Envelope] = []
    for filing in region.state.persons[person_no].filings:
        filing.status, filing.withdrawn_from = "withdrawn", filing.valid_from
        outputs += region.desk.upload(person_no, filing, now)
    return outputs


def put_back(region: InsuredRegion, start: Person, now: Instant) -> list[Envelope]:
    """A person as the scenario set them up, filings included."""
    outputs = withdraw_filings(region, start.person_no, now)
    region.state.persons[start.person_no] = start
    for filing in start.filings:
        outputs += region.desk.upload(start.person_no, filing, now)
    return outputs


def uncount(region: InsuredRegion, person_no: str) -> None:
    """What a person has settled no longer counts towards a year."""
    for case in region.state.cases.values():
        if case.person_no == person_no:
            case.change = None
