"""The messages of one case, out of a journal."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.judging.harness import CASE_ID, HOSPITAL, PATIENT, Stage, small_world
from yidi.protocol import messages as m
from yidi.protocol import transactions as t
from yidi.protocol.errors import ErrorCode, ScenarioError
from yidi.scenarios.judging.chain import Mark, read_chain
from yidi.scenarios.judging.chain_find import read_visits

VISIT = "V2026030200001"


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle with one ordinary visit."""
    stage = Stage()
    stage.visit()
    return stage.write(tmp_path_factory.mktemp("plain"))


@pytest.fixture(scope="module")
def doubtful(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle with a visit whose settlement's answer was lost three times."""
    stage = Stage()
    stage.file()
    stage.lost.add((t.OUTPATIENT_SETTLEMENT, 1, "treatment:310000"))
    stage.visit()
    stage.wait(120)
    return stage.write(tmp_path_factory.mktemp("doubtful"))


def test_a_settlement_is_six_hops_there_and_back(plain: Path):
    """Counter, treatment region, hub, insured region, and the same way back to the counter."""
    hops = [h for h in read_chain(plain, CASE_ID).hops if h.transaction == "2207"]
    ways = [(h.sender.partition(":")[0], h.recipient.partition(":")[0]) for h in hops]
    there = [("institution", "treatment"), ("treatment", "hub"), ("hub", "insured")]
    assert ways == [*there, *[(b, a) for a, b in reversed(there)]]
    assert [h.outside for h in hops] == [False] * 5 + [True]


def test_every_answer_names_its_request(plain: Path):
    """Each answer points at the request that went the other way on the same leg."""
    hops = read_chain(plain, CASE_ID).hops
    for hop in hops:
        if hop.kind != 0:
            asked = hops[hop.request]
            assert (asked.sender, asked.recipient) == (hop.recipient, hop.sender)
            assert asked.origin.message_id == hop.origin.correlation_id


def test_the_hub_stamps_the_day_on_what_it_relays(plain: Path):
    """No day before the hub, the accounting day after it."""
    hops = read_chain(plain, CASE_ID).hops
    relayed = {h.day for h in hops if h.sender.startswith("hub:")}
    before = {h.day for h in hops if h.sender.startswith(("institution:", "insured:"))}
    assert (relayed, before) == ({"2026-03-02"}, {""})


@pytest.mark.parametrize("kind", ["case id", "visit", "person", "key", "message", "settlement"])
def test_a_case_is_found_by_any_of_its_names(plain: Path, kind: str):
    """Case id, visit, person, case key, message id and settlement id lead to the same messages."""
    whole = read_chain(plain, CASE_ID)
    last = whole.hops[-1]
    assert isinstance(last.body, m.SettlementResult)
    names = {
        "case id": CASE_ID, "visit": VISIT, "person": PATIENT, "key": last.origin.case_key,
        "message": last.origin.correlation_id, "settlement": last.body.settlement_id,
    }  # fmt: skip
    found = read_chain(plain, names[kind])
    assert [h.lsn for h in found.hops] == [h.lsn for h in whole.hops]


def test_an_unknown_case_is_refused_with_the_nearest_name(plain: Path):
    """A misspelt case is `E_CASE_UNKNOWN` with a did-you-mean."""
    with pytest.raises(ScenarioError) as caught:
        read_chain(plain, "huaibei-vist")
    assert caught.value.code is ErrorCode.E_CASE_UNKNOWN
    assert CASE_ID in caught.value.at


def test_what_was_lost_is_there_and_marked(doubtful: Path):
    """An answer that the hub relayed and nobody got is a hop, marked lost."""
    lost = [h for h in read_chain(doubtful, CASE_ID).hops if h.mark is Mark.LOST]
    assert {(h.sender, h.recipient, h.transaction) for h in lost} == {
        ("hub:yrd", "treatment:310000", "2207")
    }
    assert len(lost) == 3


def test_resends_and_repeated_answers_are_marked(doubtful: Path):
    """The same request again is a resend; the first answer again is repeated, not a new one."""
    hops = [h for h in read_chain(doubtful, CASE_ID).hops if h.transaction == "2207"]
    asked = [h.mark for h in hops if h.recipient == "insured:340600"]
    told = [h.mark for h in hops if h.sender == "insured:340600"]
    assert asked == [Mark.FIRST, Mark.RESEND, Mark.RESEND]
    assert told == [Mark.FIRST, Mark.REPEATED, Mark.REPEATED]


def test_deadlines_that_fired_for_the_case_are_hops(doubtful: Path):
    """Two resends, then the time-out that asks 5203; nobody else's deadlines are here."""
    fired = [h.causes for h in read_chain(doubtful, CASE_ID).hops if h.origin is None]
    assert fired == [("2207",), ("2207",), ("5203",)]


def test_the_filing_before_it_belongs_to_the_case(doubtful: Path):
    """The person's filing and its uploads to the hubs come before the visit."""
    first = [h.transaction for h in read_chain(doubtful, CASE_ID).hops[:3]]
    assert first == ["F10", "F20", "F20"]


def test_other_peoples_messages_stay_out(tmp_path: Path):
    """Two visits of one person at one hospital have no message in common."""
    stage = Stage()
    stage.visit(visit="V2026030200001")
    stage.wait(3 * 86_400)
    stage.visit(visit="V2026030500001")
    bundle = stage.write(tmp_path)
    first, second = (read_chain(bundle, f"V202603{day}00001").hops for day in ("02", "05"))
    assert not {h.lsn for h in first} & {h.lsn for h in second}


def test_without_the_world_only_arrivals_are_shown(plain: Path, tmp_path: Path):
    """A bundle that cannot be folded gives what arrived, and says that it is not all."""
    for name in ("journal.bin", "cases.jsonl"):
        (tmp_path / name).write_bytes((plain / name).read_bytes())
    chain = read_chain(tmp_path, CASE_ID)
    assert not chain.folded
    assert not any(h.outside for h in chain.hops)


def test_a_visit_paid_in_full_has_messages_too(tmp_path: Path):
    """What is in manual.jsonl only is found by its case id, refusal included."""
    stage = Stage(small_world())
    request = m.SettlementRequest(
        institution=HOSPITAL, visit=VISIT, batch="B1", person_no=PATIENT, insutype="310",
        med_type="14", total_fen=100, begin=stage.now, end=stage.now,
    )  # fmt: skip
    stage.ask(t.OUTPATIENT_PRE_SETTLEMENT, request)
    bundle = stage.write(tmp_path)
    row = f'{{"institution":"{HOSPITAL}","visit":"{VISIT}","case_id":"refused"}}\n'
    (bundle / "manual.jsonl").write_text(row, "utf-8")
    assert [r.state for r in read_visits(bundle)] == ["MANUAL"]
    last = read_chain(bundle, "refused").hops[-1]
    assert isinstance(last.body, m.Rejection)
    assert last.body.code == "E_BUSINESS_NOT_OPENED"
