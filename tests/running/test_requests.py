from __future__ import annotations

import typing

import msgspec
import pytest

from yidi.protocol.bodies import body_type
from yidi.protocol.instants import Instant, local_text, start_of_day
from yidi.scenarios.library.cases import Case, Fields, Item, Step, StepWord
from yidi.scenarios.running.people import Insured
from yidi.scenarios.running.requests import Story, request_of

NOON = Instant(start_of_day("2026-03-02") + 12 * 3_600_000_000)
PERSON = Insured(
    psn_no="340600000000509415", certno="C", name="林测试", region="340600", insutype="310",
    psn_type="1101", birth="1980-05-01", sex="2", household="340600000000509415",
)  # fmt: skip
WORDS = [word for word in typing.get_args(StepWord) if word != "pay_in_full"]
RICH = Fields(
    amount="100.00", category="long_stay", area="310000", decision="approve", direction="deduct"
)


def story(*steps):
    """A case of these steps, at its beginning."""
    case = Case(id="visit-1", person="lin", institution="H31010100001", step=steps)
    return Story(case, PERSON, "310000", NOON)


def made(fields=RICH, *, do="fee_upload", told=None, now=NOON):
    """The request of one step."""
    return request_of(told or story(), Step(do=do), fields, now)


@pytest.mark.parametrize("word", WORDS)
def test_every_word_makes_the_body_of_its_transaction(word):
    """Each word of a step becomes the request body that the catalogue has for its number."""
    request = made(do=word)
    assert type(request.body) is body_type(request.transaction, 0)
    assert (
        msgspec.msgpack.decode(msgspec.msgpack.encode(request.body), type=type(request.body))
        == request.body
    )


@pytest.mark.parametrize(
    ("word", "sender", "recipient"),
    [
        ("settlement", "institution:H31010100001", "treatment:310000"),
        ("filing", "person:340600000000509415", "insured:340600"),
        ("filing_decision", "operator:340600", "insured:340600"),
        ("suspend_insurance", "operator:340600", "insured:340600"),
        ("adjustment", "operator:310000", "treatment:310000"),
        ("referral_filing", "institution:H34060000001", "insured:340600"),
    ],
)
def test_who_speaks_to_whom(word, sender, recipient):
    """The counter speaks to its region, person and operators to the person's own."""
    request = made(do=word)
    assert (request.sender, request.recipient) == (sender, recipient)


@pytest.mark.parametrize(
    ("med_type", "codes"),
    [("11", ["2204", "2206", "2207", "2208"]), ("21", ["2301", "2303", "2304", "2305"]),
     ("41", ["2204", "2101", "2102", "2103"])],
)  # fmt: skip
def test_numbers_follow_the_kind_of_visit(med_type, codes):
    """Outpatient, inpatient and pharmacy have numbers of their own for the same word."""
    words = ["fee_upload", "pre_settlement", "settlement", "cancellation"]
    fields = Fields(med_type=med_type, amount="1.00")
    assert [made(fields, do=word).transaction for word in words] == codes


def test_what_is_said_once_holds_on():
    """Visit type, batch, disease and markers of one step are taken over by the next."""
    told = story()
    first = Fields(med_type="14", batch="B7", disease="M03900", account_used=True, amount="5.00")
    made(first, told=told)
    told.totals["B7"] = 500
    claim = made(Fields(), do="settlement", told=told).body
    assert (claim.med_type, claim.batch, claim.disease) == ("14", "B7", "M03900")
    assert (claim.account_used, claim.total_fen) == (True, 500)


def test_line_numbers_never_repeat():
    """Lines of several uploads of one visit go on counting."""
    told, item = story(), Item(code="X", name="x", count=2, price_fen=155)
    first = made(Fields(items=(item, item)), told=told).body.lines
    second = made(Fields(items=(item,)), told=told).body.lines
    assert [line.line_no for line in [*first, *second]] == [1, 2, 3]
    assert first[0].amount_fen == 310


def test_a_single_amount_is_split_as_the_step_says():
    """`amount` with its parts becomes one line that carries its own split."""
    fields = Fields(amount="100.00", full_self_pay="10.00", over_limit="5", self_pay_first="2.50")
    line = made(fields).body.lines[0]
    assert (line.full_self_fen, line.over_limit_fen, line.prepay_fen) == (1_000, 500, 250)
    assert line.in_scope_fen == 8_250


def test_a_named_day_is_that_day():
    """`day` stands for ten in the morning of that day, whatever the clock says."""
    told = story()
    made(Fields(med_type="21"), do="admission", told=told)
    end = made(Fields(day="2026-03-05"), do="discharge", told=told).body.end
    assert local_text(end) == "2026-03-05 10:00:00"
    assert made(Fields(), do="settlement", told=told).body.end == end


def test_a_filing_that_is_decided_later_is_no_commitment():
    """Where an operator decides in the same story, the filing waits for it."""
    assert made(do="filing").body.commitment
    later = story(Step(do="filing"), Step(do="filing_decision"))
    assert not made(do="filing", told=later).body.commitment
